"""Bank accounts of Denmark and Norway, kept as IBAN: one account is then written in one way.

A Danish account is a registration number of 4 digits and an account number of up to 10, a Norwegian one 11 digits
of which the last is a check digit.
"""

import re
from typing import Final

from stdnum import iban
from stdnum.exceptions import ValidationError
from stdnum.no import kontonr

from service.errors import N_, Unreadable

_CODES: Final = {"dk": "DK", "no": "NO"}
_PARTED: Final = re.compile(r"[\s.\-]+")
_LENGTHS: Final = {"DK": 18, "NO": 15}
_DANISH: Final = N_("must be a registration number of 4 digits and an account number of up to 10, or an IBAN")
_NORWEGIAN: Final = N_("must be an account number of 11 digits, or an IBAN")
_MISTYPED: Final = N_("has a wrong check digit: one digit or more is mistyped")
_ABROAD: Final = N_("must be an account in the municipality's own country")


def read_account(written: str, country: str) -> str:
    """The IBAN of an account as people write it in a country (`dk` or `no`). Raises Unreadable.

    Blanks, points and hyphens may stand anywhere, but what stands before the first of a Danish one is its registration
    number.
    """
    compact = _PARTED.sub("", written).upper()
    code = _CODES[country]
    if re.match(r"[A-Z]{2}[0-9]{2}", compact):
        return _of_iban(compact, code)
    if not (compact.isascii() and compact.isdigit()):
        raise Unreadable(_DANISH if country == "dk" else _NORWEGIAN)
    if country == "no":
        return _norwegian(compact)
    first, *others = _PARTED.split(written.strip())
    return _danish(compact, whole=not others or len(first) == 4)


def domestic(account: str) -> tuple[str, str]:
    """An IBAN's bank or registration number and account number, as payments within the country name them."""
    return account[4:8], account[8:]


def show_account(account: str) -> str:
    """An account as people of its country write it: `0040 0440116243`, `8601 11 17947`."""
    bank, number = domestic(account)
    return f"{bank} {number[:2]} {number[2:]}" if account.startswith("NO") else f"{bank} {number}"


def mask_account(account: str) -> str:
    """An account for those who need to tell it from others, but not to know it: `… 6243`."""
    return f"… {account[-4:]}"


def _of_iban(compact: str, code: str) -> str:
    if not compact.startswith(code):
        raise Unreadable(_ABROAD)
    if len(compact) != _LENGTHS[code]:
        raise Unreadable(_DANISH if code == "DK" else _NORWEGIAN)
    try:
        found: str = iban.validate(compact)
    except ValidationError:
        raise Unreadable(_MISTYPED) from None
    if code == "NO" and not kontonr.is_valid(found[4:]):
        raise Unreadable(_MISTYPED)
    return found


def _danish(digits: str, *, whole: bool) -> str:
    if not whole or not 5 <= len(digits) <= 14 or not int(digits[4:]):
        raise Unreadable(_DANISH)
    return _as_iban("DK", digits[:4] + digits[4:].zfill(10))


def _norwegian(digits: str) -> str:
    if len(digits) != 11:
        raise Unreadable(_NORWEGIAN)
    if not kontonr.is_valid(digits):
        raise Unreadable(_MISTYPED)
    return _as_iban("NO", digits)


def _as_iban(code: str, number: str) -> str:
    """The number with its country and check digits (ISO 13616)."""
    check: str = iban.calc_check_digits(f"{code}00{number}")
    return f"{code}{check}{number}"
