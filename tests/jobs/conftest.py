"""A municipality with people in January 2017, and jobs whose only effect is an entry of the audit trail."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlmodel import Session

from jobs.timetable import TIMETABLE
from service.audit.actions import record
from service.database.engine import Database
from service.eligibility import schemes
from service.identity.actions import Municipality, find_municipality
from service.jobs.rules import monthly
from service.jobs.work import JOB, Job, Timetable, Whole, Work
from service.letters.settings import set_signature
from service.register.made_up import write_extract
from service.settings import Settings, load
from tests.conftest import Medspiller

SIGNATURE = {
    "department": "Børn og Unge",
    "street": "Rådhuspladsen 1",
    "postcode_city": "8000 Medby",
    "phone": "89 00 00 00",
    "email": "fritidspas@medby.example",
    "web": "medby.example/fritidspas",
    "opening_hours": "Mandag til torsdag kl. 9–15",
    "club_page": "klub.medby.example",
    "page": "familie.medby.example",
    "apply": "medby.example/fritidspas/soeg",
}

# What runs for a municipality and the installation, with the report of the month's end in its middle, so that a
# fortnight has a run of every job. Those of organisations: tests/offers/test_jobs.py.
MUNICIPAL = tuple(job for job in TIMETABLE if job.kind != "organisation")
EVERY_JOB = tuple(
    msgspec.structs.replace(job, when=monthly(10, "22:00")) if job.name == "report" else job for job in MUNICIPAL
)


@pytest.fixture
def now_settings(installation: Path) -> Settings:
    return load()


@pytest.fixture
def municipality(database: Database, medspiller: Medspiller, at: Callable[[str], None]) -> Municipality:
    """Medby, added on New Year's Day 2017."""
    at("2017-01-01T08:00Z")
    medspiller("municipality", "add", "0751", "Medby", "--country", "dk")
    with database.transaction() as session:
        return find_municipality(session, "0751")


@pytest.fixture
def peopled(municipality: Municipality, database: Database, medspiller: Medspiller, tmp_path: Path) -> Municipality:
    """Medby with 40 households, the published parameters and what its letters need."""
    made = write_extract(tmp_path, households=40, on=date(2017, 1, 1))
    with database.transaction(municipality.id) as session:
        if not session.execute(text("SELECT EXISTS (SELECT FROM scheme)")).scalar_one():
            schemes.add_presets(session, municipality)
        set_signature(session, municipality, SIGNATURE)
    files = ("--population", made.population, "--income", made.income, "--decisions", made.decisions)
    medspiller("register", "import", "--municipality", "0751", *files)
    return municipality


def probe(session: Session, work: Work) -> str:
    """The body of a job that leaves an entry for each time it took effect."""
    details = {"job": work.place.code, "period": work.period}
    record(session, work.place.id, JOB, "probe", ("probe", None), details=details)
    return "Left an entry."


def probed(timetable: Timetable) -> list[Job]:
    """The same timetable with bodies that only leave entries."""
    return [msgspec.structs.replace(job, do=Whole(_named(job.name))) for job in timetable]


def _named(name: str) -> Callable[[Session, Work], str]:
    def run(session: Session, work: Work) -> str:
        details = {"job": name, "period": work.period}
        record(session, work.place.id, JOB, "probe", ("probe", None), details=details)
        return "Left an entry."

    return run


def as_owner(database: Database, statement: str, **values: Any) -> list[Any]:
    """Look at, or change, every tenant's rows."""
    with create_engine(database.owner_url, poolclass=NullPool).begin() as connection:
        result = connection.execute(text(statement), values)
        return list(result.all()) if result.returns_rows else []


def age_the_dead(database: Database) -> None:
    """Let the time go by after which a worker that is not heard is taken for dead."""
    as_owner(database, "UPDATE job_run SET heartbeat_at = heartbeat_at - interval '5 minutes' WHERE state = 'running'")
    as_owner(
        database,
        "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = last_heartbeat - interval '5 minutes'",
    )


def retry_now(database: Database) -> None:
    """Let the time go by until what failed is tried again."""
    as_owner(database, "UPDATE procrastinate.procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
