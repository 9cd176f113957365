"""The pages of refreshes: their history, a dry run and what comes of it, and a refresh that was kept or is held."""

from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlalchemy import text
from sqlmodel import Session

from schemas.refresh import RefreshRequest
from service.audit.queries import actors
from service.database.requests import transactional
from service.eligibility import lists, words
from service.eligibility.account import Account
from service.eligibility.differences import dry_run, latest_dry_runs
from service.eligibility.ordering import order_refresh
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.actions import Municipality
from service.identity.form_keys import FormKey, new_key
from service.identity.permissions import may
from service.values import clock
from service.values.remembered import Remembered
from service.web.charts import chart
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.menu import run_path
from service.web.pages import page, redirect
from service.web.paging import decode_cursor, page_of

PATH: Final = "/eligibility"
REFRESHES: Final = f"{PATH}/refreshes"
DRY_RUNS: Final = f"{PATH}/dry-runs"
_READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("eligibility.read")}
_RUN_IT: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("eligibility.refresh")}
_ROWS: Final = 25
_DRY_RUNS: Final = 5
_FORM: Final = "eligibility/dry_run_new.html"


class DryRunForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be counted, for which day."""

    scheme: Annotated[str, Meta(title=N_("Scheme"), max_length=40)]
    on: Annotated[date, Meta(title=N_("Date"))]
    income_year: Annotated[int | None, Meta(title=N_("Income year"), ge=1990, le=2100)] = None
    key: FormKey


@get(PATH, **_READ)
@transactional
def show_history(request: AnyRequest, session: Session) -> Response[str]:
    """The refreshes that were to be kept, newest first, and the last dry runs."""
    after = decode_cursor(request.query_params.get("after"), UUID)
    found = lists.page_of_refreshes(session, municipality_of(request), _ROWS, after)
    shown = page_of(found, _ROWS, lambda run: run, lambda run: run.id)
    return page(
        request,
        "eligibility/history.html",
        runs=shown.items,
        dry_runs=[] if after else latest_dry_runs(session, _DRY_RUNS),
        next=f"{PATH}?{urlencode({'after': shown.next})}" if shown.next else None,
        first=PATH if after else None,
        people=actors(session).people,
        schemes=_schemes(session),
        **_WORDS,
    )


@get(REFRESHES, sync_to_thread=False, include_in_schema=False, opt=may("eligibility.read"))
def to_history() -> Redirect:
    """Where a refresh's address is cut short, and where the page of a refresh that failed leads back to."""
    return Redirect(PATH, status_code=303)


@get(DRY_RUNS, **_RUN_IT)
@transactional
def ask_for_dry_run(request: AnyRequest, session: Session) -> Response[str]:
    """The form of a dry run: for today, with the newest income year there is up to its own."""
    context = _form_context(session, municipality_of(request))
    today = clock.today(municipality_of(request).time_zone)
    schemes, years = context["schemes"], context["years"]
    year = today.year if today.year in years or not years else max((y for y in years if y < today.year), default=None)
    scheme = schemes[0] if schemes else None
    form = blank(request, DryRunForm, scheme=scheme, on=today, income_year=year, key=new_key())
    return page(request, _FORM, form=form, **context)


@post(DRY_RUNS, status_code=303, **_RUN_IT)
@transactional
def order_dry_run(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Let a worker count, and show its progress."""
    with redisplaying(request, _FORM, DryRunForm, data, **_form_context(session, municipality_of(request))):
        form = read_form(data, DryRunForm)
        asked = RefreshRequest(form.scheme, form.on, form.income_year)
        made = order_refresh(session, municipality_of(request), asked, actor_of(request), once_key=form.key)
    return redirect(request, run_path(made))


@get(f"{DRY_RUNS}/{{order_id:uuid}}", **_READ)
@transactional
def show_dry_run(request: AnyRequest, session: Session, order_id: FromPath[UUID]) -> Response[str]:
    """What a dry run came to, against what is in force."""
    run = dry_run(session, order_id)
    return page(
        request,
        "eligibility/dry_run.html",
        run=run,
        address=f"{DRY_RUNS}/{order_id}",
        may_keep=principal_of(request).may("eligibility.refresh"),
        who=actors(session).people.get(run.made_by) if run.made_by else None,
        **account_context(run.account),
    )


@get(f"{REFRESHES}/{{run_id:uuid}}", **_READ)
@transactional
def show_refresh(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[str]:
    """A refresh that was kept, is held or was overtaken."""
    run = lists.refresh_by_id(session, run_id)
    people = actors(session).people
    principal = principal_of(request)
    return page(
        request,
        "eligibility/refresh.html",
        run=run,
        address=f"{REFRESHES}/{run_id}",
        own=run.created_by is not None and run.created_by == principal.account_id,
        may_approve=principal.may("eligibility.approve"),
        people=people,
        **account_context(run.counts),
    )


ROUTES = [show_history, to_history, ask_for_dry_run, order_dry_run, show_dry_run, show_refresh]
"""The pages of refreshes."""

_WORDS: Final[dict[str, Any]] = {
    "outcomes": words.OUTCOMES,
    "reasons": words.REASONS,
    "states": words.STATES,
    "colors": words.STATE_COLORS,
    "changes": words.CHANGES,
    "measures": words.MEASURES,
}


def account_context(account: Account) -> dict[str, Any]:
    """An account as its tables and charts show it."""
    districts = {
        name: account.districts.get(name, {}) | account.moves_by_district.get(name, {})
        for name in sorted({*account.districts, *account.moves_by_district})
    }
    reasons = {name: {"children": account.reasons.get(name, 0)} for name in account.reasons}
    for name, moves in account.moves_by_reason.items():
        reasons[name] = reasons.get(name, {"children": 0}) | moves
    return _WORDS | {
        "account": account,
        "by_district": districts,
        "by_reason": reasons,
        "district_chart": chart(districts, ("new", "lost")),
        "reason_chart": chart(reasons, ("new", "lost")),
    }


def _form_context(session: Session, municipality: Municipality) -> dict[str, Any]:
    merged, today = session.execute(
        text("SELECT count(*), current_date FROM register_import WHERE state = 'merged'")
    ).one()
    return {
        "schemes": _schemes(session),
        "years": _YEARS.get(municipality.id, (merged, today), lambda: _income_years(session)),
    }


_YEARS: Final[Remembered[list[int]]] = Remembered()


def _income_years(session: Session) -> list[int]:
    """The years for which a provider has an income, the newest first."""
    years = session.execute(
        text(
            """SELECT DISTINCT i.year FROM income i JOIN person p USING (identity_hash)
            JOIN household_member m ON m.person_id = p.id WHERE m.relation = 'provider' ORDER BY 1 DESC"""
        )
    )
    return list(years.scalars())


def _schemes(session: Session) -> list[str]:
    return list(session.execute(text('SELECT name FROM scheme ORDER BY name COLLATE "C"')).scalars())
