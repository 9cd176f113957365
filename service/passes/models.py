"""Leisure passes, the ledger of each, and which letter carries which."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant

ENTRIES = ("grant", "reserve", "settle", "release", "adjust", "reverse", "transfer")


class LeisurePass(IdentifiedRow, table=True):
    """A child's pass for a scheme and a period. `valid_from` and `valid_to` are both included.

    What remains follows from the ledger: a trigger keeps `remaining_ore` and `equipment_remaining_ore`, and a check
    refuses whatever would take either below zero.
    """

    __tablename__ = "leisure_pass"
    __table_args__ = (
        CheckConstraint("state in ('live', 'replaced', 'revoked')", "state"),
        CheckConstraint("(state = 'live') = (ended_at is null)", "ended"),
        CheckConstraint("remaining_ore >= 0 and equipment_remaining_ore >= 0", "balance"),
        CheckConstraint("valid_to >= valid_from", "validity"),
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(["tenant_id", "determination_id"], ["determination.tenant_id", "determination.id"]),
        ForeignKeyConstraint(["tenant_id", "scheme_id"], ["scheme.tenant_id", "scheme.id"]),
        ForeignKeyConstraint(["tenant_id", "replaces_id"], ["leisure_pass.tenant_id", "leisure_pass.id"]),
        UniqueConstraint("tenant_id", "number_hash"),
        Index(
            "uq_leisure_pass_live",
            "tenant_id",
            "scheme_id",
            "valid_from",
            "person_id",
            unique=True,
            postgresql_where=text("state = 'live'"),
        ),
        Index(None, "tenant_id", "person_id"),
    )

    number_hash: bytes
    number_cipher: bytes
    person_id: UUID
    scheme_id: UUID
    determination_id: UUID
    valid_from: date
    valid_to: date
    amount_ore: int = Field(sa_type=BigInteger)
    equipment_ore: int = Field(sa_type=BigInteger)
    remaining_ore: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    equipment_remaining_ore: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    state: str
    issued_at: datetime = instant()
    issued_because: str
    ended_at: datetime | None = instant(nullable=True)
    ended_because: str | None = None
    replaces_id: UUID | None = None


class PassEntry(IdentifiedRow, table=True):
    """One entry of a pass's ledger, in øre: what comes on is positive, what goes off negative. Append-only.

    What is reserved, settled, released or reversed is so for a claim or a reservation of a club.
    """

    __tablename__ = "pass_entry"
    __table_args__ = (
        CheckConstraint(f"kind in ({', '.join(repr(kind) for kind in ENTRIES)})", "kind"),
        CheckConstraint("fund in ('membership', 'equipment')", "fund"),
        CheckConstraint("amount_ore <> 0", "amount"),
        CheckConstraint("claim_id is null or reservation_id is null", "of"),
        CheckConstraint(
            """kind = 'adjust' or (kind in ('reserve', 'settle', 'release', 'reverse'))
                = (claim_id is not null or reservation_id is not null)""",
            "reason",
        ),
        CheckConstraint(
            """case kind when 'grant' then amount_ore > 0 when 'release' then amount_ore > 0
                when 'reverse' then amount_ore > 0 when 'reserve' then amount_ore < 0 when 'settle' then amount_ore < 0
                else true end""",
            "sign",
        ),
        ForeignKeyConstraint(["tenant_id", "pass_id"], ["leisure_pass.tenant_id", "leisure_pass.id"]),
        Index(None, "tenant_id", "pass_id"),
        Index(None, "tenant_id", "claim_id", postgresql_where=text("claim_id is not null")),
        Index(None, "tenant_id", "reservation_id", postgresql_where=text("reservation_id is not null")),
    )

    pass_id: UUID
    kind: str
    fund: str
    amount_ore: int = Field(sa_type=BigInteger)
    entered_at: datetime = instant()
    claim_id: UUID | None = None
    reservation_id: UUID | None = None


class PassLetter(TenantRow, table=True):
    """That a letter carries a pass. A pass sent again, or read out at the counter, stands in several letters."""

    __tablename__ = "pass_letter"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "letter_id"], ["letter.tenant_id", "letter.id"]),
        ForeignKeyConstraint(["tenant_id", "pass_id"], ["leisure_pass.tenant_id", "leisure_pass.id"]),
        Index(None, "tenant_id", "pass_id"),
    )

    letter_id: UUID = Field(primary_key=True)
    pass_id: UUID = Field(primary_key=True)


class EndedNotice(TenantRow, table=True):
    """That a family was told, once, that a child has no pass for a period though it had one the period before."""

    __tablename__ = "ended_notice"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "letter_id"], ["letter.tenant_id", "letter.id"]),
        ForeignKeyConstraint(["tenant_id", "pass_id"], ["leisure_pass.tenant_id", "leisure_pass.id"]),
        Index(None, "tenant_id", "letter_id"),
    )

    scheme_id: UUID = Field(primary_key=True)
    period_start: date = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    pass_id: UUID
    determination_id: UUID
    letter_id: UUID


class PrivateCode(IdentifiedRow, table=True):
    """The code on a family's home sheet that opens the family's own page; only its keyed hash is kept.

    A new letter brings a new code and ends the one before: a letter that came back may have been read on its way.
    """

    __tablename__ = "private_code"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "letter_id"], ["letter.tenant_id", "letter.id"]),
        UniqueConstraint("tenant_id", "code_hash"),
        Index(None, "tenant_id", "letter_id"),
    )

    household_id: UUID
    letter_id: UUID
    code_hash: bytes
    made_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class HouseholdContact(TenantRow, table=True):
    """Who in the municipality follows a household, and until when if that is known."""

    __tablename__ = "household_contact"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "household_id"], ["household.tenant_id", "household.id"]),)

    household_id: UUID = Field(primary_key=True)
    name: str
    phone: str
    email: str
    until: date | None = None
    set_at: datetime = instant()
    set_by: UUID | None = None


class HouseholdNote(IdentifiedRow, table=True):
    """What a case worker noted about a household. Never changed: a later note corrects it (`corrects_id`)."""

    __tablename__ = "household_note"
    __table_args__ = (
        CheckConstraint("text <> ''", "text"),
        ForeignKeyConstraint(["tenant_id", "household_id"], ["household.tenant_id", "household.id"]),
        Index(None, "tenant_id", "household_id"),
    )

    household_id: UUID
    text: str
    made_at: datetime = instant()
    made_by: UUID | None = None
    corrects_id: UUID | None = None
