import csv
import tracemalloc
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from service.errors import Refused
from service.register.made_up import Extract, Numbers, write_extract
from service.register.made_up_names import MAN, WOMAN

ON = date(2017, 1, 15)
Row = dict[str, str]


@pytest.fixture(scope="module")
def danish(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    return write_extract(tmp_path_factory.mktemp("danish"), households=20_000, on=ON)


@pytest.fixture(scope="module")
def norwegian(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    folder = tmp_path_factory.mktemp("norwegian")
    return write_extract(folder, households=2_000, on=date(2026, 3, 1), country="no")


def rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def households(path: Path) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows(path):
        found[row["household_id"]].append(row)
    return found


def age(row: Row, on: date) -> int:
    born = date.fromisoformat(row["birth_date"])
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def test_every_row_has_the_columns_of_the_contract(danish: Extract) -> None:
    with danish.population.open(encoding="utf-8", newline="") as file:
        header, *persons = csv.reader(file, strict=True)
    assert header == [
        "household_id",
        "person_id",
        "relation",
        "birth_date",
        "given_name",
        "family_name",
        "street",
        "postcode",
        "city",
        "district",
        "address_protected",
        "language",
    ]
    assert len(persons) == danish.persons
    assert {len(person) for person in persons} == {12}
    assert all(all(person[:11]) for person in persons)
    assert {person[2] for person in persons} == {"provider", "child", "other"}
    assert {person[10] for person in persons} == {"0", "1"}
    assert {person[11] for person in persons} == {"", "da", "ar", "so", "tr", "vi", "uk", "en"}


def test_incomes_and_decisions_name_persons_of_the_population_once_per_basis(danish: Extract) -> None:
    known = {row["person_id"]: row for row in rows(danish.population)}
    incomes = rows(danish.income)
    assert len(incomes) == danish.incomes
    assert len({(row["person_id"], row["basis"]) for row in incomes}) == len(incomes)
    assert {row["year"] for row in incomes} == {"2017"}
    assert all(row["person_id"] in known for row in incomes)
    bases = Counter(row["basis"] for row in incomes)
    assert set(bases) == {"annual", "final", "advance", "month_x12"}
    assert bases["annual"] > 0.9 * len(incomes)
    amounts = [Decimal(row["amount"]) for row in incomes]
    assert sum(amount == 0 for amount in amounts) > 50
    assert 0 < sum(amount < 0 for amount in amounts) < 100
    assert 0 < sum(amount > 100_000_000 for amount in amounts) < 100

    decisions = rows(danish.decisions)
    assert len(decisions) == danish.decisions_count
    assert all(known[row["person_id"]]["relation"] == "child" for row in decisions)
    assert {row["ground"] for row in decisions} == {"free_place"}
    assert all(50 <= int(row["percent"]) <= 100 for row in decisions)
    assert {row["valid_to"] for row in decisions} == {"2017-12-31", "2016-12-31"}


def test_danish_numbers_are_replacement_numbers_of_the_birth_date_and_unique(danish: Extract) -> None:
    persons = rows(danish.population)
    assert len({row["person_id"] for row in persons}) == len(persons)
    for row in persons:
        number, born = row["person_id"], date.fromisoformat(row["birth_date"])
        assert len(number) == 10
        assert (int(number[:2]) - 60, int(number[2:4]), int(number[4:6])) == (
            born.day,
            born.month,
            born.year % 100,
        )
        assert number[6] in ("0123" if born.year < 2000 else "456789")


def test_relation_child_means_under_18_on_the_date(danish: Extract) -> None:
    for row in rows(danish.population):
        assert (row["relation"] == "child") == (age(row, ON) < 18)
        assert row["birth_date"] <= ON.isoformat()


@pytest.mark.parametrize(
    ("on", "youngest_adult"), [(date(2022, 2, 28), date(2004, 2, 28)), (date(2024, 2, 29), date(2006, 2, 28))]
)
def test_majority_around_a_leap_day(tmp_path: Path, on: date, youngest_adult: date) -> None:
    extract = write_extract(tmp_path, households=3_000, on=on)
    children = [row["birth_date"] for row in rows(extract.population) if row["relation"] == "child"]
    adults = [row["birth_date"] for row in rows(extract.population) if row["relation"] != "child"]
    assert max(adults) <= youngest_adult.isoformat() < min(children)


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, again, other = (
        write_extract(tmp_path / name, households=400, on=ON, seed=seed)
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert first.population.read_bytes() == again.population.read_bytes() != other.population.read_bytes()
    assert first.income.read_bytes() == again.income.read_bytes() != other.income.read_bytes()
    assert first.decisions.read_bytes() == again.decisions.read_bytes()


def test_about_a_fifth_of_the_children_live_within_the_limits_and_more_of_them_in_gellerup(
    danish: Extract,
) -> None:
    income: dict[str, Decimal] = {}
    for row in rows(danish.income):
        income.setdefault(row["person_id"], Decimal(row["amount"]))
    within: dict[str, list[bool]] = defaultdict(list)
    for members in households(danish.population).values():
        children = [row for row in members if row["relation"] == "child"]
        providers = [row["person_id"] for row in members if row["relation"] == "provider"]
        if not providers or any(provider not in income for provider in providers):
            continue
        limit = 192_714 + 7_000 * (len(children) - 1) + (59_492 if len(providers) == 1 else 0)
        entitled = sum(income[provider] for provider in providers) <= limit
        within[members[0]["district"]] += [entitled for child in children if age(child, ON) >= 3]
    everywhere = [entitled for district in within.values() for entitled in district]
    assert 0.15 <= sum(everywhere) / len(everywhere) <= 0.25
    share = {district: sum(found) / len(found) for district, found in within.items()}
    assert len(share) == 9
    assert share["Gellerup"] > 0.4 > 0.1 > share["Risskov"]


def test_families_come_in_all_shapes(danish: Extract) -> None:
    shapes: Counter[str] = Counter()
    for members in households(danish.population).values():
        children = [row for row in members if row["relation"] == "child"]
        providers = sum(row["relation"] == "provider" for row in members)
        births = Counter(row["birth_date"] for row in children)
        shapes["twins"] += providers > 0 and max(births.values(), default=0) > 1
        shapes["institution"] += not providers and len(members) == len(children) >= 8
        shapes["kinship care"] += not providers and len(members) > len(children) > 0
        shapes["single"] += providers == 1 and bool(children)
        shapes["couple"] += providers == 2 and bool(children)
        shapes["childless"] += not children
        shapes["large"] += providers > 0 and len(children) >= 5
        shapes["three generations"] += bool(children) and any(
            row["relation"] == "other" and age(row, ON) > 65 for row in members
        )
        if providers:
            assert len({row["given_name"] for row in children}) == len(children)
    assert shapes["twins"] > 200
    assert shapes["institution"] == 20
    assert min(shapes.values()) >= 20
    assert shapes["couple"] > shapes["single"] > shapes["large"]


def test_members_of_a_household_stand_together_and_share_address_and_protection(danish: Extract) -> None:
    persons = rows(danish.population)
    changes = sum(one["household_id"] != next_["household_id"] for one, next_ in pairwise(persons))
    assert changes == danish.households - 1
    shared = ("street", "postcode", "city", "district", "address_protected", "language")
    homes = {(row["household_id"], *(row[column] for column in shared)) for row in persons}
    assert len(homes) == danish.households
    assert 0.015 < sum(home[5] == "1" for home in homes) / len(homes) < 0.025
    assert 0.8 < sum(home[6] == "" for home in homes) / len(homes) < 0.9


def test_names_carry_danish_letters_and_hyphens(danish: Extract) -> None:
    names = {row["given_name"] for row in rows(danish.population)}
    assert "Anne-Sofie" in names
    assert {letter for letter in "ÆØÅ" if any(name.startswith(letter) for name in names)} == set("ÆØÅ")


def test_norwegian_numbers_are_synthetic_with_valid_check_digits(norwegian: Extract) -> None:
    persons = rows(norwegian.population)
    assert len({row["person_id"] for row in persons}) == len(persons)
    for row in persons:
        number, born = row["person_id"], date.fromisoformat(row["birth_date"])
        assert len(number) == 11
        assert number[:6] == f"{born.day:02d}{born.month + 80}{born.year % 100:02d}"
        assert (int(number[6:9]) >= 500) == (born.year >= 2000)
        digits = [int(digit) for digit in number]
        assert sum(w * d for w, d in zip((3, 7, 6, 1, 8, 9, 4, 5, 2, 1), digits, strict=False)) % 11 == 0
        assert sum(w * d for w, d in zip((5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1), digits, strict=True)) % 11 == 0
    assert {row["city"] for row in persons} == {"Oslo"}
    assert "nb" in {row["language"] for row in persons}


@pytest.mark.parametrize(("country", "most"), [("dk", 2_000), ("no", 250)])
def test_a_birth_date_without_numbers_left_is_refused(country: str, most: int) -> None:
    numbers = Numbers(country)
    day = date(1980, 5, 17).toordinal()
    taken: set[str] = set()
    with pytest.raises(Refused, match="fewer households"):
        for _ in range(most + 1):
            taken.add(numbers.take(day, WOMAN)[0])
    assert 0.8 * most < len(taken) <= most
    assert numbers.take(day, MAN)[0] not in taken


def test_a_stream_of_households_stays_small_in_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        write_extract(tmp_path, households=20_000, on=ON)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000


def test_progress_tells_the_households_written(tmp_path: Path) -> None:
    told: list[int] = []
    write_extract(tmp_path, households=2_300, on=ON, progress=told.append)
    assert told == [1000, 2000, 2300]


@pytest.mark.parametrize(
    ("country", "count", "on"),
    [
        ("se", 10, ON),
        ("dk", 0, ON),
        ("dk", 1_000_001, ON),
        ("dk", 10, date(2009, 1, 1)),
        ("no", 99, date(2060, 1, 1)),
    ],
)
def test_what_cannot_be_made_up_is_refused(tmp_path: Path, country: str, count: int, on: date) -> None:
    with pytest.raises(Refused):
        write_extract(tmp_path, households=count, on=on, country=country)
