"""Offers and the waiting list in the API, for coordinators and volunteers."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import Body, FromPath, QueryParameter
from sqlmodel import Session

from schemas.offer import (
    LackDetail,
    NewOffers,
    NextOffer,
    OfferAnswer,
    OfferDetail,
    OfferSettingsDetail,
    OffersMade,
    OfferState,
    OfferTime,
    OfferTravellerDetail,
    OfferWhole,
    RemindersSent,
    StayReoffered,
    WaitingFamily,
)
from schemas.page import Page
from service.allocation.planning import FamilyId
from service.audit.actions import record
from service.database.requests import transactional
from service.errors import FieldError, Invalid
from service.identity.access import AnyRequest
from service.identity.permissions import may
from service.offers import answers, making
from service.offers.answers import Yes
from service.offers.desk import Desk, keep_settings, settings_of
from service.offers.ending import withdraw_gone
from service.offers.letters import print_letters
from service.offers.making import Wanted, make_offers
from service.offers.queries import OfferRow, find_offer, needs_of, offers_of, travellers_of
from service.offers.rules import Needs, Settings
from service.offers.waiting import Line, Over, Waiter, offer_free, overs_of, read_line, reoffer
from service.offers.web import desk_of
from service.stays.api import paged
from service.stays.queries import find_season, find_stay
from service.stays.stays_web import as_file
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

_CALL: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "responses": DOCUMENTED,
    "opt": may("offers.make"),
    "tags": ["offers"],
}
_State = Annotated[OfferState | None, QueryParameter(name="state", description="Only offers in this state.")]
_SEASON: Final = "/api/v1/seasons/{season_id:uuid}"
_OFFER: Final = "/api/v1/offers/{offer_id:uuid}"


def _detail(row: OfferRow) -> OfferDetail:
    return msgspec.convert(row, OfferDetail, from_attributes=True)


@get(f"{_SEASON}/offers", **_CALL)
@transactional
def list_offers(
    request: AnyRequest,
    session: Session,
    season_id: FromPath[UUID],
    in_state: _State = None,
    stay: Annotated[str | None, QueryParameter(description="Only offers of the stay with this code.")] = None,
    limit: Limit = PAGE,
    after: After = None,
) -> Page[OfferDetail]:
    """The offers of a season, by stay; those that have ended too."""
    desk = desk_of(request)
    find_season(session, season_id)
    withdraw_gone(session, desk, season_id)
    found = [
        one
        for one in offers_of(session, season_id)
        if (in_state is None or one.state == in_state) and (stay is None or one.stay == stay)
    ]
    record(session, desk.tenant.id, desk.actor, "offers.list", ("season", season_id))
    return paged(found, limit, after, _detail, lambda one: one.id)


@post(f"{_SEASON}/offers", **_CALL)
@transactional
@idempotent
def make_season_offers(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[NewOffers, Body()]
) -> OffersMade:
    """Offer families the places that they hold. E-mails and text messages leave with the commit."""
    wanted = None
    if data.families is not None:
        wanted = [
            Wanted(FamilyId(one.municipality_id, one.family_key), one.via, one.email, one.street, one.postcode_city)
            for one in data.families
        ]
    made = make_offers(
        session,
        desk_of(request),
        season_id,
        wanted,
        stay_id=data.stay_id,
        via=data.via,
        days=data.days,
        even_so=data.even_so,
    )
    return OffersMade(made.offers, made.too_late)


@get(f"{_SEASON}/offers/settings", **_CALL)
@transactional
def show_offer_settings(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> OfferSettingsDetail:
    """How the season's offers go out."""
    desk_of(request)
    find_season(session, season_id)
    return msgspec.convert(settings_of(session, season_id), OfferSettingsDetail, from_attributes=True)


@put(f"{_SEASON}/offers/settings", **_CALL)
@transactional
def set_offer_settings(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[OfferSettingsDetail, Body()]
) -> OfferSettingsDetail:
    """Settle how the season's offers go out from now on; deadlines that were given stand."""
    find_season(session, season_id)
    keep_settings(session, desk_of(request), season_id, msgspec.convert(data, Settings, from_attributes=True))
    return data


@post(f"{_SEASON}/offers/reminders", status_code=200, **_CALL)
@transactional
def remind_of_offers(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> RemindersSent:
    """Remind of the offers whose deadline is near; each once."""
    find_season(session, season_id)
    return RemindersSent(making.remind(session, desk_of(request), season_id))


@post(f"{_SEASON}/offers/letters", status_code=200, media_type="application/pdf", **_CALL)
@transactional
def print_offer_letters(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[bytes]:
    """The letters that were not printed yet, as one PDF; 409 where there are none."""
    find_season(session, season_id)
    return as_file(print_letters(session, desk_of(request), season_id), "offers.pdf", "application/pdf")


@get(_OFFER, **_CALL)
@transactional
def show_offer(request: AnyRequest, session: Session, offer_id: FromPath[UUID]) -> OfferWhole:
    """An offer with the family."""
    desk = desk_of(request)
    return _whole(session, desk, answers.look(session, desk, offer_id))


def _whole(session: Session, desk: Desk, row: OfferRow) -> OfferWhole:
    record(session, desk.tenant.id, desk.actor, "offers.read", ("offer", row.id))
    people = [
        msgspec.convert(one, OfferTravellerDetail, from_attributes=True) for one in travellers_of(session, row.id)
    ]
    needs = msgspec.structs.asdict(needs_of(session, desk.secrets, row.id))
    return OfferWhole(_detail(row), row.contact_name, row.phone, people, **needs)


@post(f"{_OFFER}/answer", status_code=200, **_CALL)
@transactional
def note_offer_answer(
    request: AnyRequest, session: Session, offer_id: FromPath[UUID], data: Annotated[OfferAnswer, Body()]
) -> OfferDetail:
    """Note what a family has said on the phone; 409 once the offer has ended or its deadline is over."""
    yes = None
    if data.accepts:
        needs = Needs(**{name: getattr(data, name) for name in Needs.__struct_fields__})
        yes = Yes(tuple(data.comes), data.assembly_point, needs)
    return _detail(answers.note_answer(session, desk_of(request), offer_id, yes, data.because))


@post(f"{_OFFER}/cancellation", status_code=200, **_CALL)
@transactional
def note_offer_cancellation(request: AnyRequest, session: Session, offer_id: FromPath[UUID]) -> OfferDetail:
    """Note that a family that had accepted cannot come; its place falls free."""
    return _detail(answers.note_cancellation(session, desk_of(request), offer_id))


@post(f"{_OFFER}/withdrawal", status_code=200, **_CALL)
@transactional
def withdraw_offer(request: AnyRequest, session: Session, offer_id: FromPath[UUID]) -> OfferDetail:
    """Take an offer back; its place falls free."""
    answers.withdraw(session, desk_of(request), offer_id)
    return _detail(find_offer(session, offer_id))


@post(f"{_OFFER}/reminder", status_code=200, **_CALL)
@transactional
def remind_of_offer(request: AnyRequest, session: Session, offer_id: FromPath[UUID]) -> RemindersSent:
    """Write once more about an offer that waits for an answer."""
    row = find_offer(session, offer_id)
    return RemindersSent(making.remind(session, desk_of(request), row.season_id, offer_id))


@post(f"{_OFFER}/time", status_code=200, **_CALL)
@transactional
def give_time(
    request: AnyRequest, session: Session, offer_id: FromPath[UUID], data: Annotated[OfferTime, Body()]
) -> OfferDetail:
    """Let the family answer until the end of a later day."""
    return _detail(making.give_time(session, desk_of(request), offer_id, data.until))


@post(f"{_OFFER}/return", status_code=200, **_CALL)
@transactional
def let_family_wait_again(request: AnyRequest, session: Session, offer_id: FromPath[UUID]) -> OfferDetail:
    """Put a family back on the waiting list that said no, or nothing: in its rank."""
    return _detail(making.let_wait_again(session, desk_of(request), offer_id))


@get(f"{_SEASON}/waiting-list", **_CALL)
@transactional
def show_waiting_list(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], limit: Limit = PAGE, after: After = None
) -> Page[WaitingFamily]:
    """The families that wait, in the order of their turns; 409 before the season has a draw."""
    desk = desk_of(request)
    find_season(session, season_id)
    withdraw_gone(session, desk, season_id)
    line = read_line(session, desk, season_id)
    overs: dict[FamilyId, list[Over]] = {}
    for one in overs_of(session, season_id):
        overs.setdefault(one.family, []).append(one)
    record(session, desk.tenant.id, desk.actor, "offers.waiting", ("season", season_id))
    last = decode_cursor(after, int) or 0
    rows = [one for one in line.waiters if one.place > last]
    return page_of(
        rows[: limit + 1],
        limit,
        lambda one: _waiting(line, one, overs.get(one.family.id, [])),
        lambda one: one.place,
    )


def _waiting(line: Line, one: Waiter, overs: list[Over]) -> WaitingFamily:
    listed = one.family.listed
    assert listed is not None
    return WaitingFamily(
        place=one.place,
        municipality_id=one.family.id.municipality_id,
        municipality=one.family.municipality,
        family_key=one.family.id.key,
        persons=one.family.persons,
        beds=one.family.beds,
        late=listed.late,
        points=one.score.points,
        took_part_lately=one.score.recent,
        options=list(one.options),
        next_for=one.goes,
        next_for_id=None if one.goes is None else line.stay(one.goes).id,
        lacks=[msgspec.convert(lack, LackDetail, from_attributes=True) for lack in one.lacks],
        passed_over=[msgspec.convert(over, LackDetail, from_attributes=True) for over in overs],
    )


@post(f"{_SEASON}/waiting-list/offers", **_CALL)
@transactional
@idempotent
def offer_free_places(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[NextOffer, Body()]
) -> OffersMade:
    """Offer free places to who is next: to one family as the list shows it, or to all. 409 where it has changed."""
    only = None
    if data.family_key is not None:
        if data.municipality_id is None or data.stay_id is None:
            wrong = FieldError("municipality_id" if data.municipality_id is None else "stay_id", "is missing")
            raise Invalid("A family is named with its municipality and the stay that is shown for it.", [wrong])
        only = (FamilyId(data.municipality_id, data.family_key), data.stay_id)
    return OffersMade(offer_free(session, desk_of(request), season_id, only), [])


@post("/api/v1/stays/{stay_id:uuid}/reoffer", status_code=200, **_CALL)
@transactional
def reoffer_stay(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> StayReoffered:
    """Offer the families of a cancelled stay another of their wishes, by rank; the others wait."""
    find_stay(session, stay_id)
    done = reoffer(session, desk_of(request), stay_id)
    return StayReoffered(done.offers, done.waiting)


ROUTES = [
    list_offers,
    make_season_offers,
    show_offer_settings,
    set_offer_settings,
    remind_of_offers,
    print_offer_letters,
    show_offer,
    note_offer_answer,
    note_offer_cancellation,
    withdraw_offer,
    remind_of_offer,
    give_time,
    let_family_wait_again,
    show_waiting_list,
    offer_free_places,
    reoffer_stay,
]
"""The API of offers."""
