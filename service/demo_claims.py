"""The demo's club claims fees from passes, and the municipality is about to pay them."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import COMMAND, Actor
from service.claims import budget
from service.claims.actions import NewClaim, submit_claim
from service.claims.desk import Desk
from service.claims.reservations import reserve
from service.database.engine import Database
from service.eligibility.parameters import SCHEME
from service.identity.actions import Municipality
from service.payments.runs import create_run
from service.payments.settings import set_settings
from service.values import clock
from service.values.secrecy import KeyRing

_CHILDREN, _WAITING, _RESERVED = 60, 5, 3
_APPROPRIATION_SHARE = 60
_SETTINGS: dict[str, Any] = {
    "name": "Medby Kommune",
    "account": "DK2930000001234567",
    "organisation_number": "37000035",
    "expense_account": "5512000",
    "bank_account": "9100000",
}


class Claimed(msgspec.Struct, frozen=True):
    """What came of it: claims by state, reservations, and the payments of the run that waits; none on a later run."""

    approved: int
    waiting: int
    reservations: int
    payments: int
    total_ore: int


def claim_and_pay(database: Database, municipality: Municipality, keys: KeyRing) -> Claimed | None:
    """Claim for some children, leave some of it to case workers, and make the run that pays the rest; once."""
    with database.transaction(municipality.id) as session:
        if session.execute(text("SELECT 1 FROM claim LIMIT 1")).one_or_none():
            return None
        children = _children(session, municipality, keys)
        club_id: UUID = session.execute(
            text("SELECT id FROM club WHERE state = 'approved' ORDER BY id LIMIT 1")
        ).scalar_one()
        _set_budget(session, municipality, sum(fee_ore for *_, fee_ore in children))
        set_settings(session, municipality, _SETTINGS, COMMAND)
    counts = {"approved": 0, "submitted": 0, "rejected": 0}
    today = clock.today(municipality.time_zone)
    for number, (pass_number, given_name, activity, fee_ore) in enumerate(children[:-_RESERVED]):
        # A few names are written as somebody heard them.
        written = "Barnet" if number < _WAITING else given_name
        new = NewClaim(
            pass_number=pass_number,
            given_name=written,
            fee_ore=fee_ore,
            activity=activity,
            season_start=date(today.year, 1, 1),
            season_end=date(today.year, 6, 30),
            reference=f"{today.year}-{number + 1:03}",
        )
        with database.transaction(municipality.id) as session:
            counts[submit_claim(_desk(database, session, municipality, club_id, keys), new).state] += 1
    for pass_number, given_name, activity, fee_ore in children[-_RESERVED:]:
        with database.transaction(municipality.id) as session:
            reserve(_desk(database, session, municipality, club_id, keys), pass_number, given_name, fee_ore, activity)
    with database.transaction(municipality.id) as session:
        run = create_run(session, municipality, today, COMMAND)
    return Claimed(counts["approved"], counts["submitted"], _RESERVED, run.payments, run.total_ore)


def _desk(database: Database, session: Session, municipality: Municipality, club_id: UUID, keys: KeyRing) -> Desk:
    return Desk(database, session, municipality, club_id, keys, Actor(door="api"))


def _children(session: Session, municipality: Municipality, keys: KeyRing) -> list[tuple[str, str, str, int]]:
    """Pass number, given name, activity and its fee, of children whom the club has something for."""
    rows = session.execute(text(_PASSES), {"year": clock.today(municipality.time_zone).year, "most": _CHILDREN})
    secrets = keys.for_tenant(municipality.id)
    return [(secrets.decrypt(bytes(row.number_cipher)), row.given_name, row.activity, row.fee_ore) for row in rows]


def _set_budget(session: Session, municipality: Municipality, claimed_ore: int) -> None:
    """A part of what the passes are worth, and in a small town at least what the club will claim."""
    worth: int = session.execute(
        text("SELECT coalesce(sum(amount_ore), 0)::bigint FROM leisure_pass WHERE state = 'live'")
    ).scalar_one()
    year = clock.today(municipality.time_zone).year
    ore = max(worth * _APPROPRIATION_SHARE // 100, claimed_ore)
    budget.set_budget(session, municipality, SCHEME, year, ore, 80, True, "Byrådets budget", COMMAND)


_PASSES = """
    SELECT DISTINCT ON (p.id) p.number_cipher, c.given_name, a.name AS activity, a.fee_ore
    FROM leisure_pass p JOIN person c ON c.id = p.person_id
    JOIN club_activity a ON a.ended_at IS NULL
        AND :year - extract(year FROM c.birth_date) BETWEEN a.min_age AND a.max_age
    WHERE p.state = 'live' ORDER BY p.id, a.name DESC LIMIT :most
"""
