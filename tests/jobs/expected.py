"""What must have become of every run of the timetable, from when the worker looked at the clock and nothing else."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from jobs.timetable import TIMETABLE
from service.jobs.rules import planned
from service.jobs.work import Place

Key = tuple[UUID, str, str]
"""Tenant, job and period."""


class Expected(msgspec.Struct, frozen=True):
    """When a run was due, `done` or `missed`, and the look at which that was settled."""

    due_at: datetime
    state: str
    settled_at: datetime


def expected_runs(everywhere: Sequence[Place], begin: datetime, looks: Sequence[datetime]) -> dict[Key, Expected]:
    """Every run of the timetable between the beginning and the last look: done where a look was not too late for it.

    Of several that one look finds of a job the newest alone is done, unless the job wants every one.
    """
    due = {
        (place.id, job.name, run.period): (job, run)
        for place in everywhere
        for job in TIMETABLE
        if job.kind == place.kind
        for run in planned(job.when, place.time_zone, begin, looks[-1])
    }
    first_look = {key: looks[bisect_left(looks, run.at)] for key, (_, run) in due.items()}
    newest: dict[tuple[UUID, str, datetime], datetime] = {}
    for (tenant_id, name, period), (_, run) in due.items():
        found_at = (tenant_id, name, first_look[tenant_id, name, period])
        newest[found_at] = max(run.at, newest.get(found_at, run.at))
    expected = {}
    for key, (job, run) in due.items():
        look = first_look[key]
        alone = job.every_missed or newest[*key[:2], look] == run.at
        expected[key] = Expected(run.at, "done" if look - run.at <= job.late and alone else "missed", look)
    return expected
