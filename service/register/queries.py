"""Reading imports and their rejected rows."""

import csv
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlmodel import Session

from service.errors import NotFound

REJECTED_COLUMNS = ("file", "line", "field", "value", "reason")
"""The columns of a list of rejected rows, in this order."""

_COUNTS = ("persons", "households", "incomes", "decisions", "rejected", "warnings", "unchanged")


class Import(msgspec.Struct, frozen=True):
    """An import as it stands. Counts are accepted rows; `unchanged` those of them that changed nothing."""

    id: UUID
    state: str
    held_because: str | None
    imported_at: datetime
    imported_by: UUID | None
    confirmed_at: datetime | None
    confirmed_by: UUID | None
    persons: int
    households: int
    incomes: int
    decisions: int
    rejected: int
    warnings: int
    unchanged: int


class Rejection(msgspec.Struct, frozen=True):
    """A row of a file that was not taken over, or was with a warning (`accepted`); the value is masked."""

    number: int
    file: str
    line: int
    field: str
    value: str
    reason: str
    accepted: bool


_IMPORT = """SELECT id, state, counts, held_because, imported_at, imported_by, confirmed_at, confirmed_by
    FROM register_import"""


def page_of_imports(session: Session, limit: int, after: UUID | None, state: str | None = None) -> list[Import]:
    """The newest imports before the import `after`, and one more than `limit`."""
    rows = session.execute(
        text(
            f"""{_IMPORT} WHERE (CAST(:after AS uuid) IS NULL OR id < :after)
            AND (CAST(:state AS text) IS NULL OR state = :state) ORDER BY id DESC LIMIT :limit"""
        ),
        {"after": after, "state": state, "limit": limit + 1},
    )
    return [_import(row) for row in rows]


def import_by_id(session: Session, import_id: UUID) -> Import:
    """An import of the tenant that is acted for."""
    row = session.execute(text(f"{_IMPORT} WHERE id = :id"), {"id": import_id}).one_or_none()
    if row is None:
        raise NotFound("There is no import {id}.", id=import_id)
    return _import(row)


def page_of_rejections(
    session: Session, import_id: UUID, limit: int, after: int | None, accepted: bool | None = None
) -> list[Rejection]:
    """The rejections of an import after that with the number `after`, as they were found, one more than `limit`.

    `accepted` asks for the warnings alone, or for what was rejected alone.
    """
    rows = session.execute(
        text(
            """SELECT number, file, line, field, value, reason, accepted FROM rejected_row
            WHERE import_id = :import AND number > :after
            AND (CAST(:accepted AS boolean) IS NULL OR accepted = :accepted) ORDER BY number LIMIT :limit"""
        ),
        {"import": import_id, "after": after or 0, "accepted": accepted, "limit": limit + 1},
    )
    return [msgspec.convert(row, Rejection, from_attributes=True) for row in rows]


def csv_lines(rows: Iterator[tuple[Any, ...]]) -> str:
    """Rows as lines of CSV."""
    written = StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def _import(row: Row[Any]) -> Import:
    fields = {name: value for name, value in row._mapping.items() if name != "counts"}
    return Import(**fields, **{name: row.counts.get(name, 0) for name in _COUNTS})
