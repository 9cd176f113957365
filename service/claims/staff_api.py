"""Claims in the API for case workers: the queue, a case, decisions, and the days that they took."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, JSONBody, QueryParameter
from sqlmodel import Session

from schemas.claim import ClaimSummary
from schemas.claim_decision import (
    ClaimApprovals,
    ClaimCase,
    ClaimDecision,
    ClaimsApproved,
    DaysToDecision,
    DecisionDays,
    LeftClaim,
    OfferedActivity,
)
from schemas.page import Page
from service.claims import cases, decisions, queries
from service.claims.api import CLAIMS
from service.claims.cases import Case
from service.claims.decisions import Several
from service.claims.queries import Wanted
from service.claims.said import claim_said
from service.database.requests import transactional
from service.errors import FieldError, Invalid
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.permissions import may
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

_SEES: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "opt": may("claims.cases"),
    "tags": ["claims"],
    "responses": DOCUMENTED,
}
_DECIDES: Final[dict[str, Any]] = _SEES | {"opt": may("claims.decide")}
_REJECTION: Final = {
    "decision": "reject",
    "reason": "not_a_member",
    "note": "Enrol the child first, and claim then.",
}


@get(f"{CLAIMS}/waiting", **_SEES)
@transactional
def list_waiting(
    request: AnyRequest,
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    club: Annotated[UUID | None, QueryParameter(description="Only claims of the club with this id.")] = None,
    reason: Annotated[str | None, QueryParameter(description="Only claims that wait for this reason.")] = None,
    year: Annotated[int | None, QueryParameter(description="Only claims of this year.")] = None,
) -> Page[ClaimSummary]:
    """The claims that wait for a case worker, the oldest first, without names."""
    wanted = Wanted("submitted", club_id=club, reason=reason, year=year)
    found = cases.queue(session, municipality_of(request), wanted, limit, decode_cursor(after, UUID), actor_of(request))
    return page_of(found, limit, claim_said, lambda one: one.id)


@get(f"{CLAIMS}/decision-days", **_SEES)
@transactional
def list_days(session: Session) -> DecisionDays:
    """How long the claims of the last twelve months waited for their decision."""
    days = cases.days_to_decision(session)
    return DecisionDays([msgspec.convert(one, DaysToDecision, from_attributes=True) for one in days])


@get(f"{CLAIMS}/{{claim_id:uuid}}/case", **_SEES)
@transactional
def show_case(request: AnyRequest, session: Session, claim_id: FromPath[UUID]) -> ClaimCase:
    """A claim with everything that it takes to decide it; names for those who may. The read is kept in the trail."""
    names = principal_of(request).may("claims.decide")
    return _case_said(cases.case(session, municipality_of(request), claim_id, actor_of(request), names=names))


@post(f"{CLAIMS}/{{claim_id:uuid}}/decision", **_DECIDES | {"status_code": 200})
@transactional
@idempotent
def decide(
    request: AnyRequest,
    session: Session,
    claim_id: FromPath[UUID],
    data: Annotated[ClaimDecision, Body(examples=[Example(value=_REJECTION)])],
) -> ClaimSummary:
    """Approve or reject a claim. 409 where it was decided meanwhile, is being paid, or the budget is used up.

    The club is told by an e-mail once a day, and sees it on its page at once.
    """
    _require_fitting(data)
    municipality, actor = municipality_of(request), actor_of(request)
    try:
        if data.decision == "approve":
            decisions.approve_claim(session, municipality, claim_id, actor, data.covered_ore, data.note)
        else:
            decisions.reject_claim(session, municipality, claim_id, data.reason or "", data.note or "", actor)
    except Invalid as refusal:
        raise _as_in_the_body(refusal) from None
    return claim_said(queries.claim_for(session, municipality, None, claim_id, actor))


def _require_fitting(data: ClaimDecision) -> None:
    wrong = []
    if data.decision == "approve" and data.reason is not None:
        wrong.append(FieldError("reason", "is only for a rejection"))
    if data.decision == "reject":
        if data.covered_ore is not None:
            wrong.append(FieldError("covered_ore", "is only for an approval"))
        if data.reason is None:
            wrong.append(FieldError("reason", "is needed for a rejection"))
        if data.note is None:
            wrong.append(FieldError("note", "is needed for a rejection: what the club can do"))
    if wrong:
        raise Invalid("Some fields of the request are wrong.", wrong)


def _as_in_the_body(refusal: Invalid) -> Invalid:
    """The refusal with its fields as the API names them."""
    refusal.errors = [
        FieldError("covered_ore" if one.field == "covered" else one.field, one.template, one.values)
        for one in refusal.errors
    ]
    return refusal


@post(f"{CLAIMS}/approvals", **_DECIDES | {"status_code": 200})
@transactional
@idempotent
def approve_several(request: AnyRequest, session: Session, data: JSONBody[ClaimApprovals]) -> ClaimsApproved:
    """Approve several claims whole, each by itself: those that cannot be are left, and told of with the reason."""
    return approvals_said(decisions.approve_claims(session, municipality_of(request), data.claims, actor_of(request)))


def approvals_said(made: Several) -> ClaimsApproved:
    """What came of several claims, as the wire contract has it."""
    return ClaimsApproved(list(made.approved), [LeftClaim(claim, refusal.message) for claim, refusal in made.left])


def _case_said(found: Case) -> ClaimCase:
    named = {name: getattr(found, name) for name in ClaimCase.__struct_fields__ if hasattr(found, name)}
    return ClaimCase(
        **named
        | {
            "claim": claim_said(found),
            "activities": [msgspec.convert(one, OfferedActivity, from_attributes=True) for one in found.activities],
            "other_claims": [claim_said(one) for one in found.other_claims],
            "budget_level": found.budget.level,
        }
    )


ROUTES = [list_waiting, list_days, show_case, decide, approve_several]
"""The API of claims for case workers."""
