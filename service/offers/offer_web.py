"""The page of one offer: who comes and what they need, and what is noted of it."""

from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.audit.actions import record
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest
from service.offers import answers, making
from service.offers.answer_web import YesForm
from service.offers.letters import print_letters
from service.offers.queries import contact_of, find_offer, needs_of, shown_of, travellers_of
from service.offers.web import PAGE, WORDS, desk_of
from service.stays.stays_web import as_file
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

OFFER: Final = "/offers/{offer_id:uuid}"


class RefusalForm(msgspec.Struct, frozen=True):
    """That a family has said no on the phone."""

    because: Annotated[
        Literal["time", "place", "travel", "other_plans", "illness", "other"] | None, Meta(title=N_("Why"))
    ] = None


class TimeForm(msgspec.Struct, frozen=True):
    """Until when a family may answer."""

    until: Annotated[date, Meta(title=N_("Answer by"))]


@get(OFFER, **PAGE)
@transactional
def show_offer(request: AnyRequest, session: Session, offer_id: FromPath[UUID]) -> Response[str]:
    """An offer with all that is known of it."""
    context = _offer(request, session, offer_id)
    everybody = [one.place for one in context["people"]]
    return page(request, "offers/offer.html", form=blank(request, YesForm, comes=everybody, by="link"), **context)


def _offer(request: AnyRequest, session: Session, offer_id: UUID) -> dict[str, Any]:
    desk = desk_of(request)
    row = answers.look(session, desk, offer_id)
    record(session, desk.tenant.id, desk.actor, "offers.read", ("offer", offer_id))
    return WORDS | {
        "offer": row,
        "stay_": shown_of(session, row.stay_id),
        "people": travellers_of(session, offer_id),
        "needs": needs_of(session, desk.secrets, offer_id),
        "contact": contact_of(session, desk.secrets, offer_id),
        "is_open": answers.is_open(row),
        "may_cancel": answers.may_cancel(row, desk),
    }


@post(f"{OFFER}/yes", status_code=303, **PAGE)
@transactional
def note_yes(request: AnyRequest, data: FormData, session: Session, offer_id: FromPath[UUID]) -> Redirect:
    """Note that a family has said yes on the phone."""
    context = _offer(request, session, offer_id)
    with redisplaying(request, "offers/offer.html", YesForm, data, **context):
        asked = read_form(data, YesForm)
        answers.note_answer(session, desk_of(request), offer_id, asked.yes)
    return redirect(request, f"/offers/{offer_id}", N_("The family's yes is noted."))


@post(f"{OFFER}/no", status_code=303, **PAGE)
@transactional
def note_no(request: AnyRequest, data: FormData, session: Session, offer_id: FromPath[UUID]) -> Redirect:
    """Note that a family has said no on the phone."""
    asked = read_form(data, RefusalForm)
    answers.note_answer(session, desk_of(request), offer_id, None, asked.because)
    return redirect(request, f"/offers/{offer_id}", N_("The family's no is noted, and the place is free."))


@post(f"{OFFER}/cancel", status_code=303, **PAGE)
@transactional
def note_cancellation(request: AnyRequest, session: Session, offer_id: FromPath[UUID]) -> Redirect:
    """Note that a family that had accepted cannot come."""
    answers.note_cancellation(session, desk_of(request), offer_id)
    return redirect(request, f"/offers/{offer_id}", N_("The cancellation is noted, and the place is free."))


@post(f"{OFFER}/withdraw", status_code=303, **PAGE)
@transactional
def withdraw(request: AnyRequest, session: Session, offer_id: FromPath[UUID]) -> Redirect:
    """Take an offer back."""
    answers.withdraw(session, desk_of(request), offer_id)
    return redirect(request, f"/offers/{offer_id}", N_("The offer is withdrawn, and the place is free."))


@post(f"{OFFER}/remind", status_code=303, **PAGE)
@transactional
def remind(request: AnyRequest, session: Session, offer_id: FromPath[UUID]) -> Redirect:
    """Write once more."""
    row = find_offer(session, offer_id)
    making.remind(session, desk_of(request), row.season_id, offer_id)
    return redirect(request, f"/offers/{offer_id}", N_("A reminder goes out."))


@post(f"{OFFER}/time", status_code=303, **PAGE)
@transactional
def give_time(request: AnyRequest, data: FormData, session: Session, offer_id: FromPath[UUID]) -> Redirect:
    """Let the family answer until a later day."""
    making.give_time(session, desk_of(request), offer_id, read_form(data, TimeForm).until)
    return redirect(request, f"/offers/{offer_id}", N_("The family has more time. Its link and its code say so too."))


@post(f"{OFFER}/wait-again", status_code=303, **PAGE)
@transactional
def wait_again(request: AnyRequest, session: Session, offer_id: FromPath[UUID]) -> Redirect:
    """Put the family back on the waiting list."""
    making.let_wait_again(session, desk_of(request), offer_id)
    return redirect(request, f"/offers/{offer_id}", N_("The family waits again, in its rank."))


@post(f"{OFFER}/letter", status_code=200, **PAGE)
@transactional
def take_letter(request: AnyRequest, session: Session, offer_id: FromPath[UUID]) -> Response[bytes]:
    """The letter of one offer, to print it again or beside a message."""
    row = find_offer(session, offer_id)
    pdf = print_letters(session, desk_of(request), row.season_id, offer_id=offer_id)
    return as_file(pdf, "offer.pdf", "application/pdf")


ROUTES = [show_offer, note_yes, note_no, note_cancellation, withdraw, remind, give_time, wait_again, take_letter]
"""The page of an offer."""
