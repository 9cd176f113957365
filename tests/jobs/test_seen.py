"""What people and machines see of the jobs: commands, and the worker with its log."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlmodel import Session

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.cli import main
from service.database.engine import Database
from service.identity.actions import Municipality
from service.jobs.actions import tick
from service.jobs.work import Whole, Work
from service.settings import Settings
from tests.conftest import Medspiller
from tests.jobs.conftest import MUNICIPAL, as_owner, retry_now

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


def test_a_pause_holds_what_waits_for_another_attempt(
    municipality: Municipality, medspiller: Medspiller, at: At, database: Database, now_settings: Settings
) -> None:
    def fail(_: Session, __: Work) -> str:
        raise ValueError

    [seal] = [job for job in TIMETABLE if job.name == "seal"]
    tick(database, [seal])
    at("2017-01-02T08:00Z")
    [failed] = Worker(database, now_settings, [msgspec.structs.replace(seal, do=Whole(fail))]).once()
    assert failed.state == "queued"
    medspiller("jobs", "pause", "seal", *AT)
    retry_now(database)
    assert Worker(database, now_settings, [seal]).once() == []
    medspiller("jobs", "resume", "seal", *AT)
    [done] = Worker(database, now_settings, [seal]).once()
    assert (done.state, done.attempts) == ("done", 2)
    # What a person asks for is done in a pause too.
    at("2017-01-03T08:00Z")
    medspiller("jobs", "pause", "seal", *AT)
    assert medspiller("jobs", "run", "seal", *AT)["period"] == "2017-01-03"


def test_a_time_is_told_with_the_next_run(municipality: Municipality, medspiller: Medspiller, at: At) -> None:
    at("2017-01-01T12:00Z")
    assert medspiller("jobs", "set", "letters", *AT, "--at", "04:00")["next_at"] == "2017-01-02T03:00:00Z"
    medspiller("jobs", "pause", "letters", *AT)
    assert medspiller("jobs", "resume", "letters", *AT)["next_at"] == "2017-01-02T03:00:00Z"


def say(*arguments: str) -> str:
    """What a command prints for people."""
    result = CliRunner().invoke(main, ["jobs", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_the_list_shows_every_place_and_what_is_wrong_in_words(
    municipality: Municipality, medspiller: Medspiller, at: At, database: Database, now_settings: Settings
) -> None:
    medspiller("municipality", "add", "0755", "Ikast", "--country", "dk")
    tick(database, TIMETABLE)
    at("2017-01-02T12:00Z")
    listed = medspiller("jobs", "list")["jobs"]
    assert {(job["place"], job["job"]) for job in listed} == {
        (place, job.name)
        for job in MUNICIPAL
        for place in (("installation",) if job.installation else ("0751", "0755"))
    }
    said = say("list")
    assert "ALARM: it did not run though it should have." in said
    assert "Back up the database: every day at 01:00, was due 2017-01-02 01:00" in said
    Worker(database, now_settings, TIMETABLE).once()
    lines = say("list").splitlines()
    at_seal = next(place for place, line in enumerate(lines) if line.startswith("  seal"))
    assert lines[0] == "The installation, times of UTC"
    assert lines[at_seal] == "  seal            Seal the audit trail: every day at 00:30, next 2017-01-03 00:30"
    assert lines[at_seal + 1].strip() == "seal 2017-01-02: done 2017-01-02 13:00  1 entries sealed."
    assert "ALARM: its last run failed." in say("list", "--municipality", "0755")
    assert "medspiller jobs resume seal --municipality 0751" in say("pause", "seal", *AT)
    assert "paused" in say("list", *AT)


def test_what_is_done_to_the_installation_s_jobs_stands_in_every_trail(
    municipality: Municipality, medspiller: Medspiller, database: Database
) -> None:
    medspiller("municipality", "add", "0755", "Ikast", "--country", "dk")
    medspiller("jobs", "pause", "backup")
    medspiller("jobs", "run", "check")
    query = """SELECT code, action, details->>'job' AS job FROM audit_entry JOIN directory.tenant t ON t.id = tenant_id
        WHERE action LIKE 'jobs.%' ORDER BY 1, 2"""
    acts = [("jobs.pause", "backup"), ("jobs.run", "check")]
    assert as_owner(database, query) == [(code, *act) for code in ("0751", "0755") for act in acts]


def test_a_backup_clears_away_what_a_killed_one_left(
    municipality: Municipality, medspiller: Medspiller, installation: Path
) -> None:
    folder = installation / "backups"
    folder.mkdir(parents=True)
    left, at_work = folder / ".medspiller-2016-12-30.dump.0a1b2c3d", folder / ".medspiller-2017-01-01.dump.4e5f6a7b"
    for path in (left, at_work):
        path.touch()
    os.utime(left, (time.time() - 86_400, time.time() - 86_400))
    medspiller("jobs", "run", "backup")
    assert (left.exists(), at_work.exists()) == (False, True)


def test_a_job_of_the_other_kind_of_place(municipality: Municipality, medspiller: Medspiller) -> None:
    assert "leave out --municipality" in medspiller.fails("jobs", "run", "check", *AT)
    assert "--municipality" in medspiller.fails("jobs", "run", "letters")
    assert "There are" in medspiller.fails("jobs", "run", "nothing", *AT)
    assert medspiller("jobs", "run", "check")["state"] == "done"


def test_two_workers_work_until_they_are_told_to_stop(municipality: Municipality, at: At, database: Database) -> None:
    """Two processes, started in either way: each run is done by one of them, and the logs tell by which."""
    tick(database, TIMETABLE)
    at("2017-01-02T08:00Z")
    due = [job.name for job in MUNICIPAL if job.when.day is None or job.name == "refresh-year"]
    commands = (("-m", "jobs"), ("-c", "from service.cli import main; main()", "worker"))
    both = [subprocess.Popen([sys.executable, *one], stderr=subprocess.PIPE, text=True) for one in commands]
    try:
        until = time.monotonic() + 60
        query = "SELECT count(*) FROM job_run WHERE state IN ('done', 'failed')"
        listening = "SELECT count(*) FROM procrastinate.procrastinate_workers"
        # Each process has a carrier for runs and one for each kind of messages.
        while as_owner(database, query)[0][0] < len(due) or as_owner(database, listening)[0][0] < 4:
            assert time.monotonic() < until
            assert [process.poll() for process in both] == [None, None]
            time.sleep(0.2)
        for process in both:
            process.send_signal(signal.SIGTERM)
        logs = [process.communicate(timeout=30)[1] for process in both]
    finally:
        for process in both:
            process.kill()
            process.wait()
    assert [process.returncode for process in both] == [0, 0], logs
    lines = [json.loads(line) for log in logs for line in log.splitlines()]
    ended = [line for line in lines if line["event"] == "job" and line["state"] in ("done", "failed")]
    # The register is empty, so there is nothing to decide about.
    expected = [(name, "failed" if name == "refresh-year" else "done") for name in sorted(due)]
    assert sorted((line["job"], line["state"]) for line in ended) == expected
    by_name = {line["job"]: line for line in ended}
    assert (by_name["seal"]["place"], by_name["seal"]["period"], by_name["seal"]["attempt"]) == (
        "0751",
        "2017-01-02",
        1,
    )
    assert by_name["seal"]["seconds"] > 0
    assert by_name["refresh-year"]["level"] == "error"
    # What proves the chain lies outside of the database.
    [[digest]] = as_owner(database, "SELECT encode(digest, 'hex') FROM audit_seal ORDER BY number DESC LIMIT 1")
    assert by_name["seal"]["outcome"]["digest"] == digest
    # While no worker ran the jobs were overdue, and the log says so.
    raised = [line for line in lines if line["event"] == "alarm" and line["state"] == "raised"]
    assert ("backup", "overdue", "error") in {(line["job"], line["alarm"], line["level"]) for line in raised}


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
