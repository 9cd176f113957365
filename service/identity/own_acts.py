"""What concerns an account and no single place, in the trail of every place where the account has a role."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import COMMAND, Actor, record
from service.database.tenancy import acting_for


def note_sign_in(session: Session, account_id: UUID, method: str) -> None:
    """Somebody signed in: by `email`, an `invitation`, a link of the `command` line, or a `provider`."""
    _note(session, account_id, _own(account_id), "identity.sign_in", {"method": method})


def note_sign_out_everywhere(session: Session, account_id: UUID) -> None:
    """Somebody ended all of their sessions."""
    _note(session, account_id, _own(account_id), "identity.sign_out.everywhere")


def note_second_factor(session: Session, account_id: UUID) -> None:
    """Somebody set a second factor up."""
    _note(session, account_id, _own(account_id), "identity.second_factor.set")


def note_recovery_codes(session: Session, account_id: UUID) -> None:
    """Somebody made new recovery codes."""
    _note(session, account_id, _own(account_id), "identity.second_factor.codes")


def note_second_factor_removed(session: Session, account_id: UUID) -> None:
    """Somebody took their second factor away."""
    _note(session, account_id, _own(account_id), "identity.second_factor.remove")


def note_second_factor_reset(session: Session, account_id: UUID) -> None:
    """The operator took somebody's second factor away."""
    _note(session, account_id, COMMAND, "identity.second_factor.reset")


def note_link_made(session: Session, account_id: UUID) -> None:
    """The operator made a link with which somebody signs in."""
    _note(session, account_id, COMMAND, "identity.sign_in_link.make")


def _own(account_id: UUID) -> Actor:
    return Actor(door="page", account_id=account_id)


def _note(session: Session, account_id: UUID, actor: Actor, action: str, details: dict[str, Any] | None = None) -> None:
    rows = session.execute(
        text("SELECT DISTINCT tenant_id FROM directory.places_of(:account)"), {"account": account_id}
    )
    for tenant_id in sorted(row.tenant_id for row in rows.all()):
        with acting_for(session, tenant_id):
            record(session, tenant_id, actor, action, ("account", account_id), details=details)
