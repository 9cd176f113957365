"""Writing the audit trail."""

from typing import Any
from uuid import UUID

import msgspec
from sqlmodel import Session

from service.audit.models import AuditEntry
from service.values import clock


class Actor(msgspec.Struct, frozen=True):
    """Who acts and through which door: `command`, `page`, `api` or `job`; a command or job may be nobody's.

    A system acts with a token; the trail keeps which in the details.
    """

    door: str
    account_id: UUID | None = None
    token_id: UUID | None = None


COMMAND = Actor(door="command")


def record(
    session: Session,
    tenant_id: UUID,
    actor: Actor,
    action: str,
    subject: tuple[str, UUID | None],
    *,
    reason: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Add an entry to the trail in the transaction that makes the change.

    `details` hold counts and codes, never a name, an address or an identity number: the trail outlives the data.
    """
    kind, subject_id = subject
    with_token = {"token": str(actor.token_id)} if actor.token_id else {}
    session.add(
        AuditEntry(
            tenant_id=tenant_id,
            at=clock.now(),
            account_id=actor.account_id,
            door=actor.door,
            action=action,
            subject_kind=kind,
            subject_id=subject_id,
            reason=reason,
            details=with_token | (details or {}),
        )
    )
