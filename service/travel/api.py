"""Travel in the API: departures, who comes and who came, and what municipalities pay."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import Body, FromPath, QueryParameter
from sqlmodel import Session

from schemas.travel import (
    AssemblyPoint,
    AttendanceNote,
    DepartureChange,
    DepartureDetail,
    Manifest,
    ManifestFamily,
    StayTravel,
    TravelCost,
    TravelCosts,
    TravelStep,
    TravelStepTaken,
)
from service.database.requests import transactional
from service.identity.access import AnyRequest, actor_of, organisation_of
from service.identity.permissions import may
from service.stays.queries import find_season, find_stay
from service.travel import attendance, charges, departures, manifest, queries
from service.values import clock
from service.web.idempotency import idempotent
from service.web.problems import DOCUMENTED

_STAY = "/api/v1/stays/{stay_id:uuid}"
_COSTS = "/api/v1/seasons/{season_id:uuid}/travel-costs"


def _route(permission: str) -> dict[str, Any]:
    return {"sync_to_thread": True, "responses": DOCUMENTED, "opt": may(permission), "tags": ["travel"]}


def _departure(row: queries.DepartureRow) -> DepartureDetail:
    known = {name: getattr(row, name) for name in ("id", "place", "leaves_on", "carrier", "seats", "cost_ore", "note")}
    more = {"leaves_at": row.clock, "currency": row.currency, "fixed": row.fixed_at is not None}
    return msgspec.convert(known | more, DepartureDetail)


@get(f"{_STAY}/travel", **_route("travel.read"))
@transactional
def show_travel(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> StayTravel:
    """Who travels from where, with departures and the seats that are left."""
    organisation_of(request)
    stay = find_stay(session, stay_id)
    families = queries.families_of(session, stay)
    points = [
        AssemblyPoint(
            one.name, one.families, one.travellers, one.left, _departure(one.departure) if one.departure else None
        )
        for one in queries.points_of(stay, queries.departures_of(session, stay_id), families)
    ]
    return StayTravel(stay_id, points, sum(one.assembly_point is None for one in families))


@post(f"{_STAY}/departures", **_route("travel.change"))
@transactional
@idempotent
def add_departure(
    request: AnyRequest, session: Session, stay_id: FromPath[UUID], data: Annotated[DepartureChange, Body()]
) -> DepartureDetail:
    """Add a departure from one of the stay's assembly points."""
    return _keep(request, session, stay_id, None, data)


@put("/api/v1/departures/{departure_id:uuid}", **_route("travel.change"))
@transactional
def change_departure(
    request: AnyRequest, session: Session, departure_id: FromPath[UUID], data: Annotated[DepartureChange, Body()]
) -> DepartureDetail:
    """Change a departure. Once a part of its cost was invoiced the cost stays."""
    known = queries.find_departure(session, departure_id)
    return _keep(request, session, known.stay_id, departure_id, data)


def _keep(
    request: AnyRequest, session: Session, stay_id: UUID, departure_id: UUID | None, data: DepartureChange
) -> DepartureDetail:
    place = organisation_of(request)
    figures = departures.DepartureFigures(
        **msgspec.structs.asdict(data) | {"leaves_at": departures.read_clock(data.leaves_at)}
    )
    made = departures.keep_departure(
        session, place.tenant_id, place.country, stay_id, departure_id, figures, actor_of(request)
    )
    return _departure(queries.find_departure(session, made))


@get(f"{_STAY}/manifest", **_route("travel.read"))
@transactional
def show_manifest(
    request: AnyRequest,
    session: Session,
    stay_id: FromPath[UUID],
    assembly_point: Annotated[
        str | None, QueryParameter(description="Only families of this assembly point.", max_length=200)
    ] = None,
) -> Manifest:
    """Who comes, whole; the read is noted in the trail."""
    place, stay = organisation_of(request), find_stay(session, stay_id)
    found = manifest.read_manifest(session, place.tenant_id, stay, assembly_point, actor_of(request))
    return Manifest(stay_id, [msgspec.convert(one, ManifestFamily, from_attributes=True) for one in found])


@post(f"{_STAY}/attendance", status_code=204, **_route("attendance.note"))
@transactional
def note_attendance(
    request: AnyRequest, session: Session, stay_id: FromPath[UUID], data: Annotated[AttendanceNote, Body()]
) -> None:
    """Note whether somebody came. Said twice it is said once; what another has noted since is not overwritten."""
    place = organisation_of(request)
    attendance.note(
        session,
        place.tenant_id,
        stay_id,
        data.offer_id,
        data.place,
        data.state or attendance.NOT_NOTED,
        data.seen or attendance.NOT_NOTED,
        place.time_zone,
        actor_of(request),
    )


@get(_COSTS, **_route("travel.change"))
@transactional
def show_costs(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> TravelCosts:
    """Every municipality's part of every departure: as it was invoiced, or as it would be shared now."""
    organisation_of(request)
    find_season(session, season_id)
    lines = charges.lines_of(session, season_id)
    return TravelCosts(season_id, [msgspec.convert(one, TravelCost, from_attributes=True) for one in lines])


@post(f"{_COSTS}/steps", status_code=200, **_route("travel.change"))
@transactional
@idempotent
def take_step(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[TravelStep, Body()]
) -> TravelStepTaken:
    """Note that a municipality was invoiced, or has paid. With the first invoice of a departure all parts are fixed."""
    place = organisation_of(request)
    today, actor = clock.today(place.time_zone), actor_of(request)
    known = data.municipality_id, data.step, data.on
    return TravelStepTaken(charges.take_step(session, place.tenant_id, season_id, *known, today, actor))


ROUTES = [
    show_travel,
    add_departure,
    change_departure,
    show_manifest,
    note_attendance,
    show_costs,
    take_step,
]
"""The API of travel."""
