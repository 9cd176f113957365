"""Administration in the API: organisations, members, invitations and tokens, for administrators who are signed in.

No token may call any of it: the table of permissions gives these no scope.
"""

from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, QueryParameter
from sqlmodel import Session

from schemas.member import InvitationSummary, MemberSummary, NewInvitation
from schemas.organisation import NewOrganisation, OrganisationSummary
from schemas.page import Page
from schemas.token import MadeToken, NewToken, TokenSummary
from service.database.requests import transactional
from service.errors import NotFound
from service.identity import members, organisations, tokens
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.invitations_web import mail_invitation
from service.identity.people_web import place_of
from service.identity.permissions import may
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, page_by_id
from service.web.problems import DOCUMENTED

Shown = TypeVar("Shown", bound=msgspec.Struct)
_ORGANISATION_ASKED = {"name": "School health"}
_INVITATION_ASKED = {"email": "treasurer@club.example", "name": "The treasurer", "role": "club_treasurer"} | {
    "organisation_id": "01900000-0000-7000-8000-000000000001"
}
_TOKEN_ASKED = {"name": "Case system", "scopes": ["register", "passes"]}
_READ: dict[str, Any] = {"sync_to_thread": True, "responses": DOCUMENTED}
_ORGANISATION = Annotated[UUID | None, QueryParameter(description="Only of this service or club.")]
_ROLE = Annotated[str | None, QueryParameter(description="Only this role.", max_length=50)]


@get("/api/v1/organisations", opt=may("organisations.read"), tags=["organisations"], **_READ)
@transactional
def list_organisations(
    request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None
) -> Page[OrganisationSummary]:
    """The services and clubs of the municipality, those that have ended too; the oldest first."""
    municipality_of(request)
    return page_by_id(organisations.list_organisations(session), limit, after, _organisation)


@post("/api/v1/organisations", opt=may("organisations.change"), tags=["organisations"], **_READ)
@transactional
@idempotent
def add_organisation(
    request: AnyRequest,
    session: Session,
    data: Annotated[NewOrganisation, Body(examples=[Example(value=_ORGANISATION_ASKED)])],
) -> OrganisationSummary:
    """Add a service. A club is added by `POST /api/v1/clubs`."""
    tenant_id = municipality_of(request).id
    return _organisation(
        organisations.add_organisation(session, tenant_id, "service", data.name, None, actor_of(request))
    )


@delete(
    "/api/v1/organisations/{organisation_id:uuid}",
    opt=may("organisations.change"),
    tags=["organisations"],
    **_READ,
)
@transactional
def end_organisation(request: AnyRequest, session: Session, organisation_id: FromPath[UUID]) -> None:
    """End a service with its members' roles, open invitations and tokens. A club ends among the clubs."""
    organisations.find_service_by_id(session, organisation_id)
    organisations.end_organisation(session, municipality_of(request).id, organisation_id, actor_of(request))


@get("/api/v1/members", opt=may("people.read"), tags=["members"], **_READ)
@transactional
def list_members(
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    role: _ROLE = None,
    organisation: _ORGANISATION = None,
) -> Page[MemberSummary]:
    """Everybody with a role in the municipality or volunteer organisation, its services and clubs; the oldest first."""
    found = [
        member
        for member in members.list_members(session)
        if role in (None, member.role) and organisation in (None, member.organisation_id)
    ]
    return page_by_id(found, limit, after, lambda member: _shown(member, MemberSummary))


@delete("/api/v1/members/{membership_id:uuid}", opt=may("people.change"), tags=["members"], **_READ)
@transactional
def end_member(request: AnyRequest, session: Session, membership_id: FromPath[UUID]) -> None:
    """End a role from the next request on. The last administrator's is refused with 409."""
    members.end_membership(session, place_of(request).tenant_id, membership_id, actor_of(request))


@get("/api/v1/invitations", opt=may("people.read"), tags=["members"], **_READ)
@transactional
def list_invitations(session: Session, limit: Limit = PAGE, after: After = None) -> Page[InvitationSummary]:
    """The open invitations, the oldest first."""
    return page_by_id(
        members.list_invitations(session), limit, after, lambda invited: _shown(invited, InvitationSummary)
    )


@post("/api/v1/invitations", opt=may("people.change"), tags=["members"], **_READ)
@transactional
@idempotent
def invite(
    request: AnyRequest,
    session: Session,
    data: Annotated[NewInvitation, Body(examples=[Example(value=_INVITATION_ASKED)])],
) -> InvitationSummary:
    """Invite somebody to a role by e-mail. The link works once, for 14 days."""
    place, actor = place_of(request), actor_of(request)
    sent = members.invite(session, place.tenant_id, data.email, data.name, data.role, data.organisation_id, actor)
    mail_invitation(request, session, sent)
    for invited in members.list_invitations(session):
        if invited.id == sent.id:
            return _shown(invited, InvitationSummary)
    raise NotFound("There is no such open invitation.")


@delete("/api/v1/invitations/{invitation_id:uuid}", opt=may("people.change"), tags=["members"], **_READ)
@transactional
def withdraw_invitation(request: AnyRequest, session: Session, invitation_id: FromPath[UUID]) -> None:
    """Withdraw an invitation; its link does not work any more."""
    members.withdraw_invitation(session, place_of(request).tenant_id, invitation_id, actor_of(request))


@get("/api/v1/tokens", opt=may("tokens.read"), tags=["tokens"], **_READ)
@transactional
def list_tokens(request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None) -> Page[TokenSummary]:
    """The tokens of the municipality's systems, or for a club's treasurer of the club's; the oldest first."""
    found = tokens.list_tokens(session, place_of(request).organisation_id)
    return page_by_id(found, limit, after, lambda token: _shown(token, TokenSummary))


# Takes no Idempotency-Key: answers are kept for it, and the token must be kept nowhere.
@post("/api/v1/tokens", opt=may("tokens.change"), tags=["tokens"], **_READ)
@transactional
def make_token(
    request: AnyRequest, session: Session, data: Annotated[NewToken, Body(examples=[Example(value=_TOKEN_ASKED)])]
) -> MadeToken:
    """Make a token. This answer alone holds it; repeated, the call makes another."""
    made = tokens.make_token(
        session, place_of(request), data.name, tuple(data.scopes), actor_of(request), data.expires_at
    )
    return MadeToken(id=made.id, token=made.token)


@delete("/api/v1/tokens/{token_id:uuid}", opt=may("tokens.change"), tags=["tokens"], **_READ)
@transactional
def revoke_token(request: AnyRequest, session: Session, token_id: FromPath[UUID]) -> None:
    """Revoke a token at once."""
    place = place_of(request)
    tokens.revoke_token(session, place.tenant_id, place.organisation_id, token_id, actor_of(request))


ROUTES = [
    list_organisations,
    add_organisation,
    end_organisation,
    list_members,
    end_member,
    list_invitations,
    invite,
    withdraw_invitation,
    list_tokens,
    make_token,
    revoke_token,
]
"""The API of administration."""


def _organisation(organisation: organisations.Organisation) -> OrganisationSummary:
    return _shown(organisation, OrganisationSummary)


def _shown(row: msgspec.Struct, struct: type[Shown]) -> Shown:
    return msgspec.convert(row, struct, from_attributes=True)
