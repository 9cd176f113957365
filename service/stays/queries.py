"""What the organisation that acts has planned."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.errors import NotFound
from service.stays.rules import Criterion, Room, SeasonDates, StayFigures


class DistrictRow(msgspec.Struct, frozen=True):
    """A district with its criteria."""

    id: UUID
    name: str
    contact_name: str
    contact_phone: str
    contact_email: str
    criteria: list[Criterion]


class MunicipalityRow(msgspec.Struct, frozen=True):
    """A municipality of a district; of a season also its quota, and how its newest list stands."""

    id: UUID
    district_id: UUID
    name: str
    code: str | None


class CentreRow(msgspec.Struct, frozen=True):
    """A centre with its family rooms, if they are known."""

    id: UUID
    name: str
    region: str
    address: str
    accessibility: str
    rooms: list[Room]


class SeasonRow(msgspec.Struct, frozen=True):
    """A season with its dates."""

    id: UUID
    district_id: UUID
    district: str
    name: str
    first_day: date
    last_day: date
    referral_deadline: date
    list_deadline: date
    planned_on: date
    state: str
    published_at: datetime | None
    copied_from: UUID | None
    stays: int

    @property
    def dates(self) -> SeasonDates:
        return msgspec.convert(self, SeasonDates, from_attributes=True)


class StayRow(msgspec.Struct, frozen=True):
    """A stay with its centre, and how many of its roles are confirmed."""

    id: UUID
    season_id: UUID
    season: str
    season_state: str
    centre_id: UUID
    centre: str
    code: str
    region: str
    starts_on: date
    ends_on: date
    family_places: int
    person_places: int
    volunteers: int
    min_child_age: int
    max_child_age: int
    min_families: int
    assembly_points: list[str]
    included: str
    accessibility: str
    state: str
    cancelled_at: datetime | None
    cancelled_because: str | None
    confirmed: int

    @property
    def figures(self) -> StayFigures:
        return msgspec.convert(self, StayFigures, from_attributes=True)


class FallbackRow(msgspec.Struct, frozen=True):
    """A fall-back offer."""

    id: UUID
    season_id: UUID
    kind: str
    name: str
    starts_on: date
    ends_on: date
    places: int
    min_age: int
    max_age: int
    description: str


class VolunteerRow(msgspec.Struct, frozen=True):
    """A volunteer, and on how many stays to come they have a role."""

    id: UUID
    name: str
    phone: str
    email: str
    certificate_seen_on: date | None
    roles: int


class RoleRow(msgspec.Struct, frozen=True):
    """A role on a stay and who is asked for it or has confirmed it."""

    id: UUID
    stay_id: UUID
    role: str
    state: str
    volunteer_id: UUID | None
    name: str | None
    phone: str | None
    certificate_seen_on: date | None


class SeasonPlace(msgspec.Struct, frozen=True):
    """A municipality in a season: its quota, and its newest list."""

    municipality_id: UUID
    name: str
    code: str | None
    quota: int | None
    list_id: UUID | None
    number: int | None
    families: int | None
    persons: int | None
    received_at: datetime | None
    confirmed_at: datetime | None


_SEASONS: Final = """SELECT s.*, d.name AS district,
        (SELECT count(*) FROM stay t WHERE t.season_id = s.id AND t.state = 'planned') AS stays
    FROM season s JOIN district d ON d.id = s.district_id"""
_STAYS: Final = """SELECT t.*, s.name AS season, s.state AS season_state, c.name AS centre,
        (SELECT count(*) FROM stay_role r WHERE r.stay_id = t.id AND r.state = 'confirmed') AS confirmed
    FROM stay t JOIN season s ON s.id = t.season_id JOIN centre c ON c.id = t.centre_id"""


def _read(session: Session, kind: type[Any], sql: str, **values: object) -> list[Any]:
    rows = session.execute(text(sql), values).mappings().all()
    return [msgspec.convert(dict(row), kind) for row in rows]


def _one(found: list[Any], missing: NotFound) -> Any:
    if not found:
        raise missing
    return found[0]


def list_districts(session: Session) -> list[DistrictRow]:
    """The districts by name."""
    return _read(session, DistrictRow, 'SELECT * FROM district ORDER BY name COLLATE "C"')


def find_district(session: Session, district_id: UUID) -> DistrictRow:
    """A district."""
    found = _read(session, DistrictRow, "SELECT * FROM district WHERE id = :id", id=district_id)
    district: DistrictRow = _one(found, NotFound("There is no such district."))
    return district


def municipalities_of(session: Session, district_id: UUID) -> list[MunicipalityRow]:
    """The municipalities of a district by name."""
    sql = 'SELECT * FROM district_municipality WHERE district_id = :id ORDER BY name COLLATE "C"'
    return _read(session, MunicipalityRow, sql, id=district_id)


def list_centres(session: Session) -> list[CentreRow]:
    """The centres by name, each with its rooms."""
    sql = """SELECT c.*, (SELECT coalesce(jsonb_agg(jsonb_build_object('name', r.name, 'beds', r.beds) ORDER BY r.id),
        '[]') FROM centre_room r WHERE r.centre_id = c.id) AS rooms FROM centre c ORDER BY c.name COLLATE "C\""""
    return _read(session, CentreRow, sql)


def find_centre(session: Session, centre_id: UUID) -> CentreRow:
    """A centre with its rooms."""
    found = [one for one in list_centres(session) if one.id == centre_id]
    centre: CentreRow = _one(found, NotFound("There is no such centre."))
    return centre


def list_seasons(session: Session) -> list[SeasonRow]:
    """The seasons, the newest first."""
    return _read(session, SeasonRow, f"{_SEASONS} ORDER BY s.first_day DESC, s.id DESC")


def find_season(session: Session, season_id: UUID) -> SeasonRow:
    """A season."""
    found = _read(session, SeasonRow, f"{_SEASONS} WHERE s.id = :id", id=season_id)
    season: SeasonRow = _one(found, NotFound("There is no such season."))
    return season


def season_named(session: Session, name: str) -> SeasonRow:
    """The newest season with this name, whatever its district."""
    found = _read(
        session,
        SeasonRow,
        f"{_SEASONS} WHERE lower(s.name) = lower(:name) ORDER BY s.first_day DESC",
        name=name.strip(),
    )
    season: SeasonRow = _one(found, NotFound("There is no season {name}.", name=name))
    return season


def stays_of(session: Session, season_id: UUID) -> list[StayRow]:
    """The stays of a season, the earliest first; cancelled ones too."""
    sql = f'{_STAYS} WHERE t.season_id = :id ORDER BY t.starts_on, t.code COLLATE "C"'
    return _read(session, StayRow, sql, id=season_id)


def find_stay(session: Session, stay_id: UUID) -> StayRow:
    """A stay."""
    found = _read(session, StayRow, f"{_STAYS} WHERE t.id = :id", id=stay_id)
    stay: StayRow = _one(found, NotFound("There is no such stay."))
    return stay


def fallbacks_of(session: Session, season_id: UUID) -> list[FallbackRow]:
    """The fall-back offers of a season."""
    sql = "SELECT * FROM fallback_offer WHERE season_id = :id ORDER BY starts_on, id"
    return _read(session, FallbackRow, sql, id=season_id)


def list_volunteers(session: Session, today: date) -> list[VolunteerRow]:
    """The volunteers by name, but for those whose names are erased."""
    sql = """SELECT v.*, (SELECT count(*) FROM stay_role r JOIN stay t ON t.id = r.stay_id
            WHERE r.volunteer_id = v.id AND t.state = 'planned' AND t.ends_on >= :today) AS roles
        FROM volunteer v WHERE v.name <> '' ORDER BY v.name COLLATE "C", v.id"""
    return _read(session, VolunteerRow, sql, today=today)


def find_volunteer(session: Session, volunteer_id: UUID) -> VolunteerRow:
    """A volunteer whose name is not erased."""
    sql = "SELECT v.*, 0 AS roles FROM volunteer v WHERE v.id = :id AND v.name <> ''"
    found = _read(session, VolunteerRow, sql, id=volunteer_id)
    volunteer: VolunteerRow = _one(found, NotFound("There is no such volunteer."))
    return volunteer


def roles_of(session: Session, stay_id: UUID) -> list[RoleRow]:
    """The roles of a stay, those that are needed last."""
    sql = """SELECT r.*, v.name, v.phone, v.certificate_seen_on FROM stay_role r
        LEFT JOIN volunteer v ON v.id = r.volunteer_id WHERE r.stay_id = :id
        ORDER BY array_position(ARRAY['confirmed', 'asked', 'needed'], r.state::text), r.role, r.id"""
    return _read(session, RoleRow, sql, id=stay_id)


def places_of_season(session: Session, season_id: UUID) -> list[SeasonPlace]:
    """The municipalities of a season's district that are in the season, each with its newest list."""
    sql = """SELECT m.id AS municipality_id, m.name, m.code, sm.quota, l.id AS list_id, l.number, l.families, l.persons,
            l.received_at, l.confirmed_at
        FROM season_municipality sm JOIN district_municipality m ON m.id = sm.municipality_id
        LEFT JOIN LATERAL (SELECT * FROM received_list l WHERE l.season_id = sm.season_id
            AND l.municipality_id = m.id ORDER BY l.number DESC LIMIT 1) AS l ON true
        WHERE sm.season_id = :id ORDER BY m.name COLLATE "C\""""
    return _read(session, SeasonPlace, sql, id=season_id)
