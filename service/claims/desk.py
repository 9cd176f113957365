"""A club's desk: who sits there, what is known of a pass that is shown, and what is refused before it is asked."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor
from service.claims.rules import Asked, Facts
from service.database.direct import fetch_one
from service.database.engine import Database
from service.database.requests import database_of, keys_of
from service.errors import N_, Conflict, FieldError, Forbidden, Invalid, Unreadable
from service.identity import throttle
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.actions import Municipality
from service.values import clock, pass_numbers
from service.values.secrecy import KeyRing


class Desk(msgspec.Struct, frozen=True):
    """A club's desk: the transaction, for which club and municipality, and who sits there."""

    database: Database
    session: Session
    municipality: Municipality
    club_id: UUID
    keys: KeyRing
    actor: Actor

    @property
    def today(self) -> date:
        return clock.today(self.municipality.time_zone)


def desk_of(request: AnyRequest, session: Session) -> Desk:
    """The desk of the club for which whoever asks acts."""
    return Desk(
        database_of(request), session, municipality_of(request), club_of(request), keys_of(request), actor_of(request)
    )


def club_of(request: AnyRequest) -> UUID:
    """The club for which whoever asks acts; refuses everybody else."""
    club_id = own_club(request)
    if club_id is None:
        raise not_a_club()
    return club_id


def own_club(request: AnyRequest) -> UUID | None:
    """The club for which whoever asks acts; None where it is the municipality itself."""
    place = principal_of(request).place
    return place.organisation_id if place is not None and place.organisation_kind == "club" else None


def not_a_club() -> Forbidden:
    return Forbidden("This is done for a club. Choose one under your name first.")


def read(
    desk: Desk,
    asked: Asked,
    pass_number: str,
    given_name: str,
    activity: str = "",
    reservation: UUID | None = None,
    reference: str | None = None,
    lock: bool = True,
) -> Facts:
    """Read what a claim is decided by, with the lock on the pass unless `lock` is False.

    Refuses a club that may not claim now, and one that has missed too often.
    """
    try:
        canonical = pass_numbers.parse(pass_number)
    except Unreadable:
        # The same way is gone for a mistyped number: it takes as long, and is answered alike.
        canonical = ""
    [found] = fetch_one(
        desk.session,
        _READ,
        {
            "club": desk.club_id,
            "hash": desk.keys.lookup_hash("pass", canonical),
            "fund": asked.fund,
            "name": given_name,
            "activity": activity,
            "start": asked.season_start,
            "end": asked.season_end,
            "reservation": reservation,
            "reference": reference,
            "misses": throttle.key_of(str(desk.club_id)),
            "at": clock.now(),
            "lock": lock,
        },
    )
    facts = msgspec.json.decode(found, type=Facts)
    if facts.misses >= throttle.PASS_NUMBERS.times:
        raise throttle.TooMany(int(throttle.PASS_NUMBERS.span.total_seconds()))
    _require_open(facts)
    return facts


def require_open(desk: Desk) -> None:
    """Refuse a club that may not claim now, before anything is asked of a pass."""
    row = desk.session.execute(
        text("SELECT state, agreement_accepted_at IS NOT NULL AS agreed FROM club WHERE id = :club"),
        {"club": desk.club_id},
    ).one_or_none()
    state, agreed = (row.state, row.agreed) if row else (None, False)
    _require_open(Facts(agreed=agreed, misses=0, club_state=state))


def _require_open(facts: Facts) -> None:
    if facts.club_state is None:
        raise not_a_club()
    if facts.club_state != "approved":
        raise Conflict("The club cannot claim now: the municipality has suspended it. What it is owed is kept for it.")
    if not facts.agreed:
        raise Conflict("Accept the municipality's agreement first, on the club's page.")


def require_pass(desk: Desk, facts: Facts) -> Facts:
    """Refuse a number that leads nowhere, counting the miss."""
    if not facts.known:
        count_miss(desk)
        raise Invalid(
            "Some fields are wrong.",
            [FieldError("pass_number", N_("is no pass that can be used: compare it with the pass"))],
        )
    return facts


def count_miss(desk: Desk) -> None:
    """Count a number that is no pass or a name that is not the child's; refuses where it is one too many."""
    throttle.count(desk.database, throttle.PASS_NUMBERS, str(desk.club_id))


def act(desk: Desk, details: dict[str, Any]) -> dict[str, Any]:
    """The bind parameters of `TOLD`: the trail's entry is written in the statement that makes what it tells of."""
    with_token = {"token": str(desk.actor.token_id)} if desk.actor.token_id else {}
    return {
        "account": desk.actor.account_id,
        "door": desk.actor.door,
        "details": msgspec.json.encode(with_token | details).decode(),
    }


_READ = """SELECT jsonb_strip_nulls(read_for_claim(%(club)s, %(hash)s, %(fund)s, %(name)s, %(activity)s, %(start)s,
    %(end)s, %(reservation)s, %(reference)s, %(misses)s, %(at)s, %(lock)s))::text"""


TRAIL = "(tenant_id, at, account_id, door, details, subject_id, action, subject_kind)"
TOLD = "%(tenant)s::uuid, %(at)s, %(account)s::uuid, %(door)s, %(details)s::jsonb, made.id"
"""What an entry in the trail says of what `made` has made: its columns, and all values but the last two; see `act`."""
