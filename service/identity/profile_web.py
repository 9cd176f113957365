"""The pages of one's own account: the places, what one chooses for oneself, where one is signed in, one's roles."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import transactional
from service.database.tenancy import act_for
from service.errors import N_, NotFound
from service.identity import web
from service.identity.access import AnyRequest, Place, actor_of, principal_of
from service.identity.authentication import cookies_of
from service.identity.mails import ROLE_NAMES
from service.identity.members import leave
from service.identity.own_acts import note_sign_out_everywhere
from service.identity.permissions import SIGNED_IN
from service.identity.sessions import (
    Membership,
    choose_place,
    end_every_session,
    end_session,
    list_sessions,
    places_of,
    set_preferences,
)
from service.identity.web import person_of, wanted_page
from service.web import menu
from service.web.forms import Form, FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect
from service.web.problems import WANTED


class ChosenPlace(msgspec.Struct):
    """For whom to act from now on."""

    tenant: UUID
    organisation: UUID | None = None


class Preferences(msgspec.Struct):
    """What a person chooses for themselves; the language `place` is that of the place."""

    language: Annotated[Literal["place", "da", "nb", "en"], Meta(title=N_("Language"))]
    theme: Annotated[Literal["auto", "light", "dark"], Meta(title=N_("Colours"))]


class MyPlace(msgspec.Struct, frozen=True):
    """A place with the roles that a person has there, and whether they act for it now."""

    place: Place
    roles: list[str]
    here: bool


@get(menu.PLACES, sync_to_thread=True, include_in_schema=False, opt=SIGNED_IN)
@transactional
def show_places(request: AnyRequest, session: Session) -> Response[str]:
    """One's places, to choose for which to act."""
    mine = _mine(request, places_of(session, person_of(request)[0]))
    return page(request, "identity/places.html", mine=mine, roles=ROLE_NAMES)


@post(menu.PLACES, status_code=303, sync_to_thread=True, include_in_schema=False, opt=SIGNED_IN)
@transactional
def choose(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Act for a place from now on, in this session."""
    chosen = read_form(data, ChosenPlace)
    choose_place(session, person_of(request)[1], chosen.tenant, chosen.organisation)
    response = redirect(request, wanted_page(request))
    response.set_cookie(cookies_of(request).make(WANTED, "", 0))
    return response


@get(menu.PROFILE, sync_to_thread=True, include_in_schema=False, opt=SIGNED_IN)
@transactional
def show_profile(request: AnyRequest, session: Session) -> Response[str]:
    """Everything about oneself."""
    known = _profile(request, session)
    return page(request, "identity/profile.html", form=_preferences(request), **known)


@post(menu.PROFILE, status_code=303, sync_to_thread=True, include_in_schema=False, opt=SIGNED_IN)
@transactional
def prefer(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Keep language and colours."""
    with redisplaying(request, "identity/profile.html", Preferences, data, **_profile(request, session)):
        wished = read_form(data, Preferences)
    language = None if wished.language == "place" else wished.language
    set_preferences(session, person_of(request)[0], language, wished.theme)
    # The message already comes in the language that was chosen.
    request.scope["user"] = msgspec.structs.replace(principal_of(request), language=language)
    return redirect(request, menu.PROFILE, N_("Your choices are kept."))


@post(
    f"{menu.PROFILE}/sessions/{{session_id:uuid}}/end",
    status_code=303,
    sync_to_thread=True,
    include_in_schema=False,
    opt=SIGNED_IN,
)
@transactional
def sign_out_one(request: AnyRequest, session_id: FromPath[UUID], session: Session) -> Redirect:
    """Sign one of one's browsers out."""
    account_id, own = person_of(request)
    end_session(session, account_id, session_id)
    if session_id == own:
        return web.leave(request, N_("You are signed out."))
    return redirect(request, menu.PROFILE, N_("That browser is signed out."))


@post(f"{menu.PROFILE}/sessions/end", status_code=303, sync_to_thread=True, include_in_schema=False, opt=SIGNED_IN)
@transactional
def sign_out_everywhere(request: AnyRequest, session: Session) -> Redirect:
    """Sign all of one's browsers out, this one too."""
    account_id = person_of(request)[0]
    end_every_session(session, account_id)
    note_sign_out_everywhere(session, account_id)
    return web.leave(request, N_("You are signed out everywhere."))


@post(
    f"{menu.PROFILE}/roles/{{membership_id:uuid}}/leave",
    status_code=303,
    sync_to_thread=True,
    include_in_schema=False,
    opt=SIGNED_IN,
)
@transactional
def leave_role(request: AnyRequest, membership_id: FromPath[UUID], session: Session) -> Redirect:
    """Give back one of one's roles."""
    principal = principal_of(request)
    chosen = {"language": principal.language or "place", "theme": principal.theme}
    with redisplaying(request, "identity/profile.html", Preferences, chosen, **_profile(request, session)):
        memberships = {membership.id: membership for membership in places_of(session, person_of(request)[0])}
        if membership_id not in memberships:
            raise NotFound("There is no such role, or it has ended already.")
        tenant_id = memberships[membership_id].place.tenant_id
        act_for(session, tenant_id)
        leave(session, tenant_id, membership_id, actor_of(request))
    return redirect(request, menu.PROFILE, N_("You have given that role back."))


def _profile(request: AnyRequest, session: Session) -> dict[str, Any]:
    account_id, session_id = person_of(request)
    return {
        "memberships": places_of(session, account_id),
        "roles": ROLE_NAMES,
        "sessions": list_sessions(session, account_id),
        "own_session": session_id,
    }


def _preferences(request: AnyRequest) -> Form:
    principal = principal_of(request)
    return blank(request, Preferences, language=principal.language or "place", theme=principal.theme)


def _mine(request: AnyRequest, memberships: list[Membership]) -> list[MyPlace]:
    """Each place once, with all the roles there."""
    here = principal_of(request).place
    roles: dict[Place, list[str]] = {}
    for membership in memberships:
        roles.setdefault(membership.place, []).append(membership.role)
    return [MyPlace(place=place, roles=held, here=place == here) for place, held in roles.items()]


ROUTES = [show_places, choose, show_profile, prefer, sign_out_one, sign_out_everywhere, leave_role]
