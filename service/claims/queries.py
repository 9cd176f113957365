"""Claims as a club sees its own, and as the municipality's staff see them all. Every list can be read page by page."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.claims import terms
from service.errors import NotFound
from service.identity.actions import Municipality
from service.values import clock


class OwnClaim(msgspec.Struct, frozen=True):
    """A claim as its club sees it; amounts in øre.

    `given_name` is what the club wrote, None once the claim is over and the days for questions are. Nothing in it
    depends on why the child has a pass.
    """

    id: UUID
    given_name: str | None
    kind: str
    activity: str
    season_start: date
    season_end: date
    sessions: int | None
    fee_ore: int
    covered_ore: int
    family_share_ore: int
    family_share_paid_by: str
    reference: str | None
    state: str
    reasons: tuple[str, ...]
    note: str | None
    submitted_at: datetime
    decided_at: datetime | None
    days_to_decision: int | None
    expected_payment_date: date | None
    paid_at: datetime | None
    club_name: str
    club_number: str


class OwnReservation(msgspec.Struct, frozen=True):
    """A reservation as its club sees it; amounts in øre."""

    id: UUID
    given_name: str | None
    activity: str
    fee_ore: int
    reserved_ore: int
    state: str
    until: date
    made_at: datetime


class StaffClaim(OwnClaim, frozen=True):
    """A claim as staff see it in a list: with the club's id, and no name."""

    club_id: UUID


class Wanted(msgspec.Struct, frozen=True):
    """Which claims a list shows; None for any. `state` may be several, separated by commas; `year` is the season's."""

    state: str | None = None
    reference: str | None = None
    club_id: UUID | None = None
    pass_id: UUID | None = None
    since: date | None = None
    until: date | None = None
    reason: str | None = None
    year: int | None = None
    ids: tuple[UUID, ...] | None = None


def own_claims(
    session: Session,
    municipality: Municipality,
    club_id: UUID,
    wanted: Wanted,
    limit: int,
    after: UUID | None,
    actor: Actor,
) -> list[OwnClaim]:
    """A club's claims, the newest first, one more than `limit` where there are more. The read is in the trail."""
    wanted = msgspec.structs.replace(wanted, club_id=club_id)
    rows = _rows(session, municipality, wanted, limit + 1, after)
    details = {"rows": min(len(rows), limit)}
    record(session, municipality.id, actor, "claims.list", ("organisation", club_id), details=details)
    return [msgspec.convert(row, OwnClaim) for row in rows]


def own_claim(session: Session, municipality: Municipality, club_id: UUID, claim_id: UUID, actor: Actor) -> OwnClaim:
    """One of a club's claims."""
    rows = _rows(session, municipality, Wanted(club_id=club_id), 1, None, claim_id)
    if not rows:
        raise NotFound("The club has no such claim.")
    record(session, municipality.id, actor, "claims.read", ("claim", claim_id))
    return msgspec.convert(rows[0], OwnClaim)


def claims_for(
    session: Session, municipality: Municipality, wanted: Wanted, limit: int, after: UUID | None, actor: Actor
) -> Sequence[OwnClaim]:
    """The claims that are wanted, the newest first: of a club where one is named, else all, without names."""
    if wanted.club_id is not None:
        return own_claims(session, municipality, wanted.club_id, wanted, limit, after, actor)
    found = staff_claims(session, municipality, wanted, limit, after, oldest=False)
    details = {"rows": min(len(found), limit)}
    record(session, municipality.id, actor, "claims.list", ("tenant", municipality.id), details=details)
    return found


def claim_for(
    session: Session, municipality: Municipality, club_id: UUID | None, claim_id: UUID, actor: Actor
) -> OwnClaim:
    """A claim: one of the club where one is named, else any, without the name."""
    if club_id is not None:
        return own_claim(session, municipality, club_id, claim_id, actor)
    rows = _rows(session, municipality, Wanted(), 1, None, claim_id)
    if not rows:
        raise NotFound("There is no such claim.")
    record(session, municipality.id, actor, "claims.read", ("claim", claim_id))
    return msgspec.convert(rows[0] | {"given_name": None}, OwnClaim)


def own_reservations(
    session: Session,
    municipality: Municipality,
    club_id: UUID,
    limit: int,
    after: UUID | None,
    actor: Actor,
    *,
    held: bool,
) -> list[OwnReservation]:
    """A club's reservations, the newest first, one more than `limit` where there are more; with `held` those that hold.

    A name is left out once the reservation has ended and the days for questions are over. The read is in the trail.
    """
    conditions = ["club_id = :club"] + ["state = 'held'"] * held + ["id < :after"] * (after is not None)
    rows = session.execute(
        text(f"{_RESERVATIONS} WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit"),
        {"club": club_id, "after": after, "limit": limit + 1, "hidden": _hidden_before(session)},
    ).all()
    details = {"rows": min(len(rows), limit)}
    record(session, municipality.id, actor, "claims.reservations.list", ("organisation", club_id), details=details)
    return [msgspec.convert(row, OwnReservation, from_attributes=True) for row in rows]


def own_reservation(session: Session, club_id: UUID, reservation_id: UUID) -> OwnReservation:
    """One of a club's reservations, while it holds something."""
    row = session.execute(
        text(f"{_RESERVATIONS} WHERE id = :id AND club_id = :club AND state = 'held'"),
        {"id": reservation_id, "club": club_id, "hidden": _hidden_before(session)},
    ).one_or_none()
    if row is None:
        raise NotFound("The club has no such reservation.")
    return msgspec.convert(row, OwnReservation, from_attributes=True)


class Offer(msgspec.Struct, frozen=True):
    """Something that a club offers, with its season and the full fee in øre."""

    name: str
    season_start: date
    season_end: date
    fee_ore: int


def offers(session: Session, club_id: UUID) -> list[Offer]:
    """What a club offers now."""
    rows = session.execute(
        text(
            """SELECT name, season_start, season_end, fee_ore FROM club_activity
            WHERE club_id = :club AND ended_at IS NULL ORDER BY name COLLATE "C", season_start"""
        ),
        {"club": club_id},
    )
    return [msgspec.convert(row, Offer, from_attributes=True) for row in rows]


def staff_claims(
    session: Session, municipality: Municipality, wanted: Wanted, limit: int, after: UUID | None, *, oldest: bool
) -> list[StaffClaim]:
    """The claims that are wanted, one more than `limit` where there are more; the oldest first for a queue."""
    rows = _rows(session, municipality, wanted, limit + 1, after, oldest=oldest)
    return [msgspec.convert(row | {"given_name": None}, StaffClaim) for row in rows]


def own_days(session: Session, club_id: UUID | None = None) -> tuple[float | None, int]:
    """How many days from claim to decision on average over the last year, and of how many claims."""
    row = session.execute(
        text(
            """SELECT avg(extract(epoch FROM decided_at - submitted_at) / 86400)::float8 AS days, count(*) AS claims
            FROM claim WHERE decided_at IS NOT NULL AND submitted_at > :since
                AND (CAST(:club AS uuid) IS NULL OR club_id = :club)"""
        ),
        {"club": club_id, "since": clock.now() - timedelta(days=365)},
    ).one()
    return row.days, row.claims


def _rows(
    session: Session,
    municipality: Municipality,
    wanted: Wanted,
    limit: int,
    after: UUID | None,
    claim_id: UUID | None = None,
    *,
    oldest: bool = False,
) -> list[dict[str, Any]]:
    """Claims with the club they are of; a name is left out once the days for questions are over."""
    values = msgspec.to_builtins(wanted) | {
        "limit": limit,
        "after": after,
        "id": claim_id,
        "zone": municipality.time_zone,
    }
    values |= {"hidden": _hidden_before(session), "states": wanted.state.split(",") if wanted.state else None}
    values["ids"] = None if wanted.ids is None else list(wanted.ids)
    conditions = [sql for name, sql in _FILTERS.items() if values.get(name) is not None]
    if after is not None:
        conditions.append("c.id > :after" if oldest else "c.id < :after")
    where = " AND ".join(conditions) or "true"
    order = "ASC" if oldest else "DESC"
    found = session.execute(text(f"{_CLAIMS} WHERE {where} ORDER BY c.id {order} LIMIT :limit"), values)
    return [dict(row._mapping) for row in found]


def _hidden_before(session: Session) -> datetime:
    """Of what was over by then the names are not shown any more."""
    return clock.now() - timedelta(days=terms.habits(session).names_days)


_RESERVATIONS = """
    SELECT id, CASE WHEN given_name = '' OR ended_at < :hidden THEN NULL ELSE given_name END AS given_name,
        activity, fee_ore, reserved_ore, state, until, made_at
    FROM reservation
"""

_FILTERS = {
    "id": "c.id = :id",
    "states": "c.state = ANY (:states)",
    "reference": "c.reference = :reference",
    "club_id": "c.club_id = CAST(:club_id AS uuid)",
    "pass_id": "c.pass_id = CAST(:pass_id AS uuid)",
    "since": "(c.submitted_at AT TIME ZONE :zone)::date >= CAST(:since AS date)",
    "until": "(c.submitted_at AT TIME ZONE :zone)::date <= CAST(:until AS date)",
    "reason": "CAST(:reason AS text) = ANY (c.reasons)",
    "year": "c.year = :year",
    "ids": "c.id = ANY (CAST(:ids AS uuid[]))",
}

_CLAIMS = """
    SELECT c.id, CASE WHEN c.given_name = ''
            OR c.state IN ('paid', 'rejected', 'withdrawn') AND coalesce(c.paid_at, c.ended_at) < :hidden
        THEN NULL ELSE c.given_name END AS given_name,
        c.kind, c.activity, c.season_start, c.season_end, c.sessions, c.fee_ore, c.covered_ore,
        c.fee_ore - c.covered_ore AS family_share_ore, c.family_share_paid_by, c.reference, c.state, c.reasons, c.note,
        c.submitted_at, c.decided_at,
        CASE WHEN c.decided_at IS NOT NULL THEN (c.decided_at AT TIME ZONE :zone)::date
            - (c.submitted_at AT TIME ZONE :zone)::date END AS days_to_decision,
        c.expected_payment_date, c.paid_at, c.club_id, b.name AS club_name, b.number AS club_number
    FROM claim c JOIN club b ON b.id = c.club_id
"""
