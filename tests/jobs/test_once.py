"""Each run takes effect once: after a fault anywhere in it, after kill -9, and with several workers."""

import csv
import logging
import re
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
from tests.conftest import Medspiller
from tests.jobs.conftest import EVERY_JOB, age_the_dead, as_owner, probe, probed, retry_now

PROJECT = Path(__file__).parents[2]
LATER = "2017-01-15T08:00Z"


class Fault(Exception):
    """What goes wrong."""


# At the start, in its first steps, further on, and at the end. With the attempt that goes through they are all it has.
FAULTS = (1, 5, 250, 700, None)


# What has something to do in this municipality without clubs; of the others the first call alone is sure to come.
WITH_WORK = ("refresh-year", "refresh-month", "letters", "seal", "retention", "report", "backup", "check")


class Faulty:
    """A job that fails at the so-maniest call of a function of the project; with None at its end."""

    def __init__(self, job: Job, calls: int | None) -> None:
        self.calls, self.struck_in_the_middle = calls, False
        self.job = msgspec.structs.replace(job, do=type(job.do)(lambda *given: self._fail_in(job.do.run, *given)))

    def _fail_in(self, body: Callable[..., object], *arguments: Any) -> str:
        counted = 0

        def count(frame: FrameType, event: str, _: object) -> None:
            nonlocal counted
            if event == "call" and frame.f_code.co_filename.startswith((f"{PROJECT}/service", f"{PROJECT}/jobs")):
                counted += 1
                if counted == self.calls:
                    self.struck_in_the_middle = True
                    sys.setprofile(None)
                    raise Fault

        sys.setprofile(count)
        try:
            body(*arguments)
        finally:
            sys.setprofile(None)
        raise Fault


def _rows(database: Database) -> dict[str, int]:
    """How many rows each table has, but for those that keep the runs themselves."""
    tables = as_owner(
        database,
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
            AND relname NOT LIKE 'job%' ORDER BY 1""",
    )
    counted = " UNION ALL ".join(f"SELECT '{name}' AS name, count(*) AS rows FROM {name}" for (name,) in tables)
    return {row.name: row.rows for row in as_owner(database, counted)}


def _acts(database: Database) -> dict[str, int]:
    """How often each act of the timetable stands in the trail."""
    return {
        row.action: row.acts
        for row in as_owner(
            database, "SELECT action, count(*) AS acts FROM audit_entry WHERE door = 'job' GROUP BY action"
        )
    }


def _files(home: Path) -> list[str]:
    """What the jobs leave in the home: the names without what differs between two runs."""
    folders = ("outbox", "backups", "certificates", "reports", "print")
    found = [path for folder in folders for path in (home / folder).rglob("*") if path.is_file()]
    return sorted(re.sub(r"-[0-9a-f]{8}-[0-9a-f-]{27}", "", path.name) for path in found)


def _found(worker_runs: list[Ran]) -> dict[str, str]:
    return {done.job: done.state for done in worker_runs}


def _took_effect_once(database: Database, home: Path) -> None:
    """The timetable's work of a fortnight stands there, each piece of it once."""
    rows, acts = _rows(database), _acts(database)
    # Both refreshes ran, and the second found nothing new to issue.
    assert rows["refresh_run"] == acts["eligibility.refresh"] == 2
    assert rows["leisure_pass"] == as_owner(database, "SELECT count(DISTINCT person_id) FROM leisure_pass")[0][0] > 5
    assert rows["letter"] > 0
    assert rows["print_batch"] == acts["letters.hand_over"] == 1
    assert as_owner(database, "SELECT DISTINCT state FROM letter") == [("handed_over",)]
    # What happened after the seal is in the next one.
    assert 0 < rows["audit_sealed"] < rows["audit_entry"]
    assert rows["audit_seal"] == len(as_owner(database, "SELECT id FROM job_run WHERE job = 'seal' AND state = 'done'"))
    assert rows["fact_set"] == rows["fact"] == 0
    [retained] = as_owner(database, "SELECT counts->'facts'->>'fact_set' AS sets, finished_at FROM retention_run")
    assert (retained.sets, retained.finished_at is None) == ("1", False)
    assert acts["care.retention"] == acts["reporting.report"] == 1
    assert _files(home) == [
        ".batch-00001.delivered",
        "batch-00001.csv",
        "batch-00001.pdf",
        "medspiller-2017-01-15.dump",
        "report-2017-01.csv",
        "report-2017-01.png",
        "report-2017-01.svg",
        "report-2017-01.xlsx",
        "retention-0751-2017-01-15.json",
        "retention-0751-2017-01-15.txt",
    ]


@pytest.fixture
def _before(peopled: Municipality, at: Callable[[str], None], database: Database, medspiller: Medspiller) -> None:
    """A fortnight later the whole timetable is due, and every job of it has work. A worker has looked before."""
    medspiller("retention", "set", "facts", "--municipality", "0751", "--months", 0)
    tick(database, EVERY_JOB)
    at(LATER)


@pytest.mark.usefixtures("_before")
def test_a_fault_in_every_job(
    database: Database, installation: Path, now_settings: Settings, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Each job of the timetable fails in several places, one after the other; then it goes through, with one effect."""
    caplog.set_level(logging.INFO)
    for job in EVERY_JOB:
        before = _rows(database)
        struck = 0
        for attempt, calls in enumerate(FAULTS, start=1):
            faulty = Faulty(job, calls)
            retry_now(database)
            [failed] = Worker(database, now_settings, [faulty.job]).once()
            assert (failed.job, failed.state, failed.attempts) == (job.name, "queued", attempt)
            struck += faulty.struck_in_the_middle
            assert isinstance(job.do, Steps) or _rows(database) == before, (job.name, calls)
        assert struck >= (2 if job.name in WITH_WORK else 1), job.name
        retry_now(database)
        [done] = Worker(database, now_settings, [job]).once()
        assert (done.state, done.attempts) == ("done", ATTEMPTS), done.result
    _took_effect_once(database, installation)
    rows = _rows(database)
    retry_now(database)
    assert Worker(database, now_settings, EVERY_JOB).once() == []
    assert _rows(database) == rows
    _tells_of_nobody(database, tmp_path, [JsonLines().format(record) for record in caplog.records])


def _tells_of_nobody(database: Database, folder: Path, lines: list[str]) -> None:
    """Neither the log nor the results of the runs have a name, a number or an address of the people."""
    assert len([line for line in lines if '"event": "job"' in line]) > 2 * len(EVERY_JOB)
    results = as_owner(database, "SELECT coalesce(result, '') || coalesce(outcome::text, '') AS said FROM job_run")
    said = "\n".join([*lines, *(row.said for row in results)])
    known = set()
    with (folder / "population.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            known |= {row["person_id"], row["household_id"], row["street"], row["family_name"]}
            known.add(f"{row['given_name']} {row['family_name']}")
    known.discard("")
    assert len(known) > 100
    assert [word for word in known if re.search(rf"\b{re.escape(word)}\b", said)] == []


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
    """A worker is killed in each job: in the middle of what is one transaction, else when all is done and not noted.

    The next worker does what is left, once.
    """
    for job in EVERY_JOB:
        calls = 250 if isinstance(job.do, Whole) else 10**9
        command = [sys.executable, "-c", _KILLED, job.name, str(calls)]
        killed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
        assert killed.returncode == -9, killed.stderr
        [left] = as_owner(database, "SELECT job, state FROM job_run WHERE state = 'running'")
        assert left.job == job.name
        # Not taken over as long as it may live.
        assert Worker(database, now_settings, [job]).once() == []
        age_the_dead(database)
        assert _found(Worker(database, now_settings, [job]).once()) == {job.name: "done"}
    states = as_owner(database, "SELECT job, state, attempts FROM job_run WHERE state <> 'missed'")
    assert {(row.job, row.state, row.attempts) for row in states} == {(job.name, "done", 2) for job in EVERY_JOB}
    _took_effect_once(database, installation)
    assert as_owner(database, "SELECT count(*) FROM procrastinate.procrastinate_jobs")[0][0] == 0


def test_a_run_that_stops_every_worker_fails_in_the_end(
    municipality: Municipality, database: Database, now_settings: Settings, at: Callable[[str], None]
) -> None:
    seal = [job for job in EVERY_JOB if job.name == "seal"]
    tick(database, seal)
    at("2017-01-02T08:00Z")
    tick(database, seal)
    for attempt in range(1, ATTEMPTS + 1):
        as_owner(
            database,
            "UPDATE job_run SET state = 'running', attempts = :attempt, heartbeat_at = now() WHERE state = 'queued'",
            attempt=attempt,
        )
        age_the_dead(database)
        tick(database, seal)
    [run] = as_owner(database, "SELECT state, result FROM job_run WHERE job = 'seal'")
    assert run.state == "failed"
    assert run.result.startswith("Every worker that began it was stopped")


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
