"""What people and machines see of the jobs: commands, alarms, metrics, the worker's log."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from litestar.testing import TestClient
from sqlalchemy import text

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.app import create_app
from service.database.engine import Database
from service.identity.actions import Municipality
from service.jobs.actions import tick
from service.settings import Settings
from tests.conftest import Medspiller
from tests.jobs.conftest import as_owner

AT = ("--municipality", "0751")
At = Callable[[str], None]


def test_a_run_by_hand(peopled: Municipality, medspiller: Medspiller, at: At) -> None:
    at("2017-01-03T08:00Z")
    done = medspiller("jobs", "run", "refresh-year", *AT)
    assert (done["state"], done["period"], done["attempts"]) == ("done", "2017", 1)
    assert "passes issued" in done["result"]
    again = medspiller("jobs", "run", "refresh-year", *AT)
    assert (again["state"], again["result"]) == ("done before", done["result"])
    [run] = medspiller("jobs", "history", *AT)["runs"]
    assert (run["job"], run["due_at"], run["state"]) == ("refresh-year", "2017-01-02T01:00:00Z", "done")


def test_a_refusal_is_told_and_can_be_settled(
    municipality: Municipality, medspiller: Medspiller, request: pytest.FixtureRequest
) -> None:
    assert "register import" in medspiller.fails("jobs", "run", "refresh-month", *AT)
    [state] = [job for job in medspiller("jobs", "list", *AT)["jobs"] if job["job"] == "refresh-month"]
    assert (state["alarm"], state["last"]["state"]) == ("failed", "failed")
    request.getfixturevalue("peopled")
    assert medspiller("jobs", "run", "refresh-month", *AT)["state"] == "done"


def test_own_times(municipality: Municipality, medspiller: Medspiller, at: At, database: Database) -> None:
    when = medspiller("jobs", "set", "letters", *AT, "--at", "22:15")["when"]
    assert when == "every day at 22:15"
    [letters] = [job for job in medspiller("jobs", "list", *AT)["jobs"] if job["job"] == "letters"]
    assert letters["next_at"] == "2017-01-01T21:15:00Z"
    medspiller("jobs", "set", "refresh-year", *AT, "--at", "01:00", "--day", "31", "--month", "7")
    assert "name the month" in medspiller.fails("jobs", "set", "refresh-year", *AT, "--at", "01:00")
    medspiller.fails("jobs", "set", "letters", *AT, "--at", "1 o'clock", code=2)
    assert medspiller("jobs", "set", "letters", *AT, "--timetable")["when"] == "every day at 06:00"
    acts = as_owner(database, "SELECT action, details->>'job' AS job FROM audit_entry WHERE subject_kind = 'job'")
    assert [(act.action, act.job) for act in acts] == [
        ("jobs.set", "letters"),
        ("jobs.set", "refresh-year"),
        ("jobs.set", "letters"),
    ]


def test_a_pause(
    municipality: Municipality, medspiller: Medspiller, at: At, database: Database, now_settings: Settings
) -> None:
    seal = [job for job in TIMETABLE if job.name == "seal"]
    worker = Worker(database, now_settings, seal)
    worker.once()
    medspiller("jobs", "pause", "seal", *AT)
    at("2017-01-09T08:00Z")
    assert worker.once() == []
    [state] = [job for job in medspiller("jobs", "list", *AT)["jobs"] if job["job"] == "seal"]
    assert (state["paused"], state["next_at"], state["alarm"]) == (True, None, None)
    medspiller("jobs", "resume", "seal", *AT)
    assert worker.once() == []
    at("2017-01-10T08:00Z")
    assert [done.period for done in worker.once()] == ["2017-01-10"]
    runs = medspiller("jobs", "history", "seal", *AT)["runs"]
    assert [run["state"] for run in runs] == ["done"]


def test_a_job_of_the_other_kind_of_place(municipality: Municipality, medspiller: Medspiller) -> None:
    assert "leave out --municipality" in medspiller.fails("jobs", "run", "check", *AT)
    assert "--municipality" in medspiller.fails("jobs", "run", "letters")
    assert "There are" in medspiller.fails("jobs", "run", "nothing", *AT)
    assert medspiller("jobs", "run", "check")["state"] == "done"


def test_health_and_metrics(municipality: Municipality, database: Database, at: At, now_settings: Settings) -> None:
    with TestClient(create_app(database)) as client:
        at("2017-01-01T12:00Z")
        assert client.get("/health").json()["jobs"] == {"overdue": ["installation worker"], "failed": []}
        tick(database, TIMETABLE)
        assert client.get("/health").json()["jobs"] == {"overdue": [], "failed": []}
        # No worker runs in the night.
        at("2017-01-02T08:00Z")
        answer = client.get("/health")
        assert answer.status_code == 200
        overdue = [
            "installation backup",
            "installation check",
            "0751 letters",
            "0751 refresh-year",
            "0751 retention",
            "0751 seal",
        ]
        assert answer.json()["jobs"]["overdue"] == overdue
        Worker(database, now_settings, TIMETABLE).once()
        answer = client.get("/health")
        assert answer.json()["jobs"] == {"overdue": [], "failed": ["0751 refresh-year"]}
        lines = client.get("/metrics").text.splitlines()
    success = 'medspiller_job_last_success_timestamp_seconds{job="seal",place="0751"} 1.483344e+09'
    assert success in lines
    assert 'medspiller_job_failed{job="refresh-year",place="0751"} 1.0' in lines
    assert 'medspiller_job_overdue{job="refresh-year",place="0751"} 0.0' in lines
    assert 'medspiller_job_runs_total{job="backup",place="installation",state="done"} 1.0' in lines
    assert "Medby" not in "".join(lines)


@pytest.mark.parametrize("command", [("-m", "jobs"), ("-c", "from service.cli import main; main()", "worker")])
def test_a_worker_works_until_it_is_told_to_stop(
    municipality: Municipality, at: At, database: Database, command: tuple[str, ...]
) -> None:
    tick(database, TIMETABLE)
    at("2017-01-02T08:00Z")
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 60
        query = "SELECT count(*) FROM job_run WHERE state IN ('done', 'failed')"
        while as_owner(database, query)[0][0] < 6:
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=30)[1]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, log
    lines = [json.loads(line) for line in log.splitlines()]
    done = {line["job"]: line for line in lines if line["event"] == "job" and line["state"] == "done"}
    assert set(done) == {"backup", "check", "letters", "retention", "seal"}
    assert (done["seal"]["place"], done["seal"]["period"], done["seal"]["attempt"]) == ("0751", "2017-01-02", 1)
    assert done["seal"]["seconds"] > 0
    assert {line["level"] for line in lines if line["event"] == "job" and line["state"] == "failed"} == {"error"}


def test_a_worker_outlives_its_connections(municipality: Municipality, at: At, database: Database) -> None:
    tick(database, TIMETABLE)
    process = subprocess.Popen([sys.executable, "-m", "jobs"], stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 60
        listening = "SELECT count(*) FROM procrastinate.procrastinate_workers"
        while as_owner(database, listening)[0][0] < 1:
            assert time.monotonic() < until
            time.sleep(0.2)
        with database.transaction() as session:
            session.execute(
                text(
                    """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"""
                )
            )
        at("2017-01-02T08:00Z")
        tick(database, TIMETABLE)
        while as_owner(database, "SELECT count(*) FROM job_run WHERE state = 'done'")[0][0] < 4:
            assert time.monotonic() < until
            assert process.poll() is None, process.communicate()
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_once(municipality: Municipality, at: At, installation: Path) -> None:
    command = [sys.executable, "-m", "jobs", "--once", "--json"]
    first = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (first.returncode, json.loads(first.stdout)) == (0, {"ran": []})


def test_beside_the_web_service(municipality: Municipality, database: Database, at: At, now_settings: Settings) -> None:
    seal = [job for job in TIMETABLE if job.name == "seal"]
    tick(database, seal)
    at("2017-01-02T08:00Z")
    worker = Worker(database, now_settings, seal)
    with worker.beside():
        until = time.monotonic() + 30
        while not worker.ran:
            assert time.monotonic() < until
            time.sleep(0.05)
    assert [done.state for done in worker.ran] == ["done"]
