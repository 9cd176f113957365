"""Children whom the rule leaves to a person, what case workers decide about them, and passes issued on the spot."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

Children = Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=1000)]
"""Children by their person keys; one decision is about a thousand of them at most."""
Because = Annotated[str, msgspec.Meta(pattern=r"\S", max_length=500, examples=["The family lives on the benefit."])]
EvidenceKind = Literal["introduction_benefit", "income_statement", "other_municipality", "conversation", "other"]
"""What a yes rests on."""
EvidencePlace = Annotated[str, msgspec.Meta(max_length=200, examples=["case 17/4711"])]


class UndecidedChild(msgspec.Struct, frozen=True):
    """A child whom the rule leaves to a person. `id` is the determination, `since` when it was made.

    `standing`: `waiting`, `invited` (the family, to apply), `left` (aside, `until` a day) or `held` (a yes waits for a
    second person); `reason_given` says why.
    """

    id: UUID
    person_key: UUID
    household_id: str
    given_name: str
    birth_date: date
    age: int
    reason: str
    since: datetime
    standing: str
    standing_since: datetime | None
    until: date | None
    reason_given: str | None


class ReviewYes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A yes: these undecided children get the scheme's pass. All of them or none.

    `evidence` is the kind of evidence that was seen, `reference` where it is to be found. Without a scheme or the first
    day of its period it is for the period that ends first.
    """

    persons: Children
    reason: Because
    evidence: EvidenceKind
    reference: EvidencePlace | None = None
    scheme: str | None = None
    period_start: date | None = None


class ReviewInvitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The families of these undecided children are invited to apply, each by one letter in a period."""

    persons: Children
    reason: Because
    scheme: str | None = None
    period_start: date | None = None


class ReviewDeferral(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """These undecided children are left aside until a day or, without one, the end of the period."""

    persons: Children
    reason: Because
    until: date | None = None
    scheme: str | None = None
    period_start: date | None = None


class ReviewTakeBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """These children, who were left aside, wait again."""

    persons: Children
    scheme: str | None = None
    period_start: date | None = None


class ReviewOutcome(msgspec.Struct, frozen=True):
    """What came of it. `state`: `done`, or `held` until a second person approves it; then nothing was issued yet."""

    id: UUID
    state: str
    children: int
    passes_issued: int
    letters_queued: int


class ReviewTaken(msgspec.Struct, frozen=True):
    """How many children wait again."""

    children: int


class HeldReview(msgspec.Struct, frozen=True):
    """A yes to many children that waits for a second person. `made_by` is an account."""

    id: UUID
    scheme: str
    period_start: date
    children: int
    reason: str
    evidence: str
    reference: str | None
    made_at: datetime
    made_by: UUID | None


class SpotIssue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pass for a child of the register at once, on a case worker's decision."""

    person_key: UUID
    reason: Because
    evidence: EvidenceKind
    reference: EvidencePlace | None = None
    scheme: str | None = None


class SpotPass(msgspec.Struct, frozen=True):
    """The pass, with its whole number: to be read out now, for it is told this once. Amounts are øre.

    `act` names the decision: `POST /passes/on-the-spot/{act}/letter` gives the letter to be printed.
    """

    act: UUID
    pass_id: UUID
    number: str
    amount_ore: int
    valid_from: date
    valid_to: date
