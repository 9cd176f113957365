"""The services and clubs of a municipality. Instants are UTC."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec


class OrganisationSummary(msgspec.Struct, frozen=True):
    """A `service` or a `club` of the municipality; `number` is a club's organisation number."""

    id: UUID
    kind: str
    name: str
    number: str | None
    created_at: datetime
    ended_at: datetime | None


class NewOrganisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service, known by its name."""

    name: Annotated[str, msgspec.Meta(max_length=200)]
