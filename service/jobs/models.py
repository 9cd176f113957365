"""The run log of the jobs, and their times: what a municipality chose itself, and what is expected next.

Jobs of the installation (backup, check) are kept under the nil tenant.
"""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant

STATES = ("queued", "running", "done", "failed", "missed")


class JobRun(IdentifiedRow, table=True):
    """One run of a job: for which period, when it was due, and what came of it in words.

    The unique period makes a job's effect one. `attempts` counts the claims: a worker that was taken for dead and is
    not finds it changed and its work rolls back. `heartbeat_at` is by the database's clock.

    A run with `arguments` (ids, dates, flags) is an order: it is in no timetable, and its period is its own id.
    `ordered_by` (an account), `ordered_with` (a token) and `door` tell who asked for a run; of one `once_key` there is
    one order of a kind. `outcome` is what came of it for a machine: ids and counts. None of them holds personal data.
    """

    __tablename__ = "job_run"
    __table_args__ = (
        UniqueConstraint("tenant_id", "job", "period"),
        UniqueConstraint("tenant_id", "job", "once_key"),
        CheckConstraint(f"state in ({', '.join(repr(state) for state in STATES)})", "state"),
        CheckConstraint("(finished_at is null) = (state in ('queued', 'running'))", "finished"),
        CheckConstraint("arguments is null or period = id::text", "order"),
        CheckConstraint(
            "(progress_done is not null or progress_total is null) and (progress_done is null or progress_done >= 0"
            " and (progress_total is null or progress_done <= progress_total))",
            "progress",
        ),
        Index(None, "tenant_id", "job", "due_at"),
    )

    job: str
    period: str
    due_at: datetime = instant()
    state: str
    attempts: int = Field(default=0)
    started_at: datetime | None = instant(nullable=True)
    heartbeat_at: datetime | None = instant(nullable=True)
    finished_at: datetime | None = instant(nullable=True)
    result: str | None = None
    progress: str | None = None
    progress_done: int | None = Field(default=None, sa_type=BigInteger)
    progress_total: int | None = Field(default=None, sa_type=BigInteger)
    arguments: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    ordered_by: UUID | None = None
    ordered_with: UUID | None = None
    door: str | None = None
    once_key: str | None = None
    outcome: dict[str, Any] | None = Field(default=None, sa_type=JSONB)


class JobTime(TenantRow, table=True):
    """A municipality's own time for a job, empty where it keeps the timetable's, and whether it paused it.

    `since`: times before it do not count, so that a changed time or a resumed job does not run for the past. `next_at`:
    the time that a worker expects next; where that goes by and no worker notes it, none is running.
    """

    __tablename__ = "job_time"
    __table_args__ = (CheckConstraint("month is null or day is not null", "month"),)

    job: str = Field(primary_key=True)
    at: time | None = None
    day: int | None = None
    month: int | None = None
    since: datetime = instant()
    paused_at: datetime | None = instant(nullable=True)
    next_at: datetime | None = instant(nullable=True)
