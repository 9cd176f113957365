"""The report recomputed another way: table by table into plain Python, child by child, from the rows themselves."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import COMMAND
from service.claims.actions import withdraw_claim
from service.claims.terms import set_terms
from service.cli import main
from service.database.engine import Database
from service.identity.actions import Municipality, find_municipality
from service.letters.actions import mark_returned
from service.register.made_up import write_extract
from service.reporting.actions import make_report, read_report
from service.reporting.disclosure import MEASURES
from service.reporting.queries import age_groups, figures
from service.reporting.report import Report
from service.values.periods import age_on
from tests.claims.clubs import Somewhere, claim_on, desk, open_club
from tests.conftest import Medspiller

CODE, SCHEME = "0751", "fritidspas"
GROUPS = ((3, 5), (6, 9), (10, 12), (13, 15), (16, 17))
YEARS = (2016, 2017)


@pytest.fixture
def town(medspiller: Medspiller, database: Database, at: Callable[[str], None], tmp_path: Path) -> Municipality:
    """Two years of passes in one municipality, some letters returned and some passes used; and a neighbour's."""
    files = write_extract(tmp_path / "extract", households=400, on=date(2016, 1, 15))
    extract = ("--population", files.population, "--income", files.income, "--decisions", files.decisions)
    for code, name in ((CODE, "Aarhus"), ("0707", "Norddjurs")):
        medspiller("municipality", "add", code, name, "--country", "dk")
        medspiller("register", "import", "--municipality", code, *extract)
    refresh = ("eligibility", "refresh", "--scheme", SCHEME, "--income-year", 2016, "--commit")
    for year in YEARS:
        at(f"{year}-01-15T08:00Z")
        medspiller(*refresh, "--municipality", CODE, "--on", f"{year}-01-15")
        medspiller("letters", "render", "--municipality", CODE, "--out", tmp_path / "letters")
        medspiller("letters", "hand-over", "--municipality", CODE)
        if year == YEARS[0]:
            _post(medspiller, database, tmp_path)
    medspiller(*refresh, "--municipality", "0707", "--on", "2017-01-15")
    with database.transaction() as session:
        town = find_municipality(session, CODE)
    _use(medspiller, Somewhere(database, town), tmp_path)
    return town


def _post(medspiller: Medspiller, database: Database, folder: Path) -> None:
    """Some letters come back; one of them is sent again and handed over, another only queued."""
    with database.transaction() as session:
        municipality = find_municipality(session, CODE)
    with database.transaction(municipality.id) as session:
        numbers = session.execute(text("SELECT number FROM letter WHERE state = 'handed_over' ORDER BY 1")).scalars()
        returned = list(numbers)[::5]
        for number in returned:
            mark_returned(session, municipality, number, "moved", COMMAND)
    medspiller("letters", "again", returned[0], "--municipality", CODE)
    medspiller("letters", "render", "--municipality", CODE, "--out", folder / "letters")
    medspiller("letters", "hand-over", "--municipality", CODE)
    medspiller("letters", "again", returned[1], "--municipality", CODE)


def _use(medspiller: Medspiller, here: Somewhere, folder: Path) -> None:
    """Every third pass has been used; of those every fourth was taken back whole, and some funds are only held."""
    medspiller("passes", "list", "--municipality", CODE, "--out", folder / "passes.csv")
    with (folder / "passes.csv").open(encoding="utf-8", newline="") as file:
        passes = sorted(csv.DictReader(file), key=lambda row: (row["person_key"], row["valid_from"]))
    with here.database.transaction(here.municipality.id) as session:
        # A club that does not say how many sessions a season has waits for a case worker.
        set_terms(session, here.municipality, SCHEME, date(2016, 1, 1), "test", {"min_sessions": 1}, COMMAND)
    club = open_club(here)
    for place, row in enumerate(passes):
        if place % 3 == 0:
            made = [_claim(here, club, row, 20_000 + place * 100, 20), _claim(here, club, row, 5_000, 20, "Skak")]
            _adjust(here, made[1], 2_500)
            if place % 12 == 0:
                _take_back(here, club, *made)
        if place % 3 == 1:
            _take_back(here, club, _claim(here, club, row, 30_000, None))
            _claim(here, club, row, 10_000, None)


def _claim(
    here: Somewhere, club: UUID, row: dict[str, str], fee_ore: int, sessions: int | None, activity: str = "Fodbold"
) -> UUID:
    year = int(row["valid_from"][:4])
    made = claim_on(
        here,
        club,
        row["pass_number"],
        row["given_name"],
        fee_ore,
        sessions=sessions,
        activity=activity,
        season_start=date(year, 2, 1),
        season_end=date(year, 6, 30),
    )
    assert (made.state, made.covered_ore) == ("submitted" if sessions is None else "approved", fee_ore)
    return made.id


def _take_back(here: Somewhere, club: UUID, *claims: UUID) -> None:
    for one in claims:
        with desk(here, club) as opened:
            withdraw_claim(opened, one)


def _adjust(here: Somewhere, claim: UUID, ore: int) -> None:
    """Put the ledger of the pass of a claim right by hand."""
    with here.database.transaction(here.municipality.id) as session:
        session.execute(
            text(
                """INSERT INTO pass_entry (tenant_id, pass_id, kind, fund, amount_ore, entered_at)
                SELECT tenant_id, pass_id, 'adjust', 'membership', :ore, now() FROM claim WHERE id = :claim"""
            ),
            {"claim": claim, "ore": ore},
        )


def rows(session: Session, table: str, tenant: UUID) -> list[Any]:
    """Every row of a table, without a condition but the tenant."""
    return list(session.execute(text(f"SELECT * FROM {table} WHERE tenant_id = :tenant"), {"tenant": tenant}))


def slowly(session: Session, tenant: UUID, year: int) -> dict[tuple[str, int, str], int]:
    """District, age group and measure, counted child by child."""
    people = {row.id: row for row in rows(session, "person", tenant)}
    determinations = {row.id: row for row in rows(session, "determination", tenant)}
    letters = {row.id: row.state for row in rows(session, "letter", tenant)}
    carried, spent = defaultdict(list), Counter[UUID]()
    for row in rows(session, "pass_letter", tenant):
        carried[row.pass_id].append(letters[row.letter_id])
    for row in rows(session, "pass_entry", tenant):
        if row.kind in ("settle", "reverse"):
            spent[row.pass_id] -= row.amount_ore
    passes = defaultdict(list)
    for row in rows(session, "leisure_pass", tenant):
        if row.valid_from.year == year:
            passes[row.person_id].append(row)
    in_force = {
        row.person_id: row for row in determinations.values() if row.period_start.year == year and row.ended_at is None
    }
    found = Counter[tuple[str, int, str]]()
    for person in {*in_force, *passes}:
        stands = in_force.get(person)
        if stands is None:
            stands = determinations[max(passes[person], key=lambda one: one.issued_at).determination_id]
        age = max(age_on(people[person].birth_date, date(year, 1, 1)), GROUPS[0][0])
        group = next((place for place, (low, high) in enumerate(GROUPS) if low <= age <= high), len(GROUPS) - 1)
        states = [
            state
            for one in passes[person]
            if one.state == "live"
            for state in carried[one.id]
            if state in ("handed_over", "returned")
        ]
        paid = sum(spent[one.id] for one in passes[person])
        measured = {
            "entitled": person in in_force and stands.outcome == "entitled",
            "issued": bool(passes[person]),
            "posted": bool(states),
            "returned": bool(states) and "handed_over" not in states,
            "used": paid > 0,
            "spent": paid,
        }
        for measure, value in measured.items():
            found[stands.district, group, measure] += int(value)
    return dict(found)


def test_the_report_is_what_the_slow_path_finds(
    town: Municipality, database: Database, medspiller: Medspiller, tmp_path: Path
) -> None:
    with database.transaction(town.id) as session:
        _end_some(session)
        scheme = session.execute(text("SELECT id FROM scheme")).scalar_one()
        truths = []
        for year in YEARS:
            slow = slowly(session, town.id, year)
            fast = figures(session, scheme, date(year, 1, 1), age_groups(3, 17))
            assert fast is not None
            assert {name for name, _, _ in slow} == set(fast.districts)
            for measure in MEASURES:
                expected = [[slow.get((name, group, measure), 0) for group in range(5)] for name in fast.districts]
                assert fast.table.values[measure] == expected, (year, measure)
                assert year == YEARS[1] or sum(map(sum, expected)) > 0
            truths.append(_with_totals(slow))
        report = read_report(session, town, SCHEME, date(2017, 6, 1))
    _shows_the_truth(report, *truths)
    make = ("report", "make", "--municipality", CODE, "--scheme", SCHEME, "--period-of", "2017-06-01")
    said = medspiller(*make, "--out", tmp_path / "command")
    assert said["totals"] == {measure: report.line(measure).value for measure in MEASURES}
    assert said["suppressed"] == report.suppressed
    assert [Path(file).name for file in said["files"]] == [f"report.{kind}" for kind in ("csv", "xlsx", "svg", "png")]
    readable = CliRunner().invoke(main, [*make, "--out", str(tmp_path / "command")], catch_exceptions=False)
    assert readable.exit_code == 0
    assert "all, period before" in readable.stdout
    _made_again_is_the_same(database, town, tmp_path / "out")


def _end_some(session: Session) -> None:
    """A pass of the second year that was revoked, and one that was replaced and has no successor yet."""
    passes = session.execute(text("SELECT id FROM leisure_pass WHERE valid_from = '2017-01-01' ORDER BY id"))
    for state, one in zip(("revoked", "replaced"), list(passes.scalars())[3:5], strict=True):
        session.execute(
            text("UPDATE leisure_pass SET state = :state, ended_at = now(), ended_because = 'x' WHERE id = :id"),
            {"state": state, "id": one},
        )


def _with_totals(slow: dict[tuple[str, int, str], int]) -> Counter[tuple[str, str, str]]:
    truth = Counter[tuple[str, str, str]]()
    for (district, group, measure), value in slow.items():
        low, high = GROUPS[group]
        for place in (district, "all"):
            for age in (f"{low}–{high}", "all"):
                truth[place, age, measure] += value
    return truth


def _shows_the_truth(report: Report, before: Counter[tuple[str, str, str]], now: Counter[tuple[str, str, str]]) -> None:
    assert len(report.lines) == (len(report.districts) + 1) * (len(GROUPS) + 1) * len(MEASURES)
    assert any(line.suppressed for line in report.lines)
    assert any(line.value for line in report.lines)
    for line in report.lines:
        place = (line.district, line.age_group, line.measure)
        assert line.value == (None if line.suppressed else now[place])
        assert line.before == (None if line.before_suppressed else before[place])


def _made_again_is_the_same(database: Database, town: Municipality, folder: Path) -> None:
    made = []
    for _ in range(2):
        with database.transaction(town.id) as session:
            report = make_report(session, town, SCHEME, date(2017, 3, 31), folder, COMMAND)
        made.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert list(made[0]) == [f"report-2017-03.{kind}" for kind in ("csv", "png", "svg", "xlsx")]
    assert made[0] == made[1]
    assert sorted(report.files) == sorted(str(folder / name) for name in made[0])
    with database.transaction(town.id) as session:
        trail = session.execute(text("SELECT count(*) FROM audit_entry WHERE action = 'reporting.report'"))
        # Two here, and two by the command before.
        assert trail.scalar_one() == 4
