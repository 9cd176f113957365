"""Terms for claims, and when they are paid."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec

from schemas.club import ActivityKind


class ClaimTerms(msgspec.Struct, frozen=True):
    """Under which terms a scheme pays claims for a season.

    `claim_days`: how many days after the last day of a pass claims for its seasons are taken. `min_sessions`: 0 for
    none. `most_pass_percent`: the share of a club's members with a pass above which a case worker looks.
    """

    claim_days: int
    reservation_days: int
    min_sessions: int
    most_pass_percent: int
    excluded_kinds: list[str]


class ClaimTermsVersion(msgspec.Struct, frozen=True):
    """The terms for seasons that begin on `valid_from` or later, until a later version's first day."""

    id: UUID
    number: int
    valid_from: date
    source: str
    terms: ClaimTerms
    made_at: datetime


class SchemeClaimTerms(msgspec.Struct, frozen=True):
    """A scheme's terms: those for seasons that begin today, and every version, the latest first day first."""

    scheme: str
    current: ClaimTerms
    versions: list[ClaimTermsVersion]


class TermsChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes; what is left out goes on."""

    claim_days: Annotated[int, msgspec.Meta(ge=0, le=730)] | None = None
    reservation_days: Annotated[int, msgspec.Meta(ge=1, le=365)] | None = None
    min_sessions: Annotated[int, msgspec.Meta(ge=0, le=200)] | None = None
    most_pass_percent: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    excluded_kinds: list[ActivityKind] | None = None


class NewClaimTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Terms from a day on, with where they were decided."""

    valid_from: date
    source: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=500)]
    terms: TermsChanges


class ClaimPaymentDate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day on which claims are paid that were decided on `cutoff` at the latest."""

    pays_on: date
    cutoff: date


class PaymentHabits(msgspec.Struct, frozen=True):
    """How a municipality pays where it has set no dates of its own, and how long it takes.

    `payment_day`: the day of the month; where banks are closed the next open one. `decision_days`: within how many days
    a case worker decides. `names_days`: for how many days after the payment a club sees the name.
    """

    payment_day: int
    cutoff_days: int
    decision_days: int
    names_days: int


class PaymentCalendar(msgspec.Struct, frozen=True):
    """The coming payments; `own` are those that the municipality set itself."""

    coming: list[ClaimPaymentDate]
    own: list[ClaimPaymentDate]
    habits: PaymentHabits


class HabitsChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes; what is left out stays."""

    payment_day: Annotated[int, msgspec.Meta(ge=1, le=28)] | None = None
    cutoff_days: Annotated[int, msgspec.Meta(ge=1, le=27)] | None = None
    decision_days: Annotated[int, msgspec.Meta(ge=0, le=120)] | None = None
    names_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] | None = None
