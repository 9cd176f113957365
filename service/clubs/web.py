"""The staff's pages of clubs: the list, one club, adding, changing, suspending and ending it."""

import csv
import io
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from sqlmodel import Session

from service.audit.actions import record
from service.clubs import actions, payees, queries
from service.clubs.applications import WantedApplications, list_applications
from service.clubs.desk import desk_of
from service.clubs.forms import DataForm, NewClubForm, PayeeForm, ReasonForm
from service.clubs.own import invited_of, treasurers_of
from service.clubs.queries import Club, ListedClub, Wanted
from service.clubs.settings import agreement_of, settings_of
from service.clubs.words import ACTIVITIES, CLUB_STATES, PAYEE_KINDS, PAYEE_STATES
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import is_repeated, new_key
from service.identity.permissions import may
from service.identity.tokens import list_tokens
from service.values import clock
from service.values.accounts import mask_account, show_account
from service.values.spreadsheets import as_text
from service.web.forms import Form, FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

CLUBS: Final = "/clubs"
ONE: Final = f"{CLUBS}/{{club_id:uuid}}"
READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("clubs.read")}
CHANGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("clubs.change")}
_PAGE: Final = 50
_EXPORTED: Final = (
    "number",
    "name",
    "state",
    "contact_name",
    "contact_email",
    "contact_phone",
    "members",
    "activities",
    "account_waiting",
    "approved_at",
    "ended_at",
)
DONE: Final = N_("That form was sent already; it has its effect once.")


@get(CLUBS, **READ)
@transactional
def show_clubs(request: AnyRequest, session: Session) -> Response[str]:
    """The clubs, searched, sorted and page by page."""
    asked = read_form(dict(request.query_params), Wanted)
    found = queries.list_clubs(session, asked)
    last = max(1, -(-len(found) // _PAGE))
    number = min(asked.page, last)
    known = {name: value for name, value in msgspec.structs.asdict(asked).items() if value not in (None, 1, "name")}
    return page(
        request,
        "clubs/list.html",
        clubs=found[(number - 1) * _PAGE : number * _PAGE],
        found=len(found),
        asked=known,
        filter=blank(request, Wanted, **({"state": "", "account": "", "sort": "name"} | known)),
        previous=_address(known, number - 1) if number > 1 else None,
        next=_address(known, number + 1) if number < last else None,
        waiting=len(list_applications(session, WantedApplications())),
        accounts=len(queries.payees_waiting(session)),
        current=agreement_of(session, municipality_of(request)).version,
        states=CLUB_STATES,
    )


def _address(known: dict[str, Any], number: int) -> str:
    return f"{CLUBS}?{urlencode(known | {'page': number})}"


@post(f"{CLUBS}/file", status_code=200, **READ)
@transactional
def download_clubs(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """The clubs that the filter finds, for a spreadsheet. That it was taken is in the audit trail."""
    municipality = municipality_of(request)
    found = queries.list_clubs(session, read_form(data, Wanted))
    subject = ("tenant", municipality.id)
    record(session, municipality.id, actor_of(request), "clubs.list", subject, details={"rows": len(found)})
    named = f'attachment; filename="clubs-{clock.today(municipality.time_zone)}.csv"'
    headers = {"Content-Disposition": named}
    return Response(f"\ufeff{_as_csv(found)}", media_type="text/csv; charset=utf-8", headers=headers)


def _as_csv(found: list[ListedClub]) -> str:
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(_EXPORTED)
    for one in found:
        cells = msgspec.to_builtins(one)
        writer.writerow("" if cells[name] is None else as_text(str(cells[name])) for name in _EXPORTED)
    return written.getvalue()


@get(f"{CLUBS}/new", **CHANGE)
@transactional
def new_club(request: AnyRequest, session: Session) -> Response[str]:
    """The form for a club that staff add themselves."""
    return page(request, "clubs/new.html", form=blank(request, NewClubForm, key=new_key(), kind="none"))


@post(f"{CLUBS}/new", status_code=303, **CHANGE)
@transactional
def add_club(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Add a club; its account waits for somebody else."""
    with redisplaying(request, "clubs/new.html", NewClubForm, data):
        asked = read_form(data, NewClubForm)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, CLUBS, DONE, kind="info")
        made = actions.add_club(
            session, desk_of(request), asked.number, asked.data, asked.payee, account_approved=False
        )
    return redirect(request, f"{CLUBS}/{made.id}", N_("{name} was added."), name=made.name)


@get(ONE, **READ)
@transactional
def show_club(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> Response[str]:
    """A club with what it offers, where its money goes, and its people."""
    return page(request, "clubs/show.html", **_shown(request, session, club_id))


def _shown(request: AnyRequest, session: Session, club_id: UUID) -> dict[str, Any]:
    municipality = municipality_of(request)
    today = clock.today(municipality.time_zone)
    return {
        "club": queries.club_of(session, club_id),
        "activities": queries.activities_of(session, club_id),
        "payees": queries.payees_of(session, club_id),
        "paid": queries.payee_for(session, club_id, today),
        "today": today,
        "people": treasurers_of(session, club_id),
        "invited": invited_of(session, club_id),
        "agreement": agreement_of(session, municipality),
        **payee_words(request),
        "states": CLUB_STATES,
        "kinds": ACTIVITIES,
    }


def payee_words(request: AnyRequest) -> dict[str, Any]:
    """How pages write accounts: whole for who approves them, masked for the others."""
    whole = principal_of(request).may("clubs.approve_account")
    return {
        "write_account": show_account if whole else mask_account,
        "payee_kinds": PAYEE_KINDS,
        "payee_states": PAYEE_STATES,
    }


@get(f"{ONE}/edit", **CHANGE)
@transactional
def edit_club(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> Response[str]:
    """The form with what is known of a club."""
    club = queries.club_of(session, club_id)
    return page(request, "clubs/edit.html", club=club, form=data_form(request, club), back=f"{CLUBS}/{club_id}")


def data_form(request: AnyRequest, club: Club) -> Form:
    """The form of a club's data, filled in."""
    return blank(request, DataForm, **{name: getattr(club, name) for name in DataForm.__struct_fields__})


@post(f"{ONE}/edit", status_code=303, **CHANGE)
@transactional
def change_club(request: AnyRequest, data: FormData, session: Session, club_id: FromPath[UUID]) -> Redirect:
    """Change what is known of a club."""
    club, here = queries.club_of(session, club_id), f"{CLUBS}/{club_id}"
    with redisplaying(request, "clubs/edit.html", DataForm, data, club=club, back=here):
        actions.change_club(session, desk_of(request), club_id, read_form(data, DataForm).data)
    return redirect(request, here, N_("The changes are kept."))


@get(f"{ONE}/suspension", **CHANGE)
@transactional
def ask_to_suspend(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> Response[str]:
    """What a suspension does, and the form."""
    club = queries.club_of(session, club_id)
    return page(request, "clubs/suspend.html", club=club, form=blank(request, ReasonForm))


@post(f"{ONE}/suspension", status_code=303, **CHANGE)
@transactional
def suspend_club(request: AnyRequest, data: FormData, session: Session, club_id: FromPath[UUID]) -> Redirect:
    """Suspend a club."""
    club = queries.club_of(session, club_id)
    with redisplaying(request, "clubs/suspend.html", ReasonForm, data, club=club):
        actions.suspend_club(session, desk_of(request), club_id, read_form(data, ReasonForm).reason)
    return redirect(request, f"{CLUBS}/{club_id}", N_("{name} is suspended."), name=club.name)


@post(f"{ONE}/reinstatement", status_code=303, **CHANGE)
@transactional
def reinstate_club(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> Redirect:
    """Lift a suspension."""
    club = actions.reinstate_club(session, desk_of(request), club_id)
    return redirect(request, f"{CLUBS}/{club_id}", N_("The suspension of {name} is lifted."), name=club.name)


@get(f"{ONE}/end", **CHANGE)
@transactional
def ask_to_end(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> Response[str]:
    """How much ends with a club, before it does."""
    return page(
        request,
        "clubs/end.html",
        club=queries.club_of(session, club_id),
        roles=len(treasurers_of(session, club_id)),
        invitations=len(invited_of(session, club_id)),
        tokens=sum(token.revoked_at is None for token in list_tokens(session, club_id)),
    )


@post(f"{ONE}/end", status_code=303, **CHANGE)
@transactional
def end_club(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> Redirect:
    """End a club with its people's roles, invitations and tokens."""
    club = actions.end_club(session, desk_of(request), club_id)
    return redirect(request, f"{CLUBS}/{club_id}", N_("{name} has ended."), name=club.name)


@get(f"{ONE}/account", **CHANGE)
@transactional
def ask_for_account(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> Response[str]:
    """The form to propose where a club's money shall go."""
    return page(
        request, "clubs/propose.html", form=blank(request, PayeeForm, key=new_key()), **_asked(session, club_id)
    )


def _asked(session: Session, club_id: UUID) -> dict[str, Any]:
    return {"club": queries.club_of(session, club_id), "days": settings_of(session).account_wait_days}


@post(f"{ONE}/account", status_code=303, **CHANGE)
@transactional
def propose_account(request: AnyRequest, data: FormData, session: Session, club_id: FromPath[UUID]) -> Redirect:
    """Propose where a club's money shall go; somebody else approves it."""
    here = f"{CLUBS}/{club_id}"
    with redisplaying(request, "clubs/propose.html", PayeeForm, data, **_asked(session, club_id)):
        asked = read_form(data, PayeeForm)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, here, DONE, kind="info")
        payees.propose_payee(session, desk_of(request), club_id, asked.payee, by_club=False)
    return redirect(request, here, N_("The account waits for somebody else's approval."))


ROUTES = [
    show_clubs,
    download_clubs,
    new_club,
    add_club,
    show_club,
    edit_club,
    change_club,
    ask_to_suspend,
    suspend_club,
    reinstate_club,
    ask_to_end,
    end_club,
    ask_for_account,
    propose_account,
]
"""The staff's pages of clubs."""
