"""The pages about the services of a municipality."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import transactional
from service.errors import N_, NotFound
from service.identity import organisations
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.members import list_invitations, list_members
from service.identity.organisations import Organisation
from service.identity.permissions import may
from service.identity.tokens import list_tokens
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

ORGANISATIONS = "/organisations"
_NEW = f"{ORGANISATIONS}/new"


class OrganisationForm(msgspec.Struct, frozen=True):
    """A service, known by its name. Clubs are approved with what belongs to them, on pages of their own."""

    key: FormKey
    name: Annotated[str, Meta(title=N_("Name"), max_length=200)]


@get(ORGANISATIONS, sync_to_thread=True, include_in_schema=False, opt=may("organisations.read"))
@transactional
def show_organisations(request: AnyRequest, session: Session) -> Response[str]:
    """The services, those that have ended apart."""
    municipality_of(request)
    found = organisations.list_organisations(session)
    return page(
        request,
        "identity/organisations_list.html",
        services=[one for one in found if one.kind == "service" and one.ended_at is None],
        ended=[one for one in found if one.kind == "service" and one.ended_at is not None],
    )


@get(_NEW, sync_to_thread=False, include_in_schema=False, opt=may("organisations.change"))
def new_organisation(request: AnyRequest) -> Response[str]:
    """The form for a new service."""
    municipality_of(request)
    return page(request, "identity/organisations_new.html", form=blank(request, OrganisationForm, key=new_key()))


@post(_NEW, status_code=303, sync_to_thread=True, include_in_schema=False, opt=may("organisations.change"))
@transactional
def add_organisation(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Add a service."""
    tenant_id = municipality_of(request).id
    with redisplaying(request, "identity/organisations_new.html", OrganisationForm, data):
        asked = read_form(data, OrganisationForm)
        if not is_repeated(session, principal_of(request), asked.key):
            organisations.add_organisation(session, tenant_id, "service", asked.name, None, actor_of(request))
    return redirect(request, ORGANISATIONS, N_("{name} was added."), name=asked.name)


@get(
    f"{ORGANISATIONS}/{{organisation_id:uuid}}/end",
    sync_to_thread=True,
    include_in_schema=False,
    opt=may("organisations.change"),
)
@transactional
def ask_to_end_organisation(request: AnyRequest, session: Session, organisation_id: FromPath[UUID]) -> Response[str]:
    """How much ends with a service, before it does."""
    found = _live(session, organisation_id)
    return page(
        request,
        "identity/organisations_end.html",
        organisation=found,
        roles=sum(member.organisation_id == found.id for member in list_members(session)),
        invitations=sum(invited.organisation_id == found.id for invited in list_invitations(session)),
        tokens=sum(token.revoked_at is None for token in list_tokens(session, found.id)),
    )


@post(
    f"{ORGANISATIONS}/{{organisation_id:uuid}}/end",
    status_code=303,
    sync_to_thread=True,
    include_in_schema=False,
    opt=may("organisations.change"),
)
@transactional
def end_organisation(request: AnyRequest, session: Session, organisation_id: FromPath[UUID]) -> Redirect:
    """End a service with its roles, invitations and tokens."""
    found, tenant_id = _live(session, organisation_id), municipality_of(request).id
    organisations.end_organisation(session, tenant_id, organisation_id, actor_of(request))
    return redirect(request, ORGANISATIONS, N_("{name} has ended."), name=found.name)


def _live(session: Session, organisation_id: UUID) -> Organisation:
    found = organisations.find_service_by_id(session, organisation_id)
    if found.ended_at is not None:
        raise NotFound("There is no such service, or it has ended already.")
    return found


ROUTES = [
    show_organisations,
    new_organisation,
    add_organisation,
    ask_to_end_organisation,
    end_organisation,
]
"""The pages about services."""
