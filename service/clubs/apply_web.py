"""The public pages on which a club applies. They say the same whether there is such a club or not."""

from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor
from service.clubs.applications import Applied, apply
from service.clubs.desk import Desk
from service.clubs.forms import ApplicationForm
from service.clubs.settings import agreement_of, settings_of
from service.clubs.words import ACTIVITIES
from service.database.requests import database_of, keys_of, transactional
from service.database.tenancy import act_for
from service.errors import Conflict, NotFound
from service.identity import throttle
from service.identity.access import AnyRequest
from service.identity.actions import Municipality, find_municipality
from service.identity.authentication import address_of
from service.identity.form_keys import is_repeated, new_key
from service.identity.permissions import PUBLIC
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import language_of, page, redirect

APPLY: Final = "/apply/clubs"
_ONE: Final = f"{APPLY}/{{code:str}}"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": PUBLIC}


@get(APPLY, **_OPEN)
@transactional
def choose_municipality(request: AnyRequest, session: Session) -> Response[str]:
    """The municipalities to which clubs may apply."""
    rows = session.execute(
        text(
            """SELECT id, code, name, country, time_zone, language FROM directory.list_tenants()
            WHERE kind = 'municipality' ORDER BY name, code"""
        )
    ).all()
    every = [msgspec.convert(row, Municipality, from_attributes=True) for row in rows]
    return page(request, "clubs/apply_list.html", municipalities=[one for one in every if _is_open(session, one)])


@get(_ONE, **_OPEN)
@transactional
def show_form(request: AnyRequest, session: Session, code: FromPath[str]) -> Response[str]:
    """The form, or that no applications are taken."""
    municipality = municipality_at(session, code)
    if not _is_open(session, municipality):
        return page(request, "clubs/apply_closed.html", municipality=municipality)
    form = blank(request, ApplicationForm, key=new_key())
    return page(request, "clubs/apply.html", form=form, **_shown(session, municipality))


@post(_ONE, status_code=303, **_OPEN)
@transactional
def send_form(request: AnyRequest, data: FormData, session: Session, code: FromPath[str]) -> Redirect:
    """Take an application."""
    municipality = municipality_at(session, code)
    shown = _shown(session, municipality)
    with redisplaying(request, "clubs/apply.html", ApplicationForm, data, **shown):
        asked = read_form(data, ApplicationForm)
        if not is_repeated(session, None, asked.key):
            take(request, session, municipality, asked.applied(language_of(request)))
    return redirect(request, f"{APPLY}/{municipality.code}/sent")


@get(f"{_ONE}/sent", **_OPEN)
@transactional
def show_sent(request: AnyRequest, session: Session, code: FromPath[str]) -> Response[str]:
    """What happens next."""
    return page(request, "clubs/apply_sent.html", municipality=municipality_at(session, code))


def take(request: AnyRequest, session: Session, municipality: Municipality, applied: Applied) -> None:
    """Take an application of somebody who is not known, as often as anybody may send one."""
    if not _is_open(session, municipality):
        raise Conflict("{municipality} takes no applications of clubs at the moment.", municipality=municipality.name)
    database = database_of(request)
    throttle.count(database, throttle.CLUB_APPLICATIONS_FROM_ADDRESS, address_of(request))
    desk = Desk(
        municipality=municipality,
        keys=keys_of(request),
        public_url=request.app.state.public_url,
        actor=Actor(door="api" if request.url.path.startswith("/api/") else "page"),
    )
    apply(session, desk, applied)
    # Counted by what was accepted: a mistyped number is nobody's.
    number = "".join(applied.number.split())
    throttle.count(database, throttle.CLUB_APPLICATIONS_FOR_NUMBER, f"{municipality.id} {number}")
    throttle.count(database, throttle.CLUB_APPLICATIONS_TO_CONTACT, applied.data.contact_email or "")


ROUTES = [choose_municipality, show_form, send_form, show_sent]
"""The public pages of applying."""


def municipality_at(session: Session, code: str) -> Municipality:
    """The municipality with this code, for which the transaction acts from now on."""
    try:
        found = find_municipality(session, code)
    except NotFound:
        raise NotFound("No municipality takes applications of clubs at this address.") from None
    act_for(session, found.id)
    return found


def _is_open(session: Session, municipality: Municipality) -> bool:
    act_for(session, municipality.id)
    return settings_of(session).applications_open


def _shown(session: Session, municipality: Municipality) -> dict[str, Any]:
    return {
        "municipality": municipality,
        "agreement": agreement_of(session, municipality),
        "kinds": ACTIVITIES,
    }
