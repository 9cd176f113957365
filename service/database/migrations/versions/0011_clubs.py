"""Clubs: what they offer, the accounts their money goes to, their applications, and what the registers say of them

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from service.database.tenancy import protect

revision = "0011"
down_revision = "0010"

TABLES = (
    "club",
    "club_past_contact",
    "club_activity",
    "club_payee",
    "club_application",
    "club_register_entry",
    "club_agreement",
    "club_settings",
)

# What was decided about an account is not decided again: who looks later for where money went must be able to trust it.
DECIDED_ONCE = """
CREATE FUNCTION refuse_second_decision() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF old.decided_at IS NOT NULL AND (old.decided_at, old.decided_by, old.decided_because, old.usable_from)
        IS DISTINCT FROM (new.decided_at, new.decided_by, new.decided_because, new.usable_from)
        OR old.ended_at IS NOT NULL AND old.ended_at IS DISTINCT FROM new.ended_at THEN
        RAISE EXCEPTION 'what was decided about a club''s account does not change' USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER decided_once BEFORE UPDATE ON club_payee FOR EACH ROW EXECUTE FUNCTION refuse_second_decision();
"""

TRANSITIONS = """
CREATE TRIGGER transitions BEFORE UPDATE OF state ON club FOR EACH ROW
EXECUTE FUNCTION refuse_other_transitions('approved suspended', 'suspended approved', 'approved ended', 'suspended ended');
CREATE TRIGGER transitions BEFORE UPDATE OF state ON club_payee FOR EACH ROW EXECUTE FUNCTION refuse_other_transitions(
    'proposed approved', 'proposed rejected', 'proposed withdrawn', 'approved replaced', 'approved stopped'
);
CREATE TRIGGER transitions BEFORE UPDATE OF state ON club_application FOR EACH ROW
EXECUTE FUNCTION refuse_other_transitions('waiting approved', 'waiting rejected');
"""

# Clubs that stood before this slice did were added by staff, hence approved.
TAKE_OVER = """
INSERT INTO club (tenant_id, id, number, name, state, approved_at, ended_at, changed_at)
SELECT tenant_id, id, number, name, CASE WHEN ended_at IS NULL THEN 'approved' ELSE 'ended' END, created_at, ended_at,
    coalesce(ended_at, created_at)
FROM directory.organisation WHERE kind = 'club'
"""

FUNCTIONS = """
CREATE FUNCTION directory.rename_organisation(an_id uuid, a_name text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH renamed AS (
        UPDATE directory.organisation SET name = a_name
        WHERE id = an_id AND tenant_id = directory.acting() AND ended_at IS NULL RETURNING 1
    ) SELECT count(*) > 0 FROM renamed;
END;

REVOKE EXECUTE ON FUNCTION directory.rename_organisation(uuid, text) FROM PUBLIC;
"""


def upgrade() -> None:
    _club()
    _activity()
    _payee()
    _application()
    _register_and_settings()
    op.get_bind().exec_driver_sql(TAKE_OVER)
    for table in TABLES:
        for statement in protect(table):
            op.execute(statement)
    for statements in (DECIDED_ONCE, TRANSITIONS, FUNCTIONS):
        op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT EXECUTE ON FUNCTION directory.rename_organisation(uuid, text) TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT ON club, club_activity, club_payee, club_application, club_agreement TO "{app}"')
    for table, columns in (
        (
            "club",
            "name, state, contact_name, contact_email, contact_phone, members, agreement_version,"
            " agreement_accepted_at, agreement_accepted_by, suspended_because, ended_at, changed_at",
        ),
        ("club_activity", "name, kind, min_age, max_age, season_start, season_end, fee_ore, ended_at"),
        ("club_payee", "state, decided_at, decided_by, decided_because, usable_from, ended_at"),
        (
            "club_application",
            "state, decided_at, decided_by, decided_because, club_id, contact_name, contact_email, contact_phone,"
            " account, anonymised_at",
        ),
    ):
        op.execute(f'GRANT UPDATE ({columns}) ON {table} TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, DELETE ON club_past_contact TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON club_register_entry TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE ON club_settings TO "{app}"')


def _club() -> None:
    op.create_table(
        "club",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("contact_name", sa.String(), nullable=True),
        sa.Column("contact_email", sa.String(), nullable=True),
        sa.Column("contact_phone", sa.String(), nullable=True),
        sa.Column("members", sa.Integer(), nullable=True),
        sa.Column("agreement_version", sa.Integer(), nullable=True),
        sa.Column("agreement_accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agreement_accepted_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("suspended_because", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('approved', 'suspended', 'ended')", name=op.f("ck_club_state")),
        sa.CheckConstraint("(state = 'ended') = (ended_at is not null)", name=op.f("ck_club_ended")),
        sa.CheckConstraint("state <> 'suspended' or suspended_because <> ''", name=op.f("ck_club_suspended")),
        sa.CheckConstraint(
            "(agreement_version is null) = (agreement_accepted_at is null)", name=op.f("ck_club_agreement")
        ),
        sa.CheckConstraint("members >= 0", name=op.f("ck_club_members")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"],
            ["directory.organisation.tenant_id", "directory.organisation.id"],
            name=op.f("fk_club_tenant_id_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_club")),
    )
    op.create_index(
        "uq_club_number",
        "club",
        ["tenant_id", "number"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_table(
        "club_past_contact",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "club_id"],
            ["club.tenant_id", "club.id"],
            name=op.f("fk_club_past_contact_tenant_id_club_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_club_past_contact")),
    )
    op.create_index(op.f("ix_club_past_contact_tenant_id_club_id"), "club_past_contact", ["tenant_id", "club_id"])


def _activity() -> None:
    op.create_table(
        "club_activity",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("min_age", sa.Integer(), nullable=False),
        sa.Column("max_age", sa.Integer(), nullable=False),
        sa.Column("season_start", sa.Date(), nullable=False),
        sa.Column("season_end", sa.Date(), nullable=False),
        sa.Column("fee_ore", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind in ('athletics', 'badminton', 'basketball', 'boxing', 'chess', 'climbing', 'cycling', 'dance',"
            " 'e_sport', 'fitness', 'football', 'golf', 'gymnastics', 'handball', 'ice_hockey', 'martial_arts', 'music',"
            " 'riding', 'rowing', 'sailing', 'scouts', 'shooting', 'skating', 'skiing', 'swimming', 'table_tennis',"
            " 'tennis', 'theatre', 'volleyball', 'other')",
            name=op.f("ck_club_activity_kind"),
        ),
        sa.CheckConstraint("name <> ''", name=op.f("ck_club_activity_name")),
        sa.CheckConstraint("min_age >= 0 and max_age >= min_age", name=op.f("ck_club_activity_ages")),
        sa.CheckConstraint("season_end >= season_start", name=op.f("ck_club_activity_season")),
        sa.CheckConstraint("fee_ore >= 0", name=op.f("ck_club_activity_fee")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "club_id"],
            ["club.tenant_id", "club.id"],
            name=op.f("fk_club_activity_tenant_id_club_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_club_activity")),
    )
    op.create_index(op.f("ix_club_activity_tenant_id_club_id"), "club_activity", ["tenant_id", "club_id"])


def _payee() -> None:
    op.create_table(
        "club_payee",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("club_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("cost_centre", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_because", sa.String(), nullable=True),
        sa.Column("usable_from", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('account', 'nemkonto', 'cost_centre')", name=op.f("ck_club_payee_kind")),
        sa.CheckConstraint("(kind = 'account') = (account is not null)", name=op.f("ck_club_payee_account")),
        sa.CheckConstraint(
            "(kind = 'cost_centre') = (cost_centre is not null)", name=op.f("ck_club_payee_cost_centre")
        ),
        sa.CheckConstraint(
            "state in ('proposed', 'approved', 'rejected', 'replaced', 'stopped', 'withdrawn')",
            name=op.f("ck_club_payee_state"),
        ),
        sa.CheckConstraint(
            "(state in ('proposed', 'withdrawn')) = (decided_at is null)", name=op.f("ck_club_payee_decided")
        ),
        sa.CheckConstraint(
            "(state in ('approved', 'replaced', 'stopped')) = (usable_from is not null)",
            name=op.f("ck_club_payee_usable"),
        ),
        sa.CheckConstraint(
            "(state in ('proposed', 'approved')) = (ended_at is null)", name=op.f("ck_club_payee_ended")
        ),
        sa.CheckConstraint("state <> 'rejected' or decided_because <> ''", name=op.f("ck_club_payee_because")),
        sa.CheckConstraint(
            "usable_from is null or proposed_by is null or decided_by is distinct from proposed_by",
            name=op.f("ck_club_payee_two_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "club_id"],
            ["club.tenant_id", "club.id"],
            name=op.f("fk_club_payee_tenant_id_club_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_club_payee")),
    )
    op.create_index(op.f("ix_club_payee_tenant_id_club_id"), "club_payee", ["tenant_id", "club_id"])
    for state in ("proposed", "approved"):
        op.create_index(
            f"uq_club_payee_{state}",
            "club_payee",
            ["tenant_id", "club_id"],
            unique=True,
            postgresql_where=sa.text(f"state = '{state}'"),
        )


def _application() -> None:
    op.create_table(
        "club_application",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("contact_name", sa.String(), nullable=True),
        sa.Column("contact_email", sa.String(), nullable=True),
        sa.Column("contact_phone", sa.String(), nullable=True),
        sa.Column("members", sa.Integer(), nullable=True),
        sa.Column("activities", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("payee_kind", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("agreement_version", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_because", sa.String(), nullable=True),
        sa.Column("club_id", sa.Uuid(), nullable=True),
        sa.Column("anonymised_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('waiting', 'approved', 'rejected')", name=op.f("ck_club_application_state")),
        sa.CheckConstraint("payee_kind in ('account', 'nemkonto')", name=op.f("ck_club_application_payee_kind")),
        sa.CheckConstraint(
            "(payee_kind = 'account') = (account is not null) or anonymised_at is not null",
            name=op.f("ck_club_application_account"),
        ),
        sa.CheckConstraint("(state = 'waiting') = (decided_at is null)", name=op.f("ck_club_application_decided")),
        sa.CheckConstraint("(state = 'approved') = (club_id is not null)", name=op.f("ck_club_application_club")),
        sa.CheckConstraint("state <> 'rejected' or decided_because <> ''", name=op.f("ck_club_application_because")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "club_id"],
            ["club.tenant_id", "club.id"],
            name=op.f("fk_club_application_tenant_id_club_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_club_application")),
    )
    op.create_index(op.f("ix_club_application_tenant_id_state"), "club_application", ["tenant_id", "state"])
    op.create_index(op.f("ix_club_application_tenant_id_number"), "club_application", ["tenant_id", "number"])
    op.create_index(op.f("ix_club_application_tenant_id_club_id"), "club_application", ["tenant_id", "club_id"])


def _register_and_settings() -> None:
    op.create_table(
        "club_register_entry",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("said", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("looked_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "source in ('enhetsregisteret', 'frivillighetsregisteret', 'cvr')",
            name=op.f("ck_club_register_entry_source"),
        ),
        sa.CheckConstraint(
            "outcome in ('found', 'unknown', 'deleted', 'failed')", name=op.f("ck_club_register_entry_outcome")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "source", "number", name=op.f("pk_club_register_entry")),
    )
    op.create_table(
        "club_agreement",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("text <> ''", name=op.f("ck_club_agreement_text")),
        sa.CheckConstraint("version > 0", name=op.f("ck_club_agreement_version")),
        sa.PrimaryKeyConstraint("tenant_id", "version", name=op.f("pk_club_agreement")),
    )
    op.create_table(
        "club_settings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["directory.tenant.id"], name=op.f("fk_club_settings_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_club_settings")),
    )
