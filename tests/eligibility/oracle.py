"""A second opinion on the eligibility rule: slow, plain Python, one child at a time.

It imports nothing from the service. The set-based rule is held against it, so both must follow the
written rule and never each other. The rule: the leisure pass of Aarhus (2017 report on local measures
against child poverty), with every figure a parameter. Money is integer øre throughout.
"""

import csv
import gzip
import io
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

ADULT_AGE = 18
HIGHEST_PLAUSIBLE_ORE = 100_000_000 * 100


@dataclass(frozen=True)
class Person:
    """One accepted row of the population extract; someone who stands in two households has two."""

    household_id: str
    person_id: str
    relation: str
    birth_date: date
    given_name: str = "Anna"
    family_name: str = "Jensen"
    street: str = "Lottesvej 1"
    postcode: str = "8000"
    city: str = "Aarhus"
    district: str = "Midtbyen"


@dataclass(frozen=True)
class Income:
    """A person's income for one whole year, on one basis."""

    person_id: str
    year: int
    amount_ore: int
    basis: str = "annual"


@dataclass(frozen=True)
class Award:
    """A free place awarded to a child elsewhere; both days count, and without a last day it has no end."""

    person_id: str
    ground: str
    percent: int
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True)
class Parameters:
    """One dated version of the scheme; without arguments that of Aarhus for 2017."""

    limit_ore: int = 19_271_400
    single_addition_ore: int = 5_949_200
    child_addition_ore: int = 700_000
    min_age: int = 3
    max_age: int = 17
    inclusive: bool = True
    min_percent: int = 90
    areas: tuple[str, ...] = ()
    bases: tuple[str, ...] = ("annual",)


@dataclass(frozen=True)
class Register:
    """What an import accepted, and the households of which it rejected a row in the population extract."""

    persons: list[Person]
    incomes: list[Income] = field(default_factory=list)
    awards: list[Award] = field(default_factory=list)
    rejected_households: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Expected:
    """The determination of one child and the figures behind it; a figure that does not exist is None."""

    household_id: str
    person_id: str
    outcome: str
    reason: str
    income_ore: int | None
    limit_ore: int | None
    children: int
    providers: int


def age_on(birth_date: date, on: date) -> int:
    """Completed years. Whoever is born on 29 February has the birthday on 1 March in a common year."""
    had_birthday = (on.month, on.day) >= (birth_date.month, birth_date.day)
    return on.year - birth_date.year - (0 if had_birthday else 1)


def is_child(person: Person, on: date) -> bool:
    """Relation and age alone decide: a minor with another relation is no child.

    One born after the date is, since the register counts as last imported, whatever the date.
    """
    return person.relation == "child" and age_on(person.birth_date, on) < ADULT_AGE


def household_limit(parameters: Parameters, children: int, providers: int) -> int | None:
    """The income limit in øre; None without a provider, for whom no limit is defined."""
    if providers == 0:
        return None
    limit = parameters.limit_ore
    if children > 1:
        limit += parameters.child_addition_ore * (children - 1)
    if providers == 1:
        limit += parameters.single_addition_ore
    return limit


def exceeds(income_ore: int, limit_ore: int, inclusive: bool) -> bool:
    """Whether the income bars from the pass; one equal to the limit does so unless the limit is inclusive."""
    if inclusive:
        return income_ore > limit_ore
    return income_ore >= limit_ore


def counted_income(register: Register, parameters: Parameters, person_id: str, year: int) -> int | None:
    """The income on the first basis, in the parameters' order, that the person has for the year."""
    for basis in parameters.bases:
        for income in register.incomes:
            if (income.person_id, income.year, income.basis) == (person_id, year, basis):
                return income.amount_ore
    return None


def has_award(register: Register, parameters: Parameters, person_id: str, on: date) -> bool:
    """Whether an award of enough percent holds for the person on the date."""
    for award in register.awards:
        begun = award.valid_from <= on
        ended = award.valid_to is not None and award.valid_to < on
        if award.person_id == person_id and award.percent >= parameters.min_percent and begun and not ended:
            return True
    return False


def in_area(person: Person, areas: tuple[str, ...]) -> bool:
    """Whether the person's own address lies in one of the districts or postcodes."""
    covered = {area.casefold() for area in areas}
    return person.district.casefold() in covered or person.postcode.casefold() in covered


def determine(register: Register, parameters: Parameters, on: date, income_year: int) -> list[Expected]:
    """A determination for each child on the date, ordered by household and person.

    A child with rows in two households is judged once, in the household whose id comes first by code point.
    """
    rows_of: dict[str, list[Person]] = defaultdict(list)
    for row in register.persons:
        rows_of[row.person_id].append(row)
    uncertain = set(register.rejected_households)
    for rows in rows_of.values():
        households = {row.household_id for row in rows}
        if len(households) > 1:
            uncertain |= households

    household_of = _by_household(register)
    determinations = []
    for rows in rows_of.values():
        as_child = [row for row in rows if is_child(row, on)]
        if as_child:
            child = min(as_child, key=lambda row: row.household_id)
            household = household_of[child.household_id]
            is_uncertain = child.household_id in uncertain
            determinations.append(_determine_child(household, parameters, child, on, income_year, is_uncertain))
    return sorted(determinations, key=lambda found: (found.household_id, found.person_id))


def _by_household(register: Register) -> dict[str, Register]:
    """The part of the register that concerns each household."""
    incomes_of: dict[str, list[Income]] = defaultdict(list)
    for income in register.incomes:
        incomes_of[income.person_id].append(income)
    awards_of: dict[str, list[Award]] = defaultdict(list)
    for award in register.awards:
        awards_of[award.person_id].append(award)
    households: dict[str, Register] = {}
    for row in register.persons:
        household = households.setdefault(row.household_id, Register([]))
        household.persons.append(row)
        household.incomes.extend(incomes_of[row.person_id])
        household.awards.extend(awards_of[row.person_id])
    return households


def _determine_child(
    household: Register, parameters: Parameters, child: Person, on: date, income_year: int, is_uncertain: bool
) -> Expected:
    children = len({row.person_id for row in household.persons if is_child(row, on)})
    providers = {row.person_id for row in household.persons if row.relation == "provider"}
    incomes = [counted_income(household, parameters, provider, income_year) for provider in providers]
    known = [income for income in incomes if income is not None]
    implausible = any(income < 0 or income > HIGHEST_PLAUSIBLE_ORE for income in known)
    total = None if implausible or not known else sum(known)
    limit = household_limit(parameters, children, len(providers))

    age = age_on(child.birth_date, on)
    if age < parameters.min_age:
        outcome, reason = "not_entitled", "too_young"
    elif age > parameters.max_age:
        outcome, reason = "not_entitled", "too_old"
    elif has_award(household, parameters, child.person_id, on):
        outcome, reason = "entitled", "decision"
    elif in_area(child, parameters.areas):
        outcome, reason = "entitled", "area"
    elif is_uncertain:
        outcome, reason = "needs_review", "household_uncertain"
    elif limit is None:
        outcome, reason = "needs_review", "no_provider"
    elif implausible:
        outcome, reason = "needs_review", "income_implausible"
    elif total is not None and exceeds(total, limit, parameters.inclusive):
        outcome, reason = "not_entitled", "income_above_limit"
    elif None in incomes:
        outcome, reason = "needs_review", "income_missing"
    else:
        outcome, reason = "entitled", "income_within_limit"
    return Expected(child.household_id, child.person_id, outcome, reason, total, limit, children, len(providers))


def load_sample(folder: Path) -> tuple[Register, list[Expected]]:
    """The sample extract and what must come out of it, from `.csv` or gzip-compressed `.csv.gz` files.

    Raises ValueError where an amount holds a part of an øre.
    """
    persons = [
        Person(
            household_id=row["household_id"],
            person_id=row["person_id"],
            relation=row["relation"],
            birth_date=date.fromisoformat(row["birth_date"]),
            given_name=row["given_name"],
            family_name=row["family_name"],
            street=row["street"],
            postcode=row["postcode"],
            city=row["city"],
            district=row["district"],
        )
        for row in _rows(folder, "population")
    ]
    incomes = [
        Income(row["person_id"], int(row["year"]), _ore(row["amount"]), row.get("basis") or "annual")
        for row in _rows(folder, "income")
    ]
    expected = [
        Expected(
            household_id=row["household_id"],
            person_id=row["person_id"],
            outcome=row["outcome"],
            reason=row["reason"],
            income_ore=int(row["income_ore"]) if row["income_ore"] else None,
            limit_ore=int(row["limit_ore"]) if row["limit_ore"] else None,
            children=int(row["children"]),
            providers=int(row["providers"]),
        )
        for row in _rows(folder, "expected")
    ]
    return Register(persons, incomes), expected


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    packed = folder / f"{name}.csv.gz"
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / f"{name}.csv").read_bytes()
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def _ore(kroner: str) -> int:
    ore = Decimal(kroner) * 100
    if ore != ore.to_integral_value():
        raise ValueError("an amount has more than two decimals")
    return int(ore)
