"""Reading what is kept about clubs: who they are, what they offer, where their money goes."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy import text
from sqlmodel import Session

from service.errors import N_, NotFound

# What a person has written, word by word: each begins a word of the name, or the number.
_FOUND: Final = """(starts_with(c.number, regexp_replace(:q, '\\s', '', 'g')) OR NOT EXISTS (
    SELECT FROM unnest(name_tokens(:q)) AS wanted
    WHERE NOT EXISTS (SELECT FROM unnest(name_tokens(c.name)) AS word WHERE starts_with(word, wanted))
) AND cardinality(name_tokens(:q)) > 0)"""

_CLUB: Final = """SELECT c.id, c.number, c.name, c.state, c.contact_name, c.contact_email, c.contact_phone, c.members,
    c.agreement_version, c.agreement_accepted_at, c.approved_at, c.suspended_because, c.ended_at, c.changed_at
FROM club c"""

_ACTIVITIES: Final = """SELECT count(*) FROM club_activity a
    WHERE (a.tenant_id, a.club_id) = (c.tenant_id, c.id) AND a.ended_at IS NULL"""
_PROPOSED: Final = """EXISTS (SELECT FROM club_payee p
    WHERE (p.tenant_id, p.club_id) = (c.tenant_id, c.id) AND p.state = 'proposed')"""
_NO_PAYEE: Final = """NOT EXISTS (SELECT FROM club_payee p
    WHERE (p.tenant_id, p.club_id) = (c.tenant_id, c.id) AND p.state IN ('approved', 'replaced'))"""

_LISTED: Final = f"""SELECT c.id, c.number, c.name, c.state, c.contact_name, c.contact_email, c.contact_phone,
    c.members, ({_ACTIVITIES}) AS activities, c.agreement_version, {_PROPOSED} AS account_waiting,
    {_NO_PAYEE} AS without_payee, c.approved_at, c.changed_at, c.ended_at
FROM club c"""

_PAYEE: Final = """SELECT p.id, p.club_id, p.kind, p.account, p.cost_centre, p.state, p.proposed_at, p.proposed_by,
    p.decided_at, p.decided_by, p.decided_because, p.usable_from, p.ended_at, proposer.name AS proposer,
    decider.name AS decider
FROM club_payee p
LEFT JOIN directory.account_names() AS proposer ON proposer.id = p.proposed_by
LEFT JOIN directory.account_names() AS decider ON decider.id = p.decided_by"""


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


class ListedClub(msgspec.Struct, frozen=True):
    """A club as it is listed: with how much it offers, and whether something of its account waits."""

    id: UUID
    number: str
    name: str
    state: str
    contact_name: str | None
    contact_email: str | None
    contact_phone: str | None
    members: int | None
    activities: int
    agreement_version: int | None
    account_waiting: bool
    without_payee: bool
    approved_at: datetime
    changed_at: datetime
    ended_at: datetime | None


class Wanted(msgspec.Struct, frozen=True):
    """Which clubs are wanted, and in which order: `q` is the beginning of words of the name, or of the number."""

    q: Annotated[str | None, Meta(title=N_("Name or number"), max_length=200)] = None
    state: Annotated[Literal["approved", "suspended", "ended"] | None, Meta(title=N_("State"))] = None
    account: Annotated[Literal["waiting", "none"] | None, Meta(title=N_("Account"))] = None
    sort: Annotated[Literal["name", "newest", "changed"], Meta(title=N_("Sort by"))] = "name"
    page: Annotated[int, Meta(ge=1, le=10_000)] = 1


class Activity(msgspec.Struct, frozen=True):
    """Something a club offers in a season, with its full fee; `max_age` is included."""

    id: UUID
    club_id: UUID
    name: str
    kind: str
    min_age: int
    max_age: int
    season_start: date
    season_end: date
    fee_ore: int
    ended_at: datetime | None


class Payee(msgspec.Struct, frozen=True):
    """Where a club's money goes: an `account` (an IBAN), the club's `nemkonto`, or a `cost_centre`."""

    id: UUID
    kind: str
    account: str | None
    cost_centre: str | None
    usable_from: date


class PayeeLine(msgspec.Struct, frozen=True):
    """A line of a club's history of payees; `proposer` and `decider` are names, where it was a person."""

    id: UUID
    club_id: UUID
    kind: str
    account: str | None
    cost_centre: str | None
    state: str
    proposed_at: datetime
    proposed_by: UUID | None
    decided_at: datetime | None
    decided_by: UUID | None
    decided_because: str | None
    usable_from: date | None
    ended_at: datetime | None
    proposer: str | None
    decider: str | None


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


def clubs_with_number(session: Session, number: str) -> list[Club]:
    """Every club with the number, those that have ended too; the newest first."""
    rows = session.execute(text(f"{_CLUB} WHERE c.number = :number ORDER BY c.id DESC"), {"number": number}).all()
    return [msgspec.convert(row, Club, from_attributes=True) for row in rows]


def list_clubs(session: Session, wanted: Wanted) -> list[ListedClub]:
    """The clubs that are wanted, in the order wanted."""
    conditions = [
        condition
        for asked, condition in (
            (wanted.q, _FOUND),
            (wanted.state, "c.state = :state"),
            (wanted.account == "waiting", _PROPOSED),
            (wanted.account == "none", f"c.state <> 'ended' AND {_NO_PAYEE}"),
        )
        if asked
    ]
    values = {"q": wanted.q, "state": wanted.state}
    rows = session.execute(text(f"{_LISTED} WHERE {' AND '.join(conditions) or 'true'}"), values).all()
    found = [msgspec.convert(row, ListedClub, from_attributes=True) for row in rows]
    if wanted.sort == "newest":
        return sorted(found, key=lambda club: (club.approved_at, club.id), reverse=True)
    if wanted.sort == "changed":
        return sorted(found, key=lambda club: (club.changed_at, club.id), reverse=True)
    return sorted(found, key=lambda club: (_alphabetical(club.name), club.number, club.id))


def page_of_clubs(session: Session, wanted: Wanted, limit: int, after: UUID | None) -> list[ListedClub]:
    """Up to one more than `limit` clubs by id, those after one of them."""
    conditions = ["true", *([_FOUND] if wanted.q else []), *(["c.state = :state"] if wanted.state else [])]
    if after is not None:
        conditions.append("c.id > :after")
    rows = session.execute(
        text(f"{_LISTED} WHERE {' AND '.join(conditions)} ORDER BY c.id LIMIT :most"),
        {"q": wanted.q, "state": wanted.state, "after": after, "most": limit + 1},
    ).all()
    return [msgspec.convert(row, ListedClub, from_attributes=True) for row in rows]


def activities_of(session: Session, club_id: UUID, *, ended: bool = False) -> list[Activity]:
    """What a club offers, or with `ended` what it offered once; by season and name."""
    rows = session.execute(
        text(
            f"""SELECT id, club_id, name, kind, min_age, max_age, season_start, season_end, fee_ore, ended_at
            FROM club_activity WHERE club_id = :club AND ended_at IS {"NOT NULL" if ended else "NULL"}
            ORDER BY season_start DESC, lower(name), id"""
        ),
        {"club": club_id},
    ).all()
    return [msgspec.convert(row, Activity, from_attributes=True) for row in rows]


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


def payees_of(session: Session, club_id: UUID) -> list[PayeeLine]:
    """A club's payees of all times, the newest proposal first."""
    return _payees(session, "p.club_id = :club ORDER BY p.proposed_at DESC, p.id DESC", club=club_id)


def find_payee(session: Session, payee_id: UUID) -> PayeeLine:
    """One payee."""
    found = _payees(session, "p.id = :id", id=payee_id)
    if not found:
        raise NotFound("There is no such account.")
    return found[0]


def payees_waiting(session: Session) -> list[PayeeLine]:
    """The payees that wait for somebody's approval, the oldest first."""
    return _payees(session, "p.state = 'proposed' ORDER BY p.proposed_at, p.id")


def account_in_use(session: Session, payee: PayeeLine) -> list[Club]:
    """Other clubs that have or propose the same account: seldom right, and worth a question."""
    rows = session.execute(
        text(
            f"""{_CLUB} WHERE c.id <> :club AND c.state <> 'ended' AND EXISTS (SELECT FROM club_payee p
                WHERE p.club_id = c.id AND p.account = :account AND p.state IN ('proposed', 'approved'))
            ORDER BY c.id"""
        ),
        {"club": payee.club_id, "account": payee.account},
    ).all()
    return [msgspec.convert(row, Club, from_attributes=True) for row in rows]


def _payees(session: Session, condition: str, **values: Any) -> list[PayeeLine]:
    rows = session.execute(text(f"{_PAYEE} WHERE {condition}"), values).all()
    return [msgspec.convert(row, PayeeLine, from_attributes=True) for row in rows]


def _alphabetical(name: str) -> str:
    """What sorts as people here do: Æ, Ø and Å after Z."""
    return name.casefold().translate(_LAST)


_LAST: Final = str.maketrans({"æ": "{", "ä": "{", "ø": "|", "ö": "|", "å": "}"})
