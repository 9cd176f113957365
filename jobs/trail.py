"""Sealing the audit trail."""

from sqlmodel import Session

from service.audit.sealing import seal
from service.jobs.work import Told, Work


def close(session: Session, work: Work) -> Told:
    """Take every entry that no seal covers yet into the hash chain."""
    sealed = seal(session, work.place.id)
    return Told(f"{sealed:,} entries sealed.", {"entries": sealed})
