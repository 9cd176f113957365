"""The pages of travel: departures, who meets where, and for how long needs are shown."""

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
from service.errors import N_, FieldError, Invalid
from service.identity.access import AnyRequest, actor_of, organisation_of, principal_of
from service.identity.permissions import may
from service.stays.queries import StayRow, find_stay
from service.travel import departures, manifest, queries
from service.web.forms import FormData, Kroner, blank, read_form, redisplaying
from service.web.pages import page, redirect

STAY_PATH: Final = "/stays/{stay_id:uuid}"
_DEPARTURE: Final = "/departures/{departure_id:uuid}"
READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("travel.read")}
CHANGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("travel.change")}

_SAME: Final = ("assembly_point", "leaves_on", "seats", "place", "carrier", "note")


class DepartureForm(msgspec.Struct, frozen=True):
    """A departure from an assembly point."""

    assembly_point: Annotated[str, Meta(title=N_("Assembly point"), max_length=200)]
    leaves_on: Annotated[date, Meta(title=N_("Day"))]
    leaves_at: Annotated[str, Meta(title=N_("Time"), max_length=8)]
    seats: Annotated[int, Meta(title=N_("Seats"), ge=1, le=2000)]
    place: Annotated[str, Meta(title=N_("Where exactly"), max_length=200)] = ""
    carrier: Annotated[str, Meta(title=N_("Carrier"), max_length=200)] = ""
    cost: Annotated[Kroner | None, Meta(title=N_("Cost"))] = None
    note: Annotated[str, Meta(title=N_("Note"), max_length=300)] = ""

    @property
    def figures(self) -> departures.DepartureFigures:
        known = {
            name: getattr(self, name) for name in ("assembly_point", "leaves_on", "seats", "place", "carrier", "note")
        }
        try:
            leaves_at = departures.read_clock(self.leaves_at)
        except ValueError:
            wrong = FieldError("leaves_at", "is no time of day, such as 08:30")
            raise Invalid("The departure cannot be kept like this.", [wrong]) from None
        return departures.DepartureFigures(**known, leaves_at=leaves_at, cost_ore=self.cost)


class PointForm(msgspec.Struct, frozen=True):
    """Where a family meets."""

    family: Annotated[UUID, Meta(title=N_("Family"))]
    point: Annotated[str, Meta(title=N_("Assembly point"), max_length=200)]


class LockForm(msgspec.Struct, frozen=True):
    """For how long needs are shown."""

    lock_days: Annotated[int, Meta(title=N_("Days after the season's last day"), ge=0, le=180)]


@get(f"{STAY_PATH}/travel", **READ)
@transactional
def show_travel(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> Response[str]:
    """Who travels from where, with the seats that are left."""
    place, stay = organisation_of(request), find_stay(session, stay_id)
    families = queries.families_of(session, stay)
    nowhere = [one for one in families if one.assembly_point is None]
    if nowhere:
        manifest.note_read(session, place.tenant_id, stay, len(nowhere), actor_of(request))
    points = queries.points_of(stay, queries.departures_of(session, stay_id), families)
    may_change = principal_of(request).may("travel.change")
    return page(
        request,
        "travel/travel.html",
        stay=stay,
        points=points,
        persons=sum(len(one.travellers) for one in families),
        families=len(families),
        nowhere=nowhere,
        may_change=may_change and stay.state == "planned",
    )


@get(f"{STAY_PATH}/departures/new", **CHANGE)
@transactional
def new_departure(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> Response[str]:
    """The form for a new departure."""
    organisation_of(request)
    stay = find_stay(session, stay_id)
    form = blank(request, DepartureForm, leaves_on=stay.starts_on)
    return page(request, "travel/departure_form.html", form=form, **_form(session, stay, None))


def _form(session: Session, stay: StayRow, departure: queries.DepartureRow | None) -> dict[str, Any]:
    taken = {one.assembly_point for one in queries.departures_of(session, stay.id)}
    own = departure.assembly_point if departure else None
    names = [one for one in stay.assembly_points if one == own or one not in taken]
    names += [own] if own and own not in names else []
    return {"stay": stay, "departure": departure, "points": [(one, one) for one in names]}


@post(f"{STAY_PATH}/departures/new", status_code=303, **CHANGE)
@transactional
def add_departure(request: AnyRequest, data: FormData, session: Session, stay_id: FromPath[UUID]) -> Redirect:
    """Add a departure."""
    place, stay = organisation_of(request), find_stay(session, stay_id)
    with redisplaying(request, "travel/departure_form.html", DepartureForm, data, **_form(session, stay, None)):
        asked = read_form(data, DepartureForm)
        departures.keep_departure(
            session, place.tenant_id, place.country, stay_id, None, asked.figures, actor_of(request)
        )
    said = N_("The departure from {point} was added.")
    return redirect(request, f"/stays/{stay_id}/travel", said, point=asked.assembly_point)


@get(f"{_DEPARTURE}/edit", **CHANGE)
@transactional
def edit_departure(request: AnyRequest, session: Session, departure_id: FromPath[UUID]) -> Response[str]:
    """The form of a departure."""
    organisation_of(request)
    departure = queries.find_departure(session, departure_id)
    values = {name: getattr(departure, name) for name in _SAME}
    form = blank(request, DepartureForm, leaves_at=departure.clock, cost=departure.cost_ore, **values)
    stay = find_stay(session, departure.stay_id)
    return page(request, "travel/departure_form.html", form=form, **_form(session, stay, departure))


@post(f"{_DEPARTURE}/edit", status_code=303, **CHANGE)
@transactional
def change_departure(request: AnyRequest, data: FormData, session: Session, departure_id: FromPath[UUID]) -> Redirect:
    """Change a departure."""
    place, departure = organisation_of(request), queries.find_departure(session, departure_id)
    stay = find_stay(session, departure.stay_id)
    with redisplaying(request, "travel/departure_form.html", DepartureForm, data, **_form(session, stay, departure)):
        asked = read_form(data, DepartureForm)
        departures.keep_departure(
            session, place.tenant_id, place.country, stay.id, departure_id, asked.figures, actor_of(request)
        )
    return redirect(request, f"/stays/{stay.id}/travel", N_("The departure was saved."))


@post(f"{_DEPARTURE}/remove", status_code=303, **CHANGE)
@transactional
def remove_departure(request: AnyRequest, session: Session, departure_id: FromPath[UUID]) -> Redirect:
    """Take a departure off."""
    place = organisation_of(request)
    stay_id = departures.remove_departure(session, place.tenant_id, departure_id, actor_of(request))
    return redirect(request, f"/stays/{stay_id}/travel", N_("The departure is gone."))


@post(f"{STAY_PATH}/travel/points", status_code=303, **CHANGE)
@transactional
def choose_point(request: AnyRequest, data: FormData, session: Session, stay_id: FromPath[UUID]) -> Redirect:
    """Say where a family meets."""
    place, asked = organisation_of(request), read_form(data, PointForm)
    departures.meet_at(session, place.tenant_id, stay_id, asked.family, asked.point, actor_of(request))
    return redirect(request, f"/stays/{stay_id}/travel", N_("The family meets at {point}."), point=asked.point)


@get("/travel-settings", **CHANGE)
@transactional
def show_settings(request: AnyRequest, session: Session) -> Response[str]:
    """For how long what families need is shown."""
    organisation_of(request)
    form = blank(request, LockForm, lock_days=queries.lock_days_of(session))
    return page(request, "travel/settings.html", form=form)


@post("/travel-settings", status_code=303, **CHANGE)
@transactional
def set_lock(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Set for how long what families need is shown."""
    place = organisation_of(request)
    with redisplaying(request, "travel/settings.html", LockForm, data):
        asked = read_form(data, LockForm)
        departures.set_lock(session, place.tenant_id, asked.lock_days, actor_of(request))
    return redirect(request, "/travel-settings", N_("The days were saved."))


ROUTES = [
    show_travel,
    new_departure,
    add_departure,
    edit_departure,
    change_departure,
    remove_departure,
    choose_point,
    show_settings,
    set_lock,
]
"""The pages of travel."""
