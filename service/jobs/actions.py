"""Doing the timetable: noting what is due and handing it over, a run by hand, and a municipality's own times."""

import logging
from datetime import time, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import COMMAND, Actor, record
from service.database.engine import Database
from service.database.tenancy import act_for
from service.errors import N_, Conflict, Invalid, Text
from service.jobs import carrier, uploads
from service.jobs.queries import Run, beginning, find_run, standings, unfinished
from service.jobs.rules import Due, Verdict, When, judge, period_of, planned_in, upcoming, waiting
from service.jobs.running import ATTEMPTS, Ran, log, run
from service.jobs.work import Job, Kinds, Place, Timetable, places
from service.settings import Settings
from service.values import clock

# A worker that has not been heard for so long is taken for dead.
DEAD_AFTER = timedelta(minutes=2)
_LOST = "Every worker that began it was stopped on the way. Tell the operator; the worker's log has more."


def tick(database: Database, timetable: Timetable, kinds: Kinds = ()) -> int:
    """Note what has become due for each place and hand it to the carrier; returns how many runs were handed over.

    Any number of workers may do this at the same time. Runs of workers that died are handed over again, and orders of
    one of the `kinds` whose carrier was lost; a run that killed every worker that took it has failed.
    """
    with database.transaction() as session:
        carrier.forget_dead(session, DEAD_AFTER)
        everywhere = places(session)
    names = [job.name for job in timetable] + [kind.name for kind in kinds]
    handed = 0
    for place in everywhere:
        with database.transaction(place.id) as session:
            for job, verdict in _due(session, timetable, place):
                _note(session, place, job, verdict)
            _expect(session, timetable, place)
            _take_from_the_dead(session)
            for name, period in unfinished(session, names):
                if not carrier.is_carried(session, place.id, name, period):
                    carrier.carry(session, place.id, name, period)
                    handed += 1
    _sweep_uploads(database, everywhere)
    return handed


def _take_from_the_dead(session: Session) -> None:
    """Queue the runs of workers that are not heard any more; one that stopped every worker that began it has failed."""
    session.execute(
        text(
            """UPDATE job_run SET progress = NULL, progress_done = NULL, progress_total = NULL,
                state = CASE WHEN attempts >= :most THEN 'failed' ELSE 'queued' END,
                finished_at = CASE WHEN attempts >= :most THEN CAST(:at AS timestamptz) END,
                result = CASE WHEN attempts >= :most THEN :lost ELSE result END
            WHERE state = 'running' AND heartbeat_at < clock_timestamp() - CAST(:dead AS interval)"""
        ),
        {"dead": DEAD_AFTER, "most": ATTEMPTS, "at": clock.now(), "lost": _LOST},
    )


def _sweep_uploads(database: Database, everywhere: list[Place]) -> None:
    """Remove the files of orders that have ended, which a worker that died has left, and what was never ordered."""
    lying = uploads.waiting(database.home)
    ended: set[UUID] = set()
    unfinished_: set[UUID] = set()
    for place in everywhere if lying else ():
        with database.transaction(place.id) as session:
            rows = session.execute(
                text("SELECT id, finished_at IS NOT NULL AS ended FROM job_run WHERE id = ANY(:ids)"), {"ids": lying}
            )
            for row in rows:
                (ended if row.ended else unfinished_).add(row.id)
    uploads.sweep(database.home, ended, unfinished_)


def _due(session: Session, timetable: Timetable, place: Place) -> list[tuple[Job, Verdict]]:
    now = clock.now()
    found = []
    for job, own in standings(session, timetable, place):
        if not own.paused:
            runs = waiting(own.standing, place.time_zone, now)
            found += [(job, verdict) for verdict in judge(runs, job.late, now, every=job.every_missed)]
    return sorted(found, key=lambda pair: pair[1].due.at)


def _expect(session: Session, timetable: Timetable, place: Place) -> None:
    """Keep the time expected next of each job, by which others see that no worker runs; none of one that is paused."""
    known = []
    for job, own in standings(session, timetable, place):
        known.append(job.name)
        expected = None if own.paused else upcoming(own.standing, place.time_zone, clock.now())
        if own.next_at != expected:
            session.execute(
                text(
                    """INSERT INTO job_time (tenant_id, job, since, next_at) VALUES (:tenant, :job, :since, :next)
                    ON CONFLICT (tenant_id, job) DO UPDATE SET next_at = excluded.next_at"""
                ),
                {"tenant": place.id, "job": job.name, "since": own.standing.since, "next": expected},
            )
    # What an earlier program ran and this one does not is not expected any more.
    session.execute(
        text("UPDATE job_time SET next_at = NULL WHERE next_at IS NOT NULL AND NOT job = ANY(:known)"), {"known": known}
    )


def _note(session: Session, place: Place, job: Job, verdict: Verdict) -> None:
    state = "missed" if verdict.missed else "queued"
    noted = session.execute(
        text(
            """INSERT INTO job_run (tenant_id, job, period, due_at, state, attempts, finished_at, result)
            VALUES (:tenant, :job, :period, :due, :state, 0, :finished, :result)
            ON CONFLICT (tenant_id, job, period) DO NOTHING RETURNING id"""
        ),
        {
            "tenant": place.id,
            "job": job.name,
            "period": verdict.due.period,
            "due": verdict.due.at,
            "state": state,
            "finished": clock.now() if verdict.missed else None,
            "result": verdict.missed,
        },
    ).scalar()
    if noted is not None and verdict.missed:
        log(logging.WARNING, place, job.name, verdict.due.period, "missed")


def run_now(database: Database, settings: Settings, job: Job, place: Place) -> Ran:
    """Do the run of the current period in this process, unless it is done already (`state` then is `done before`).

    A failed or missed run is taken up again. Refused where a worker has it.
    """
    with database.transaction(place.id) as session:
        found = _take_up(session, place, job, COMMAND)
        if found.state != "done":
            _record(session, place, COMMAND, "jobs.run", ("job_run", found.id), job)
    if found.state == "done":
        return Ran(place.code, job.name, found.period, "done before", found.attempts, found.result or "")
    done = run(database, settings, job, place, found.period, retried=False)
    if done is None:
        raise Conflict("A worker is at {job} of {period} at this moment.", job=job.name, period=found.period)
    return done


def order_run(session: Session, place: Place, job: Job, actor: Actor) -> Run:
    """Hand the run of the current period to a worker, in this transaction; gives the run.

    A failed or missed run is taken up again. Refused where it is done already.
    """
    found = _take_up(session, place, job, actor)
    if found.state == "done":
        raise Conflict(
            "{job} of {period} is done already. It runs again at its next time.", job=job.name, period=found.period
        )
    if not carrier.is_carried(session, place.id, job.name, found.period):
        carrier.carry(session, place.id, job.name, found.period)
    _record(session, place, actor, "jobs.run", ("job_run", found.id), job)
    return found


def _take_up(session: Session, place: Place, job: Job, actor: Actor) -> Run:
    """Note the run of the current period, or queue it again where it failed or was missed.

    Who asked for it is kept: such a run is done while its job is paused, too.
    """
    [own] = [own for job, own in standings(session, [job], place)]
    today = clock.today(place.time_zone)
    due = planned_in(own.standing.when, place.time_zone, today)
    if due.at > clock.now():
        due = Due(period_of(own.standing.when, today), today, clock.now())
    _note(session, place, job, Verdict(due))
    session.execute(
        text(
            """UPDATE job_run SET state = 'queued', finished_at = NULL
            WHERE job = :job AND period = :period AND state IN ('failed', 'missed')"""
        ),
        {"job": job.name, "period": due.period},
    )
    session.execute(
        text(
            """UPDATE job_run SET door = :door, ordered_by = :account, ordered_with = :token
            WHERE job = :job AND period = :period AND state = 'queued'"""
        ),
        {"door": actor.door, "account": actor.account_id, "token": actor.token_id}
        | {"job": job.name, "period": due.period},
    )
    found = find_run(session, job.name, due.period)
    assert found is not None
    return found


def pause(session: Session, place: Place, job: Job, actor: Actor) -> None:
    """Let a job of a place rest until it is resumed. What falls in between is not made up for.

    A run that waits for another attempt waits on; one that is under way is finished.
    """
    _change(session, place, job, "jobs.pause", "paused_at = :now", actor)


def resume(session: Session, place: Place, job: Job, actor: Actor) -> None:
    """Let a paused job run again, from its next time on."""
    _change(session, place, job, "jobs.resume", "paused_at = NULL, since = :now", actor)


def set_time(session: Session, place: Place, job: Job, when: When | None, actor: Actor) -> When:
    """Give a job a time of the place's own, or with None the timetable's again; counts from now on.

    A job stays daily, monthly or yearly: a time that names other parts is refused.
    """
    if when is not None and (when.day is None, when.month is None) != (job.when.day is None, job.when.month is None):
        raise Invalid("{job} runs {when}: name {parts}.", job=job.name, when=job.when.text, parts=_parts(job.when))
    own: dict[str, time | int | None] = {"at": None, "day": None, "month": None}
    if when is not None:
        own = {"at": when.at, "day": when.day, "month": when.month}
    change = "at = :at, day = :day, month = :month, since = :now"
    _change(session, place, job, "jobs.set", change, actor, own)
    return when or job.when


def _parts(when: When) -> Text:
    if when.day is None:
        return Text(N_("the time alone"))
    return Text(N_("the day and the time") if when.month is None else N_("the month, the day and the time"))


def _change(
    session: Session,
    place: Place,
    job: Job,
    action: str,
    change: str,
    actor: Actor,
    values: dict[str, time | int | None] | None = None,
) -> None:
    session.execute(
        text(
            """INSERT INTO job_time (tenant_id, job, since) VALUES (:tenant, :job, :since)
            ON CONFLICT (tenant_id, job) DO NOTHING"""
        ),
        {"tenant": place.id, "job": job.name, "since": beginning(place, job)},
    )
    session.execute(
        text(f"UPDATE job_time SET {change}, next_at = NULL WHERE job = :job"),
        {"job": job.name, "now": clock.now()} | (values or {}),
    )
    _record(session, place, actor, action, ("job", None), job)


def _record(
    session: Session, place: Place, actor: Actor, action: str, subject: tuple[str, UUID | None], job: Job
) -> None:
    """Tell the trail; the installation has none of its own, so every municipality's tells of its backup."""
    told = [one for one in places(session) if one.municipality] if place.kind == "installation" else [place]
    for one in told:
        act_for(session, one.id)
        record(session, one.id, actor, action, subject, details={"job": job.name})
        # Written now: the next entry is another tenant's.
        session.flush()
    act_for(session, place.id)
