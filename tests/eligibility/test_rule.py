"""The rule as the database evaluates it against the plain-Python oracle: made-up registers through the commands."""

import csv
import os
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from service.audit.actions import COMMAND
from service.database.engine import Database
from service.eligibility.queries import ExplainedChild, explain_household
from service.identity.actions import find_municipality
from tests.conftest import Medspiller
from tests.eligibility.oracle import Award, Expected, Income, Parameters, Person, Register, determine
from tests.eligibility.strategies import Case, kroner, registers, write_extract

# More examples than the normal run's: MEDSPILLER_EXAMPLES=500.
_EXAMPLES = int(os.environ.get("MEDSPILLER_EXAMPLES", "25"))
_codes = (f"T{number}" for number in count(1))


def _hypothesis(examples: int) -> settings:
    # Shrinking takes hundreds of imports: only who asks for more examples waits for it.
    phases = [Phase.generate, Phase.shrink] if "MEDSPILLER_EXAMPLES" in os.environ else [Phase.generate]
    return settings(
        max_examples=examples,
        phases=phases,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@_hypothesis(_EXAMPLES)
@given(registers())
def test_every_child_gets_what_the_oracle_says(medspiller: Medspiller, tmp_path: Path, case: Case) -> None:
    code = next(_codes)
    set_up(medspiller, code, case, tmp_path)
    refreshed = medspiller(*refresh(code, case), "--commit")
    expected = determine(case.register, case.parameters, case.on, case.income_year)

    assert exported(medspiller, code, case.register, tmp_path) == expected
    assert refreshed["state"] == "committed"
    assert refreshed["children"] == len(expected)
    assert refreshed["new"] == refreshed["entitled"] == sum(row.outcome == "entitled" for row in expected)
    assert sum(refreshed["reasons"].values()) == len(expected)


@_hypothesis(max(4, _EXAMPLES // 6))
@given(registers())
def test_one_family_alone_gets_the_same(medspiller: Medspiller, database: Database, tmp_path: Path, case: Case) -> None:
    """Before anything is committed: `explain` evaluates the rule over the facts of one household."""
    code = next(_codes)
    set_up(medspiller, code, case, tmp_path)
    with database.transaction() as session:
        municipality = find_municipality(session, code)
    found = []
    with database.transaction(municipality.id) as session:
        for household in sorted({person.household_id for person in case.register.persons}):
            children = explain_household(
                session, municipality, "fritidspas", household, case.on, case.income_year, COMMAND
            )
            found += [(household, child.given_name, *_figures(child)) for child in children]
    expected = [
        (row.household_id, _name(row.person_id), *_figures(row))
        for row in determine(case.register, case.parameters, case.on, case.income_year)
    ]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def _figures(row: Expected | ExplainedChild) -> tuple[object, ...]:
    return row.outcome, row.reason, row.income_ore, row.limit_ore, row.children, row.providers


@pytest.mark.parametrize(
    ("year", "limit", "single"),
    [(2016, 188_528, 58_211), (2017, 192_714, 59_492), (2019, 201_228, 62_139), (2022, 212_896, 65_747)],
)
def test_published_limits_at_the_edge(
    medspiller: Medspiller, tmp_path: Path, year: int, limit: int, single: int
) -> None:
    """Aarhus's own figures, as they come with a new municipality: at the limit and one øre over."""
    born = date(year - 8, 1, 1)
    register = Register([])
    expected: dict[str, tuple[str, int, int]] = {}
    for providers in (1, 2):
        for children in (1, 3):
            edge = (limit + (single if providers == 1 else 0) + 7_000 * (children - 1)) * 100
            for over in (0, 1):
                household = f"H{providers}{children}{over}"
                days = [date(1960, 5, 1 + number) for number in range(providers)]
                adults = [Person(household, _number(day, len(expected)), "provider", day) for day in days]
                minors = [
                    Person(household, _number(born, 10 * len(expected) + index), "child", born)
                    for index in range(children)
                ]
                register.persons.extend(adults + minors)
                shares = [edge + over] if providers == 1 else [edge // 2, edge - edge // 2 + over]
                register.incomes.extend(
                    Income(adult.person_id, year, share) for adult, share in zip(adults, shares, strict=True)
                )
                expected[household] = ("not_entitled" if over else "entitled", edge + over, edge)
    code = next(_codes)
    medspiller("municipality", "add", code, "Aarhus", "--country", "dk")
    import_files(medspiller, code, register, tmp_path)
    on = ("--on", f"{year}-06-01", "--commit")
    medspiller("eligibility", "refresh", "--municipality", code, "--scheme", "fritidspas", *on)

    found = exported(medspiller, code, register, tmp_path)
    assert {row.household_id: (row.outcome, row.income_ore, row.limit_ore) for row in found} == expected


def test_areas_and_awards_by_the_command_line(medspiller: Medspiller, tmp_path: Path) -> None:
    """An area is named in any case, as district or postcode; an award counts on its last day."""
    on = date(2017, 1, 15)
    parameters = Parameters(areas=("ÅBYHØJ", "8220"), min_percent=50)
    adult = Person("H1", _number(date(1970, 1, 1), 1), "provider", date(1970, 1, 1))
    places = {"here": ("Åbyhøj", "8230"), "there": ("Gellerup", "8220"), "nowhere": ("Viby", "8260")}
    minors = [
        Person("H1", _number(date(2010, 1, 1), index), "child", date(2010, 1, 1), district=district, postcode=postcode)
        for index, (district, postcode) in enumerate([*places.values(), places["nowhere"]])
    ]
    register = Register([adult, *minors], [Income(adult.person_id, 2017, 900_000_00)])
    register.awards.append(Award(minors[3].person_id, "free_place", 50, on, on))
    case = Case(register, parameters, on, 2017)
    code = next(_codes)
    set_up(medspiller, code, case, tmp_path)
    answer = medspiller(*refresh(code, case), "--commit")

    assert answer["reasons"] == {"decision": 1, "area": 2, "income_above_limit": 1}
    assert exported(medspiller, code, register, tmp_path) == determine(register, parameters, on, 2017)


def set_up(medspiller: Medspiller, code: str, case: Case, folder: Path) -> None:
    """A municipality with the case's parameters and register."""
    medspiller("municipality", "add", code, "Testby", "--country", "dk")
    set_parameters(medspiller, code, case.parameters, case.on)
    import_files(medspiller, code, case.register, folder)


def set_parameters(medspiller: Medspiller, code: str, parameters: Parameters, valid_from: date) -> None:
    scheme = ("scheme", "set", "--municipality", code, "--scheme", "fritidspas")
    medspiller(
        *(*scheme, "--valid-from", valid_from, "--source", "made up", "amount=1000", "period=calendar_year"),
        f"limit={kroner(parameters.limit_ore)}",
        f"single_addition={kroner(parameters.single_addition_ore)}",
        f"child_addition={kroner(parameters.child_addition_ore)}",
        f"min_age={parameters.min_age}",
        f"max_age={parameters.max_age}",
        f"inclusive={'yes' if parameters.inclusive else 'no'}",
        f"min_percent={parameters.min_percent}",
        f"areas={','.join(parameters.areas)}",
        f"bases={','.join(parameters.bases)}",
    )


def import_files(medspiller: Medspiller, code: str, register: Register, folder: Path) -> None:
    """Import the register; every person's given name is the person's own, so that an export tells who is who."""
    persons = [replace(person, given_name=_name(person.person_id)) for person in register.persons]
    files = write_extract(replace(register, persons=persons), folder)
    options = zip(("--population", "--income", "--decisions"), files, strict=True)
    answer = medspiller("register", "import", "--municipality", code, *(part for option in options for part in option))
    assert answer["state"] == "merged"
    assert answer["rejected"] == len(register.rejected_households)


def refresh(code: str, case: Case) -> tuple[object, ...]:
    dates = ("--on", case.on, "--income-year", case.income_year)
    return ("eligibility", "refresh", "--municipality", code, "--scheme", "fritidspas", *dates)


def exported(medspiller: Medspiller, code: str, register: Register, folder: Path) -> list[Expected]:
    """The determinations in force, as the oracle gives its own."""
    out = folder / "out.csv"
    export = ("eligibility", "export", "--municipality", code, "--scheme", "fritidspas", "--out", out)
    medspiller(*export, "--reason", "held against a second opinion")
    persons = {_name(person.person_id): person.person_id for person in register.persons}
    with out.open(encoding="utf-8", newline="") as file:
        found = [
            Expected(
                household_id=row["household_id"],
                person_id=persons[row["given_name"]],
                outcome=row["outcome"],
                reason=row["reason"],
                income_ore=int(row["income_ore"]) if row["income_ore"] else None,
                limit_ore=int(row["limit_ore"]) if row["limit_ore"] else None,
                children=int(row["children"]),
                providers=int(row["providers"]),
            )
            for row in csv.DictReader(file)
        ]
    return sorted(found, key=lambda row: (row.household_id, row.person_id))


def _name(person_id: str) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in person_id).capitalize()


def _number(born: date, serial: int) -> str:
    beginning = 4000 if born.year >= 2000 else 0
    return f"{born.day + 60}{born:%m%y}{beginning + serial:04d}"
