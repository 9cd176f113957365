"""Care

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

from service.database.tenancy import protect

revision = "0004"
down_revision = "0003"


class Written(UserDefinedType):
    """A type of PostgreSQL that SQLAlchemy does not know, by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: object) -> str:
        return self.name


SEALS = ("audit_seal", "audit_sealed")
RETENTION = ("retention_rule", "retention_run")

KEY_FILE = """
CREATE TABLE directory.key_fingerprint (
    one boolean CONSTRAINT pk_key_fingerprint PRIMARY KEY DEFAULT true CONSTRAINT ck_key_fingerprint_one CHECK (one),
    fingerprint bytea NOT NULL
);

CREATE FUNCTION directory.key_file() RETURNS TABLE (fingerprint bytea, in_use boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT (SELECT k.fingerprint FROM directory.key_fingerprint k),
        EXISTS (SELECT FROM public.person) OR EXISTS (SELECT FROM directory.secret)
            OR EXISTS (SELECT FROM public.held_row);
END;

CREATE FUNCTION directory.keep_key_file(a_fingerprint bytea) RETURNS bytea
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO directory.key_fingerprint AS k (fingerprint) VALUES (a_fingerprint)
    ON CONFLICT (one) DO UPDATE SET fingerprint = k.fingerprint RETURNING fingerprint;
END;

REVOKE EXECUTE ON FUNCTION directory.key_file, directory.keep_key_file FROM PUBLIC;
"""


def upgrade() -> None:
    op.alter_column(
        "audit_entry",
        "id",
        server_default=sa.text("CASE WHEN pg_current_xact_id() IS NOT NULL THEN uuidv7() END"),
    )
    op.add_column(
        "audit_entry",
        sa.Column("written_in", Written("xid8"), server_default=sa.text("pg_current_xact_id()"), nullable=False),
    )
    op.create_table(
        "audit_seal",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("first_id", sa.Uuid(), nullable=False),
        sa.Column("last_id", sa.Uuid(), nullable=False),
        sa.Column("snapshot", Written("pg_snapshot"), nullable=False),
        sa.Column("sealed_in", Written("xid8"), nullable=False),
        sa.Column("previous_digest", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"], name=op.f("fk_audit_seal_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "number", name=op.f("pk_audit_seal")),
    )
    op.create_table(
        "audit_sealed",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("seal_number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "seal_number"],
            ["audit_seal.tenant_id", "audit_seal.number"],
            name=op.f("fk_audit_sealed_tenant_id_seal_number"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "entry_id", name=op.f("pk_audit_sealed")),
    )
    op.create_table(
        "retention_rule",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("counted_from", sa.String(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=True),
        sa.Column("way", sa.String(), nullable=False),
        sa.CheckConstraint("months >= 0", name=op.f("ck_retention_rule_months")),
        sa.CheckConstraint("way in ('erase', 'anonymise')", name=op.f("ck_retention_rule_way")),
        sa.ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"], name=op.f("fk_retention_rule_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "what", name=op.f("pk_retention_rule")),
    )
    op.create_table(
        "retention_run",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certificate_sha256", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(finished_at is null) = (certificate_sha256 is null)", name=op.f("ck_retention_run_finished")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"], name=op.f("fk_retention_run_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_retention_run")),
    )
    op.create_index(
        "uq_retention_run_open",
        "retention_run",
        ["tenant_id"],
        unique=True,
        postgresql_where=sa.text("finished_at is null"),
    )
    for table in ("person", "household", "determination"):
        op.add_column(table, sa.Column("anonymised_at", sa.DateTime(timezone=True), nullable=True))
    for table in SEALS + RETENTION:
        for statement in protect(table):
            op.execute(statement)
    for table in SEALS:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()")
    op.execute(KEY_FILE)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT, MAINTAIN ON {", ".join(SEALS)} TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(RETENTION)} TO "{app}"')
    # A new key encrypts the numbers of passes anew.
    op.execute(f'GRANT UPDATE (number_cipher) ON leisure_pass TO "{app}"')
    op.execute(f'GRANT EXECUTE ON FUNCTION directory.key_file, directory.keep_key_file TO "{app}"')
