"""Families' cases in the API: read by the municipality's systems, decided by case workers in person."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import Body, FromPath, QueryParameter
from sqlmodel import Session

from schemas.page import Page
from schemas.referral import (
    CaseCounts,
    CaseDecisions,
    CasePart,
    CaseQuestion,
    CaseSummary,
    CaseWhole,
    OfferedSeasonDetail,
    PairDecision,
    ServiceSpread,
    SharedPair,
)
from service.database.requests import keys_of, transactional
from service.errors import Invalid
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.referrals import actions, cases, queries, sharing
from service.referrals.api import finding, page_of_seasons
from service.referrals.cases import CaseRow, Decision
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

_CASES = "/api/v1/referral-cases"
_ONE = f"{_CASES}/{{case_id:uuid}}"
READ: dict[str, Any] = {"sync_to_thread": True, "responses": DOCUMENTED, "opt": may("referrals.read")}
DECIDE: dict[str, Any] = {"sync_to_thread": True, "responses": DOCUMENTED, "opt": may("referrals.decide")}
_TAGS = ["referral-cases"]


def _summary(row: CaseRow) -> CaseSummary:
    own = {"contact": row.leading.contact, "persons": len(row.leading.travellers), "fits": row.fits}
    known = {name: getattr(row, name) for name in CaseSummary.__struct_fields__ if name not in own}
    return msgspec.convert(known | own, CaseSummary, from_attributes=True)


def _part(row: queries.ReferralRow, leading: UUID) -> CasePart:
    own = {"referral_id": row.id, "leading": row.id == leading, "seen": row.seen_at is not None}
    known = {name: getattr(row, name) for name in CasePart.__struct_fields__ if name not in own}
    return msgspec.convert(known | own, CasePart, from_attributes=True)


@get(f"{_CASES}/seasons", tags=_TAGS, **READ)
@transactional
def list_seasons_of_cases(
    request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None
) -> Page[OfferedSeasonDetail]:
    """The seasons for which services may refer families."""
    municipality_of(request)
    return page_of_seasons(session, limit, after)


@get(_CASES, tags=_TAGS, **READ)
@transactional
def list_cases(
    request: AnyRequest,
    session: Session,
    season_id: Annotated[UUID, QueryParameter(description="The season.")],
    limit: Limit = PAGE,
    after: After = None,
) -> Page[CaseSummary]:
    """The families of a season: undecided ones first, then by need. The read is noted in the trail."""
    season = queries.find_season(session, season_id)
    found = cases.list_cases(session, municipality_of(request), season, None, actor_of(request))
    last = decode_cursor(after, UUID)
    start = next((at + 1 for at, one in enumerate(found) if one.id == last), 0) if last else 0
    return page_of(found[start : start + limit + 1], limit, _summary, lambda one: one.id)


@get(f"{_CASES}/counts", tags=_TAGS, **READ)
@transactional
def count_cases(
    request: AnyRequest, session: Session, season_id: Annotated[UUID, QueryParameter(description="The season.")]
) -> CaseCounts:
    """How the families of a season stand, the quota, and how the need spreads over the services."""
    municipality_of(request)
    counts = cases.counts_of(session, queries.find_season(session, season_id))
    states = {one: counts.states.get(one, 0) for one in ("open", "sent_back", "approved", "rejected", "withdrawn")}
    services = [
        ServiceSpread(
            one.service_id,
            one.name,
            **{f"band_{band}": count for band, count in one.bands.items()},
            unranked=one.unranked,
            approved=one.approved,
        )
        for one in cases.spread_over_services(session, season_id)
    ]
    return CaseCounts(**states, persons_approved=counts.persons, quota=counts.quota, services=services)


@get(_ONE, tags=_TAGS, **READ)
@transactional
def show_case(request: AnyRequest, session: Session, case_id: FromPath[UUID]) -> CaseWhole:
    """A family's case with every service's part of it. The read is noted in the trail."""
    return _whole(request, session, case_id)


def _whole(request: AnyRequest, session: Session, case_id: UUID) -> CaseWhole:
    detail = cases.read_case(session, municipality_of(request), case_id, actor_of(request))
    parts = [_part(one, detail.row.leading.id) for one in detail.referrals]
    return CaseWhole(_summary(detail.row), [finding(one) for one in detail.row.findings], parts)


@post(f"{_CASES}/decisions", status_code=204, tags=_TAGS, **DECIDE)
@transactional
def decide_cases(request: AnyRequest, session: Session, data: Annotated[CaseDecisions, Body()]) -> None:
    """Approve, reject or open again: all of the families or none."""
    decisions = [Decision(one.case_id, one.verdict, one.need, one.said) for one in data.decisions]
    cases.decide(session, municipality_of(request), decisions, actor_of(request))


@post(f"{_ONE}/look", status_code=204, tags=_TAGS, **DECIDE)
@transactional
def look_at_case(request: AnyRequest, session: Session, case_id: FromPath[UUID]) -> None:
    """The decision stands, and what has come since was looked at; each service is told it of its own referral."""
    cases.look_at(session, municipality_of(request), case_id, actor_of(request))


@post(f"{_CASES}/questions", status_code=200, tags=_TAGS, **DECIDE)
@transactional
def ask_service(request: AnyRequest, session: Session, data: Annotated[CaseQuestion, Body()]) -> CaseWhole:
    """Send one service's referral back with a question."""
    municipality, actor = municipality_of(request), actor_of(request)
    case_id = cases.send_back(session, municipality, keys_of(request), data.referral_id, data.question, actor)
    return _whole(request, session, case_id)


@post(f"{_CASES}/parts/{{referral_id:uuid}}/lead", status_code=200, tags=_TAGS, **DECIDE)
@transactional
def let_part_lead(request: AnyRequest, session: Session, referral_id: FromPath[UUID]) -> CaseWhole:
    """Let the list be made from this service's part."""
    return _whole(request, session, cases.lead(session, municipality_of(request), referral_id, actor_of(request)))


@post(f"{_ONE}/withdrawal", status_code=204, tags=_TAGS, **DECIDE)
@transactional
def withdraw_case(request: AnyRequest, session: Session, case_id: FromPath[UUID]) -> None:
    """The family has withdrawn its consent."""
    actions.withdraw_case(session, municipality_of(request), keys_of(request), case_id, actor_of(request))


@get(f"{_CASES}/shared", tags=_TAGS, **READ)
@transactional
def list_shared(request: AnyRequest, session: Session) -> list[SharedPair]:
    """Pairs of cases that share somebody and that nobody has decided about."""
    municipality_of(request)
    return [msgspec.convert(one, SharedPair, from_attributes=True) for one in sharing.shared_cases(session)]


@post(f"{_CASES}/shared", status_code=204, tags=_TAGS, **DECIDE)
@transactional
def decide_shared(request: AnyRequest, session: Session, data: Annotated[PairDecision, Body()]) -> None:
    """Say of two cases what they are: one family, or two."""
    municipality, actor = municipality_of(request), actor_of(request)
    if data.first_id == data.second_id:
        raise Invalid("These are not two cases.")
    decide = sharing.join_cases if data.verdict == "join" else sharing.keep_apart
    decide(session, municipality, data.first_id, data.second_id, actor)


ROUTES = [
    list_seasons_of_cases,
    list_cases,
    count_cases,
    show_case,
    decide_cases,
    look_at_case,
    ask_service,
    let_part_lead,
    withdraw_case,
    list_shared,
    decide_shared,
]
"""The API of families' cases."""
