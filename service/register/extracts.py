"""Reading extract files: bytes in, numbered lines out, at any size and whatever is in them.

A record is one line. Line breaks inside quotation marks are not accepted: with them, one stray quotation mark would
swallow every row up to the next one.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import count, repeat
from pathlib import Path
from typing import IO

import msgspec

from service.errors import N_, Count, Invalid, Text
from service.register.rules import masked

_BLOCK = 1 << 20
LONGEST_LINE = 20_000
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# What the files of spreadsheet programs begin with, whatever they are called.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")

Record = tuple[int, str, Sequence[str], str | None]
"""A line: its number in the file, counted from 1; its text; its fields, or none where it takes `split` to find them;
and why it cannot be read, when its text is a guess."""


class Layout(msgspec.Struct, frozen=True):
    """How a file is laid out: its delimiter and where each contracted column stands; -1 where it has none."""

    delimiter: str
    positions: tuple[int, ...]
    width: int


def read_layout(path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> Layout:
    """Find the delimiter and the columns in the header; refuses a header with missing, unknown or repeated columns.

    `positions` follows `columns` and then those of `optional`.
    """
    header = _header(path)
    delimiter = ";" if header.count(";") > header.count(",") else ","
    names = [name.strip().strip('"').strip().lower() for name in header.split(delimiter)]
    known = columns + optional
    expected = delimiter.join(columns)
    if not set(names) & set(known):
        # It may be a person's row: not a word of it is repeated.
        raise Invalid("The first line of {file} is no header. Expected: {expected}.", file=path.name, expected=expected)
    if said := _problems(names, columns, known):
        raise Invalid(
            "The header of {file} {problems}. Expected: {expected}.",
            file=path.name,
            problems=reduce(_and_it, said),
            expected=expected,
        )
    positions = tuple(names.index(name) if name in names else -1 for name in known)
    return Layout(delimiter=delimiter, positions=positions, width=len(names))


_LACKS = (N_("lacks column {columns}"), N_("lacks columns {columns}"))
_UNKNOWN = (N_("has the unknown column {columns}"), N_("has the unknown columns {columns}"))
_REPEATS = (N_("repeats column {columns}"), N_("repeats columns {columns}"))


def _problems(names: list[str], columns: tuple[str, ...], known: tuple[str, ...]) -> list[Text]:
    said = []
    if lacking := [name for name in columns if name not in names]:
        said.append(Text(_LACKS[len(lacking) > 1], {"columns": ", ".join(lacking)}))
    if unknown := [repr(masked("", name)) for name in names if name not in known]:
        said.append(Text(_UNKNOWN[len(unknown) > 1], {"columns": ", ".join(unknown)}))
    if repeated := sorted({name for name in names if name in known and names.count(name) > 1}):
        said.append(Text(_REPEATS[len(repeated) > 1], {"columns": ", ".join(repeated)}))
    return said


def _and_it(first: Text, second: Text) -> Text:
    return Text(N_("{first}; it {second}"), {"first": first, "second": second})


def _header(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(LONGEST_LINE)
    except OSError as error:
        raise Invalid("{file} cannot be read: {reason}.", file=path.name, reason=error.strerror) from error
    first = start.removeprefix(_BOM).split(b"\n", 1)[0].rstrip(b"\r")
    if start.startswith(_WORKBOOKS):
        raise Invalid(
            "{file} is a spreadsheet, not CSV. Save it as CSV with UTF-8 and import that file.", file=path.name
        )
    if start.startswith(_UTF_16) or b"\0" in first:
        raise Invalid(
            "{file} is not UTF-8 but looks like UTF-16. Save it as UTF-8 and import it again.", file=path.name
        )
    if not first.strip():
        if start:
            raise Invalid("{file} does not begin with a header: its first line is empty.", file=path.name)
        raise Invalid("{file} does not begin with a header: it is empty.", file=path.name)
    if b"\r" in first:
        raise Invalid(
            "The lines of {file} end in a carriage return alone. Save it with usual line breaks.", file=path.name
        )
    if len(first) == LONGEST_LINE:
        raise Invalid(
            "The first line of {file} is no header: it is longer than {longest} characters.",
            file=path.name,
            longest=Count(LONGEST_LINE),
        )
    try:
        return first.decode()
    except UnicodeDecodeError:
        raise Invalid(
            "The header of {file} is not UTF-8. Save the file as UTF-8 and import it again.", file=path.name
        ) from None


def middle_of(path: Path) -> int:
    """The place in a file behind the first line break of its second half; its size where there is none."""
    with path.open("rb") as file:
        place = file.seek(path.stat().st_size // 2)
        while block := file.read(_BLOCK):
            at = block.find(b"\n")
            if at >= 0:
                return place + at + 1
            place += len(block)
        return place


def read_blocks(path: Path, start: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Blocks of whole lines after the header, each with the number of its first line and without its last line break.

    Where given, `start` and `end` bound a part of the file that begins and ends with a line, in bytes. Memory stays
    bounded however long a line is: of an overlong one only the beginning and the end are kept.
    """
    with path.open("rb") as file:
        number = 1 + sum(block.count(b"\n") for block in _pieces(file, start))
        if start == 0 and file.read(len(_BOM)) != _BOM:
            file.seek(0)
        for block in _line_blocks(_pieces(file, None if end is None else end - file.tell())):
            lines = block.count(b"\n") + 1
            if number > 1:
                yield number, block
            elif lines > 1:
                yield 2, block.split(b"\n", 1)[1]
            number += lines


def _pieces(file: IO[bytes], size: int | None) -> Iterator[bytes]:
    """The next `size` bytes of a file, or all that are left."""
    while block := file.read(_BLOCK if size is None else min(_BLOCK, size)):
        if size is not None:
            size -= len(block)
        yield block


def _line_blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in pieces:
        cut = block.rfind(b"\n")
        if cut < 0:
            rest = (rest + block)[: LONGEST_LINE * 4 + 1]
            continue
        yield rest + block[:cut]
        rest = block[cut + 1 :]
    if rest:
        yield rest


def records_of(first: int, block: bytes, layout: Layout) -> Iterator[Record]:
    """The lines of a block, empty ones as well; `first` is the number of the first of them."""
    try:
        text = block.decode()
    except UnicodeDecodeError:
        return _guessed(first, block)
    if "\r" in text:
        text = text.replace("\r\n", "\n").removesuffix("\r")
    lines = text.split("\n")
    return zip(count(first), lines, _fields(lines, text, layout.delimiter), repeat(None), strict=False)


def _fields(lines: list[str], text: str, delimiter: str) -> Iterable[Sequence[str]]:
    """The fields of each line; none where it takes a closer look."""
    if '"' not in text:
        return map(str.split, lines, repeat(delimiter))
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return repeat(())
    # Where a quotation mark is not closed, a row runs on over several lines.
    return rows if len(rows) == len(lines) else repeat(())


def _guessed(first: int, block: bytes) -> Iterator[Record]:
    for number, line in zip(count(first), block.split(b"\n"), strict=False):
        line = line.removesuffix(b"\r")
        try:
            yield number, line.decode(), (), None
        except UnicodeDecodeError:
            # Windows-1252 is what such bytes most often are; the text serves to tell whose row is lost.
            yield number, line.decode("cp1252", errors="replace"), (), "the line holds bytes that are not UTF-8"


def problem_of(text: str) -> str | None:
    """Why a line that is not plain cannot be read, if so."""
    if len(text) > LONGEST_LINE:
        return f"the line is longer than {LONGEST_LINE:,} characters"
    return "the line holds a NUL character" if "\0" in text else None


def split(text: str, layout: Layout) -> Sequence[str] | str:
    """The fields of a line in the order of the contract, or one phrase on why it has none."""
    if '"' in text:
        if "\r" in text:
            return "the line holds a carriage return"
        try:
            fields = next(csv.reader([text], delimiter=layout.delimiter, strict=True))
        except csv.Error:
            return "the quotation marks of the line do not match"
    else:
        fields = text.split(layout.delimiter)
    if len(fields) != layout.width:
        return f"the line has {len(fields)} field{'s' if len(fields) > 1 else ''} where the header has {layout.width}"
    return arrange(fields, layout)


def arrange(fields: Sequence[str], layout: Layout) -> Sequence[str]:
    """Fields as they stand in the file → in the order of the contract; empty where the line ends before."""
    return [fields[at] if 0 <= at < len(fields) else "" for at in layout.positions]


def is_blank(text: str, layout: Layout) -> bool:
    """Whether a line holds nothing but delimiters, quotation marks and blanks."""
    return not text.replace(layout.delimiter, "").replace('"', "").strip()
