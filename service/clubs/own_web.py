"""The pages of a club's treasurer: the club's data, its agreement, where its money goes, and its treasurers."""

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from sqlmodel import Session

from service.clubs import actions, own, payees, queries
from service.clubs.desk import desk_of
from service.clubs.forms import DataForm, PayeeForm, TreasurerForm
from service.clubs.own import own_club
from service.clubs.settings import agreement_of, settings_of
from service.clubs.web import DONE, data_form
from service.clubs.words import ACTIVITIES, CLUB_STATES, PAYEE_KINDS, PAYEE_STATES
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, municipality_of, principal_of
from service.identity.form_keys import is_repeated, new_key
from service.identity.permissions import may
from service.values import clock
from service.values.accounts import show_account
from service.web import menu
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

CLUB: Final = "/club"
OWN: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("club.own")}
CHANGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("club.change")}


@get(CLUB, **OWN)
@transactional
def show_own(request: AnyRequest, session: Session) -> Response[str]:
    """The club as its treasurer sees it, and what is to be done."""
    club, municipality = own_club(request, session), municipality_of(request)
    today = clock.today(municipality.time_zone)
    lines = queries.payees_of(session, club.id)
    return page(
        request,
        "clubs/own.html",
        club=club,
        municipality=municipality,
        activities=queries.activities_of(session, club.id),
        past=queries.activities_of(session, club.id, ended=True),
        payees=lines,
        proposed=next((one for one in lines if one.state == "proposed"), None),
        coming=next(
            (one for one in lines if one.state == "approved" and one.usable_from and one.usable_from > today), None
        ),
        paid=queries.payee_for(session, club.id, today),
        people=own.treasurers_of(session, club.id),
        invited=own.invited_of(session, club.id),
        agreement=agreement_of(session, municipality),
        write_account=show_account,
        payee_kinds=PAYEE_KINDS,
        payee_states=PAYEE_STATES,
        states=CLUB_STATES,
        kinds=ACTIVITIES,
    )


@get(f"{CLUB}/edit", **CHANGE)
@transactional
def edit_own(request: AnyRequest, session: Session) -> Response[str]:
    """The form with what is known of the club."""
    club = own_club(request, session)
    return page(request, "clubs/edit.html", club=club, form=data_form(request, club), back=CLUB)


@post(f"{CLUB}/edit", status_code=303, **CHANGE)
@transactional
def change_own(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Change what is known of the club."""
    club = own_club(request, session)
    with redisplaying(request, "clubs/edit.html", DataForm, data, club=club, back=CLUB):
        actions.change_club(session, desk_of(request), club.id, read_form(data, DataForm).data)
    return redirect(request, CLUB, N_("The changes are kept."))


@get(f"{CLUB}/agreement", **OWN)
@transactional
def show_agreement(request: AnyRequest, session: Session) -> Response[str]:
    """What clubs agree to, and when this one did."""
    agreement = agreement_of(session, municipality_of(request))
    return page(request, "clubs/agreement.html", club=own_club(request, session), agreement=agreement)


@post(f"{CLUB}/agreement/{{version:int}}", status_code=303, **CHANGE)
@transactional
def accept_agreement(request: AnyRequest, session: Session, version: FromPath[int]) -> Redirect:
    """Accept the version that was shown."""
    club = own_club(request, session)
    actions.accept_agreement(session, desk_of(request), club.id, version)
    return redirect(request, CLUB, N_("The agreement is accepted."))


@get(f"{CLUB}/account", **CHANGE)
@transactional
def ask_for_account(request: AnyRequest, session: Session) -> Response[str]:
    """The form to propose another account."""
    context = _asked(request, session)
    return page(request, "clubs/own_account.html", form=blank(request, PayeeForm, key=new_key()), **context)


def _asked(request: AnyRequest, session: Session) -> dict[str, Any]:
    return {
        "club": own_club(request, session),
        "municipality": municipality_of(request),
        "days": settings_of(session).account_wait_days,
    }


@post(f"{CLUB}/account", status_code=303, **CHANGE)
@transactional
def propose_account(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Propose another account; the municipality approves it."""
    context = _asked(request, session)
    with redisplaying(request, "clubs/own_account.html", PayeeForm, data, **context):
        asked = read_form(data, PayeeForm)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, CLUB, DONE, kind="info")
        payees.propose_payee(session, desk_of(request), context["club"].id, asked.payee, by_club=True)
    return redirect(request, CLUB, N_("The account is proposed. The municipality has to approve it."))


@post(f"{CLUB}/account/withdrawal", status_code=303, **CHANGE)
@transactional
def withdraw_account(request: AnyRequest, session: Session) -> Redirect:
    """Take back an account that waits for approval."""
    payees.withdraw_payee(session, desk_of(request), own_club(request, session).id)
    return redirect(request, CLUB, N_("The account is withdrawn."))


@post(f"{CLUB}/account/stop", status_code=303, **CHANGE)
@transactional
def stop_account(request: AnyRequest, session: Session) -> Redirect:
    """Stop an account that is approved, before its day."""
    payees.stop_payee(session, desk_of(request), own_club(request, session).id)
    return redirect(request, CLUB, N_("The account is stopped. Money goes on to where it went before."))


@get(f"{CLUB}/treasurers/new", **CHANGE)
@transactional
def ask_for_treasurer(request: AnyRequest, session: Session) -> Response[str]:
    """The form to invite another treasurer."""
    club = own_club(request, session)
    return page(request, "clubs/own_invite.html", club=club, form=blank(request, TreasurerForm, key=new_key()))


@post(f"{CLUB}/treasurers/new", status_code=303, **CHANGE)
@transactional
def invite_treasurer(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Invite another treasurer by e-mail."""
    club = own_club(request, session)
    with redisplaying(request, "clubs/own_invite.html", TreasurerForm, data, club=club):
        asked = read_form(data, TreasurerForm)
        if not is_repeated(session, principal_of(request), asked.key):
            own.invite_treasurer(session, desk_of(request), club, asked.email, asked.name)
    return redirect(request, CLUB, N_("The invitation to {name} is on its way."), name=asked.name)


@get(f"{CLUB}/treasurers/{{membership_id:uuid}}/end", **CHANGE)
@transactional
def ask_to_end_treasurer(request: AnyRequest, session: Session, membership_id: FromPath[UUID]) -> Response[str]:
    """What ends with a treasurer's role, before it does."""
    club = own_club(request, session)
    people = own.treasurers_of(session, club.id)
    return page(request, "clubs/own_end.html", club=club, member=own.find_treasurer(people, membership_id))


@post(f"{CLUB}/treasurers/{{membership_id:uuid}}/end", status_code=303, **CHANGE)
@transactional
def end_treasurer(request: AnyRequest, session: Session, membership_id: FromPath[UUID]) -> Redirect:
    """End a treasurer's role."""
    ended = own.end_treasurer(session, desk_of(request), own_club(request, session).id, membership_id)
    mine = ended.account_id == principal_of(request).account_id
    return redirect(request, menu.START if mine else CLUB, N_("The role of {name} has ended."), name=ended.name)


@post(f"{CLUB}/invitations/{{invitation_id:uuid}}/withdrawal", status_code=303, **CHANGE)
@transactional
def withdraw_invitation(request: AnyRequest, session: Session, invitation_id: FromPath[UUID]) -> Redirect:
    """Take an invitation back."""
    own.withdraw_invitation(session, desk_of(request), own_club(request, session).id, invitation_id)
    return redirect(request, CLUB, N_("The invitation was withdrawn. Its link does not work any more."))


ROUTES = [
    show_own,
    edit_own,
    change_own,
    show_agreement,
    accept_agreement,
    ask_for_account,
    propose_account,
    withdraw_account,
    stop_account,
    ask_for_treasurer,
    invite_treasurer,
    ask_to_end_treasurer,
    end_treasurer,
    withdraw_invitation,
]
"""The pages of a club's treasurer."""
