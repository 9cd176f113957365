"""The pages on which somebody approves where clubs' money goes."""

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from sqlmodel import Session

from service.clubs import payees, queries
from service.clubs.desk import desk_of
from service.clubs.forms import ReasonForm
from service.clubs.lookups import sayings_of
from service.clubs.queries import Club, Payee, PayeeLine
from service.clubs.settings import settings_of
from service.clubs.web import CLUBS, ONE, payee_words
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, account_of, municipality_of
from service.identity.permissions import may
from service.values import clock
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

ACCOUNTS: Final = f"{CLUBS}/accounts"
_APPROVE: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "include_in_schema": False,
    "opt": may("clubs.approve_account"),
}


class Waiting(msgspec.Struct, frozen=True):
    """An account that waits, beside where the money goes now and what a register says.

    `same_as_register` is None where no register names an account. `others` have the same account.
    """

    payee: PayeeLine
    club: Club
    now: Payee | None
    same_as_register: bool | None
    others: list[Club]
    own: bool


@get(ACCOUNTS, **_APPROVE)
@transactional
def show_accounts(request: AnyRequest, session: Session) -> Response[str]:
    """The accounts that wait, the oldest first."""
    return page(
        request,
        "clubs/accounts.html",
        waiting=[_beside(request, session, one) for one in queries.payees_waiting(session)],
        **payee_words(request),
    )


@get(f"{ACCOUNTS}/{{payee_id:uuid}}", **_APPROVE)
@transactional
def show_account(request: AnyRequest, session: Session, payee_id: FromPath[UUID]) -> Response[str]:
    """One account with everything needed to decide about it."""
    return page(request, "clubs/account.html", **_one(request, session, payee_id), form=blank(request, ReasonForm))


def _one(request: AnyRequest, session: Session, payee_id: UUID) -> dict[str, Any]:
    found = queries.find_payee(session, payee_id)
    days = settings_of(session).account_wait_days
    return {"one": _beside(request, session, found), "days": days, **payee_words(request)}


@post(f"{ACCOUNTS}/{{payee_id:uuid}}/approval", status_code=303, **_APPROVE)
@transactional
def approve(request: AnyRequest, session: Session, payee_id: FromPath[UUID]) -> Redirect:
    """Approve an account that somebody else proposed."""
    done = payees.approve_payee(session, desk_of(request), payee_id)
    said = N_("The account is approved. Money goes there from {day} on.")
    return redirect(request, ACCOUNTS, said, day=done.usable_from)


@post(f"{ACCOUNTS}/{{payee_id:uuid}}/rejection", status_code=303, **_APPROVE)
@transactional
def reject(request: AnyRequest, data: FormData, session: Session, payee_id: FromPath[UUID]) -> Redirect:
    """Say no to an account."""
    with redisplaying(request, "clubs/account.html", ReasonForm, data, **_one(request, session, payee_id)):
        payees.reject_payee(session, desk_of(request), payee_id, read_form(data, ReasonForm).reason)
    return redirect(request, ACCOUNTS, N_("The account is rejected; the club is told why."))


@post(f"{ONE}/account/stop", status_code=303, **_APPROVE)
@transactional
def stop(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> Redirect:
    """Stop an account whose day has not come."""
    payees.stop_payee(session, desk_of(request), club_id)
    said = N_("The account is stopped. Money goes on to where it went before.")
    return redirect(request, f"{CLUBS}/{club_id}", said)


ROUTES = [show_accounts, show_account, approve, reject, stop]
"""The pages of accounts that wait."""


def _beside(request: AnyRequest, session: Session, payee: PayeeLine) -> Waiting:
    municipality = municipality_of(request)
    club = queries.club_of(session, payee.club_id)
    said = [one.said.account for one in sayings_of(session, club.number, municipality.country) if one.said.account]
    return Waiting(
        payee=payee,
        club=club,
        now=queries.payee_for(session, club.id, clock.today(municipality.time_zone)),
        same_as_register=payee.account in said if said and payee.account else None,
        others=queries.account_in_use(session, payee) if payee.account else [],
        own=payee.proposed_by == account_of(request),
    )
