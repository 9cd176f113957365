"""Tenants, register and determinations

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from service.database.tenancy import protect

revision = "0001"
down_revision = None


CASE_DATA = (
    "audit_entry",
    "register_import",
    "rejected_row",
    "held_row",
    "person",
    "person_past",
    "household",
    "household_member",
    "household_member_past",
    "income",
    "income_past",
    "award",
    "award_past",
    "scheme",
    "parameter_version",
    "fact_set",
    "fact",
    "refresh_run",
    "determination",
)

DIRECTORY_FUNCTIONS = """
CREATE FUNCTION directory.add_tenant(
    a_kind text, a_code text, a_name text, a_country text, a_time_zone text, a_language text, at timestamptz
) RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO directory.tenant (kind, code, name, country, time_zone, language, created_at)
    VALUES (a_kind, a_code, a_name, a_country, a_time_zone, a_language, at)
    ON CONFLICT (kind, code) DO NOTHING RETURNING id;
END;

CREATE FUNCTION directory.find_tenant(a_kind text, a_code text) RETURNS SETOF directory.tenant
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT * FROM directory.tenant WHERE kind = a_kind AND code = a_code;
END;

CREATE FUNCTION directory.list_tenants() RETURNS SETOF directory.tenant
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT * FROM directory.tenant ORDER BY kind, code;
END;

CREATE FUNCTION directory.add_account(an_email text, a_name text, at timestamptz) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO directory.account (email, name, created_at) VALUES (lower(an_email), a_name, at)
    ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id;
END;

CREATE FUNCTION directory.add_membership(an_account uuid, a_tenant uuid, a_role text, at timestamptz) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO directory.membership (account_id, tenant_id, role, created_at)
    VALUES (an_account, a_tenant, a_role, at)
    ON CONFLICT (account_id, tenant_id, role) WHERE ended_at IS NULL DO NOTHING RETURNING id;
END;

CREATE FUNCTION directory.memberships_of(an_email text)
RETURNS TABLE (account_id uuid, name text, tenant_id uuid, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT account.id, account.name, membership.tenant_id, membership.role
    FROM directory.account JOIN directory.membership ON membership.account_id = account.id
    WHERE account.email = lower(an_email) AND account.disabled_at IS NULL AND membership.ended_at IS NULL;
END;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA directory FROM PUBLIC;
"""

APPEND_ONLY_AUDIT = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', tg_table_name USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_entry EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS directory")
    op.create_table(
        "audit_entry",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_audit_entry")),
    )
    op.create_index(
        op.f("ix_audit_entry_tenant_id_subject_id"), "audit_entry", ["tenant_id", "subject_id"], unique=False
    )
    op.create_table(
        "award",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("identity_hash", sa.LargeBinary(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("percent between 0 and 100", name=op.f("ck_award_percent")),
        sa.PrimaryKeyConstraint("tenant_id", "identity_hash", "ground", "valid_from", name=op.f("pk_award")),
    )
    op.create_table(
        "award_past",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("identity_hash", sa.LargeBinary(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_award_past")),
    )
    op.create_index(
        op.f("ix_award_past_tenant_id_identity_hash"),
        "award_past",
        ["tenant_id", "identity_hash"],
        unique=False,
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_account_email_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
        schema="directory",
    )
    op.create_table(
        "tenant",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("country in ('dk', 'no')", name=op.f("ck_tenant_country")),
        sa.CheckConstraint("kind in ('municipality', 'organisation')", name=op.f("ck_tenant_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("kind", "code", name=op.f("uq_tenant_kind_code")),
        schema="directory",
    )
    op.create_table(
        "fact",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("age", sa.Integer(), nullable=False),
        sa.Column("district", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("providers", sa.Integer(), nullable=False),
        sa.Column("children", sa.Integer(), nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("award_percent", sa.Integer(), nullable=True),
        sa.Column("award_ground", sa.String(), nullable=True),
        sa.Column("income_annual", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("income_final", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("income_advance", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("income_month_x12", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("fact_set_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "fact_set_id", "person_id", name=op.f("pk_fact")),
    )
    op.create_table(
        "household",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_household")),
        sa.UniqueConstraint("tenant_id", "reference", name=op.f("uq_household_tenant_id_reference")),
    )
    op.create_table(
        "household_member_past",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("street", sa.String(), nullable=False),
        sa.Column("postcode", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("district", sa.String(), nullable=False),
        sa.Column("address_protected", sa.Boolean(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_household_member_past")),
    )
    op.create_index(
        op.f("ix_household_member_past_tenant_id_person_id"),
        "household_member_past",
        ["tenant_id", "person_id"],
        unique=False,
    )
    op.create_table(
        "income",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("identity_hash", sa.LargeBinary(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("amount_ore", sa.BigInteger(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "basis in ('annual', 'final', 'advance', 'month_x12')", name=op.f("ck_income_basis")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "identity_hash", "year", "basis", name=op.f("pk_income")),
    )
    op.create_table(
        "income_past",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("identity_hash", sa.LargeBinary(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("amount_ore", sa.BigInteger(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_income_past")),
    )
    op.create_index(
        op.f("ix_income_past_tenant_id_identity_hash"),
        "income_past",
        ["tenant_id", "identity_hash"],
        unique=False,
    )
    op.create_table(
        "person",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("given_name", sa.String(), nullable=False),
        sa.Column("family_name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("identity_hash", sa.LargeBinary(), nullable=False),
        sa.Column("identity_cipher", sa.LargeBinary(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_person")),
        sa.UniqueConstraint("tenant_id", "identity_hash", name=op.f("uq_person_tenant_id_identity_hash")),
    )
    op.create_table(
        "person_past",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("given_name", sa.String(), nullable=False),
        sa.Column("family_name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", "import_id", name=op.f("pk_person_past")),
    )
    op.create_table(
        "membership",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role in ('administrator', 'case_worker', 'finance_officer', 'referrer', 'club_treasurer', 'coordinator', 'volunteer', 'auditor')",
            name=op.f("ck_membership_role"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["directory.account.id"], name=op.f("fk_membership_account_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"], name=op.f("fk_membership_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
        schema="directory",
    )
    op.create_index(
        "uq_membership_live",
        "membership",
        ["account_id", "tenant_id", "role"],
        unique=True,
        schema="directory",
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "household_member",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("street", sa.String(), nullable=False),
        sa.Column("postcode", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("district", sa.String(), nullable=False),
        sa.Column("address_protected", sa.Boolean(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "relation in ('provider', 'child', 'other')", name=op.f("ck_household_member_relation")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "household_id", "person_id", name=op.f("pk_household_member")),
    )
    op.create_index(
        op.f("ix_household_member_tenant_id_person_id"),
        "household_member",
        ["tenant_id", "person_id"],
        unique=False,
    )
    op.create_table(
        "register_import",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("held_because", sa.String(), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state in ('merged', 'held', 'discarded')", name=op.f("ck_register_import_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["directory.tenant.id"], name=op.f("fk_register_import_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_register_import")),
    )
    op.create_table(
        "scheme",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"], name=op.f("fk_scheme_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_scheme")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_scheme_tenant_id_name")),
    )
    op.create_table(
        "fact_set",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("income_year", sa.Integer(), nullable=False),
        sa.Column("register_state", sa.Integer(), nullable=False),
        sa.Column("children", sa.Integer(), nullable=False),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_fact_set")),
        sa.UniqueConstraint(
            "tenant_id",
            "on_date",
            "income_year",
            "register_state",
            name=op.f("uq_fact_set_tenant_id_on_date_income_year_register_state"),
        ),
    )
    op.create_table(
        "held_row",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["register_import.tenant_id", "register_import.id"],
            name=op.f("fk_held_row_tenant_id_import_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "import_id", "file", "line", name=op.f("pk_held_row")),
    )
    op.create_table(
        "parameter_version",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("source <> ''", name=op.f("ck_parameter_version_source")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_parameter_version_validity")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "scheme_id"],
            ["scheme.tenant_id", "scheme.id"],
            name=op.f("fk_parameter_version_tenant_id_scheme_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_parameter_version")),
        sa.UniqueConstraint(
            "tenant_id", "scheme_id", "number", name=op.f("uq_parameter_version_tenant_id_scheme_id_number")
        ),
    )
    op.create_table(
        "rejected_row",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["register_import.tenant_id", "register_import.id"],
            name=op.f("fk_rejected_row_tenant_id_import_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "import_id", "number", name=op.f("pk_rejected_row")),
    )
    op.create_table(
        "refresh_run",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("parameter_version_id", sa.Uuid(), nullable=False),
        sa.Column("fact_set_id", sa.Uuid(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("income_year", sa.Integer(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("held_because", sa.String(), nullable=True),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state in ('held', 'committed', 'overtaken')", name=op.f("ck_refresh_run_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "parameter_version_id"],
            ["parameter_version.tenant_id", "parameter_version.id"],
            name=op.f("fk_refresh_run_tenant_id_parameter_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "scheme_id"],
            ["scheme.tenant_id", "scheme.id"],
            name=op.f("fk_refresh_run_tenant_id_scheme_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_refresh_run")),
    )
    op.create_index(
        op.f("ix_refresh_run_tenant_id_scheme_id_committed_at"),
        "refresh_run",
        ["tenant_id", "scheme_id", "committed_at"],
        unique=False,
    )
    op.create_table(
        "determination",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("age", sa.Integer(), nullable=False),
        sa.Column("district", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("providers", sa.Integer(), nullable=False),
        sa.Column("children", sa.Integer(), nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("award_percent", sa.Integer(), nullable=True),
        sa.Column("award_ground", sa.String(), nullable=True),
        sa.Column("income_annual", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("income_final", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("income_advance", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("income_month_x12", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("parameter_version_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("income_ore", sa.BigInteger(), nullable=True),
        sa.Column("limit_ore", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_run_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(outcome, reason) in (('not_entitled', 'too_young'), ('not_entitled', 'too_old'), ('entitled', 'decision'), ('entitled', 'area'), ('needs_review', 'household_uncertain'), ('needs_review', 'no_provider'), ('needs_review', 'income_implausible'), ('not_entitled', 'income_above_limit'), ('needs_review', 'income_missing'), ('entitled', 'income_within_limit'))",
            name=op.f("ck_determination_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "ended_by_run_id"],
            ["refresh_run.tenant_id", "refresh_run.id"],
            name=op.f("fk_determination_tenant_id_ended_by_run_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_determination_tenant_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "run_id"],
            ["refresh_run.tenant_id", "refresh_run.id"],
            name=op.f("fk_determination_tenant_id_run_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_determination")),
    )
    op.create_index(
        op.f("ix_determination_tenant_id_person_id"),
        "determination",
        ["tenant_id", "person_id"],
        unique=False,
    )
    op.create_index(
        "uq_determination_in_force",
        "determination",
        ["tenant_id", "scheme_id", "period_start", "person_id"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    for table in CASE_DATA:
        for statement in protect(table):
            op.execute(statement)
    op.execute(DIRECTORY_FUNCTIONS)
    op.execute(APPEND_ONLY_AUDIT)
    app = op.get_context().config.attributes["app_role"]
    op.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    op.execute(f'GRANT USAGE ON SCHEMA public, directory TO "{app}"')
    op.execute(f'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA directory TO "{app}"')
    # MAINTAIN lets bulk actions ANALYZE what they wrote before other rows refer to it.
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON {", ".join(CASE_DATA)} TO "{app}"')
    op.execute(f'REVOKE UPDATE, DELETE ON audit_entry FROM "{app}"')
