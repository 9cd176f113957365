"""The page of what municipalities owe for travel, and the same as a file."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import transactional
from service.errors import N_, Count
from service.identity.access import AnyRequest, actor_of, organisation_of
from service.stays.queries import find_season
from service.stays.stays_web import as_file
from service.stays.web import SEASON_PATH
from service.travel import charges
from service.travel.web import CHANGE
from service.travel.words import CHARGE_COLORS, CHARGES
from service.values import clock
from service.web.forms import FormData, read_form
from service.web.pages import page, redirect

SAID = {
    "invoice": N_("Lines noted as invoiced: {count}. Their amounts do not change any more."),
    "pay": N_("Lines noted as paid: {count}."),
}


class StepForm(msgspec.Struct, frozen=True):
    """That a municipality was invoiced or has paid."""

    municipality: Annotated[UUID, Meta(title=N_("Municipality"))]
    step: Annotated[Literal["invoice", "pay"], Meta(title=N_("Step"))]
    on: Annotated[date, Meta(title=N_("Day"))]


class BackForm(msgspec.Struct, frozen=True):
    """Which step is taken back."""

    municipality: Annotated[UUID, Meta(title=N_("Municipality"))]
    departure: Annotated[UUID, Meta(title=N_("Departure"))]
    seen: Annotated[Literal["invoiced", "paid"], Meta(title=N_("State"))]


@get(f"{SEASON_PATH}/travel-costs", **CHANGE)
@transactional
def show_costs(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """What each municipality owes for the seats that it used."""
    place, season = organisation_of(request), find_season(session, season_id)
    today = clock.today(place.time_zone)
    costs = charges.costs_of(session, season_id, today)
    context: dict[str, Any] = {"season": season, "costs": costs, "states": CHARGES, "colors": CHARGE_COLORS}
    return page(request, "travel/costs.html", today=today, **context)


@post(f"{SEASON_PATH}/travel-costs", status_code=303, **CHANGE)
@transactional
def take_step(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Note that a municipality was invoiced, or has paid."""
    place, asked = organisation_of(request), read_form(data, StepForm)
    count = charges.take_step(
        session,
        place.tenant_id,
        season_id,
        asked.municipality,
        asked.step,
        asked.on,
        clock.today(place.time_zone),
        actor_of(request),
    )
    return redirect(request, f"/seasons/{season_id}/travel-costs", SAID[asked.step], count=Count(count))


@post(f"{SEASON_PATH}/travel-costs/back", status_code=303, **CHANGE)
@transactional
def take_back(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Take the last step of a line back."""
    place, asked = organisation_of(request), read_form(data, BackForm)
    charges.take_back(
        session, place.tenant_id, season_id, asked.municipality, asked.departure, asked.seen, actor_of(request)
    )
    return redirect(request, f"/seasons/{season_id}/travel-costs", N_("The step is taken back."))


@get(f"{SEASON_PATH}/travel-costs.csv", **CHANGE)
@transactional
def take_costs(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[bytes]:
    """The same as a file."""
    organisation_of(request)
    find_season(session, season_id)
    content = charges.as_file(charges.lines_of(session, season_id))
    return as_file(content, "travel-costs.csv", "text/csv")


ROUTES = [show_costs, take_step, take_back, take_costs]
"""The pages of costs."""
