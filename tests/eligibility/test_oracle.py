"""The oracle against the sample, the published figures and the written rule; and what the strategies make."""

import csv
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.eligibility.oracle import (
    HIGHEST_PLAUSIBLE_ORE,
    Award,
    Expected,
    Income,
    Parameters,
    Person,
    Register,
    age_on,
    determine,
    household_limit,
    load_sample,
)
from tests.eligibility.strategies import Case, IdentityNumbers, kroner, registers, write_extract

SAMPLE = Path(__file__).parent / "sample"
AARHUS_2017 = Parameters()
ON = date(2017, 1, 15)

# Aarhus: the 90 % limit and the single provider's addition in kroner, as published.
PUBLISHED = {
    2016: (188_528, 58_211),
    2017: (192_714, 59_492),
    2019: (201_228, 62_139),
    2022: (212_896, 65_747),
}

# The national ladder: year, L (all free), U (nothing free), and the limit that must follow, in kroner.
LADDER = [
    (2018, 173_800, 539_800, 196_918),
    (2019, 177_600, 551_700, 201_228),
    (2020, 181_500, 563_800, 205_644),
    (2021, 185_700, 576_800, 210_402),
    (2023, 193_500, 601_200, 219_252),
    (2024, 200_300, 622_200, 226_946),
]

REASONS = {
    ("not_entitled", "too_young"),
    ("not_entitled", "too_old"),
    ("entitled", "decision"),
    ("entitled", "area"),
    ("needs_review", "household_uncertain"),
    ("needs_review", "no_provider"),
    ("needs_review", "income_implausible"),
    ("not_entitled", "income_above_limit"),
    ("needs_review", "income_missing"),
    ("entitled", "income_within_limit"),
}


def family(*incomes: int | None, children: int = 1, born: date = date(2007, 5, 1)) -> Register:
    """A household with a provider for each income (None: no record), and children."""
    providers = [Person("H1", f"provider-{index}", "provider", date(1980, 1, 1)) for index in range(len(incomes))]
    minors = [Person("H1", f"child-{index}", "child", born) for index in range(children)]
    records = [
        Income(provider.person_id, 2017, amount)
        for provider, amount in zip(providers, incomes, strict=True)
        if amount is not None
    ]
    return Register(providers + minors, records)


def first(register: Register, parameters: Parameters = AARHUS_2017, on: date = ON) -> Expected:
    return determine(register, parameters, on, 2017)[0]


def test_every_row_of_the_sample() -> None:
    register, expected = load_sample(SAMPLE)

    found = determine(register, AARHUS_2017, ON, 2017)

    assert len(expected) == 3189
    assert found == sorted(expected, key=lambda row: (row.household_id, row.person_id))


@pytest.mark.parametrize("year", PUBLISHED)
@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("providers", [1, 2])
@pytest.mark.parametrize("children", [1, 2, 4])
def test_published_limits_at_the_edge(year: int, inclusive: bool, providers: int, children: int) -> None:
    limit, single = PUBLISHED[year]
    version = Parameters(limit_ore=limit * 100, single_addition_ore=single * 100, inclusive=inclusive)
    edge = (limit + (single if providers == 1 else 0) + 7_000 * (children - 1)) * 100

    def outcome(income_ore: int) -> str:
        return first(family(income_ore, *[0] * (providers - 1), children=children), version).outcome

    assert outcome(edge - 1) == "entitled"
    assert outcome(edge) == ("entitled" if inclusive else "not_entitled")
    assert outcome(edge + 1) == "not_entitled"


def test_single_provider_in_aarhus_2017() -> None:
    assert household_limit(AARHUS_2017, children=1, providers=1) == 252_206_00
    assert household_limit(AARHUS_2017, children=3, providers=1) == 266_206_00
    assert household_limit(AARHUS_2017, children=3, providers=2) == 206_714_00
    assert household_limit(AARHUS_2017, children=2, providers=3) == 199_714_00
    assert household_limit(AARHUS_2017, children=2, providers=0) is None


@pytest.mark.parametrize(("year", "lower", "upper", "limit"), LADDER)
def test_limits_agree_with_the_national_ladder(year: int, lower: int, upper: int, limit: int) -> None:
    """Just above L a family pays 5 %, and one point more for each step of (U - L)/95 in whole kroner.

    So it pays 10 % (90 % free) from L + 5 steps up to L + 6 steps, and the limit is the end of that stretch.
    """
    step = round((upper - lower) / 95)
    assert lower + 6 * step == limit
    # Without rounding the step, the sixth lies at most six half-kroner away.
    assert abs(lower + 6 * (upper - lower) / 95 - limit) <= 3
    if year in PUBLISHED:
        assert PUBLISHED[year][0] == limit


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(2000, 2, 29), date(2018, 2, 28), 17),
        (date(2000, 2, 29), date(2018, 3, 1), 18),
        (date(2016, 2, 29), date(2020, 2, 28), 3),
        (date(2016, 2, 29), date(2020, 2, 29), 4),
        (date(1999, 1, 15), date(2017, 1, 14), 17),
        (date(1999, 1, 15), date(2017, 1, 15), 18),
        (date(2017, 1, 16), date(2017, 1, 15), -1),
    ],
)
def test_age(born: date, on: date, age: int) -> None:
    assert age_on(born, on) == age


def test_ages_at_both_ends() -> None:
    def reasons(born: date) -> list[str]:
        return [row.reason for row in determine(family(0, born=born), AARHUS_2017, ON, 2017)]

    assert reasons(date(2014, 1, 16)) == ["too_young"]
    assert reasons(date(2014, 1, 15)) == ["income_within_limit"]
    assert reasons(date(1999, 1, 16)) == ["income_within_limit"]
    assert reasons(date(1999, 1, 15)) == []
    assert first(family(0), replace(AARHUS_2017, max_age=8)).reason == "too_old"


def test_each_reason_comes_before_the_next() -> None:
    """One household to which every reason applies; taking them away one by one lays the next one bare."""
    register = family(-1, HIGHEST_PLAUSIBLE_ORE, None)
    register.awards.append(Award("child-0", "free_place", 90, ON, ON))
    register.rejected_households.add("H1")
    covered = replace(AARHUS_2017, areas=("MIDTBYEN",))

    assert first(register, replace(covered, min_age=12)).reason == "too_young"
    assert first(register, replace(covered, max_age=8)).reason == "too_old"
    assert first(register, covered).reason == "decision"
    register.awards.clear()
    assert first(register, covered).reason == "area"
    assert first(register).reason == "household_uncertain"
    assert first(replace(register, persons=register.persons[3:])).reason == "household_uncertain"
    register.rejected_households.clear()
    assert first(replace(register, persons=register.persons[3:])).reason == "no_provider"
    assert first(register).reason == "income_implausible"
    assert first(replace(register, incomes=register.incomes[1:])).reason == "income_above_limit"
    assert first(replace(register, incomes=[])).reason == "income_missing"
    assert first(replace(register, persons=register.persons[2:], incomes=[])).reason == "income_missing"


@pytest.mark.parametrize(
    ("incomes", "reason", "income_ore"),
    [
        ((0, 0), "income_within_limit", 0),
        ((0, None), "income_missing", 0),
        ((None, None), "income_missing", None),
        ((192_714_00, None), "income_missing", 192_714_00),
        ((192_714_01, None), "income_above_limit", 192_714_01),
        ((-1, 900_000_00), "income_implausible", None),
        ((HIGHEST_PLAUSIBLE_ORE, HIGHEST_PLAUSIBLE_ORE), "income_above_limit", 2 * HIGHEST_PLAUSIBLE_ORE),
        ((HIGHEST_PLAUSIBLE_ORE + 1, None), "income_implausible", None),
        ((), "no_provider", None),
    ],
)
def test_incomes(incomes: tuple[int | None, ...], reason: str, income_ore: int | None) -> None:
    found = first(family(*incomes))
    assert (found.reason, found.income_ore) == (reason, income_ore)


def test_equal_to_a_limit_that_is_not_inclusive_bars_though_an_income_is_missing() -> None:
    exclusive = replace(AARHUS_2017, inclusive=False)
    assert first(family(192_714_00, None), exclusive).reason == "income_above_limit"
    assert first(family(192_713_99, None), exclusive).reason == "income_missing"


def test_lodgers_and_minors_with_another_relation_do_not_count() -> None:
    register = family(252_206_00)
    lodger = Person("H1", "lodger", "other", date(1970, 1, 1))
    minor = Person("H1", "minor", "other", date(2010, 1, 1))
    grown_up = Person("H1", "grown-up", "child", date(1997, 1, 1))
    register.persons.extend([lodger, minor, grown_up])
    register.incomes.extend([Income("lodger", 2017, 900_000_00), Income("grown-up", 2017, -5)])

    assert determine(register, AARHUS_2017, ON, 2017) == [
        Expected("H1", "child-0", "entitled", "income_within_limit", 252_206_00, 252_206_00, 1, 1)
    ]


def test_the_first_basis_that_a_provider_has_counts_alone() -> None:
    register = family(100_00, 200_00)
    register.incomes.extend([Income("provider-0", 2017, 5_00, "final"), Income("provider-1", 2016, 7_00, "final")])

    assert first(register, replace(AARHUS_2017, bases=("final", "annual"))).income_ore == 205_00
    assert first(register, replace(AARHUS_2017, bases=("annual", "final"))).income_ore == 300_00
    assert first(register, replace(AARHUS_2017, bases=("final",))).reason == "income_missing"
    assert first(register, replace(AARHUS_2017, bases=("month_x12",))).income_ore is None


@pytest.mark.parametrize(
    ("percent", "valid_from", "valid_to", "entitles"),
    [
        (90, ON, ON, True),
        (90, ON, None, True),
        (89, ON, None, False),
        (100, ON + timedelta(days=1), None, False),
        (100, ON - timedelta(days=9), ON - timedelta(days=1), False),
    ],
)
def test_awards(percent: int, valid_from: date, valid_to: date | None, entitles: bool) -> None:
    register = family(None, children=2)
    register.awards.append(Award("child-1", "free_place", percent, valid_from, valid_to))
    sibling, child = determine(register, AARHUS_2017, ON, 2017)
    assert sibling.reason == "income_missing"
    assert child.reason == ("decision" if entitles else "income_missing")


@pytest.mark.parametrize(
    ("areas", "lives_there"),
    [(("åBYHØJ", "8999"), True), (("8230",), True), (("823",), False), ((), False), (("Viby",), False)],
)
def test_areas_go_by_the_childs_own_address(areas: tuple[str, ...], lives_there: bool) -> None:
    provider, child = family(None).persons
    register = Register([replace(provider, district="Viby"), replace(child, district="Åbyhøj", postcode="8230")])
    assert first(register, replace(AARHUS_2017, areas=areas)).reason == ("area" if lives_there else "income_missing")


def test_a_member_in_two_households_makes_both_uncertain() -> None:
    here, there = family(0), family(0)
    moved = [replace(row, household_id="h0", person_id=f"other-{row.person_id}") for row in there.persons]
    lodger = Person("H1", "lodger", "other", date(1970, 1, 1))
    register = Register([*here.persons, *moved, lodger, replace(lodger, household_id="h0")])
    assert [row.reason for row in determine(register, AARHUS_2017, ON, 2017)] == ["household_uncertain"] * 2


def test_a_child_in_two_households_is_judged_once_in_the_first_by_code_point() -> None:
    register = family(0)
    child = register.persons[-1]
    register.persons.append(replace(child, household_id="h0", district="Viby"))
    found = determine(register, replace(AARHUS_2017, areas=("Viby",)), ON, 2017)
    assert [(row.household_id, row.reason, row.providers) for row in found] == [("H1", "household_uncertain", 1)]


def test_registers_reach_every_reason_and_every_edge() -> None:
    seen: Counter[tuple[str, str]] = Counter()
    edges: Counter[str] = Counter()

    @settings(max_examples=12, derandomize=True, database=None, deadline=None)
    @given(registers())
    def collect(case: Case) -> None:
        for row in determine(case.register, case.parameters, case.on, case.income_year):
            seen[row.outcome, row.reason] += 1
            if row.income_ore is not None and row.limit_ore is not None and row.reason.startswith("income_"):
                edges[f"{row.reason} {max(-2, min(2, row.income_ore - row.limit_ore))}"] += 1

    collect()
    assert set(seen) == REASONS
    assert {"income_within_limit 0", "income_within_limit -1", "income_above_limit 0"} <= set(edges)
    assert {"income_above_limit 1", "income_missing 0", "income_missing -1"} <= set(edges)


@settings(max_examples=10, derandomize=True, database=None, deadline=None)
@given(registers())
def test_identity_numbers_agree_with_birth_dates(case: Case) -> None:
    births = {(row.person_id, row.birth_date) for row in case.register.persons}
    assert len(births) == len({number for number, _ in births})
    for number, born in births:
        century = 1900 if number[6] in "0123" else 2000
        assert date(century + int(number[4:6]), int(number[2:4]), int(number[:2]) - 60) == born


def test_identity_numbers_are_used_once() -> None:
    assert IdentityNumbers({"7503174000"}).issue(date(2017, 3, 15)) == "7503174001"
    used = [f"7503990{serial:03d}" for serial in range(1000)]
    assert IdentityNumbers(used).issue(date(1999, 3, 15)) == "7503991000"


@settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(registers())
def test_an_extract_reads_back_as_its_register(tmp_path: Path, case: Case) -> None:
    population, income, decisions = write_extract(case.register, tmp_path)
    with population.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with income.open(encoding="utf-8", newline="") as file:
        amounts = [(row["person_id"], row["year"], row["basis"]) for row in csv.DictReader(file)]

    known = {person.person_id for person in case.register.persons}
    spoiled = [row for row in rows if row["person_id"] not in known]
    assert sorted(row["household_id"] for row in spoiled) == sorted(case.register.rejected_households)
    assert len(rows) == len(case.register.persons) + len(spoiled)
    for row in spoiled:
        with pytest.raises(ValueError):
            date.fromisoformat(row["birth_date"])
    assert len(set(amounts)) == len(amounts) == len(case.register.incomes)
    assert len(decisions.read_text(encoding="utf-8").splitlines()) == len(case.register.awards) + 1


@pytest.mark.parametrize(
    ("amount_ore", "written"),
    [(19_271_400, "192714"), (1, "0.01"), (-1, "-0.01"), (-7_314_300, "-73143"), (19_271_450, "192714.50")],
)
def test_kroner(amount_ore: int, written: str) -> None:
    assert kroner(amount_ore) == written
