"""A made-up season for the demo, with five stays, volunteers and a day trip."""

from datetime import date
from typing import Final
from uuid import UUID

import msgspec
from sqlmodel import Session

from service.audit.actions import Actor
from service.stays import actions, seasons, volunteers
from service.stays.rules import SeasonDates, StayFigures

_STAYS: Final = (
    ("A1", "Strandgården", (7, 2), (7, 9), 10, 46),
    ("A2", "Strandgården", (7, 9), (7, 16), 10, 46),
    ("B1", "Skovhytten", (7, 2), (7, 9), 12, 50),
    ("B2", "Skovhytten", (7, 16), (7, 23), 12, 50),
    ("C1", "Åhuset", (7, 23), (7, 30), 8, 40),
)
_CENTRES: Final = {
    "Strandgården": "Stue 1, 4\nStue 2, 4\nStue 3, 6\nStue 4, 6",
    "Skovhytten": "",
    "Åhuset": "",
}
_VOLUNTEERS: Final = (
    ("Lone Leder", "leader", True),
    ("Kim Kok", "cook", True),
    ("Hanne Hjælper", "helper", False),
)


class Planned(msgspec.Struct, frozen=True):
    """The season that was planned, and its stays by code."""

    season_id: UUID
    stays: dict[str, UUID]


def plan_season(session: Session, tenant_id: UUID, code: str, name: str, year: int, actor: Actor) -> Planned:
    """A published summer of a year, offered to the municipality with this code and to one without Medspiller."""
    district = actions.keep_district(
        session,
        tenant_id,
        None,
        name="Østjylland",
        contact_name="Karen Koordinator",
        contact_phone="89 00 00 01",
        contact_email="koordinator@ferie.example",
        criteria="Familien har boet i Danmark i tre år, eller en forælder taler dansk",
        actor=actor,
    )
    for municipality, number in ((name, code), ("Ådal", None)):
        actions.add_municipality_to(session, tenant_id, district, municipality, number, actor)
    dates = SeasonDates(
        first_day=date(year, 7, 1),
        last_day=date(year, 8, 7),
        referral_deadline=date(year, 4, 15),
        list_deadline=date(year, 5, 1),
        planned_on=date(year, 5, 15),
    )
    season_id = seasons.add_season(session, tenant_id, district, f"Sommer {year}", dates, actor)
    centres = {
        centre: actions.keep_centre(
            session, tenant_id, None, name=centre, region="", address="", accessibility="", rooms=rooms, actor=actor
        )
        for centre, rooms in _CENTRES.items()
    }
    stays = {}
    for stay, centre, starts, ends, families, persons in _STAYS:
        figures = StayFigures(
            code=stay,
            region="",
            starts_on=date(year, *starts),
            ends_on=date(year, *ends),
            family_places=families,
            person_places=persons,
            volunteers=8,
            min_child_age=6,
            max_child_age=13,
            min_families=6,
            assembly_points=("Medby rutebilstation",),
            included="Rejse, ophold, mad og aktiviteter",
        )
        stays[stay] = seasons.keep_stay(session, tenant_id, season_id, None, centres[centre], figures, actor)
    _add_volunteers(session, tenant_id, stays["A1"], date(year, 1, 10), actor)
    trip = seasons.Fallback("day_trip", "En dag i zoo", date(year, 7, 5), date(year, 7, 5), 40, 0, 17)
    seasons.add_fallback(session, tenant_id, season_id, trip, actor)
    seasons.publish_season(session, tenant_id, season_id, actor)
    return Planned(season_id, stays)


def _add_volunteers(session: Session, tenant_id: UUID, stay_id: UUID, seen_on: date, actor: Actor) -> None:
    for name, role, seen in _VOLUNTEERS:
        email = f"{name.split()[0].lower()}@ferie.example"
        volunteer = volunteers.keep_volunteer(session, tenant_id, None, name, "89 00 00 02", email, actor)
        needed = volunteers.need_role(session, tenant_id, stay_id, role, actor)
        volunteers.ask_for_role(session, tenant_id, needed, volunteer, actor)
        if seen:
            volunteers.note_certificate(session, tenant_id, volunteer, seen_on, seen_on, actor)
            volunteers.confirm_role(session, tenant_id, needed, actor)
