"""Letter numbers: what staff type or scan from returned mail.

A running number with two check digits (ISO 7064, modulus 97-10): every mistyped digit and every swap of neighbours is
found.
"""

from service.errors import N_, Unreadable

NEXT_LETTER_NUMBER = "lpad((n.number * 100 + 98 - n.number * 100 % 97)::text, 9, '0')"
"""The written form of a running number `n.number`, in SQL."""

LAST_RUNNING_NUMBER = "SELECT coalesce(max(number::bigint / 100), 0) FROM letter"


def read_letter_number(text: str) -> str:
    """A letter number as typed, with or without spaces; Unreadable with one sentence where it cannot be one."""
    digits = "".join(text.split()).replace("-", "")
    if not (digits.isascii() and digits.isdigit()) or len(digits) < 9:
        raise Unreadable(N_("A letter number has at least nine digits."))
    if int(digits) % 97 != 1:
        raise Unreadable(N_("This is no letter number; is a digit mistyped?"))
    return digits
