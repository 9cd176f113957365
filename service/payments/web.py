"""The pages of payment runs: what is in one and what is left out, and its three steps."""

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.claims.calendar import usual_dates
from service.claims.terms import habits, payment_dates
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.permissions import may
from service.payments import queries, runs
from service.payments.api import download_of
from service.payments.words import PAYEE_KINDS, PAYMENT_COLORS, PAYMENT_STATES, RUN_COLORS, RUN_STATES, WAITING
from service.values import clock
from service.values.accounts import show_account
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect
from service.web.paging import PAGE, decode_cursor, encode_cursor

PAYMENTS: Final = "/payments"
_ONE: Final = f"{PAYMENTS}/runs/{{run_id:uuid}}"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False}
_READ: Final = _OPEN | {"opt": may("payments.read")}
_CREATE: Final = _OPEN | {"opt": may("payments.create")}
WORDS: Final[dict[str, Any]] = {
    "run_states": RUN_STATES,
    "run_colors": RUN_COLORS,
    "payment_states": PAYMENT_STATES,
    "payment_colors": PAYMENT_COLORS,
    "waiting_words": WAITING,
    "payee_kinds": PAYEE_KINDS,
    "show_account": show_account,
}


class NewRun(msgspec.Struct, frozen=True):
    """A run to be made."""

    until: Annotated[date, Meta(title=N_("Claims approved until"))]
    pays_on: Annotated[date | None, Meta(title=N_("Day of payment"))] = None


class WithReason(msgspec.Struct, frozen=True):
    """Why something is done that somebody may ask about later."""

    reason: Annotated[str, Meta(title=N_("Reason"), max_length=500)]


@get(PAYMENTS, **_READ)
@transactional
def show_runs(request: AnyRequest, session: Session) -> Response[str]:
    """The payment runs, the newest first, and when the municipality pays next."""
    form = blank(request, NewRun, until=clock.today(municipality_of(request).time_zone))
    return page(request, "payments/run_list.html", form=form, **_list(request, session))


@post(PAYMENTS, status_code=303, **_CREATE)
@transactional
def create_run(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Make a run; sent twice the form finds the first one open and makes no second."""
    with redisplaying(request, "payments/run_list.html", NewRun, data, **_list(request, session)):
        asked = read_form(data, NewRun)
        made = runs.create_run(session, municipality_of(request), asked.until, actor_of(request), asked.pays_on)
    said = N_("Payment run {number} is made. Another person approves it.")
    return redirect(request, f"{PAYMENTS}/runs/{made.run}", said, number=made.number)


@get(_ONE, **_READ)
@transactional
def show_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[str]:
    """A run with its payments, what it leaves out, and the next step for whoever may do it."""
    return page(request, "payments/run.html", form=blank(request, WithReason), **_run(request, session, run_id))


@post(f"{_ONE}/renewal", status_code=303, **_CREATE)
@transactional
def renew_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Redirect:
    """Build the run anew from what is payable now."""
    runs.renew_run(session, municipality_of(request), run_id, actor_of(request))
    return redirect(request, f"{PAYMENTS}/runs/{run_id}", N_("The run is up to date. Another person approves it."))


@post(f"{_ONE}/approval", status_code=303, opt=may("payments.approve"), **_OPEN)
@transactional
def approve_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Redirect:
    """Approve a run that somebody else made."""
    runs.approve_run(session, municipality_of(request), run_id, actor_of(request))
    return redirect(request, f"{PAYMENTS}/runs/{run_id}", N_("The run is approved. A third person releases it."))


@post(f"{_ONE}/release", status_code=303, opt=may("payments.release"), **_OPEN)
@transactional
def release_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Redirect:
    """Release a run, or find its approval void because something has changed."""
    released = runs.release_run(session, municipality_of(request), run_id, actor_of(request))
    if released.file is None:
        return redirect(request, f"{PAYMENTS}/runs/{run_id}", _VOID, kind="warning")
    said = N_("The run is released. Give its files to the bank and the accounts.")
    return redirect(request, f"{PAYMENTS}/runs/{run_id}", said)


@post(f"{_ONE}/cancellation", status_code=303, **_CREATE)
@transactional
def cancel_run(request: AnyRequest, data: FormData, session: Session, run_id: FromPath[UUID]) -> Redirect:
    """Take an open run back."""
    with redisplaying(request, "payments/run.html", WithReason, data, **_run(request, session, run_id)):
        reason = read_form(data, WithReason).reason
        made = runs.cancel_run(session, municipality_of(request), run_id, reason, actor_of(request))
    said = N_("Payment run {number} is cancelled. Its claims are payable again.")
    return redirect(request, PAYMENTS, said, number=made.number)


@get(f"{_ONE}/file.xml", opt=may("payments.release"), **_OPEN)
@transactional
def download_file(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[bytes]:
    """The bank's file of a released run."""
    return download_of(request, session, run_id, "xml")


@get(f"{_ONE}/nemkonto.csv", opt=may("payments.release"), **_OPEN)
@transactional
def download_nemkonto(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[bytes]:
    """The instructions to pay NemKonti."""
    return download_of(request, session, run_id, "nemkonto")


@get(f"{_ONE}/postings.csv", **_READ)
@transactional
def download_postings(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[bytes]:
    """The postings of a released run."""
    return download_of(request, session, run_id, "postings")


ROUTES = [
    show_runs,
    create_run,
    show_run,
    renew_run,
    approve_run,
    release_run,
    cancel_run,
    download_file,
    download_nemkonto,
    download_postings,
]
"""The pages of payment runs."""

_VOID = N_(
    "Claims or accounts have changed since the run was approved. The approval is void: renew the run and have it "
    "approved again. Nothing was released."
)
_DATES_SHOWN = 6


def _list(request: AnyRequest, session: Session) -> dict[str, Any]:
    municipality, after = municipality_of(request), request.query_params.get("after")
    found = queries.list_runs(session, PAGE, decode_cursor(after, int))
    shown, today = found[:PAGE], clock.today(municipality.time_zone)
    own = payment_dates(session, today)
    last = max((one.pays_on for one in own), default=today)
    usual = [one for one in usual_dates(habits(session), municipality.country, today) if one.pays_on > last]
    return {
        "runs": shown,
        "next": f"{PAYMENTS}?after={encode_cursor(shown[-1].number)}" if len(found) > PAGE else None,
        "first": PAYMENTS if after else None,
        "dates": [*own, *usual][:_DATES_SHOWN],
        "days": queries.days_to_money(session, municipality),
        "is_open": any(one.state in ("created", "approved") for one in shown),
        **WORDS,
    }


def _run(request: AnyRequest, session: Session, run_id: UUID) -> dict[str, Any]:
    principal, here = principal_of(request), f"{PAYMENTS}/runs/{run_id}"
    municipality_of(request)
    run, start = queries.show_run(session, run_id), decode_cursor(request.query_params.get("after"), int) or 0
    found = queries.payments_of_run(session, run_id, PAGE, start)
    mine = principal.account_id
    return {
        "run": run,
        "payments": found[:PAGE],
        "waiting": queries.waiting_of(session, run_id),
        "may_approve": principal.may("payments.approve") and run.state == "created" and mine != run.created_by,
        "may_release": principal.may("payments.release")
        and run.state == "approved"
        and mine not in (run.created_by, run.approved_by),
        "next": f"{here}?after={encode_cursor(start + PAGE)}" if len(found) > PAGE else None,
        "first": here if start else None,
        **WORDS,
    }
