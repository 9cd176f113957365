"""Leisure passes and the ledger of each. Amounts are øre; a pass number is told by its last four characters alone."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"\S", examples=["lost"])]
AddressLine = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"\S")]


class PassSummary(msgspec.Struct, frozen=True):
    """A child's pass for a period, `valid_from` and `valid_to` both included.

    `state` is `live`, `replaced`, `revoked` or, for a live one past its last day, `expired`. `number_ending` are the
    last four characters of the number, enough to tell a child's passes apart and too few to use one. `district` is
    where the child lived when the pass was determined, null where an address of its household is protected. What
    remains of `equipment_ore`, the part for equipment, is counted apart.
    """

    id: UUID
    number_ending: str
    person_key: UUID
    given_name: str
    birth_date: date
    district: str | None
    scheme: str
    valid_from: date
    valid_to: date
    amount_ore: int
    remaining_ore: int
    equipment_ore: int
    equipment_remaining_ore: int
    state: str
    issued_at: datetime
    ended_at: datetime | None
    ended_because: str | None
    replaces: UUID | None


class PassLedgerEntry(msgspec.Struct, frozen=True):
    """An entry of a pass's ledger: what comes on is positive, what goes off negative.

    `kind` is `grant`, `reserve`, `settle`, `release`, `adjust`, `reverse` or `transfer`; `fund` `membership` or
    `equipment`. `claim_id` or `reservation_id` is a club's for which the entry was made: see `GET /claims/{id}`.
    """

    entered_at: datetime
    kind: str
    fund: str
    amount_ore: int
    claim_id: UUID | None
    reservation_id: UUID | None


class PassLetterSummary(msgspec.Struct, frozen=True):
    """A letter that carries the pass; `state` as in the list of letters."""

    id: UUID
    number: str
    state: str
    batch: int | None
    queued_at: datetime
    returned_at: datetime | None


class PassDetail(PassSummary, frozen=True):
    """A pass with its ledger and the letters that carry it, both oldest first."""

    ledger: list[PassLedgerEntry]
    letters: list[PassLetterSummary]


class PassSearch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pass number as people write it: case, spaces and hyphens do not matter."""

    number: Annotated[str, msgspec.Meta(max_length=100, examples=["ABCD-EFG-HJKM"])]


class PassChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a pass is replaced or revoked; kept with the pass and in the audit trail."""

    reason: Reason


class PassReplacement(msgspec.Struct, frozen=True):
    """The pass that took the other's place, and the letter that brings it with the next print batch."""

    id: UUID
    replaces: UUID
    letter_number: str


class CorrectedAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a letter goes in the place of the register's address."""

    street: AddressLine
    postcode: AddressLine
    city: AddressLine


class PassResend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send a pass once more whose letter came back: to a corrected address, or without one to the register's."""

    address: CorrectedAddress | None = None


class ResentLetter(msgspec.Struct, frozen=True):
    """The letter that waits for the next print batch. It carries all that the returned one did."""

    id: UUID
    number: str
    state: str
