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
_CHANGES = ("new_persons", "moved_persons", "left_persons", "changed_incomes", "changed_decisions")
_FILES = {"population": "persons", "income": "incomes", "decisions": "decisions"}


class Import(msgspec.Struct, frozen=True):
    """An import as it stands. Counts are accepted rows; `unchanged` those of them that changed nothing.

    `files` are those it had: `population`, `income`, `decisions`. What it changed, or a held one would change, is None
    where the file was not there or the register held nothing of it before.
    """

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
    files: list[str]
    new_persons: int | None
    moved_persons: int | None
    left_persons: int | None
    changed_incomes: int | None
    changed_decisions: int | None


class Rejection(msgspec.Struct, frozen=True):
    """A row of a file that was not taken over, or was with a warning (`accepted`); the value is masked."""

    number: int
    file: str
    line: int
    field: str
    value: str
    reason: str
    accepted: bool


class Wanted(msgspec.Struct, frozen=True):
    """Which rejections are asked for: of a file (`population.csv`), a line, a reason by its `key`, warnings or not."""

    file: str | None = None
    line: int | None = None
    reason: str | None = None
    accepted: bool | None = None


class Reason(msgspec.Struct, frozen=True):
    """A reason for which rows of a file were rejected or warned of, and how many. `key` names it in an address."""

    file: str
    reason: str
    key: str
    accepted: bool
    rows: int


_EVERYTHING = Wanted()
# A reason says nothing of anybody, but an address is no place for a sentence.
_KEY = "left(md5(reason), 12)"

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
    session: Session, import_id: UUID, limit: int, after: int | None, wanted: Wanted = _EVERYTHING
) -> list[Rejection]:
    """The rejections of an import after that with the number `after`, as they were found, one more than `limit`."""
    rows = session.execute(
        text(
            f"""SELECT number, file, line, field, value, reason, accepted FROM rejected_row
            WHERE import_id = :import AND number > :after
            AND (CAST(:accepted AS boolean) IS NULL OR accepted = :accepted)
            AND (CAST(:file AS text) IS NULL OR file = :file)
            AND (CAST(:line AS bigint) IS NULL OR line = :line)
            AND (CAST(:reason AS text) IS NULL OR {_KEY} = :reason) ORDER BY number LIMIT :limit"""
        ),
        {"import": import_id, "after": after or 0, "limit": limit + 1} | msgspec.structs.asdict(wanted),
    )
    return [msgspec.convert(row, Rejection, from_attributes=True) for row in rows]


def reasons_of(session: Session, import_id: UUID) -> list[Reason]:
    """Why rows of an import were rejected or warned of, the most frequent first."""
    rows = session.execute(
        text(
            f"""SELECT file, reason, {_KEY} AS key, accepted, count(*) AS rows FROM rejected_row
            WHERE import_id = :import GROUP BY file, reason, accepted ORDER BY rows DESC, file, reason"""
        ),
        {"import": import_id},
    )
    return [msgspec.convert(row, Reason, from_attributes=True) for row in rows]


def last_counts(session: Session, before: UUID) -> dict[str, int]:
    """The counts of the last import merged before `before` that had each kind of file: what the gate compares with."""
    rows = session.execute(
        text(
            """SELECT counts FROM register_import
            WHERE state = 'merged' AND coalesce(confirmed_at, imported_at)
                <= (SELECT imported_at FROM register_import WHERE id = :id) AND id <> :id
            ORDER BY coalesce(confirmed_at, imported_at), id"""
        ),
        {"id": before},
    )
    last: dict[str, int] = {}
    for row in rows:
        last |= row.counts
    return last


def confirmation_under_way(session: Session, import_id: UUID) -> UUID | None:
    """The order that is confirming a held import, where somebody has ordered it and it has not ended."""
    found: UUID | None = session.execute(
        text(
            """SELECT id FROM job_run WHERE job = 'register.confirm' AND state IN ('queued', 'running')
            AND arguments ->> 'import_id' = :import ORDER BY id LIMIT 1"""
        ),
        {"import": str(import_id)},
    ).scalar()
    return found


def csv_lines(rows: Iterator[tuple[Any, ...]]) -> str:
    """Rows as lines of CSV."""
    written = StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def _import(row: Row[Any]) -> Import:
    fields = {name: value for name, value in row._mapping.items() if name != "counts"}
    return Import(
        **fields,
        **{name: row.counts.get(name, 0) for name in _COUNTS},
        **{name: row.counts.get(name) for name in _CHANGES},
        files=[kind for kind, counted in _FILES.items() if counted in row.counts],
    )
