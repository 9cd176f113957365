"""National identity numbers: the Danish CPR number and the Norwegian fødselsnummer and D-number.

An import reads millions of them, so what depends on the date part is worked out once per date and what
depends on the rest is looked up in tables.

Sources: the CPR office on the structure of the CPR number and on numbers without modulus 11; Skatteetaten
on the fødselsnummer, on the control digits from 2032 and on synthetic test persons.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from itertools import product

import msgspec

NO_MODULUS_11 = "The CPR number does not follow modulus 11; numbers issued since 2007 need not."

_DIGITS = "0123456789"


class Country(StrEnum):
    """The country whose register issued a number."""

    DENMARK = "dk"
    NORWAY = "no"


class IdentityNumber(msgspec.Struct, frozen=True, gc=False):
    """A well-formed identity number and what it says of its bearer.

    `number` holds digits only. `birth_date` is None where the number does not tell the century. `kind` is
    one of `cpr`, `cpr_replacement`, `fnr`, `d_number`, `synthetic`, `synthetic_d_number`. `warnings` are
    sentences.
    """

    number: str
    birth_date: date | None
    kind: str
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        # Structs end up in logs and tracebacks; numbers must not.
        return f"IdentityNumber({mask(self.number)}, {self.kind})"


def parse(text: str, country: Country) -> IdentityNumber:
    """Read an identity number, with or without a hyphen or a space after the date part.

    Raises ValueError with one sentence that never holds the number.
    """
    return _parse_cpr(text) if country is _DENMARK else _parse_fnr(text)


def mask(number: str) -> str:
    """Hide a number, or whatever stood in its place, for a list of rejected rows.

    The last two digits stay, so that a row can be recognised: `********00`. Text that is not a number may
    be a name, and short numbers would be guessed, so of these nothing stays. More than 12 characters end in
    an ellipsis.
    """
    text = number.strip()
    digits = text.replace("-", "").replace(" ", "")
    if len(text) > 12:
        return "*" * 12 + "…"
    if len(digits) >= 8 and digits.isascii() and digits.isdigit():
        return "*" * (len(digits) - 2) + digits[-2:]
    return "*" * len(text)


# The look-up of an enum member by its name costs more than the choice itself.
_DENMARK = Country.DENMARK

# What the date part yields: a remainder for each check, the kind, and the birth date for each class of the
# digits after it (the classes stand for centuries).
_Dates = tuple[date | None, ...]
_CprHead = tuple[int, str, _Dates]
_FnrHead = tuple[int, int, str, _Dates]


def _weighted(digits: Sequence[str], weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _digits(text: str, length: int, name: str) -> str:
    """The digits alone of a number as people write it."""
    number = text.strip()
    if not number:
        raise ValueError(f"The {name} is missing.")
    if len(number) == length + 1 and (number[6] == "-" or number[6].isspace()):
        number = number[:6] + number[7:]
    if not (number.isascii() and number.isdigit()):
        raise ValueError(f"A {name} holds only digits, and at most a hyphen or a space after the sixth.")
    if len(number) == length - 1:
        raise ValueError(f"A {name} has {length} digits and this has {len(number)}: a leading zero may be lost.")
    if len(number) != length:
        raise ValueError(f"A {name} has {length} digits and this has {len(number)}.")
    return number


_CPR = "CPR number"
# The weights of modulus 11: six for the date part, then 4, 3, 2, 1.
_CPR_WEIGHTS = (4, 3, 2, 7, 6, 5)
# The class of the seventh digit: 0 to 3, 4 and 9, 5 to 8.
_CPR_CLASSES = (0, 0, 0, 0, 1, 2, 2, 2, 2, 1)
_CPR_TAILS = {
    f"{a}{b}{c}{d}": ((4 * a + 3 * b + 2 * c + d) % 11, _CPR_CLASSES[a]) for a, b, c, d in product(range(10), repeat=4)
}
# Only real dates enter, so that it stays under 75,000 entries.
_cpr_heads: dict[str, _CprHead] = {}


def _parse_cpr(text: str) -> IdentityNumber:
    # Whole files are written with the hyphen, so it must not cost the slower way.
    if len(text) == 11 and text[6] == "-":
        text = text[:6] + text[7:]
    head, tail = _cpr_heads.get(text[:6]), _CPR_TAILS.get(text[6:])
    if head is None or tail is None:
        text = _digits(text, 10, _CPR)
        head, tail = _cpr_head(text[:6]), _CPR_TAILS[text[6:]]
    remainder, kind, dates = head
    tail_remainder, century = tail
    birth_date = dates[century]
    if birth_date is None:
        raise ValueError(f"The {_CPR} does not begin with a date.")
    if (remainder + tail_remainder) % 11 and kind == "cpr":
        return IdentityNumber(text, birth_date, kind, (NO_MODULUS_11,))
    return IdentityNumber(text, birth_date, kind)


def _cpr_head(six: str) -> _CprHead:
    if (known := _cpr_heads.get(six)) is not None:
        return known
    day, month, year = int(six[:2]), int(six[2:4]), int(six[4:])
    kind = "cpr_replacement" if day > 60 else "cpr"
    if day > 60:
        day -= 60
    years = (
        1900 + year,
        (2000 if year <= 36 else 1900) + year,
        (2000 if year <= 57 else 1800) + year,
    )
    dates = tuple(_date(full_year, month, day) for full_year in years)
    if not any(dates):
        raise ValueError(f"The {_CPR} does not begin with a date.")
    head = _cpr_heads[six] = (_weighted(six, _CPR_WEIGHTS), kind, dates)
    return head


_FNR = "Norwegian identity number"
_FNR_WEIGHTS_1 = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_FNR_WEIGHTS_2 = (5, 4, 3, 2, 7, 6, 5, 4, 3)
# The individual digits with their class: 000–499, 500–749, 750–899, 900–999.
_FNR_INDIVIDUALS = {
    "".join(three): (
        _weighted(three, _FNR_WEIGHTS_1[6:]),
        _weighted(three, _FNR_WEIGHTS_2[6:]),
        sum("".join(three) >= start for start in ("500", "750", "900")),
    )
    for three in product(_DIGITS, repeat=3)
}
_FNR_CHECKS = {f"{first}{second}": (first, first * 2 + second) for first in range(10) for second in range(10)}
# Only real dates enter: six spellings each at most.
_fnr_heads: dict[str, _FnrHead] = {}


def _parse_fnr(text: str) -> IdentityNumber:
    head, individual, check = (
        _fnr_heads.get(text[:6]),
        _FNR_INDIVIDUALS.get(text[6:9]),
        _FNR_CHECKS.get(text[9:]),
    )
    if head is None or individual is None or check is None:
        text = _digits(text, 11, _FNR)
        head, individual, check = _fnr_head(text[:6]), _FNR_INDIVIDUALS[text[6:9]], _FNR_CHECKS[text[9:]]
    first, second, kind, dates = head
    first_remainder = (first + individual[0] + check[0]) % 11
    if first_remainder > 3 or (second + individual[1] + check[1]) % 11:
        raise ValueError(f"The check digits of the {_FNR} are wrong.")
    # A remainder of 1 to 3 is of the rule from 2032, under which the individual digits tell no century.
    return IdentityNumber(text, None if first_remainder else dates[individual[2]], kind)


def _fnr_head(six: str) -> _FnrHead:
    if (known := _fnr_heads.get(six)) is not None:
        return known
    day, month, year = int(six[:2]), int(six[2:4]), int(six[4:])
    d_number, synthetic = day > 40, month > 40
    if d_number:
        day -= 40
    if synthetic:
        month -= 80 if month > 80 else 40
    in_1800s, in_1900s, in_2000s = (_date(century + year, month, day) for century in (1800, 1900, 2000))
    if not (in_1800s or in_1900s or in_2000s):
        raise ValueError(f"The {_FNR} does not begin with a date.")
    young = in_2000s if year <= 39 else None
    # What no century fits was never issued under the old rule but may be under the one from 2032: no date.
    dates = (
        in_1900s,
        in_1800s if year >= 54 else young,
        young,
        in_2000s if year <= 39 else in_1900s,
    )
    kind = ("fnr", "d_number", "synthetic", "synthetic_d_number")[d_number + 2 * synthetic]
    head = _fnr_heads[six] = (
        _weighted(six, _FNR_WEIGHTS_1[:6]),
        _weighted(six, _FNR_WEIGHTS_2[:6]),
        kind,
        dates,
    )
    return head
