"""Hypothesis strategies for register extracts, thick with the edges on which an eligibility rule goes wrong.

A register costs two draws: one seed for the date and parameters, and bytes that hold a seed for each
household. Seed 0 gives no household, so a failing example shrinks to the few households that matter. More
draws would let Hypothesis vary one example in small parts: the same date and households many times over.
"""

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, timedelta
from pathlib import Path

from hypothesis import strategies as st

from tests.eligibility.oracle import (
    HIGHEST_PLAUSIBLE_ORE,
    Award,
    Income,
    Parameters,
    Person,
    Register,
    household_limit,
    is_child,
)

BASES = ("annual", "final", "advance", "month_x12")
PLACES = (
    ("Gellerup", "8220"),
    ("Åbyhøj", "8230"),
    ("Sædding Ærø", "0800"),
    ("Østbyen", "8000"),
    ("Viby", "8260"),
)
FAR_FROM_PLAUSIBLE = (-1, -7_314_300, HIGHEST_PLAUSIBLE_ORE + 1, 2_147_483_648_000, 100_000_000_000_100)
SPOILED_BIRTH_DATES = ("2015-02-30", "2014-13-01", "unknown")
POPULATION_COLUMNS = (*(column.name for column in fields(Person)), "address_protected", "language")
HARD_DAYS = (
    *("2018-02-28", "2018-03-01", "2019-02-28", "2019-03-01", "2022-02-28", "2022-03-01"),
    *("2020-02-29", "2017-01-15", "2022-12-31"),
)
SEED_BYTES = 3


@dataclass(frozen=True)
class Case:
    """A register, and everything that a refresh over it is given."""

    register: Register
    parameters: Parameters
    on: date
    income_year: int


class IdentityNumbers:
    """Issues Danish replacement numbers (day + 60) that agree with the birth date, each of them once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def issue(self, birth_date: date) -> str:
        """The next free number; raises ValueError when a birth date has none left.

        The seventh digit carries the century: 0-3 for the 1900s, 4-9 with years 00-36 for the 2000s.
        """
        serials = range(4000) if birth_date.year < 2000 else range(4000, 10000)
        beginning = f"{birth_date.day + 60}{birth_date:%m%y}"
        for serial in serials:
            number = f"{beginning}{serial:04d}"
            if number not in self._taken:
                self._taken.add(number)
                return number
        raise ValueError("no identity number is left for this birth date")


@st.composite
def registers(draw: st.DrawFn, max_households: int = 60) -> Case:
    """A register of 30 to `max_households` households, with the date, income year and parameters to use.

    One provider always has an income that counts, since a refresh without any has nothing to work on.
    """
    scene = random.Random(draw(st.integers(0, 2**24 - 1)))
    least = min(30, max_households)
    seeds = draw(st.binary(min_size=SEED_BYTES * least, max_size=SEED_BYTES * max_households))
    on = _reference_date(scene)
    parameters = _parameters(scene)
    income_year = on.year - scene.choice([0, 0, 1])
    builder = _Builder(on, income_year, parameters)
    builder.add_plain_household()
    for start in range(0, len(seeds) - SEED_BYTES + 1, SEED_BYTES):
        seed = int.from_bytes(seeds[start : start + SEED_BYTES], "big")
        if seed:
            builder.add_household(random.Random(seed))
    return Case(builder.register(), parameters, on, income_year)


def _reference_date(rng: random.Random) -> date:
    """A day on which birthdays are hard (round 29 February, the turn of the year), or any."""
    if rng.random() < 0.5:
        return date.fromisoformat(rng.choice(HARD_DAYS))
    return date(2014, 1, 1) + timedelta(days=rng.randrange(11 * 365))


def _parameters(rng: random.Random) -> Parameters:
    """A version of the scheme as municipalities vary it."""
    (quarter, _), (bay, _), (_, postcode), *_ = PLACES
    return Parameters(
        limit_ore=rng.choice([19_271_400, 18_852_800, 21_289_600]),
        single_addition_ore=rng.choice([5_949_200, 0]),
        child_addition_ore=rng.choice([700_000, 0]),
        min_age=rng.choice([3, 3, 0, 6]),
        max_age=rng.choice([17, 17, 15]),
        inclusive=rng.random() < 0.5,
        min_percent=rng.choice([90, 100, 50]),
        areas=rng.choice([(), (), (quarter.upper(),), (postcode,), (bay.upper(), postcode)]),
        bases=rng.choice([("annual",), ("final", "annual"), ("month_x12", "advance", "annual")]),
    )


class _Builder:
    """Grows one register, household by household."""

    def __init__(self, on: date, income_year: int, parameters: Parameters) -> None:
        self._on = on
        self._year = income_year
        self._parameters = parameters
        self._numbers = IdentityNumbers()
        self._register = Register([])
        self._previous: list[Person] = []
        self._households = 0

    def register(self) -> Register:
        """What has grown, its persons shuffled as a register delivers them."""
        random.Random(len(self._register.persons)).shuffle(self._register.persons)
        return self._register

    def add_plain_household(self) -> None:
        """A single provider with a small income and a child of ten."""
        rng = random.Random(0)
        provider = self._person("1-PLAIN", "provider", date(1980, 5, 5), PLACES[3])
        child = self._person("1-PLAIN", "child", date(self._on.year - 10, 1, 1), PLACES[3])
        self._register.persons.extend([provider, child])
        self._add_income(rng, provider, 10_000_000, ())

    def add_household(self, rng: random.Random) -> None:
        """A household with 0-3 providers, minors round their birthdays, grown-ups who do not count."""
        self._households += 1
        household_id = f"{rng.choice(['H', 'h', 'Z', '9'])}{self._households:03d}"
        place = rng.choice(PLACES)
        providers = [
            self._person(household_id, "provider", self._adult_birth(rng), place)
            for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 2, 2, 3]))
        ]
        members = providers + self._children(rng, household_id, place)
        for _ in range(rng.choice([0, 0, 0, 1, 2])):
            lodger = self._person(household_id, "other", self._adult_birth(rng), place)
            members.append(lodger)
            self._add_income(rng, lodger, rng.choice([0, 90_000_000, *FAR_FROM_PLAUSIBLE]), ())
        self._add_incomes(rng, providers, members)
        for member in members:
            if member.relation == "child" and rng.random() < 0.15:
                self._add_awards(rng, member)
        if rng.random() < 0.08:
            self._register.rejected_households.add(household_id)
        if self._previous and rng.random() < 0.08:
            self._move_in_too(rng, members, household_id, place)
        self._register.persons.extend(members)
        self._previous = members

    def _person(self, household_id: str, relation: str, birth_date: date, place: tuple[str, str]) -> Person:
        district, postcode = place
        return Person(
            household_id,
            self._numbers.issue(birth_date),
            relation,
            birth_date,
            street=f"Lottesvej {self._households}, 2. th",
            postcode=postcode,
            district=district,
        )

    def _adult_birth(self, rng: random.Random) -> date:
        """Mostly a grown-up; now and then someone still 17, who as a provider counts like any other."""
        if rng.random() < 0.08:
            return birthday(rng, self._on, 18)
        return date(1955, 1, 1) + timedelta(days=rng.randrange(41 * 365))

    def _children(self, rng: random.Random, household_id: str, place: tuple[str, str]) -> list[Person]:
        edges = (self._parameters.min_age, self._parameters.max_age + 1, 18)
        minors: list[Person] = []
        for _ in range(rng.choice([1, 1, 1, 2, 2, 2, 3, 4])):
            if minors and rng.random() < 0.2:
                birth_date = minors[-1].birth_date
            elif rng.random() < 0.5:
                birth_date = birthday(rng, self._on, rng.choice(edges))
            else:
                birth_date = self._on - timedelta(days=rng.randrange(3 * 366, 18 * 365))
            relation = "other" if rng.random() < 0.08 else "child"
            lives_in = rng.choice(PLACES) if rng.random() < 0.08 else place
            minors.append(self._person(household_id, relation, birth_date, lives_in))
        if rng.random() < 0.15:
            grown_up = self._person(household_id, "child", birthday(rng, self._on, 24), place)
            minors.append(grown_up)
            self._add_income(rng, grown_up, 50_000_000, ())
        return minors

    def _add_incomes(self, rng: random.Random, providers: Sequence[Person], members: Sequence[Person]) -> None:
        if not providers:
            return
        children = sum(is_child(member, self._on) for member in members)
        limit = household_limit(self._parameters, children, len(providers)) or 0
        totals = [
            limit,
            limit,
            limit - 1,
            limit + 1,
            limit // 2,
            limit // 2,
            limit * 3,
            0,
            100 * (limit // 100 + 1),
        ]
        amounts: list[int | None] = [*_split(rng, rng.choice(totals), len(providers))]
        edge = rng.random()
        if edge < 0.12:
            amounts[rng.randrange(len(amounts))] = rng.choice([*FAR_FROM_PLAUSIBLE, HIGHEST_PLAUSIBLE_ORE])
        elif edge < 0.18:
            amounts = [HIGHEST_PLAUSIBLE_ORE] * len(providers)
        elif edge < 0.30:
            amounts[rng.randrange(len(amounts))] = None
        elif edge < 0.42:
            # The known incomes of the others reach the limit alone.
            amounts = [None, *_split(rng, limit + rng.choice([0, 1, -1]), len(providers) - 1)]
        if rng.random() < 0.12:
            amounts[rng.randrange(len(amounts))] = rng.choice([None, rng.choice(FAR_FROM_PLAUSIBLE)])
        for provider, amount in zip(providers, amounts, strict=True):
            decoys = tuple(rng.choice([0, limit, limit * 2, *FAR_FROM_PLAUSIBLE]) for _ in range(2))
            self._add_income(rng, provider, amount, decoys)

    def _add_income(self, rng: random.Random, person: Person, amount_ore: int | None, decoys: tuple[int, ...]) -> None:
        """The amount on a basis that counts; decoys on lower ranking or uncounted bases, in other years."""
        ranked = self._parameters.bases
        rank = rng.randrange(len(ranked)) if decoys else 0
        if amount_ore is not None:
            self._register.incomes.append(Income(person.person_id, self._year, amount_ore, ranked[rank]))
        lower = ranked[rank + 1 :] if amount_ore is not None else ()
        without_effect = [*lower, *(basis for basis in BASES if basis not in ranked)]
        for decoy in decoys:
            if rng.random() < 0.35 and without_effect:
                basis = without_effect.pop(rng.randrange(len(without_effect)))
                self._register.incomes.append(Income(person.person_id, self._year, decoy, basis))
        if decoys and rng.random() < 0.3:
            year = self._year + rng.choice([-1, 1])
            self._register.incomes.append(Income(person.person_id, year, decoys[0], rng.choice(ranked)))

    def _add_awards(self, rng: random.Random, child: Person) -> None:
        """One award or two on different grounds, with percent and days at and beside the edges."""
        least = self._parameters.min_percent
        for ground in rng.choice([["free_place"], ["free_place", "course"]]):
            percent = rng.choice([least, least, min(least + 10, 100), least - 1])
            valid_from = self._on + timedelta(days=rng.choice([0, 0, -400, -1, 1]))
            days = rng.choice([None, 0, 0, -1, 1, 365])
            valid_to = None if days is None else max(valid_from, self._on + timedelta(days=days))
            self._register.awards.append(Award(child.person_id, ground, percent, valid_from, valid_to))

    def _move_in_too(
        self, rng: random.Random, members: list[Person], household_id: str, place: tuple[str, str]
    ) -> None:
        """Someone of the household before stands in this one as well, at this one's address."""
        guest = rng.choice(self._previous)
        if guest.household_id != household_id:
            district, postcode = place
            relation = "other" if guest.relation == "provider" and rng.random() < 0.3 else guest.relation
            moved = replace(guest, household_id=household_id, relation=relation, street="Elmevej 4")
            members.append(replace(moved, district=district, postcode=postcode))


def birthday(rng: random.Random, on: date, age: int) -> date:
    """The birth date of someone who turns `age` on the date or a day beside it, or a near 29 February."""
    if rng.random() < 0.15:
        leap_years = [year for year in range(on.year - age - 1, on.year - age + 2) if year % 4 == 0]
        if leap_years and date(leap_years[0], 2, 29) < on:
            return date(leap_years[0], 2, 29)
    near = on + timedelta(days=rng.choice([-1, 0, 0, 1]))
    if (near.month, near.day) == (2, 29):
        near -= timedelta(days=1)
    return near.replace(year=near.year - age)


def _split(rng: random.Random, total: int, shares: int) -> list[int]:
    """The total in so many parts, none of them negative."""
    parts = []
    for _ in range(shares - 1):
        part = rng.randint(0, max(total, 0))
        parts.append(part)
        total -= part
    return [*parts, total] if shares else []


def write_extract(register: Register, folder: Path) -> tuple[Path, Path, Path]:
    """Write the register as `population.csv`, `income.csv` and `decisions.csv`, and give their paths.

    Every rejected household gets one further row whose birth date is none: the import must reject it.
    """
    numbers = IdentityNumbers(person.person_id for person in register.persons)
    population: list[Sequence[object]] = [_population_row(person, None) for person in register.persons]
    for index, household_id in enumerate(sorted(register.rejected_households)):
        birth_date = date(1950, 1, 1)
        spoiled = Person(household_id, numbers.issue(birth_date), "other", birth_date)
        place = (index * 7) % (len(population) + 1)
        population.insert(place, _population_row(spoiled, SPOILED_BIRTH_DATES[index % len(SPOILED_BIRTH_DATES)]))
    incomes = [(row.person_id, row.year, kroner(row.amount_ore), row.basis) for row in register.incomes]
    awards = [(row.person_id, row.ground, row.percent, row.valid_from, row.valid_to or "") for row in register.awards]
    return (
        _write(folder / "population.csv", POPULATION_COLUMNS, population),
        _write(folder / "income.csv", ("person_id", "year", "amount", "basis"), incomes),
        _write(folder / "decisions.csv", ("person_id", "ground", "percent", "valid_from", "valid_to"), awards),
    )


def kroner(amount_ore: int) -> str:
    """An amount as the extract writes it: whole kroner, or with two decimals."""
    whole, rest = divmod(abs(amount_ore), 100)
    sign = "-" if amount_ore < 0 else ""
    return f"{sign}{whole}.{rest:02d}" if rest else f"{sign}{whole}"


def _population_row(person: Person, spoiled_birth_date: str | None) -> Sequence[object]:
    row = asdict(person)
    if spoiled_birth_date:
        row["birth_date"] = spoiled_birth_date
    return [*row.values(), 0, ""]


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path
