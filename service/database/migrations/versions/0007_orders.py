"""Ordered work

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

def upgrade() -> None:
    for column in (
        sa.Column("arguments", postgresql.JSONB(), nullable=True),
        sa.Column("ordered_by", sa.Uuid(), nullable=True),
        sa.Column("ordered_with", sa.Uuid(), nullable=True),
        sa.Column("door", sa.String(), nullable=True),
        sa.Column("once_key", sa.String(), nullable=True),
        sa.Column("outcome", postgresql.JSONB(), nullable=True),
        sa.Column("progress_done", sa.BigInteger(), nullable=True),
        sa.Column("progress_total", sa.BigInteger(), nullable=True),
    ):
        op.add_column("job_run", column)
    op.create_check_constraint(op.f("ck_job_run_order"), "job_run", "arguments is null or period = id::text")
    op.create_check_constraint(
        op.f("ck_job_run_progress"),
        "job_run",
        "(progress_done is not null or progress_total is null) and (progress_done is null or progress_done >= 0"
        " and (progress_total is null or progress_done <= progress_total))",
    )
    op.create_unique_constraint(
        op.f("uq_job_run_tenant_id_job_once_key"), "job_run", ["tenant_id", "job", "once_key"]
    )
