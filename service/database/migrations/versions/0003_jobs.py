"""Jobs

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

from service.database.tenancy import protect

revision = "0003"
down_revision = "0002"

TABLES = ("job_run", "job_time")

TRANSITIONS = """
CREATE TRIGGER transitions BEFORE UPDATE OF state ON job_run FOR EACH ROW EXECUTE FUNCTION refuse_other_transitions(
    'queued running', 'running queued', 'running done', 'running failed', 'failed queued', 'missed queued'
);
"""

# Its functions name their tables without the schema, and its triggers run for whoever changes a row.
FIXED_PATHS = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'procrastinate'::regnamespace LOOP
        EXECUTE 'ALTER FUNCTION ' || name || ' SET search_path = procrastinate, pg_temp';
    END LOOP;
END $$;
"""


def upgrade() -> None:
    op.create_table(
        "job_run",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("progress", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'failed', 'missed')", name=op.f("ck_job_run_state")
        ),
        sa.CheckConstraint(
            "(finished_at is null) = (state in ('queued', 'running'))", name=op.f("ck_job_run_finished")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_job_run")),
        sa.UniqueConstraint("tenant_id", "job", "period", name=op.f("uq_job_run_tenant_id_job_period")),
    )
    op.create_index(op.f("ix_job_run_tenant_id_job_due_at"), "job_run", ["tenant_id", "job", "due_at"], unique=False)
    op.create_table(
        "job_time",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("at", sa.Time(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=True),
        sa.Column("month", sa.Integer(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("month is null or day is not null", name=op.f("ck_job_time_month")),
        sa.PrimaryKeyConstraint("tenant_id", "job", name=op.f("pk_job_time")),
    )
    for table in TABLES:
        for statement in protect(table):
            op.execute(statement)
    op.execute(TRANSITIONS)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON {", ".join(TABLES)} TO "{app}"')
    _add_carrier(app)


def _add_carrier(app: str) -> None:
    """The tables of procrastinate, in a schema of their own; they hold which run is carried, no case data."""
    bind = op.get_bind()
    bind.exec_driver_sql("CREATE SCHEMA procrastinate")
    bind.exec_driver_sql("SET LOCAL search_path = procrastinate")
    # The driver takes a lone percent sign for a placeholder.
    bind.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
    bind.exec_driver_sql("SET LOCAL search_path TO DEFAULT")
    op.execute(FIXED_PATHS)
    op.execute(f'GRANT USAGE ON SCHEMA procrastinate TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA procrastinate TO "{app}"')
    op.execute(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA procrastinate TO "{app}"')
