"""The pages on which coordinators and volunteers make offers and follow them."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.allocation.planning import FamilyId, read_plan
from service.audit.actions import record
from service.database.requests import keys_of, transactional
from service.errors import N_, Count, NotFound
from service.identity.access import AnyRequest, actor_of, organisation_of
from service.identity.permissions import may
from service.offers import making
from service.offers.desk import Desk, keep_settings, settings_of, tenant_of
from service.offers.ending import withdraw_gone
from service.offers.letters import print_letters
from service.offers.making import Wanted, make_offers, placed_without_offer
from service.offers.models import STATES
from service.offers.rules import Settings
from service.offers.season import SORTS, Wish, read_overview
from service.offers.waiting import abandoned_stays
from service.offers.words import BECAUSE, COLORS, HOW, VIA, WAYS
from service.offers.words import STATES as STATE_WORDS
from service.stays.queries import find_season, places_of_season
from service.stays.stays_web import as_file
from service.stays.web import SEASON_PATH, SEASONS
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

OFFERS: Final = f"{SEASON_PATH}/offers"
PAGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("offers.make")}
WORDS: Final[dict[str, Any]] = {
    "states": STATE_WORDS,
    "colors": COLORS,
    "via_words": VIA,
    "ways": WAYS,
    "how_words": HOW,
    "reasons": BECAUSE,
}
Way = Literal["auto", "letter", "email", "text", "referrer"]


class FilterForm(msgspec.Struct, frozen=True):
    """Which offers are shown."""

    stay: Annotated[str, Meta(title=N_("Stay"), max_length=20)] = ""
    state: Annotated[str, Meta(title=N_("State"), max_length=20)] = ""
    sort: Annotated[str, Meta(title=N_("Sorted by"), max_length=20)] = "stay"


class SearchForm(msgspec.Struct, frozen=True):
    """A word of a family's name, or its key."""

    q: Annotated[str, Meta(title=N_("Family"), max_length=100)] = ""


class MakeForm(msgspec.Struct, frozen=True):
    """The offers of a stay or of the season."""

    stay: Annotated[UUID | None, Meta(title=N_("Stay"))] = None
    via: Annotated[Literal["auto", "letter", "referrer"], Meta(title=N_("How they go"))] = "auto"
    days: Annotated[int, Meta(title=N_("Days to answer"), ge=1, le=90)] = 14
    even_so: Annotated[bool, Meta(title=N_("Offer though too few volunteers have confirmed"))] = False


class OneForm(msgspec.Struct, frozen=True):
    """The offer of one family."""

    municipality: Annotated[UUID, Meta(title=N_("Municipality"))]
    family: Annotated[str, Meta(title=N_("Family"), max_length=40)]
    via: Annotated[Way, Meta(title=N_("How it goes"))] = "auto"
    email: Annotated[str, Meta(title=N_("E-mail"), max_length=254)] = ""
    street: Annotated[str, Meta(title=N_("Street"), max_length=100)] = ""
    postcode_city: Annotated[str, Meta(title=N_("Postcode and city"), max_length=100)] = ""
    days: Annotated[int, Meta(title=N_("Days to answer"), ge=1, le=90)] = 14
    even_so: Annotated[bool, Meta(title=N_("Offer though too few volunteers have confirmed"))] = False


class LettersForm(msgspec.Struct, frozen=True):
    """Which letters are printed."""

    municipality: Annotated[UUID | None, Meta(title=N_("Municipality"))] = None
    again: Annotated[bool, Meta(title=N_("Those that were printed already as well"))] = False


class SettingsForm(msgspec.Struct, frozen=True):
    """How a season's offers go out."""

    answer_days: Annotated[int, Meta(title=N_("Days to answer"), ge=1, le=90)] = 14
    remind_days: Annotated[int, Meta(title=N_("Days before the deadline to remind"), ge=0, le=30)] = 3
    by_itself: Annotated[bool, Meta(title=N_("Offer places that fall free without anybody's click"))] = False


def desk_of(request: AnyRequest) -> Desk:
    """The organisation, and who acts."""
    tenant = tenant_of(organisation_of(request))
    return Desk(tenant, keys_of(request), request.app.state.public_url, actor_of(request))


@get(OFFERS, **PAGE)
@transactional
def show_offers(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The offers of a season."""
    asked = {name: request.query_params.get(name, "") for name in ("stay", "state", "sort")}
    state = asked["state"] if asked["state"] in STATES else ""
    sort = asked["sort"] if asked["sort"] in SORTS else "stay"
    wish = Wish(asked["stay"][:20], state, "", sort)
    return page(request, "offers/offers.html", **_overview(request, session, season_id, wish))


@post(f"{OFFERS}/search", status_code=200, **PAGE)
@transactional
def search_offers(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The offers of families with a word in their name; it stands in no address."""
    wish = Wish(word=read_form(data, SearchForm).q)
    return page(request, "offers/offers.html", **_overview(request, session, season_id, wish))


def _overview(request: AnyRequest, session: Session, season_id: UUID, wish: Wish) -> dict[str, Any]:
    desk = desk_of(request)
    find_season(session, season_id)
    # A place of a family whose consent is gone is free as soon as anybody looks.
    gone = withdraw_gone(session, desk, season_id)
    found = read_overview(session, desk, season_id, wish)
    filter_ = blank(request, FilterForm, stay=wish.stay, state=wish.state, sort=wish.sort)
    return WORDS | {
        "season": found.season,
        "seen": found,
        "gone": gone,
        "word": wish.word,
        "filter": filter_,
        "abandoned": abandoned_stays(session, season_id),
        "letters": blank(request, LettersForm),
        "municipalities": [(one.municipality_id, one.name) for one in places_of_season(session, season_id)],
        "unprinted": sum(
            one.state == "open" and one.via in ("letter", "referrer") and one.sent_at is None for one in found.offers
        ),
    }


@get(f"{OFFERS}/new", **PAGE)
@transactional
def ask_for_offers(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """What goes out, before it does."""
    context = _making(request, session, season_id)
    form = blank(request, MakeForm, via="auto", days=settings_of(session, season_id).answer_days)
    return page(request, "offers/make.html", form=form, **context)


def _making(request: AnyRequest, session: Session, season_id: UUID) -> dict[str, Any]:
    desk, season = desk_of(request), find_season(session, season_id)
    withdraw_gone(session, desk, season_id)
    planned = read_plan(session, season)
    without = placed_without_offer(session, planned)
    counts = [(stay, sum(one.stay_id == stay.id for one in without)) for stay in planned.stays]
    record(session, desk.tenant.id, desk.actor, "offers.list", ("season", season_id))
    return WORDS | {
        "season": season,
        "without": without,
        "codes": planned.codes,
        "stays": [(stay, count) for stay, count in counts if count],
        "few": [stay for stay, count in counts if count and stay.confirmed < stay.volunteers],
    }


@post(f"{OFFERS}/new", status_code=303, **PAGE)
@transactional
def send_offers(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Make the offers; what goes by e-mail or text leaves with the commit."""
    desk = desk_of(request)
    with redisplaying(request, "offers/make.html", MakeForm, data, **_making(request, session, season_id)):
        asked = read_form(data, MakeForm)
        made = make_offers(
            session,
            desk,
            season_id,
            stay_id=asked.stay,
            via=asked.via,
            days=asked.days,
            even_so=asked.even_so,
        )
    said = N_("Offers made: {count}. Stays that begin too soon for an offer: {late} families.")
    if not made.too_late:
        said = N_("Offers made: {count}.")
    kind = "success" if made.offers else "warning"
    return redirect(
        request, _at(season_id), said, kind=kind, count=Count(len(made.offers)), late=Count(len(made.too_late))
    )


def _at(season_id: UUID) -> str:
    return f"{SEASONS}/{season_id}/offers"


@get(f"{OFFERS}/one", **PAGE)
@transactional
def ask_for_offer(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The form for the offer of one family, with an address if one is known."""
    context = _one(request, session, season_id, dict(request.query_params))
    days = settings_of(session, season_id).answer_days
    asked = {name: request.query_params.get(name, "") for name in ("municipality", "family")}
    return page(
        request, "offers/make_one.html", form=blank(request, OneForm, via="auto", days=days, **asked), **context
    )


def _one(request: AnyRequest, session: Session, season_id: UUID, asked: dict[str, Any]) -> dict[str, Any]:
    desk, season = desk_of(request), find_season(session, season_id)
    planned = read_plan(session, season)
    wanted = (str(asked.get("municipality", "")), str(asked.get("family", "")))
    found = [
        one for one in placed_without_offer(session, planned) if (str(one.id.municipality_id), one.id.key) == wanted
    ]
    if not found or found[0].stay_id is None:
        raise NotFound("No such family holds a place without an offer.")
    record(session, desk.tenant.id, desk.actor, "offers.list", ("season", season_id))
    stay = planned.stay(found[0].stay_id)
    return WORDS | {"season": season, "family": found[0], "stay": stay}


@post(f"{OFFERS}/one", status_code=303, **PAGE)
@transactional
def send_offer(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Make the offer of one family."""
    desk = desk_of(request)
    context = _one(request, session, season_id, data)
    with redisplaying(request, "offers/make_one.html", OneForm, data, **context):
        asked = read_form(data, OneForm)
        wanted = Wanted(
            FamilyId(asked.municipality, asked.family), asked.via, asked.email, asked.street, asked.postcode_city
        )
        made = make_offers(session, desk, season_id, [wanted], days=asked.days, even_so=asked.even_so)
    said = N_("Offers made: {count}.") if made.offers else N_("The stay begins too soon for an offer.")
    kind = "success" if made.offers else "warning"
    return redirect(request, _at(season_id), said, kind=kind, count=Count(len(made.offers)))


@post(f"{OFFERS}/letters", status_code=200, **PAGE)
@transactional
def take_letters(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Response[bytes]:
    """The letters as one file to print; by a municipality, so that it can hand them on."""
    asked = read_form(data, LettersForm)
    season = find_season(session, season_id)
    pdf = print_letters(session, desk_of(request), season.id, municipality_id=asked.municipality, again=asked.again)
    return as_file(pdf, "offers.pdf", "application/pdf")


@post(f"{OFFERS}/reminders", status_code=303, **PAGE)
@transactional
def remind(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Remind of the offers whose deadline is near."""
    find_season(session, season_id)
    count = making.remind(session, desk_of(request), season_id)
    said = N_("Reminders that go out: {count}. Families with a letter are called.")
    return redirect(request, _at(season_id), said, count=Count(count))


@get(f"{OFFERS}/settings", **PAGE)
@transactional
def show_settings(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """How the season's offers go out."""
    organisation_of(request)
    season = find_season(session, season_id)
    values = msgspec.structs.asdict(settings_of(session, season_id))
    return page(request, "offers/settings.html", form=blank(request, SettingsForm, **values), season=season)


@post(f"{OFFERS}/settings", status_code=303, **PAGE)
@transactional
def change_settings(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Settle how the season's offers go out from now on."""
    desk, season = desk_of(request), find_season(session, season_id)
    with redisplaying(request, "offers/settings.html", SettingsForm, data, season=season):
        asked = read_form(data, SettingsForm)
        keep_settings(session, desk, season_id, msgspec.convert(asked, Settings, from_attributes=True))
    return redirect(request, _at(season_id), N_("That was saved. Deadlines that were given stand."))


ROUTES = [
    show_offers,
    search_offers,
    ask_for_offers,
    send_offers,
    ask_for_offer,
    send_offer,
    take_letters,
    remind,
    show_settings,
    change_settings,
]
"""The pages of a season's offers."""
