"""Reading extract files: bytes in, numbered lines out, at any size and whatever is in them.

A record is one line. Line breaks inside quotation marks are not accepted: with them, one stray quotation mark would
swallow every row up to the next one.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from service.errors import Invalid

_BLOCK = 1 << 20
LONGEST_LINE = 20_000
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    """A line of the file, counted from 1. `problem` says why it cannot be read; its text is then a best guess."""

    number: int
    text: str
    problem: str | None


class Layout(msgspec.Struct, frozen=True):
    """How a file is laid out: its delimiter and where each contracted column stands."""

    delimiter: str
    positions: tuple[int, ...]
    width: int


def read_layout(path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> Layout:
    """Find the delimiter and the columns in the header; refuses a header with missing, unknown or repeated columns.

    `positions` follows `columns` and then those of `optional`; -1 where an optional column is not there.
    """
    try:
        with path.open("rb") as file:
            start = file.read(LONGEST_LINE)
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.") from error
    if start.startswith(_UTF_16):
        raise Invalid(f"{path.name} is UTF-16. Save it as UTF-8 and import it again.")
    first = start.removeprefix(_BOM).split(b"\n", 1)[0]
    try:
        header = first.decode().rstrip("\r")
    except UnicodeDecodeError:
        raise Invalid(f"The header of {path.name} is not UTF-8. Save the file as UTF-8 and import it again.") from None
    delimiter = ";" if header.count(";") > header.count(",") else ","
    names = [name.strip().strip('"').strip().lower() for name in header.split(delimiter)]
    problems = [
        ("lacks", [name for name in columns if name not in names]),
        ("has the unknown", [repr(name[:40]) for name in names if name not in columns + optional]),
        ("repeats", sorted({name for name in names if name in columns + optional and names.count(name) > 1})),
    ]
    said = [f"{what} column{'s' if len(which) > 1 else ''} {', '.join(which)}" for what, which in problems if which]
    if said:
        raise Invalid(f"The header of {path.name} {'; it '.join(said)}. Expected: {delimiter.join(columns)}.")
    positions = tuple(names.index(name) if name in names else -1 for name in columns + optional)
    return Layout(delimiter=delimiter, positions=positions, width=len(names))


def read_lines(path: Path) -> Iterator[Line]:
    """The lines after the header, without empty ones. Memory stays bounded however long a line is."""
    number = 1
    for block in _line_blocks(path):
        try:
            text = block.decode()
            suspicious = "\0" in text
        except UnicodeDecodeError:
            suspicious = True
        if suspicious:
            for line in block.split(b"\n"):
                if number > 1 and line.strip(b"\r"):
                    yield _suspicious(number, line)
                number += 1
            continue
        for line_text in text.split("\n"):
            if number > 1 and (stripped := line_text.rstrip("\r")):
                yield Line(number, stripped, None if len(stripped) <= LONGEST_LINE else _TOO_LONG)
            number += 1


_TOO_LONG = f"the line is longer than {LONGEST_LINE:,} characters"


def _suspicious(number: int, line: bytes) -> Line:
    # Windows-1252 is what such bytes most often are; the text serves to tell which household a lost row belongs to.
    text = line.rstrip(b"\r").decode("cp1252", errors="replace")
    try:
        line.decode()
    except UnicodeDecodeError:
        return Line(number, text, "the line holds bytes that are not UTF-8")
    if "\0" in text:
        return Line(number, text.replace("\0", ""), "the line holds a NUL character")
    return Line(number, text, None if len(text) <= LONGEST_LINE else _TOO_LONG)


def _line_blocks(path: Path) -> Iterator[bytes]:
    """Blocks of whole lines, each without its last line break. Of an overlong line only the beginning is kept."""
    with path.open("rb") as file:
        if file.read(len(_BOM)) != _BOM:
            file.seek(0)
        rest = b""
        while block := file.read(_BLOCK):
            cut = block.rfind(b"\n")
            if cut < 0:
                rest = (rest + block)[: LONGEST_LINE * 4 + 1]
                continue
            yield rest + block[:cut]
            rest = block[cut + 1 :]
        if rest:
            yield rest


def split(line: Line, layout: Layout) -> list[str] | str:
    """The fields of a line in the order of the contract, or one sentence on why it has none."""
    if line.problem:
        return line.problem
    if '"' in line.text:
        try:
            fields = next(csv.reader([line.text], delimiter=layout.delimiter, strict=True))
        except csv.Error:
            return "the quotation marks of the line do not match"
    else:
        fields = line.text.split(layout.delimiter)
    if len(fields) != layout.width:
        return f"the line has {len(fields)} fields where the header has {layout.width}"
    return [fields[position] if position >= 0 else "" for position in layout.positions]
