"""The append-only trail of who read and who changed what."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.database.tables import IdentifiedRow, instant


class AuditEntry(IdentifiedRow, table=True):
    """One act: who did what to which subject, when and, where a reason is demanded, why.

    `account_id` is empty where no person acted (a scheduled job, a command without `--by`); `door` then tells what did.
    The application may insert and read, never change or remove.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "tenant_id", "subject_id"),)

    at: datetime = instant()
    account_id: UUID | None = None
    door: str
    action: str
    subject_kind: str
    subject_id: UUID | None = None
    reason: str | None = None
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
