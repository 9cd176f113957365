"""Reservations: an amount of a pass is held for a club until a day, so that the family need not pay first."""

from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.claims import ledger, rules
from service.claims.desk import TOLD, TRAIL, Desk, act, count_miss, read, require_pass
from service.claims.ledger import Entry
from service.claims.rules import Asked, Terms
from service.claims.words import REASONS, RESERVATION_STATES
from service.database.direct import fetch_one
from service.errors import N_, Conflict, FieldError, Invalid, NotFound, Text
from service.identity.actions import Municipality
from service.values import clock


class MadeReservation(msgspec.Struct, frozen=True):
    """A reservation that holds `reserved_ore` through the day `until`."""

    id: UUID
    fee_ore: int
    reserved_ore: int
    family_share_ore: int
    until: date


def reserve(desk: Desk, pass_number: str, given_name: str, fee_ore: int, activity: str) -> MadeReservation:
    """Hold what the pass pays of a fee until the scheme's deadline. Refused where it would pay nothing."""
    today = desk.today
    asked = Asked("membership", fee_ore, today, today, None, today)
    facts = require_pass(desk, read(desk, asked, pass_number, given_name, activity=activity))
    terms = facts.terms or Terms()
    decision = rules.decide(facts, asked)
    if decision.state == "rejected" or facts.pass_id is None:
        raise Conflict("The pass does not pay for this: {reason}", reason=Text(REASONS[decision.reasons[0]]))
    if "name_differs" in decision.reasons:
        count_miss(desk)
        raise Invalid(
            "Some fields are wrong.",
            [FieldError("given_name", N_("is not the name on this pass: compare it with the pass"))],
        )
    if "budget_stopped" in decision.reasons:
        raise Conflict("The municipality cannot promise more money now. Claim as usual; it decides then.")
    until = today + timedelta(days=terms.reservation_days)
    covered = decision.covered_ore
    values = {
        "club": desk.club_id,
        "pass": facts.pass_id,
        "scheme": facts.scheme_id,
        "year": today.year,
        "name": given_name,
        "activity": activity,
        "fee": fee_ore,
        "reserved": covered,
        "until": until,
        **act(desk, {}),
        **ledger.values_of(
            desk.municipality.id, "membership", [Entry(facts.pass_id, "reserve", -covered, "reservation")], clock.now()
        ),
    }
    [made] = fetch_one(desk.session, _RESERVE, values)
    return MadeReservation(made, fee_ore, covered, fee_ore - covered, until)


def release_reservation(desk: Desk, reservation_id: UUID) -> None:
    """Give back what was reserved: the club does not claim it."""
    row = desk.session.execute(text(_RESERVATION), {"id": reservation_id, "club": desk.club_id}).one_or_none()
    if row is None:
        raise NotFound("The club has no such reservation.")
    entries = ledger.given_back(desk.session, row.pass_id, "release", row.reserved_ore, "reservation")
    at = clock.now()
    ended = desk.session.execute(text(_END_RESERVATION), {"id": reservation_id, "state": "released", "at": at}).scalar()
    if ended is None:
        raise Conflict("The reservation is {state} already.", state=Text(RESERVATION_STATES[row.state]))
    ledger.enter(desk.session, desk.municipality.id, row.fund, entries, at, reservation_id=reservation_id)
    subject = ("reservation", reservation_id)
    record(desk.session, desk.municipality.id, desk.actor, "claims.reservation.release", subject)


def expire_reservations(session: Session, municipality: Municipality, today: date, actor: Actor) -> int:
    """Give back what reservations held whose last day is over; returns how many."""
    expired = 0
    for row in session.execute(text(_DUE), {"today": today}).all():
        entries = ledger.given_back(session, row.pass_id, "release", row.reserved_ore, "reservation")
        values = {"id": row.id, "state": "expired", "at": clock.now()}
        # It may have been claimed or given back while its pass was waited for.
        if session.execute(text(_END_RESERVATION), values).scalar() is not None:
            ledger.enter(session, municipality.id, row.fund, entries, clock.now(), reservation_id=row.id)
            record(session, municipality.id, actor, "claims.reservation.expire", ("reservation", row.id))
            expired += 1
    return expired


_RESERVE = f"""
    WITH made AS (
        INSERT INTO reservation (tenant_id, club_id, pass_id, scheme_id, year, fund, given_name, activity, fee_ore,
            reserved_ore, state, until, made_at, made_by)
        VALUES (%(tenant)s, %(club)s, %(pass)s, %(scheme)s, %(year)s, %(fund)s, %(name)s, %(activity)s, %(fee)s,
            %(reserved)s, 'held', %(until)s, %(at)s, %(account)s)
        RETURNING id
    ), entered AS ({ledger.ENTERED.format(claim="NULL::uuid", reservation="(SELECT id FROM made)")}),
    told AS (INSERT INTO audit_entry {TRAIL} SELECT {TOLD}, 'claims.reserve', 'reservation' FROM made)
    SELECT id FROM made
"""

_RESERVATION = "SELECT pass_id, fund, state, reserved_ore FROM reservation WHERE id = :id AND club_id = :club"
_END_RESERVATION = """UPDATE reservation SET state = :state, ended_at = :at WHERE id = :id AND state = 'held'
    RETURNING id"""
_DUE = """SELECT id, pass_id, fund, reserved_ore FROM reservation WHERE state = 'held' AND until < :today
    ORDER BY pass_id, id"""
