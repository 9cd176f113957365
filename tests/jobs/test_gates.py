"""The refreshes of the timetable stop at the gate, and go on where a second person says so."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.database.engine import Database
from service.jobs.actions import tick
from service.settings import Settings
from tests.conftest import Medspiller
from tests.passes.town import HIGH, Town

At = Callable[[str], None]
FAMILIES = 25
REFRESHES = [job for job in TIMETABLE if job.name.startswith("refresh")]


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: At) -> Town:
    """Families who were entitled in January 2017 and have since come into money."""
    at("2017-01-01T08:00Z")
    made = Town(medspiller, database, tmp_path)
    for number in range(FAMILIES):
        made.family(f"h{number}", f"Barn {number}")
    made.load()
    tick(database, REFRESHES)
    at("2017-01-02T08:00Z")
    assert made.say("jobs", "run", "refresh-year")["result"].count(f"{FAMILIES} passes issued") == 1
    made.incomes = dict.fromkeys(made.incomes, HIGH)
    made.load()
    medspiller("user", "add", "a@b.dk", "--name", "A", "--role", "case_worker", "--municipality", "0751")
    return made


def entitled(town: Town) -> int:
    [[found]] = town.rows("SELECT count(*) FROM determination WHERE outcome = 'entitled' AND ended_at IS NULL")
    return int(found)


def test_the_month_s_refresh_is_held(town: Town, at: At, now_settings: Settings) -> None:
    at("2017-01-15T08:00Z")
    [done] = Worker(town.database, now_settings, REFRESHES).once()
    assert (done.job, done.state) == ("refresh-month", "done")
    assert "Held: 25 children are lost where 25 were entitled before" in done.result
    assert entitled(town) == FAMILIES
    [(run_id, state)] = town.rows("SELECT id, state FROM refresh_run WHERE on_date = '2017-01-15'")
    assert (state, str(run_id) in done.result) == ("held", True)
    # Next month's meets the same gate; a person settles it.
    at("2017-02-15T08:00Z")
    [again] = Worker(town.database, now_settings, REFRESHES).once()
    assert "Held: 25 children are lost" in again.result
    [(newest,)] = town.rows("SELECT id FROM refresh_run WHERE on_date = '2017-02-15'")
    assert town.run("eligibility", "approve", newest, "--by", "a@b.dk")["state"] == "committed"
    assert entitled(town) == 0


def test_the_year_s_refresh_is_held(town: Town, at: At, now_settings: Settings) -> None:
    at("2017-12-31T08:00Z")
    yearly = [job for job in REFRESHES if job.name == "refresh-year"]
    year = ("--scheme", "fritidspas", "--valid-from", "2018-01-01", "--source", "byrådet", "limit=192714")
    town.say("scheme", "set", *year)
    Worker(town.database, now_settings, yearly).once()
    at("2018-01-02T08:00Z")
    [done] = Worker(town.database, now_settings, yearly).once()
    assert (done.period, done.state) == ("2018", "done")
    assert "Held: 25 children are lost" in done.result
    assert town.rows("SELECT count(*) FROM leisure_pass WHERE valid_from = '2018-01-01'") == [(0,)]
