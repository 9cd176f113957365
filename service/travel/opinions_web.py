"""The pages on which families and volunteers say how a stay was, and what came of it."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import database_of, keys_of, transactional
from service.errors import N_, NotFound
from service.identity import throttle
from service.identity.access import AnyRequest, account_of, organisation_of
from service.identity.authentication import address_of
from service.identity.permissions import PUBLIC
from service.stays.queries import find_stay
from service.travel import opinions
from service.travel.rules import FEWEST_ANSWERS
from service.travel.web import READ, STAY_PATH
from service.travel.words import AGAIN, ASKED_AGAIN, AUDIENCES, MARKS, QUESTIONS, WORDS
from service.values import clock
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

OPINION: Final = "/opinion"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": PUBLIC}
Mark = Literal["1", "2", "3", "4", "5"]


class CodeForm(msgspec.Struct, frozen=True):
    """The code of a packing letter."""

    code: Annotated[str, Meta(title=N_("Code"), max_length=40)]


class OpinionForm(msgspec.Struct, frozen=True):
    """How a stay was."""

    overall: Annotated[Mark, Meta(title=QUESTIONS["overall"])]
    again: Annotated[Literal["yes", "perhaps", "no"], Meta(title=ASKED_AGAIN)]
    children: Annotated[Mark | None, Meta(title=QUESTIONS["children"])] = None
    travel: Annotated[Mark | None, Meta(title=QUESTIONS["travel"])] = None
    words: Annotated[str, Meta(title=WORDS, max_length=500)] = ""
    code: Annotated[str, Meta(title=N_("Code"), max_length=40)] = ""

    @property
    def said(self) -> opinions.Said:
        marks = {name: getattr(self, name) for name in opinions.MARKS}
        known = {name: int(mark) for name, mark in marks.items() if mark is not None}
        return opinions.Said(again=self.again, words=self.words, **known)


_SHOWN: Final[dict[str, Any]] = {"marks": MARKS, "again": AGAIN}


@get(OPINION, **_OPEN)
def ask_for_code(request: AnyRequest) -> Response[str]:
    """Where a family types the code of its letter."""
    return page(request, "travel/opinion_code.html", form=blank(request, CodeForm))


@post(OPINION, status_code=200, **_OPEN)
@transactional
def take_code(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """The questions, for whoever has a code. It travels in the form and never stands in an address."""
    with redisplaying(request, "travel/opinion_code.html", CodeForm, data):
        asked = read_form(data, CodeForm)
        code = _find(request, session, asked.code)
        opinions.require_over(code.stay, clock.today(code.time_zone))
    form = blank(request, OpinionForm, code=asked.code)
    return page(request, "travel/opinion.html", form=form, stay=code.stay, action=f"{OPINION}/answer", **_SHOWN)


@post(f"{OPINION}/answer", status_code=303, **_OPEN)
@transactional
def answer_as_family(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Keep what a family says."""
    with redisplaying(request, "travel/opinion_code.html", CodeForm, data):
        code = _find(request, session, read_form(data, CodeForm).code)
    context = {"stay": code.stay, "action": f"{OPINION}/answer"} | _SHOWN
    with redisplaying(request, "travel/opinion.html", OpinionForm, data, **context):
        asked = read_form(data, OpinionForm)
        opinions.say_as_family(session, code, asked.said, clock.today(code.time_zone))
    return redirect(request, f"{OPINION}/thanks")


def _find(request: AnyRequest, session: Session, written: str) -> opinions.Code:
    """The code, tried no more often than anybody may who types from paper."""
    try:
        return opinions.find_code(session, keys_of(request), written)
    except NotFound:
        throttle.count(database_of(request), throttle.UNKNOWN_SECRETS, f"opinion {address_of(request)}")
        raise


@get(f"{OPINION}/thanks", **_OPEN)
def thank(request: AnyRequest) -> Response[str]:
    """Thanks."""
    return page(request, "travel/opinion_thanks.html")


@get(f"{STAY_PATH}/opinion", **READ)
@transactional
def ask_volunteer(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> Response[str]:
    """The questions, for whoever helped."""
    place, stay = organisation_of(request), find_stay(session, stay_id)
    opens = clock.today(place.time_zone) >= stay.ends_on
    context: dict[str, Any] = {"action": f"/stays/{stay_id}/opinion", "opens": opens} | _SHOWN
    return page(request, "travel/opinion_volunteer.html", form=blank(request, OpinionForm), stay=stay, **context)


@post(f"{STAY_PATH}/opinion", status_code=303, **READ)
@transactional
def answer_as_volunteer(request: AnyRequest, data: FormData, session: Session, stay_id: FromPath[UUID]) -> Redirect:
    """Keep what somebody who helped says."""
    place, stay = organisation_of(request), find_stay(session, stay_id)
    context = {"stay": stay, "action": f"/stays/{stay_id}/opinion", "opens": True} | _SHOWN
    with redisplaying(request, "travel/opinion_volunteer.html", OpinionForm, data, **context):
        asked, today = read_form(data, OpinionForm), clock.today(place.time_zone)
        opinions.say_as_volunteer(
            session, place.tenant_id, keys_of(request), stay, account_of(request), asked.said, today
        )
    return redirect(request, f"/stays/{stay_id}/opinions", N_("Thank you! Nobody sees that it was you."))


@get(f"{STAY_PATH}/opinions", **READ)
@transactional
def show_opinions(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> Response[str]:
    """What was said of a stay, where enough have answered."""
    organisation_of(request)
    stay = find_stay(session, stay_id)
    results = opinions.results_of(session, stay_id)
    words: dict[str, Any] = {"questions": QUESTIONS, "audiences": AUDIENCES, "again": AGAIN, "asked_again": ASKED_AGAIN}
    return page(request, "travel/opinions.html", stay=stay, results=results, fewest=FEWEST_ANSWERS, **words)


ROUTES = [
    ask_for_code,
    take_code,
    answer_as_family,
    thank,
    ask_volunteer,
    answer_as_volunteer,
    show_opinions,
]
"""The pages of opinions."""
