"""Doing a run once: claiming it, its effect with the note that it is done, and what becomes of a failure."""

import logging
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from service.audit.actions import Actor
from service.database.engine import Database
from service.database.requests import record_outside
from service.errors import FieldError, Refused
from service.jobs import uploads
from service.jobs.queries import MAY_BEGIN
from service.jobs.rules import Due
from service.jobs.work import Job, Kind, Ordered, Place, Told, Whole, Work
from service.settings import Settings
from service.values import clock
from service.values.progress import Progress

# A run fails after so many attempts; between them 5, 25, 125 … seconds pass.
ATTEMPTS = 6
BEAT = 20.0

_LOG = logging.getLogger("medspiller.jobs")
_NO_PROGRESS = "progress = NULL, progress_done = NULL, progress_total = NULL"


class Overtaken(Exception):
    """Another worker has taken the run meanwhile; what this one did rolls back."""


class Ran(msgspec.Struct, frozen=True):
    """What came of an attempt at a run; `queued` means that it will be tried again.

    A run that was `ordered` is its person's to see: its failure is no alarm.
    """

    place: str
    job: str
    period: str
    state: str
    attempts: int
    result: str
    ordered: bool = False


class _Claim(msgspec.Struct, frozen=True):
    id: UUID
    place: Place
    job: Job | Kind
    due: Due
    attempts: int
    order: Ordered | None


def run(
    database: Database, settings: Settings, job: Job | Kind, place: Place, period: str, *, retried: bool
) -> Ran | None:
    """Claim a run and do it; None where it is done already, another worker has it, or its job is paused.

    A refusal is for a person to settle and fails at once. Any other error is tried again where `retried`, until the
    attempts are used up.
    """
    claim = _claim(database, job, place, period)
    return None if claim is None else _run(database, settings, claim, retried=retried)


def _claim(database: Database, job: Job | Kind, place: Place, period: str) -> _Claim | None:
    with database.transaction(place.id) as session:
        row = session.execute(
            text(
                f"""UPDATE job_run SET state = 'running', attempts = attempts + 1, started_at = :at, {_NO_PROGRESS},
                    heartbeat_at = clock_timestamp()
                WHERE job = :job AND period = :period AND state = 'queued' AND {MAY_BEGIN}
                RETURNING id, attempts, due_at, arguments, ordered_by, ordered_with, door"""
            ),
            {"job": job.name, "period": period, "at": clock.now()},
        ).one_or_none()
    if row is None:
        return None
    on = row.due_at.astimezone(ZoneInfo(place.time_zone)).date()
    order = None
    if row.arguments is not None:
        actor = Actor(door=row.door, account_id=row.ordered_by, token_id=row.ordered_with)
        order = Ordered(row.id, row.arguments, actor)
    return _Claim(row.id, place, job, Due(period, on, row.due_at), row.attempts, order)


def _run(database: Database, settings: Settings, claim: _Claim, *, retried: bool) -> Ran:
    began = time.monotonic()
    log(logging.INFO, claim.place, claim.job.name, claim.due.period, "running", attempt=claim.attempts)
    error: Exception | None = None
    more: dict[str, Any] = {}
    try:
        with _beating(database, claim):
            told = _do(database, settings, claim)
        state, result = "done", told.said
        # Of what the timetable did the log has the counts, and the digest that a seal of the trail is proved by.
        if claim.order is None and told.outcome is not None:
            more = {"outcome": told.outcome}
    except Overtaken:
        state, result = "overtaken", "Another worker has taken the run."
    except Refused as refusal:
        error, result = refusal, refusal.message
        state = _give_up(database, claim, "failed", result, refusal.errors)
    except Exception as caught:
        error, result = caught, _words(caught)
        again = retried and claim.attempts < ATTEMPTS
        state = _give_up(database, claim, "queued" if again else "failed", result)
    except BaseException:
        _give_up(database, claim, "queued", "The worker was stopped.")
        raise
    if claim.order is not None and state in ("done", "failed"):
        uploads.forget(settings.home, claim.order.id)
    seconds = round(time.monotonic() - began, 3)
    level = _level(state, ordered=claim.order is not None, refused=isinstance(error, Refused))
    more |= {"attempt": claim.attempts, "seconds": seconds}
    log(level, claim.place, claim.job.name, claim.due.period, state, error, **more)
    ordered = claim.order is not None
    return Ran(claim.place.code, claim.job.name, claim.due.period, state, claim.attempts, result, ordered)


def _level(state: str, *, ordered: bool, refused: bool) -> int:
    """How loud the log is. What a person is told who ordered it is nothing for the operator."""
    if state == "done" or (ordered and refused):
        return logging.INFO
    return logging.ERROR if state == "failed" else logging.WARNING


def _do(database: Database, settings: Settings, claim: _Claim) -> Told:
    work = Work(
        database=database,
        settings=settings,
        place=claim.place,
        period=claim.due.period,
        on=claim.due.on,
        progress=_RunProgress(database, claim),
        order=claim.order,
    )
    if isinstance(claim.job.do, Whole):
        with database.transaction(claim.place.id) as session:
            result = claim.job.do.run(session, work)
            return _note_done(session, claim, result)
    result = claim.job.do.run(work)
    with database.transaction(claim.place.id) as session:
        return _note_done(session, claim, result)


def _note_done(session: Session, claim: _Claim, result: str | Told) -> Told:
    """Note a run done in the transaction of its effect; raises where the run is another worker's by now."""
    told = result if isinstance(result, Told) else Told(result, None)
    noted = session.execute(
        text(
            f"""UPDATE job_run SET state = 'done', finished_at = :at, result = :result,
                outcome = CAST(:outcome AS jsonb), {_NO_PROGRESS}
            WHERE id = :id AND state = 'running' AND attempts = :attempts RETURNING id"""
        ),
        {"id": claim.id, "attempts": claim.attempts, "at": clock.now(), "result": told.said}
        | {"outcome": _json(told.outcome)},
    ).scalar()
    if noted is None:
        raise Overtaken
    return told


def _json(outcome: dict[str, Any] | None) -> str | None:
    return None if outcome is None else msgspec.json.encode(outcome).decode()


def _give_up(database: Database, claim: _Claim, state: str, result: str, errors: Sequence[FieldError] = ()) -> str:
    """Note that this attempt came to nothing, and which fields are wrong; returns the run's state."""
    wrong = {"errors": [{"field": error.field, "message": error.message} for error in errors]} if errors else None
    with database.transaction(claim.place.id) as session:
        noted = session.execute(
            text(
                f"""UPDATE job_run SET state = :state, finished_at = :at, result = :result,
                    outcome = CAST(:outcome AS jsonb), {_NO_PROGRESS}
                WHERE id = :id AND state = 'running' AND attempts = :attempts RETURNING id"""
            ),
            {"id": claim.id, "attempts": claim.attempts, "state": state, "result": result}
            | {"at": clock.now() if state == "failed" else None, "outcome": _json(wrong)},
        ).scalar()
    return state if noted is not None else "overtaken"


@contextmanager
def _beating(database: Database, claim: _Claim) -> Iterator[None]:
    """Tell every few seconds, by the database's clock, that the run's worker lives."""
    stopped = threading.Event()

    def beat() -> None:
        while not stopped.wait(BEAT):
            try:
                _tell(database, claim, "heartbeat_at = clock_timestamp()", {})
            except SQLAlchemyError as error:
                log(logging.WARNING, claim.place, claim.job.name, claim.due.period, "running", error)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


class _RunProgress(Progress):
    """Keeps with the run what it is at and how far, for those who wait for it."""

    def __init__(self, database: Database, claim: _Claim) -> None:
        super().__init__()
        self._database, self._claim = database, claim

    def tell(self, step: str, done: int | None = None, of: int | None = None) -> None:
        # A count that was only estimated may be passed.
        total = max(of, done) if done is not None and of else None
        change = "heartbeat_at = clock_timestamp(), progress = :step, progress_done = :done, progress_total = :total"
        _tell(self._database, self._claim, change, {"step": step, "done": done, "total": total})


def _tell(database: Database, claim: _Claim, change: str, values: dict[str, str | int | None]) -> None:
    # The job's own transaction may hold the only connection of the pool.
    with record_outside(database, claim.place.id) as session:
        session.execute(
            text(f"UPDATE job_run SET {change} WHERE id = :id AND state = 'running' AND attempts = :attempts"),
            values | {"id": claim.id, "attempts": claim.attempts},
        )


def _words(error: Exception) -> str:
    """An error without its message, which may quote rows: its kind and where it arose."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {frames[-1].name}" if frames else ""
    return f"An error: {type(error).__name__}{place}. The worker's log has the places in the code."


def log(
    level: int, place: Place, job: str, period: str, state: str, error: Exception | None = None, **more: object
) -> None:
    extra = {"job": job, "place": place.code, "period": period, "state": state} | more
    _LOG.log(level, "job", extra=extra, exc_info=error)
