"""The timetable, the runs of its jobs, and ordered work."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec


class Accepted(msgspec.Struct, frozen=True):
    """Work that was ordered and is done by a worker; `progress` is the address that tells how it stands."""

    id: UUID
    state: str
    progress: str


class JobProgress(msgspec.Struct, frozen=True):
    """What a run is at, and how much of how much is done where that is counted."""

    step: str
    done: int | None
    total: int | None


class JobRunSummary(msgspec.Struct, frozen=True):
    """A run: `state` is `queued`, `running`, `done`, `failed` or `missed`; `result` tells in words what came of it.

    Where it is `ordered`, somebody asked for it and it stands in no timetable; its period is its own id.
    """

    id: UUID
    job: str
    period: str
    ordered: bool
    state: str
    due_at: datetime
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    progress: JobProgress | None
    result: str | None


class JobRunDetail(JobRunSummary, frozen=True):
    """A run with what was asked for (`arguments`) and what came of it in ids and counts (`outcome`).

    The outcome of a run that was refused has the wrong fields, if any: `errors: [{field, message}]`.
    """

    arguments: dict[str, Any] | None
    outcome: dict[str, Any] | None


class TimetableEntry(msgspec.Struct, frozen=True):
    """A job of the municipality: when it runs, the time expected next, its newest run.

    `alarm` is `overdue` where it did not run though it should have, `failed` where its newest run did.
    """

    job: str
    says: str
    when: str
    paused: bool
    next_at: datetime | None
    alarm: str | None
    last: JobRunSummary | None


class JobTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time of the municipality's own, by the clock on the wall: `at` is HH:MM, null takes the timetable's again.

    A monthly job has a `day`, a yearly one a `day` and a `month`. A day that a month does not have is its last.
    """

    at: Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None
    day: Annotated[int, msgspec.Meta(ge=1, le=31)] | None = None
    month: Annotated[int, msgspec.Meta(ge=1, le=12)] | None = None
