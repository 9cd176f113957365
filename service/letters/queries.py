"""Reading letters."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.errors import NotFound


class HeldLetter(msgspec.Struct, frozen=True):
    """A letter that cannot be sent yet; the household as the register names it."""

    number: str
    kind: str
    household_id: str
    because: str


def held_back(session: Session) -> list[HeldLetter]:
    """The letters held back, oldest first."""
    rows = session.execute(
        text(
            """SELECT l.number, l.kind, h.reference AS household_id, l.held_because AS because
            FROM letter l JOIN household h ON h.id = l.household_id WHERE l.state = 'held_back' ORDER BY l.number"""
        )
    )
    return [msgspec.convert(row, HeldLetter, from_attributes=True) for row in rows]


class LetterRow(msgspec.Struct, frozen=True):
    """A letter without what it says and where it goes; `batch` is the number of its print batch."""

    id: UUID
    number: str
    kind: str
    state: str
    batch: int | None
    pages: int | None
    queued_at: datetime
    held_because: str | None
    returned_at: datetime | None
    returned_because: str | None
    replaces: UUID | None


class HeldRow(msgspec.Struct, frozen=True):
    """A letter that cannot be sent yet; the household as the register names it."""

    id: UUID
    number: str
    kind: str
    household_id: str
    because: str
    queued_at: datetime


class BatchRow(msgspec.Struct, frozen=True):
    """A print batch; `pages` and `sha256` are known once it was rendered. `in_person`: its letter was given by hand."""

    id: UUID
    number: int
    protected: bool
    in_person: bool
    letters: int
    created_at: datetime
    pages: int | None
    sha256: str | None
    handed_over_at: datetime | None
    handed_over_by: UUID | None


_LETTER = """SELECT l.id, l.number, l.kind, l.state, b.number AS batch, l.pages, l.queued_at, l.held_because,
        l.returned_at, l.returned_because, l.replaces_id AS replaces
    FROM letter l LEFT JOIN print_batch b ON b.id = l.batch_id"""
_BATCH = """SELECT id, number, protected, in_person, letters, created_at, pages, sha256, handed_over_at, handed_over_by
    FROM print_batch"""
_CONDITIONS = {
    "state": "l.state = :state",
    "kind": "l.kind = :kind",
    "batch": "b.number = :batch",
    "after": "l.id < :after",
}


def page_of_letters(
    session: Session,
    limit: int,
    after: UUID | None,
    state: str | None = None,
    kind: str | None = None,
    batch: int | None = None,
) -> list[LetterRow]:
    """The newest letters before the letter `after`, and one more than `limit`."""
    wanted: dict[str, Any] = {"state": state, "kind": kind, "batch": batch, "after": after}
    asked = {name: value for name, value in wanted.items() if value is not None}
    where = " AND ".join(_CONDITIONS[name] for name in asked) or "true"
    rows = session.execute(
        text(f"{_LETTER} WHERE {where} ORDER BY l.id DESC LIMIT :limit"), asked | {"limit": limit + 1}
    )
    return [msgspec.convert(row, LetterRow, from_attributes=True) for row in rows]


def letter_by_id(session: Session, letter_id: UUID) -> LetterRow:
    """A letter; refuses an id that no letter has."""
    row = session.execute(text(f"{_LETTER} WHERE l.id = :id"), {"id": letter_id}).one_or_none()
    if row is None:
        raise NotFound("There is no letter {letter}.", letter=letter_id)
    return msgspec.convert(row, LetterRow, from_attributes=True)


def page_of_held(session: Session, limit: int, after: UUID | None) -> list[HeldRow]:
    """The letters held back after the letter `after`, oldest first, and one more than `limit`."""
    rows = session.execute(
        text(
            f"""SELECT l.id, l.number, l.kind, h.reference AS household_id, l.held_because AS because, l.queued_at
            FROM letter l JOIN household h ON h.id = l.household_id
            WHERE l.state = 'held_back' {"AND l.id > :after" if after else ""} ORDER BY l.id LIMIT :limit"""
        ),
        {"limit": limit + 1} | ({"after": after} if after else {}),
    )
    return [msgspec.convert(row, HeldRow, from_attributes=True) for row in rows]


def page_of_batches(session: Session, limit: int, after: int | None) -> list[BatchRow]:
    """The newest print batches before the batch number `after`, and one more than `limit`."""
    before = "WHERE number < :after" if after is not None else ""
    rows = session.execute(
        text(f"{_BATCH} {before} ORDER BY number DESC LIMIT :limit"),
        {"limit": limit + 1} | ({"after": after} if after is not None else {}),
    )
    return [msgspec.convert(row, BatchRow, from_attributes=True) for row in rows]


class Waiting(msgspec.Struct, frozen=True):
    """How many letters wait for a print batch, how many are held back, and how many batches are not rendered yet."""

    queued: int
    held_back: int
    unrendered: int


def waiting(session: Session) -> Waiting:
    """What the next making of print batches would find."""
    row = session.execute(
        text(
            """SELECT (SELECT count(*) FROM letter WHERE state = 'queued') AS queued,
                (SELECT count(*) FROM letter WHERE state = 'held_back') AS held_back,
                (SELECT count(*) FROM print_batch WHERE pages IS NULL AND handed_over_at IS NULL) AS unrendered"""
        )
    ).one()
    return msgspec.convert(row, Waiting, from_attributes=True)


def returned_since(session: Session, since: datetime, limit: int) -> tuple[list[LetterRow], int]:
    """The letters noted as returned since an instant, the last noted first and at most `limit`; and how many in all."""
    rows = session.execute(
        text(
            f"""{_LETTER} WHERE l.state = 'returned' AND l.returned_at >= :since
            ORDER BY l.returned_at DESC, l.id DESC LIMIT :limit"""
        ),
        {"since": since, "limit": limit},
    )
    found = [msgspec.convert(row, LetterRow, from_attributes=True) for row in rows]
    count: int = session.execute(
        text("SELECT count(*) FROM letter WHERE state = 'returned' AND returned_at >= :since"), {"since": since}
    ).scalar_one()
    return found, count


def batch_by_number(session: Session, number: int) -> BatchRow:
    """A print batch; refuses a number that no batch has."""
    row = session.execute(text(f"{_BATCH} WHERE number = :number"), {"number": number}).one_or_none()
    if row is None:
        raise NotFound("There is no batch {batch}.", batch=number)
    return msgspec.convert(row, BatchRow, from_attributes=True)
