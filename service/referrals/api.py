"""Referrals in the API, for a service's own system pages: what is offered, drafts, sending, and what becomes of it."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import delete, get, post, put
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath
from sqlmodel import Session

from schemas.page import Page
from schemas.referral import (
    NewReferral,
    OfferedSeasonDetail,
    OfferLink,
    ReferralAnswer,
    ReferralContent,
    ReferralDetail,
    ReferralFinding,
)
from service.database.requests import transactional
from service.identity.access import AnyRequest, service_of
from service.identity.permissions import may
from service.referrals import actions, outcomes, queries
from service.referrals.actions import Content
from service.referrals.queries import ReferralRow, judged
from service.referrals.rules import Finding
from service.referrals.web import desk_of, looked_up
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

_REFERRALS = "/api/v1/referrals"
_ONE = f"{_REFERRALS}/{{referral_id:uuid}}"
_ROUTE: dict[str, Any] = {
    "sync_to_thread": True,
    "responses": DOCUMENTED,
    "opt": may("referrals.refer"),
    "tags": ["referrals"],
}
_CONTENT = {
    "travellers": [
        {"name": "Amina Ali", "birth_date": "1985-03-02"},
        {"name": "Yusuf Ali", "birth_date": "2016-06-21"},
    ],
    "why": "The family has had no holiday in years.",
    "holds": ["c1"],
    "consent_on": "2026-02-27",
    "consent_how": "spoken",
}


def finding(one: Finding) -> ReferralFinding:
    """A finding in the API."""
    return ReferralFinding(one.code, one.holds, str(one.because))


def _detail(session: Session, row: ReferralRow) -> ReferralDetail:
    found = judged(queries.find_season(session, row.season_id), row.case) if row.travellers else []
    known = {name: getattr(row, name) for name in ReferralDetail.__struct_fields__ if name != "findings"}
    known["findings"] = [finding(one) for one in found]
    return msgspec.convert(known, ReferralDetail, from_attributes=True)


def content_of(data: ReferralContent) -> Content:
    """What a body says."""
    return msgspec.convert(data, Content, from_attributes=True)


@get("/api/v1/offered-seasons", **_ROUTE)
@transactional
def list_offered_seasons(
    request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None
) -> Page[OfferedSeasonDetail]:
    """The seasons that organisations offer to the municipality, the newest first."""
    service_of(request)
    return page_of_seasons(session, limit, after)


def page_of_seasons(session: Session, limit: int, after: str | None) -> Page[OfferedSeasonDetail]:
    """A page of the seasons that are offered."""
    found, last = queries.list_seasons(session), decode_cursor(after, UUID)
    start = next((at + 1 for at, one in enumerate(found) if one.season_id == last), 0) if last else 0

    def shown(one: queries.OfferedSeasonRow) -> OfferedSeasonDetail:
        return msgspec.convert(one, OfferedSeasonDetail, from_attributes=True)

    return page_of(found[start : start + limit + 1], limit, shown, lambda one: one.season_id)


@get(_REFERRALS, **_ROUTE)
@transactional
def list_referrals(
    request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None
) -> Page[ReferralDetail]:
    """What one's own service has referred, the newest first."""
    found = queries.referrals_of(session, service_of(request), limit, decode_cursor(after, UUID))
    return page_of(found, limit, lambda row: _detail(session, row), lambda row: row.id)


@post(_REFERRALS, **_ROUTE)
@transactional
@idempotent
def start_referral(request: AnyRequest, session: Session, data: Annotated[NewReferral, Body()]) -> ReferralDetail:
    """Begin a draft: empty, or filled in by the exact number of somebody in the family."""
    desk = desk_of(request)
    found = looked_up(request, session, desk, data.identity_number)
    made = actions.start_draft(session, desk, data.season_id, found)
    return _detail(session, queries.find_own(session, desk.service_id, made))


@get(_ONE, **_ROUTE)
@transactional
def show_referral(request: AnyRequest, session: Session, referral_id: FromPath[UUID]) -> ReferralDetail:
    """A referral of one's own service."""
    return _detail(session, queries.find_own(session, service_of(request), referral_id))


@put(_ONE, **_ROUTE)
@transactional
def keep_referral(
    request: AnyRequest,
    session: Session,
    referral_id: FromPath[UUID],
    data: Annotated[ReferralContent, Body(examples=[Example(value=_CONTENT)])],
) -> ReferralDetail:
    """Keep a draft as it is, whole or not; or change a referral that was sent, which the municipality looks at."""
    desk = desk_of(request)
    row = queries.find_own(session, desk.service_id, referral_id)
    if row.state == "draft":
        actions.keep_draft(session, desk, referral_id, content_of(data))
    else:
        actions.change(session, desk, referral_id, content_of(data))
    return _detail(session, queries.find_own(session, desk.service_id, referral_id))


@post(f"{_ONE}/sending", status_code=200, **_ROUTE)
@transactional
@idempotent
def send_referral(
    request: AnyRequest,
    session: Session,
    referral_id: FromPath[UUID],
    data: Annotated[ReferralContent, Body(examples=[Example(value=_CONTENT)])],
) -> ReferralDetail:
    """Refer the family. The answer is the same whether or not somebody else has referred it."""
    desk = desk_of(request)
    actions.send(session, desk, referral_id, content_of(data))
    return _detail(session, queries.find_own(session, desk.service_id, referral_id))


@post(f"{_ONE}/answer", status_code=200, **_ROUTE)
@transactional
def answer_question(
    request: AnyRequest, session: Session, referral_id: FromPath[UUID], data: Annotated[ReferralAnswer, Body()]
) -> ReferralDetail:
    """Answer the question with which a referral was sent back."""
    desk = desk_of(request)
    actions.answer(session, desk, referral_id, data.answer)
    return _detail(session, queries.find_own(session, desk.service_id, referral_id))


@post(f"{_ONE}/offer-link", status_code=200, **_ROUTE)
@transactional
def make_offer_link(request: AnyRequest, session: Session, referral_id: FromPath[UUID]) -> OfferLink:
    """Make a link with which the family answers its offer. It is shown this once; called again it makes another."""
    url, deadline = outcomes.make_link(session, desk_of(request), request.app.state.public_url, referral_id)
    return OfferLink(url, deadline)


@post(f"{_ONE}/withdrawal", status_code=204, **_ROUTE)
@transactional
def withdraw_consent(request: AnyRequest, session: Session, referral_id: FromPath[UUID]) -> None:
    """The family has withdrawn its consent: what was said of it is erased, and the next list is without it."""
    actions.withdraw(session, desk_of(request), referral_id)


@delete(_ONE, **_ROUTE)
@transactional
def drop_draft(request: AnyRequest, session: Session, referral_id: FromPath[UUID]) -> None:
    """Throw a draft away."""
    actions.drop_draft(session, desk_of(request), referral_id)


ROUTES = [
    list_offered_seasons,
    list_referrals,
    start_referral,
    show_referral,
    keep_referral,
    send_referral,
    answer_question,
    make_offer_link,
    withdraw_consent,
    drop_draft,
]
"""The API of referrals."""
