"""Imports through the command line: what a first, a repeated and a corrected file do to the register."""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from service.database.engine import Database
from service.register import staging
from service.register.made_up import write_extract
from tests.conftest import Medspiller

POPULATION = (
    "household_id,person_id,relation,birth_date,given_name,family_name,street,postcode,city,district,"
    "address_protected,language"
)
ANNA, BO, CAI, DORTE = "6101701111", "6201702222", "6301104333", "6401704444"
BIRTHS = {ANNA: "1970-01-01", BO: "1970-01-02", CAI: "2010-01-03", DORTE: "1970-01-04"}
NAMES = {ANNA: "Anna", BO: "Bo", CAI: "Cai", DORTE: "Dorte"}
CODE = ("--municipality", "0751")


def row(household: str, person: str, **changes: str) -> str:
    """A line of population.csv; `changes` by column."""
    values = {
        "household_id": household,
        "person_id": person,
        "relation": "child" if person == CAI else "provider",
        "birth_date": BIRTHS.get(person, "1970-01-01"),
        "given_name": NAMES.get(person, "Erna"),
        "family_name": "Dahl",
        "street": "Nygade 1",
        "postcode": "8000",
        "city": "Aarhus",
        "district": "Midt",
        "address_protected": "0",
        "language": "",
    } | changes
    return ",".join(values.values())


class Town:
    """A municipality whose files are given as lines; `now` moves on an hour with each import."""

    def __init__(self, medspiller: Medspiller, database: Database, folder: Path) -> None:
        self.medspiller, self.database, self.folder = medspiller, database, folder
        self.id = medspiller("municipality", "add", "0751", "Aarhus", "--country", "dk")["id"]

    def write(self, kind: str, lines: list[str]) -> Path:
        header = {
            "population": POPULATION,
            "income": "person_id,year,amount,basis",
            "decisions": "person_id,ground,percent,valid_from,valid_to",
        }[kind]
        path = self.folder / f"{kind}.csv"
        path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
        return path

    def take(self, *population: str, **files: list[str]) -> dict[str, Any]:
        """Import population lines, or `income=[…]`, `decisions=[…]`."""
        given = ({"population": list(population)} if population else {}) | files
        options = [part for kind, lines in given.items() for part in (f"--{kind}", self.write(kind, lines))]
        return self.medspiller("register", "import", *CODE, *options)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.database.transaction(self.id) as session:
            return [tuple(found) for found in session.execute(text(query))]

    def members(self) -> set[tuple[str, str]]:
        return set(
            self.rows(
                """SELECT h.reference, p.given_name FROM household_member m
                JOIN household h ON h.id = m.household_id JOIN person p ON p.id = m.person_id"""
            )
        )

    def uncertain(self) -> set[str]:
        return {reference for (reference,) in self.rows("SELECT reference FROM household WHERE uncertain")}


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path) -> Town:
    return Town(medspiller, database, tmp_path)


def listed(answer: dict[str, Any]) -> list[dict[str, str]]:
    with Path(answer["rejected_file"]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_second_import_of_the_same_files_changes_nothing_and_says_so(town: Town, tmp_path: Path) -> None:
    extract = write_extract(tmp_path / "made up", households=200, on=date(2017, 1, 15))
    files = ("--population", extract.population, "--income", extract.income, "--decisions", extract.decisions)
    first = town.medspiller("register", "import", *CODE, *files)
    counts = {"persons": extract.persons, "households": 200, "incomes": extract.incomes}
    assert counts.items() <= first.items()
    assert (first["decisions"], first["rejected"], first["unchanged"]) == (extract.decisions_count, 0, 0)
    tables = ("person", "household", "household_member", "income", "award")
    before = [sorted(town.rows(f"SELECT * FROM {table}"), key=str) for table in tables]

    second = town.medspiller("register", "import", *CODE, *files)
    assert second["unchanged"] == extract.persons + extract.incomes + extract.decisions_count
    assert [sorted(town.rows(f"SELECT * FROM {table}"), key=str) for table in tables] == before
    for table in ("person_past", "household_member_past", "income_past", "award_past"):
        assert town.rows(f"SELECT * FROM {table}") == []


def test_a_corrected_file_updates_and_keeps_what_stood(town: Town, at: Callable[[str], None]) -> None:
    at("2017-01-15T08:00Z")
    town.take(row("H1", ANNA), row("H1", CAI, street="Nygade 1"))
    ((key,),) = town.rows("SELECT id FROM person WHERE given_name = 'Anna'")
    at("2017-02-15T08:00Z")
    answer = town.take(row("H1", ANNA, given_name="Annette"), row("H1", CAI, street="Nygade 2"))
    assert answer["unchanged"] == 0
    assert town.rows("SELECT id, given_name FROM person WHERE birth_date < '2000-01-01'") == [(key, "Annette")]
    past = "SELECT id, given_name, to_char(replaced_at AT TIME ZONE 'UTC', 'MM-DD HH24') FROM person_past"
    assert town.rows(past) == [(key, "Anna", "02-15 08")]
    assert set(town.rows("SELECT street FROM household_member")) == {("Nygade 1",), ("Nygade 2",)}
    assert town.rows("SELECT street FROM household_member_past") == [("Nygade 1",)]


def test_several_corrections_at_one_instant_all_stand_in_the_history(town: Town, at: Callable[[str], None]) -> None:
    at("2017-01-15T08:00Z")
    for name in ("Anna", "Anne", "Annette"):
        town.take(row("H1", ANNA, given_name=name))
    assert sorted(town.rows("SELECT given_name FROM person_past")) == [("Anna",), ("Anne",)]


def test_who_moves_has_one_household_and_a_past_one(town: Town) -> None:
    town.take(row("H1", ANNA), row("H2", BO), row("H1", CAI))
    town.take(row("H1", ANNA), row("H2", BO), row("H2", CAI))
    assert town.members() == {("H1", "Anna"), ("H2", "Bo"), ("H2", "Cai")}
    assert len(town.rows("SELECT * FROM household_member_past")) == 1
    assert town.rows("SELECT * FROM person_past") == []


def test_who_vanishes_is_ended_and_may_come_back_as_the_same_person(town: Town) -> None:
    people = [row("H1", ANNA), row("H2", BO), row("H2", CAI)]
    town.take(*people)
    before = set(town.rows("SELECT id, given_name FROM person"))
    gone = town.take(row("H2", BO), row("H2", CAI))
    assert gone["unchanged"] == 2
    assert town.rows("SELECT given_name FROM person WHERE ended_at IS NOT NULL") == [("Anna",)]
    assert town.rows("SELECT reference FROM household WHERE ended_at IS NOT NULL") == [("H1",)]
    assert town.rows("SELECT given_name, ended_at FROM person_past") == [("Anna", None)]

    back = town.take(*people)
    assert back["unchanged"] == 2
    assert set(town.rows("SELECT id, given_name FROM person WHERE ended_at IS NULL")) == before
    assert town.rows("SELECT * FROM household WHERE ended_at IS NOT NULL") == []
    assert len(town.rows("SELECT * FROM person_past WHERE ended_at IS NOT NULL")) == 1


def test_a_person_in_two_households_stands_in_both_and_the_first_row_says_the_name(town: Town) -> None:
    people = (row("H1", ANNA), row("H1", CAI, given_name="Cai"), row("H2", CAI, given_name="Kaj"))
    town.take(*people)
    assert town.members() == {("H1", "Anna"), ("H1", "Cai"), ("H2", "Cai")}
    assert town.take(*people)["unchanged"] == 3


PROTECTED = {
    "the person is known": (row("H9", BO, relation="sister"), {("H2", "Bo")}),
    "only the household is": (row("H2", "12345"), {("H2", "Bo"), ("H2", "Cai")}),
    "only the household, of a short line": ("H2,garbage", {("H2", "Bo"), ("H2", "Cai")}),
    "the person's number stands in another column": (f"{BO},provider", {("H2", "Bo")}),
    "neither": ("garbage", {("H1", "Anna"), ("H2", "Bo"), ("H2", "Cai")}),
    "neither, of a whole line": (row("", "12345"), {("H1", "Anna"), ("H2", "Bo"), ("H2", "Cai")}),
    "the line says nothing": ("," * 11, set()),
}


def test_a_rejected_row_never_ends_what_stood(town: Town) -> None:
    for case, (spoiled, kept) in PROTECTED.items():
        town.take(row("H1", ANNA), row("H2", BO), row("H2", CAI), row("H3", DORTE))
        answer = town.take(spoiled, row("H3", DORTE))
        assert (answer["rejected"], answer["persons"]) == (1, 1), case
        assert town.members() == kept | {("H3", "Dorte")}, case
        assert town.uncertain() == {household for household, _ in kept}, case
        ended = {"Anna", "Bo", "Cai"} - {name for _, name in kept}
        assert set(town.rows("SELECT given_name FROM person WHERE ended_at IS NOT NULL")) == {(n,) for n in ended}, case

        town.take(row("H3", DORTE))
        assert town.members() == {("H3", "Dorte")}, case
        assert town.uncertain() == set(), case


def test_a_household_with_a_rejected_row_is_uncertain_until_the_next_file(town: Town) -> None:
    town.take(row("H1", ANNA), row("H1", "garbage"), row("H2", BO))
    assert town.uncertain() == {"H1"}
    town.take(row("H1", ANNA), row("H1", CAI), row("H2", BO))
    assert town.uncertain() == set()


def test_a_person_repeated_in_a_household_is_rejected_but_for_the_first_row(town: Town) -> None:
    answer = town.take(row("H1", ANNA), row("H1", ANNA, given_name="Other"))
    assert (answer["persons"], answer["rejected"]) == (1, 1)
    assert [(line["line"], line["field"]) for line in listed(answer)] == [("3", "person_id")]
    assert town.members() == {("H1", "Anna")}
    assert town.uncertain() == {"H1"}


def test_incomes_are_corrected_kept_and_rejected_when_they_contradict_each_other(town: Town) -> None:
    first = town.take(income=[f"{ANNA},2017,100,", f"{BO},2017,200,final"])
    assert (first["incomes"], first["persons"]) == (2, 0)
    answer = town.take(
        income=[f"{ANNA},2017,100.50,", f"{CAI},2017,1,annual", f"{CAI},2017,2,annual", f"{CAI},2017,3,final"]
    )
    assert (answer["incomes"], answer["rejected"], answer["unchanged"]) == (2, 2, 0)
    assert [line["line"] for line in listed(answer)] == ["3", "4"]
    assert all("same person, year and basis" in line["reason"] for line in listed(answer))
    assert sorted(amount for (amount,) in town.rows("SELECT amount_ore FROM income")) == [300, 10050, 20000]
    assert town.rows("SELECT amount_ore FROM income_past") == [(10000,)]


def test_awards_are_corrected_ended_and_protected_by_rejected_rows(town: Town) -> None:
    awards = [f"{person},free_place,90,2017-01-01,2017-12-31" for person in (ANNA, BO, CAI)]
    assert town.take(decisions=awards)["decisions"] == 3
    answer = town.take(decisions=[awards[0].replace("90", "95"), f"{BO},free_place,101,2017-01-01,"])
    assert (answer["decisions"], answer["rejected"], answer["unchanged"]) == (1, 1, 0)
    assert sorted(town.rows("SELECT percent FROM award")) == [(90,), (95,)]
    assert len(town.rows("SELECT * FROM award_past")) == 2
    twice = town.take(decisions=[awards[1], awards[1].replace("90", "50")])
    assert (twice["decisions"], twice["rejected"]) == (0, 2)


def test_a_number_that_disagrees_with_the_birth_date_is_a_warning(town: Town) -> None:
    answer = town.take(row("H1", ANNA, birth_date="1971-01-01"))
    assert (answer["persons"], answer["rejected"], answer["warnings"]) == (1, 0, 1)
    ((line),) = listed(answer)
    assert (line["line"], line["field"], line["value"]) == ("2", "birth_date", "1971-01-01")
    assert line["reason"].startswith("warning: ")
    assert town.uncertain() == set()


def test_rows_rejected_in_one_file_do_not_protect_what_another_says(town: Town) -> None:
    """Though both files have the same name."""
    town.take(row("H1", ANNA), row("H2", BO))
    (town.folder / "other").mkdir()
    population = town.write("population", [row("H1", ANNA)])
    income = town.write("income", ["garbage"]).rename(town.folder / "other" / "population.csv")
    town.medspiller("register", "import", *CODE, "--population", population, "--income", income)
    assert town.members() == {("H1", "Anna")}


def test_two_processes_read_what_one_reads(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [row(f"H{n}", f"610170{n:04d}", birth_date="1970-01-01") for n in range(2000)]
    spoiled = [person[: n % 70 + 3] if n % 9 == 0 else person for n, person in enumerate(people)]
    one = town.take(*spoiled)
    monkeypatch.setattr(staging, "_TWO_PROCESSES", 1000)
    two = town.take(*spoiled)
    assert two["persons"] == two["unchanged"] == one["persons"] == 2000 - two["rejected"]
    assert two["rejected"] > 200
    assert Path(two["rejected_file"]).read_bytes() == Path(one["rejected_file"]).read_bytes()

    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(staging, "_read_later", fail)
    path = town.write("population", people)
    assert "second half" in town.medspiller.fails("register", "import", *CODE, "--population", path)


def test_no_other_tenant_sees_a_row(town: Town) -> None:
    other = town.medspiller("municipality", "add", "0301", "Oslo", "--country", "no")["id"]
    town.take(row("H1", ANNA), row("H2", BO), row("H3", "1"), decisions=[f"{ANNA},a,90,2017-01-01,"])
    town.take(row("H1", ANNA, given_name="A", street="B"), row("H2", "1"), income=[f"{ANNA},2017,1,"])
    town.take(decisions=[f"{ANNA},a,95,2017-01-01,"], income=[f"{ANNA},2017,2,"])
    tables = ("person", "household", "household_member", "income", "award")
    past = ("person_past", "household_member_past", "income_past", "award_past")
    for table in (*tables, *past, "register_import", "rejected_row"):
        assert town.rows(f"SELECT * FROM {table}"), table
        for tenant in (other, None):
            with town.database.transaction(tenant) as session:
                assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0, table
