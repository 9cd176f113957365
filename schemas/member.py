"""The people of a place: who has which role, and who is invited to one. Instants are UTC."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

RoleName = Literal[
    "administrator",
    "case_worker",
    "finance_officer",
    "referrer",
    "club_treasurer",
    "coordinator",
    "volunteer",
    "auditor",
]


class MemberSummary(msgspec.Struct, frozen=True):
    """A role that somebody has; whoever has several stands several times.

    Without `organisation_id` it is a role of the municipality or volunteer organisation itself, else of a service or
    club. `origin` is how it came about: by a `command`, an `invitation`, or the `claims` of a sign-in provider.
    `reviewed_at`: when an administrator last confirmed it. `second_factor`: whether the person has one set up.
    """

    id: UUID
    name: str
    email: str
    role: str
    organisation_id: UUID | None
    organisation_name: str | None
    origin: str
    created_at: datetime
    signed_in_at: datetime | None
    second_factor: bool
    reviewed_at: datetime | None
    reviewed_by: str | None


class InvitationSummary(msgspec.Struct, frozen=True):
    """An open invitation; after `expires_at` its link does not work any more. The link is not known here."""

    id: UUID
    name: str
    email: str
    role: str
    organisation_id: UUID | None
    organisation_name: str | None
    invited_by: str
    created_at: datetime
    expires_at: datetime


class NewInvitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody to be invited to a role by e-mail.

    Referrers belong to a service, club treasurers to a club: `organisation_id` names it. Everybody else belongs to the
    municipality or volunteer organisation itself.
    """

    email: Annotated[str, msgspec.Meta(max_length=254)]
    name: Annotated[str, msgspec.Meta(max_length=100)]
    role: RoleName
    organisation_id: UUID | None = None
