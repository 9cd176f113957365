"""Letters on their way to families, and the print batches that carry them. No letter is listed with an address."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec


class LetterSummary(msgspec.Struct, frozen=True):
    """A letter. `number` is read through the window of the envelope when it comes back.

    `kind` is `pass` or `ended` (that a child has no pass any more). `state` is `queued` (it waits for a print batch),
    `held_back` (`held_because`), `batched`, `handed_over`, `returned` or `cancelled`. `batch` is the number of its
    print batch. `replaces` is the letter that it sends again.
    """

    id: UUID
    number: str
    kind: str
    state: str
    batch: int | None
    pages: int | None
    queued_at: datetime
    held_because: str | None
    returned_at: datetime | None
    returned_because: str | None
    replaces: UUID | None


class HeldLetterSummary(msgspec.Struct, frozen=True):
    """A letter that cannot be sent yet, and why. `household_id` is the household as the register names it.

    It is tried again with every new print batch.
    """

    id: UUID
    number: str
    kind: str
    household_id: str
    because: str
    queued_at: datetime


class PrintBatchSummary(msgspec.Struct, frozen=True):
    """Letters that are printed together. Those to protected addresses are in batches of their own (`protected`).

    `pages` and `sha256` (of the PDF) stand once it was rendered; `files` tells whether the files can be had here now.
    `handed_over_by` is an account, null where a job or a system did it.
    """

    number: int
    protected: bool
    letters: int
    created_at: datetime
    pages: int | None
    sha256: str | None
    files: bool
    handed_over_at: datetime | None
    handed_over_by: UUID | None


class LetterReturn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A letter that came back: the number in its window, with or without spaces, and what the post says."""

    letter_number: Annotated[str, msgspec.Meta(max_length=40, examples=["000000195"])]
    reason: Annotated[str, msgspec.Meta(max_length=500, examples=["moved"])] | None = None
