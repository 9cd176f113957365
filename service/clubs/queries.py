"""Reading what is kept about clubs."""

from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.errors import NotFound

_CLUB = """SELECT c.id, c.number, c.name, c.state, c.contact_name, c.contact_email, c.contact_phone, c.members,
    c.agreement_version, c.agreement_accepted_at, c.approved_at, c.suspended_because, c.ended_at, c.changed_at
FROM club c"""


class Club(msgspec.Struct, frozen=True):
    """A club; `state` is `approved`, `suspended` or `ended`."""

    id: UUID
    number: str
    name: str
    state: str
    contact_name: str | None
    contact_email: str | None
    contact_phone: str | None
    members: int | None
    agreement_version: int | None
    agreement_accepted_at: datetime | None
    approved_at: datetime
    suspended_because: str | None
    ended_at: datetime | None
    changed_at: datetime


class Payee(msgspec.Struct, frozen=True):
    """Where a club's money goes: an `account`, the club's `nemkonto`, or a `cost_centre` of the municipality."""

    id: UUID
    kind: str
    account: str | None
    cost_centre: str | None
    usable_from: date


def club_of(session: Session, club_id: UUID) -> Club:
    """The club with this id, which is also that of its organisation."""
    row = session.execute(text(f"{_CLUB} WHERE c.id = :id"), {"id": club_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such club.")
    return msgspec.convert(row, Club, from_attributes=True)


def find_club(session: Session, number: str) -> Club:
    """The club with this organisation number that has not ended."""
    row = session.execute(
        text(f"{_CLUB} WHERE c.number = :number AND c.state <> 'ended'"), {"number": "".join(number.split())}
    ).one_or_none()
    if row is None:
        raise NotFound("The municipality has no club with the number {number}.", number=number)
    return msgspec.convert(row, Club, from_attributes=True)


def payee_for(session: Session, club_id: UUID, on: date) -> Payee | None:
    """Where the club's money goes on a day, or None where nothing was approved for that day yet.

    Of those that were approved the one whose day came last. A new one is approved days before its own day comes, and
    until then the one before it counts; one that was stopped meanwhile never counts.
    """
    row = session.execute(
        text(
            """SELECT id, kind, account, cost_centre, usable_from FROM club_payee
            WHERE club_id = :club AND state IN ('approved', 'replaced') AND usable_from <= :on
            ORDER BY usable_from DESC, decided_at DESC, id DESC LIMIT 1"""
        ),
        {"club": club_id, "on": on},
    ).one_or_none()
    return None if row is None else msgspec.convert(row, Payee, from_attributes=True)
