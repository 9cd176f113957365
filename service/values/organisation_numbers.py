"""Numbers of organisations: the Danish CVR number of 8 digits and the Norwegian organisation number of 9."""

from typing import Final

from stdnum.dk import cvr
from stdnum.exceptions import ValidationError
from stdnum.no import orgnr

from service.errors import N_, Unreadable

_DANISH: Final = N_("must be a CVR number of 8 digits")
_NORWEGIAN: Final = N_("must be an organisation number of 9 digits")
_MISTYPED: Final = N_("has a wrong check digit: one digit or more is mistyped")


def read_organisation_number(written: str, country: str) -> str:
    """The digits of a number as people write it in a country (`dk` or `no`). Raises Unreadable."""
    danish = country == "dk"
    digits = "".join(written.split()).replace("-", "").replace(".", "").upper().removeprefix(country.upper())
    if not (digits.isascii() and digits.isdigit() and len(digits) == (8 if danish else 9)):
        raise Unreadable(_DANISH if danish else _NORWEGIAN)
    try:
        found: str = (cvr if danish else orgnr).validate(digits)
    except ValidationError:
        raise Unreadable(_MISTYPED) from None
    return found
