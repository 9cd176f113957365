"""Doing a run once: claiming it, its effect with the note that it is done, and what becomes of a failure."""

import logging
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from service.database.engine import Database
from service.database.requests import record_outside
from service.errors import Refused
from service.jobs.rules import Due
from service.jobs.work import Job, Place, Whole, Work
from service.settings import Settings
from service.values import clock
from service.values.progress import Progress

# A run fails after so many attempts; between them 5, 25, 125 … seconds pass.
ATTEMPTS = 6
BEAT = 20.0

_LOG = logging.getLogger("medspiller.jobs")


class Overtaken(Exception):
    """Another worker has taken the run meanwhile; what this one did rolls back."""


class Ran(msgspec.Struct, frozen=True):
    """What came of an attempt at a run; `queued` means that it will be tried again."""

    place: str
    job: str
    period: str
    state: str
    attempts: int
    result: str


class _Claim(msgspec.Struct, frozen=True):
    id: UUID
    place: Place
    job: Job
    due: Due
    attempts: int


def run(database: Database, settings: Settings, job: Job, place: Place, period: str, *, retried: bool) -> Ran | None:
    """Claim a run and do it; None where it is done already, or another worker has it.

    A refusal is for a person to settle and fails at once. Any other error is tried again where `retried`, until the
    attempts are used up.
    """
    claim = _claim(database, job, place, period)
    return None if claim is None else _run(database, settings, claim, retried=retried)


def _claim(database: Database, job: Job, place: Place, period: str) -> _Claim | None:
    with database.transaction(place.id) as session:
        row = session.execute(
            text(
                """UPDATE job_run SET state = 'running', attempts = attempts + 1, started_at = :at, progress = NULL,
                    heartbeat_at = clock_timestamp()
                WHERE job = :job AND period = :period AND state = 'queued' RETURNING id, attempts, due_at"""
            ),
            {"job": job.name, "period": period, "at": clock.now()},
        ).one_or_none()
    if row is None:
        return None
    on = row.due_at.astimezone(ZoneInfo(place.time_zone)).date()
    return _Claim(row.id, place, job, Due(period, on, row.due_at), row.attempts)


def _run(database: Database, settings: Settings, claim: _Claim, *, retried: bool) -> Ran:
    began = time.monotonic()
    log(logging.INFO, claim.place, claim.job.name, claim.due.period, "running", attempt=claim.attempts)
    error: Exception | None = None
    try:
        with _beating(database, claim):
            state, result = "done", _do(database, settings, claim)
    except Overtaken:
        state, result = "overtaken", "Another worker has taken the run."
    except Refused as refusal:
        error, result = refusal, refusal.message
        state = _give_up(database, claim, "failed", result)
    except Exception as caught:
        error, result = caught, _words(caught)
        again = retried and claim.attempts < ATTEMPTS
        state = _give_up(database, claim, "queued" if again else "failed", result)
    except BaseException:
        _give_up(database, claim, "queued", "The worker was stopped.")
        raise
    seconds = round(time.monotonic() - began, 3)
    level = logging.ERROR if state == "failed" else logging.INFO if state == "done" else logging.WARNING
    log(level, claim.place, claim.job.name, claim.due.period, state, error, attempt=claim.attempts, seconds=seconds)
    return Ran(claim.place.code, claim.job.name, claim.due.period, state, claim.attempts, result)


def _do(database: Database, settings: Settings, claim: _Claim) -> str:
    work = Work(
        database=database,
        settings=settings,
        place=claim.place,
        period=claim.due.period,
        on=claim.due.on,
        progress=Progress(lambda said: _say(database, claim, said)),
    )
    if isinstance(claim.job.do, Whole):
        with database.transaction(claim.place.id) as session:
            result = claim.job.do.run(session, work)
            _note_done(session, claim, result)
        return result
    result = claim.job.do.run(work)
    with database.transaction(claim.place.id) as session:
        _note_done(session, claim, result)
    return result


def _note_done(session: Session, claim: _Claim, result: str) -> None:
    """Note a run done in the transaction of its effect; raises where the run is another worker's by now."""
    noted = session.execute(
        text(
            """UPDATE job_run SET state = 'done', finished_at = :at, result = :result, progress = NULL
            WHERE id = :id AND state = 'running' AND attempts = :attempts RETURNING id"""
        ),
        {"id": claim.id, "attempts": claim.attempts, "at": clock.now(), "result": result},
    ).scalar()
    if noted is None:
        raise Overtaken


def _give_up(database: Database, claim: _Claim, state: str, result: str) -> str:
    """Note that this attempt came to nothing; returns the run's state."""
    with database.transaction(claim.place.id) as session:
        noted = session.execute(
            text(
                """UPDATE job_run SET state = :state, finished_at = :at, result = :result, progress = NULL
                WHERE id = :id AND state = 'running' AND attempts = :attempts RETURNING id"""
            ),
            {"id": claim.id, "attempts": claim.attempts, "state": state, "result": result}
            | {"at": clock.now() if state == "failed" else None},
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


def _say(database: Database, claim: _Claim, said: str) -> None:
    _tell(database, claim, "heartbeat_at = clock_timestamp(), progress = :said", {"said": said})


def _tell(database: Database, claim: _Claim, change: str, values: dict[str, str]) -> None:
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
