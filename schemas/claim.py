"""Passes and claims as clubs and their systems see them. Amounts are whole øre."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

PassNumber = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=40,
        description="As it stands on the pass or as people write it: spaces, hyphens and confusable letters are fine.",
        examples=["7K3M-9QT-2WXD"],
    ),
]
GivenName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"\S", max_length=100, description="One of the child's given names is enough.", examples=["Anne"]
    ),
]
Fee = Annotated[
    int, msgspec.Meta(ge=1, le=100_000_000, description="The full fee of the season, in øre.", examples=[120_000])
]
Activity = Annotated[str, msgspec.Meta(pattern=r"\S", max_length=100, examples=["Football, under 10"])]
Kind = Literal["membership", "equipment"]
PaidBy = Literal["family", "club", "fund"]
"""Who pays what the pass does not: the family, the club (which waives it), or a fund or somebody else."""
Reference = Annotated[
    str, msgspec.Meta(pattern=r"\S", max_length=100, description="The club's own.", examples=["2017-0042"])
]
Sessions = Annotated[int, msgspec.Meta(ge=0, le=1000, description="How many times the season meets.", examples=[24])]


class CoverageQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What would the pass pay of this fee? For a season that begins today unless another day is named."""

    pass_number: PassNumber
    given_name: GivenName
    fee_ore: Fee
    kind: Kind = "membership"
    season_start: date | None = None


class CoverageAnswer(msgspec.Struct, frozen=True):
    """What the pass would pay now, and what is left to the family.

    The answer is the same for a number that is unknown, mistyped, dead or not for this season: `valid` is false and
    nothing is covered. Where the name is not the child's, nothing is told but that.
    """

    valid: bool
    name_matches: bool
    remaining_ore: int
    covered_ore: int
    family_share_ore: int
    valid_to: date | None


class NewReservation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold what the pass pays of a fee, so that the family need not pay first."""

    pass_number: PassNumber
    given_name: GivenName
    fee_ore: Fee
    activity: Activity


class ReservationMade(msgspec.Struct, frozen=True):
    """What is held, through the day `until`; claim it with the reservation's `id` by then."""

    id: UUID
    state: str
    fee_ore: int
    reserved_ore: int
    family_share_ore: int
    until: date


class ReservationSummary(msgspec.Struct, frozen=True):
    """A reservation of the club; states `held`, `claimed`, `released`, `expired`."""

    id: UUID
    given_name: str | None
    activity: str
    fee_ore: int
    reserved_ore: int
    family_share_ore: int
    state: str
    until: date
    made_at: datetime


class ClaimSubmission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A claim for one child and one season.

    `kind` is the part of the pass that pays. `reservation` is one that the club holds for this child. Under the same
    `reference` the same season of a child is claimed once. `family_share_paid_by` notes who pays the rest.
    """

    pass_number: PassNumber
    given_name: GivenName
    fee_ore: Fee
    activity: Activity
    season_start: date
    season_end: date
    kind: Kind = "membership"
    sessions: Sessions | None = None
    reservation: UUID | None = None
    reference: Reference | None = None
    family_share_paid_by: PaidBy = "family"


class ClaimReason(msgspec.Struct, frozen=True):
    """Why a claim was rejected or left to a case worker, in words, and what the club can do."""

    code: str
    text: str
    what_to_do: str | None


class ClaimMade(msgspec.Struct, frozen=True):
    """A claim as it was decided at once: `approved`, `rejected`, or `submitted` where a case worker decides."""

    id: UUID
    state: str
    fee_ore: int
    covered_ore: int
    family_share_ore: int
    expected_payment_date: date | None
    reasons: list[ClaimReason]


class ClaimSummary(msgspec.Struct, frozen=True):
    """A claim with what became of it.

    States: `submitted, approved, rejected, in_payment, paid, returned, withdrawn`. `given_name` is what the club wrote;
    null for the municipality, and once the claim is over and the days for questions are. `note` is what a case worker
    wrote to the club.
    """

    id: UUID
    club_number: str
    club_name: str
    given_name: str | None
    kind: str
    activity: str
    season_start: date
    season_end: date
    sessions: int | None
    fee_ore: int
    covered_ore: int
    family_share_ore: int
    family_share_paid_by: str
    reference: str | None
    state: str
    reasons: list[ClaimReason]
    note: str | None
    submitted_at: datetime
    decided_at: datetime | None
    days_to_decision: int | None
    expected_payment_date: date | None
    paid_at: datetime | None


class BatchLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of one line: its claim, or the problem for which there is none.

    `line` counts from 1 as the file does, the head of a CSV file included. `status` is that of a call of its own.
    """

    line: int
    status: int
    reference: str | None = None
    claim: ClaimMade | None = None
    problem: "LineProblem | None" = None


class LineProblem(msgspec.Struct, frozen=True):
    """Why a line is no claim: a sentence, and every wrong field as in problem details."""

    detail: str
    errors: list["LineError"]


class LineError(msgspec.Struct, frozen=True):
    """A wrong field of a line."""

    field: str
    message: str


class BatchResult(msgspec.Struct, frozen=True):
    """A result for every line, in the order of the file. The good ones stand though others failed."""

    claimed: int
    failed: int
    lines: list[BatchLine]
