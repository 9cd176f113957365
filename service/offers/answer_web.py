"""The public pages on which a family answers an offer: by the link it was sent, or the code of its letter.

They need no account and no script. A wrong link or code tells nothing, and takes as long as a right one that has ended.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.audit.actions import Actor
from service.database.requests import database_of, keys_of, transactional
from service.database.tenancy import act_for
from service.errors import N_, FieldError, Invalid, NotFound
from service.identity import throttle
from service.identity.access import AnyRequest
from service.identity.authentication import address_of
from service.identity.permissions import PUBLIC
from service.offers import answers
from service.offers.answers import Found, Yes
from service.offers.desk import Desk
from service.offers.queries import OfferRow, Person, Shown, contact_of, shown_of, travellers_of
from service.offers.rules import Needs, read_code
from service.offers.words import BECAUSE
from service.web.forms import Form, FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect, speak

ANSWER: Final = "/answer"
_ONE: Final = f"{ANSWER}/{{secret:str}}"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": PUBLIC}
_LONGEST_SECRET: Final = 100
_By = Literal["link", "code"]


class CodeForm(msgspec.Struct, frozen=True):
    """The code of a letter."""

    code: Annotated[str, Meta(title=N_("The code of your letter"), max_length=40)]


class YesForm(msgspec.Struct, frozen=True):
    """That a family comes, and what it needs."""

    comes: Annotated[list[int], Meta(title=N_("Who comes along"))]
    assembly_point: Annotated[str | None, Meta(title=N_("Where you join the journey"), max_length=200)] = None
    diet: Annotated[str, Meta(title=N_("Food: allergies, or what you do not eat"), max_length=500)] = ""
    health: Annotated[str, Meta(title=N_("Health: what we must know to take care of you"), max_length=500)] = ""
    access: Annotated[str, Meta(title=N_("Access: such as a wheelchair or a pram"), max_length=500)] = ""
    emergency_name: Annotated[str, Meta(title=N_("Whom we may call if something happens"), max_length=100)] = ""
    emergency_phone: Annotated[str, Meta(title=N_("Their telephone"), max_length=30)] = ""
    by: _By = "link"

    @property
    def yes(self) -> Yes:
        """The same as the actions take it."""
        needs = Needs(**{name: getattr(self, name) for name in Needs.__struct_fields__})
        return Yes(tuple(self.comes), self.assembly_point, needs)


class NoForm(msgspec.Struct, frozen=True):
    """That a family does not come, with the reason if it wants to give one."""

    because: Annotated[
        Literal["time", "place", "travel", "other_plans", "illness", "other"] | None, Meta(title=N_("Why"))
    ] = None
    by: _By = "link"


class CancelForm(msgspec.Struct, frozen=True):
    """That a family that had said yes cannot come."""

    by: _By = "link"


@get(ANSWER, **_OPEN)
@transactional
def ask_for_code(request: AnyRequest, session: Session) -> Response[str]:
    """The form for the code of a letter."""
    return page(request, "offers/code.html", form=blank(request, CodeForm))


@post(ANSWER, status_code=303, **_OPEN)
@transactional
def enter_code(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """On to the offer of a code."""
    with redisplaying(request, "offers/code.html", CodeForm, data):
        asked = read_form(data, CodeForm)
        throttle.count(database_of(request), throttle.OFFER_CODES, address_of(request))
        keys = keys_of(request)
        # What can be no code is looked up as well: the answer takes as long.
        found = answers.find_by_code(session, keys, read_code(asked.code) or "")
        secret = None
        if found is not None:
            act_for(session, found.tenant.id)
            known = contact_of(session, keys.for_tenant(found.tenant.id), found.offer_id)
            secret = known and known.secret
        if secret is None:
            wrong = FieldError("code", "is not the code of an offer, or the offer is over; compare it with the letter")
            raise Invalid("No offer was found.", [wrong])
    return redirect(request, f"{ANSWER}/{secret}?by=code")


@get(_ONE, **_OPEN)
@transactional
def show_offer(request: AnyRequest, session: Session, secret: FromPath[str]) -> Response[str]:
    """The offer, or what has become of it."""
    desk, row = _offer(request, session, secret)
    return page(request, "offers/answer.html", form=_blank(request, session, row), **_shown(session, desk, row, secret))


@post(_ONE, status_code=303, **_OPEN)
@transactional
def say_yes(request: AnyRequest, data: FormData, session: Session, secret: FromPath[str]) -> Redirect:
    """The family comes."""
    desk, row = _offer(request, session, secret)
    context = _shown(session, desk, row, secret)
    with redisplaying(request, "offers/answer.html", YesForm, data, **context):
        asked = read_form(data, YesForm)
        answered = answers.accept(session, desk, row.id, asked.yes, asked.by)
    if answered.done:
        return redirect(request, f"{ANSWER}/{secret}", N_("Thank you: we look forward to seeing you."))
    return redirect(request, f"{ANSWER}/{secret}")


@get(f"{_ONE}/no", **_OPEN)
@transactional
def ask_for_no(request: AnyRequest, session: Session, secret: FromPath[str]) -> Response[str] | Redirect:
    """Whether the family really does not want the place."""
    desk, row = _offer(request, session, secret)
    if not answers.is_open(row):
        return redirect(request, f"{ANSWER}/{secret}")
    form = blank(request, NoForm, by=_by(request))
    return page(request, "offers/answer_no.html", form=form, reasons=BECAUSE, **_shown(session, desk, row, secret))


@post(f"{_ONE}/no", status_code=303, **_OPEN)
@transactional
def say_no(request: AnyRequest, data: FormData, session: Session, secret: FromPath[str]) -> Redirect:
    """The family does not come."""
    desk, row = _offer(request, session, secret)
    context = _shown(session, desk, row, secret) | {"reasons": BECAUSE}
    with redisplaying(request, "offers/answer_no.html", NoForm, data, **context):
        asked = read_form(data, NoForm)
        answers.decline(session, desk, row.id, asked.by, asked.because)
    return redirect(request, f"{ANSWER}/{secret}")


@get(f"{_ONE}/cancel", **_OPEN)
@transactional
def ask_to_cancel(request: AnyRequest, session: Session, secret: FromPath[str]) -> Response[str] | Redirect:
    """Whether the family, which had said yes, really cannot come."""
    desk, row = _offer(request, session, secret)
    if not answers.may_cancel(row, desk):
        return redirect(request, f"{ANSWER}/{secret}")
    return page(
        request, "offers/answer_cancel.html", form=blank(request, CancelForm), **_shown(session, desk, row, secret)
    )


@post(f"{_ONE}/cancel", status_code=303, **_OPEN)
@transactional
def cancel(request: AnyRequest, data: FormData, session: Session, secret: FromPath[str]) -> Redirect:
    """The family cannot come after all."""
    desk, row = _offer(request, session, secret)
    answers.cancel(session, desk, row.id, read_form(data, CancelForm).by)
    return redirect(request, f"{ANSWER}/{secret}")


ROUTES = [ask_for_code, enter_code, show_offer, say_yes, ask_for_no, say_no, ask_to_cancel, cancel]
"""The pages on which families answer."""


def _offer(request: AnyRequest, session: Session, secret: str) -> tuple[Desk, OfferRow]:
    """The offer of a link, as it is now; the transaction acts for its organisation from here on."""
    keys = keys_of(request)
    found: Found | None = None
    if len(secret) <= _LONGEST_SECRET:
        found = answers.find_by_link(session, keys, secret)
    if found is None:
        throttle.count(database_of(request), throttle.UNKNOWN_SECRETS, address_of(request))
        raise NotFound("There is no offer at this address. Open it once more from the message, or type your code.")
    act_for(session, found.tenant.id)
    desk = Desk(found.tenant, keys, request.app.state.public_url, Actor(door="page"))
    row = answers.look(session, desk, found.offer_id)
    speak(request, row.language)
    return desk, row


def _blank(request: AnyRequest, session: Session, row: OfferRow) -> Form:
    """Everybody who was named comes, unless the family says otherwise."""
    everybody = [one.place for one in travellers_of(session, row.id)]
    return blank(request, YesForm, comes=everybody, by=_by(request))


def _by(request: AnyRequest) -> str:
    """Whether the family came by the code of its letter."""
    return "code" if request.query_params.get("by") == "code" else "link"


def _shown(session: Session, desk: Desk, row: OfferRow, secret: str) -> dict[str, Any]:
    people: list[Person] = travellers_of(session, row.id)
    stay: Shown = shown_of(session, row.stay_id)
    return {
        "offer": row,
        "stay_": stay,
        "people": people,
        "organisation": desk.tenant,
        "time_zone": desk.tenant.time_zone,
        "at": f"{ANSWER}/{secret}",
        "is_open": answers.is_open(row),
        "may_cancel": answers.may_cancel(row, desk),
    }
