"""Who travels to a stay, from where, and who came."""

from collections.abc import Iterable
from datetime import date, datetime, time
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.errors import NotFound
from service.stays.queries import StayRow, find_season
from service.travel.models import LOCK_DAYS
from service.travel.rules import age_on, locked_from


class DepartureRow(msgspec.Struct, frozen=True):
    """A departure of a stay."""

    id: UUID
    stay_id: UUID
    assembly_point: str
    place: str
    leaves_on: date
    leaves_at: time
    carrier: str
    seats: int
    cost_ore: int | None
    currency: str
    note: str
    fixed_at: datetime | None

    @property
    def clock(self) -> str:
        """When it leaves, as it stands on a ticket."""
        return self.leaves_at.strftime("%H:%M")


class Traveller(msgspec.Struct, frozen=True):
    """Somebody who comes along; `state` is whether they came, if anybody has said."""

    place: int
    name: str
    birth_date: date
    age: int
    state: str | None


class Family(msgspec.Struct, frozen=True):
    """A family that has accepted, with those of it who come along."""

    offer_id: UUID
    municipality_id: UUID
    municipality: str
    name: str
    phone: str | None
    language: str | None
    interpreter: bool
    assembly_point: str | None
    travellers: list[Traveller]

    @property
    def came(self) -> int:
        return sum(one.state == "came" for one in self.travellers)

    @property
    def missing(self) -> int:
        """Of how many nobody has said whether they came."""
        return sum(one.state is None for one in self.travellers)


class Point(msgspec.Struct, frozen=True):
    """An assembly point of a stay, with its departure if there is one."""

    name: str
    departure: DepartureRow | None
    families: int
    travellers: int

    @property
    def left(self) -> int | None:
        """Seats that are left; negative where they are too few."""
        return self.departure.seats - self.travellers if self.departure else None

    @property
    def is_short(self) -> bool:
        return self.left is not None and self.left < 0


_FAMILIES: Final = """
    SELECT o.id AS offer_id, o.municipality_id, m.name AS municipality, o.assembly_point,
        coalesce(nullif(f.contact_name, ''), first_value(t.name) OVER (PARTITION BY o.id ORDER BY t.place)) AS family,
        f.phone, f.language, coalesce(f.interpreter, false) AS interpreter, t.place, t.name, t.birth_date, a.state
    FROM offer o JOIN offer_traveller t ON t.offer_id = o.id AND t.comes
    JOIN district_municipality m ON m.id = o.municipality_id
    LEFT JOIN LATERAL (SELECT f.* FROM received_family f JOIN received_list l ON l.id = f.list_id
        WHERE l.season_id = o.season_id AND l.municipality_id = o.municipality_id AND f.key = o.family_key
        ORDER BY l.number DESC LIMIT 1) AS f ON true
    LEFT JOIN attendance a ON a.offer_id = o.id AND a.place = t.place
    WHERE o.stay_id = :stay AND o.state = 'accepted'
    ORDER BY o.id, t.place"""


def departures_of(session: Session, stay_id: UUID) -> list[DepartureRow]:
    """The departures to a stay, the earliest first."""
    sql = 'SELECT * FROM departure WHERE stay_id = :id ORDER BY leaves_on, leaves_at, assembly_point COLLATE "C"'
    return [msgspec.convert(dict(row), DepartureRow) for row in session.execute(text(sql), {"id": stay_id}).mappings()]


def find_departure(session: Session, departure_id: UUID) -> DepartureRow:
    """A departure."""
    row = session.execute(text("SELECT * FROM departure WHERE id = :id"), {"id": departure_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such departure.")
    return msgspec.convert(dict(row), DepartureRow)


def families_of(session: Session, stay: StayRow, point: str | None = None) -> list[Family]:
    """The families that come to a stay, or those of an assembly point, by name."""
    rows = session.execute(text(_FAMILIES), {"stay": stay.id}).all()
    found = [_family(list(family), stay.starts_on) for _, family in groupby(rows, key=lambda row: row.offer_id)]
    found.sort(key=lambda one: (one.name, one.offer_id))
    return [one for one in found if point is None or one.assembly_point == point]


def _family(rows: list[Any], first_day: date) -> Family:
    one = rows[0]
    return Family(
        offer_id=one.offer_id,
        municipality_id=one.municipality_id,
        municipality=one.municipality,
        name=one.family,
        phone=one.phone or None,
        language=one.language or None,
        interpreter=one.interpreter,
        assembly_point=one.assembly_point or None,
        travellers=[
            Traveller(row.place, row.name, row.birth_date, age_on(row.birth_date, first_day), row.state) for row in rows
        ],
    )


def points_of(stay: StayRow, departures: Iterable[DepartureRow], families: Iterable[Family]) -> list[Point]:
    """The assembly points of a stay in its own order, then those that departures or families alone name."""
    by_point, known = {one.assembly_point: one for one in departures}, list(families)
    used = {one.assembly_point for one in known if one.assembly_point}
    names = dict.fromkeys([*stay.assembly_points, *by_point, *sorted(used)])
    found = []
    for name in names:
        there = [one for one in known if one.assembly_point == name]
        found.append(Point(name, by_point.get(name), len(there), sum(len(one.travellers) for one in there)))
    return found


def lock_days_of(session: Session) -> int:
    """For how many days after a season's last day its families' needs are shown."""
    found = session.execute(text("SELECT lock_days FROM travel_settings")).scalar_one_or_none()
    return LOCK_DAYS if found is None else int(found)


def lock_of(session: Session, season_id: UUID) -> date:
    """From when on the needs of a season's families are not shown any more."""
    return locked_from(find_season(session, season_id).last_day, lock_days_of(session))
