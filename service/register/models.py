"""The register as last imported, and what stood before.

Current rows and past rows stand in separate tables: the current ones stay small and simple to join, and a change moves
the old row to its `_past` table in the same transaction. Incomes and awards are keyed by the keyed hash of the identity
number, not by person, so that an income is kept though its person's own row was rejected and comes with a later file.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant

RELATIONS = ("provider", "child", "other")
BASES = ("annual", "final", "advance", "month_x12")
MADE_HERE = ("review", "on_the_spot")
"""The grounds of awards that a case worker makes in this program. No file delivers or ends one of these."""


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A check that `column` holds one of `values`."""
    return CheckConstraint(f"{column} in ({', '.join(repr(value) for value in values)})", column)


class RegisterImport(IdentifiedRow, table=True):
    """One delivery of extract files: what was in it, what was rejected and what became of it.

    `counts` holds accepted rows by file (`persons`, `households`, `incomes`, `decisions`), `rejected`, `warnings` and
    `unchanged`. A held import keeps its rows in `held_row` until somebody confirms or discards it.
    """

    __tablename__ = "register_import"
    __table_args__ = (
        one_of("state", ("merged", "held", "discarded")),
        ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),
    )

    state: str
    counts: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    held_because: str | None = None
    imported_at: datetime = instant()
    imported_by: UUID | None = None
    confirmed_at: datetime | None = instant(nullable=True)
    confirmed_by: UUID | None = None


class RejectedRow(TenantRow, table=True):
    """A row of a file that was not taken over, or was with a warning (`accepted`); the value is masked."""

    __tablename__ = "rejected_row"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "import_id"], ["register_import.tenant_id", "register_import.id"]),
    )

    import_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    file: str
    line: int
    field: str
    value: str
    reason: str
    accepted: bool = False


class HeldRow(TenantRow, table=True):
    """An accepted row of a held import, as it was staged: keyed hash and ciphertext, never a plain number."""

    __tablename__ = "held_row"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "import_id"], ["register_import.tenant_id", "register_import.id"]),
    )

    import_id: UUID = Field(primary_key=True)
    file: str = Field(primary_key=True)
    line: int = Field(primary_key=True)
    content: dict[str, Any] = Field(sa_type=JSONB)


class PersonFigures(IdentifiedRow):
    """What the register says of a person."""

    birth_date: date
    given_name: str
    family_name: str
    language: str


class Person(PersonFigures, table=True):
    """A person of the register. The id is the `person_key` of exports: it says nothing and never changes.

    Of an anonymised person the row stays for what refers to it; names and numbers are gone, and of the birth date the
    year is left.
    """

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("tenant_id", "identity_hash"), Index(None, "tenant_id", "birth_date"))

    identity_hash: bytes
    identity_cipher: bytes
    learned_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    anonymised_at: datetime | None = instant(nullable=True)


class PersonPast(TenantRow, table=True):
    """What a person's row said until an import changed or ended it."""

    __tablename__ = "person_past"

    id: UUID = Field(primary_key=True)
    import_id: UUID = Field(primary_key=True)
    replaced_at: datetime = instant()
    birth_date: date
    given_name: str
    family_name: str
    language: str
    ended_at: datetime | None = instant(nullable=True)


class NameToken(TenantRow, table=True):
    """That a word of a person's name begins so, as the database's `name_tokens` writes it: by these people are found.

    Under row-level security only plain comparisons use an index, hence words that are compared as ranges. Without a
    foreign key, as the merge writes it together with the person; it goes where names go.
    """

    __tablename__ = "name_token"

    token: str = Field(primary_key=True, sa_type=String(collation="C"))
    person_id: UUID = Field(primary_key=True)


class Household(IdentifiedRow, table=True):
    """A register household.

    `uncertain`: of the last population file a row of it was rejected, or a member stands because of a rejected row.
    """

    __tablename__ = "household"
    __table_args__ = (UniqueConstraint("tenant_id", "reference"),)

    reference: str
    uncertain: bool = False
    ended_at: datetime | None = instant(nullable=True)
    anonymised_at: datetime | None = instant(nullable=True)


class HouseholdMember(TenantRow, table=True):
    """That a person lives in a household, in which relation and at which address.

    Without foreign keys: they would check row by row what the merge, which alone writes here, joins from both tables,
    and took two thirds of a first import.
    """

    __tablename__ = "household_member"
    __table_args__ = (
        one_of("relation", RELATIONS),
        Index(None, "tenant_id", "person_id"),
    )

    household_id: UUID = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    relation: str
    street: str
    postcode: str
    city: str
    district: str
    address_protected: bool
    learned_at: datetime = instant()


class HouseholdMemberPast(IdentifiedRow, table=True):
    """A membership as it was known from `learned_at` until `ended_at`."""

    __tablename__ = "household_member_past"
    __table_args__ = (Index(None, "tenant_id", "person_id"), Index(None, "tenant_id", "household_id"))

    household_id: UUID
    person_id: UUID
    relation: str
    street: str
    postcode: str
    city: str
    district: str
    address_protected: bool
    learned_at: datetime = instant()
    ended_at: datetime = instant()
    import_id: UUID


class Income(TenantRow, table=True):
    """A person's income for a whole year on one basis, in øre."""

    __tablename__ = "income"
    __table_args__ = (one_of("basis", BASES),)

    identity_hash: bytes = Field(primary_key=True)
    year: int = Field(primary_key=True)
    basis: str = Field(primary_key=True)
    amount_ore: int = Field(sa_type=BigInteger)
    learned_at: datetime = instant()


class IncomePast(IdentifiedRow, table=True):
    """An income until a later file corrected it."""

    __tablename__ = "income_past"
    __table_args__ = (Index(None, "tenant_id", "identity_hash"),)

    identity_hash: bytes
    year: int
    basis: str
    amount_ore: int = Field(sa_type=BigInteger)
    learned_at: datetime = instant()
    ended_at: datetime = instant()
    import_id: UUID


class Award(TenantRow, table=True):
    """An award made elsewhere, such as an economic free place: its ground, percent and validity (days inclusive).

    With a ground of `MADE_HERE` it is what a case worker decided here (see eligibility's `ReviewDecision`).
    """

    __tablename__ = "award"
    __table_args__ = (CheckConstraint("percent between 0 and 100", "percent"),)

    identity_hash: bytes = Field(primary_key=True)
    ground: str = Field(primary_key=True)
    valid_from: date = Field(primary_key=True)
    valid_to: date | None = None
    percent: int
    learned_at: datetime = instant()


class AwardPast(IdentifiedRow, table=True):
    """An award until a later file corrected or no longer named it."""

    __tablename__ = "award_past"
    __table_args__ = (Index(None, "tenant_id", "identity_hash"),)

    identity_hash: bytes
    ground: str
    valid_from: date
    valid_to: date | None = None
    percent: int
    learned_at: datetime = instant()
    ended_at: datetime = instant()
    import_id: UUID
