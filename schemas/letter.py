"""Letters on their way to families, and the print batches that carry them. No letter is listed with an address."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from schemas.leisure_pass import CorrectedAddress


class LetterSummary(msgspec.Struct, frozen=True):
    """A letter. `number` is read through the window of the envelope when it comes back.

    `kind` is `pass`, `ended` (that a child has no pass any more) or `invitation` (to apply). `state` is `queued` (it
    waits for a print batch), `held_back` (`held_because`), `batched`, `handed_over`, `returned` or `cancelled`. `batch`
    is the number of its print batch. `replaces` is the letter that it sends again.
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

    One letter that was printed at the counter and given to the family is a batch of its own (`in_person`).
    `pages` and `sha256` (of the PDF) stand once it was rendered; `files` tells whether the files can be had here now.
    `handed_over_by` is an account, null where a job or a system did it.
    """

    number: int
    protected: bool
    in_person: bool
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


class LetterChild(msgspec.Struct, frozen=True):
    """A child that a letter is about, with the pass it carries, if any; `pass_state` as in the list of passes."""

    person_key: UUID
    given_name: str
    family_name: str
    pass_id: UUID | None
    pass_state: str | None


class RegisteredAddress(msgspec.Struct, frozen=True):
    """An address as the register or somebody of the staff wrote it; a part may be empty."""

    street: str
    postcode: str
    city: str


class LetterDetail(msgspec.Struct, frozen=True):
    """A letter with where it goes. `recipient` and `address` are the lines that were printed, null until it is in a
    print batch, or once that was erased.

    `corrected` is the address that staff wrote into it, `registered` that of the register as last imported, null where
    no child of the letter lives in its household any more. No address is told where it is `protected`. `again` is the
    letter that sends this one once more.
    """

    id: UUID
    number: str
    kind: str
    state: str
    household_id: str
    protected: bool
    batch: int | None
    queued_at: datetime
    held_because: str | None
    returned_at: datetime | None
    returned_because: str | None
    recipient: list[str] | None
    address: list[str] | None
    corrected: RegisteredAddress | None
    registered: RegisteredAddress | None
    replaces: UUID | None
    replaces_number: str | None
    again: UUID | None
    again_number: str | None
    carried: list[LetterChild]


class ReturnedLetter(msgspec.Struct, frozen=True):
    """A letter that came back and was not sent again, though it still has something to say."""

    id: UUID
    number: str
    kind: str
    returned_at: datetime
    returned_because: str | None


class LetterResend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send a letter that came back once more: to a corrected address, or without one to the register's."""

    address: CorrectedAddress | None = None


class LetterAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a letter that waits goes, in the place of the register's address."""

    address: CorrectedAddress
