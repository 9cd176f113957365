"""Pass numbers: 50 random bits as ten characters of Crockford's base 32 and a check character.

Crockford's own check needs five symbols that nobody can read aloud. This one stays within the alphabet:
with each character as an element d of GF(32), the sum of αⁱ·dᵢ over the eleven is zero, for a primitive α.
As the powers differ for all positions, every single wrong character and every swap of two characters is
found.
"""

import secrets

from service.errors import N_, Unreadable

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 11
RANDOM_BITS = 50

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
# Letters that are taken for others, and what people put between groups (with what word processors make of
# it).
_CONFUSABLE = {"O": "0", "I": "1", "L": "1", "U": "V"}
_SEPARATORS = " \t\r\n\u00a0.-\u2010\u2011\u2012\u2013\u2014"
_READING = str.maketrans(
    {character.lower(): character for character in ALPHABET if character.isalpha()}
    | _CONFUSABLE
    | {written.lower(): meant for written, meant in _CONFUSABLE.items()}
    | dict.fromkeys(_SEPARATORS, "")
)


def _times_alpha(value: int) -> int:
    """Multiply by α = x in GF(32) = GF(2)[x] / (x⁵ + x² + 1)."""
    value <<= 1
    return value ^ 0b100101 if value & 0b100000 else value


def _checksum(characters: str) -> int:
    """The sum of αⁱ·dᵢ, with i counted from the last character."""
    total = 0
    for character in characters:
        total = _times_alpha(total) ^ _VALUES[character]
    return total


def generate() -> str:
    """A new pass number that cannot be guessed from others, in canonical form."""
    return generate_from(secrets.randbits(RANDOM_BITS))


def generate_from(bits: int) -> str:
    """The pass number that holds these 50 bits, the highest first."""
    if not 0 <= bits < 1 << RANDOM_BITS:
        raise ValueError(f"A pass number holds {RANDOM_BITS} bits.")
    payload = "".join(ALPHABET[bits >> shift & 31] for shift in range(RANDOM_BITS - 5, -1, -5))
    return payload + ALPHABET[_checksum(payload + ALPHABET[0])]


def parse(text: str) -> str:
    """The canonical form, eleven characters, of a pass number as people write or dictate it.

    Case, spaces, hyphens and dots do not matter; O is read as 0, I and L as 1, U as V. Raises Unreadable
    with a sentence for the person who typed it.
    """
    number = text.translate(_READING)
    if not all(character in _VALUES for character in number):
        raise Unreadable(N_("A pass number holds only the letters A to Z and digits."))
    if len(number) != LENGTH:
        raise Unreadable(
            N_("A pass number has {length} characters and this has {found}."), length=LENGTH, found=len(number)
        )
    if _checksum(number):
        raise Unreadable(N_("The pass number is mistyped: compare each character with the pass."))
    return number


def grouped(canonical: str) -> str:
    """A canonical number in groups that can be read aloud: `ABCD-EFG-HJKM`."""
    return f"{canonical[:4]}-{canonical[4:7]}-{canonical[7:]}"
