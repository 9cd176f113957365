"""How the jobs stand: what runs when, what came of it, and what did not run though it should have."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.database.tenancy import act_for
from service.errors import NotFound
from service.identity.access import Principal
from service.jobs.rules import PATIENCE, Standing, When, alarm, upcoming
from service.jobs.work import Job, Place, Timetable, places
from service.values import clock


class Run(msgspec.Struct, frozen=True):
    """A run of the log. `result` tells in words what came of it, `outcome` for a machine.

    `arguments` are those of an order; the timetable's runs have none. While it runs, `progress` names the step,
    with how much of how much is done where that is counted.
    """

    id: UUID
    job: str
    period: str
    due_at: datetime
    state: str
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    result: str | None
    progress: str | None
    progress_done: int | None
    progress_total: int | None
    arguments: dict[str, Any] | None
    outcome: dict[str, Any] | None
    ordered_by: UUID | None
    ordered_with: UUID | None


class JobState(msgspec.Struct, frozen=True):
    """A job of a place: when it runs, its newest run, and `alarm`: `overdue`, `failed` or None."""

    place: str
    job: str
    says: str
    when: str
    paused: bool
    next_at: datetime | None
    last: Run | None
    alarm: str | None


_RUN = """SELECT id, job, period, due_at, state, attempts, started_at, finished_at, result, progress, progress_done,
    progress_total, arguments, outcome, ordered_by, ordered_with FROM job_run"""


def history(session: Session, job: str | None, limit: int) -> list[Run]:
    """The newest runs of the tenant that is acted for, of one job or of all."""
    rows = session.execute(
        text(f"{_RUN} WHERE CAST(:job AS text) IS NULL OR job = :job ORDER BY due_at DESC, id DESC LIMIT :limit"),
        {"job": job, "limit": limit},
    )
    return [msgspec.convert(row, Run, from_attributes=True) for row in rows]


def page_of_runs(session: Session, limit: int, after: UUID | None, job: str | None, state: str | None) -> list[Run]:
    """The newest runs before the run `after`, in the order in which they were noted, and one more than `limit`."""
    rows = session.execute(
        text(
            f"""{_RUN} WHERE (CAST(:after AS uuid) IS NULL OR id < :after)
            AND (CAST(:job AS text) IS NULL OR job = :job)
            AND (CAST(:state AS text) IS NULL OR state = :state) ORDER BY id DESC LIMIT :limit"""
        ),
        {"after": after, "job": job, "state": state, "limit": limit + 1},
    )
    return [msgspec.convert(row, Run, from_attributes=True) for row in rows]


def run_by_id(session: Session, run_id: UUID) -> Run:
    """A run of the tenant that is acted for."""
    row = session.execute(text(f"{_RUN} WHERE id = :id"), {"id": run_id}).one_or_none()
    if row is None:
        raise NotFound("There is no run {run}.", run=run_id)
    return msgspec.convert(row, Run, from_attributes=True)


def run_for(session: Session, principal: Principal, run_id: UUID) -> Run:
    """A run for somebody who may see the jobs, or has ordered it; for everybody else there is none."""
    run = run_by_id(session, run_id)
    asked = (run.ordered_with is not None and run.ordered_with == principal.token_id) or (
        run.ordered_by is not None and run.ordered_by == principal.account_id
    )
    if not asked and not principal.may("jobs.read"):
        raise NotFound("There is no run {run}.", run=run_id)
    return run


def of_place(timetable: Timetable, place: Place) -> list[Job]:
    """The jobs that run for a place."""
    return [job for job in timetable if job.kind == place.kind]


class Own(msgspec.Struct, frozen=True):
    """How a job of a place stands for the timetable, whether it is paused, and what a worker expects next."""

    standing: Standing
    paused: bool
    next_at: datetime | None


def beginning(place: Place, job: Job) -> datetime:
    """After when the times of a job count that no worker has seen yet: what is long past was never missed."""
    return max(place.since, clock.now() - job.late)


def standings(session: Session, timetable: Timetable, place: Place) -> list[tuple[Job, Own]]:
    """The place's jobs with its own times and the newest noted run of each."""
    times = {row.job: row for row in session.execute(text("SELECT * FROM job_time"))}
    newest = {
        row.job: row
        for row in session.execute(
            text(
                """SELECT job, max(period) AS period, max(due_at) AS due_at FROM job_run
                WHERE arguments IS NULL GROUP BY job"""
            )
        )
    }
    found = []
    for job in of_place(timetable, place):
        own, last = times.get(job.name), newest.get(job.name)
        when = job.when if own is None or own.at is None else When(own.at, own.day, own.month)
        since = beginning(place, job) if own is None else own.since
        period, due = (None, None) if last is None else (last.period, last.due_at)
        paused, expected = (False, None) if own is None else (own.paused_at is not None, own.next_at)
        found.append((job, Own(Standing(when, since, period, due), paused, expected)))
    return found


def states(session: Session, timetable: Timetable, place: Place) -> list[JobState]:
    """How the jobs of a place stand; the session acts for it."""
    now = clock.now()
    newest = {row.job: msgspec.convert(row, Run, from_attributes=True) for row in session.execute(text(_NEWEST))}
    found = []
    for job, own in standings(session, timetable, place):
        last = newest.get(job.name)
        state, due = (None, None) if last is None else (last.state, last.due_at)
        found.append(
            JobState(
                place=place.code,
                job=job.name,
                says=job.says,
                when=str(own.standing.when),
                paused=own.paused,
                next_at=None if own.paused else own.next_at or upcoming(own.standing, place.time_zone, now),
                last=last,
                alarm=None if own.paused else alarm(own.next_at, state, due, now),
            )
        )
    return found


class Measure(msgspec.Struct, frozen=True):
    """What is watched of a job of a place: its alarm, its last success and how many runs ended how."""

    place: str
    job: str
    alarm: str | None
    last_success: datetime | None
    runs: dict[str, int]


def measures(session: Session) -> list[Measure]:
    """What is watched of every job of every place, without the timetable: by what workers noted.

    Where there has been a municipality for some time and no worker ever ran, the job is called `worker`.
    """
    now = clock.now()
    found = []
    for place in places(session):
        act_for(session, place.id)
        counted: dict[str, dict[str, int]] = {}
        for job, state, count in session.execute(text(_COUNTED)):
            counted.setdefault(job, {})[state] = count
        rows = session.execute(text(_WATCHED)).all()
        for row in rows:
            found.append(Measure(place.code, row.job, _raised(row, now), row.last_success, counted.get(row.job, {})))
        if not rows and place.kind == "installation" and now - place.since > PATIENCE:
            found.append(Measure(place.code, "worker", "overdue", None, {}))
    return found


class Alarm(msgspec.Struct, frozen=True):
    """A job that failed, or did not run though it should have, since then."""

    job: str
    since: datetime


def alarms(session: Session) -> list[Alarm]:
    """The jobs of the tenant that is acted for whose alarm is raised."""
    now = clock.now()
    raised = [row for row in session.execute(text(_WATCHED)) if _raised(row, now)]
    return [Alarm(row.job, (row.due_at if row.state == "failed" else row.next_at) or now) for row in raised]


def _raised(row: Any, now: datetime) -> str | None:
    return None if row.paused else alarm(row.next_at, row.state, row.due_at, now)


# Orders are no timetable's: a failed one is for the person to see who ordered it.
_NEWEST = f"SELECT DISTINCT ON (job) * FROM ({_RUN} WHERE arguments IS NULL) AS r ORDER BY job, period DESC"
_COUNTED = "SELECT job, state, count(*) FROM job_run WHERE arguments IS NULL GROUP BY 1, 2"
_WATCHED = """SELECT t.job, t.paused_at IS NOT NULL AS paused, t.next_at, r.state, r.due_at, s.last_success
    FROM job_time t
    LEFT JOIN (SELECT DISTINCT ON (job) job, state, due_at FROM job_run WHERE arguments IS NULL
        ORDER BY job, period DESC) AS r USING (job)
    LEFT JOIN (SELECT job, max(finished_at) AS last_success FROM job_run WHERE state = 'done' GROUP BY job) AS s
        USING (job)
    ORDER BY t.job"""


# A pause also holds what failed before it and waits for another attempt; not what a person asks for.
MAY_BEGIN = """(door IS NOT NULL OR NOT EXISTS (SELECT FROM job_time t
    WHERE t.tenant_id = job_run.tenant_id AND t.job = job_run.job AND t.paused_at IS NOT NULL))"""


def find_run(session: Session, job: str, period: str) -> Run | None:
    """The run of a job for a period, of the tenant that is acted for."""
    row = session.execute(
        text(f"{_RUN} WHERE job = :job AND period = :period"), {"job": job, "period": period}
    ).one_or_none()
    return None if row is None else msgspec.convert(row, Run, from_attributes=True)


def unfinished(session: Session, jobs: list[str]) -> list[tuple[str, str]]:
    """The queued runs, of these jobs, of the tenant that is acted for: job and period, oldest first.

    Without those of jobs that are paused, unless somebody asked for the run.
    """
    rows = session.execute(
        text(
            f"""SELECT job, period FROM job_run WHERE state = 'queued' AND job = ANY(:jobs) AND {MAY_BEGIN}
            ORDER BY due_at, id"""
        ),
        {"jobs": jobs},
    )
    return [(row.job, row.period) for row in rows]
