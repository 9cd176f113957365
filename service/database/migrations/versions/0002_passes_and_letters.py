"""Passes and letters

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from service.database.tenancy import protect

revision = "0002"
down_revision = "0001"


CASE_DATA = (
    "letter_settings",
    "print_batch",
    "letter",
    "leisure_pass",
    "pass_entry",
    "pass_letter",
    "ended_notice",
    "private_code",
)

LEDGER = """
CREATE FUNCTION balance_passes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_catalog, pg_temp AS $$
BEGIN
    UPDATE leisure_pass p SET remaining_ore = p.remaining_ore + e.membership,
        equipment_remaining_ore = p.equipment_remaining_ore + e.equipment
    FROM (
        SELECT tenant_id, pass_id,
            coalesce(sum(amount_ore) FILTER (WHERE fund = 'membership'), 0) AS membership,
            coalesce(sum(amount_ore) FILTER (WHERE fund = 'equipment'), 0) AS equipment
        FROM entered GROUP BY tenant_id, pass_id
    ) AS e
    WHERE p.tenant_id = e.tenant_id AND p.id = e.pass_id;
    RETURN NULL;
END $$;

CREATE TRIGGER balance AFTER INSERT ON pass_entry REFERENCING NEW TABLE AS entered
FOR EACH STATEMENT EXECUTE FUNCTION balance_passes();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON pass_entry FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON pass_entry EXECUTE FUNCTION refuse_change();
"""

TRANSITIONS = """
CREATE FUNCTION refuse_other_transitions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.state <> new.state AND NOT old.state || ' ' || new.state = ANY (tg_argv) THEN
        RAISE EXCEPTION '% cannot go from % to %', tg_table_name, old.state, new.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER transitions BEFORE UPDATE OF state ON letter FOR EACH ROW EXECUTE FUNCTION refuse_other_transitions(
    'queued batched', 'queued held_back', 'queued cancelled', 'held_back queued', 'held_back batched',
    'held_back cancelled', 'batched handed_over', 'handed_over returned'
);
CREATE TRIGGER transitions BEFORE UPDATE OF state ON leisure_pass FOR EACH ROW
EXECUTE FUNCTION refuse_other_transitions('live replaced', 'live revoked');
"""

SECRETS = """
CREATE FUNCTION directory.keep_secrets(a_kind text, hashes bytea[], subjects uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO directory.secret (hash, kind, tenant_id, subject_id)
    SELECT kept.hash, a_kind, nullif(current_setting('app.tenant', true), '')::uuid, kept.subject
    FROM unnest(hashes, subjects) AS kept (hash, subject);
END;

CREATE FUNCTION directory.find_secret(a_kind text, a_hash bytea) RETURNS TABLE (tenant_id uuid, subject_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT secret.tenant_id, secret.subject_id FROM directory.secret
    WHERE secret.kind = a_kind AND secret.hash = a_hash;
END;

REVOKE EXECUTE ON FUNCTION directory.keep_secrets, directory.find_secret FROM PUBLIC;
"""

# What the ledger alone may write is not granted.
PASS_COLUMNS = (
    "tenant_id, id, number_hash, number_cipher, person_id, scheme_id, determination_id, valid_from, valid_to, amount_ore, "
    "equipment_ore, state, issued_at, issued_because, ended_at, ended_because, replaces_id"
)


def upgrade() -> None:
    op.create_table(
        "secret",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"], name=op.f("fk_secret_tenant_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_secret")),
        schema="directory",
    )
    op.create_table(
        "print_batch",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_print_batch")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_print_batch_tenant_id_number")),
    )
    op.create_table(
        "letter",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("child_id", sa.Uuid(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("held_because", sa.String(), nullable=True),
        sa.Column("address", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_because", sa.String(), nullable=True),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(batch_id is null) = (state in ('queued', 'held_back', 'cancelled'))",
            name=op.f("ck_letter_batched"),
        ),
        sa.CheckConstraint("kind in ('pass', 'ended')", name=op.f("ck_letter_kind")),
        sa.CheckConstraint(
            "state in ('queued', 'held_back', 'batched', 'handed_over', 'returned', 'cancelled')",
            name=op.f("ck_letter_state"),
        ),
        sa.CheckConstraint("(batch_id is null) = (content is null)", name=op.f("ck_letter_content")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_id"],
            ["print_batch.tenant_id", "print_batch.id"],
            name=op.f("fk_letter_tenant_id_batch_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "household_id"],
            ["household.tenant_id", "household.id"],
            name=op.f("fk_letter_tenant_id_household_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "replaces_id"],
            ["letter.tenant_id", "letter.id"],
            name=op.f("fk_letter_tenant_id_replaces_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_letter")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_letter_tenant_id_number")),
    )
    op.create_index(op.f("ix_letter_tenant_id_batch_id"), "letter", ["tenant_id", "batch_id"], unique=False)
    op.create_index(
        op.f("ix_letter_tenant_id_household_id"), "letter", ["tenant_id", "household_id"], unique=False
    )
    op.create_index(op.f("ix_letter_tenant_id_state"), "letter", ["tenant_id", "state"], unique=False)
    op.create_table(
        "letter_settings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["directory.tenant.id"], name=op.f("fk_letter_settings_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_letter_settings")),
    )
    op.create_table(
        "private_code",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "letter_id"],
            ["letter.tenant_id", "letter.id"],
            name=op.f("fk_private_code_tenant_id_letter_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_private_code")),
        sa.UniqueConstraint("tenant_id", "code_hash", name=op.f("uq_private_code_tenant_id_code_hash")),
    )
    op.create_index(
        op.f("ix_private_code_tenant_id_letter_id"),
        "private_code",
        ["tenant_id", "letter_id"],
        unique=False,
    )
    op.create_table(
        "leisure_pass",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("number_hash", sa.LargeBinary(), nullable=False),
        sa.Column("number_cipher", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("determination_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("amount_ore", sa.BigInteger(), nullable=False),
        sa.Column("equipment_ore", sa.BigInteger(), nullable=False),
        sa.Column("remaining_ore", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("equipment_remaining_ore", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_because", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.String(), nullable=True),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(state = 'live') = (ended_at is null)", name=op.f("ck_leisure_pass_ended")),
        sa.CheckConstraint("state in ('live', 'replaced', 'revoked')", name=op.f("ck_leisure_pass_state")),
        sa.CheckConstraint(
            "remaining_ore >= 0 and equipment_remaining_ore >= 0", name=op.f("ck_leisure_pass_balance")
        ),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_leisure_pass_validity")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "determination_id"],
            ["determination.tenant_id", "determination.id"],
            name=op.f("fk_leisure_pass_tenant_id_determination_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_leisure_pass_tenant_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "replaces_id"],
            ["leisure_pass.tenant_id", "leisure_pass.id"],
            name=op.f("fk_leisure_pass_tenant_id_replaces_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "scheme_id"],
            ["scheme.tenant_id", "scheme.id"],
            name=op.f("fk_leisure_pass_tenant_id_scheme_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_leisure_pass")),
        sa.UniqueConstraint("tenant_id", "number_hash", name=op.f("uq_leisure_pass_tenant_id_number_hash")),
    )
    op.create_index(
        op.f("ix_leisure_pass_tenant_id_person_id"), "leisure_pass", ["tenant_id", "person_id"], unique=False
    )
    op.create_index(
        "uq_leisure_pass_live",
        "leisure_pass",
        ["tenant_id", "scheme_id", "valid_from", "person_id"],
        unique=True,
        postgresql_where=sa.text("state = 'live'"),
    )
    op.create_table(
        "ended_notice",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("pass_id", sa.Uuid(), nullable=False),
        sa.Column("determination_id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "letter_id"],
            ["letter.tenant_id", "letter.id"],
            name=op.f("fk_ended_notice_tenant_id_letter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "pass_id"],
            ["leisure_pass.tenant_id", "leisure_pass.id"],
            name=op.f("fk_ended_notice_tenant_id_pass_id"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "scheme_id", "period_start", "person_id", name=op.f("pk_ended_notice")
        ),
    )
    op.create_index(
        op.f("ix_ended_notice_tenant_id_letter_id"), "ended_notice", ["tenant_id", "letter_id"], unique=False
    )
    op.create_table(
        "pass_entry",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("pass_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("fund", sa.String(), nullable=False),
        sa.Column("amount_ore", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("fund in ('membership', 'equipment')", name=op.f("ck_pass_entry_fund")),
        sa.CheckConstraint(
            "kind in ('grant', 'reserve', 'settle', 'release', 'adjust', 'reverse', 'transfer')",
            name=op.f("ck_pass_entry_kind"),
        ),
        sa.CheckConstraint("amount_ore <> 0", name=op.f("ck_pass_entry_amount")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "pass_id"],
            ["leisure_pass.tenant_id", "leisure_pass.id"],
            name=op.f("fk_pass_entry_tenant_id_pass_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_pass_entry")),
    )
    op.create_index(
        op.f("ix_pass_entry_tenant_id_pass_id"), "pass_entry", ["tenant_id", "pass_id"], unique=False
    )
    op.create_table(
        "pass_letter",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("pass_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "letter_id"],
            ["letter.tenant_id", "letter.id"],
            name=op.f("fk_pass_letter_tenant_id_letter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "pass_id"],
            ["leisure_pass.tenant_id", "leisure_pass.id"],
            name=op.f("fk_pass_letter_tenant_id_pass_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "letter_id", "pass_id", name=op.f("pk_pass_letter")),
    )
    op.create_index(
        op.f("ix_pass_letter_tenant_id_pass_id"), "pass_letter", ["tenant_id", "pass_id"], unique=False
    )
    for table in CASE_DATA:
        for statement in protect(table):
            op.execute(statement)
    op.execute(LEDGER)
    op.execute(TRANSITIONS)
    op.execute(SECRETS)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON {", ".join(CASE_DATA)} TO "{app}"')
    op.execute(f'REVOKE UPDATE, DELETE ON pass_entry FROM "{app}"')
    op.execute(f'REVOKE INSERT, UPDATE, DELETE ON leisure_pass FROM "{app}"')
    op.execute(f'GRANT INSERT ({PASS_COLUMNS}), UPDATE (state, ended_at, ended_because) ON leisure_pass TO "{app}"')
    op.execute(f'GRANT EXECUTE ON FUNCTION directory.keep_secrets, directory.find_secret TO "{app}"')
