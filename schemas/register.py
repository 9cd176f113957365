"""Imports of register extracts and their rejected rows."""

from datetime import datetime
from uuid import UUID

import msgspec


class RegisterImportSummary(msgspec.Struct, frozen=True):
    """A delivery of extract files: `state` is `merged`, `held` or `discarded`; `held_because` says why it waits.

    `persons`, `households`, `incomes` and `decisions` count accepted rows, `unchanged` those of them that said nothing
    new, `warnings` those that were accepted with a warning. `imported_by` and `confirmed_by` are accounts, null where a
    system or a command did it. `files` are those it had: `population`, `income`, `decisions`. What it changed, or would
    change where it is held, is null where the file was not there or the register held nothing of it before.
    """

    id: UUID
    state: str
    held_because: str | None
    imported_at: datetime
    imported_by: UUID | None
    confirmed_at: datetime | None
    confirmed_by: UUID | None
    persons: int
    households: int
    incomes: int
    decisions: int
    rejected: int
    warnings: int
    unchanged: int
    files: list[str]
    new_persons: int | None
    moved_persons: int | None
    left_persons: int | None
    changed_incomes: int | None
    changed_decisions: int | None


class RejectedLine(msgspec.Struct, frozen=True):
    """A line of a file that was not taken over or, where it is `accepted`, was taken over with a warning.

    `field` names the wrong fields. `value` is masked: what could be a name or an identity number is never told.
    """

    file: str
    line: int
    field: str
    value: str
    reason: str
    accepted: bool
