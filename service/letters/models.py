"""Letters on their way to families, the print batches that carry them, and how a municipality signs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant

STATES = ("queued", "held_back", "batched", "handed_over", "returned", "cancelled")


class LetterSettings(TenantRow, table=True):
    """How a municipality signs its letters, which envelope its print provider uses, and its own templates."""

    __tablename__ = "letter_settings"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),)

    settings: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)


class PrintBatch(IdentifiedRow, table=True):
    """Letters that are printed together. Its letters and what they say are fixed; only its hand-over is to come.

    One letter that was printed at the counter and given to the family is a batch of its own (`in_person`), handed over
    when it is made.
    """

    __tablename__ = "print_batch"
    __table_args__ = (UniqueConstraint("tenant_id", "number"),)

    number: int
    protected: bool
    in_person: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    letters: int
    created_at: datetime = instant()
    pages: int | None = None
    sha256: str | None = None
    handed_over_at: datetime | None = instant(nullable=True)
    handed_over_by: UUID | None = None


class QueuedLetter(IdentifiedRow, table=True):
    """One envelope: to which household (or, without a provider, to which child), and where it is on its way.

    `address` (street, postcode, city), where staff corrected it, takes the place of the register's. `content` is the
    letter as it is printed, encrypted, from the moment it is in a batch; `number` is read through the window when it
    comes back.
    """

    __tablename__ = "letter"
    __table_args__ = (
        CheckConstraint(f"state in ({', '.join(repr(state) for state in STATES)})", "state"),
        CheckConstraint("kind in ('pass', 'ended', 'invitation')", "kind"),
        CheckConstraint("(batch_id is null) = (state in ('queued', 'held_back', 'cancelled'))", "batched"),
        CheckConstraint("(batch_id is null) = (content is null)", "content"),
        ForeignKeyConstraint(["tenant_id", "household_id"], ["household.tenant_id", "household.id"]),
        ForeignKeyConstraint(["tenant_id", "batch_id"], ["print_batch.tenant_id", "print_batch.id"]),
        ForeignKeyConstraint(["tenant_id", "replaces_id"], ["letter.tenant_id", "letter.id"]),
        UniqueConstraint("tenant_id", "number"),
        Index(None, "tenant_id", "state"),
        Index(None, "tenant_id", "batch_id"),
        Index(None, "tenant_id", "household_id"),
    )

    number: str
    kind: str
    state: str
    household_id: UUID
    child_id: UUID | None = None
    batch_id: UUID | None = None
    place: int | None = None
    pages: int | None = None
    content: bytes | None = None
    held_because: str | None = None
    address: dict[str, str] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    queued_at: datetime = instant()
    returned_at: datetime | None = instant(nullable=True)
    returned_because: str | None = None
    replaces_id: UUID | None = None
