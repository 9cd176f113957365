"""The pages on which a club's treasurer tells what the club offers."""

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from sqlmodel import Session

from service.clubs import actions
from service.clubs.desk import desk_of
from service.clubs.forms import ActivityForm
from service.clubs.own import own_club
from service.clubs.own_web import CHANGE, CLUB
from service.clubs.words import ACTIVITIES
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, principal_of
from service.identity.form_keys import is_repeated, new_key
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

_NEW: Final = f"{CLUB}/activities/new"
_ONE: Final = f"{CLUB}/activities/{{activity_id:uuid}}"
_TEMPLATE: Final = "clubs/activity.html"


@get(_NEW, **CHANGE)
@transactional
def new_activity(request: AnyRequest, session: Session) -> Response[str]:
    """The form for something that the club offers."""
    own_club(request, session)
    return page(request, _TEMPLATE, form=blank(request, ActivityForm, key=new_key()), **_about(None))


def _about(activity_id: UUID | None) -> dict[str, Any]:
    where = _NEW if activity_id is None else f"{CLUB}/activities/{activity_id}"
    return {"where": where, "activity_id": activity_id, "kinds": ACTIVITIES}


@post(_NEW, status_code=303, **CHANGE)
@transactional
def add_activity(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Add something that the club offers."""
    club = own_club(request, session)
    with redisplaying(request, _TEMPLATE, ActivityForm, data, **_about(None)):
        asked = read_form(data, ActivityForm)
        if not is_repeated(session, principal_of(request), asked.key):
            actions.add_activity(session, desk_of(request), club.id, asked.activity)
    return redirect(request, CLUB, N_("{name} was added."), name=asked.name)


@get(_ONE, **CHANGE)
@transactional
def edit_activity(request: AnyRequest, session: Session, activity_id: FromPath[UUID]) -> Response[str]:
    """The form with what is known of an activity."""
    found = actions.find_activity(session, own_club(request, session).id, activity_id)
    known = {name: getattr(found, name) for name in ActivityForm.__struct_fields__ if name != "key"}
    form = blank(request, ActivityForm, key=new_key(), **known)
    return page(request, _TEMPLATE, form=form, **_about(activity_id))


@post(_ONE, status_code=303, **CHANGE)
@transactional
def change_activity(request: AnyRequest, data: FormData, session: Session, activity_id: FromPath[UUID]) -> Redirect:
    """Change an activity."""
    club = own_club(request, session)
    with redisplaying(request, _TEMPLATE, ActivityForm, data, **_about(activity_id)):
        asked = read_form(data, ActivityForm)
        actions.change_activity(session, desk_of(request), club.id, activity_id, asked.activity)
    return redirect(request, CLUB, N_("The changes are kept."))


@post(f"{_ONE}/end", status_code=303, **CHANGE)
@transactional
def end_activity(request: AnyRequest, session: Session, activity_id: FromPath[UUID]) -> Redirect:
    """Take an activity off."""
    club = own_club(request, session)
    found = actions.find_activity(session, club.id, activity_id)
    actions.end_activity(session, desk_of(request), club.id, activity_id)
    return redirect(request, CLUB, N_("{name} is not offered any more."), name=found.name)


ROUTES = [new_activity, add_activity, edit_activity, change_activity, end_activity]
"""The pages of what a club offers."""
