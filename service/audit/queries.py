"""Searching the audit trail."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

ENTRIES_PER_PAGE = 100


class Entry(msgspec.Struct, frozen=True):
    """An entry of the trail as it is shown: who (an account, or nobody in person), what, to which subject and why."""

    id: UUID
    at: datetime
    account_id: UUID | None
    door: str
    action: str
    subject_kind: str
    subject_id: UUID | None
    reason: str | None
    details: dict[str, Any]


class Page(msgspec.Struct, frozen=True):
    """Entries, the newest first; `next` is the cursor of the page after this one, empty on the last."""

    entries: list[Entry]
    next: UUID | None


class Wanted(msgspec.Struct, frozen=True):
    """What is searched for; what is left out is not asked.

    `action` is a whole action or its beginning (`register` finds `register.import`). `start` and `end` are dates in
    the municipality's time zone, both included.
    """

    account_id: UUID | None = None
    action: str | None = None
    subjects: Collection[UUID] | None = None
    start: date | None = None
    end: date | None = None


_CONDITIONS = {
    "account_id": "account_id = :account_id",
    "action": "(action = :action OR starts_with(action, :action || '.'))",
    "subjects": "subject_id = ANY (:subjects)",
    "start": "(at AT TIME ZONE :zone)::date >= :start",
    "end": "(at AT TIME ZONE :zone)::date <= :end",
}


def search(
    session: Session, time_zone: str, wanted: Wanted, after: UUID | None = None, limit: int = ENTRIES_PER_PAGE
) -> Page:
    """A page of the trail of the tenant for which the session acts; `after` is the `next` of the page before."""
    values = {name: value for name in _CONDITIONS if (value := getattr(wanted, name)) is not None}
    conditions = [_CONDITIONS[name] for name in values] + (["id < :after"] if after else [])
    bound: dict[str, Any] = values | {"limit": limit + 1}
    if "subjects" in bound:
        bound["subjects"] = list(bound["subjects"])
    if wanted.start or wanted.end:
        bound["zone"] = time_zone
    if after:
        bound["after"] = after
    rows = session.execute(
        text(
            f"""SELECT id, at, account_id, door, action, subject_kind, subject_id, reason, details FROM audit_entry
            WHERE {" AND ".join(conditions) or "true"} ORDER BY id DESC LIMIT :limit"""
        ),
        bound,
    ).all()
    entries = [msgspec.convert(row, Entry, from_attributes=True) for row in rows[:limit]]
    return Page(entries, entries[-1].id if len(rows) > limit else None)
