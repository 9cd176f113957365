"""Reporting

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from service.database.tenancy import protect

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "report_settings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.CheckConstraint("threshold between 2 and 100", name=op.f("ck_report_settings_threshold")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["directory.tenant.id"], name=op.f("fk_report_settings_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_report_settings")),
    )
    for statement in protect("report_settings"):
        op.execute(statement)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON report_settings TO "{app}"')
