"""The offers of a season, as the organisation sees them, and one as its family does."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.errors import NotFound
from service.offers.rules import Contact, Needs
from service.values.secrecy import TenantSecrets


class OfferRow(msgspec.Struct, frozen=True):
    """An offer with its stay, and the family as its newest list names it, if it is still on one.

    `persons` are those who come: of an open offer all who were named. `listed`: the family is on the newest list.
    """

    id: UUID
    season_id: UUID
    season: str
    municipality_id: UUID
    municipality: str
    family_key: str
    stay_id: UUID
    stay: str
    stay_state: str
    centre: str
    starts_on: date
    ends_on: date
    state: str
    via: str
    language: str
    deadline: datetime
    assembly_point: str | None
    made_at: datetime
    sent_at: datetime | None
    reminded_at: datetime | None
    ended_at: datetime | None
    answered_at: datetime | None
    answered_how: str | None
    declined_because: str | None
    waits_again: bool
    newest: bool
    listed: bool
    contact_name: str | None
    phone: str | None
    interpreter: bool | None
    persons: int

    @property
    def living(self) -> bool:
        return self.state in ("open", "accepted")


class Person(msgspec.Struct, frozen=True):
    """Somebody of a family, and whether they come along."""

    place: int
    name: str
    birth_date: date
    comes: bool


class Shown(msgspec.Struct, frozen=True):
    """What of a stay stands in an offer."""

    centre: str
    address: str
    accessibility: str
    region: str
    included: str
    assembly_points: list[str]
    starts_on: date
    ends_on: date
    min_child_age: int
    max_child_age: int
    contact_name: str
    contact_phone: str
    contact_email: str


_OFFERS: Final = """SELECT o.*, s.name AS season, m.name AS municipality, t.code AS stay, t.state AS stay_state,
        c.name AS centre, t.starts_on, t.ends_on, f.contact_name, f.phone, f.interpreter, f.key IS NOT NULL AS listed,
        (SELECT count(*) FROM offer_traveller w WHERE w.offer_id = o.id AND w.comes) AS persons,
        NOT EXISTS (SELECT FROM offer n WHERE n.season_id = o.season_id AND n.municipality_id = o.municipality_id
            AND n.family_key = o.family_key AND n.id > o.id) AS newest
    FROM offer o JOIN season s ON s.id = o.season_id JOIN district_municipality m ON m.id = o.municipality_id
    JOIN stay t ON t.id = o.stay_id JOIN centre c ON c.id = t.centre_id
    LEFT JOIN LATERAL (SELECT l.id FROM received_list l WHERE l.season_id = o.season_id
        AND l.municipality_id = o.municipality_id ORDER BY l.number DESC LIMIT 1) AS l ON true
    LEFT JOIN received_family f ON f.list_id = l.id AND f.key = o.family_key"""


def _row(row: Mapping[Any, Any]) -> OfferRow:
    return msgspec.convert({name: row[name] for name in OfferRow.__struct_fields__}, OfferRow)


def offers_of(session: Session, season_id: UUID) -> list[OfferRow]:
    """The offers of a season, those of a stay together, in the order in which they were made."""
    rows = session.execute(
        text(f'{_OFFERS} WHERE o.season_id = :season ORDER BY t.starts_on, t.code COLLATE "C", o.id'),
        {"season": season_id},
    )
    return [_row(row) for row in rows.mappings()]


def find_offer(session: Session, offer_id: UUID) -> OfferRow:
    """An offer."""
    row = session.execute(text(f"{_OFFERS} WHERE o.id = :id"), {"id": offer_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such offer.")
    return _row(row)


def travellers_of(session: Session, offer_id: UUID) -> list[Person]:
    """Who was named, and who comes."""
    rows = session.execute(
        text("SELECT place, name, birth_date, comes FROM offer_traveller WHERE offer_id = :id ORDER BY place"),
        {"id": offer_id},
    )
    return [msgspec.convert(row, Person, from_attributes=True) for row in rows]


def shown_of(session: Session, stay_id: UUID) -> Shown:
    """What of a stay stands in an offer."""
    row = session.execute(
        text(
            """SELECT t.*, c.name AS centre, c.address,
                concat_ws('. ', nullif(t.accessibility, ''), nullif(c.accessibility, '')) AS accessible,
                d.contact_name, d.contact_phone, d.contact_email
            FROM stay t JOIN centre c ON c.id = t.centre_id JOIN season s ON s.id = t.season_id
            JOIN district d ON d.id = s.district_id WHERE t.id = :id"""
        ),
        {"id": stay_id},
    ).mappings()
    known = dict(rows := row.one())
    known["accessibility"] = rows["accessible"]
    return msgspec.convert({name: known[name] for name in Shown.__struct_fields__}, Shown)


def contact_of(session: Session, secrets: TenantSecrets, offer_id: UUID) -> Contact | None:
    """How the family is reached; None once that is erased."""
    sealed = session.execute(
        text("SELECT content FROM offer_contact WHERE offer_id = :id"), {"id": offer_id}
    ).scalar_one_or_none()
    return None if sealed is None else msgspec.json.decode(secrets.decrypt_bytes(bytes(sealed)), type=Contact)


def needs_of(session: Session, secrets: TenantSecrets, offer_id: UUID) -> Needs:
    """What a family needs that comes: empty where it named nothing, or that is erased."""
    sealed = session.execute(
        text("SELECT content FROM offer_needs WHERE offer_id = :id"), {"id": offer_id}
    ).scalar_one_or_none()
    return Needs() if sealed is None else msgspec.json.decode(secrets.decrypt_bytes(bytes(sealed)), type=Needs)
