"""Made-up register extracts of a whole municipality, for the demo, the tests and the benchmarks.

Nobody in them exists: every identity number is synthetic, a Danish replacement number (the day raised by 60)
or a Norwegian test number (the month raised by 80). The same arguments give the same bytes.
"""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from math import exp
from pathlib import Path
from random import Random
from typing import TextIO

import msgspec

from service.errors import Count, Refused
from service.register.made_up_names import COUNTRIES, MAN, WOMAN, Background, Country, District

MOST_HOUSEHOLDS = 1_000_000
POPULATION_COLUMNS = (
    "household_id,person_id,relation,birth_date,given_name,family_name,"
    "street,postcode,city,district,address_protected,language\n"
)
INCOME_COLUMNS = "person_id,year,amount,basis\n"
DECISION_COLUMNS = "person_id,ground,percent,valid_from,valid_to\n"

_YEAR = 365.25
_FOUR_DIGITS = tuple(f"{serial:04d}" for serial in range(10_000))
_WAGE_GROWTH = 1.022
_CHILDREN_NATIVE = (1,) * 38 + (2,) * 43 + (3,) * 15 + (4,) * 3 + (5,)
_CHILDREN_IMMIGRANT = (1,) * 25 + (2,) * 32 + (3,) * 22 + (4,) * 12 + (5,) * 6 + (6,) * 3


class Extract(msgspec.Struct, frozen=True):
    """The three files of an extract, its households, and the rows of each file after the header."""

    population: Path
    income: Path
    decisions: Path
    households: int
    persons: int
    incomes: int
    decisions_count: int


class _BirthDate(msgspec.Struct, gc=False):
    """A birth date, how its identity numbers begin, and which serial numbers come next for women and men.

    `sums` are the date's parts of the two weighted sums behind Norwegian check digits; Danish ones have none.
    """

    iso: str
    beginning: str
    next_serial: list[int]
    end: int
    sums: tuple[int, int]


class Numbers:
    """Hands out synthetic identity numbers, each once, by counting the serial numbers of each birth date.

    Even serial numbers are women's and odd ones men's, in both countries. Memory grows with the number of
    birth dates, not of persons.
    """

    def __init__(self, country: str) -> None:
        self._norwegian = country == "no"
        self._dates: dict[int, _BirthDate] = {}

    def take(self, day: int, sex: int) -> tuple[str, str]:
        """A number that no other call gets, and the ISO birth date, for an ordinal day; else Refused."""
        born = self._dates.get(day)
        if born is None:
            born = self._dates[day] = self._birth_date(date.fromordinal(day))
        while True:
            serial = born.next_serial[sex]
            if serial >= born.end:
                raise Refused("A birth date has no more made-up identity numbers; ask for fewer households.")
            born.next_serial[sex] = serial + 2
            if not self._norwegian:
                return born.beginning + _FOUR_DIGITS[serial], born.iso
            check = _check_digits(born.sums, serial)
            if check:
                return f"{born.beginning}{_FOUR_DIGITS[serial][1:]}{check}", born.iso

    def _birth_date(self, born: date) -> _BirthDate:
        first, end = _serials(born.year, self._norwegian)
        day, month = (born.day, born.month + 80) if self._norwegian else (born.day + 60, born.month)
        beginning = f"{day:02d}{month:02d}{born.year % 100:02d}"
        sums = (0, 0)
        if self._norwegian:
            d1, d2, m1, m2, y1, y2 = (int(digit) for digit in beginning)
            sums = (
                3 * d1 + 7 * d2 + 6 * m1 + m2 + 8 * y1 + 9 * y2,
                5 * d1 + 4 * d2 + 3 * m1 + 2 * m2 + 7 * y1 + 6 * y2,
            )
        return _BirthDate(born.isoformat(), beginning, [first + WOMAN, first + MAN], end, sums)


def _serials(year: int, norwegian: bool) -> tuple[int, int]:
    """The first serial number of a birth year and the one after the last, as the century's series run."""
    last_year = 2039 if norwegian else 2057
    if year > last_year:
        raise Refused("Made-up identity numbers exist for births until {year}; choose an earlier date.", year=last_year)
    if norwegian:
        return (0, 500) if year < 2000 else (500, 1000)
    if year < 2000:
        return 0, 4000
    return (4000, 10000) if year <= 2036 else (5000, 9000)


def _check_digits(sums: tuple[int, int], serial: int) -> str:
    """The two check digits, or "" where a number has none and is therefore never given."""
    hundreds, tens, ones = serial // 100, serial // 10 % 10, serial % 10
    first = -(sums[0] + 4 * hundreds + 5 * tens + 2 * ones) % 11
    if first == 10:
        return ""
    second = -(sums[1] + 5 * hundreds + 4 * tens + 3 * ones + 2 * first) % 11
    return "" if second == 10 else f"{first}{second}"


class _Home(msgspec.Struct, gc=False):
    """A household in the making; `tail` ends the rows of all its persons."""

    key: str
    tail: str
    background: Background
    family_name: str
    level: float
    poor: bool


class _Municipality:
    """Makes households and writes their rows; `persons`, `incomes` and `awards` count what was written."""

    def __init__(
        self, country: str, on: date, seed: int, population: TextIO, income: TextIO, decisions: TextIO
    ) -> None:
        self._country: Country = COUNTRIES[country]
        self._places: tuple[tuple[District, str], ...] = tuple(
            (district, f"{district.postcode},{district.city},{district.name}")
            for district in self._country.districts
            for _ in range(district.size)
        )
        self._numbers = Numbers(country)
        random = Random(seed)
        self._random, self._gauss = random.random, random.gauss
        self._population, self._income, self._decisions = population.write, income.write, decisions.write
        self._year = on.year
        self._today = on.toordinal()
        self._adult = _years_before(on, 18)
        self._moves_out = _years_before(on, 20) + 1
        self._kroner = self._country.kroner * _WAGE_GROWTH ** (on.year - 2017)
        self.persons = self.incomes = self.awards = 0

    def household(self, number: int) -> None:
        """Write one household; one in a thousand is an institution, early enough for a small demo."""
        shape = self._random()
        if number % 1000 == 250:
            self._institution(self._home(number))
        elif shape < 0.003:
            self._kinship_care(self._home(number))
        elif shape < 0.14:
            self._childless(self._home(number))
        else:
            self._family(self._home(number))

    def _home(self, number: int) -> _Home:
        random, country = self._random, self._country
        district, place = self._places[int(random() * len(self._places))]
        native = random() < district.native
        background = country.native if native else self._immigrant()
        street = f"{district.streets[int(random() * len(district.streets))]} {int(random() * 190) + 1}"
        if random() < district.flats:
            street = f'"{street}, {country.floors[int(random() * len(country.floors))]}"'
        protected = int(random() < 0.02)
        language = self._language(background, native)
        return _Home(
            key=f"H{10_000_000 + number:09d}",
            tail=f"{street},{place},{protected},{language}\n",
            background=background,
            family_name=background.family[int(random() * len(background.family))],
            level=district.level,
            poor=random() < district.poor,
        )

    def _immigrant(self) -> Background:
        choices = self._country.immigrant
        return choices[int(self._random() * len(choices))]

    def _language(self, background: Background, native: bool) -> str:
        """What the family has chosen: few families whose language the municipality writes anyway have."""
        draw = self._random()
        if draw > (0.11 if native else 0.30):
            return ""
        draw = self._random()
        return background.language if draw < 0.75 else self._country.native.language if draw < 0.92 else "en"

    def _given(self, background: Background, sex: int) -> str:
        names = background.given[sex]
        return names[int(self._random() * len(names))]

    def _person(self, home: _Home, relation: str, day: int, sex: int, given: str, family: str) -> str:
        number, born = self._numbers.take(day, sex)
        self._population(f"{home.key},{number},{relation},{born},{given},{family},{home.tail}")
        self.persons += 1
        return number

    def _adult_person(self, home: _Home, relation: str, day: int, sex: int, family: str, median: float) -> None:
        """A grown-up with an income around the median, which is in Danish kroner of 2017."""
        number = self._person(home, relation, day, sex, self._given(home.background, sex), family)
        draw = self._random()
        if draw < 0.01:
            return
        if draw < 0.018:
            amount = 0
        elif draw < 0.019:
            amount = -int(self._random() * 90_000) - 1
        elif draw < 0.0195:
            amount = 100_000_001 + int(self._random() * 20_000_000_000)
        else:
            amount = int(median * self._kroner * exp(self._gauss(0.0, 0.34)))
        self._write_income(number, amount)

    def _write_income(self, number: str, amount: int) -> None:
        """Mostly one annual row; now and then another basis, beside the annual one or in its stead."""
        draw = self._random()
        if draw < 0.97:
            self._income(f"{number},{self._year},{amount},annual\n")
            self.incomes += 1
        if draw < 0.94:
            return
        kind = self._random()
        changed = int(amount * (0.9 + 0.2 * self._random()))
        if kind < 0.4:
            text = f"{changed}.{int(self._random() * 100):02d},final"
        elif kind < 0.7:
            text = f"{changed},advance"
        else:
            text = f"{changed // 12 * 12},month_x12"
        self._income(f"{number},{self._year},{text}\n")
        self.incomes += 1

    def _births(self, count: int) -> list[int]:
        """Days of birth of up to `count` siblings who still live at home; some are twins."""
        random = self._random
        first = last = self._today - int(random() * (self._today - self._moves_out + 1))
        births = [first]
        for _ in range(count - 1):
            gap = 0 if random() < 0.025 else 330 + int(random() * 1500)
            if last + gap <= self._today:
                last += gap
                births.append(last)
            elif first - gap >= self._moves_out:
                first -= gap
                births.append(first)
        return births

    def _children(self, home: _Home, births: list[int]) -> None:
        """Siblings with a name each; those who are 18 or older count as other members of the household."""
        taken: list[str] = []
        for day in births:
            sex = WOMAN if self._random() < 0.49 else MAN
            given = self._given(home.background, sex)
            while given in taken:
                given = self._given(home.background, sex)
            taken.append(given)
            if day > self._adult:
                number = self._person(home, "child", day, sex, given, home.family_name)
                if home.poor and self._random() < 0.05:
                    self._award(number)
            else:
                self._person(home, "other", day, sex, given, home.family_name)

    def _award(self, number: str) -> None:
        """A free place decided elsewhere: mostly enough for a pass, some too little, some expired."""
        percent = 90 + int(self._random() * 11) if self._random() < 0.8 else 50 + int(self._random() * 31)
        year = self._year if self._random() < 0.85 else self._year - 1
        self._decisions(f"{number},free_place,{percent},{year}-01-01,{year}-12-31\n")
        self.awards += 1

    def _family(self, home: _Home) -> None:
        random = self._random
        sizes = _CHILDREN_NATIVE if home.background is self._country.native else _CHILDREN_IMMIGRANT
        births = self._births(sizes[int(random() * len(sizes))])
        eldest = min(births)
        grown_up = eldest - 400 - int(random() * 2000) if random() < 0.12 else self._today
        if grown_up < self._moves_out:
            eldest = grown_up
        mother = eldest - int(_YEAR * (20 + (random() + random()) * (11 - len(births))))
        self._providers(home, mother, single=random() < (0.34 if home.poor else 0.17))
        self._children(home, births)
        if grown_up < self._moves_out:
            sex = WOMAN if random() < 0.4 else MAN
            self._adult_person(home, "other", grown_up, sex, home.family_name, 140_000)
        if random() < 0.02:
            grandmother = mother - int(_YEAR * (21 + random() * 14))
            self._adult_person(home, "other", grandmother, WOMAN, home.family_name, 150_000)
        if random() < 0.03:
            self._lodger(home)

    def _providers(self, home: _Home, mother: int, single: bool) -> None:
        random = self._random
        if single:
            sex = WOMAN if random() < 0.84 else MAN
            median = 178_000 if home.poor else 350_000 * home.level
            self._adult_person(home, "provider", mother, sex, home.family_name, median)
            return
        median = 76_000 if home.poor else 365_000 * home.level
        self._adult_person(home, "provider", mother, WOMAN, home.family_name, median)
        sex = MAN if random() < 0.98 else WOMAN
        family = home.family_name
        if random() < 0.35:
            family = home.background.family[int(random() * len(home.background.family))]
        self._adult_person(home, "provider", mother - int(_YEAR * (random() * 9 - 2)), sex, family, median * 1.1)

    def _lodger(self, home: _Home) -> None:
        """Somebody of another family, with a name and an income of their own that must not count."""
        background = self._immigrant() if self._random() < 0.4 else self._country.native
        family = background.family[int(self._random() * len(background.family))]
        day = self._adult - int(self._random() * _YEAR * 35)
        self._adult_person(home, "other", day, MAN, family, 210_000)

    def _childless(self, home: _Home) -> None:
        woman = self._adult - int(_YEAR * (4 + self._random() * 60))
        self._providers(home, woman, single=self._random() < 0.5)
        if self._random() < 0.1:
            self._lodger(home)

    def _kinship_care(self, home: _Home) -> None:
        """Children who live with a grandmother and no provider."""
        births = self._births(1 + int(self._random() * 2))
        grandmother = min(births) - int(_YEAR * (42 + self._random() * 20))
        self._adult_person(home, "other", grandmother, WOMAN, home.family_name, 180_000)
        self._children(home, births)

    def _institution(self, home: _Home) -> None:
        """Eight to twenty-two children of as many families at one address, and no provider."""
        for _ in range(8 + int(self._random() * 15)):
            background = self._country.native if self._random() < 0.6 else self._immigrant()
            sex = WOMAN if self._random() < 0.45 else MAN
            day = self._adult + 1 + int(self._random() * _YEAR * 12)
            family = background.family[int(self._random() * len(background.family))]
            self._person(home, "child", day, sex, self._given(background, sex), family)


def _years_before(on: date, years: int) -> int:
    """The last day of birth of those who have turned `years`; born on 29 February one turns on 1 March."""
    leap_day = (on.month, on.day) == (2, 29)
    return on.replace(year=on.year - years, day=28 if leap_day else on.day).toordinal()


def write_extract(
    folder: Path,
    *,
    households: int,
    on: date,
    seed: int = 1,
    country: str = "dk",
    progress: Callable[[int], None] | None = None,
) -> Extract:
    """Write `population.csv`, `income.csv` and `decisions.csv` of a made-up municipality into the folder.

    Ages are those on the date `on`, incomes those of its year. About one child in five between 3 and 17 lives
    within the Aarhus limits of 2017, changed by 2.2 % a year for other years. `country` is "dk" or "no";
    Norwegian amounts are 1.25 times the Danish. Rows are streamed; `progress` hears now and then how many
    households are written. Refused for an unknown country, more than a million households, or a date for
    which no synthetic numbers exist.
    """
    if country not in COUNTRIES:
        raise Refused("There is no made-up municipality for the country {country!r}; choose dk or no.", country=country)
    if not 0 < households <= MOST_HOUSEHOLDS:
        raise Refused("A made-up municipality has from 1 to {most} households.", most=Count(MOST_HOUSEHOLDS))
    if on.year < 2010:
        raise Refused("A made-up municipality can be dated from 2010 on.")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("population.csv", "income.csv", "decisions.csv")]
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("w", encoding="utf-8", newline="\n")) for path in paths]
        for file, columns in zip(files, (POPULATION_COLUMNS, INCOME_COLUMNS, DECISION_COLUMNS), strict=True):
            file.write(columns)
        municipality = _Municipality(country, on, seed, *files)
        for number in range(1, households + 1):
            municipality.household(number)
            if progress is not None and (number % 1000 == 0 or number == households):
                progress(number)
    return Extract(
        population=paths[0],
        income=paths[1],
        decisions=paths[2],
        households=households,
        persons=municipality.persons,
        incomes=municipality.incomes,
        decisions_count=municipality.awards,
    )
