"""The audit trail: who read and who changed what, when and why. Instants are UTC."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec


class TrailEntry(msgspec.Struct, frozen=True):
    """One act. `who` is the name of the person (`account_id`) or of the system (`token_id`) that acted.

    Both ids are null where nobody did in person: `door` (`page`, `api`, `command` or `job`) then tells what did.
    `action` is a short name that never changes, `said` the same in words. `reason` is why, where a reason was demanded.
    `details` hold counts and codes. `sealed`: the entry is in the hash chain, so that a change of it would be found.
    """

    id: UUID
    at: datetime
    who: str
    account_id: UUID | None
    token_id: UUID | None
    door: str
    action: str
    said: str
    subject_kind: str
    subject_id: UUID | None
    reason: str | None
    details: dict[str, Any]
    sealed: bool


class FamilyTrailEntry(TrailEntry, frozen=True):
    """An act that concerned a family: it alone (`alone`), or among others, as an import or a list did.

    Of a page of a list the trail keeps the filters and not the rows: such an entry says that it may have held the
    family.
    """

    alone: bool


class FamilyTrailRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose entries are asked for: exactly one of `identity_number`, `household` and `pass_number`.

    `household` is as the register names it. `limit` and `after` page through the list as they do elsewhere.
    """

    identity_number: Annotated[str, msgspec.Meta(max_length=20, examples=["6105109996"])] | None = None
    household: Annotated[str, msgspec.Meta(max_length=40, examples=["H010000378"])] | None = None
    pass_number: Annotated[str, msgspec.Meta(max_length=100, examples=["ABCD-EFG-HJKM"])] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    after: str | None = None


Door = Literal["page", "api", "command", "job"]
