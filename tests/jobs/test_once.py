"""Each run takes effect once: after a fault anywhere in it, after kill -9, and with several workers."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest
from sqlmodel import Session

from jobs.worker import Worker
from service.database.engine import Database
from service.identity.actions import Municipality
from service.jobs.actions import tick
from service.jobs.running import ATTEMPTS, Ran, run
from service.jobs.work import Job, Place, Steps, Whole, Work, find_place
from service.settings import Settings
from service.web.log import JsonLines
from tests.jobs.conftest import EVERY_JOB, age_the_dead, as_owner, probe, probed, retry_now

PROJECT = Path(__file__).parents[2]
LATER = "2017-01-15T08:00Z"


class Fault(Exception):
    """What goes wrong."""


def _faulty(job: Job, calls: int | None) -> Job:
    """The job, failing at the so-maniest call of a function of the project; with None at its end."""

    def fail_in(body: Callable[..., object], *arguments: Any) -> str:
        counted = 0

        def count(frame: FrameType, event: str, _: object) -> None:
            nonlocal counted
            if event == "call" and frame.f_code.co_filename.startswith((f"{PROJECT}/service", f"{PROJECT}/jobs")):
                counted += 1
                if counted == calls:
                    sys.setprofile(None)
                    raise Fault

        sys.setprofile(count)
        try:
            body(*arguments)
        finally:
            sys.setprofile(None)
        raise Fault

    body = job.do
    if isinstance(body, Whole):
        whole = body.run
        return msgspec.structs.replace(job, do=Whole(lambda session, work: fail_in(whole, session, work)))
    steps = body.run
    return msgspec.structs.replace(job, do=Steps(lambda work: fail_in(steps, work)))


def _effects(database: Database, home: Path) -> dict[str, Any]:
    """What the jobs leave, counted: each count is that of one time."""
    counts = as_owner(
        database,
        """SELECT (SELECT count(*) FROM refresh_run) AS refreshes, (SELECT count(*) FROM leisure_pass) AS passes,
            (SELECT count(*) FROM letter) AS letters, (SELECT count(*) FROM determination) AS determinations,
            (SELECT count(*) FROM audit_entry WHERE action = 'eligibility.refresh') AS refreshed,
            (SELECT count(*) FROM audit_entry WHERE action = 'letters.hand_over') AS handed_over,
            (SELECT count(*) FROM letter WHERE state = 'handed_over') AS sent,
            (SELECT count(*) FROM audit_sealed) AS sealed, (SELECT count(*) FROM audit_entry) AS entries""",
    )[0]
    files = sorted(path.name for folder in ("outbox", "backups") for path in (home / folder).rglob("*"))
    return dict(counts._mapping) | {"files": files}


def _found(worker_runs: list[Ran]) -> dict[str, str]:
    return {done.job: done.state for done in worker_runs}


@pytest.fixture
def _before(peopled: Municipality, at: Callable[[str], None], database: Database) -> None:
    """A fortnight later the whole timetable is due. A worker has looked before."""
    tick(database, EVERY_JOB)
    at(LATER)


@pytest.mark.usefixtures("_before")
def test_a_fault_in_every_job(database: Database, installation: Path, now_settings: Settings) -> None:
    """At the start of each, at several places in the middle and at the end; then it goes through, with one effect."""
    for calls in (1, 7, 40, None):
        worker = Worker(database, now_settings, [_faulty(job, calls) for job in EVERY_JOB])
        retry_now(database)
        assert set(_found(worker.once()).values()) == {"queued"}, calls
    effects = _effects(database, installation)
    assert effects["refreshes"] == effects["passes"] == effects["determinations"] == effects["sealed"] == 0
    retry_now(database)
    done = Worker(database, now_settings, EVERY_JOB).once()
    assert _found(done) == {job.name: "done" for job in EVERY_JOB}
    retry_now(database)
    assert Worker(database, now_settings, EVERY_JOB).once() == []
    effects = _effects(database, installation)
    # Both refreshes ran, and the second found nothing new to issue.
    assert effects["refreshes"] == effects["refreshed"] == 2
    assert effects["passes"] > 5
    assert effects["sent"] == effects["letters"] > 0
    assert effects["handed_over"] == 1
    assert effects["sealed"] > 0
    assert [name for name in effects["files"] if name.endswith((".pdf", ".dump"))] == [
        "batch-00001.pdf",
        "medspiller-2017-01-15.dump",
    ]


_KILLED = """
import os, signal, sys
import msgspec
from service.settings import load
from service.database.engine import open_database
from service.values import clock
from tests.jobs.conftest import EVERY_JOB
from jobs.worker import Worker
name, calls = sys.argv[1], int(sys.argv[2])
counted = 0
def count(frame, event, _):
    global counted
    if event == "call" and ("/service/" in frame.f_code.co_filename or "/jobs/" in frame.f_code.co_filename):
        counted += 1
        if counted == calls:
            os.kill(os.getpid(), signal.SIGKILL)
def watched(body):
    def run(*arguments):
        sys.setprofile(count)
        try:
            body(*arguments)
        finally:
            sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGKILL)
    return run
clock.pin(load().now)
with open_database(load()) as database:
    [job] = [job for job in EVERY_JOB if job.name == name]
    timetable = [msgspec.structs.replace(job, do=msgspec.structs.replace(job.do, run=watched(job.do.run)))]
    Worker(database, load(), timetable).once()
"""


@pytest.mark.usefixtures("_before")
def test_kill_minus_nine(database: Database, installation: Path, now_settings: Settings) -> None:
    """A worker is killed in each job, now early, now at its end; the next worker does what is left, once."""
    for number, job in enumerate(EVERY_JOB):
        calls = 10**9 if number % 2 else 12
        command = [sys.executable, "-c", _KILLED, job.name, str(calls)]
        killed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
        assert killed.returncode == -9, killed.stderr
        [left] = as_owner(database, "SELECT job, state FROM job_run WHERE state = 'running'")
        assert left.job == job.name
        # Not taken over as long as it may live.
        assert Worker(database, now_settings, [job]).once() == []
        age_the_dead(database)
    retry_now(database)
    Worker(database, now_settings, EVERY_JOB).once()
    states = as_owner(database, "SELECT job, state, attempts FROM job_run WHERE state <> 'missed'")
    assert {(row.job, row.state) for row in states} == {(job.name, "done") for job in EVERY_JOB}
    effects = _effects(database, installation)
    assert effects["refreshes"] == effects["refreshed"] == 2
    assert effects["sent"] == effects["letters"] > 0
    assert effects["handed_over"] == 1
    assert as_owner(database, "SELECT count(*) FROM procrastinate.procrastinate_jobs")[0][0] == 0


def test_several_workers_at_the_same_time(
    municipality: Municipality, database: Database, now_settings: Settings, at: Callable[[str], None]
) -> None:
    timetable = probed(EVERY_JOB)
    tick(database, timetable)
    at(LATER)
    workers = [Worker(database, now_settings, timetable) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        ran = [done for each in threads.map(lambda worker: worker.once(), workers) for done in each]
    assert sorted(done.job for done in ran) == sorted(job.name for job in timetable)
    assert {done.state for done in ran} == {"done"}
    [[effects]] = as_owner(database, "SELECT count(*) FROM audit_entry WHERE action = 'probe'")
    assert effects == len(timetable)


def _place(database: Database) -> Place:
    with database.transaction() as session:
        return find_place(session, "0751")


def test_a_worker_that_was_taken_for_dead_rolls_back(
    municipality: Municipality, database: Database, now_settings: Settings, at: Callable[[str], None]
) -> None:
    [seal] = [job for job in EVERY_JOB if job.name == "seal"]
    quick = msgspec.structs.replace(seal, do=Whole(probe))
    other: list[Ran] = []

    def slow(session: Session, work: Work) -> str:
        result = probe(session, work)
        age_the_dead(database)
        other.extend(Worker(database, now_settings, [quick]).once())
        return result

    tick(database, [seal])
    at("2017-01-02T08:00Z")
    tick(database, [seal])
    found: list[Ran | None] = []
    late = msgspec.structs.replace(seal, do=Whole(slow))
    thread = threading.Thread(
        target=lambda: found.append(run(database, now_settings, late, _place(database), "2017-01-02", retried=True))
    )
    thread.start()
    thread.join()
    assert [done.state for done in other] == ["done"]
    assert [done and done.state for done in found] == ["overtaken"]
    [[effects]] = as_owner(database, "SELECT count(*) FROM audit_entry WHERE action = 'probe'")
    assert effects == 1


def test_what_fails_is_tried_again_and_in_the_end_an_alarm(
    municipality: Municipality,
    database: Database,
    now_settings: Settings,
    at: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: Session, __: Work) -> str:
        raise ValueError("Sigrid Nordahl, Testvej 3")

    [seal] = [job for job in EVERY_JOB if job.name == "seal"]
    worker = Worker(database, now_settings, [msgspec.structs.replace(seal, do=Whole(fail))])
    tick(database, [seal])
    at("2017-01-02T08:00Z")
    waits = []
    for attempt in range(1, ATTEMPTS + 1):
        [done] = worker.once()
        assert (done.attempts, done.state) == (attempt, "queued" if attempt < ATTEMPTS else "failed")
        assert "ValueError in fail" in done.result
        assert worker.once() == []
        waits += as_owner(
            database,
            "SELECT extract(epoch FROM scheduled_at - now())::int AS wait FROM procrastinate.procrastinate_jobs",
        )
        retry_now(database)
    assert worker.once() == []
    assert all(5**n - 4 <= row.wait <= 5**n for n, row in enumerate(waits, start=1))
    assert len(waits) == ATTEMPTS - 1
    told = as_owner(database, "SELECT result FROM job_run WHERE state = 'failed'")[0].result
    assert "Sigrid" not in told
    lines = "\n".join(JsonLines().format(record) for record in caplog.records)
    assert '"state": "failed"' in lines
    assert "Sigrid" not in lines
