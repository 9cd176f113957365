"""The budgets of the years in the API."""

from typing import Annotated, Any, Final, TypeVar

import msgspec
from litestar import get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, JSONBody
from sqlmodel import Session

from schemas.budget import BudgetDetail, BudgetLifting, BudgetMonth, Budgets, BudgetStanding, NewBudget
from schemas.claim_decision import ClaimsApproved
from service.claims import budget
from service.claims.budget import Standing
from service.claims.staff_api import approvals_said
from service.database.requests import transactional
from service.errors import FieldError, Invalid
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.web.idempotency import idempotent
from service.web.problems import DOCUMENTED

Said = TypeVar("Said", bound=BudgetStanding)
_BUDGETS: Final = "/api/v1/budgets"
_ONE: Final = f"{_BUDGETS}/{{scheme:str}}/{{year:int}}"
_READS: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "opt": may("budget.read"),
    "tags": ["budgets"],
    "responses": DOCUMENTED,
}
_CHANGES: Final[dict[str, Any]] = _READS | {"opt": may("budget.change"), "status_code": 200}
_BUDGET: Final = {
    "appropriation_ore": 150_000_000,
    "source": "The council's decision of 12 December 2016",
    "warn_percent": 80,
    "hard_stop": True,
}


@get(_BUDGETS, **_READS)
@transactional
def list_budgets(request: AnyRequest, session: Session) -> Budgets:
    """Every scheme's budgets, the latest year first; this year's and next year's in any case."""
    return Budgets([_said(BudgetStanding, one) for one in budget.standings(session, municipality_of(request))])


@get(_ONE, **_READS)
@transactional
def show_budget(request: AnyRequest, session: Session, scheme: FromPath[str], year: FromPath[int]) -> BudgetDetail:
    """A year's budget: what is set aside, taken and expected, and how the year has gone."""
    return _detail(request, session, scheme, year)


@post(_ONE, **_CHANGES)
@transactional
@idempotent
def set_budget(
    request: AnyRequest,
    session: Session,
    scheme: FromPath[str],
    year: FromPath[int],
    data: Annotated[NewBudget, Body(examples=[Example(value=_BUDGET)])],
) -> BudgetDetail:
    """Set what may be spent in a year. A stop that was lifted stands again."""
    try:
        budget.set_budget(
            session,
            municipality_of(request),
            scheme,
            year,
            data.appropriation_ore,
            data.warn_percent,
            data.hard_stop,
            data.source,
            actor_of(request),
        )
    except Invalid as refusal:
        names = {"appropriation": "appropriation_ore"}
        refusal.errors = [FieldError(names.get(e.field, e.field), e.template, e.values) for e in refusal.errors]
        raise
    return _detail(request, session, scheme, year)


@post(f"{_ONE}/lifting", **_CHANGES)
@transactional
@idempotent
def lift_stop(
    request: AnyRequest, session: Session, scheme: FromPath[str], year: FromPath[int], data: JSONBody[BudgetLifting]
) -> BudgetDetail:
    """Let claims be approved beyond a year's budget, with a reason. 404 where there is no hard stop."""
    budget.lift_stop(session, municipality_of(request), scheme, year, data.reason, actor_of(request))
    return _detail(request, session, scheme, year)


@post(f"{_ONE}/approvals", **_CHANGES | {"opt": may("claims.decide")})
@transactional
@idempotent
def approve_waiting(
    request: AnyRequest, session: Session, scheme: FromPath[str], year: FromPath[int]
) -> ClaimsApproved:
    """Approve the claims that wait for the year's money and for nothing else, the oldest first, up to 200."""
    made = budget.approve_waiting(session, municipality_of(request), scheme, year, actor_of(request))
    return approvals_said(made)


def _detail(request: AnyRequest, session: Session, scheme: str, year: int) -> BudgetDetail:
    municipality = municipality_of(request)
    one = budget.standing(session, municipality, scheme, year)
    months = budget.months(session, municipality, scheme, year)
    detail: BudgetDetail = _said(
        BudgetDetail,
        one,
        months=[msgspec.convert(month, BudgetMonth, from_attributes=True) for month in months],
        claims_waiting_for_money=budget.waiting_for_money(session, municipality, scheme, year).claims,
    )
    return detail


def _said(struct: type[Said], one: Standing, **more: Any) -> Said:
    """A budget as the wire contract has it, its sums with it."""
    return struct(**{name: getattr(one, name) for name in struct.__struct_fields__ if name not in more}, **more)


ROUTES = [list_budgets, show_budget, set_budget, lift_stop, approve_waiting]
"""The API of the budgets."""
