"""Districts, centres and volunteers in the API."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import Body, FromPath
from sqlmodel import Session

from schemas.page import Page
from schemas.season import (
    CentreChange,
    CentreDetail,
    CertificateSeen,
    DistrictChange,
    DistrictDetail,
    DistrictMunicipalityDetail,
    NewDistrictMunicipality,
    VolunteerChange,
    VolunteerDetail,
)
from schemas.stay import StayAnswer
from service.database.requests import transactional
from service.identity.access import AnyRequest, actor_of, organisation_of, principal_of
from service.stays import actions, queries, volunteers
from service.stays.api import CHANGE, READ, paged
from service.values import clock
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit

_DISTRICT = "/api/v1/districts/{district_id:uuid}"
_CENTRE = "/api/v1/centres/{centre_id:uuid}"
_VOLUNTEER = "/api/v1/volunteers/{volunteer_id:uuid}"


def _district(row: queries.DistrictRow) -> DistrictDetail:
    return msgspec.convert(row, DistrictDetail, from_attributes=True)


@get("/api/v1/districts", tags=["seasons"], **READ)
@transactional
def list_districts(
    request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None
) -> Page[DistrictDetail]:
    """The organisation's districts by name."""
    organisation_of(request)
    return paged(queries.list_districts(session), limit, after, _district, lambda one: one.id)


def _keep_district(request: AnyRequest, session: Session, district_id: UUID | None, data: DistrictChange) -> UUID:
    values = msgspec.structs.asdict(data) | {"criteria": "\n".join(data.criteria)}
    place = organisation_of(request)
    return actions.keep_district(session, place.tenant_id, district_id, actor=actor_of(request), **values)


@post("/api/v1/districts", tags=["seasons"], **CHANGE)
@transactional
@idempotent
def add_district(request: AnyRequest, session: Session, data: Annotated[DistrictChange, Body()]) -> DistrictDetail:
    """Add a district."""
    return _district(queries.find_district(session, _keep_district(request, session, None, data)))


@put(_DISTRICT, tags=["seasons"], **CHANGE)
@transactional
def change_district(
    request: AnyRequest, session: Session, district_id: FromPath[UUID], data: Annotated[DistrictChange, Body()]
) -> DistrictDetail:
    """Change a district; municipalities that were offered a season of it see it at once."""
    _keep_district(request, session, district_id, data)
    return _district(queries.find_district(session, district_id))


@get(f"{_DISTRICT}/municipalities", tags=["seasons"], **READ)
@transactional
def list_district_municipalities(
    request: AnyRequest, session: Session, district_id: FromPath[UUID]
) -> list[DistrictMunicipalityDetail]:
    """The municipalities of a district."""
    organisation_of(request)
    queries.find_district(session, district_id)
    found = queries.municipalities_of(session, district_id)
    return [msgspec.convert(one, DistrictMunicipalityDetail, from_attributes=True) for one in found]


@post(f"{_DISTRICT}/municipalities", tags=["seasons"], **CHANGE)
@transactional
@idempotent
def add_district_municipality(
    request: AnyRequest, session: Session, district_id: FromPath[UUID], data: Annotated[NewDistrictMunicipality, Body()]
) -> StayAnswer:
    """Add a municipality to a district."""
    place = organisation_of(request)
    return StayAnswer(
        actions.add_municipality_to(session, place.tenant_id, district_id, data.name, data.code, actor_of(request))
    )


def _centre(row: queries.CentreRow) -> CentreDetail:
    return msgspec.convert(row, CentreDetail, from_attributes=True)


@get("/api/v1/centres", tags=["seasons"], **READ)
@transactional
def list_centres(request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None) -> Page[CentreDetail]:
    """The organisation's centres by name."""
    organisation_of(request)
    return paged(queries.list_centres(session), limit, after, _centre, lambda one: one.id)


def _keep_centre(request: AnyRequest, session: Session, centre_id: UUID | None, data: CentreChange) -> UUID:
    rooms = "\n".join(f"{' '.join(one.name.split())}, {one.beds}" for one in data.rooms)
    values = msgspec.structs.asdict(data) | {"rooms": rooms}
    place = organisation_of(request)
    return actions.keep_centre(session, place.tenant_id, centre_id, actor=actor_of(request), **values)


@post("/api/v1/centres", tags=["seasons"], **CHANGE)
@transactional
@idempotent
def add_centre(request: AnyRequest, session: Session, data: Annotated[CentreChange, Body()]) -> CentreDetail:
    """Add a centre."""
    return _centre(queries.find_centre(session, _keep_centre(request, session, None, data)))


@put(_CENTRE, tags=["seasons"], **CHANGE)
@transactional
def change_centre(
    request: AnyRequest, session: Session, centre_id: FromPath[UUID], data: Annotated[CentreChange, Body()]
) -> CentreDetail:
    """Change a centre with all its rooms."""
    _keep_centre(request, session, centre_id, data)
    return _centre(queries.find_centre(session, centre_id))


def _volunteer(row: queries.VolunteerRow, whole: bool) -> VolunteerDetail:
    shown = msgspec.convert(row, VolunteerDetail, from_attributes=True)
    return shown if whole else msgspec.structs.replace(shown, email=None, certificate_seen_on=None)


@get("/api/v1/volunteers", tags=["seasons"], **READ)
@transactional
def list_volunteers(
    request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None
) -> Page[VolunteerDetail]:
    """The organisation's volunteers by name."""
    place, whole = organisation_of(request), principal_of(request).may("stays.change")
    found = queries.list_volunteers(session, clock.today(place.time_zone))
    return paged(found, limit, after, lambda one: _volunteer(one, whole), lambda one: one.id)


@post("/api/v1/volunteers", tags=["seasons"], **CHANGE)
@transactional
@idempotent
def add_volunteer(request: AnyRequest, session: Session, data: Annotated[VolunteerChange, Body()]) -> VolunteerDetail:
    """Add a volunteer."""
    place = organisation_of(request)
    made = volunteers.keep_volunteer(
        session, place.tenant_id, None, data.name, data.phone, data.email, actor_of(request)
    )
    return _volunteer(queries.find_volunteer(session, made), whole=True)


@put(_VOLUNTEER, tags=["seasons"], **CHANGE)
@transactional
def change_volunteer(
    request: AnyRequest, session: Session, volunteer_id: FromPath[UUID], data: Annotated[VolunteerChange, Body()]
) -> VolunteerDetail:
    """Change how a volunteer is reached."""
    place = organisation_of(request)
    volunteers.keep_volunteer(
        session, place.tenant_id, volunteer_id, data.name, data.phone, data.email, actor_of(request)
    )
    return _volunteer(queries.find_volunteer(session, volunteer_id), whole=True)


@put(f"{_VOLUNTEER}/certificate", status_code=204, tags=["seasons"], **CHANGE)
@transactional
def note_certificate(
    request: AnyRequest, session: Session, volunteer_id: FromPath[UUID], data: Annotated[CertificateSeen, Body()]
) -> None:
    """Note that a volunteer's police certificate was seen."""
    place = organisation_of(request)
    today = clock.today(place.time_zone)
    volunteers.note_certificate(session, place.tenant_id, volunteer_id, data.seen_on, today, actor_of(request))


ROUTES = [
    list_districts,
    add_district,
    change_district,
    list_district_municipalities,
    add_district_municipality,
    list_centres,
    add_centre,
    change_centre,
    list_volunteers,
    add_volunteer,
    change_volunteer,
    note_certificate,
]
"""The API of districts, centres and volunteers."""
