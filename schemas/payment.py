"""Payment runs, payments, what the bank said, recoveries, checks by lot. Amounts are øre, instants UTC."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"\S", examples=["The bank was closed"])]
Ore = Annotated[int, msgspec.Meta(gt=0, lt=10**15)]


class NewPaymentRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pay what was approved until a day, that day included; without `pays_on` on the next payment date."""

    until: date
    pays_on: date | None = None


class WaitingClub(msgspec.Struct, frozen=True):
    """A club whose claims a run leaves out: `reason` is `no_account`, `suspended` or `account_to_mend`."""

    club_id: UUID
    club_name: str
    reason: str
    claims: int
    amount_ore: int


class PaymentRunSummary(msgspec.Struct, frozen=True):
    """A run: `state` is `created`, `approved`, `released`, `closed` or `cancelled`.

    `payments` are those that bring money; of them `sent` are under way, `settled` and `rejected` by the bank's word.
    `created_by` is null where the timetable made it. `voided_because`: why an approval was void.
    """

    id: UUID
    number: int
    state: str
    until: date
    pays_on: date
    payments: int
    claims: int
    total_ore: int
    sent: int
    settled: int
    rejected: int
    created_at: datetime
    created_by: UUID | None
    approved_at: datetime | None
    approved_by: UUID | None
    released_at: datetime | None
    released_by: UUID | None
    voided_because: str | None


class PaymentRunDetail(PaymentRunSummary, frozen=True):
    """A run with the clubs whose claims it leaves out. What is in it: `/payment-runs/ID/payments`."""

    waiting: list[WaitingClub]


class PaymentSummary(msgspec.Struct, frozen=True):
    """A payment: `state` is `planned`, `sent`, `settled`, `rejected` or `cancelled`.

    `amount_ore` is `gross_ore`, the claims, less `recovered_ore`, what was over-paid before. `payee_kind` is `account`
    (with the IBAN), `nemkonto` or `cost_centre`.
    """

    id: UUID
    run_id: UUID
    run: int
    pays_on: date
    club_id: UUID
    club_name: str
    club_number: str
    payee_kind: str
    account: str | None
    cost_centre: str | None
    reference_kind: str | None
    reference: str | None
    gross_ore: int
    recovered_ore: int
    amount_ore: int
    claims: int
    state: str
    end_to_end_id: str
    settled_at: datetime | None
    rejected_at: datetime | None
    rejected_because: str | None
    retry_at: datetime | None


class PaidClaim(msgspec.Struct, frozen=True):
    """A claim within a payment, by the club's own reference; `live` is false once the payment came back."""

    claim_id: UUID
    reference: str | None
    activity: str
    season_start: date
    season_end: date
    fee_ore: int
    amount_ore: int
    state: str
    submitted_at: datetime
    live: bool


class RecoveredPart(msgspec.Struct, frozen=True):
    """What a payment takes back of an over-payment."""

    recovery_id: UUID
    amount_ore: int
    reason: str


class PaymentEvent(msgspec.Struct, frozen=True):
    """What a file of the bank said of a payment, and what came of it."""

    read_at: datetime
    kind: str
    message_id: str
    status: str
    code: str | None
    outcome: str


class PaymentDetail(PaymentSummary, frozen=True):
    """A payment with its claims, what it takes back, and what the bank said."""

    paid_claims: list[PaidClaim]
    recovered: list[RecoveredPart]
    events: list[PaymentEvent]


class OwnPayment(msgspec.Struct, frozen=True):
    """A payment as its club sees it, to book from: `state` is `sent`, `settled` or `rejected`; a masked account."""

    id: UUID
    pays_on: date
    account: str | None
    reference: str | None
    gross_ore: int
    recovered_ore: int
    amount_ore: int
    claims: int
    state: str
    end_to_end_id: str
    settled_at: datetime | None
    rejected_at: datetime | None


class Remittance(OwnPayment, frozen=True):
    """A payment with the claims in it by the club's own references, and what was taken back and why."""

    paid_claims: list[PaidClaim]
    recovered: list[RecoveredPart]


class RunReason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why; kept in the audit trail."""

    reason: Reason


class StatusFileRead(msgspec.Struct, frozen=True):
    """What came of a bank's file: payments by outcome. `repeated`: it had been read before, and changed nothing."""

    id: UUID
    kind: str
    repeated: bool
    outcomes: dict[str, int]


class OddStatus(msgspec.Struct, frozen=True):
    """An entry of a bank's file for a person: `outcome` is `unknown`, `differs` (in its amount) or `conflict`."""

    file_id: UUID
    place: int
    read_at: datetime
    kind: str
    message_id: str
    end_to_end_id: str | None
    status: str
    code: str | None
    amount_ore: int | None
    payment_id: UUID | None
    outcome: str


class NewRecovery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A club was paid too much: in all, or for a claim that was paid. It is taken from its next payments."""

    club_id: UUID
    amount_ore: Ore
    reason: Reason
    claim_id: UUID | None = None


class RecoveryMade(msgspec.Struct, frozen=True):
    """A recovery, and what is still to be taken back from the club in all."""

    id: UUID
    club_id: UUID
    amount_ore: int
    left_ore: int


class PaymentSettingsShown(msgspec.Struct, frozen=True):
    """From which account and how the municipality pays; see the handbook of the municipality."""

    name: str
    account: str
    bic: str
    organisation_number: str
    file_format: str
    domestic_accounts: bool
    expense_account: str
    bank_account: str
    sample_percent: int
    sample_days: int


class PaymentSettingsChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be other than before; what is left out or null stays."""

    name: Annotated[str, msgspec.Meta(max_length=70)] | None = None
    account: Annotated[str, msgspec.Meta(max_length=50)] | None = None
    bic: Annotated[str, msgspec.Meta(max_length=11)] | None = None
    organisation_number: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    file_format: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    domestic_accounts: bool | None = None
    expense_account: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    bank_account: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    sample_percent: int | None = None
    sample_days: int | None = None


class SampleCheck(msgspec.Struct, frozen=True):
    """A check by lot of a paid claim: `state` is `asked`, `answered`, `accepted` or `failed`."""

    id: UUID
    claim_id: UUID
    club_id: UUID
    club_name: str
    reference: str | None
    activity: str
    season_start: date
    season_end: date
    covered_ore: int
    state: str
    due_on: date
    late: bool
    reminded: bool
    answer: str | None
    closed_because: str | None


class SampleAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the club says: from when the child was enrolled, and where that stands. It names nobody."""

    answer: Annotated[str, msgspec.Meta(min_length=1, max_length=2000, pattern=r"\S")]


class SampleVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether what the club showed is accepted; where it is not, why, and whether the amount is taken back."""

    accepted: bool
    because: Annotated[str, msgspec.Meta(max_length=500)] = ""
    recover: bool = False


class ClubSignal(msgspec.Struct, frozen=True):
    """Something about a club that somebody may want to look at, and what may explain it: no accusation."""

    kind: str
    club_id: UUID
    club_name: str
    said: str
    meaning: str
