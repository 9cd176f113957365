"""Clubs, what they offer, where their money goes, their applications, and what the registers say of them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.clubs.rules import (
    ACTIVITY_KINDS,
    APPLICATION_STATES,
    CLUB_STATES,
    LOOK_UP_OUTCOMES,
    PAYEE_KINDS,
    PAYEE_STATES,
    SOURCES,
)
from service.database.tables import IdentifiedRow, TenantRow, instant


def _one_of(column: str, values: Sequence[str]) -> CheckConstraint:
    return CheckConstraint(f"{column} in ({', '.join(repr(value) for value in values)})", column)


class ClubRow(TenantRow, table=True):
    """A club that a municipality has approved. Its id is that of its organisation, to which people and tokens belong.

    `agreement_version` is the one the club accepted last; it need not be the municipality's newest.
    """

    __tablename__ = "club"
    __table_args__ = (
        _one_of("state", CLUB_STATES),
        CheckConstraint("(state = 'ended') = (ended_at is not null)", "ended"),
        CheckConstraint("state <> 'suspended' or suspended_because <> ''", "suspended"),
        CheckConstraint("(agreement_version is null) = (agreement_accepted_at is null)", "agreement"),
        CheckConstraint("members >= 0", "members"),
        ForeignKeyConstraint(["tenant_id", "id"], ["directory.organisation.tenant_id", "directory.organisation.id"]),
        Index("uq_club_number", "tenant_id", "number", unique=True, postgresql_where=text("state <> 'ended'")),
    )

    id: UUID = Field(primary_key=True)
    number: str
    name: str
    state: str
    contact_name: str | None = None
    contact_email: str | None = None
    contact_phone: str | None = None
    members: int | None = None
    agreement_version: int | None = None
    agreement_accepted_at: datetime | None = instant(nullable=True)
    agreement_accepted_by: UUID | None = None
    approved_at: datetime = instant()
    approved_by: UUID | None = None
    suspended_because: str | None = None
    ended_at: datetime | None = instant(nullable=True)
    changed_at: datetime = instant()


class PastContact(IdentifiedRow, table=True):
    """Whom a club named before: told of a new account too, since whoever names the account may have changed both."""

    __tablename__ = "club_past_contact"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "club_id"], ["club.tenant_id", "club.id"]),
        Index(None, "tenant_id", "club_id"),
    )

    club_id: UUID
    name: str
    email: str
    ended_at: datetime = instant()
    ended_by: UUID | None = None


class ClubActivity(IdentifiedRow, table=True):
    """Something a club offers children of some ages in a season, and the full fee of it."""

    __tablename__ = "club_activity"
    __table_args__ = (
        _one_of("kind", ACTIVITY_KINDS),
        CheckConstraint("name <> ''", "name"),
        CheckConstraint("min_age >= 0 and max_age >= min_age", "ages"),
        CheckConstraint("season_end >= season_start", "season"),
        CheckConstraint("fee_ore >= 0", "fee"),
        ForeignKeyConstraint(["tenant_id", "club_id"], ["club.tenant_id", "club.id"]),
        Index(None, "tenant_id", "club_id"),
    )

    club_id: UUID
    name: str
    kind: str
    min_age: int
    max_age: int
    season_start: date
    season_end: date
    fee_ore: int = Field(sa_type=BigInteger)
    made_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class ClubPayee(IdentifiedRow, table=True):
    """Where a club's money goes, proposed by one person and approved by another; never rewritten.

    Without `proposed_by` it was the club's application, or the command line, that proposed it. From `usable_from` on
    money goes there, until the next one's day has come; that one takes the state `approved` from it before.
    """

    __tablename__ = "club_payee"
    __table_args__ = (
        _one_of("kind", PAYEE_KINDS),
        CheckConstraint("(kind = 'account') = (account is not null)", "account"),
        CheckConstraint("(kind = 'cost_centre') = (cost_centre is not null)", "cost_centre"),
        _one_of("state", PAYEE_STATES),
        CheckConstraint("(state in ('proposed', 'withdrawn')) = (decided_at is null)", "decided"),
        CheckConstraint("(state in ('approved', 'replaced', 'stopped')) = (usable_from is not null)", "usable"),
        CheckConstraint("(state in ('proposed', 'approved')) = (ended_at is null)", "ended"),
        CheckConstraint("state <> 'rejected' or decided_because <> ''", "because"),
        CheckConstraint(
            "usable_from is null or proposed_by is null or decided_by is distinct from proposed_by", "two_persons"
        ),
        ForeignKeyConstraint(["tenant_id", "club_id"], ["club.tenant_id", "club.id"]),
        Index(None, "tenant_id", "club_id"),
        *(
            Index(
                f"uq_club_payee_{state}",
                "tenant_id",
                "club_id",
                unique=True,
                postgresql_where=text(f"state = '{state}'"),
            )
            for state in ("proposed", "approved")
        ),
    )

    club_id: UUID
    kind: str
    account: str | None = None
    cost_centre: str | None = None
    state: str
    proposed_at: datetime = instant()
    proposed_by: UUID | None = None
    decided_at: datetime | None = instant(nullable=True)
    decided_by: UUID | None = None
    decided_because: str | None = None
    usable_from: date | None = None
    ended_at: datetime | None = instant(nullable=True)


class ClubApplication(IdentifiedRow, table=True):
    """What somebody wrote who applied for a club, and what became of it.

    Anybody can write in a club's name, so it says nothing about the club until staff have looked at it. One that was
    entered at the command line has no contact and accepted no agreement.
    """

    __tablename__ = "club_application"
    __table_args__ = (
        _one_of("state", APPLICATION_STATES),
        _one_of("payee_kind", ("account", "nemkonto")),
        CheckConstraint("(payee_kind = 'account') = (account is not null) or anonymised_at is not null", "account"),
        CheckConstraint("(state = 'waiting') = (decided_at is null)", "decided"),
        CheckConstraint("(state = 'approved') = (club_id is not null)", "club"),
        CheckConstraint("state <> 'rejected' or decided_because <> ''", "because"),
        ForeignKeyConstraint(["tenant_id", "club_id"], ["club.tenant_id", "club.id"]),
        Index(None, "tenant_id", "state"),
        Index(None, "tenant_id", "number"),
        Index(None, "tenant_id", "club_id"),
    )

    number: str
    name: str
    contact_name: str | None = None
    contact_email: str | None = None
    contact_phone: str | None = None
    members: int | None = None
    activities: list[dict[str, Any]] = Field(sa_type=JSONB)
    payee_kind: str
    account: str | None = None
    agreement_version: int | None = None
    language: str
    state: str
    applied_at: datetime = instant()
    applied_by: UUID | None = None
    decided_at: datetime | None = instant(nullable=True)
    decided_by: UUID | None = None
    decided_because: str | None = None
    club_id: UUID | None = None
    anonymised_at: datetime | None = instant(nullable=True)


class ClubRegisterEntry(TenantRow, table=True):
    """What a public register said of a number when it was last asked, or what the file of it says."""

    __tablename__ = "club_register_entry"
    __table_args__ = (_one_of("source", SOURCES), _one_of("outcome", LOOK_UP_OUTCOMES))

    source: str = Field(primary_key=True)
    number: str = Field(primary_key=True)
    outcome: str
    said: dict[str, Any] = Field(sa_type=JSONB)
    looked_up_at: datetime = instant()


class ClubAgreement(TenantRow, table=True):
    """What clubs agree to. Never changed once written: which text a club accepted must be known later."""

    __tablename__ = "club_agreement"
    __table_args__ = (CheckConstraint("text <> ''", "text"), CheckConstraint("version > 0", "version"))

    version: int = Field(primary_key=True)
    text: str
    made_at: datetime = instant()
    made_by: UUID | None = None


class ClubSettings(TenantRow, table=True):
    """How a municipality deals with clubs: how long a new account waits, whether clubs may apply, and so on."""

    __tablename__ = "club_settings"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),)

    settings: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
