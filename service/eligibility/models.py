"""Schemes with their dated parameters, the facts about each child, refresh runs and determinations."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant

OUTCOMES = {
    "too_young": "not_entitled",
    "too_old": "not_entitled",
    "decision": "entitled",
    "area": "entitled",
    "household_uncertain": "needs_review",
    "no_provider": "needs_review",
    "income_implausible": "needs_review",
    "income_above_limit": "not_entitled",
    "income_missing": "needs_review",
    "income_within_limit": "entitled",
}
"""Every reason the rule can give, in its order of precedence, and the outcome it stands for."""


class Scheme(IdentifiedRow, table=True):
    """A leisure pass scheme of a municipality, such as `fritidspas`."""

    __tablename__ = "scheme"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),
    )

    name: str
    created_at: datetime = instant()


class ParameterVersion(IdentifiedRow, table=True):
    """A scheme's parameters from a day on, with the source they were taken from. Never changed once written.

    Of the versions valid on a date the one with the latest `valid_from` counts, and of those the highest `number`: a
    correction is a new version with the same first day.
    """

    __tablename__ = "parameter_version"
    __table_args__ = (
        UniqueConstraint("tenant_id", "scheme_id", "number"),
        ForeignKeyConstraint(["tenant_id", "scheme_id"], ["scheme.tenant_id", "scheme.id"]),
        CheckConstraint("valid_to >= valid_from", "validity"),
        CheckConstraint("source <> ''", "source"),
    )

    scheme_id: UUID
    number: int
    valid_from: date
    valid_to: date | None = None
    source: str
    # The column is called `parameters` since SQL's VALUES is a reserved word.
    parameters: dict[str, Any] = Field(sa_type=JSONB)
    created_at: datetime = instant()
    created_by: UUID | None = None


class FactFigures(TenantRow):
    """What is known of a child on a date, without any rule in it.

    `children` counts the household's members with relation child who are under 18 on the date, `providers` its
    providers. The four arrays hold one element a provider, in the same order: that provider's income in øre on the
    basis, or null; an array is null where no provider has an income on it. `area` is the postcode. `uncertain`: a row
    of the household was rejected or a member stands in two households. `award_percent` is the highest percent among
    the child's awards that are valid on the date.
    """

    person_id: UUID = Field(primary_key=True)
    household_id: UUID
    age: int
    district: str
    area: str
    providers: int
    children: int
    uncertain: bool
    award_percent: int | None = None
    award_ground: str | None = None
    income_annual: list[int | None] | None = Field(default=None, sa_type=ARRAY(BigInteger))
    income_final: list[int | None] | None = Field(default=None, sa_type=ARRAY(BigInteger))
    income_advance: list[int | None] | None = Field(default=None, sa_type=ARRAY(BigInteger))
    income_month_x12: list[int | None] | None = Field(default=None, sa_type=ARRAY(BigInteger))


class FactSet(IdentifiedRow, table=True):
    """Which facts stand in `fact`: for a date and an income year, from the register as it stood.

    `register_state` counts the imports that had been merged by then, and the case workers' decisions made by then.
    """

    __tablename__ = "fact_set"
    __table_args__ = (UniqueConstraint("tenant_id", "on_date", "income_year", "register_state"),)

    on_date: date
    income_year: int
    register_state: int
    children: int
    built_at: datetime = instant()


class Fact(FactFigures, table=True):
    """The facts of one child in one fact set."""

    __tablename__ = "fact"
    __table_args__ = (PrimaryKeyConstraint("tenant_id", "fact_set_id", "person_id"),)

    fact_set_id: UUID = Field(primary_key=True)


class RefreshRun(IdentifiedRow, table=True):
    """One committed (or held) application of the rule: to every child, or after a case worker's decision (`review`) to
    the children it was about.

    `counts` is the account that was shown: children, outcomes, new, lost, unchanged, reasons and districts. A held run
    keeps its fact set until it is approved or overtaken, so what is approved is what was shown. One of a review is
    never held and takes its facts from the register as it is.
    """

    __tablename__ = "refresh_run"
    __table_args__ = (
        CheckConstraint("state in ('held', 'committed', 'overtaken')", "state"),
        CheckConstraint("kind in ('refresh', 'review')", "kind"),
        CheckConstraint("(kind = 'review') = (fact_set_id is null)", "facts"),
        CheckConstraint("kind = 'refresh' or state = 'committed'", "review"),
        ForeignKeyConstraint(["tenant_id", "scheme_id"], ["scheme.tenant_id", "scheme.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "parameter_version_id"], ["parameter_version.tenant_id", "parameter_version.id"]
        ),
        Index(None, "tenant_id", "scheme_id", "committed_at"),
    )

    scheme_id: UUID
    parameter_version_id: UUID
    kind: str = Field(default="refresh", sa_column_kwargs={"server_default": text("'refresh'")})
    fact_set_id: UUID | None = None
    on_date: date
    income_year: int
    period_start: date
    period_end: date
    state: str
    held_because: str | None = None
    counts: dict[str, Any] = Field(sa_type=JSONB)
    created_at: datetime = instant()
    created_by: UUID | None = None
    committed_at: datetime | None = instant(nullable=True)
    approved_by: UUID | None = None


class Determination(FactFigures, table=True):
    """What was determined for a child, for a scheme and period, with everything that produced it.

    The facts are copied in, so that the rule can be run again over this very row with its parameter version. A row is
    never changed but for its end (`ended_at` and, where another run ended it, that run) and when its retention is
    over: its figures go then (`anonymised_at`), and it cannot be replayed any more.
    """

    __tablename__ = "determination"
    __table_args__ = (
        CheckConstraint(
            "(outcome, reason) in (" + ", ".join(f"('{o}', '{r}')" for r, o in OUTCOMES.items()) + ")",
            "outcome",
        ),
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(["tenant_id", "run_id"], ["refresh_run.tenant_id", "refresh_run.id"]),
        ForeignKeyConstraint(["tenant_id", "ended_by_run_id"], ["refresh_run.tenant_id", "refresh_run.id"]),
        Index(
            "uq_determination_in_force",
            "tenant_id",
            "scheme_id",
            "period_start",
            "person_id",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
        Index(None, "tenant_id", "person_id"),
        Index(
            "ix_determination_undecided",
            "tenant_id",
            "scheme_id",
            "period_start",
            "id",
            postgresql_where=text("outcome = 'needs_review' and ended_at is null"),
        ),
    )

    person_id: UUID
    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": text("uuidv7()")})
    scheme_id: UUID
    period_start: date
    run_id: UUID
    parameter_version_id: UUID
    outcome: str
    reason: str
    income_ore: int | None = Field(default=None, sa_type=BigInteger)
    limit_ore: int | None = Field(default=None, sa_type=BigInteger)
    ended_at: datetime | None = instant(nullable=True)
    ended_by_run_id: UUID | None = None
    anonymised_at: datetime | None = instant(nullable=True)


EVIDENCE = ("introduction_benefit", "income_statement", "other_municipality", "conversation", "other")
"""What a case worker's decision can rest on."""


class ReviewAct(IdentifiedRow, table=True):
    """What a case worker did about one or many children, with one reason: said yes, issued on the spot, invited their
    families to apply, or left them aside.

    A yes rests on evidence: its kind and where it is to be found (`reference`), never the paper itself. It is `held`
    where a second person must approve it. `until`: the last day that children are left aside. `run_id` is the run that
    determined the children anew. Kept for good but for its texts, which go when their retention is over.
    """

    __tablename__ = "review_act"
    __table_args__ = (
        CheckConstraint("kind in ('yes', 'on_the_spot', 'invitation', 'deferral')", "kind"),
        CheckConstraint("state in ('held', 'done', 'withdrawn')", "state"),
        CheckConstraint("(kind in ('yes', 'on_the_spot')) = (evidence is not null)", "evidence"),
        CheckConstraint("(kind = 'deferral') = (until is not null)", "until"),
        CheckConstraint("(kind in ('yes', 'on_the_spot') and state = 'done') = (run_id is not null)", "run"),
        CheckConstraint("reason <> '' or anonymised_at is not null", "reason"),
        ForeignKeyConstraint(["tenant_id", "scheme_id"], ["scheme.tenant_id", "scheme.id"]),
        ForeignKeyConstraint(["tenant_id", "run_id"], ["refresh_run.tenant_id", "refresh_run.id"]),
        Index(None, "tenant_id", "state"),
    )

    kind: str
    state: str
    scheme_id: UUID
    period_start: date
    period_end: date
    children: int
    reason: str
    evidence: str | None = None
    reference: str | None = None
    until: date | None = None
    made_at: datetime = instant()
    made_by: UUID | None = None
    settled_at: datetime | None = instant(nullable=True)
    settled_by: UUID | None = None
    run_id: UUID | None = None
    anonymised_at: datetime | None = instant(nullable=True)


class ReviewDecision(IdentifiedRow, table=True):
    """What a case worker decided about one child, on which determination. One at most counts (`ended_at` is null).

    Only its end is ever written into it, and the letter that an invitation is sent again with.
    """

    __tablename__ = "review_decision"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "act_id"], ["review_act.tenant_id", "review_act.id"]),
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(["tenant_id", "determination_id"], ["determination.tenant_id", "determination.id"]),
        ForeignKeyConstraint(["tenant_id", "letter_id"], ["letter.tenant_id", "letter.id"]),
        Index(
            "uq_review_decision_live",
            "tenant_id",
            "scheme_id",
            "period_start",
            "person_id",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
        Index(None, "tenant_id", "act_id"),
        Index(None, "tenant_id", "letter_id"),
    )

    act_id: UUID
    scheme_id: UUID
    period_start: date
    person_id: UUID
    determination_id: UUID | None = None
    letter_id: UUID | None = None
    ended_at: datetime | None = instant(nullable=True)
