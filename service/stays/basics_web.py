"""The pages of what seasons are planned with: districts with their municipalities, centres, and volunteers."""

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, organisation_of, principal_of
from service.stays import actions, queries, volunteers
from service.stays.web import CHANGE, READ
from service.values import clock
from service.web.forms import Form, FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

DISTRICTS: Final = "/districts"
CENTRES: Final = "/centres"
VOLUNTEERS: Final = "/volunteers"
_DISTRICT: Final = f"{DISTRICTS}/{{district_id:uuid}}"
_CENTRE: Final = f"{CENTRES}/{{centre_id:uuid}}"
_VOLUNTEER: Final = f"{VOLUNTEERS}/{{volunteer_id:uuid}}"


class DistrictForm(msgspec.Struct, frozen=True):
    """A district, whom municipalities ask there, and what it asks of families."""

    name: Annotated[str, Meta(title=N_("Name"), max_length=100)]
    contact_name: Annotated[str, Meta(title=N_("Coordinator"), max_length=100)] = ""
    contact_phone: Annotated[str, Meta(title=N_("Phone"), max_length=40)] = ""
    contact_email: Annotated[str, Meta(title=N_("E-mail"), max_length=254)] = ""
    criteria: Annotated[str, Meta(title=N_("Criteria"), max_length=2000)] = ""


class MunicipalityForm(msgspec.Struct, frozen=True):
    """A municipality of a district."""

    name: Annotated[str, Meta(title=N_("Name"), max_length=100)]
    code: Annotated[str | None, Meta(title=N_("Code of its Medspiller"), max_length=20)] = None


class CentreForm(msgspec.Struct, frozen=True):
    """A centre, with its family rooms if they are known."""

    name: Annotated[str, Meta(title=N_("Name"), max_length=100)]
    region: Annotated[str, Meta(title=N_("Region"), max_length=100)] = ""
    address: Annotated[str, Meta(title=N_("Address"), max_length=200)] = ""
    accessibility: Annotated[str, Meta(title=N_("Accessibility"), max_length=500)] = ""
    rooms: Annotated[str, Meta(title=N_("Family rooms"), max_length=4000)] = ""


class VolunteerForm(msgspec.Struct, frozen=True):
    """A volunteer and how they are reached."""

    name: Annotated[str, Meta(title=N_("Name"), max_length=100)]
    phone: Annotated[str, Meta(title=N_("Phone"), max_length=40)] = ""
    email: Annotated[str, Meta(title=N_("E-mail"), max_length=254)] = ""


class CertificateForm(msgspec.Struct, frozen=True):
    """When a police certificate was seen."""

    seen_on: Annotated[date, Meta(title=N_("Seen on"))]


@get(DISTRICTS, **READ)
@transactional
def show_districts(request: AnyRequest, session: Session) -> Response[str]:
    """The districts with their municipalities."""
    organisation_of(request)
    found = queries.list_districts(session)
    return page(
        request,
        "stays/districts.html",
        districts=[(one, queries.municipalities_of(session, one.id)) for one in found],
        may_change=principal_of(request).may("stays.change"),
    )


@get(f"{DISTRICTS}/new", **CHANGE)
def new_district(request: AnyRequest) -> Response[str]:
    """The form for a new district."""
    organisation_of(request)
    return page(request, "stays/district_form.html", form=blank(request, DistrictForm), district=None)


@post(f"{DISTRICTS}/new", status_code=303, **CHANGE)
@transactional
def add_district(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Add a district."""
    with redisplaying(request, "stays/district_form.html", DistrictForm, data, district=None):
        made = _keep_district(request, session, None, read_form(data, DistrictForm))
    return redirect(request, f"{DISTRICTS}/{made}", N_("The district was saved."))


def _keep_district(request: AnyRequest, session: Session, district_id: UUID | None, asked: DistrictForm) -> UUID:
    place, values = organisation_of(request), msgspec.structs.asdict(asked)
    return actions.keep_district(session, place.tenant_id, district_id, actor=actor_of(request), **values)


@get(_DISTRICT, **CHANGE)
@transactional
def edit_district(request: AnyRequest, session: Session, district_id: FromPath[UUID]) -> Response[str]:
    """The form of a district, and its municipalities."""
    organisation_of(request)
    found = queries.find_district(session, district_id)
    values = {name: getattr(found, name) for name in ("name", "contact_name", "contact_phone", "contact_email")}
    form = blank(request, DistrictForm, criteria="\n".join(one.statement for one in found.criteria), **values)
    return page(request, "stays/district_form.html", form=form, **_district(session, district_id))


def _district(session: Session, district_id: UUID) -> dict[str, Any]:
    return {
        "district": queries.find_district(session, district_id),
        "municipalities": queries.municipalities_of(session, district_id),
    }


@post(_DISTRICT, status_code=303, **CHANGE)
@transactional
def change_district(request: AnyRequest, data: FormData, session: Session, district_id: FromPath[UUID]) -> Redirect:
    """Change a district."""
    context = _district(session, district_id)
    with redisplaying(request, "stays/district_form.html", DistrictForm, data, **context):
        _keep_district(request, session, district_id, read_form(data, DistrictForm))
    return redirect(request, DISTRICTS, N_("The district was saved."))


@get(f"{_DISTRICT}/municipalities/new", **CHANGE)
@transactional
def new_municipality(request: AnyRequest, session: Session, district_id: FromPath[UUID]) -> Response[str]:
    """The form for a municipality of a district."""
    organisation_of(request)
    form, district = blank(request, MunicipalityForm), queries.find_district(session, district_id)
    return page(request, "stays/municipality_form.html", form=form, district=district)


@post(f"{_DISTRICT}/municipalities/new", status_code=303, **CHANGE)
@transactional
def add_municipality(request: AnyRequest, data: FormData, session: Session, district_id: FromPath[UUID]) -> Redirect:
    """Add a municipality to a district."""
    place, district = organisation_of(request), queries.find_district(session, district_id)
    with redisplaying(request, "stays/municipality_form.html", MunicipalityForm, data, district=district):
        asked = read_form(data, MunicipalityForm)
        actions.add_municipality_to(session, place.tenant_id, district_id, asked.name, asked.code, actor_of(request))
    return redirect(request, f"{DISTRICTS}/{district_id}", N_("{name} was added."), name=asked.name)


@get(CENTRES, **READ)
@transactional
def show_centres(request: AnyRequest, session: Session) -> Response[str]:
    """The centres."""
    organisation_of(request)
    may_change = principal_of(request).may("stays.change")
    return page(request, "stays/centres.html", centres=queries.list_centres(session), may_change=may_change)


@get(f"{CENTRES}/new", **CHANGE)
def new_centre(request: AnyRequest) -> Response[str]:
    """The form for a new centre."""
    organisation_of(request)
    return page(request, "stays/centre_form.html", form=blank(request, CentreForm), centre=None)


@post(f"{CENTRES}/new", status_code=303, **CHANGE)
@transactional
def add_centre(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Add a centre."""
    with redisplaying(request, "stays/centre_form.html", CentreForm, data, centre=None):
        _keep_centre(request, session, None, read_form(data, CentreForm))
    return redirect(request, CENTRES, N_("The centre was saved."))


def _keep_centre(request: AnyRequest, session: Session, centre_id: UUID | None, asked: CentreForm) -> None:
    place, values = organisation_of(request), msgspec.structs.asdict(asked)
    actions.keep_centre(session, place.tenant_id, centre_id, actor=actor_of(request), **values)


@get(_CENTRE, **CHANGE)
@transactional
def edit_centre(request: AnyRequest, session: Session, centre_id: FromPath[UUID]) -> Response[str]:
    """The form of a centre."""
    organisation_of(request)
    found = queries.find_centre(session, centre_id)
    values = {name: getattr(found, name) for name in ("name", "region", "address", "accessibility")}
    form = blank(request, CentreForm, rooms="\n".join(f"{one.name}, {one.beds}" for one in found.rooms), **values)
    return page(request, "stays/centre_form.html", form=form, centre=found)


@post(_CENTRE, status_code=303, **CHANGE)
@transactional
def change_centre(request: AnyRequest, data: FormData, session: Session, centre_id: FromPath[UUID]) -> Redirect:
    """Change a centre with its rooms."""
    centre = queries.find_centre(session, centre_id)
    with redisplaying(request, "stays/centre_form.html", CentreForm, data, centre=centre):
        _keep_centre(request, session, centre_id, read_form(data, CentreForm))
    return redirect(request, CENTRES, N_("The centre was saved."))


@get(VOLUNTEERS, **READ)
@transactional
def show_volunteers(request: AnyRequest, session: Session) -> Response[str]:
    """The volunteers; whether a certificate was seen is for coordinators."""
    place = organisation_of(request)
    return page(
        request,
        "stays/volunteers.html",
        volunteers=queries.list_volunteers(session, clock.today(place.time_zone)),
        may_change=principal_of(request).may("stays.change"),
    )


@get(f"{VOLUNTEERS}/new", **CHANGE)
def new_volunteer(request: AnyRequest) -> Response[str]:
    """The form for a new volunteer."""
    organisation_of(request)
    return page(request, "stays/volunteer_form.html", form=blank(request, VolunteerForm), volunteer=None)


@post(f"{VOLUNTEERS}/new", status_code=303, **CHANGE)
@transactional
def add_volunteer(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Add a volunteer."""
    place = organisation_of(request)
    with redisplaying(request, "stays/volunteer_form.html", VolunteerForm, data, volunteer=None):
        asked = read_form(data, VolunteerForm)
        made = volunteers.keep_volunteer(
            session, place.tenant_id, None, asked.name, asked.phone, asked.email, actor_of(request)
        )
    return redirect(request, f"{VOLUNTEERS}/{made}", N_("{name} was added."), name=asked.name)


@get(_VOLUNTEER, **CHANGE)
@transactional
def edit_volunteer(request: AnyRequest, session: Session, volunteer_id: FromPath[UUID]) -> Response[str]:
    """The form of a volunteer, and whether their police certificate was seen."""
    organisation_of(request)
    found = queries.find_volunteer(session, volunteer_id)
    form = blank(request, VolunteerForm, name=found.name, phone=found.phone, email=found.email)
    context: dict[str, Any] = {"volunteer": found, "certificate": _certificate(request)}
    return page(request, "stays/volunteer_form.html", form=form, **context)


def _certificate(request: AnyRequest) -> Form:
    return blank(request, CertificateForm, seen_on=clock.today(organisation_of(request).time_zone))


@post(_VOLUNTEER, status_code=303, **CHANGE)
@transactional
def change_volunteer(request: AnyRequest, data: FormData, session: Session, volunteer_id: FromPath[UUID]) -> Redirect:
    """Change how a volunteer is reached."""
    place, found = organisation_of(request), queries.find_volunteer(session, volunteer_id)
    context: dict[str, Any] = {"volunteer": found, "certificate": _certificate(request)}
    with redisplaying(request, "stays/volunteer_form.html", VolunteerForm, data, **context):
        asked = read_form(data, VolunteerForm)
        volunteers.keep_volunteer(
            session, place.tenant_id, volunteer_id, asked.name, asked.phone, asked.email, actor_of(request)
        )
    return redirect(request, VOLUNTEERS, N_("The volunteer was saved."))


@post(f"{_VOLUNTEER}/certificate", status_code=303, **CHANGE)
@transactional
def note_certificate(request: AnyRequest, data: FormData, session: Session, volunteer_id: FromPath[UUID]) -> Redirect:
    """Note that a police certificate was seen."""
    place, asked = organisation_of(request), read_form(data, CertificateForm)
    today = clock.today(place.time_zone)
    volunteers.note_certificate(session, place.tenant_id, volunteer_id, asked.seen_on, today, actor_of(request))
    return redirect(request, f"{VOLUNTEERS}/{volunteer_id}", N_("It stands that the certificate was seen."))


ROUTES = [
    show_districts,
    new_district,
    add_district,
    edit_district,
    change_district,
    new_municipality,
    add_municipality,
    show_centres,
    new_centre,
    add_centre,
    edit_centre,
    change_centre,
    show_volunteers,
    new_volunteer,
    add_volunteer,
    edit_volunteer,
    change_volunteer,
    note_certificate,
]
"""The pages of districts, centres and volunteers."""
