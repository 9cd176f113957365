"""The pages of a service's professional: refer a family in a few minutes on a phone, and follow what becomes of it."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import database_of, keys_of, transactional
from service.errors import N_, Invalid, Text
from service.identity import throttle
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of, service_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.referrals import actions, outcomes, queries
from service.referrals.actions import LONGEST_SAID, LONGEST_WHY, Content, Desk
from service.referrals.family import Found, look_up, read_travellers, written
from service.referrals.queries import OfferedSeasonRow, ReferralRow, judged
from service.referrals.words import (
    CONSENTS,
    INTERPRETER,
    OUTCOME_COLORS,
    OUTCOMES,
    REFERRAL_COLORS,
    REFERRAL_STATES,
)
from service.values import clock
from service.web.answers import given_in
from service.web.formats import show
from service.web.forms import Form, FormData, blank, read_form, redisplaying
from service.web.pages import language_of, page, redirect
from service.web.paging import decode_cursor, encode_cursor
from service.web.texts import translator

REFERRALS: Final = "/referrals"
_ONE: Final = f"{REFERRALS}/{{referral_id:uuid}}"
_PAGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("referrals.refer")}
_ROWS: Final = 50
MOST_WISHES: Final = 3
WORDS: Final[dict[str, Any]] = {
    "states": REFERRAL_STATES,
    "colors": REFERRAL_COLORS,
    "outcomes": OUTCOMES,
    "outcome_colors": OUTCOME_COLORS,
    "consents": CONSENTS,
    "longest_why": LONGEST_WHY,
}


class StartForm(msgspec.Struct, frozen=True):
    """How a referral begins: by the exact number of somebody in the family, or empty."""

    key: FormKey
    season: Annotated[UUID, Meta(title=N_("Season"))]
    number: Annotated[str | None, Meta(title=N_("Identity number"), max_length=20)] = None


class ReferralForm(msgspec.Struct, frozen=True):
    """A referral. With the identity number these are ten fields; there must never be more."""

    travellers: Annotated[str, Meta(title=N_("Who travels"), max_length=3000)] = ""
    phone: Annotated[str, Meta(title=N_("The family's phone"), max_length=40)] = ""
    wishes: Annotated[list[UUID], Meta(title=N_("What the family wishes, the best first"))] = []
    language: Annotated[str, Meta(title=N_("The family's language"), max_length=60)] = ""
    holds: Annotated[list[str], Meta(title=N_("Tick what holds"))] = []
    last_participation: Annotated[int | None, Meta(title=N_("The year the family last took part"))] = None
    why: Annotated[str, Meta(title=N_("Why this family"), max_length=LONGEST_WHY)] = ""
    consent_on: Annotated[date | None, Meta(title=N_("The family consented on"))] = None
    consent_how: Annotated[
        Literal["spoken", "written", "through_interpreter"] | None, Meta(title=N_("How it consented"))
    ] = None


class AnswerForm(msgspec.Struct, frozen=True):
    """The answer to a question."""

    answer: Annotated[str, Meta(title=N_("Your answer"), max_length=LONGEST_SAID)]


def sayer(request: AnyRequest) -> Callable[[Text], str]:
    """Says a finding in the language of who asks, its dates as they write them."""
    language = language_of(request)
    texts = translator(language)
    return lambda text: text.said(texts.gettext, lambda value: show(value, language))


def desk_of(request: AnyRequest) -> Desk:
    """For which service somebody acts."""
    return Desk(municipality_of(request), service_of(request), keys_of(request), actor_of(request))


def content_in(data: Mapping[str, Any], today: date) -> Content:
    """What a form says."""
    asked = read_form(data, ReferralForm)
    travellers, wrong = read_travellers(asked.travellers, today)
    if wrong:
        # The form shows one sentence by its field: the first line that is wrong.
        raise Invalid("Some fields are wrong. Put them right and send the form again.", wrong[:1])
    return Content(
        travellers=travellers,
        phone=asked.phone,
        language=asked.language,
        interpreter=INTERPRETER in asked.holds,
        last_participation=asked.last_participation,
        wishes=tuple(asked.wishes),
        why=asked.why,
        holds=tuple(one for one in asked.holds if one != INTERPRETER),
        consent_on=asked.consent_on,
        consent_how=asked.consent_how,
    )


def form_of(request: AnyRequest, row: ReferralRow, today: date) -> Form:
    """The form of a referral as it stands."""
    holds = [*row.holds, *([INTERPRETER] if row.interpreter else [])]
    return blank(
        request,
        ReferralForm,
        travellers=written(row.travellers),
        phone=row.phone,
        language=row.language,
        holds=holds,
        last_participation=row.last_participation,
        why=row.why,
        consent_on=row.consent_on or (today if row.state == "draft" else None),
        consent_how=row.consent_how,
    )


def form_context(season: OfferedSeasonRow, wished: list[str]) -> dict[str, Any]:
    """What the form offers: stays that are not cancelled, and the district's criteria."""
    stays = [one for one in season.stays if not one.cancelled]
    return WORDS | {
        "season": season,
        "stays": stays,
        "wished": wished,
        "places": min(MOST_WISHES, len(stays)),
        "criteria": [(one.code, one.statement) for one in season.criteria],
        "interpreter": INTERPRETER,
    }


@get(REFERRALS, **_PAGE)
@transactional
def show_referrals(request: AnyRequest, session: Session) -> Response[str]:
    """What one's own service has referred, the newest first."""
    after = decode_cursor(request.query_params.get("after"), UUID)
    found = queries.referrals_of(session, service_of(request), _ROWS, after)
    shown = found[:_ROWS]
    return page(
        request,
        "referrals/referrals.html",
        referrals=shown,
        seasons={one.season_id: one for one in queries.list_seasons(session)},
        next=f"{REFERRALS}?after={encode_cursor(shown[-1].id)}" if len(found) > _ROWS else None,
        **WORDS,
    )


@get(f"{REFERRALS}/new", **_PAGE)
@transactional
def ask_for_family(request: AnyRequest, session: Session) -> Response[str]:
    """By whose number, if by any, and for which season."""
    service_of(request)
    return page(
        request, "referrals/new.html", form=blank(request, StartForm, key=new_key()), **_start(request, session)
    )


def _start(request: AnyRequest, session: Session) -> dict[str, Any]:
    today = clock.today(municipality_of(request).time_zone)
    return {"seasons": [one for one in queries.list_seasons(session) if one.state == "published"], "today": today}


@post(f"{REFERRALS}/new", status_code=303, **_PAGE)
@transactional
def start_referral(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Begin a referral: it is kept as a draft at once."""
    desk = desk_of(request)
    with redisplaying(request, "referrals/new.html", StartForm, data | {"key": new_key()}, **_start(request, session)):
        asked = read_form(data, StartForm)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, REFERRALS)
        found = looked_up(request, session, desk, asked.number)
        made = actions.start_draft(session, desk, asked.season, found)
    return redirect(request, f"{REFERRALS}/{made}")


def looked_up(request: AnyRequest, session: Session, desk: Desk, number: str | None) -> Found | None:
    """The family of whoever has a number, if one is given; who tries many is slowed down: the register is not to be
    gone through number by number."""
    if not number:
        return None
    throttle.count(database_of(request), throttle.FAMILY_LOOK_UPS, str(desk.actor.account_id))
    return look_up(session, desk.municipality, desk.keys, number, desk.actor)


@get(_ONE, **_PAGE)
@transactional
def show_referral(request: AnyRequest, session: Session, referral_id: FromPath[UUID]) -> Response[str]:
    """A draft to be filled in, or what became of a referral."""
    row = queries.find_own(session, service_of(request), referral_id)
    if row.state == "draft" or ("change" in request.query_params and _may_change(row)):
        return _form_page(request, session, row)
    season = queries.find_season(session, row.season_id)
    return page(
        request,
        "referrals/referral.html",
        referral=row,
        season=season,
        findings=judged(season, row.case) if row.travellers else [],
        may_change=_may_change(row),
        form=blank(request, AnswerForm),
        said=sayer(request),
        today=clock.today(municipality_of(request).time_zone),
        **WORDS,
    )


def _may_change(row: ReferralRow) -> bool:
    return row.state in ("sent", "sent_back", "approved")


def _form_page(request: AnyRequest, session: Session, row: ReferralRow) -> Response[str]:
    season, today = queries.find_season(session, row.season_id), clock.today(municipality_of(request).time_zone)
    context = form_context(season, [str(one) for one in row.wishes]) | {"said": sayer(request)}
    findings = judged(season, row.case) if row.travellers and row.why else []
    form = form_of(request, row, today)
    return page(request, "referrals/form.html", form=form, referral=row, findings=findings, **context)


@post(_ONE, status_code=303, **_PAGE)
@transactional
def keep_referral(request: AnyRequest, data: FormData, session: Session, referral_id: FromPath[UUID]) -> Redirect:
    """Keep a draft, send it, or change what was sent, by the button that was pressed."""
    desk, here = desk_of(request), f"{REFERRALS}/{referral_id}"
    row = queries.find_own(session, desk.service_id, referral_id)
    wish = next(iter(given_in(data, "do")), "keep")
    sent = N_("The referral is sent. The municipality decides and you see here what becomes of it.")
    if wish == "send" and row.state != "draft":
        # Clicked twice: what the first click did stands.
        return redirect(request, here, sent)
    season, today = queries.find_season(session, row.season_id), clock.today(desk.municipality.time_zone)
    wished = [one for one in given_in(data, "wishes") if isinstance(one, str) and one]
    context = form_context(season, wished) | {"referral": row, "findings": [], "said": sayer(request)}
    with redisplaying(request, "referrals/form.html", ReferralForm, data, **context):
        content = content_in(data, today)
        if row.state != "draft":
            actions.change(session, desk, referral_id, content)
            return redirect(request, here, N_("The change is kept. The municipality looks at it."))
        if wish == "send":
            actions.send(session, desk, referral_id, content)
            return redirect(request, here, sent)
        actions.keep_draft(session, desk, referral_id, content)
    return redirect(request, REFERRALS, N_("The draft is kept. Nobody but your service sees it."))


@post(f"{_ONE}/answer", status_code=303, **_PAGE)
@transactional
def answer_question(request: AnyRequest, data: FormData, session: Session, referral_id: FromPath[UUID]) -> Redirect:
    """Answer the question with which a referral was sent back."""
    desk = desk_of(request)
    row = queries.find_own(session, desk.service_id, referral_id)
    season = queries.find_season(session, row.season_id)
    context = WORDS | {"referral": row, "season": season, "findings": [], "may_change": _may_change(row)}
    context |= {"said": sayer(request), "today": clock.today(desk.municipality.time_zone)}
    with redisplaying(request, "referrals/referral.html", AnswerForm, data, **context):
        actions.answer(session, desk, referral_id, read_form(data, AnswerForm).answer)
    return redirect(request, f"{REFERRALS}/{referral_id}", N_("The answer is sent."))


@post(f"{_ONE}/offer-link", status_code=200, **_PAGE)
@transactional
def make_offer_link(request: AnyRequest, session: Session, referral_id: FromPath[UUID]) -> Response[str]:
    """Make a link by which the family answers its offer, and show it, this once."""
    desk = desk_of(request)
    url, deadline = outcomes.make_link(session, desk, request.app.state.public_url, referral_id)
    row = queries.find_own(session, desk.service_id, referral_id)
    return page(request, "referrals/offer_link.html", referral=row, url=url, deadline=deadline)


@post(f"{_ONE}/withdrawal", status_code=303, **_PAGE)
@transactional
def withdraw_consent(request: AnyRequest, session: Session, referral_id: FromPath[UUID]) -> Redirect:
    """Note that the family has withdrawn its consent: what was said of it is erased."""
    actions.withdraw(session, desk_of(request), referral_id)
    said = N_("The consent is withdrawn: what was said of the family is erased here, and it is taken off the list.")
    return redirect(request, f"{REFERRALS}/{referral_id}", said)


@post(f"{_ONE}/removal", status_code=303, **_PAGE)
@transactional
def drop_draft(request: AnyRequest, session: Session, referral_id: FromPath[UUID]) -> Redirect:
    """Throw a draft away."""
    actions.drop_draft(session, desk_of(request), referral_id)
    return redirect(request, REFERRALS, N_("The draft is gone."))


ROUTES = [
    show_referrals,
    ask_for_family,
    start_referral,
    show_referral,
    keep_referral,
    answer_question,
    make_offer_link,
    withdraw_consent,
    drop_draft,
]
"""The pages of referrals."""
