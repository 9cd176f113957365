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
    """An entry of the trail as it is shown: who (an account, or nobody in person), what, to which subject and why.

    `sealed`: whether it is in the hash chain yet, so that a change of it would be found.
    """

    id: UUID
    at: datetime
    account_id: UUID | None
    door: str
    action: str
    subject_kind: str
    subject_id: UUID | None
    reason: str | None
    details: dict[str, Any]
    sealed: bool


class Page(msgspec.Struct, frozen=True):
    """Entries, the newest first; `next` is the cursor of the page after this one, empty on the last."""

    entries: list[Entry]
    next: UUID | None


class Condition(msgspec.Struct, frozen=True):
    """What a slice above asks of an entry: SQL over the entry as `e`, and the values that it binds."""

    sql: str
    values: dict[str, Any]


class Wanted(msgspec.Struct, frozen=True):
    """What is searched for; what is left out is not asked.

    `action` is a whole action or its beginning (`register` finds `register.import`). `start` and `end` are dates in
    the municipality's time zone, both included.
    """

    account_id: UUID | None = None
    action: str | None = None
    door: str | None = None
    subjects: Collection[UUID] | None = None
    start: date | None = None
    end: date | None = None
    also: Condition | None = None


_CONDITIONS = {
    "account_id": "account_id = :account_id",
    "action": "(action = :action OR starts_with(action, :action || '.'))",
    "door": "door = :door",
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
    if wanted.also:
        conditions.append(f"({wanted.also.sql})")
        bound |= wanted.also.values
    rows = session.execute(
        text(
            f"""SELECT id, at, account_id, door, action, subject_kind, subject_id, reason, details, EXISTS (
                SELECT FROM audit_sealed s WHERE s.tenant_id = e.tenant_id AND s.entry_id = e.id) AS sealed
            FROM audit_entry e WHERE {" AND ".join(conditions) or "true"} ORDER BY id DESC LIMIT :limit"""
        ),
        bound,
    ).all()
    entries = [msgspec.convert(row, Entry, from_attributes=True) for row in rows[:limit]]
    return Page(entries, entries[-1].id if len(rows) > limit else None)


class Actors(msgspec.Struct, frozen=True):
    """Who may have acted: the names of people by account, with their addresses, and of systems by token."""

    people: dict[UUID, tuple[str, str]]
    systems: dict[str, str]


def actors(session: Session) -> Actors:
    """The people who have or had a role with the tenant for which the session acts, and its systems, by name."""
    people = session.execute(text("SELECT id, name, email FROM directory.account_names() ORDER BY lower(name), email"))
    systems = session.execute(
        text(
            """SELECT t.id, t.name FROM directory.list_tokens(NULL) AS t
            UNION ALL SELECT t.id, t.name || ' (' || o.name || ')'
            FROM directory.list_organisations() AS o, LATERAL directory.list_tokens(o.id) AS t"""
        )
    )
    return Actors({row.id: (row.name, row.email) for row in people}, {str(row.id): row.name for row in systems})
