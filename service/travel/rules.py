"""Shares of a cost, ages, days and languages; plain functions."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, TypeVar

Whose = TypeVar("Whose")

FEWEST_ANSWERS: Final = 5
"""Below so many answers nothing but their number is shown."""

CODE_LENGTH: Final = 12
_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE: Final = str.maketrans("OIL", "011")
_LANGUAGES: Final = {
    "da": ("da", "dansk", "danish"),
    "nb": ("nb", "no", "nn", "norsk", "bokmål", "nynorsk", "norwegian"),
    "en": ("en", "engelsk", "english"),
}


def shares(cost: int, seats: Mapping[Whose, int]) -> dict[Whose, int]:
    """A cost in øre shared by seats, to the øre: what is left over after rounding down goes to the largest remainders.

    Of equal remainders the first in the order given comes first. Nothing is shared among nobody.
    """
    taken = {whose: number for whose, number in seats.items() if number > 0}
    all_seats = sum(taken.values())
    if not all_seats:
        return {}
    parts = {whose: cost * number // all_seats for whose, number in taken.items()}
    left = cost - sum(parts.values())
    by_remainder = sorted(taken, key=lambda whose: -(cost * taken[whose] % all_seats))
    for whose in by_remainder[:left]:
        parts[whose] += 1
    return parts


def age_on(birth_date: date, day: date) -> int:
    """How many birthdays somebody has had on a day."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def locked_from(last_day: date, lock_days: int) -> date:
    """From when on the needs of a season's families are not shown any more."""
    return last_day + timedelta(days=lock_days)


def week_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def language_of(told: str | None, otherwise: str) -> str:
    """The language in which a family is written to: its own where there is a letter in it, else the country's."""
    wanted = (told or "").strip().lower()
    return next((code for code, names in _LANGUAGES.items() if wanted in names), otherwise)


def code_of(digest: bytes) -> str:
    """A code that is typed from paper, of 60 bits of a digest, without letters that look like figures."""
    number = int.from_bytes(digest[:8], "big") >> 4
    return "".join(_LETTERS[number >> 5 * place & 31] for place in reversed(range(CODE_LENGTH)))


def grouped(code: str) -> str:
    """A code as it is printed: ABCD-EFGH-JKMN."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def read_code(written: str) -> str | None:
    """A code as somebody typed it; None where it cannot be one."""
    code = "".join(char for char in written.upper() if char.isalnum()).translate(_ALIKE)
    return code if len(code) == CODE_LENGTH and set(code) <= set(_LETTERS) else None
