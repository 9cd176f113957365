"""The jobs of a volunteer organisation: each with faults and killed, once in effect; texts leave by the folder."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.jobs.actions import tick
from service.jobs.running import ATTEMPTS
from service.offers import answers
from service.offers.answers import Yes
from service.offers.desk import keep_settings
from service.offers.rules import Needs, Settings
from service.settings import load
from tests.conftest import Medspiller
from tests.jobs.conftest import age_the_dead, retry_now
from tests.jobs.test_once import FAULTS, PROJECT, Faulty
from tests.offers.summer import Summer
from tests.offers.test_offers import full

JOBS = tuple(job for job in TIMETABLE if job.kind == "organisation")
AT = ("--organisation", "ferie")
At = Callable[[str], None]


@pytest.fixture
def due(summer: Summer, at: At) -> Summer:
    """One has accepted, one let the deadline go by, one is to be reminded, and freed places go out by themselves."""
    full(summer)
    desk = summer.desk()
    with summer.session() as session:
        answers.accept(session, desk, summer.ids("p"), Yes((0, 1), None, Needs(diet="Vegan")), "link")
        keep_settings(session, desk, summer.camp.season, Settings(14, 13, by_itself=True))
    at("2026-05-30T08:00Z")
    summer.list("r", need=1, wishes="A2")
    summer.hand_over()
    summer.place("r", "A2")
    summer.offer()
    tick(summer.camp.database, JOBS)
    # What was due in that night is not looked at here.
    for table in ("job_run", "procrastinate.procrastinate_jobs"):
        summer.camp.as_owner(f"DELETE FROM {table}")
    at("2026-06-05T12:00Z")
    return summer


def took_effect_once(summer: Summer) -> None:
    assert summer.states() == {"p": "accepted", "q": "expired", "r": "open", "w2": "open", "w3": "open"}
    assert summer.held() == {"p": ("A1", 2), "r": ("A2", 2), "w2": ("A1", 2), "w3": ("A2", 2)}
    acts = dict(
        summer.camp.rows(
            summer.tenant_id, "SELECT action, count(*) FROM audit_entry WHERE door = 'job' GROUP BY action ORDER BY 1"
        )
    )
    assert acts == {"offers.expired": 1, "offers.next": 2, "offers.remind": 1}
    folder = summer.camp.database.home / "texts"
    sent = [json.loads(path.read_text()) for path in sorted(folder.iterdir())]
    # A worker that dies between handing a text over and noting it hands it over again, under the same mark.
    links = [one["text"].rpartition("/")[2] for one in {one["mark"]: one for one in sent}.values()]
    assert sorted(links) == sorted(summer.secret(key) for key in ("r", "w2", "w3"))
    assert {one["to"] for one in sent} == {"90000009"}


def test_a_fault_in_every_job(due: Summer) -> None:
    database, settings = due.camp.database, load()
    for job in JOBS:
        for attempt, calls in enumerate(FAULTS, start=1):
            retry_now(database)
            failed = Worker(database, settings, [Faulty(job, calls).job]).once()[0]
            assert (failed.job, failed.state, failed.attempts, failed.place) == (job.name, "queued", attempt, "ferie")
        retry_now(database)
        done = Worker(database, settings, [job]).once()[0]
        assert (done.state, done.attempts) == ("done", ATTEMPTS), done.result
    retry_now(database)
    assert Worker(database, settings, JOBS).once() == []
    took_effect_once(due)


_KILLED = """
import os, signal, sys
import msgspec
from service.settings import load
from service.database.engine import open_database
from service.values import clock
from jobs.timetable import TIMETABLE
from jobs.worker import Worker
def watched(body):
    def run(*arguments):
        body(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
    return run
clock.pin(load().now)
with open_database(load()) as database:
    [job] = [job for job in TIMETABLE if job.name == sys.argv[1]]
    timetable = [msgspec.structs.replace(job, do=msgspec.structs.replace(job.do, run=watched(job.do.run)))]
    Worker(database, load(), timetable).once()
"""


def test_kill_minus_nine(due: Summer) -> None:
    """A worker is killed when all is done and not noted; the next does it once."""
    database, settings = due.camp.database, load()
    for job in JOBS:
        command = [sys.executable, "-c", _KILLED, job.name]
        now = os.environ | {"MEDSPILLER_NOW": "2026-06-05T12:00Z"}
        killed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False, env=now)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        age_the_dead(database)
        [done] = Worker(database, settings, [job]).once()
        assert (done.job, done.state) == (job.name, "done")
    # Texts are carried beside the runs: the last may still wait.
    assert Worker(database, settings, JOBS).once() == []
    took_effect_once(due)


def test_what_families_need_and_how_they_are_reached_is_erased_after_the_stay(due: Summer, at: At) -> None:
    holidays = [job for job in TIMETABLE if job.name == "holidays"]

    def kept() -> tuple[int, int]:
        rows = [due.camp.rows(due.tenant_id, f"SELECT FROM {table}") for table in ("offer_needs", "offer_contact")]
        return len(rows[0]), len(rows[1])

    tick(due.camp.database, holidays)
    due.camp.as_owner("DELETE FROM job_run")
    # The stay ends on 4 July; somebody may still ask about a family for a fortnight.
    for day, left in (("2026-07-04", (1, 3)), ("2026-07-05", (1, 0)), ("2026-07-18", (0, 0))):
        at(f"{day}T12:00Z")
        Worker(due.camp.database, load(), holidays).once()
        assert kept() == left, day


def test_an_organisation_s_jobs_on_the_command_line(summer: Summer, medspiller: Medspiller, tmp_path: Path) -> None:
    listed = medspiller("jobs", "list")["jobs"]
    assert {one["job"] for one in listed if one["place"] == "ferie"} == {job.name for job in JOBS}
    assert medspiller("jobs", "run", "offers-end", *AT)["state"] == "done"
    assert medspiller("jobs", "pause", "offers-end", *AT)["paused"] is True
    assert medspiller("jobs", "resume", "offers-end", *AT)["paused"] is False
    assert len(medspiller("jobs", "history", *AT)["runs"]) == 1
    assert "--organisation" in medspiller.fails("jobs", "run", "offers-end", "--municipality", "4601")
    assert "no volunteer organisation" in medspiller.fails("jobs", "run", "offers-end", "--organisation", "x")
