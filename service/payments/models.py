"""Payment runs and what becomes of them: payments, what the bank says, recoveries, sample checks. Amounts are øre."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Computed, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant

RUN_STATES = ("created", "approved", "released", "closed", "cancelled")
PAYMENT_STATES = ("planned", "sent", "settled", "rejected", "cancelled")
WAITING = ("no_account", "suspended", "account_to_mend")
"""Why a club's claims are left out of a run."""
OUTCOMES = ("settled", "rejected", "pending", "known", "unknown", "differs", "conflict")
"""What came of an entry of a status file: the last three are for a person to look at."""
SAMPLE_STATES = ("asked", "answered", "accepted", "failed")


def _one_of(column: str, names: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} in ({', '.join(repr(name) for name in names)})", column)


def _to(table: str, column: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])


class PaymentSettings(TenantRow, table=True):
    """From which account and how a municipality pays: see `settings.Debtor`."""

    __tablename__ = "payment_settings"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),)

    settings: dict[str, Any] = Field(sa_type=JSONB)


class PayeeReference(TenantRow, table=True):
    """What a club wants to stand on its payments: a Norwegian KID, a Danish FIK with its creditor number, or a text."""

    __tablename__ = "payee_reference"
    __table_args__ = (
        _one_of("kind", ("kid", "fik", "free")),
        CheckConstraint("(kind = 'fik') = (creditor is not null)", "creditor"),
        _to("club", "club_id"),
    )

    club_id: UUID = Field(primary_key=True)
    kind: str
    reference: str
    creditor: str | None = None
    set_at: datetime = instant()
    set_by: UUID | None = None


class Recovery(IdentifiedRow, table=True):
    """An amount that a club was paid too much, to be taken from its next payments; never changed."""

    __tablename__ = "recovery"
    __table_args__ = (
        CheckConstraint("amount_ore > 0", "amount"),
        CheckConstraint("reason <> ''", "reason"),
        _to("club", "club_id"),
        _to("claim", "claim_id"),
        Index(None, "tenant_id", "club_id"),
        Index(None, "tenant_id", "claim_id"),
    )

    club_id: UUID
    claim_id: UUID | None = None
    amount_ore: int = Field(sa_type=BigInteger)
    reason: str
    made_at: datetime = instant()
    made_by: UUID | None = None


class PaymentRun(IdentifiedRow, table=True):
    """Approved claims that are paid together. Three steps by three people: created, approved, released.

    `content` is a digest of all that is in it, by which a change after its creation is noticed. `as_of`: claims that
    were decided later are not in it. `created_by` is empty where the timetable made it. `debtor` is as it was at the
    release, so that the file can be made again to the byte. `told`: its clubs have their remittance advice.
    """

    __tablename__ = "payment_run"
    __table_args__ = (
        UniqueConstraint("tenant_id", "number"),
        UniqueConstraint("tenant_id", "message_id"),
        _one_of("state", RUN_STATES),
        CheckConstraint(
            """(approved_at is null) = (approved_by is null)
                and (state in ('created', 'cancelled') or approved_at is not null)""",
            "approved",
        ),
        CheckConstraint(
            """(released_at is null) = (released_by is null)
                and (state in ('released', 'closed')) = (released_at is not null)""",
            "released",
        ),
        CheckConstraint("approved_by is null or approved_by is distinct from created_by", "approver"),
        CheckConstraint(
            "released_by is null or (released_by <> approved_by and released_by is distinct from created_by)",
            "releaser",
        ),
        CheckConstraint("(message_id is null) = (released_at is null)", "file"),
        Index(
            "uq_payment_run_open",
            "tenant_id",
            unique=True,
            postgresql_where=text("state in ('created', 'approved')"),
        ),
    )

    number: int
    state: str
    until: date
    pays_on: date
    as_of: datetime = instant()
    currency: str
    content: str
    payments: int
    claims: int
    total_ore: int = Field(sa_type=BigInteger)
    created_at: datetime = instant()
    created_by: UUID | None = None
    approved_at: datetime | None = instant(nullable=True)
    approved_by: UUID | None = None
    released_at: datetime | None = instant(nullable=True)
    released_by: UUID | None = None
    voided_because: str | None = None
    message_id: str | None = None
    file_format: str | None = None
    debtor: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    file_sha256: str | None = None
    told: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    ended_at: datetime | None = instant(nullable=True)


class Payment(IdentifiedRow, table=True):
    """What a club gets in a run: its claims, less what it was over-paid before; never below zero.

    The payee is written down as it was approved. One whose claims were netted away is settled at the release, as are
    postings to a cost centre; others when the bank says so. `retry_at`: somebody said that the same account may be
    tried again after a rejection.
    """

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "run_id", "club_id"),
        UniqueConstraint("tenant_id", "end_to_end_id"),
        _one_of("payee_kind", ("account", "nemkonto", "cost_centre")),
        CheckConstraint("(payee_kind = 'account') = (account is not null)", "account"),
        CheckConstraint("(payee_kind = 'cost_centre') = (cost_centre is not null)", "cost_centre"),
        CheckConstraint("gross_ore > 0 and recovered_ore >= 0 and recovered_ore <= gross_ore", "amounts"),
        _one_of("state", PAYMENT_STATES),
        CheckConstraint("state <> 'settled' or settled_at is not null", "settled"),
        CheckConstraint("state <> 'rejected' or rejected_at is not null and rejected_because is not null", "rejected"),
        _to("payment_run", "run_id"),
        _to("club", "club_id"),
        _to("club_payee", "payee_id"),
        Index(None, "tenant_id", "club_id"),
        Index(None, "tenant_id", "payee_id"),
    )

    run_id: UUID
    place: int
    club_id: UUID
    club_name: str
    club_number: str
    payee_id: UUID
    payee_kind: str
    account: str | None = None
    cost_centre: str | None = None
    reference_kind: str | None = None
    reference: str | None = None
    creditor: str | None = None
    gross_ore: int = Field(sa_type=BigInteger)
    recovered_ore: int = Field(sa_type=BigInteger)
    amount_ore: int = Field(sa_type=BigInteger, sa_column_args=(Computed("gross_ore - recovered_ore", True),))
    state: str
    end_to_end_id: str
    settled_at: datetime | None = instant(nullable=True)
    rejected_at: datetime | None = instant(nullable=True)
    rejected_because: str | None = None
    retry_at: datetime | None = instant(nullable=True)
    retry_by: UUID | None = None


class PaymentClaim(TenantRow, table=True):
    """That a payment pays a claim. While it is `live` no other payment can; a rejected payment's lines are not."""

    __tablename__ = "payment_claim"
    __table_args__ = (
        CheckConstraint("amount_ore > 0", "amount"),
        _to("payment", "payment_id"),
        _to("claim", "claim_id"),
        Index("uq_payment_claim_live", "tenant_id", "claim_id", unique=True, postgresql_where=text("live")),
        Index(None, "tenant_id", "claim_id"),
    )

    payment_id: UUID = Field(primary_key=True)
    claim_id: UUID = Field(primary_key=True)
    amount_ore: int = Field(sa_type=BigInteger)
    live: bool


class RecoveryUse(TenantRow, table=True):
    """What a payment takes back of an over-payment; not `live` any more where the payment was rejected."""

    __tablename__ = "recovery_use"
    __table_args__ = (
        CheckConstraint("amount_ore > 0", "amount"),
        _to("payment", "payment_id"),
        _to("recovery", "recovery_id"),
        Index(None, "tenant_id", "recovery_id", postgresql_where=text("live")),
    )

    payment_id: UUID = Field(primary_key=True)
    recovery_id: UUID = Field(primary_key=True)
    amount_ore: int = Field(sa_type=BigInteger)
    live: bool


class RunWaiting(TenantRow, table=True):
    """A club whose claims were left out of a run, and why."""

    __tablename__ = "run_waiting"
    __table_args__ = (
        _one_of("reason", WAITING),
        _to("payment_run", "run_id"),
        _to("club", "club_id"),
        Index(None, "tenant_id", "club_id"),
    )

    run_id: UUID = Field(primary_key=True)
    club_id: UUID = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    claims: int
    amount_ore: int = Field(sa_type=BigInteger)


class StatusFile(IdentifiedRow, table=True):
    """A file of the bank that was read; the same bytes are read once."""

    __tablename__ = "status_file"
    __table_args__ = (UniqueConstraint("tenant_id", "sha256"), _to("payment_run", "run_id"))

    sha256: str
    kind: str
    message_id: str
    run_id: UUID | None = None
    read_at: datetime = instant()
    read_by: UUID | None = None


class StatusEntry(TenantRow, table=True):
    """What a file of the bank says of one payment, and what came of it."""

    __tablename__ = "status_entry"
    __table_args__ = (
        _one_of("outcome", OUTCOMES),
        _to("status_file", "file_id"),
        _to("payment", "payment_id"),
        Index(None, "tenant_id", "payment_id"),
        Index(
            "ix_status_entry_odd",
            "tenant_id",
            postgresql_where=text("outcome in ('unknown', 'differs', 'conflict') and seen_at is null"),
        ),
    )

    file_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True)
    end_to_end_id: str | None = None
    status: str
    code: str | None = None
    amount_ore: int | None = Field(default=None, sa_type=BigInteger)
    payment_id: UUID | None = None
    outcome: str
    seen_at: datetime | None = instant(nullable=True)
    seen_by: UUID | None = None


class SampleCheck(IdentifiedRow, table=True):
    """That a club was asked, by lot, to show that a child was a member for a claim that was paid."""

    __tablename__ = "sample_check"
    __table_args__ = (
        UniqueConstraint("tenant_id", "claim_id"),
        _one_of("state", SAMPLE_STATES),
        CheckConstraint("state <> 'answered' or answer <> ''", "answered"),
        CheckConstraint("(state in ('accepted', 'failed')) = (closed_at is not null)", "closed"),
        CheckConstraint("state <> 'failed' or closed_because <> ''", "because"),
        _to("claim", "claim_id"),
        _to("club", "club_id"),
        Index("ix_sample_check_open", "tenant_id", "due_on", postgresql_where=text("state in ('asked', 'answered')")),
        Index(None, "tenant_id", "club_id"),
    )

    claim_id: UUID
    club_id: UUID
    state: str
    asked_at: datetime = instant()
    due_on: date
    reminded_at: datetime | None = instant(nullable=True)
    answered_at: datetime | None = instant(nullable=True)
    answered_by: UUID | None = None
    answer: str | None = None
    closed_at: datetime | None = instant(nullable=True)
    closed_by: UUID | None = None
    closed_because: str | None = None
