"""A year of the jobs themselves, in two municipalities on two sides of an ocean, on a machine that mostly sleeps."""

import csv
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.database.engine import Database
from service.jobs.work import Place, places
from service.letters.settings import set_signature
from service.register.made_up import write_extract
from service.reporting.report import Report
from service.settings import Settings
from service.values import clock
from tests.conftest import Medspiller
from tests.jobs.conftest import SIGNATURE, as_owner
from tests.jobs.expected import Expected, expected_runs

BEGIN = datetime(2017, 1, 1, 12, tzinfo=UTC)
# Once a month, after the month's refresh; the last report is made up for in the new year.
LOOKS = [
    BEGIN,
    *(datetime(2017, month, 16, 12, tzinfo=UTC) for month in range(1, 13)),
    datetime(2018, 1, 1, 12, tzinfo=UTC),
]
ZONES = {"0751": "Europe/Copenhagen", "0755": "America/New_York"}


@pytest.fixture
def everywhere(database: Database, medspiller: Medspiller, tmp_path: Path, at: Callable[[str], None]) -> list[Place]:
    """Two municipalities with the same few families."""
    at("2017-01-01T08:00Z")
    made = write_extract(tmp_path, households=20, on=date(2017, 1, 1))
    _add_family(made.population, made.income)
    files = ("--population", made.population, "--income", made.income, "--decisions", made.decisions)
    for code, zone in ZONES.items():
        medspiller("municipality", "add", code, f"By {code}", "--country", "dk")
        as_owner(database, "UPDATE directory.tenant SET time_zone = :zone WHERE code = :code", zone=zone, code=code)
        medspiller("register", "import", "--municipality", code, *files)
    as_owner(database, "UPDATE directory.tenant SET created_at = :at", at=BEGIN)
    with database.transaction() as session:
        found = places(session)
    for place in found[1:]:
        assert place.municipality is not None
        with database.transaction(place.id) as session:
            set_signature(session, place.municipality, SIGNATURE)
    return found


def _add_family(population: Path, income: Path) -> None:
    """A poor family whose child reaches the scheme's age in June."""
    address = {"street": "Prøvevej 1", "postcode": "8000", "city": "Aarhus C", "district": "Midtbyen"}
    people = [("6203801999", "provider", "1980-03-02", "Mor"), ("7006144999", "child", "2014-06-10", "Barn")]
    for number, relation, born, name in people:
        person = {"person_id": number, "relation": relation, "birth_date": born, "given_name": name}
        _append(
            population, {"household_id": "HX", "family_name": "Prøvesen", "address_protected": "0"} | address | person
        )
    _append(income, {"person_id": people[0][0], "year": "2017", "amount": "100000"})


def _append(path: Path, row: dict[str, str]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        columns = csv.DictReader(file).fieldnames
    assert columns is not None
    assert set(row) <= set(columns)
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, columns, restval="").writerow(row)


def test_a_year_of_the_real_jobs(
    everywhere: list[Place],
    database: Database,
    installation: Path,
    now_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_pictures(report: Report, stem: Path) -> list[Path]:
        """Drawing takes half of the year's time and has tests of its own."""
        return []

    monkeypatch.setattr("service.reporting.actions.write_pictures", no_pictures)
    worker = Worker(database, now_settings, TIMETABLE)
    ran = []
    for look in LOOKS:
        clock.pin(look)
        ran += worker.once()
    assert [done for done in ran if done.state != "done"] == []
    rows = as_owner(database, "SELECT tenant_id, job, period, state, due_at, finished_at FROM job_run")
    noted = {(row.tenant_id, row.job, row.period): row for row in rows}
    found = {key: Expected(row.due_at, row.state, row.finished_at) for key, row in noted.items()}
    assert found == expected_runs(everywhere, BEGIN, LOOKS)
    done = Counter((row.tenant_id, row.job) for row in rows if row.state == "done")
    for place in everywhere[1:]:
        assert done[place.id, "refresh-year"] == 1
        assert done[place.id, "refresh-month"] == done[place.id, "report"] == 12
        _took_effect_once(
            database, installation, place, {job: runs for (id_, job), runs in done.items() if id_ == place.id}
        )
    oldest = LOOKS[-1].date() - timedelta(days=14)
    kept = [look.date() for look in LOOKS if look.date() > oldest]
    assert sorted(path.name for path in (installation / "backups").iterdir()) == [
        f"medspiller-{day}.dump" for day in kept
    ]
    # By the clock on the wall: at two in the night, in winter and in summer, here and there.
    for month, hours in ((1, (1, 7)), (4, (0, 6))):
        for place, hour in zip(everywhere[1:], hours, strict=True):
            due = noted[place.id, "refresh-month", f"2017-{month:02}"].due_at
            assert due == datetime(2017, month, 15, hour, tzinfo=UTC)


def _took_effect_once(database: Database, home: Path, place: Place, done: dict[str, int]) -> None:
    """What the jobs did for a municipality in the year, each piece of it once."""

    def one(query: str) -> Any:
        return as_owner(database, f"SELECT {query}", tenant=place.id)[0][0]

    assert one("count(*) FROM refresh_run WHERE tenant_id = :tenant AND state = 'committed'") == 13
    passes = one("count(*) FROM leisure_pass WHERE tenant_id = :tenant")
    # Who came of age got a pass in that month; all others in January.
    query = "SELECT issued_at, count(*) AS n FROM leisure_pass WHERE tenant_id = :tenant GROUP BY 1 ORDER BY 1"
    issued = {row.issued_at.month: row.n for row in as_owner(database, query, tenant=place.id)}
    assert (issued[6], set(issued) >= {1, 6}) == (1, True)
    assert passes == one("count(DISTINCT person_id) FROM leisure_pass WHERE tenant_id = :tenant")
    # Nobody who is entitled is without one.
    without = """count(*) FROM determination d WHERE tenant_id = :tenant AND outcome = 'entitled' AND ended_at IS NULL
        AND NOT EXISTS (SELECT FROM leisure_pass p WHERE p.person_id = d.person_id)"""
    assert one(without) == 0
    outbox = home / "outbox" / "print" / place.code
    sent = [
        row["letter_number"] for path in outbox.glob("*.csv") for row in csv.DictReader(path.open(encoding="utf-8"))
    ]
    posted = one("count(*) FROM letter WHERE tenant_id = :tenant AND state = 'handed_over'")
    assert len(sent) == len(set(sent)) == posted > 0
    acts = "count(*) FROM audit_entry WHERE tenant_id = :tenant AND action = "
    assert one(f"{acts}'letters.hand_over'") == len(list(outbox.glob("*.pdf")))
    assert one(f"{acts}'care.retention'") == done["retention"]
    certificates = list((home / "certificates").glob(f"retention-{place.code}-*.json"))
    assert len(certificates) == done["retention"]
    months = sorted(path.name for path in (home / "reports" / place.code / "fritidspas").glob("*.xlsx"))
    assert months == [f"report-2017-{month:02}.xlsx" for month in range(1, 13)]
    # The last seal covers all that happened before the last look.
    unsealed = "count(*) FROM audit_entry e WHERE tenant_id = :tenant AND at < '2018-01-01T12:00Z'"
    assert one(f"{unsealed} AND NOT EXISTS (SELECT FROM audit_sealed s WHERE s.entry_id = e.id)") == 0
