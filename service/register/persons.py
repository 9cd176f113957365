"""What the register says of one person. Whoever shows it logs the read."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.errors import Conflict, FieldError, Invalid, NotFound
from service.values import identity_numbers
from service.values.identity_numbers import Country
from service.values.secrecy import TenantSecrets

Item = Literal["identity_number", "address", "incomes"]
"""What is shown of a person only with a reason."""


class Address(msgspec.Struct, frozen=True):
    """Where a household lives, as the register says it."""

    street: str
    postcode: str
    city: str
    district: str


class Member(msgspec.Struct, frozen=True):
    """Somebody in a household; `relation` is `provider`, `child` or `other`."""

    person_key: UUID
    given_name: str
    family_name: str
    birth_date: date
    relation: str


class Home(msgspec.Struct, frozen=True):
    """A household in which the person stands, with everybody in it.

    `address` is that of the person there, None where it is `protected`: where anybody's in the household is, or one of
    the person's own in another household.
    """

    household: UUID
    household_id: str
    protected: bool
    address: Address | None
    members: list[Member]


class Person(msgspec.Struct, frozen=True):
    """A person with the identity number masked to its last two digits.

    Of one who was anonymised names and number are empty and of the birth date the year is left.
    """

    person_key: UUID
    masked_number: str
    given_name: str
    family_name: str
    birth_date: date
    language: str
    ended_at: datetime | None
    anonymised_at: datetime | None
    homes: list[Home]


class PersonIncome(msgspec.Struct, frozen=True):
    """An income of the person, or of a provider they live with, for a whole year on one basis."""

    person_key: UUID
    given_name: str
    year: int
    basis: str
    amount_ore: int


def person_with(session: Session, country: str, secrets: TenantSecrets, identity_number: str) -> UUID:
    """The person with this identity number, found by its keyed hash; a wrong and an unknown one are refused.

    No refusal holds the number.
    """
    try:
        number = identity_numbers.parse(identity_number, Country(country)).number
    except ValueError:
        wrong = FieldError("identity_number", "is no identity number: are digits missing or mistyped?")
        raise Invalid("This is no identity number.", [wrong]) from None
    found: UUID | None = session.execute(
        text("SELECT id FROM person WHERE identity_hash = :hash"), {"hash": secrets.hash(number)}
    ).scalar()
    if found is None:
        raise NotFound("Nobody in the register has this identity number.")
    return found


def person_by_id(session: Session, secrets: TenantSecrets, person_key: UUID) -> Person:
    """A person of the tenant that is acted for, masked."""
    row = session.execute(text("SELECT * FROM person WHERE id = :id"), {"id": person_key}).one_or_none()
    if row is None:
        raise NotFound("There is no such person in the register.")
    cipher = bytes(row.identity_cipher)
    return Person(
        person_key=row.id,
        masked_number=identity_numbers.mask(secrets.decrypt(cipher)) if cipher else "",
        given_name=row.given_name,
        family_name=row.family_name,
        birth_date=row.birth_date,
        language=row.language,
        ended_at=row.ended_at,
        anonymised_at=row.anonymised_at,
        homes=_homes(session, person_key),
    )


# Who lives with somebody whose address is protected lives at that address; and where one of two homes is protected,
# the other may lead there.
_HOMES = """
    SELECT m.household_id AS household, h.reference AS household_id, m.street, m.postcode, m.city, m.district,
        EXISTS (SELECT FROM household_member own JOIN household_member o USING (household_id)
            WHERE own.person_id = m.person_id AND o.address_protected) AS protected
    FROM household_member m JOIN household h ON h.id = m.household_id
    WHERE m.person_id = :person ORDER BY h.reference COLLATE "C"
"""


def _homes(session: Session, person_key: UUID) -> list[Home]:
    return [
        Home(
            household=row.household,
            household_id=row.household_id,
            protected=row.protected,
            address=None if row.protected else msgspec.convert(row, Address, from_attributes=True),
            members=_members(session, row.household),
        )
        for row in session.execute(text(_HOMES), {"person": person_key})
    ]


def _members(session: Session, household: UUID) -> list[Member]:
    rows = session.execute(
        text(
            """SELECT p.id AS person_key, p.given_name, p.family_name, p.birth_date, m.relation
            FROM household_member m JOIN person p ON p.id = m.person_id
            WHERE m.household_id = :household ORDER BY p.birth_date, p.id"""
        ),
        {"household": household},
    )
    return [msgspec.convert(row, Member, from_attributes=True) for row in rows]


def identity_number_of(session: Session, secrets: TenantSecrets, person_key: UUID) -> str:
    """The whole identity number of a person."""
    cipher = session.execute(text("SELECT identity_cipher FROM person WHERE id = :id"), {"id": person_key}).scalar_one()
    if not bytes(cipher):
        raise Conflict("The identity number was erased when its retention was over.")
    return secrets.decrypt(bytes(cipher))


def addresses_of(session: Session, person_key: UUID) -> list[Address]:
    """Every address of a person, protected or not, in the order of their homes."""
    rows = session.execute(text(_HOMES), {"person": person_key})
    return [msgspec.convert(row, Address, from_attributes=True) for row in rows]


def incomes_of(session: Session, person_key: UUID) -> list[PersonIncome]:
    """The known incomes of a person and of the providers they live with, the newest year first."""
    rows = session.execute(
        text(
            """SELECT p.id AS person_key, p.given_name, i.year, i.basis, i.amount_ore
            FROM person p JOIN income i ON i.identity_hash = p.identity_hash
            WHERE p.id = :person OR EXISTS (
                SELECT FROM household_member own JOIN household_member other USING (household_id)
                WHERE own.person_id = :person AND other.person_id = p.id AND other.relation = 'provider')
            ORDER BY i.year DESC, p.birth_date, p.id, i.basis"""
        ),
        {"person": person_key},
    )
    return [msgspec.convert(row, PersonIncome, from_attributes=True) for row in rows]
