"""How long a municipality keeps what, and the runs that erased what was due."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant


class RetentionRule(TenantRow, table=True):
    """A municipality's own rule in the place of a preset. `months` is empty where it keeps such data for good."""

    __tablename__ = "retention_rule"
    __table_args__ = (
        CheckConstraint("months >= 0", "months"),
        CheckConstraint("way in ('erase', 'anonymise')", "way"),
        ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),
    )

    what: str = Field(primary_key=True)
    counted_from: str
    months: int | None = None
    way: str


class RetentionRun(IdentifiedRow, table=True):
    """One application of the rules, with what it has erased so far: a killed one is gone on with from here.

    `rules` are those of its start, each with its cut-off date and how many of its steps are done; `counts` are rows by
    rule and table.
    """

    __tablename__ = "retention_run"
    __table_args__ = (
        CheckConstraint("(finished_at is null) = (certificate_sha256 is null)", "finished"),
        ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),
        Index("uq_retention_run_open", "tenant_id", unique=True, postgresql_where=text("finished_at is null")),
    )

    on_date: date
    rules: list[dict[str, Any]] = Field(sa_type=JSONB)
    counts: dict[str, dict[str, int]] = Field(sa_type=JSONB)
    started_at: datetime = instant()
    door: str
    account_id: UUID | None = None
    finished_at: datetime | None = instant(nullable=True)
    certificate_sha256: str | None = None
