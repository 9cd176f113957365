"""What makes a row of an extract acceptable. Pure: a row in; a staged row, or what is wrong with it, out.

The checks of single fields are cached since an extract repeats its few dates, places and words a million times.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import cache, lru_cache

from service.register.models import BASES, RELATIONS
from service.values.identity_numbers import Country, mask, parse
from service.values.money import parse_kroner
from service.values.secrecy import TenantSecrets

Problem = tuple[str, str, str]
"""Field, masked value, reason."""

POPULATION = (
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
)
INCOME = ("person_id", "year", "amount")
INCOME_OPTIONAL = ("basis",)
DECISIONS = ("person_id", "ground", "percent", "valid_from", "valid_to")

_LONGEST = 200
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST_DATE, _FIRST_YEAR, _LAST_YEAR = date(1890, 1, 1), 1990, 2100


class Rejected(Exception):
    """A row that cannot be taken over, with every field that is wrong."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("rejected")
        self.problems = problems


def masked(field: str, value: str) -> str:
    """The value for a rejection list. Whatever could be an identity number, also in a wrong column, is hidden."""
    if field == "person_id" or sum(character.isdigit() for character in value) > 8:
        return mask(value)
    return value[:40]


@cache
def _date_problem(text: str) -> str | None:
    if not _DATE.fullmatch(text):
        return "is no date of the form YYYY-MM-DD"
    try:
        return None if date.fromisoformat(text) >= _FIRST_DATE else "lies before 1890"
    except ValueError:
        return "is no date of the calendar"


@lru_cache(maxsize=1 << 16)
def _text_problem(text: str) -> str | None:
    if len(text) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    # isprintable() is false for no-break spaces and the like, which names may hold.
    if not text.isprintable() and any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        return "holds control characters"
    return None


def _birth_problem(text: str, today: str) -> str | None:
    return _date_problem(text) or ("lies in the future" if text > today else None)


def _reference_problem(text: str) -> str | None:
    if not text:
        return "is empty"
    return "is longer than 40 characters" if len(text) > 40 else _text_problem(text)


def copy_field(text: str) -> str:
    """A text as COPY wants it; control characters were refused before."""
    return text.replace("\\", "\\\\") if "\\" in text else text


Row = Callable[[list[str]], tuple[str, tuple[Problem, ...]]]
"""Fields of a row → its COPY line without the line number, and its warnings; raises Rejected."""


def population_row(country: Country, secrets: TenantSecrets, today: date) -> Row:
    """The reader of rows of `population.csv`; `today` bounds birth dates."""
    latest = today.isoformat()
    hash_of, encrypt = secrets.hash, secrets.encrypt

    def read(fields: list[str]) -> tuple[str, tuple[Problem, ...]]:
        (
            household,
            person,
            relation,
            birth,
            given,
            family,
            street,
            postcode,
            city,
            district,
            protected,
            language,
        ) = (field.strip() for field in fields)
        problems: list[Problem] = []
        try:
            identity = parse(person, country)
        except ValueError as error:
            problems.append(("person_id", masked("person_id", person), str(error)))
        if reason := _reference_problem(household):
            problems.append(("household_id", masked("household_id", household), reason))
        if relation not in RELATIONS:
            problems.append(("relation", masked("relation", relation), f"is none of {', '.join(RELATIONS)}"))
        if reason := _birth_problem(birth, latest):
            problems.append(("birth_date", masked("birth_date", birth), reason))
        if protected not in ("0", "1"):
            problems.append(("address_protected", masked("address_protected", protected), "is neither 0 nor 1"))
        for field, value in (
            ("given_name", given),
            ("family_name", family),
            ("street", street),
            ("postcode", postcode),
            ("city", city),
            ("district", district),
        ):
            if reason := _text_problem(value):
                problems.append((field, masked(field, value), reason))
        if problems:
            raise Rejected(problems)
        warnings: list[Problem] = []
        if identity.warnings:
            warnings += [("person_id", mask(person), warning) for warning in identity.warnings]
        if identity.birth_date is not None and identity.birth_date.isoformat() != birth:
            warnings.append(("birth_date", birth, "the identity number says another birth date"))
        if language and not _LANGUAGE.fullmatch(language := language.lower()):
            warnings.append(("language", masked("language", language), "is no language code; taken as unknown"))
            language = ""
        if not given and not family:
            warnings.append(("given_name", "", "the person has no name"))
        number = identity.number
        texts = copy_field("\t".join((given, family, street, postcode, city, district)))
        return (
            f"{copy_field(household)}\t\\\\x{hash_of(number).hex()}\t\\\\x{encrypt(number).hex()}\t{relation}\t{birth}"
            f"\t{texts}\t{protected}\t{language}",
            tuple(warnings),
        )

    return read


def income_row(country: Country, secrets: TenantSecrets) -> Row:
    """The reader of rows of `income.csv`."""

    def read(fields: list[str]) -> tuple[str, tuple[Problem, ...]]:
        person, year, amount, basis = (field.strip() for field in fields)
        basis = basis or "annual"
        problems: list[Problem] = []
        number = _number(person, country, problems)
        if not (year.isascii() and year.isdigit() and _FIRST_YEAR <= int(year) <= _LAST_YEAR):
            problems.append(("year", masked("year", year), f"is no year from {_FIRST_YEAR} to {_LAST_YEAR}"))
        if basis not in BASES:
            problems.append(("basis", masked("basis", basis), f"is none of {', '.join(BASES)}"))
        try:
            ore = parse_kroner(amount)
        except ValueError as error:
            problems.append(("amount", amount[:20], str(error)))
        if problems:
            raise Rejected(problems)
        return f"\\\\x{secrets.hash(number).hex()}\t{int(year)}\t{basis}\t{ore}", ()

    return read


def award_row(country: Country, secrets: TenantSecrets) -> Row:
    """The reader of rows of `decisions.csv`."""

    def read(fields: list[str]) -> tuple[str, tuple[Problem, ...]]:
        person, ground, percent, valid_from, valid_to = (field.strip() for field in fields)
        problems: list[Problem] = []
        number = _number(person, country, problems)
        if reason := _reference_problem(ground):
            problems.append(("ground", masked("ground", ground), reason))
        if not (percent.isascii() and percent.isdigit() and int(percent[:4]) <= 100):
            problems.append(("percent", masked("percent", percent), "is no whole number from 0 to 100"))
        if reason := _date_problem(valid_from):
            problems.append(("valid_from", masked("valid_from", valid_from), reason))
        if valid_to and (reason := _date_problem(valid_to)):
            problems.append(("valid_to", masked("valid_to", valid_to), reason))
        elif valid_to and valid_to < valid_from:
            problems.append(("valid_to", masked("valid_to", valid_to), "lies before valid_from"))
        if problems:
            raise Rejected(problems)
        line = (
            secrets.hash(number).hex(),
            copy_field(ground),
            str(int(percent)),
            valid_from,
            valid_to or "\\N",
        )
        return "\\\\x" + "\t".join(line), ()

    return read


def _number(person: str, country: Country, problems: list[Problem]) -> str:
    try:
        return parse(person, country).number
    except ValueError as error:
        problems.append(("person_id", masked("person_id", person), str(error)))
        return ""
