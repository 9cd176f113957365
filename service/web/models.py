"""Answers that are kept to be given again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from service.database.tables import IdentifiedRow, instant


class KeptAnswer(IdentifiedRow, table=True):
    """What a caller (an account or a token) was answered to a call that it gave a key.

    `call` is a keyed hash of the route, the organisation acted for and the key, `said` one of all that was said with
    it. `answer` is encrypted; it is null only inside the transaction that makes it.
    """

    __tablename__ = "kept_answer"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),
        UniqueConstraint("tenant_id", "caller_id", "call"),
        Index(None, "tenant_id", "kept_at"),
    )

    caller_id: UUID
    call: bytes
    said: bytes
    answer: bytes | None = Field(default=None)
    kept_at: datetime = instant()
