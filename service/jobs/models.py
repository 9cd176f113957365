"""The run log of the jobs, and their times: what a municipality chose itself, and what is expected next.

Jobs of the installation (backup, check) are kept under the nil tenant.
"""

from datetime import datetime, time

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant

STATES = ("queued", "running", "done", "failed", "missed")


class JobRun(IdentifiedRow, table=True):
    """One run of a job: for which period, when it was due, and what came of it in words.

    The unique period makes a job's effect one. `attempts` counts the claims: a worker that was taken for dead and is
    not finds it changed and its work rolls back. `heartbeat_at` is by the database's clock.
    """

    __tablename__ = "job_run"
    __table_args__ = (
        UniqueConstraint("tenant_id", "job", "period"),
        CheckConstraint(f"state in ({', '.join(repr(state) for state in STATES)})", "state"),
        CheckConstraint("(finished_at is null) = (state in ('queued', 'running'))", "finished"),
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
