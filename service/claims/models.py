"""Claims of clubs and what they rest on: terms, payment dates, budgets, reservations. Amounts are øre."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant
from service.passes.models import PassEntry

STATES = ("submitted", "approved", "rejected", "in_payment", "paid", "returned", "withdrawn")
RESERVATION_STATES = ("held", "claimed", "released", "expired")
FUNDS = ("membership", "equipment")
SHARE_PAID_BY = ("family", "club", "fund")


def _one_of(names: tuple[str, ...]) -> str:
    return ", ".join(repr(name) for name in names)


class ClaimTerms(IdentifiedRow, table=True):
    """The terms for seasons that begin from a day on. A correction is a new version with the same first day."""

    __tablename__ = "claim_terms"
    __table_args__ = (
        CheckConstraint("source <> ''", "source"),
        ForeignKeyConstraint(["tenant_id", "scheme_id"], ["scheme.tenant_id", "scheme.id"]),
        UniqueConstraint("tenant_id", "scheme_id", "number"),
    )

    scheme_id: UUID
    number: int
    valid_from: date
    source: str
    terms: dict[str, Any] = Field(sa_type=JSONB)
    made_at: datetime = instant()
    made_by: UUID | None = None


class PaymentDateRow(TenantRow, table=True):
    """A day on which the municipality pays, and the last day of decisions that are paid on it."""

    __tablename__ = "payment_date"
    __table_args__ = (CheckConstraint("cutoff < pays_on", "order"),)

    pays_on: date = Field(primary_key=True)
    cutoff: date


class ClaimSettings(TenantRow, table=True):
    """What a municipality has set of `calendar.Habits`."""

    __tablename__ = "claim_settings"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),)

    settings: dict[str, Any] = Field(sa_type=JSONB)


class Budget(TenantRow, table=True):
    """What may be spent on the claims whose seasons begin in a year.

    With a `hard_stop` no claim is approved beyond it, until somebody lifts the stop with a reason.
    """

    __tablename__ = "budget"
    __table_args__ = (
        CheckConstraint("appropriation_ore >= 0", "appropriation"),
        CheckConstraint("warn_percent between 1 and 100", "warn_percent"),
        CheckConstraint("source <> ''", "source"),
        CheckConstraint("(lifted_at is null) = (lifted_because is null)", "lifted"),
        ForeignKeyConstraint(["tenant_id", "scheme_id"], ["scheme.tenant_id", "scheme.id"]),
    )

    scheme_id: UUID = Field(primary_key=True)
    year: int = Field(primary_key=True)
    appropriation_ore: int = Field(sa_type=BigInteger)
    warn_percent: int
    hard_stop: bool
    source: str
    set_at: datetime = instant()
    set_by: UUID | None = None
    lifted_at: datetime | None = instant(nullable=True)
    lifted_by: UUID | None = None
    lifted_because: str | None = None


class BudgetUsed(TenantRow, table=True):
    """What claims and reservations hold of a year's budget, in parts that are added up; a trigger alone writes it."""

    __tablename__ = "budget_used"

    scheme_id: UUID = Field(primary_key=True)
    year: int = Field(primary_key=True)
    part: int = Field(primary_key=True, sa_type=SmallInteger)
    held_ore: int = Field(sa_type=BigInteger)


class Reservation(IdentifiedRow, table=True):
    """An amount of a pass that a club holds until a day, so that the family need not pay first."""

    __tablename__ = "reservation"
    __table_args__ = (
        CheckConstraint(f"fund in ({_one_of(FUNDS)})", "fund"),
        CheckConstraint(f"state in ({_one_of(RESERVATION_STATES)})", "state"),
        CheckConstraint("(state = 'held') = (ended_at is null)", "ended"),
        CheckConstraint("reserved_ore > 0 and reserved_ore <= fee_ore", "amount"),
        ForeignKeyConstraint(["tenant_id", "club_id"], ["club.tenant_id", "club.id"]),
        ForeignKeyConstraint(["tenant_id", "pass_id"], ["leisure_pass.tenant_id", "leisure_pass.id"]),
        UniqueConstraint("tenant_id", "id", "pass_id"),
        Index("ix_reservation_held", "tenant_id", "until", postgresql_where=text("state = 'held'")),
        Index(None, "tenant_id", "club_id", "id"),
        Index(None, "tenant_id", "pass_id"),
    )

    club_id: UUID
    pass_id: UUID
    scheme_id: UUID
    year: int
    fund: str
    given_name: str
    activity: str
    fee_ore: int = Field(sa_type=BigInteger)
    reserved_ore: int = Field(sa_type=BigInteger)
    state: str
    until: date
    made_at: datetime = instant()
    made_by: UUID | None = None
    ended_at: datetime | None = instant(nullable=True)
    held_ore: int = Field(
        sa_type=BigInteger, sa_column_args=(Computed("CASE WHEN state = 'held' THEN reserved_ore ELSE 0 END", True),)
    )


class Claim(IdentifiedRow, table=True):
    """A club's claim on a pass for one season of a child's membership, or for equipment (`kind`, the pass's fund).

    `given_name` is what the club wrote. While a claim is live the pass's ledger holds `covered_ore` for it, no more and
    no less; triggers keep it. `reasons` are the codes of `rules.py` by which it was decided or left to a person, `note`
    what a case worker tells the club; with `to_tell` the e-mail about the decision has not gone yet. `paid` is the
    bank's word; `returned` that a payment came back and the club is still owed.
    """

    __tablename__ = "claim"
    __table_args__ = (
        CheckConstraint(f"kind in ({_one_of(FUNDS)})", "kind"),
        CheckConstraint(f"state in ({_one_of(STATES)})", "state"),
        CheckConstraint(f"family_share_paid_by in ({_one_of(SHARE_PAID_BY)})", "share_paid_by"),
        CheckConstraint("fee_ore > 0", "fee"),
        CheckConstraint(
            "covered_ore >= 0 and covered_ore <= fee_ore and (covered_ore > 0 or state in ('rejected', 'withdrawn'))",
            "covered",
        ),
        CheckConstraint("season_end >= season_start", "season"),
        CheckConstraint("sessions >= 0", "sessions"),
        CheckConstraint("state in ('submitted', 'withdrawn') or decided_at is not null", "decided"),
        CheckConstraint("state <> 'rejected' or cardinality(reasons) > 0", "reasons"),
        CheckConstraint("state <> 'paid' or paid_at is not null", "paid"),
        ForeignKeyConstraint(["tenant_id", "club_id"], ["club.tenant_id", "club.id"]),
        ForeignKeyConstraint(["tenant_id", "pass_id"], ["leisure_pass.tenant_id", "leisure_pass.id"]),
        ForeignKeyConstraint(["tenant_id", "reservation_id"], ["reservation.tenant_id", "reservation.id"]),
        UniqueConstraint("tenant_id", "id", "pass_id"),
        Index(None, "tenant_id", "club_id", "id"),
        Index(None, "tenant_id", "pass_id"),
        Index("ix_claim_waiting", "tenant_id", "id", postgresql_where=text("state = 'submitted'")),
        Index("ix_claim_to_tell", "tenant_id", "club_id", postgresql_where=text("to_tell")),
        Index("ix_claim_payable", "tenant_id", "decided_at", postgresql_where=text("state = 'approved'")),
        Index(
            "uq_claim_reservation",
            "tenant_id",
            "reservation_id",
            unique=True,
            postgresql_where=text("state not in ('rejected', 'withdrawn')"),
        ),
        Index(
            "uq_claim_reference",
            "tenant_id",
            "club_id",
            "reference",
            "pass_id",
            "kind",
            "season_start",
            unique=True,
            postgresql_where=text("reference is not null and state not in ('rejected', 'withdrawn')"),
        ),
    )

    club_id: UUID
    pass_id: UUID
    person_id: UUID
    scheme_id: UUID
    year: int = Field(sa_column_args=(Computed("extract(year FROM season_start)", True),))
    kind: str
    given_name: str
    activity: str
    activity_kind: str | None = None
    season_start: date
    season_end: date
    sessions: int | None = None
    fee_ore: int = Field(sa_type=BigInteger)
    covered_ore: int = Field(sa_type=BigInteger)
    family_share_paid_by: str
    reference: str | None = None
    reservation_id: UUID | None = None
    state: str
    reasons: list[str] = Field(sa_type=ARRAY(String))
    note: str | None = None
    to_tell: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    door: str
    submitted_at: datetime = instant()
    submitted_by: UUID | None = None
    decided_at: datetime | None = instant(nullable=True)
    decided_by: UUID | None = None
    expected_payment_date: date | None = None
    paid_at: datetime | None = instant(nullable=True)
    ended_at: datetime | None = instant(nullable=True)
    anonymised_at: datetime | None = instant(nullable=True)
    held_ore: int = Field(
        sa_type=BigInteger,
        sa_column_args=(Computed("CASE WHEN state IN ('rejected', 'withdrawn') THEN 0 ELSE covered_ore END", True),),
    )


# The ledger of passes stands below claims and does not know their tables.
for _column, _table in (("claim_id", "claim"), ("reservation_id", "reservation")):
    PassEntry.__table__.append_constraint(  # type: ignore[attr-defined]
        ForeignKeyConstraint(
            ["tenant_id", _column, "pass_id"], [f"{_table}.tenant_id", f"{_table}.id", f"{_table}.pass_id"]
        )
    )
