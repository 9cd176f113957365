"""A household with all that the municipality holds of it: members, who follows it, and its timeline."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import FieldError, Invalid, NotFound
from service.identity.actions import Municipality
from service.passes.persons import SHORTEST_REASON
from service.passes.timeline import KINDS, Event, Kind, Place, read_timeline
from service.register.persons import Address, PersonIncome
from service.values import clock, identity_numbers
from service.values.secrecy import KeyRing, TenantSecrets

Hidden = Literal["address", "figures"]
"""What is shown of a household only with a reason."""


class Resident(msgspec.Struct, frozen=True):
    """Somebody of the household, the number masked; `relation` is `provider`, `child` or `other`.

    `age` in whole years today; None of one who was anonymised, whose names and number are empty as well.
    """

    person_key: UUID
    given_name: str
    family_name: str
    birth_date: date
    age: int | None
    relation: str
    masked_number: str
    has_pass: bool | None
    anonymised_at: datetime | None


class Contact(msgspec.Struct, frozen=True):
    """Who in the municipality follows the household. `until`: the last day, if there is one."""

    name: str
    phone: str
    email: str
    until: date | None
    set_at: datetime
    set_by: UUID | None


class HouseholdCase(msgspec.Struct, frozen=True):
    """A household and its case.

    `addresses` are empty where one is `protected`: of anybody in it, or of another home of theirs. `residents` of a
    household that has `ended_at` are those who lived there last.
    """

    id: UUID
    household_id: str
    uncertain: bool
    ended_at: datetime | None
    anonymised_at: datetime | None
    protected: bool
    addresses: list[Address]
    residents: list[Resident]
    contact: Contact | None
    events: list[Event]


class Figure(msgspec.Struct, frozen=True):
    """The income of the household and its limit in a determination, in øre; None where none was known or is left."""

    given_name: str
    scheme: str
    period_start: date
    outcome: str
    income_ore: int | None
    limit_ore: int | None
    ended_at: datetime | None


class ShownOfHousehold(msgspec.Struct, frozen=True):
    """What was asked for with a reason; what was not is None."""

    item: Hidden
    addresses: list[Address] | None = None
    figures: list[Figure] | None = None
    incomes: list[PersonIncome] | None = None


_HOUSEHOLD = "SELECT id, reference, uncertain, ended_at, anonymised_at FROM household WHERE id = :household"
# Of a household that is no more those who lived there last; who moved out of one that stands is another family's.
_RESIDENTS = """
    WITH living AS (
        SELECT person_id, relation FROM household_member WHERE household_id = :household
        UNION ALL SELECT person_id, relation FROM (
            SELECT DISTINCT ON (person_id) person_id, relation FROM household_member_past
            WHERE household_id = :household ORDER BY person_id, ended_at DESC, id DESC) AS past
        WHERE NOT EXISTS (SELECT FROM household_member WHERE household_id = :household)
    )
    SELECT p.id AS person_key, p.given_name, p.family_name, p.birth_date, p.identity_cipher, p.anonymised_at,
        extract(year FROM age(CAST(:today AS date), p.birth_date))::int AS age, l.relation,
        EXISTS (SELECT FROM leisure_pass s
            WHERE s.person_id = p.id AND s.state = 'live' AND s.valid_to >= :today) AS has_pass
    FROM living l JOIN person p ON p.id = l.person_id
    ORDER BY array_position(ARRAY['provider', 'child', 'other'], l.relation), p.birth_date, p.id
"""
_PROTECTED = """
    SELECT EXISTS (SELECT FROM household_member m JOIN household_member own ON own.person_id = m.person_id
        JOIN household_member o ON o.household_id = own.household_id
        WHERE m.household_id = :household AND o.address_protected)
"""
_ADDRESSES = """
    SELECT DISTINCT street, postcode, city, district FROM household_member WHERE household_id = :household
    ORDER BY postcode, street, city, district
"""
_CONTACT = "SELECT name, phone, email, until, set_at, set_by FROM household_contact WHERE household_id = :household"
_FIGURES = """
    SELECT p.given_name, s.name AS scheme, d.period_start, d.outcome, d.income_ore, d.limit_ore, d.ended_at
    FROM determination d JOIN person p ON p.id = d.person_id JOIN scheme s ON s.id = d.scheme_id
    WHERE d.person_id = ANY (:persons) ORDER BY d.period_start DESC, d.id DESC
"""
_INCOMES = """
    SELECT p.id AS person_key, p.given_name, i.year, i.basis, i.amount_ore
    FROM household_member m JOIN person p ON p.id = m.person_id JOIN income i ON i.identity_hash = p.identity_hash
    WHERE m.household_id = :household AND m.relation = 'provider'
    ORDER BY i.year DESC, p.birth_date, p.id, i.basis
"""


def read_household(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    household: UUID,
    actor: Actor,
    *,
    kinds: Collection[Kind] = KINDS,
    limit: int,
    after: Place | None = None,
    with_passes: bool = True,
) -> HouseholdCase:
    """A household and its case, masked, with one event more than `limit` if there are; the read is in the trail."""
    row = _household(session, household)
    residents = _residents(session, municipality, keys.for_tenant(municipality.id), household, with_passes=with_passes)
    protected = is_protected(session, household)
    persons = [one.person_key for one in residents]
    record(session, municipality.id, actor, "households.read", ("household", household))
    return HouseholdCase(
        id=row.id,
        household_id=row.reference,
        uncertain=row.uncertain,
        ended_at=row.ended_at,
        anonymised_at=row.anonymised_at,
        protected=protected,
        addresses=[] if protected else _addresses(session, household),
        residents=residents,
        contact=contact_of(session, household),
        events=read_timeline(session, household, persons, kinds, limit, after),
    )


def _household(session: Session, household: UUID) -> Any:
    row = session.execute(text(_HOUSEHOLD), {"household": household}).one_or_none()
    if row is None:
        raise NotFound("There is no such household in the register.")
    return row


def _residents(
    session: Session, municipality: Municipality, secrets: TenantSecrets, household: UUID, *, with_passes: bool
) -> list[Resident]:
    values = {"household": household, "today": clock.today(municipality.time_zone)}
    return [
        msgspec.convert(
            {
                **row._mapping,
                "masked_number": _masked(secrets, bytes(row.identity_cipher)),
                "age": None if row.anonymised_at else row.age,
                "has_pass": row.has_pass if with_passes else None,
            },
            Resident,
        )
        for row in session.execute(text(_RESIDENTS), values)
    ]


def _masked(secrets: TenantSecrets, cipher: bytes) -> str:
    return identity_numbers.mask(secrets.decrypt(cipher)) if cipher else ""


def _addresses(session: Session, household: UUID) -> list[Address]:
    rows = session.execute(text(_ADDRESSES), {"household": household})
    return [msgspec.convert(row, Address, from_attributes=True) for row in rows]


def is_protected(session: Session, household: UUID) -> bool:
    """Whether the address of anybody in it is protected, here or in another home of theirs."""
    return bool(session.execute(text(_PROTECTED), {"household": household}).scalar_one())


def contact_of(session: Session, household: UUID) -> Contact | None:
    """Who follows a household, if anybody does."""
    row = session.execute(text(_CONTACT), {"household": household}).one_or_none()
    return None if row is None else msgspec.convert(row, Contact, from_attributes=True)


def reference_of(session: Session, household: UUID) -> str:
    """How the register names a household; refused where there is none."""
    return str(_household(session, household).reference)


def unmask_household(
    session: Session, municipality: Municipality, household: UUID, item: Hidden, reason: str, actor: Actor
) -> ShownOfHousehold:
    """What is protected of a household, for a reason; item and reason are noted in the trail with what is read."""
    because = reason.strip()
    if len(because) < SHORTEST_REASON:
        wrong = FieldError("reason", "must say why in at least {least} characters", {"least": SHORTEST_REASON})
        raise Invalid("A reason is needed; it is kept in the audit trail.", [wrong])
    _household(session, household)
    shown = _unmasked(session, municipality, household, item)
    subject, details = ("household", household), {"item": item}
    record(session, municipality.id, actor, "households.unmask", subject, reason=because, details=details)
    return shown


def _unmasked(session: Session, municipality: Municipality, household: UUID, item: Hidden) -> ShownOfHousehold:
    if item == "address":
        return ShownOfHousehold(item, addresses=_addresses(session, household))
    values = {"household": household, "today": clock.today(municipality.time_zone)}
    persons = [row.person_key for row in session.execute(text(_RESIDENTS), values)]
    figures = session.execute(text(_FIGURES), {"persons": persons})
    incomes = session.execute(text(_INCOMES), {"household": household})
    return ShownOfHousehold(
        item,
        figures=[msgspec.convert(row, Figure, from_attributes=True) for row in figures],
        incomes=[msgspec.convert(row, PersonIncome, from_attributes=True) for row in incomes],
    )
