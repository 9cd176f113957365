"""Sealing the audit trail."""

from sqlmodel import Session

from service.audit.sealing import seal
from service.jobs.work import Work


def close(session: Session, work: Work) -> str:
    """Take every entry that no seal covers yet into the hash chain."""
    return f"{seal(session, work.place.id):,} entries sealed."
