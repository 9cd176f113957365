"""Amounts of money: Danish or Norwegian kroner, held as whole øre."""

import re

from service.errors import N_, Unreadable

_KRONER = re.compile(r"([+-]?)([0-9]{1,13})(?:[.,]([0-9]{1,2}))?")

# Between thousands, and before the øre. A number with an ordinary space could break over two lines.
_SIGNS = {"da": (".", ","), "nb": ("\u00a0", ","), "en": (",", ".")}


def parse_kroner(text: str) -> int:
    """Read an amount in kroner, such as `192714`, `-12,5` or `1000.00`, as øre.

    At most 13 digits of kroner and two decimals after a point or a comma. Separators between thousands are
    refused, since `1.000` means one krone in one file and a thousand in another. Raises Unreadable with one
    sentence.
    """
    # Most incomes are whole kroner, and this takes a third of the time.
    if len(text) <= 13 and text.isascii() and text.isdigit():
        return int(text) * 100
    match = _KRONER.fullmatch(text.strip())
    if match is None:
        raise Unreadable(
            N_("An amount is digits with at most two decimals, without separators between thousands: 1234,50.")
        )
    sign, kroner, decimals = match.groups()
    ore = int(kroner) * 100
    if decimals is not None:
        ore += int(decimals) * (10 if len(decimals) == 1 else 1)
    return -ore if sign == "-" else ore


def format_kroner(ore: int, language: str = "da") -> str:
    """An amount for a reader of Danish (`da`), Norwegian bokmål (`nb`) or English (`en`): `1.000,50 kr`.

    Decimals are shown only where there are øre: `1.000 kr`. Raises ValueError for another language.
    """
    if language not in _SIGNS:
        raise ValueError(f"Amounts can be written in {', '.join(_SIGNS)}.")
    thousands, decimal = _SIGNS[language]
    kroner, rest = divmod(abs(ore), 100)
    sign = "-" if ore < 0 else ""
    decimals = f"{decimal}{rest:02}" if rest else ""
    return f"{sign}{kroner:,}".replace(",", thousands) + f"{decimals} kr"
