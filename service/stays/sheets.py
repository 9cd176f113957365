"""Spreadsheets in and out: a list of families as a workbook or as CSV, one person on each line."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final
from xml.etree import ElementTree

import xlsxwriter

from service.errors import Invalid
from service.stays.families import ListedFamily
from service.values.spreadsheets import as_text

COLUMNS: Final = (
    "family",
    "name",
    "birth_date",
    "phone",
    "language",
    "interpreter",
    "need",
    "wishes",
    "last_participation",
)
"""A line for each person; what stands from `phone` on is the family's, and stands on its first line."""
EXAMPLES: Final = (
    ("1", "Amina Eksempel", "1985-03-02", "90000000", "Somali", "yes", "4", "A1|A2", ""),
    ("1", "Yusuf Eksempel", "2014-06-21", "", "", "", "", "", ""),
)
_EPOCH: Final = date(1899, 12, 30)
_LARGEST: Final = 20_000_000
_MOST_ROWS: Final = 5_000
_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_CELL: Final = re.compile(r"([A-Z]{1,3})[0-9]+")


def rows_of(families: Iterable[ListedFamily], codes: dict[str, str]) -> list[tuple[str, ...]]:
    """The lines of a list; `codes` are those of stays by id."""
    rows = []
    for family in families:
        own = (
            family.phone,
            family.language,
            "yes" if family.interpreter else "no",
            str(family.need),
            "|".join(codes[one] for one in family.wishes),
            str(family.last_participation or ""),
        )
        for place, person in enumerate(family.travellers):
            rest = ("",) * len(own) if place else own
            rows.append((family.key, person.name, person.birth_date.isoformat(), *rest))
    return rows


def as_csv(rows: Iterable[Sequence[str]], columns: Sequence[str] = COLUMNS) -> bytes:
    """The lines as CSV that a spreadsheet opens: with a byte order mark, and no cell taken for a formula."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";")
    writer.writerow(columns)
    writer.writerows([as_text(cell) for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")


def as_workbook(rows: Iterable[Sequence[str]], columns: Sequence[str] = COLUMNS) -> bytes:
    """The lines as a workbook, every cell as text so that no zero is lost and no date turned round."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False})
    sheet = book.add_worksheet("Families")
    bold, plain = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "@"})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(columns) - 1, 18, plain)
    for at, name in enumerate(columns):
        sheet.write_string(0, at, name, bold)
    for number, row in enumerate(rows, start=1):
        for at, cell in enumerate(row):
            sheet.write_string(number, at, cell, plain)
    book.close()
    return file.getvalue()


def as_table(content: bytes) -> bytes:
    """What was uploaded as CSV in UTF-8: CSV as it is, of a workbook its first sheet."""
    if not content.startswith(b"PK"):
        return content
    try:
        rows = _sheet(content)
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, IndexError, ValueError, NotImplementedError):
        raise Invalid("The workbook cannot be read. Save it as .xlsx without a password, or as CSV.") from None
    width = max((len(row) for row in rows), default=0)
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=";").writerows([*row, *[""] * (width - len(row))] for row in rows)
    return file.getvalue().encode()


def day_of(written: str) -> date | None:
    """A date as people write it in a spreadsheet: ISO, the day first, or the number of a workbook's date cell."""
    if match := re.fullmatch(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})", written):
        written = f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}"
    elif re.fullmatch(r"[1-9][0-9]{3,4}(\.0+)?", written):
        return _EPOCH + timedelta(days=int(float(written)))
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _sheet(content: bytes) -> list[list[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = sorted(name for name in book.namelist() if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", name))
        wanted = [names[0], *(name for name in book.namelist() if name == "xl/sharedStrings.xml")]
        if any(book.getinfo(name).file_size > _LARGEST for name in wanted):
            raise ValueError("too large")
        sheet = _parsed(book.read(wanted[0]))
        shared = [_text(one) for one in _parsed(book.read(wanted[1]))] if len(wanted) > 1 else []
    rows: list[list[str]] = []
    for row in sheet.iter(f"{_MAIN}row"):
        # Lines are told by their number in the sheet: those that are empty are left out of the file.
        number = int(row.get("r") or len(rows) + 1)
        if not len(rows) < number <= _MOST_ROWS:
            raise ValueError("rows")
        rows += [[] for _ in range(number - 1 - len(rows))]
        rows.append(_cells(row, shared))
    return rows


def _parsed(content: bytes) -> ElementTree.Element:
    # A workbook has no document type; one that has may hold entities that grow without end.
    if b"<!DOCTYPE" in content:
        raise ValueError("document type")
    return ElementTree.fromstring(content)


def _cells(row: ElementTree.Element, shared: list[str]) -> list[str]:
    cells: list[str] = []
    for cell in row.iter(f"{_MAIN}c"):
        match = _CELL.fullmatch(cell.get("r") or "")
        at = _column(match[1]) if match else len(cells)
        if at > 200:
            raise ValueError("columns")
        cells += [""] * (at + 1 - len(cells))
        cells[at] = _value(cell, shared)
    return cells


def _column(letters: str) -> int:
    at = 0
    for letter in letters:
        at = at * 26 + ord(letter) - 64
    return at - 1


def _value(cell: ElementTree.Element, shared: list[str]) -> str:
    kind, value = cell.get("t"), cell.findtext(f"{_MAIN}v") or ""
    if kind == "s":
        return shared[int(value)]
    if kind == "inlineStr":
        return _text(cell)
    return value.removesuffix(".0")


def _text(element: Any) -> str:
    return "".join(part.text or "" for part in element.iter(f"{_MAIN}t"))
