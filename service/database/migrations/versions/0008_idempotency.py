"""Answers kept for an Idempotency-Key

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

from service.database.tenancy import protect

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "kept_answer",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("call", sa.LargeBinary(), nullable=False),
        sa.Column("said", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"], name=op.f("fk_kept_answer_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_kept_answer")),
        sa.UniqueConstraint("tenant_id", "caller_id", "call", name=op.f("uq_kept_answer_tenant_id_caller_id_call")),
    )
    op.create_index(op.f("ix_kept_answer_tenant_id_kept_at"), "kept_answer", ["tenant_id", "kept_at"])
    for statement in protect("kept_answer"):
        op.execute(statement)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON kept_answer TO "{app}"')
