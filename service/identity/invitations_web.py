"""The pages about inviting people: the form, the invitations that are open, sending one again, taking one back."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import keys_of, transactional
from service.errors import N_
from service.identity import members, people
from service.identity.access import AnyRequest, actor_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.mails import invitation_address, send_invitation
from service.identity.members import SentInvitation
from service.identity.organisations import list_organisations
from service.identity.people_web import INVITATIONS, PEOPLE, place_of, words
from service.identity.permissions import may
from service.values import clock
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect
from service.web.texts import translator

_NEW = f"{PEOPLE}/invite"

Role = Literal[
    "administrator",
    "case_worker",
    "finance_officer",
    "referrer",
    "club_treasurer",
    "coordinator",
    "volunteer",
    "auditor",
]


class InvitationForm(msgspec.Struct, frozen=True):
    """Who is to be invited to which role, and where: `place` is the tenant itself, or a service or club of it."""

    key: FormKey
    email: Annotated[str, Meta(title=N_("E-mail"), max_length=254)]
    name: Annotated[str, Meta(title=N_("Name"), max_length=100)]
    role: Annotated[Role, Meta(title=N_("Role"))]
    place: Annotated[UUID, Meta(title=N_("Place"))]


def mail_invitation(request: AnyRequest, session: Session, sent: SentInvitation) -> None:
    """Write to whoever is invited, with the link, in the language of the place."""
    invitation = members.find_invitation(session, sent.secret)
    url = invitation_address(request.app.state.public_url, sent.secret)
    send_invitation(session, keys_of(request), invitation, url, translator(invitation.language).gettext)


@get(INVITATIONS, sync_to_thread=True, include_in_schema=False, opt=may("people.read"))
@transactional
def show_invitations(request: AnyRequest, session: Session) -> Response[str]:
    """The open invitations, those too old to be followed as well."""
    return page(
        request,
        "identity/people_invitations.html",
        invitations=members.list_invitations(session),
        now=clock.now(),
        **words(session),
    )


@get(_NEW, sync_to_thread=True, include_in_schema=False, opt=may("people.change"))
@transactional
def new_invitation(request: AnyRequest, session: Session) -> Response[str]:
    """The form to invite somebody."""
    form = blank(request, InvitationForm, key=new_key(), place=place_of(request).tenant_id)
    return page(request, "identity/people_invite.html", form=form, **_choices(request, session))


def _choices(request: AnyRequest, session: Session) -> dict[str, Any]:
    here = people.roles_of(place_of(request))
    return {
        "may": {role: people.what_a_role_may(role, place_of(request)) for role in here},
        "organisations": [one for one in list_organisations(session) if one.ended_at is None],
        **words(session),
    }


@post(_NEW, status_code=303, sync_to_thread=True, include_in_schema=False, opt=may("people.change"))
@transactional
def invite(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Send an invitation."""
    tenant_id = place_of(request).tenant_id
    with redisplaying(request, "identity/people_invite.html", InvitationForm, data, **_choices(request, session)):
        asked = read_form(data, InvitationForm)
        if not is_repeated(session, principal_of(request), asked.key):
            where = None if asked.place == tenant_id else asked.place
            actor = actor_of(request)
            sent = members.invite(session, tenant_id, asked.email, asked.name, asked.role, where, actor)
            mail_invitation(request, session, sent)
    return redirect(request, INVITATIONS, N_("The invitation to {name} is on its way."), name=asked.name)


@post(
    f"{INVITATIONS}/{{invitation_id:uuid}}/renew",
    status_code=303,
    sync_to_thread=True,
    include_in_schema=False,
    opt=may("people.change"),
)
@transactional
def renew(request: AnyRequest, session: Session, invitation_id: FromPath[UUID]) -> Redirect:
    """Send an invitation again with a new link; the link before is worth nothing from now on."""
    sent = members.renew_invitation(session, place_of(request).tenant_id, invitation_id, actor_of(request))
    mail_invitation(request, session, sent)
    return redirect(request, INVITATIONS, N_("The invitation was sent again. The link before does not work any more."))


@post(
    f"{INVITATIONS}/{{invitation_id:uuid}}/withdraw",
    status_code=303,
    sync_to_thread=True,
    include_in_schema=False,
    opt=may("people.change"),
)
@transactional
def withdraw(request: AnyRequest, session: Session, invitation_id: FromPath[UUID]) -> Redirect:
    """Take an invitation back."""
    members.withdraw_invitation(session, place_of(request).tenant_id, invitation_id, actor_of(request))
    return redirect(request, INVITATIONS, N_("The invitation was withdrawn. Its link does not work any more."))


ROUTES = [show_invitations, new_invitation, invite, renew, withdraw]
"""The pages about invitations."""
