"""The pages of the budgets: how each year stands and goes on, setting it, and lifting its stop."""

from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
from babel.dates import get_month_names
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.claims import budget
from service.claims.budget import Month, Standing
from service.claims.queue_forms import DONE
from service.claims.queue_web import told
from service.claims.words import BUDGET_LEVELS, BUDGET_PARTS
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.values import clock
from service.web.charts import Chart, chart
from service.web.forms import FormData, Kroner, blank, read_form, redisplaying
from service.web.pages import language_of, page, redirect

PATH: Final = "/budget"
_ONE: Final = f"{PATH}/{{scheme:str}}/{{year:int}}"
_READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("budget.read")}
_CHANGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("budget.change")}
_EDIT: Final = "claims/budget_edit.html"
_LIFT: Final = "claims/budget_lift.html"
# A pattern of reports.css for each part; two that are alike stand apart, and each bar has its name.
_LOOKS: Final = {
    "appropriation": "entitled",
    "expected": "entitled",
    "spent": "used",
    "committed": "issued",
    "waiting": "posted",
    "reserved": "posted",
    "this_year": "used",
    "year_before": "issued",
}


class BudgetForm(msgspec.Struct, frozen=True):
    """What may be spent in a year."""

    appropriation: Annotated[Kroner, Meta(title=N_("What is set aside"), ge=0, lt=10**15)]
    warn_percent: Annotated[int, Meta(title=N_("Warn when so much is taken, in percent"), ge=1, le=100)]
    source: Annotated[str, Meta(title=N_("Where it was decided"), max_length=500)]
    key: FormKey
    hard_stop: Annotated[bool, Meta(title=N_("Hard stop: approve no claim beyond it"))] = False


class LiftForm(msgspec.Struct, frozen=True):
    """Why claims may be approved beyond a budget."""

    reason: Annotated[str, Meta(title=N_("Who decided it, and why"), max_length=500)]
    key: FormKey


class ReleaseForm(msgspec.Struct, frozen=True):
    """Approve what waited for money alone."""

    key: FormKey


@get(PATH, **_READ)
@transactional
def show_budgets(request: AnyRequest, session: Session) -> Response[str]:
    """Every year's budget of every scheme, and how this year's stand."""
    municipality = municipality_of(request)
    this_year = clock.today(municipality.time_zone).year
    found = budget.standings(session, municipality)
    return page(
        request,
        "claims/budgets.html",
        budgets=found,
        current=[(one, bars_of(one)) for one in found if one.year == this_year],
        **_words(request),
    )


@get(_ONE, **_READ)
@transactional
def show_budget(request: AnyRequest, session: Session, scheme: FromPath[str], year: FromPath[int]) -> Response[str]:
    """One year's budget: what is taken and expected, how the year has gone, and what waits for money."""
    municipality = municipality_of(request)
    one = budget.standing(session, municipality, scheme, year)
    months = budget.months(session, municipality, scheme, year)
    return page(
        request,
        "claims/budget.html",
        one=one,
        bars=bars_of(one),
        months=months,
        month_bars=bars_of_months(months),
        month_names=list(get_month_names("wide", "stand-alone", language_of(request)).values()),
        waiting=budget.waiting_for_money(session, municipality, scheme, year),
        key=new_key(),
        **_words(request),
    )


def _words(request: AnyRequest) -> dict[str, Any]:
    return {
        "levels": BUDGET_LEVELS,
        "parts": BUDGET_PARTS,
        "looks": _LOOKS,
        "may_change": principal_of(request).may("budget.change"),
    }


def bars_of(one: Standing) -> Chart:
    """What is set aside, expected and taken, as bars, in kroner."""
    values = {
        "appropriation": one.appropriation_ore or 0,
        "expected": one.expected_ore or 0,
        "spent": one.spent_ore,
        "committed": one.committed_ore,
        "waiting": one.waiting_ore,
        "reserved": one.reserved_ore,
    }
    kroner = {name: ore // 100 for name, ore in values.items() if ore}
    return chart({"": kroner}, list(kroner))


def bars_of_months(months: list[Month]) -> Chart:
    """What had been claimed by the end of each month that has begun, beside the year before."""
    begun = {
        str(one.month): {"this_year": one.held_ore // 100, "year_before": one.before_ore // 100}
        for one in months
        if one.held_ore is not None
    }
    return chart(begun, ("this_year", "year_before"))


@get(f"{_ONE}/edit", **_CHANGE)
@transactional
def edit_budget(request: AnyRequest, session: Session, scheme: FromPath[str], year: FromPath[int]) -> Response[str]:
    """The form of a year's budget, filled with what is set."""
    one = budget.standing(session, municipality_of(request), scheme, year)
    form = blank(
        request,
        BudgetForm,
        appropriation=one.appropriation_ore,
        warn_percent=one.warn_percent or 80,
        hard_stop=one.hard_stop,
        source=one.source,
        key=new_key(),
    )
    return page(request, _EDIT, form=form, one=one)


@post(_ONE, status_code=303, **_CHANGE)
@transactional
def set_budget(
    request: AnyRequest, data: FormData, session: Session, scheme: FromPath[str], year: FromPath[int]
) -> Redirect:
    """Set a year's budget; a stop that was lifted stands again."""
    municipality = municipality_of(request)
    one = budget.standing(session, municipality, scheme, year)
    with redisplaying(request, _EDIT, BudgetForm, dict(data) | {"key": new_key()}, one=one):
        asked = read_form(data, BudgetForm)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, _path(scheme, year), DONE, kind="info")
        budget.set_budget(
            session,
            municipality,
            scheme,
            year,
            asked.appropriation,
            asked.warn_percent,
            asked.hard_stop,
            asked.source,
            actor_of(request),
        )
    return redirect(request, _path(scheme, year), N_("The budget of {year} is kept."), year=year)


@get(f"{_ONE}/lifting", **_CHANGE)
@transactional
def ask_to_lift(request: AnyRequest, session: Session, scheme: FromPath[str], year: FromPath[int]) -> Response[str]:
    """What follows when the stop is lifted, and the form."""
    one = budget.standing(session, municipality_of(request), scheme, year)
    return page(request, _LIFT, form=blank(request, LiftForm, key=new_key()), one=one)


@post(f"{_ONE}/lifting", status_code=303, **_CHANGE)
@transactional
def lift_stop(
    request: AnyRequest, data: FormData, session: Session, scheme: FromPath[str], year: FromPath[int]
) -> Redirect:
    """Let claims be approved beyond the budget, with a reason that the audit trail keeps."""
    municipality = municipality_of(request)
    one = budget.standing(session, municipality, scheme, year)
    with redisplaying(request, _LIFT, LiftForm, dict(data) | {"key": new_key()}, one=one):
        asked = read_form(data, LiftForm)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, _path(scheme, year), DONE, kind="info")
        budget.lift_stop(session, municipality, scheme, year, asked.reason, actor_of(request))
    return redirect(request, _path(scheme, year), N_("The stop of {year} is lifted."), year=year)


@post(f"{_ONE}/approvals", status_code=303, **_CHANGE | {"opt": may("claims.decide")})
@transactional
def approve_waiting(
    request: AnyRequest, data: FormData, session: Session, scheme: FromPath[str], year: FromPath[int]
) -> Redirect:
    """Approve the claims that waited for the money alone."""
    asked = read_form(data, ReleaseForm)
    if is_repeated(session, principal_of(request), asked.key):
        return redirect(request, _path(scheme, year), DONE, kind="info")
    made = budget.approve_waiting(session, municipality_of(request), scheme, year, actor_of(request))
    return told(request, made, _path(scheme, year))


def _path(scheme: str, year: int) -> str:
    return f"{PATH}/{quote(scheme, safe='')}/{year}"


ROUTES = [show_budgets, show_budget, edit_budget, set_budget, ask_to_lift, lift_stop, approve_waiting]
"""The pages of the budgets."""
