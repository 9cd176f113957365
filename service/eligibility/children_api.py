"""The children behind the numbers of a dry run or of a refresh that is held, in the API."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter
from sqlmodel import Session

from schemas.page import Page
from schemas.refresh import ChildInRefresh
from service.database.requests import transactional
from service.eligibility.account import Plan
from service.eligibility.differences import (
    Change,
    Moved,
    Wanted,
    dry_run,
    plan_of_dry_run,
    plan_of_held,
    read_children,
)
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

Which = Annotated[Change, QueryParameter(name="change", description="Which of the children.")]
Reason = Annotated[str | None, QueryParameter(description="Only by this reason.")]
District = Annotated[
    str | None,
    QueryParameter(description="As the register names it; finds no household with a protected address."),
]


@get(
    "/api/v1/eligibility/dry-runs/{order_id:uuid}/children",
    sync_to_thread=True,
    opt=may("determinations.read"),
    tags=["eligibility"],
    responses=DOCUMENTED,
)
@transactional
def list_children_of_dry_run(
    request: AnyRequest,
    session: Session,
    order_id: FromPath[UUID],
    change: Which = "new",
    reason: Reason = None,
    district: District = None,
    limit: Limit = PAGE,
    after: After = None,
) -> Page[ChildInRefresh]:
    """Who is new, lost or for a person to decide by a dry run, named by its order's run, in the register as it is now.

    The read is kept in the audit trail.
    """
    plan = plan_of_dry_run(session, municipality_of(request), dry_run(session, order_id))
    return _children(request, session, plan, Wanted(change, reason, district), limit, after)


@get(
    "/api/v1/eligibility/refreshes/{run_id:uuid}/children",
    sync_to_thread=True,
    opt=may("determinations.read"),
    tags=["eligibility"],
    responses=DOCUMENTED,
)
@transactional
def list_children_of_held(
    request: AnyRequest,
    session: Session,
    run_id: FromPath[UUID],
    change: Which = "new",
    reason: Reason = None,
    district: District = None,
    limit: Limit = PAGE,
    after: After = None,
) -> Page[ChildInRefresh]:
    """Who is new, lost or for a person to decide by a refresh that is held; of a kept one ask for determinations.

    The read is kept in the audit trail.
    """
    plan = plan_of_held(session, municipality_of(request), run_id)
    return _children(request, session, plan, Wanted(change, reason, district), limit, after)


ROUTES = [list_children_of_dry_run, list_children_of_held]
"""The API of a refresh's children."""


def _children(
    request: AnyRequest, session: Session, plan: Plan, wanted: Wanted, limit: int, after: str | None
) -> Page[ChildInRefresh]:
    place = decode_cursor(after, UUID)
    found = read_children(session, municipality_of(request), plan, wanted, actor_of(request), limit, place)
    return page_of(found, limit, _child, lambda child: child.person_key)


def _child(child: Moved) -> ChildInRefresh:
    return msgspec.convert(child, ChildInRefresh, from_attributes=True)
