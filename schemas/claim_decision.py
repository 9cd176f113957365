"""Claims as the municipality's case workers see and decide them. Amounts are whole øre."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from schemas.claim import ClaimSummary

Note = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=500, description="What the club is told, beside the reason. Name nobody."),
]
RejectionReason = Literal[
    "wrong_child",
    "not_a_member",
    "left_early",
    "not_covered",
    "double",
    "no_pass_for_season",
    "too_late",
    "no_equipment",
    "nothing_left",
    "other_club",
    "kind_excluded",
    "too_few_sessions",
    "other",
]


class ClaimDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Approve or reject a claim.

    An approval may be of less than was asked (`covered_ore`), with a `note`. A rejection needs a `reason` and, as
    `note`, what the club shall do; a claim that is approved and not being paid yet can be rejected as well.
    """

    decision: Literal["approve", "reject"]
    covered_ore: Annotated[int, msgspec.Meta(ge=1, le=100_000_000)] | None = None
    reason: RejectionReason | None = None
    note: Note | None = None


class ClaimApprovals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Approve several claims whole."""

    claims: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=200)]


class LeftClaim(msgspec.Struct, frozen=True):
    """A claim that could not be approved, and why."""

    claim: UUID
    detail: str


class ClaimsApproved(msgspec.Struct, frozen=True):
    """What came of several claims; those that were decided meanwhile, or find no budget, are left as they are."""

    approved: list[UUID]
    left: list[LeftClaim]


class OfferedActivity(msgspec.Struct, frozen=True):
    """What the club offers."""

    name: str
    kind: str
    min_age: int
    max_age: int
    season_start: date
    season_end: date
    fee_ore: int


class ClaimCase(msgspec.Struct, frozen=True):
    """Everything that it takes to decide a claim; the reason for the pass is no part of it.

    `written_name` is what the club wrote, `child_name` what the register has; null for those who may not decide, and
    once they are made anonymous. `club_children`: for how many children passes pay at the club in the year.
    """

    claim: ClaimSummary
    written_name: str | None
    child_name: str | None
    age: int
    pass_id: UUID
    pass_state: str
    scheme: str
    valid_from: date
    valid_to: date
    amount_ore: int
    remaining_ore: int
    equipment_ore: int
    equipment_remaining_ore: int
    club_state: str
    members: int | None
    club_children: int
    activities: list[OfferedActivity]
    other_claims: list[ClaimSummary]
    year: int
    budget_level: str


class DaysToDecision(msgspec.Struct, frozen=True):
    """How long the claims of the last year waited for their decision: of a club, or with `club` null of all.

    `by_hand` and `days_by_hand` are of those that a case worker decided; the rules decide all others at once.
    """

    club: UUID | None
    name: str | None
    claims: int
    days: float
    by_hand: int
    days_by_hand: float | None
    longest: float


class DecisionDays(msgspec.Struct, frozen=True):
    """Over all first, then club by club, the slowest first; empty where nothing was decided."""

    items: list[DaysToDecision]
