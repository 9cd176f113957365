"""The pinned fonts, and text made printable with them.

PDF/UA refuses a document with a character that no font can draw, so one rare name would stop a whole batch.
Such characters are replaced before Typst sees them.
"""

import re
import struct
import unicodedata
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

_PACKAGES = ("fontpkg_noto_sans", "fontpkg_ibm_plex_sans_arabic")
_FACES = ("NotoSans[wdth,wght].ttf", "IBMPlexSansArabic-Regular.ttf")
_LONGEST_WORD = 26
_PIECE = 13
_BLANK = re.compile(r"[ \t\n\r\f\v\u2028\u2029]+")


def font_folders() -> list[Path]:
    return [Path(str(files(package) / "files")) for package in _PACKAGES]


@lru_cache(maxsize=4096)
def printable(text: str) -> str:
    """`text` with only characters the fonts can draw, in one line, words too long for a line made breakable.

    A character without a glyph becomes its base letters where it has any, otherwise a question mark.
    Direction controls are dropped: a name must not turn around what stands beside it.
    """
    line = _BLANK.sub(" ", unicodedata.normalize("NFC", text)).strip(" ")
    return " ".join(_breakable("".join(_drawable(char) for char in word)) for word in line.split(" "))


def _breakable(word: str) -> str:
    if len(word) <= _LONGEST_WORD:
        return word
    return "\u200b".join(word[at : at + _PIECE] for at in range(0, len(word), _PIECE))


def _drawable(char: str) -> str:
    if char in coverage():
        return "" if unicodedata.category(char)[0] == "C" else char
    if unicodedata.category(char)[0] in "CM":
        return ""
    base = [part for part in unicodedata.normalize("NFKD", char) if part in coverage()]
    return "".join(base) or "?"


@lru_cache(maxsize=1)
def coverage() -> frozenset[str]:
    """Every character that at least one of the fonts can draw."""
    return frozenset(
        chr(code)
        for folder, face in zip(font_folders(), _FACES, strict=True)
        for code in _cmap((folder / face).read_bytes())
    )


def width(text: str) -> float:
    """The width of `text` in ems of Noto Sans Regular; a character of another font counts as one em."""
    widths = _widths()
    return sum(widths.get(char, 1.0) for char in text)


@lru_cache(maxsize=1)
def _widths() -> dict[str, float]:
    font = (font_folders()[0] / _FACES[0]).read_bytes()
    tables = _tables(font)
    unit = struct.unpack_from(">H", font, tables[b"head"] + 18)[0]
    measured = struct.unpack_from(">H", font, tables[b"hhea"] + 34)[0]
    return {
        chr(code): struct.unpack_from(">H", font, tables[b"hmtx"] + 4 * min(glyph, measured - 1))[0] / unit
        for code, glyph in _cmap(font).items()
    }


def _tables(font: bytes) -> dict[bytes, int]:
    """Where each table of a TrueType font starts (OpenType specification 1.9, table directory)."""
    count = struct.unpack_from(">H", font, 4)[0]
    records = (struct.unpack_from(">4sIII", font, 12 + 16 * at) for at in range(count))
    return {tag: start for tag, _, start, _ in records}


def _cmap(font: bytes) -> dict[int, int]:
    """Code point to glyph, from the font's `cmap` subtables of format 4 and 12."""
    start = _tables(font)[b"cmap"]
    glyphs: dict[int, int] = {}
    for at in range(struct.unpack_from(">H", font, start + 2)[0]):
        offset = start + struct.unpack_from(">HHI", font, start + 4 + 8 * at)[2]
        form = struct.unpack_from(">H", font, offset)[0]
        if form == 4:
            glyphs |= _segments(font, offset)
        elif form == 12:
            glyphs |= _groups(font, offset)
    return glyphs


def _segments(font: bytes, offset: int) -> dict[int, int]:
    count = struct.unpack_from(">H", font, offset + 6)[0] // 2
    ends, starts, deltas, ranges = (
        struct.unpack_from(f">{count}H", font, offset + 14 + shift)
        for shift in (0, 2 + 2 * count, 2 + 4 * count, 2 + 6 * count)
    )
    glyphs = {}
    for at in range(count):
        for code in range(starts[at], min(ends[at], 0xFFFE) + 1):
            glyph = code
            if ranges[at]:
                place = offset + 16 + 6 * count + 2 * at + ranges[at] + 2 * (code - starts[at])
                glyph = struct.unpack_from(">H", font, place)[0]
            if glyph:
                glyphs[code] = (glyph + deltas[at]) % 0x10000
    return {code: glyph for code, glyph in glyphs.items() if glyph}


def _groups(font: bytes, offset: int) -> dict[int, int]:
    count = struct.unpack_from(">I", font, offset + 12)[0]
    groups = (struct.unpack_from(">III", font, offset + 16 + 12 * at) for at in range(count))
    return {code: glyph + code - first for first, last, glyph in groups for code in range(first, last + 1)}
