"""The review queue: what case workers decide, invitations to apply, and letters printed at the counter

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

from service.database.tenancy import protect

revision = "0009"
down_revision = "0008"

TRANSITIONS = """
CREATE TRIGGER transitions BEFORE UPDATE OF state ON review_act FOR EACH ROW
EXECUTE FUNCTION refuse_other_transitions('held done', 'held withdrawn')
"""


def upgrade() -> None:
    op.add_column("refresh_run", sa.Column("kind", sa.String(), server_default=sa.text("'refresh'"), nullable=False))
    op.alter_column("refresh_run", "fact_set_id", nullable=True)
    for name, condition in (
        ("kind", "kind in ('refresh', 'review')"),
        ("facts", "(kind = 'review') = (fact_set_id is null)"),
        ("review", "kind = 'refresh' or state = 'committed'"),
    ):
        op.create_check_constraint(op.f(f"ck_refresh_run_{name}"), "refresh_run", condition)
    op.create_index(
        "ix_determination_undecided",
        "determination",
        ["tenant_id", "scheme_id", "period_start", "id"],
        postgresql_where=sa.text("outcome = 'needs_review' and ended_at is null"),
    )
    op.create_index(op.f("ix_person_tenant_id_birth_date"), "person", ["tenant_id", "birth_date"])
    op.drop_constraint(op.f("ck_letter_kind"), "letter")
    op.create_check_constraint(op.f("ck_letter_kind"), "letter", "kind in ('pass', 'ended', 'invitation')")
    op.add_column("print_batch", sa.Column("in_person", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _review_tables()
    for table in ("review_act", "review_decision"):
        for statement in protect(table):
            op.execute(statement)
    op.execute(TRANSITIONS)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT ON review_act, review_decision TO "{app}"')
    changed = "state, settled_at, settled_by, run_id, reason, reference, anonymised_at"
    op.execute(f'GRANT UPDATE ({changed}) ON review_act TO "{app}"')
    op.execute(f'GRANT UPDATE (ended_at, letter_id) ON review_decision TO "{app}"')


def _review_tables() -> None:
    op.create_table(
        "review_act",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("children", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("anonymised_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('yes', 'on_the_spot', 'invitation', 'deferral')", name=op.f("ck_review_act_kind")),
        sa.CheckConstraint("state in ('held', 'done', 'withdrawn')", name=op.f("ck_review_act_state")),
        sa.CheckConstraint(
            "(kind in ('yes', 'on_the_spot')) = (evidence is not null)", name=op.f("ck_review_act_evidence")
        ),
        sa.CheckConstraint("(kind = 'deferral') = (until is not null)", name=op.f("ck_review_act_until")),
        sa.CheckConstraint(
            "(kind in ('yes', 'on_the_spot') and state = 'done') = (run_id is not null)",
            name=op.f("ck_review_act_run"),
        ),
        sa.CheckConstraint("reason <> '' or anonymised_at is not null", name=op.f("ck_review_act_reason")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "scheme_id"],
            ["scheme.tenant_id", "scheme.id"],
            name=op.f("fk_review_act_tenant_id_scheme_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "run_id"],
            ["refresh_run.tenant_id", "refresh_run.id"],
            name=op.f("fk_review_act_tenant_id_run_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_review_act")),
    )
    op.create_index(op.f("ix_review_act_tenant_id_state"), "review_act", ["tenant_id", "state"])
    op.create_table(
        "review_decision",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("act_id", sa.Uuid(), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("determination_id", sa.Uuid(), nullable=True),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{table}.tenant_id", f"{table}.id"],
                name=op.f(f"fk_review_decision_tenant_id_{column}"),
            )
            for column, table in (
                ("act_id", "review_act"),
                ("person_id", "person"),
                ("determination_id", "determination"),
                ("letter_id", "letter"),
            )
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_review_decision")),
    )
    op.create_index(
        "uq_review_decision_live",
        "review_decision",
        ["tenant_id", "scheme_id", "period_start", "person_id"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index(op.f("ix_review_decision_tenant_id_act_id"), "review_decision", ["tenant_id", "act_id"])
    op.create_index(op.f("ix_review_decision_tenant_id_letter_id"), "review_decision", ["tenant_id", "letter_id"])
