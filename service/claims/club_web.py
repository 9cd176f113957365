"""The pages on which a club's treasurer claims for one child, and sees what became of it."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from sqlmodel import Session

from service.claims import actions, export, queries, reservations
from service.claims.actions import Made
from service.claims.club_forms import ClaimForm, ListForm, ReserveForm, ShareForm
from service.claims.desk import Desk, club_of, desk_of
from service.claims.queries import Wanted
from service.claims.rules import Coverage
from service.claims.words import KINDS, REASONS, RESERVATION_STATES, SHARE_PAID_BY, STATES, WHAT_TO_DO
from service.database.requests import transactional
from service.errors import N_, Invalid, Unreadable
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import is_repeated, new_key
from service.identity.permissions import may
from service.identity.throttle import TooMany
from service.values import clock, pass_numbers
from service.web.answers import given_in
from service.web.formats import Amount
from service.web.forms import Form, FormData, blank, read_form, redisplaying
from service.web.pages import language_of, page, redirect
from service.web.paging import decode_cursor, encode_cursor
from service.web.texts import translator

CLAIMS: Final = "/club/claims"
RESERVATIONS: Final = f"{CLAIMS}/reservations"
NEW: Final = f"{CLAIMS}/new"
MAY: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("claims.make")}
_ROWS: Final = 50
_NEW_PAGE: Final = "claims/club_new.html"
SENT_ALREADY: Final = N_("That form was sent already; it has its effect once.")
WORDS: Final[dict[str, Any]] = {
    "states": STATES,
    "kinds": KINDS,
    "reasons": REASONS,
    "what_to_do": WHAT_TO_DO,
    "paid_by": SHARE_PAID_BY,
    "reservation_states": RESERVATION_STATES,
    "colors": {
        "submitted": "warning",
        "approved": "success",
        "rejected": "danger",
        "in_payment": "info",
        "paid": "success",
        "returned": "danger",
        "withdrawn": "neutral",
    },
}


@get(CLAIMS, **MAY)
@transactional
def list_claims(request: AnyRequest, session: Session, after: FromQuery[str | None] = None) -> Response[str]:
    """The club's claims, newest first, with a filter."""
    form = read_form(request.query_params, ListForm)
    municipality, club = municipality_of(request), club_of(request)
    place, actor = decode_cursor(after, UUID), actor_of(request)
    found = queries.own_claims(session, municipality, club, _wanted(form), _ROWS, place, actor)
    shown = found[:_ROWS]
    asked = {name: str(value) for name, value in msgspec.structs.asdict(form).items() if value is not None}
    more = {"after": encode_cursor(shown[-1].id)} if len(found) > _ROWS else None
    days, decided = queries.own_days(session, club)
    return page(
        request,
        "claims/club_list.html",
        claims=shown,
        form=blank(request, ListForm, **msgspec.structs.asdict(form)),
        filtered=bool(asked),
        asked=f"?{urlencode(asked)}" if asked else "",
        next=f"{CLAIMS}?{urlencode(asked | more)}" if more else None,
        first=f"{CLAIMS}?{urlencode(asked)}" if after and asked else CLAIMS if after else None,
        days=days,
        decided=decided,
        **WORDS,
    )


def _wanted(form: ListForm) -> Wanted:
    return Wanted(form.state, form.reference, since=form.since, until=form.until)


@get(f"{CLAIMS}/claims.csv", **MAY)
@transactional
def download_claims(request: AnyRequest, session: Session) -> Response[str]:
    """The claims that the filter shows, for a spreadsheet, in the reader's language."""
    form, municipality = read_form(request.query_params, ListForm), municipality_of(request)
    texts = translator(language_of(request))
    file = export.own_claims_as_csv(
        session, municipality, club_of(request), _wanted(form), actor_of(request), texts.gettext
    )
    return csv_file(file, f"claims-{clock.today(municipality.time_zone)}.csv")


def csv_file(content: str, name: str) -> Response[str]:
    """A file for a spreadsheet, which knows UTF-8 by the mark at its beginning."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(f"\ufeff{content}", media_type="text/csv; charset=utf-8", headers=headers)


@get(NEW, **MAY)
@transactional
def new_claim(request: AnyRequest, session: Session, reservation: FromQuery[UUID | None] = None) -> Response[str]:
    """The form for one child; with a reservation of the club that one is claimed."""
    known: dict[str, Any] = {"kind": "membership", "family_share_paid_by": "family"}
    if reservation is not None:
        one = queries.own_reservation(session, club_of(request), reservation)
        known |= {"reservation": one.id, "given_name": one.given_name, "activity": one.activity, "fee": one.fee_ore}
    form = blank(request, ClaimForm, key=new_key(), **known)
    return page(request, _NEW_PAGE, form=form, share=None, **_about(request, session))


def _about(request: AnyRequest, session: Session) -> dict[str, Any]:
    return {"offers": queries.offers(session, club_of(request)), "missed": None, **WORDS}


@post(f"{CLAIMS}/share", status_code=200, **MAY)
@transactional
def show_share(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """What pass and family would pay, as one types: a part of the page. Nothing while a field is not finished."""
    share, missed = None, None
    try:
        asked = read_form(data, ShareForm)
        pass_numbers.parse(asked.pass_number)
        share = _share(desk_of(request, session), asked)
    except (Invalid, Unreadable):
        pass
    except TooMany as slowed:
        missed = slowed.said(translator(language_of(request)).gettext)
    return page(request, "claims/club_share.html", share=share, missed=missed)


def _share(desk: Desk, asked: ShareForm) -> Coverage:
    return actions.check_coverage(desk, asked.pass_number, asked.given_name, asked.fee, asked.kind, asked.season_start)


@post(NEW, status_code=303, **MAY)
@transactional
def make_claim(request: AnyRequest, data: FormData, session: Session) -> Response[str] | Redirect:
    """Calculate, reserve or claim, by the button. Sent again it claims nothing twice."""
    act = next(iter(given_in(data, "act")), "claim")
    about = _about(request, session)
    if act == "calculate":
        with redisplaying(request, _NEW_PAGE, ClaimForm, data, share=None, **about):
            share = _share(desk_of(request, session), read_form(data, ShareForm))
        return page(request, _NEW_PAGE, form=_as_written(request, data), share=share, **about)
    struct: type[ReserveForm] | type[ClaimForm] = ReserveForm if act == "reserve" else ClaimForm
    with redisplaying(request, _NEW_PAGE, ClaimForm, data, share=None, **about):
        form = read_form(data, struct)
        if is_repeated(session, principal_of(request), form.key):
            return redirect(request, CLAIMS, SENT_ALREADY, kind="info")
        desk = desk_of(request, session)
        if isinstance(form, ReserveForm):
            held = reservations.reserve(desk, form.pass_number, form.given_name, form.fee, form.activity)
            said = N_("{amount} is held until {day}. Claim it by then.")
            return redirect(request, RESERVATIONS, said, amount=Amount(held.reserved_ore), day=held.until)
        made = actions.submit_claim(desk, form.claim)
    return _told(request, made)


def _as_written(request: AnyRequest, data: Mapping[str, Any]) -> Form:
    values = {name: [one for one in given_in(data, name) if isinstance(one, str)] for name in data}
    return Form(ClaimForm, values, translator(language_of(request)))


def _told(request: AnyRequest, made: Made) -> Redirect:
    path = f"{CLAIMS}/{made.id}"
    shares = {"covered": Amount(made.covered_ore), "family": Amount(made.family_share_ore)}
    if made.state == "approved":
        said = N_("The claim is approved: the pass pays {covered}, the family's share is {family}.")
        return redirect(request, path, said, kind="success", **shares)
    if made.state == "submitted":
        said = N_("A case worker decides about the claim. {covered} is held for it meanwhile.")
        return redirect(request, path, said, kind="info", **shares)
    return redirect(request, path, N_("The claim was rejected. The reason stands below."), kind="warning")


@get(f"{CLAIMS}/{{claim_id:uuid}}", **MAY)
@transactional
def show_claim(request: AnyRequest, session: Session, claim_id: FromPath[UUID]) -> Response[str]:
    """A claim: its state, the reasons with what to do, and when it is paid."""
    municipality, actor = municipality_of(request), actor_of(request)
    claim = queries.own_claim(session, municipality, club_of(request), claim_id, actor)
    return page(request, "claims/club_claim.html", claim=claim, **WORDS)


@post(f"{CLAIMS}/{{claim_id:uuid}}/withdrawal", status_code=303, **MAY)
@transactional
def withdraw(request: AnyRequest, session: Session, claim_id: FromPath[UUID]) -> Redirect:
    """Take back a claim."""
    actions.withdraw_claim(desk_of(request, session), claim_id)
    said = N_("The claim is withdrawn. Its amount is the child's again.")
    return redirect(request, f"{CLAIMS}/{claim_id}", said)


@get(RESERVATIONS, **MAY)
@transactional
def list_reservations(request: AnyRequest, session: Session, after: FromQuery[str | None] = None) -> Response[str]:
    """The club's reservations, newest first."""
    municipality, club, actor = municipality_of(request), club_of(request), actor_of(request)
    place = decode_cursor(after, UUID)
    found = queries.own_reservations(session, municipality, club, _ROWS, place, actor, held=False)
    shown = found[:_ROWS]
    more = f"{RESERVATIONS}?{urlencode({'after': encode_cursor(shown[-1].id)})}" if len(found) > _ROWS else None
    return page(
        request,
        "claims/club_reservations.html",
        reservations=shown,
        next=more,
        first=RESERVATIONS if after else None,
        **WORDS,
    )


@post(f"{RESERVATIONS}/{{reservation_id:uuid}}/release", status_code=303, **MAY)
@transactional
def release(request: AnyRequest, session: Session, reservation_id: FromPath[UUID]) -> Redirect:
    """Give back what a reservation holds."""
    reservations.release_reservation(desk_of(request, session), reservation_id)
    return redirect(request, RESERVATIONS, N_("The reservation is given back to the child."))


ROUTES = [
    list_claims,
    download_claims,
    new_claim,
    show_share,
    make_claim,
    show_claim,
    withdraw,
    list_reservations,
    release,
]
"""The pages of one claim at a time."""
