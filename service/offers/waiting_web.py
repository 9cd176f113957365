"""The pages of the waiting list: who is next, what is free, who was passed over and why."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.allocation.planning import FamilyId
from service.allocation.words import REASONS
from service.audit.actions import record
from service.database.requests import transactional
from service.errors import N_, Conflict, Count, Text
from service.identity.access import AnyRequest
from service.offers.desk import settings_of
from service.offers.ending import withdraw_gone
from service.offers.waiting import (
    Line,
    abandoned_stays,
    has_offers,
    offer_free,
    overs_of,
    read_line,
    reoffer,
)
from service.offers.waiting_file import as_csv
from service.offers.web import PAGE, WORDS, desk_of
from service.stays.lists_web import CSV
from service.stays.queries import find_season, find_stay
from service.stays.stays_web import as_file
from service.stays.web import SEASON_PATH, SEASONS
from service.web.forms import FormData, read_form
from service.web.pages import page, redirect

WAITING: Final = f"{SEASON_PATH}/waiting-list"


class NextForm(msgspec.Struct, frozen=True):
    """Who was shown as the next, and for which stay."""

    municipality: Annotated[UUID, Meta(title=N_("Municipality"))]
    family: Annotated[str, Meta(title=N_("Family"), max_length=40)]
    stay: Annotated[UUID, Meta(title=N_("Stay"))]


@get(WAITING, **PAGE)
@transactional
def show_waiting_list(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The waiting list in the order of the turns."""
    desk, season = desk_of(request), find_season(session, season_id)
    gone = withdraw_gone(session, desk, season_id)
    line, refusal = None, None
    try:
        line = read_line(session, desk, season_id)
    except Conflict as missing:
        refusal = missing.text
    record(session, desk.tenant.id, desk.actor, "offers.waiting", ("season", season_id))
    return page(
        request,
        "offers/waiting.html",
        **WORDS | _shown(session, season_id, line, refusal) | {"season": season, "gone": gone},
    )


def _shown(session: Session, season_id: UUID, line: Line | None, refusal: Text | None) -> dict[str, Any]:
    overs: dict[FamilyId, list[Any]] = {}
    for one in overs_of(session, season_id):
        overs.setdefault(one.family, []).append(one)
    return {
        "line": line,
        "refusal": refusal.template if refusal else None,
        "lacks": REASONS,
        "overs": overs,
        "abandoned": abandoned_stays(session, season_id),
        "settled": settings_of(session, season_id),
        "may_offer": has_offers(session, season_id),
    }


@post(f"{WAITING}/next", status_code=303, **PAGE)
@transactional
def offer_next(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Offer a free place to the family that was shown for it."""
    asked = read_form(data, NextForm)
    only = (FamilyId(asked.municipality, asked.family), asked.stay)
    made = offer_free(session, desk_of(request), season_id, only)
    return _back(request, season_id, len(made))


@post(f"{WAITING}/all", status_code=303, **PAGE)
@transactional
def offer_all(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Offer all that is free to those who are next."""
    return _back(request, season_id, len(offer_free(session, desk_of(request), season_id)))


def _back(request: AnyRequest, season_id: UUID, made: int) -> Redirect:
    kind = "success" if made else "warning"
    return redirect(
        request, f"{SEASONS}/{season_id}/waiting-list", N_("Offers made: {count}."), kind=kind, count=Count(made)
    )


@get(f"{WAITING}/file.csv", **PAGE)
@transactional
def take_file(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[bytes]:
    """The waiting list as CSV."""
    desk = desk_of(request)
    find_season(session, season_id)
    line = read_line(session, desk, season_id)
    record(session, desk.tenant.id, desk.actor, "offers.waiting", ("season", season_id))
    return as_file(as_csv(line), "waiting-list.csv", CSV)


@post("/stays/{stay_id:uuid}/reoffer", status_code=303, **PAGE)
@transactional
def reoffer_stay(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> Redirect:
    """Offer the families of a cancelled stay another of their wishes."""
    stay = find_stay(session, stay_id)
    done = reoffer(session, desk_of(request), stay_id)
    said = N_("Offers of other stays: {count}. Families that wait: {waiting}.")
    return redirect(
        request,
        f"{SEASONS}/{stay.season_id}/offers",
        said,
        count=Count(len(done.offers)),
        waiting=Count(done.waiting),
    )


ROUTES = [show_waiting_list, offer_next, offer_all, take_file, reoffer_stay]
"""The pages of the waiting list."""
