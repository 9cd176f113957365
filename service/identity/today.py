"""What of the people and their roles waits for somebody."""

from datetime import timedelta

from sqlmodel import Session

from service.errors import N_
from service.identity.members import list_invitations, list_members
from service.identity.people_web import INVITATIONS, REVIEW
from service.values import clock
from service.web.today import Pile, Waiting, pile_of

REVIEW_EVERY = timedelta(days=365)


def _unreviewed(session: Session) -> Pile:
    confirmed = [member.reviewed_at or member.created_at for member in list_members(session)]
    return pile_of(at + REVIEW_EVERY for at in confirmed if at + REVIEW_EVERY <= clock.now())


def _expired(session: Session) -> Pile:
    return pile_of(one.expires_at for one in list_invitations(session) if one.expires_at <= clock.now())


WAITING = (
    Waiting("people.change", N_("Roles that nobody has reviewed for a year"), _unreviewed, REVIEW),
    Waiting("people.change", N_("Invitations that expired before they were accepted"), _expired, INVITATIONS),
)
