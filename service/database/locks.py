"""Doing one thing at a time for a tenant, across processes."""

from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session


def one_at_a_time(session: Session, what: str, tenant_id: UUID) -> None:
    """Wait until no other transaction does `what` for this tenant; let go when this transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"{what} {tenant_id}"})
