"""The municipality's lists in the API: what the next version would hold, handing it over, and what was handed over."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import Body, FromPath, QueryParameter
from sqlmodel import Session

from schemas.page import Page
from schemas.referral import (
    HandOver,
    PlannedList,
    ReferralListDetail,
    ReferralListFamily,
    ReferralListSummary,
)
from service.database.requests import keys_of, transactional
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.referrals import lists
from service.referrals.cases_api import DECIDE, READ
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of

_LISTS = "/api/v1/referral-lists"
_TAGS = ["referral-lists"]


def _summary(row: lists.ListRow) -> ReferralListSummary:
    return msgspec.convert(row, ReferralListSummary, from_attributes=True)


@get(_LISTS, tags=_TAGS, **READ)
@transactional
def list_versions(
    request: AnyRequest,
    session: Session,
    season_id: Annotated[UUID | None, QueryParameter(description="Only lists of this season.")] = None,
    limit: Limit = PAGE,
    after: After = None,
) -> Page[ReferralListSummary]:
    """The versions that were handed over, the newest first."""
    municipality_of(request)
    found, last = lists.list_versions(session, season_id), decode_cursor(after, UUID)
    start = next((at + 1 for at, one in enumerate(found) if one.id == last), 0) if last else 0
    return page_of(found[start : start + limit + 1], limit, _summary, lambda one: one.id)


@get(f"{_LISTS}/next", tags=_TAGS, **READ)
@transactional
def plan_version(
    request: AnyRequest, session: Session, season_id: Annotated[UUID, QueryParameter(description="The season.")]
) -> PlannedList:
    """What the next version would hold and how it differs from the last; `left_out` are approved cases that no longer
    fit, or that share somebody with another.
    """
    municipality_of(request)
    planned = lists.plan_list(session, season_id)
    return PlannedList(
        season_id=season_id,
        families=len(planned.families),
        persons=sum(len(one.travellers) for one in planned.families),
        added=list(planned.changes.added),
        changed=list(planned.changes.changed),
        removed=list(planned.changes.removed),
        withdrawn=planned.withdrawn,
        left_out=[one.id for one in planned.left_out],
        is_new=planned.is_new,
    )


@post(_LISTS, tags=_TAGS, **DECIDE)
@transactional
@idempotent
def hand_list_over(request: AnyRequest, session: Session, data: Annotated[HandOver, Body()]) -> ReferralListSummary:
    """Hand the list over: the next version, which nobody changes any more, copied to the organisation as it is."""
    municipality, actor = municipality_of(request), actor_of(request)
    return _summary(lists.hand_over(session, municipality, keys_of(request), data.season_id, actor))


@get(f"{_LISTS}/{{list_id:uuid}}", tags=_TAGS, **READ)
@transactional
def show_version(request: AnyRequest, session: Session, list_id: FromPath[UUID]) -> ReferralListDetail:
    """A version with its families. The read is noted in the trail."""
    version, families = lists.read_version(session, municipality_of(request), list_id, actor_of(request))
    shown = [msgspec.convert(msgspec.to_builtins(one), ReferralListFamily) for one in families]
    return ReferralListDetail(_summary(version), shown)


ROUTES = [list_versions, plan_version, hand_list_over, show_version]
"""The API of the municipality's lists."""
