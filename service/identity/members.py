"""The people of a place: inviting them, ending what they may, and looking over it now and then."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.locks import one_at_a_time
from service.database.tenancy import act_for
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.actions import EMAIL, fitting
from service.identity.models import ROLES
from service.identity.organisations import find_organisation
from service.identity.own_acts import note_sign_in
from service.identity.sessions import open_session
from service.values import clock
from service.values.random_secrets import digest, draw

INVITATION = timedelta(days=14)
_LONGEST_NAME = 100


class Member(msgspec.Struct, frozen=True):
    """A live membership with what an administrator needs to judge whether it is still right."""

    id: UUID
    account_id: UUID
    email: str
    name: str
    role: str
    organisation_id: UUID | None
    organisation_name: str | None
    origin: str
    created_at: datetime
    reviewed_at: datetime | None
    reviewed_by: str | None
    signed_in_at: datetime | None
    second_factor: bool


class Invited(msgspec.Struct, frozen=True):
    """An open invitation as it is listed; its link is not known any more."""

    id: UUID
    email: str
    name: str
    role: str
    organisation_id: UUID | None
    organisation_name: str | None
    invited_by: str
    created_at: datetime
    expires_at: datetime


class Invitation(msgspec.Struct, frozen=True):
    """What somebody sees who follows the link of an invitation."""

    email: str
    name: str
    role: str
    tenant_id: UUID
    tenant_name: str
    language: str
    organisation_name: str | None
    invited_by: str


class SentInvitation(msgspec.Struct, frozen=True):
    """An invitation just made; the secret goes into the link of the e-mail and is kept nowhere."""

    id: UUID
    secret: str
    expires_at: datetime


def list_members(session: Session) -> list[Member]:
    """Everybody with a role in the tenant that acts, its services and clubs, by name."""
    rows = session.execute(text("SELECT * FROM directory.list_members()")).all()
    return [msgspec.convert(row, Member, from_attributes=True) for row in rows]


def invite(
    session: Session,
    tenant_id: UUID,
    email: str,
    name: str,
    role: str,
    organisation_id: UUID | None,
    actor: Actor,
) -> SentInvitation:
    """Offer a role; the caller sends the link. It is open for 14 days and can be withdrawn.

    Who has the role, or an invitation to it already, is not invited again: an invitation can be renewed.
    """
    email, name = email.strip().lower(), " ".join(name.split())
    wrong = [] if EMAIL.fullmatch(email) else [FieldError("email", "must be an e-mail address")]
    if not name or len(name) > _LONGEST_NAME:
        wrong.append(FieldError("name", "must be 1 to {most} characters", {"most": _LONGEST_NAME}))
    if role not in ROLES:
        wrong.append(FieldError("role", "is no role"))
    if wrong:
        raise Invalid("The invitation cannot be sent like this.", wrong)
    if organisation_id is not None and find_organisation(session, organisation_id).ended_at is not None:
        raise Conflict("This service or club has ended. Choose another place.")
    one_at_a_time(session, "invitation", tenant_id)
    offered = (email, role, organisation_id)
    if any((one.email, one.role, one.organisation_id) == offered for one in list_members(session)):
        raise Conflict("{email} has this role already.", email=email)
    if any((one.email, one.role, one.organisation_id) == offered for one in list_invitations(session)):
        raise Conflict("{email} is invited to this role already. Send that invitation again.", email=email)
    secret, at = draw(), clock.now()
    with fitting():
        invitation_id: UUID = session.execute(
            text("SELECT directory.add_invitation(:hash, :email, :name, :role, :organisation, :by, :at, :until)"),
            {"hash": digest(secret), "email": email, "name": name, "role": role, "organisation": organisation_id}
            | {"by": actor.account_id, "at": at, "until": at + INVITATION},
        ).scalar_one()
    record(session, tenant_id, actor, "identity.invitation.send", ("invitation", invitation_id), details={"role": role})
    return SentInvitation(id=invitation_id, secret=secret, expires_at=at + INVITATION)


def list_invitations(session: Session) -> list[Invited]:
    """The open invitations of the tenant that acts, the oldest first; those too old to be followed as well."""
    rows = session.execute(text("SELECT * FROM directory.list_invitations()")).all()
    return [msgspec.convert(row, Invited, from_attributes=True) for row in rows]


def renew_invitation(session: Session, tenant_id: UUID, invitation_id: UUID, actor: Actor) -> SentInvitation:
    """A new link for an open invitation, for another 14 days; the link before is worth nothing from now on."""
    secret, until = draw(), clock.now() + INVITATION
    renewed = session.execute(
        text("SELECT directory.renew_invitation(:id, :hash, :until)"),
        {"id": invitation_id, "hash": digest(secret), "until": until},
    ).scalar_one()
    if not renewed:
        raise NotFound("There is no such open invitation.")
    record(session, tenant_id, actor, "identity.invitation.renew", ("invitation", invitation_id))
    return SentInvitation(id=invitation_id, secret=secret, expires_at=until)


def withdraw_invitation(session: Session, tenant_id: UUID, invitation_id: UUID, actor: Actor) -> None:
    """Make the link of an invitation worthless."""
    withdrawn = session.execute(
        text("SELECT directory.withdraw_invitation(:id, :at)"), {"id": invitation_id, "at": clock.now()}
    ).scalar_one()
    if not withdrawn:
        raise NotFound("There is no such open invitation.")
    record(session, tenant_id, actor, "identity.invitation.withdraw", ("invitation", invitation_id))


def find_invitation(session: Session, secret: str) -> Invitation:
    """What a link invites to; an unknown, used, withdrawn or expired one is refused alike."""
    row = session.execute(
        text("SELECT * FROM directory.find_invitation(:hash, :at)"), {"hash": digest(secret), "at": clock.now()}
    ).one_or_none()
    if row is None:
        raise _no_invitation()
    return msgspec.convert(row, Invitation, from_attributes=True)


def accept_invitation(session: Session, secret: str, name: str, agent: str) -> str:
    """Take the role, with an account made where it is new; returns the secret of a new session."""
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME:
        wrong = [FieldError("name", "must be 1 to {most} characters", {"most": _LONGEST_NAME})]
        raise Invalid("Tell us your name.", wrong)
    row = session.execute(
        text("SELECT * FROM directory.accept_invitation(:hash, :name, :at)"),
        {"hash": digest(secret), "name": name, "at": clock.now()},
    ).one_or_none()
    if row is None:
        raise _no_invitation()
    act_for(session, row.tenant_id)
    actor = Actor(door="page", account_id=row.account_id)
    record(session, row.tenant_id, actor, "identity.invitation.accept", ("account", row.account_id))
    note_sign_in(session, row.account_id, "invitation")
    return open_session(session, row.account_id, "email", agent)


def end_membership(session: Session, tenant_id: UUID, membership_id: UUID, actor: Actor) -> None:
    """Take a role from somebody; the tenant's last administrator stays."""
    _end(session, membership_id, None)
    record(session, tenant_id, actor, "identity.member.end", ("membership", membership_id))


def leave(session: Session, tenant_id: UUID, membership_id: UUID, actor: Actor) -> None:
    """Give back a role of one's own, whose tenant the session acts for; the last administrator stays."""
    _end(session, membership_id, actor.account_id)
    record(session, tenant_id, actor, "identity.member.leave", ("membership", membership_id))


def review(session: Session, tenant_id: UUID, membership_ids: list[UUID], actor: Actor) -> int:
    """Confirm that these memberships are still right; returns how many. Where one has ended none is confirmed."""
    reviewed: int = session.execute(
        text("SELECT directory.review_memberships(:ids, :by, :at)"),
        {"ids": membership_ids, "by": actor.account_id, "at": clock.now()},
    ).scalar_one()
    if reviewed != len(set(membership_ids)):
        raise NotFound("Some of these roles have ended meanwhile. Load the list again.")
    record(session, tenant_id, actor, "identity.member.review", ("tenant", tenant_id), details={"members": reviewed})
    return reviewed


def _end(session: Session, membership_id: UUID, own_account: UUID | None) -> None:
    ended = session.execute(
        text("SELECT directory.end_membership(:id, :own, :at)"),
        {"id": membership_id, "own": own_account, "at": clock.now()},
    ).scalar_one()
    if ended == "last_administrator":
        raise Conflict("This is the last administrator. Give somebody else that role first.")
    if ended != "ended":
        raise NotFound("There is no such role, or it has ended already.")


def _no_invitation() -> NotFound:
    return NotFound("This invitation has been used, withdrawn, or is too old. Ask for a new one.")
