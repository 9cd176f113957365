"""Tables as files: UTF-8 with or without BOM, comma or semicolon, a header; every wrong line is named."""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from service.errors import N_, FieldError, Invalid, Text

_LONGEST: Final = 20_000
_LONGEST_CODE: Final = 100
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

T = TypeVar("T")


class Wrong(msgspec.Struct, frozen=True):
    """Something wrong with a line of a file; `field` is empty where it is the line as a whole."""

    file: str
    line: int
    field: str
    text: Text

    @property
    def error(self) -> FieldError:
        place = f"{self.file}, line {self.line}" + (f", {self.field}" if self.field else "")
        said = self.text
        return FieldError(place, said.template, said.values)


class Line:
    """One line: its place in the file, counted from 1, its values by column, and what is found wrong with them."""

    def __init__(self, file: str, number: int, values: Mapping[str, str]) -> None:
        self.file, self.place = file, number
        self._values = values
        self.wrong: list[Wrong] = []

    def says(self, field: str, text: Text) -> None:
        """Something is wrong with a field."""
        self.wrong.append(Wrong(self.file, self.place, field, text))

    def text(self, field: str) -> str:
        """The text of a field, empty where the file has no such column."""
        return self._values.get(field, "").strip()

    def code(self, field: str) -> str:
        """What names a stay or a family."""
        found = self.text(field)
        if not found:
            self.says(field, Text(N_("is empty")))
        elif problem := _not_a_code(found):
            self.says(field, problem)
        return found

    def codes(self, field: str) -> tuple[str, ...]:
        """Codes separated by |."""
        found = tuple(part.strip() for part in self.text(field).split("|")) if self.text(field) else ()
        if not all(found):
            self.says(field, Text(N_("holds an empty part between two |")))
        if repeated := sorted({code for code in found if code and found.count(code) > 1}):
            self.says(field, Text(N_("repeats {codes}"), {"codes": ", ".join(repeated)}))
        return found

    def number(self, field: str, least: int = 0, most: int = 100_000) -> int:
        """A whole number."""
        return self._number(field, self.text(field), least, most)

    def number_or_none(self, field: str, least: int, most: int) -> int | None:
        """A whole number, or None where the field is empty."""
        return self._number(field, self.text(field), least, most) if self.text(field) else None

    def numbers(self, field: str) -> tuple[int, ...]:
        """Whole numbers from 1, separated by |."""
        return tuple(self._number(field, part.strip(), 1, 1000) for part in self.text(field).split("|"))

    def _number(self, field: str, written: str, least: int, most: int) -> int:
        if written.isascii() and written.isdigit() and len(written) < 10 and least <= int(written) <= most:
            return int(written)
        self.says(field, Text(N_("is no whole number from {least} to {most}"), {"least": least, "most": most}))
        return least

    def day(self, field: str) -> date:
        return self._day(field, self.text(field))

    def days(self, field: str) -> tuple[date, ...]:
        """Dates separated by |; at least one."""
        return tuple(self._day(field, part.strip()) for part in self.text(field).split("|"))

    def _day(self, field: str, written: str) -> date:
        try:
            if _ISO_DATE.fullmatch(written):
                return date.fromisoformat(written)
        except ValueError:
            self.says(field, Text(N_("holds a date that is not in the calendar")))
            return date.max
        self.says(field, Text(N_("holds no date of the form YYYY-MM-DD")))
        return date.max


def _not_a_code(found: str) -> Text | None:
    if len(found) > _LONGEST_CODE:
        return Text(N_("is longer than {longest} characters"), {"longest": _LONGEST_CODE})
    return Text(N_("holds control characters")) if _CONTROL.search(found) else None


def read(
    path: Path, columns: Sequence[str], optional: Sequence[str], parse: Callable[[Line], T]
) -> tuple[list[tuple[Line, T]], list[Wrong]]:
    """Every line as `parse` makes it, wrong ones too, and all that is wrong. Raises Invalid for no such table."""
    lines = _lines(path)
    delimiter, names = _header(path, lines[0], columns, optional)
    parsed: list[tuple[Line, T]] = []
    wrong: list[Wrong] = []
    for number, raw in enumerate(lines[1:], start=2):
        values = _values(raw, delimiter, names)
        if values is None:
            continue
        if isinstance(values, Text):
            wrong.append(Wrong(path.name, number, "", values))
            continue
        line = Line(path.name, number, values)
        parsed.append((line, parse(line)))
        wrong.extend(line.wrong)
    return parsed, wrong


def repeated(parsed: Sequence[tuple[Line, T]], field: str) -> list[Wrong]:
    """Every line whose code stands in another line too: none of them can be taken for the right one."""
    lines: dict[str, list[int]] = {}
    for line, _ in parsed:
        if code := line.text(field):
            lines.setdefault(code, []).append(line.place)
    return [
        Wrong(line.file, line.place, field, Text(N_("stands in several lines: {lines}"), {"lines": _listed(numbers)}))
        for line, _ in parsed
        if len(numbers := lines.get(line.text(field), [])) > 1
    ]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _lines(path: Path) -> list[bytes]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Invalid("{file} cannot be read: {reason}.", file=path.name, reason=error.strerror) from error
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Invalid("{file} is a spreadsheet, not CSV. Save it as CSV with UTF-8.", file=path.name)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Invalid("{file} is not UTF-8 but looks like UTF-16. Save it as UTF-8.", file=path.name)
    return content.removeprefix(b"\xef\xbb\xbf").split(b"\n")


def _header(path: Path, raw: bytes, columns: Sequence[str], optional: Sequence[str]) -> tuple[str, list[str]]:
    try:
        header = raw.decode()
    except UnicodeDecodeError:
        raise Invalid("The header of {file} is not UTF-8. Save the file as UTF-8.", file=path.name) from None
    delimiter = ";" if header.count(";") > header.count(",") else ","
    names = [name.strip().strip('"').strip().lower() for name in header.split(delimiter)]
    expected = delimiter.join(columns)
    known = {*columns, *optional}
    if not set(names) & known:
        raise Invalid("The first line of {file} is no header. Expected: {expected}.", file=path.name, expected=expected)
    for problem, found in (
        (N_("{file} lacks these columns: {columns}."), [name for name in columns if name not in names]),
        (N_("{file} has columns that are not known: {columns}."), [name for name in names if name not in known]),
        (N_("{file} repeats these columns: {columns}."), sorted({name for name in names if names.count(name) > 1})),
    ):
        if found:
            raise _header_refused(problem, path.name, found, expected)
    return delimiter, names


def _header_refused(problem: str, file: str, found: list[str], expected: str) -> Invalid:
    text = Text(problem, {"file": file, "columns": ", ".join(name[:_LONGEST_CODE] or "–" for name in found)})
    return Invalid("{problem} Expected: {expected}.", problem=text, expected=expected)


def _values(raw: bytes, delimiter: str, names: list[str]) -> dict[str, str] | Text | None:
    """The values of a line by column, what is wrong with it, or None for a line that holds nothing."""
    if len(raw) > _LONGEST:
        return Text(N_("the line is longer than {longest} characters"), {"longest": _LONGEST})
    try:
        text = raw.decode().removesuffix("\r")
    except UnicodeDecodeError:
        return Text(N_("the line holds bytes that are not UTF-8"))
    if not text.replace(delimiter, "").replace('"', "").strip():
        return None
    if "\0" in text or "\r" in text:
        return Text(N_("the line holds control characters"))
    try:
        fields = next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return Text(N_("the quotation marks of the line do not match"))
    if len(fields) != len(names):
        return Text(
            N_("the number of fields is {found} where the header has {expected}"),
            {"found": len(fields), "expected": len(names)},
        )
    return dict(zip(names, fields, strict=True))
