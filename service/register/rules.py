"""What makes a row of an extract acceptable. Pure: a row in; a staged row, or what is wrong with it, out.

An extract has millions of rows and nearly all of them are fine, so a reader first asks cheaply whether anything is
wrong, and only then what.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date

from service.register.models import BASES, MADE_HERE, RELATIONS
from service.values.identity_numbers import Country, IdentityNumber, mask, parse
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

LONGEST_TEXT = 200
_LONGEST_KEY = 40
_TEXTS = ("given_name", "family_name", "street", "postcode", "city", "district")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NO_NAME = re.compile(r"[a-z0-9_ .,:/+-]{0,40}")
_FIRST_DATE, _FIRST_YEAR, _LAST_YEAR = date(1890, 1, 1), 1990, 2100
_RELATIONS, _BASES = frozenset(RELATIONS), frozenset(BASES)


class Rejected(Exception):
    """A row that cannot be taken over, with every field that is wrong."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("rejected")
        self.problems = problems


Row = Callable[[Sequence[str], bool], tuple[str, tuple[Problem, ...]]]
"""Fields of a row, and whether it is plain → its COPY line without the line number, and its warnings; raises Rejected.

A plain row has printable characters only, no backslash, and at most `LONGEST_TEXT` characters altogether.
"""


def masked(field: str, value: str) -> str:
    """The value for a rejection list. What could be a name or an identity number, also in a wrong column, is hidden."""
    if field != "person_id" and _NO_NAME.fullmatch(value) and sum(map(str.isdigit, value)) <= 8:
        return value
    return mask(value)


def _wrong(field: str, value: str, reason: str) -> Problem:
    return field, masked(field, value), f"{field} {reason}"


def _said(field: str, value: str, error: ValueError) -> Problem:
    sentence = str(error).rstrip(".")
    return field, masked(field, value), sentence[:1].lower() + sentence[1:]


def _day(text: str) -> date | str:
    """The date, or what is wrong with it."""
    if not _DATE.fullmatch(text):
        return "is no date of the form YYYY-MM-DD" if text else "is empty"
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return "is no date of the calendar"
    return day if day >= _FIRST_DATE else "lies before 1890"


def _text_problem(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"is longer than {LONGEST_TEXT} characters"
    # isprintable() is false for no-break spaces and the like, which names may hold.
    if not text.isprintable() and any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        return "holds control characters"
    return None


def _key_problem(text: str) -> str | None:
    if not text:
        return "is empty"
    return f"is longer than {_LONGEST_KEY} characters" if len(text) > _LONGEST_KEY else _text_problem(text)


def _escaped(text: str) -> str:
    """A text as COPY wants it; control characters were refused before."""
    return text.replace("\\", "\\\\")


def population_row(country: Country, secrets: TenantSecrets, today: date) -> Row:
    """The reader of rows of `population.csv`; `today` bounds birth dates."""
    hash_of, encrypt = secrets.hash, secrets.encrypt
    # Only dates that are right enter, so that it stays under 75,000 entries.
    days: dict[str, date] = {}

    def read(fields: Sequence[str], plain: bool) -> tuple[str, tuple[Problem, ...]]:
        household, person, relation, birth, given, family, street, postcode, city, district, protected, language = map(
            str.strip, fields
        )
        born = days.get(birth)
        try:
            identity = parse(person, country)
        except ValueError:
            raise Rejected(_population_problems(list(map(str.strip, fields)), country, today)) from None
        if (
            born is None
            or not plain
            or relation not in _RELATIONS
            or (protected != "0" and protected != "1")
            or not 0 < len(household) <= _LONGEST_KEY
        ):
            if problems := _population_problems(list(map(str.strip, fields)), country, today):
                raise Rejected(problems)
            born = days[birth] = date.fromisoformat(birth)
            household = _escaped(household)
        warnings: tuple[Problem, ...] = ()
        if identity.warnings or identity.birth_date != born or language or not (given or family):
            language, warnings = _warnings(identity, person, born, given + family, language)
        texts = f"{given}\t{family}\t{street}\t{postcode}\t{city}\t{district}"
        number = identity.number
        return (
            f"{household}\t\\\\x{hash_of(number).hex()}\t\\\\x{encrypt(number).hex()}\t{relation}\t{birth}"
            f"\t{texts if plain else _escaped(texts)}\t{protected}\t{language}",
            warnings,
        )

    return read


def _population_problems(fields: list[str], country: Country, today: date) -> list[Problem]:
    named = dict(zip(POPULATION, fields, strict=True))
    problems: list[Problem] = []
    _number(named["person_id"], country, problems)
    day = _day(named["birth_date"])
    reasons = {
        "household_id": _key_problem(named["household_id"]),
        "relation": None if named["relation"] in _RELATIONS else f"is none of {', '.join(RELATIONS)}",
        "birth_date": day if isinstance(day, str) else "lies in the future" if day > today else None,
        "address_protected": None if named["address_protected"] in ("0", "1") else "is neither 0 nor 1",
    } | {field: _text_problem(named[field]) for field in _TEXTS}
    return problems + [_wrong(field, named[field], reason) for field, reason in reasons.items() if reason]


def _warnings(
    identity: IdentityNumber, person: str, born: date, name: str, language: str
) -> tuple[str, tuple[Problem, ...]]:
    """The language as it is stored, and what is odd about an accepted row."""
    warnings = [_said("person_id", person, ValueError(warning)) for warning in identity.warnings]
    if identity.birth_date is not None and identity.birth_date != born:
        warnings.append(("birth_date", born.isoformat(), "the identity number says another birth date"))
    if language and not _LANGUAGE.fullmatch(language := language.lower()):
        warnings.append(_wrong("language", language, "is no language code; taken as unknown"))
        language = ""
    if not name:
        warnings.append(("given_name", "", "the person has no name"))
    return language, tuple(warnings)


def income_row(country: Country, secrets: TenantSecrets) -> Row:
    """The reader of rows of `income.csv`."""
    hash_of = secrets.hash

    def read(fields: Sequence[str], plain: bool) -> tuple[str, tuple[Problem, ...]]:
        person, year, amount, basis = map(str.strip, fields)
        basis = basis or "annual"
        problems: list[Problem] = []
        number = _number(person, country, problems)
        if not (len(year) == 4 and year.isascii() and year.isdigit() and _FIRST_YEAR <= int(year) <= _LAST_YEAR):
            problems.append(_wrong("year", year, f"is no year from {_FIRST_YEAR} to {_LAST_YEAR}"))
        if basis not in _BASES:
            problems.append(_wrong("basis", basis, f"is none of {', '.join(BASES)}"))
        try:
            ore = parse_kroner(amount)
        except ValueError as error:
            problems.append(_said("amount", amount, error))
        if problems:
            raise Rejected(problems)
        return f"\\\\x{hash_of(number).hex()}\t{year}\t{basis}\t{ore}", ()

    return read


def award_row(country: Country, secrets: TenantSecrets) -> Row:
    """The reader of rows of `decisions.csv`."""
    hash_of = secrets.hash

    def read(fields: Sequence[str], plain: bool) -> tuple[str, tuple[Problem, ...]]:
        person, ground, percent, valid_from, valid_to = map(str.strip, fields)
        problems: list[Problem] = []
        number = _number(person, country, problems)
        if reason := _key_problem(ground):
            problems.append(_wrong("ground", ground, reason))
        elif ground in MADE_HERE:
            problems.append(_wrong("ground", ground, "is kept for what case workers decide in this program"))
        if not (len(percent) <= 3 and percent.isascii() and percent.isdigit() and int(percent) <= 100):
            problems.append(_wrong("percent", percent, "is no whole number from 0 to 100"))
        first, last = _day(valid_from), _day(valid_to) if valid_to else date.max
        if isinstance(first, str):
            problems.append(_wrong("valid_from", valid_from, first))
        if isinstance(last, str):
            problems.append(_wrong("valid_to", valid_to, last))
        elif isinstance(first, date) and last < first:
            problems.append(_wrong("valid_to", valid_to, "lies before valid_from"))
        if problems:
            raise Rejected(problems)
        until = valid_to or "\\N"
        return f"\\\\x{hash_of(number).hex()}\t{_escaped(ground)}\t{percent}\t{valid_from}\t{until}", ()

    return read


def _number(person: str, country: Country, problems: list[Problem]) -> str:
    try:
        return parse(person, country).number
    except ValueError as error:
        problems.append(_said("person_id", person, error))
        return ""
