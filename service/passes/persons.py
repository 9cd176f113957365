"""A person with all that the municipality holds of them: register, determinations, passes and letters."""

from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import FieldError, Invalid
from service.identity.actions import Municipality
from service.register import persons as register
from service.register.persons import Address, Item, Person, PersonIncome
from service.values import clock
from service.values.secrecy import KeyRing, TenantSecrets

SHORTEST_REASON = 10
Row = TypeVar("Row", bound=msgspec.Struct)


class Determined(msgspec.Struct, frozen=True):
    """What was determined for the person; where `ended_at` is set it counts no more."""

    id: UUID
    scheme: str
    period_start: date
    period_end: date
    on: date
    outcome: str
    reason: str
    ended_at: datetime | None


class Held(msgspec.Struct, frozen=True):
    """A pass of the person in øre, its number by the last characters alone; `state` may be `expired`."""

    id: UUID
    number_ending: str
    scheme: str
    valid_from: date
    valid_to: date
    amount_ore: int
    remaining_ore: int
    state: str


class Sent(msgspec.Struct, frozen=True):
    """A letter about a pass of the person."""

    id: UUID
    number: str
    kind: str
    state: str
    queued_at: datetime
    returned_at: datetime | None


class Case(msgspec.Struct, frozen=True):
    """All of it, the newest first; None is what whoever asks may not see."""

    person: Person
    determinations: list[Determined]
    passes: list[Held] | None
    letters: list[Sent] | None


class Shown(msgspec.Struct, frozen=True):
    """What was asked for with a reason; what was not is None."""

    item: Item
    identity_number: str | None = None
    addresses: list[Address] | None = None
    incomes: list[PersonIncome] | None = None


_DETERMINED = """
    SELECT d.id, s.name AS scheme, d.period_start, r.period_end, r.on_date AS on, d.outcome, d.reason, d.ended_at
    FROM determination d JOIN scheme s ON s.id = d.scheme_id JOIN refresh_run r ON r.id = d.run_id
    WHERE d.person_id = :person ORDER BY d.id DESC
"""
_HELD = """
    SELECT p.id, p.number_cipher, s.name AS scheme, p.valid_from, p.valid_to, p.amount_ore, p.remaining_ore,
        CASE WHEN p.state = 'live' AND p.valid_to < :today THEN 'expired' ELSE p.state END AS state
    FROM leisure_pass p JOIN scheme s ON s.id = p.scheme_id WHERE p.person_id = :person ORDER BY p.id DESC
"""
_NUMBER_ENDING = 4
_SENT = """
    SELECT l.id, l.number, l.kind, l.state, l.queued_at, l.returned_at FROM letter l
    WHERE l.id IN (
        SELECT c.letter_id FROM pass_letter c JOIN leisure_pass p ON p.id = c.pass_id WHERE p.person_id = :person
        UNION SELECT letter_id FROM ended_notice WHERE person_id = :person
        UNION SELECT letter_id FROM review_decision WHERE person_id = :person AND letter_id IS NOT NULL)
    ORDER BY l.id DESC
"""


def find_person(session: Session, municipality: Municipality, keys: KeyRing, identity_number: str) -> UUID:
    """The person with this identity number."""
    return register.person_with(session, municipality.country, keys.for_tenant(municipality.id), identity_number)


def read_person(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    person_key: UUID,
    actor: Actor,
    *,
    with_passes: bool = True,
    with_letters: bool = True,
) -> Case:
    """A person and their case, masked; the read is noted in the trail."""
    secrets, of = keys.for_tenant(municipality.id), {"person": person_key}
    found = Case(
        person=register.person_by_id(session, secrets, person_key),
        determinations=_rows(session, _DETERMINED, of, Determined),
        passes=_passes(session, municipality, secrets, person_key) if with_passes else None,
        letters=_rows(session, _SENT, of, Sent) if with_letters else None,
    )
    record(session, municipality.id, actor, "register.person.read", ("person", person_key))
    return found


def _rows(session: Session, query: str, values: dict[str, Any], struct: type[Row]) -> list[Row]:
    return [msgspec.convert(row, struct, from_attributes=True) for row in session.execute(text(query), values)]


def _passes(session: Session, municipality: Municipality, secrets: TenantSecrets, person_key: UUID) -> list[Held]:
    rows = session.execute(text(_HELD), {"person": person_key, "today": clock.today(municipality.time_zone)})
    return [
        msgspec.convert(
            {**row._mapping, "number_ending": secrets.decrypt(bytes(row.number_cipher))[-_NUMBER_ENDING:]}, Held
        )
        for row in rows
    ]


def unmask(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    person_key: UUID,
    item: Item,
    reason: str,
    actor: Actor,
) -> Shown:
    """What is protected of a person, for a reason; item and reason are noted in the trail.

    The note belongs to the transaction that reads what is shown, and the answer leaves after its commit: what cannot be
    noted is not shown, and what could not be shown is not noted.
    """
    because = reason.strip()
    if len(because) < SHORTEST_REASON:
        wrong = FieldError("reason", "must say why in at least {least} characters", {"least": SHORTEST_REASON})
        raise Invalid("A reason is needed; it is kept in the audit trail.", [wrong])
    secrets = keys.for_tenant(municipality.id)
    # Refuses where the person is another municipality's.
    register.person_by_id(session, secrets, person_key)
    shown = _shown(session, secrets, person_key, item)
    subject, details = ("person", person_key), {"item": item}
    record(session, municipality.id, actor, "register.person.unmask", subject, reason=because, details=details)
    return shown


def _shown(session: Session, secrets: TenantSecrets, person_key: UUID, item: Item) -> Shown:
    if item == "identity_number":
        return Shown(item, identity_number=register.identity_number_of(session, secrets, person_key))
    if item == "address":
        return Shown(item, addresses=register.addresses_of(session, person_key))
    return Shown(item, incomes=register.incomes_of(session, person_key))
