"""Offers end at their deadline, families are reminded before it, freed places are offered where a season wants it."""

from sqlalchemy import text
from sqlmodel import Session

from jobs import email
from service.database.engine import Database
from service.database.keys import open_keys
from service.identity.messages import mark_of
from service.jobs.work import JOB, Told, Work
from service.letters.texting import deliver_text
from service.offers import ending, making, waiting
from service.offers.desk import LOCAL_URL, Desk, settings_of
from service.offers.messages import unseal_text
from service.settings import Settings

_LIVING = "SELECT DISTINCT season_id FROM offer WHERE state IN ('open', 'accepted') ORDER BY season_id"
_RUNNING = """SELECT s.id FROM season s WHERE s.last_day >= :on
    AND EXISTS (SELECT FROM offer o WHERE o.season_id = s.id) ORDER BY s.id"""


def expire(session: Session, work: Work) -> Told:
    """End the offers whose deadline is over, and those of families that are on no list any more."""
    desk, expired, gone = _desk(work), 0, 0
    for season_id in session.execute(text(_LIVING)).scalars().all():
        gone += ending.withdraw_gone(session, desk, season_id)
        expired += ending.expire(session, desk, season_id)
    said = f"{expired:,} offers expired, {gone:,} withdrawn since the family is on no list any more."
    return Told(said, {"expired": expired, "withdrawn": gone})


def remind(session: Session, work: Work) -> Told:
    """Remind of the offers whose deadline is near; each once."""
    desk = _desk(work)
    sent = sum(making.remind(session, desk, one) for one in session.execute(text(_LIVING)).scalars().all())
    return Told(f"{sent:,} reminders.", {"reminders": sent})


def offer_freed(session: Session, work: Work) -> Told:
    """Offer what has fallen free to those who are next, in the seasons that want that without a click."""
    desk, made = _desk(work), 0
    for season_id in session.execute(text(_RUNNING), {"on": work.on}).scalars().all():
        if settings_of(session, season_id).by_itself:
            made += len(waiting.offer_free(session, desk, season_id))
    return Told(f"{made:,} offers of places that fell free.", {"offers": made})


def _desk(work: Work) -> Desk:
    return Desk(work.organisation, work.keys(), work.settings.public_url or LOCAL_URL, JOB)


def send_text(database: Database, settings: Settings, sealed: str, attempts: int) -> None:
    """Hand a queued text message over; raises as `email.send`, and is told in the log in the same way."""
    mark = mark_of(sealed)
    email.attempt(
        mark, attempts, "texted", lambda: deliver_text(settings, unseal_text(open_keys(database), sealed), mark)
    )
