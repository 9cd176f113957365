"""Sealing the audit trail."""

from sqlmodel import Session

from service.audit.sealing import head, seal
from service.jobs.work import Told, Work


def close(session: Session, work: Work) -> Told:
    """Take every entry that no seal covers yet into the hash chain.

    The worker's log gets the newest digest: kept outside of the database, it proves what the chain was.
    """
    sealed, newest = seal(session, work.place.id), head(session)
    proof = {} if newest is None else {"seal": newest.number, "digest": newest.digest}
    return Told(f"{sealed:,} entries sealed.", {"entries": sealed} | proof)
