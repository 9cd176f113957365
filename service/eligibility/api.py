"""Eligibility in the API: refreshes, and what was determined for a child; schemes are in `schemes_api`."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, QueryParameter
from sqlmodel import Session

from schemas.determination import (
    DeterminationExplanation,
    DeterminationFigures,
    DeterminationSummary,
    FiguresRequest,
)
from schemas.job import Accepted
from schemas.page import Page
from schemas.refresh import RefreshDetail, RefreshRequest, RefreshSummary, WhatIfAccount, WhatIfRequest
from service.database.requests import transactional
from service.eligibility import actions, lists, ordering, queries, schemes_api
from service.eligibility.parameters import as_written
from service.eligibility.schemes_api import in_ore, named
from service.eligibility.what_if import compare
from service.errors import FieldError, Invalid, Refused
from service.identity.access import actor_of, municipality_of
from service.identity.permissions import may
from service.web.accepted import accepted
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

AnyRequest = Request[Any, Any, State]

Outcome = Literal["entitled", "not_entitled", "needs_review"]
Reason = Literal[
    "too_young",
    "too_old",
    "decision",
    "area",
    "household_uncertain",
    "no_provider",
    "income_implausible",
    "income_above_limit",
    "income_missing",
    "income_within_limit",
]
_STATES = ("held", "committed", "overtaken")
# The framework keeps the name `state` of a parameter for itself, and would name another in its errors.
_State = Annotated[str | None, QueryParameter(name="state", enum=_STATES, description="Only runs in this state.")]
_ANY_SCHEME = QueryParameter(description="Only of this scheme.")


_REFRESH = {"scheme": "fritidspas", "on": "2017-01-15", "income_year": 2017, "commit": False}


@post(
    "/api/v1/eligibility/refreshes",
    sync_to_thread=True,
    opt=may("eligibility.refresh"),
    tags=["eligibility"],
    status_code=202,
    responses=DOCUMENTED,
)
@transactional
@idempotent
def order_refresh(
    request: AnyRequest,
    session: Session,
    data: Annotated[RefreshRequest, Body(examples=[Example(value=_REFRESH)])],
) -> Response[Accepted]:
    """Apply a scheme's rule to every child; with `commit` keep what comes out and issue the passes.

    The run's outcome has the account; with `commit` also the refresh's id as `run`. A commit far off the last one is
    held until a second person approves it.
    """
    return accepted(request, ordering.order_refresh(session, municipality_of(request), data, actor_of(request)))


@get(
    "/api/v1/eligibility/refreshes",
    sync_to_thread=True,
    opt=may("eligibility.read"),
    tags=["eligibility"],
    responses=DOCUMENTED,
)
@transactional
def list_refreshes(
    request: AnyRequest,
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    scheme: Annotated[str | None, _ANY_SCHEME] = None,
    in_state: _State = None,
) -> Page[RefreshSummary]:
    """The refreshes that were to be kept, newest first. Of a dry run only its order's run tells."""
    if in_state is not None and in_state not in _STATES:
        wrong = FieldError("state", "is no state: there are {known}", {"known": ", ".join(_STATES)})
        raise Invalid("Some fields of the request are wrong.", [wrong])
    place = decode_cursor(after, UUID)
    found = lists.page_of_refreshes(session, municipality_of(request), limit, place, scheme, in_state)
    return page_of(found, limit, _refresh_summary, lambda run: run.id)


@get(
    "/api/v1/eligibility/refreshes/{run_id:uuid}",
    sync_to_thread=True,
    opt=may("eligibility.read"),
    tags=["eligibility"],
    responses=DOCUMENTED,
)
@transactional
def show_refresh(session: Session, run_id: FromPath[UUID]) -> RefreshDetail:
    """A refresh with its account by outcome, reason and district."""
    run = lists.refresh_by_id(session, run_id)
    return RefreshDetail(**_of_run(run, RefreshDetail))


@post(
    "/api/v1/eligibility/refreshes/{run_id:uuid}/approval",
    sync_to_thread=True,
    opt=may("eligibility.approve"),
    tags=["eligibility"],
    status_code=202,
    responses=DOCUMENTED,
)
@transactional
@idempotent
def order_approval(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[Accepted]:
    """Commit a refresh that is held, exactly as it was shown, and issue its passes. Another person than who made it."""
    return accepted(request, ordering.order_approval(session, municipality_of(request), run_id, actor_of(request)))


_WHAT_IF = {"scheme": "fritidspas", "on": "2017-01-15", "overrides": {"limit_ore": 20000000, "max_age": 16}}


@post(
    "/api/v1/eligibility/what-if",
    sync_to_thread=True,
    opt=may("eligibility.refresh"),
    tags=["eligibility"],
    status_code=200,
    responses=DOCUMENTED,
)
@transactional
def what_if(
    request: AnyRequest,
    session: Session,
    data: Annotated[WhatIfRequest, Body(examples=[Example(value=_WHAT_IF)])],
) -> WhatIfAccount:
    """The account of a refresh with some parameters changed, and the difference they make; nothing of it is kept."""
    municipality = municipality_of(request)
    changes = as_written(named(data.overrides))
    actions.require_refreshable(session, municipality, data.scheme, data.on, data.income_year)
    try:
        account = actions.what_if(session, municipality, data.scheme, data.on, data.income_year, changes)
        compared = compare(session, municipality, data.scheme, data.on, data.income_year, changes)
    except Invalid as refusal:
        raise in_ore(refusal, "overrides") from None
    known = msgspec.structs.asdict(account) | {"against_in_force": compared}
    return msgspec.convert(known, WhatIfAccount, from_attributes=True)


@get(
    "/api/v1/determinations",
    sync_to_thread=True,
    opt=may("determinations.read"),
    tags=["determinations"],
    responses=DOCUMENTED,
)
@transactional
def list_determinations(
    request: AnyRequest,
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    scheme: Annotated[str | None, _ANY_SCHEME] = None,
    period_start: Annotated[date | None, QueryParameter(description="The first day of the period.")] = None,
    outcome: Annotated[Outcome | None, QueryParameter(description="Only with this outcome.")] = None,
    reason: Annotated[Reason | None, QueryParameter(description="Only by this reason.")] = None,
    district: Annotated[
        str | None,
        QueryParameter(description="As the register names it; finds no household with a protected address."),
    ] = None,
    run: Annotated[UUID | None, QueryParameter(description="Only what this refresh determined.")] = None,
    in_force: Annotated[bool, QueryParameter(description="false: also those that have ended.")] = True,
) -> Page[DeterminationSummary]:
    """What was determined for the children, newest first, without incomes. The read is kept in the audit trail."""
    wanted = lists.Wanted(scheme, period_start, outcome, reason, district, run, in_force)
    place = decode_cursor(after, UUID)
    found = lists.read_determinations(session, municipality_of(request), wanted, limit, place, actor_of(request))
    return page_of(found, limit, _determination_summary, lambda one: one.id)


@get(
    "/api/v1/determinations/{determination_id:uuid}",
    sync_to_thread=True,
    opt=may("determinations.read"),
    tags=["determinations"],
    responses=DOCUMENTED,
)
@transactional
def explain_determination(
    request: AnyRequest, session: Session, determination_id: FromPath[UUID]
) -> DeterminationExplanation:
    """Why it was determined so, line by line, without amounts of the household. The read is kept in the audit trail."""
    return DeterminationExplanation(**_explained(request, session, determination_id, DeterminationExplanation))


_FIGURES = {"reason": "The family has complained."}


@post(
    "/api/v1/determinations/{determination_id:uuid}/figures",
    sync_to_thread=True,
    opt=may("persons.unmask"),
    tags=["determinations"],
    status_code=200,
    responses=DOCUMENTED,
)
@transactional
def show_figures(
    request: AnyRequest,
    session: Session,
    determination_id: FromPath[UUID],
    data: Annotated[FiguresRequest, Body(examples=[Example(value=_FIGURES)])],
) -> DeterminationFigures:
    """The whole calculation with income and limit. The read and its reason are kept in the audit trail."""
    shown = _explained(request, session, determination_id, DeterminationFigures, data.reason.strip())
    return DeterminationFigures(**shown)


ROUTES = [
    *schemes_api.ROUTES,
    order_refresh,
    list_refreshes,
    show_refresh,
    order_approval,
    what_if,
    list_determinations,
    explain_determination,
    show_figures,
]
"""The API of eligibility."""


def _refresh_summary(run: lists.Run) -> RefreshSummary:
    return RefreshSummary(**_of_run(run, RefreshSummary))


def _of_run(run: lists.Run, form: type[RefreshSummary]) -> dict[str, Any]:
    known = msgspec.structs.asdict(run) | msgspec.structs.asdict(run.counts)
    return {name: known[name] for name in form.__struct_fields__}


def _determination_summary(one: lists.Determined) -> DeterminationSummary:
    return msgspec.convert(one, DeterminationSummary, from_attributes=True)


def _explained(
    request: AnyRequest,
    session: Session,
    determination_id: UUID,
    form: type[DeterminationExplanation],
    reason: str | None = None,
) -> dict[str, Any]:
    """The fields of a determination and its calculation, with amounts where a reason is given."""
    determined = lists.determination_by_id(session, determination_id)
    child = queries.explain_determination(
        session,
        municipality_of(request),
        determination_id,
        actor_of(request),
        unmasked=reason is not None,
        reason=reason,
    )
    if child.replayed is False:
        raise Refused("A determination does not replay to what it says; run `medspiller database check`.")
    known = msgspec.structs.asdict(child) | msgspec.structs.asdict(determined) | {"lines": child.lines}
    return {name: known[name] for name in form.__struct_fields__}
