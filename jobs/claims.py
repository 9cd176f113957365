"""What claims need every day: reservations that are over give back what they held, and clubs are told of decisions."""

from sqlmodel import Session

from service.claims.messages import tell_decisions
from service.claims.reservations import expire_reservations
from service.jobs.work import JOB, Told, Work

_LOCAL_URL = "http://127.0.0.1:8000"


def expire(session: Session, work: Work) -> Told:
    """End the reservations whose last day is over."""
    expired = expire_reservations(session, work.municipality, work.on, JOB)
    return Told(f"{expired:,} reservations ended.", {"reservations": expired})


def tell(session: Session, work: Work) -> Told:
    """Write to every club about whose claims something was decided."""
    url = work.settings.public_url or _LOCAL_URL
    told = tell_decisions(session, work.municipality, work.keys(), url)
    return Told(f"{told:,} clubs told of decisions.", {"clubs": told})
