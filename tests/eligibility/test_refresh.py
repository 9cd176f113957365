"""Refreshing through the command line: what changes, what is held, what is refused, and what stays as it was."""

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from service.audit.actions import Actor
from service.database.engine import Database
from service.eligibility import actions
from service.errors import Invalid
from service.identity.actions import Municipality, find_municipality
from service.values.progress import Progress
from tests.conftest import Medspiller
from tests.eligibility.oracle import Income, Person, Register
from tests.eligibility.strategies import IdentityNumbers, write_extract

RUN = ("eligibility", "refresh", "--municipality", "0751", "--scheme", "fritidspas")
POOR, RICH = 100_000_00, 900_000_00
SCHEME_SET = ("scheme", "set", "--municipality", "0751", "--scheme", "fritidspas", "--source", "the council")


class Town:
    """A municipality of single providers with one child each, imported anew whenever it is changed."""

    def __init__(self, medspiller: Medspiller, folder: Path, families: int) -> None:
        self.medspiller, self.folder = medspiller, folder
        numbers = IdentityNumbers()
        self.register = Register([])
        for index in range(families):
            adult, born = date(1980, 1 + index % 12, 1 + index % 28), date(2009, 1, 1 + index % 28)
            household = f"H{index:03d}"
            members = (("provider", adult), ("child", born))
            self.register.persons.extend(
                Person(household, numbers.issue(birth_date), relation, birth_date) for relation, birth_date in members
            )
            self.earn(index, POOR)
        medspiller("municipality", "add", "0751", "Aarhus", "--country", "dk")

    def earn(self, family: int, amount_ore: int, year: int = 2017) -> None:
        """Give a family's provider this income for the year, in place of an earlier one."""
        person = self.register.persons[2 * family].person_id
        rest = [income for income in self.register.incomes if (income.person_id, income.year) != (person, year)]
        self.register.incomes[:] = [*rest, Income(person, year, amount_ore)]

    def deliver(self) -> None:
        """Import the register as it now is."""
        files = zip(("--population", "--income", "--decisions"), write_extract(self.register, self.folder), strict=True)
        answer = self.medspiller(
            "register", "import", "--municipality", "0751", *(part for pair in files for part in pair)
        )
        assert answer["state"] == "merged"

    def refresh(self, on: str = "2017-01-15", *more: object) -> dict[str, Any]:
        return self.medspiller(*RUN, "--on", on, *more)

    def explain(self, family: int) -> dict[str, Any]:
        household = ("--household", f"H{family:03d}")
        answer = self.medspiller("eligibility", "explain", "--municipality", "0751", *household)
        (child,) = answer["children"]
        assert isinstance(child, dict)
        return child


@pytest.fixture
def town(medspiller: Medspiller, tmp_path: Path) -> Town:
    made = Town(medspiller, tmp_path, 30)
    made.deliver()
    return made


@pytest.fixture
def municipality(town: Town, database: Database) -> Municipality:
    with database.transaction() as session:
        return find_municipality(session, "0751")


def scalar(database: Database, municipality: Municipality, query: str) -> Any:
    with database.transaction(municipality.id) as session:
        return session.execute(text(query)).scalar_one()


def test_a_dry_run_keeps_nothing(town: Town, database: Database, municipality: Municipality) -> None:
    answer = town.refresh()
    assert (answer["state"], answer["run"], answer["new"], answer["entitled"]) == ("dry_run", None, 30, 30)
    assert answer["cost_ore"] == 30 * 1000_00
    assert answer["districts"] == {"Midtbyen": {"entitled": 30}}
    assert answer["reasons"] == {"income_within_limit": 30}
    assert scalar(database, municipality, "SELECT count(*) FROM determination") == 0
    assert scalar(database, municipality, "SELECT count(*) FROM refresh_run") == 0


def test_only_changes_make_new_determinations(town: Town, database: Database, municipality: Municipality) -> None:
    town.refresh("2017-01-15", "--commit")
    again = town.refresh("2017-01-15", "--commit")
    assert (again["new"], again["lost"], again["unchanged"], again["children"]) == (0, 0, 30, 30)
    later = town.refresh("2017-02-15", "--commit")
    assert later["unchanged"] == 30
    assert scalar(database, municipality, "SELECT count(*) FROM determination") == 30

    before = town.explain(4)
    town.earn(4, RICH)
    town.deliver()
    corrected = town.refresh("2017-02-15", "--commit")
    assert (corrected["new"], corrected["lost"], corrected["unchanged"]) == (0, 1, 29)
    assert scalar(database, municipality, "SELECT count(*) FROM determination") == 31
    ended = "SELECT count(*) FROM determination WHERE ended_at IS NOT NULL AND ended_by_run_id IS NOT NULL"
    assert scalar(database, municipality, ended) == 1

    after = town.explain(4)
    assert (after["outcome"], after["reason"]) == ("not_entitled", "income_above_limit")
    old = ("--determination", before["determination"])
    (replayed,) = town.medspiller("eligibility", "explain", "--municipality", "0751", *old)["children"]
    assert replayed == before
    assert (replayed["replayed"], replayed["income_ore"], replayed["limit_ore"]) == (True, POOR, 252_206_00)
    assert replayed["parameter_version"] == 2 and "Aarhus" in replayed["source"]


def test_a_tampered_determination_does_not_replay(town: Town, database: Database, municipality: Municipality) -> None:
    town.refresh("2017-01-15", "--commit")
    with database.transaction(municipality.id) as session:
        session.execute(text("UPDATE determination SET limit_ore = limit_ore + 1"))
    explain = ("eligibility", "explain", "--municipality", "0751", "--household", "H001")
    assert "does not replay" in town.medspiller.fails(*explain)


def test_a_child_who_vanished_is_lost(town: Town, database: Database, municipality: Municipality) -> None:
    town.refresh("2017-01-15", "--commit")
    del town.register.persons[:2]
    town.deliver()
    answer = town.refresh("2017-01-15", "--commit")
    assert (answer["children"], answer["lost"], answer["unchanged"], answer["new"]) == (29, 1, 29, 0)
    assert scalar(database, municipality, "SELECT count(*) FROM determination WHERE ended_at IS NULL") == 29
    assert town.refresh("2017-01-15", "--commit")["lost"] == 0


def test_a_newborn_is_explained_beside_a_determined_sibling(town: Town) -> None:
    town.refresh("2017-01-15", "--commit")
    sibling = replace(town.register.persons[1], person_id="7512164000", birth_date=date(2016, 12, 15))
    town.register.persons.append(sibling)
    town.deliver()
    explain = ("eligibility", "explain", "--municipality", "0751", "--household", "H000")
    first, second = town.medspiller(*explain)["children"]
    assert first["determination"] and first["children"] == 1
    assert (second["determination"], second["reason"], second["children"]) == (None, "too_young", 2)


@pytest.mark.parametrize(
    ("period", "first", "second"),
    [
        ("calendar_year", "2017-11-15", "2018-01-15"),
        ("half_year", "2017-02-15", "2017-08-15"),
        ("school_year", "2017-07-31", "2017-08-01"),
    ],
)
def test_a_new_period_compares_with_the_one_before(town: Town, period: str, first: str, second: str) -> None:
    town.medspiller(*SCHEME_SET, "--valid-from", "2017-01-01", f"period={period}")
    town.refresh(first, "--commit")
    town.earn(1, RICH)
    town.deliver()
    answer = town.refresh(second, "--income-year", "2017", "--commit")
    assert (answer["new"], answer["lost"], answer["unchanged"]) == (0, 1, 29)
    assert answer["period"]["start"] <= second <= answer["period"]["end"]
    again = town.refresh(second, "--income-year", "2017", "--commit")
    assert (again["lost"], again["unchanged"]) == (0, 30)


@pytest.fixture
def held(town: Town) -> dict[str, Any]:
    """A commit that takes the pass from all thirty, held; and the people who may or may not approve it."""
    user = town.medspiller
    for role in ("case_worker", "auditor"):
        user("user", "add", f"{role}@example.org", "--name", "Ida", "--role", role, "--municipality", "0751")
    assert town.refresh("2017-01-15", "--commit")["state"] == "committed"
    for family in range(30):
        town.earn(family, RICH)
    town.deliver()
    answer = town.refresh("2017-01-15", "--commit")
    assert (answer["state"], answer["lost"]) == ("held", 30)
    assert "30 children are lost" in answer["held_because"]
    return answer


def test_a_held_run_changes_nothing_until_it_is_approved_as_shown(
    town: Town, held: dict[str, Any], database: Database, municipality: Municipality
) -> None:
    in_force = "SELECT count(*) FROM determination WHERE ended_at IS NULL AND outcome = 'entitled'"
    assert scalar(database, municipality, in_force) == 30
    for family in range(10):
        town.earn(family, POOR)
    town.deliver()
    assert town.refresh()["entitled"] == 10

    approve = ("eligibility", "approve", held["run"], "--by")
    assert "may not do this" in town.medspiller.fails(*approve, "auditor@example.org")
    approved = town.medspiller(*approve, "case_worker@example.org")
    assert (approved["state"], approved["lost"], approved["reasons"]) == ("committed", 30, {"income_above_limit": 30})
    assert scalar(database, municipality, in_force) == 0
    assert "it is committed" in town.medspiller.fails(*approve, "case_worker@example.org")


def test_a_newer_commit_overtakes_a_held_run(town: Town, held: dict[str, Any]) -> None:
    again = town.refresh("2017-01-15", "--commit")
    assert again["state"] == "held"
    approve = ("eligibility", "approve", held["run"], "--by", "case_worker@example.org")
    assert "it is overtaken" in town.medspiller.fails(*approve)


def test_the_maker_does_not_approve(
    town: Town, held: dict[str, Any], database: Database, municipality: Municipality
) -> None:
    with database.transaction() as session:
        (account,) = session.execute(
            text("SELECT DISTINCT account_id FROM directory.memberships_of('case_worker@example.org')")
        ).scalars()
    with database.transaction(municipality.id) as session:
        maker = Actor(door="page", account_id=account)
        on = date(2017, 1, 15)
        mine = actions.refresh(session, municipality, "fritidspas", on, None, maker, Progress(print), commit=True)
    approve = ("eligibility", "approve", mine.run, "--by", "case_worker@example.org")
    assert "second person" in town.medspiller.fails(*approve)


def test_a_date_without_parameters_says_what_to_add(town: Town) -> None:
    sentence = town.medspiller.fails(*RUN, "--on", "2018-03-01", "--income-year", "2017")
    assert "no parameters for 2018-03-01" in sentence
    assert "scheme set --municipality 0751 --scheme fritidspas --valid-from 2018-01-01" in sentence


def test_a_year_without_incomes_names_the_years_there_are(town: Town) -> None:
    sentence = town.medspiller.fails(*RUN, "--on", "2019-03-01")
    assert "No provider has an income for 2019" in sentence and "There are incomes for 2017" in sentence


def test_wrong_parameters_are_all_named(town: Town) -> None:
    new = (
        "scheme",
        "set",
        "--municipality",
        "0751",
        "--scheme",
        "camps",
        "--valid-from",
        "2017-01-01",
        "--source",
        "x",
    )
    sentence = town.medspiller.fails(*new, "limit=abc", "colour=red", "min_age=40", "period=weekly")
    for key in ("limit", "colour", "min_age", "period", "amount", "max_age"):
        assert f"\n  {key}: " in sentence
    assert "min_age: is higher" in town.medspiller.fails(
        *SCHEME_SET, "--valid-from", "2017-01-01", "min_age=9", "max_age=8"
    )


def test_unnamed_keys_go_on_and_the_same_first_day_takes_the_place(town: Town) -> None:
    first = town.medspiller(*SCHEME_SET, "--valid-from", "2017-01-01", "equipment=500", "areas=Viby,8230")
    assert first["parameters"]["limit_ore"] == 192_714_00
    second = town.medspiller(*SCHEME_SET, "--valid-from", "2017-01-01", "amount=1500")
    assert (second["number"], second["parameters"]["equipment_ore"]) == (first["number"] + 1, 500_00)
    answer = town.refresh()
    assert (answer["parameter_version"], answer["cost_ore"]) == (second["number"], 30 * 2000_00)


def test_what_if(town: Town, database: Database, municipality: Municipality) -> None:
    on = date(2017, 1, 15)
    with database.transaction(municipality.id) as session:
        account = actions.what_if(session, municipality, "fritidspas", on, None, {"limit": "1", "single_addition": "1"})
        assert (account.entitled, account.reasons) == (0, {"income_above_limit": 30})
        dearer = actions.what_if(session, municipality, "fritidspas", on, None, {"amount": "1500"})
        assert (dearer.entitled, dearer.cost_ore) == (30, 30 * 1500_00)
        with pytest.raises(Invalid):
            actions.what_if(session, municipality, "fritidspas", on, None, {"limit": "much"})
    assert town.refresh()["parameter_version"] == 2
    assert scalar(database, municipality, "SELECT count(*) FROM parameter_version") == 4


def test_amounts_are_exported_with_a_reason_alone_and_reads_are_logged(
    town: Town, database: Database, municipality: Municipality, tmp_path: Path
) -> None:
    town.refresh("2017-01-15", "--commit")
    out = tmp_path / "out.csv"
    export = ("eligibility", "export", "--municipality", "0751", "--scheme", "fritidspas", "--out", out)
    assert town.medspiller(*export)["rows"] == 30
    with out.open(encoding="utf-8") as file:
        assert not {"income_ore", "limit_ore"} & set(next(csv.reader(file)))
    town.medspiller(*export, "--reason", "asked by the council")
    with out.open(encoding="utf-8", newline="") as file:
        assert {row["income_ore"] for row in csv.DictReader(file)} == {str(POOR)}
    town.explain(3)
    with database.transaction(municipality.id) as session:
        logged = session.execute(
            text("SELECT action, reason FROM audit_entry WHERE action LIKE 'eligibility.ex%' ORDER BY id")
        ).all()
    assert [tuple(entry) for entry in logged] == [
        ("eligibility.export", None),
        ("eligibility.export", "asked by the council"),
        ("eligibility.explain", None),
    ]


def test_nobody_approves_another_municipalitys_run(town: Town, held: dict[str, Any]) -> None:
    town.medspiller("municipality", "add", "0101", "København", "--country", "dk")
    other = ("user", "add", "other@example.org", "--name", "Ida", "--role", "case_worker", "--municipality", "0101")
    town.medspiller(*other)
    sentence = town.medspiller.fails("eligibility", "approve", held["run"], "--by", "other@example.org")
    assert "There is no run" in sentence
