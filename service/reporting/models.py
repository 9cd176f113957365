"""How a municipality wants its statistics."""

from sqlalchemy import CheckConstraint, ForeignKeyConstraint

from service.database.tables import TenantRow


class ReportSettings(TenantRow, table=True):
    """A municipality's own threshold: counts under it are not shown. Without a row it is the usual one."""

    __tablename__ = "report_settings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),
        CheckConstraint("threshold between 2 and 100", "threshold"),
    )

    threshold: int
