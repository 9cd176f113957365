"""The append-only trail of who read and who changed what, and the seals over it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant


class TransactionId(UserDefinedType[str]):
    """The id of a transaction, as PostgreSQL writes it."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class Snapshot(UserDefinedType[str]):
    """Which transactions were still running at an instant, as PostgreSQL writes it."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "pg_snapshot"


# The transaction gets its id before the entry gets its own: an entry that was not there at a seal and whose transaction
# began after it has a later id than any entry of the seal.
_ENTRY_ID = "CASE WHEN pg_current_xact_id() IS NOT NULL THEN uuidv7() END"


class AuditEntry(IdentifiedRow, table=True):
    """One act: who did what to which subject, when and, where a reason is demanded, why.

    `account_id` is empty where no person acted (a scheduled job, a command without `--by`); `door` then tells what did.
    The application may insert and read, never change or remove.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "tenant_id", "subject_id"),)

    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": text(_ENTRY_ID)})
    at: datetime = instant()
    account_id: UUID | None = None
    door: str
    action: str
    subject_kind: str
    subject_id: UUID | None = None
    reason: str | None = None
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    written_in: str | None = Field(
        default=None,
        nullable=False,
        sa_type=TransactionId,
        sa_column_kwargs={"server_default": text("pg_current_xact_id()")},
    )


class AuditSeal(TenantRow, table=True):
    """A link of a tenant's hash chain: it covers entries that no seal before it covers. Append-only.

    `digest` is SHA-256 over `previous_digest`, this row's other columns and the digests of its entries in the order of
    their ids. `snapshot` tells which transactions had ended, and `sealed_in` which had begun: only what those between
    the two wrote may come late, for a later seal.
    """

    __tablename__ = "audit_seal"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),)

    number: int = Field(primary_key=True)
    entries: int
    first_id: UUID
    last_id: UUID
    snapshot: str = Field(sa_type=Snapshot)
    sealed_in: str = Field(sa_type=TransactionId)
    previous_digest: bytes
    digest: bytes
    sealed_at: datetime = instant()


class AuditSealed(TenantRow, table=True):
    """That an entry is covered by a seal, and the SHA-256 of what the entry said then. Append-only."""

    __tablename__ = "audit_sealed"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "seal_number"], ["audit_seal.tenant_id", "audit_seal.number"]),
    )

    entry_id: UUID = Field(primary_key=True)
    seal_number: int
    digest: bytes
