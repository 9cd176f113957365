"""The tokens of the systems of a municipality or a club. Instants are UTC."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec


class TokenSummary(msgspec.Struct, frozen=True):
    """A token; the token itself is not known any more. Without `expires_at` it is in force until it is revoked.

    `scopes` are what it may do. `created_by` is null where it was made on the command line. `used_at` is its last use,
    to the minute.
    """

    id: UUID
    name: str
    scopes: list[str]
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token that is wanted: `name` of the system, `scopes` it may use, and when it expires: in two years at most."""

    name: Annotated[str, msgspec.Meta(max_length=100)]
    scopes: Annotated[list[str], msgspec.Meta(min_length=1, max_length=50)]
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class MadeToken(msgspec.Struct, frozen=True):
    """A token just made. This answer is the only one that ever holds it."""

    id: UUID
    token: str
