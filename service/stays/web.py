"""The pages of seasons: planned, published and copied, with their municipalities and fall-back offers."""

from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import transactional
from service.errors import N_, Count
from service.identity.access import AnyRequest, actor_of, organisation_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.stays import queries, seasons
from service.stays.rules import SeasonDates
from service.stays.words import FALLBACKS, ROLE_COLORS, ROLE_STATES, ROLES, SEASON_COLORS, SEASON_STATES
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

SEASONS: Final = "/seasons"
SEASON_PATH: Final = f"{SEASONS}/{{season_id:uuid}}"
READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("stays.read")}
CHANGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("stays.change")}
WORDS: Final[dict[str, Any]] = {
    "states": SEASON_STATES,
    "colors": SEASON_COLORS,
    "roles": ROLES,
    "role_states": ROLE_STATES,
    "role_colors": ROLE_COLORS,
    "fallback_kinds": FALLBACKS,
}


class SeasonForm(msgspec.Struct, frozen=True):
    """A season of a district with its dates."""

    key: FormKey
    district: Annotated[UUID, Meta(title=N_("District"))]
    name: Annotated[str, Meta(title=N_("Name"), max_length=100)]
    referral_deadline: Annotated[date, Meta(title=N_("Services refer until"))]
    list_deadline: Annotated[date, Meta(title=N_("Lists are handed over until"))]
    planned_on: Annotated[date, Meta(title=N_("Places are allocated on"))]
    first_day: Annotated[date, Meta(title=N_("First day"))]
    last_day: Annotated[date, Meta(title=N_("Last day"))]

    @property
    def dates(self) -> SeasonDates:
        return msgspec.convert(self, SeasonDates, from_attributes=True)


class CopyForm(msgspec.Struct, frozen=True):
    """The next season, as the last one was."""

    key: FormKey
    name: Annotated[str, Meta(title=N_("Name"), max_length=100)]
    years: Annotated[int, Meta(title=N_("How many years later"), ge=1, le=5)] = 1


class FallbackForm(msgspec.Struct, frozen=True):
    """A fall-back offer."""

    key: FormKey
    kind: Annotated[Literal["day_trip", "children_alone"], Meta(title=N_("Kind"))]
    name: Annotated[str, Meta(title=N_("Name"), max_length=100)]
    starts_on: Annotated[date, Meta(title=N_("First day"))]
    ends_on: Annotated[date, Meta(title=N_("Last day"))]
    places: Annotated[int, Meta(title=N_("Places"), ge=1, le=2000)]
    min_age: Annotated[int, Meta(title=N_("Youngest"), ge=0, le=17)] = 0
    max_age: Annotated[int, Meta(title=N_("Oldest"), ge=0, le=17)] = 17
    description: Annotated[str, Meta(title=N_("Description"), max_length=500)] = ""


class QuotaForm(msgspec.Struct, frozen=True):
    """For how many families a municipality may hand a list over."""

    municipality: Annotated[UUID, Meta(title=N_("Municipality"))]
    quota: Annotated[int | None, Meta(title=N_("Quota"), ge=0, le=10_000)] = None


@get(SEASONS, **READ)
@transactional
def show_seasons(request: AnyRequest, session: Session) -> Response[str]:
    """The seasons, the newest first."""
    organisation_of(request)
    return page(
        request,
        "stays/seasons.html",
        seasons=queries.list_seasons(session),
        districts=queries.list_districts(session),
        may_change=principal_of(request).may("stays.change"),
        **WORDS,
    )


@get(f"{SEASONS}/new", **CHANGE)
@transactional
def new_season(request: AnyRequest, session: Session) -> Response[str]:
    """The form for a new season."""
    organisation_of(request)
    form = blank(request, SeasonForm, key=new_key())
    return page(request, "stays/season_form.html", form=form, season=None, **_districts(session))


def _districts(session: Session) -> dict[str, Any]:
    return {"districts": [(one.id, one.name) for one in queries.list_districts(session)]}


@post(f"{SEASONS}/new", status_code=303, **CHANGE)
@transactional
def add_season(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Plan a season."""
    place = organisation_of(request)
    with redisplaying(request, "stays/season_form.html", SeasonForm, data, season=None, **_districts(session)):
        asked = read_form(data, SeasonForm)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, SEASONS)
        made = seasons.add_season(session, place.tenant_id, asked.district, asked.name, asked.dates, actor_of(request))
    return redirect(request, f"{SEASONS}/{made}", N_("The season {name} is planned."), name=asked.name)


@get(SEASON_PATH, **READ)
@transactional
def show_season(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """A season with its stays, fall-back offers and municipalities."""
    organisation_of(request)
    return page(request, "stays/season.html", **_season(request, session, season_id))


def _season(request: AnyRequest, session: Session, season_id: UUID) -> dict[str, Any]:
    season = queries.find_season(session, season_id)
    stays = queries.stays_of(session, season_id)
    planned = [one for one in stays if one.state == "planned"]
    places = queries.places_of_season(session, season_id)
    inside = {one.municipality_id for one in places}
    return WORDS | {
        "season": season,
        "stays": stays,
        "family_places": sum(one.family_places for one in planned),
        "person_places": sum(one.person_places for one in planned),
        "fallbacks": queries.fallbacks_of(session, season_id),
        "municipalities": places,
        "outside": [
            (one.id, one.name) for one in queries.municipalities_of(session, season.district_id) if one.id not in inside
        ],
        "may_change": principal_of(request).may("stays.change"),
        "may_receive": principal_of(request).may("lists.receive"),
    }


@get(f"{SEASON_PATH}/edit", **CHANGE)
@transactional
def edit_season(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The form of a season, and one for its copy."""
    organisation_of(request)
    season = queries.find_season(session, season_id)
    values = {name: getattr(season, name) for name in ("name", *SeasonDates.__struct_fields__)}
    form = blank(request, SeasonForm, key=new_key(), district=season.district_id, **values)
    return page(request, "stays/season_form.html", form=form, season=season, **_districts(session))


@post(f"{SEASON_PATH}/edit", status_code=303, **CHANGE)
@transactional
def change_season(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Change a season's name and dates."""
    place, season = organisation_of(request), queries.find_season(session, season_id)
    with redisplaying(request, "stays/season_form.html", SeasonForm, data, season=season, **_districts(session)):
        asked = read_form(data, SeasonForm)
        seasons.change_season(session, place.tenant_id, season_id, asked.name, asked.dates, actor_of(request))
    return redirect(request, f"{SEASONS}/{season_id}", N_("The season was saved."))


@get(f"{SEASON_PATH}/copy", **CHANGE)
@transactional
def ask_for_copy(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """What comes along to the next season."""
    organisation_of(request)
    season = queries.find_season(session, season_id)
    form = blank(request, CopyForm, key=new_key(), years=1)
    return page(request, "stays/season_copy.html", form=form, season=season)


@post(f"{SEASON_PATH}/copy", status_code=303, **CHANGE)
@transactional
def copy_season(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Plan the next season as this one was."""
    place, season = organisation_of(request), queries.find_season(session, season_id)
    with redisplaying(request, "stays/season_copy.html", CopyForm, data, season=season):
        asked = read_form(data, CopyForm)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, SEASONS)
        made = seasons.copy_season(session, place.tenant_id, season_id, asked.name, asked.years, actor_of(request))
    return redirect(request, f"{SEASONS}/{made}", N_("The season {name} is planned."), name=asked.name)


@post(f"{SEASON_PATH}/publish", status_code=303, **CHANGE)
@transactional
def publish_season(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Offer a season to its municipalities."""
    place = organisation_of(request)
    reached = seasons.publish_season(session, place.tenant_id, season_id, actor_of(request))
    said = N_("The season is published; {count} municipalities see it in their own Medspiller.")
    return redirect(request, f"{SEASONS}/{season_id}", said, count=Count(reached))


@post(f"{SEASON_PATH}/close", status_code=303, **CHANGE)
@transactional
def close_season(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Take no more referrals."""
    seasons.close_season(session, organisation_of(request).tenant_id, season_id, actor_of(request))
    return redirect(request, f"{SEASONS}/{season_id}", N_("The season takes no more referrals."))


@post(f"{SEASON_PATH}/open", status_code=303, **CHANGE)
@transactional
def open_season(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Take referrals again."""
    seasons.close_season(session, organisation_of(request).tenant_id, season_id, actor_of(request), again=True)
    return redirect(request, f"{SEASONS}/{season_id}", N_("The season takes referrals again."))


@post(f"{SEASON_PATH}/quotas", status_code=303, **CHANGE)
@transactional
def set_quota(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Let a municipality hand a list over, for so many families."""
    place, asked = organisation_of(request), read_form(data, QuotaForm)
    seasons.set_quota(session, place.tenant_id, season_id, asked.municipality, asked.quota, actor_of(request))
    return redirect(request, f"{SEASONS}/{season_id}", N_("The quota was saved."))


@get(f"{SEASON_PATH}/fallbacks/new", **CHANGE)
@transactional
def new_fallback(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The form for a fall-back offer."""
    organisation_of(request)
    season = queries.find_season(session, season_id)
    form = blank(request, FallbackForm, key=new_key(), min_age=0, max_age=17)
    return page(request, "stays/fallback_form.html", form=form, season=season, **WORDS)


@post(f"{SEASON_PATH}/fallbacks/new", status_code=303, **CHANGE)
@transactional
def add_fallback(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Add a fall-back offer."""
    place, season = organisation_of(request), queries.find_season(session, season_id)
    with redisplaying(request, "stays/fallback_form.html", FallbackForm, data, season=season, **WORDS):
        asked = read_form(data, FallbackForm)
        if not is_repeated(session, principal_of(request), asked.key):
            known = {name: getattr(asked, name) for name in seasons.Fallback.__struct_fields__}
            offer = seasons.Fallback(**known)
            seasons.add_fallback(session, place.tenant_id, season_id, offer, actor_of(request))
    return redirect(request, f"{SEASONS}/{season_id}", N_("{name} was added."), name=asked.name)


@post("/fallbacks/{fallback_id:uuid}/remove", status_code=303, **CHANGE)
@transactional
def remove_fallback(request: AnyRequest, session: Session, fallback_id: FromPath[UUID]) -> Redirect:
    """Take a fall-back offer back."""
    season_id = seasons.remove_fallback(session, organisation_of(request).tenant_id, fallback_id, actor_of(request))
    return redirect(request, f"{SEASONS}/{season_id}", N_("The offer is gone."))


ROUTES = [
    show_seasons,
    new_season,
    add_season,
    show_season,
    edit_season,
    change_season,
    ask_for_copy,
    copy_season,
    publish_season,
    close_season,
    open_season,
    set_quota,
    new_fallback,
    add_fallback,
    remove_fallback,
]
"""The pages of seasons."""
