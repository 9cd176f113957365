"""What of referrals waits for a professional of a service, and for a case worker."""

from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from service.errors import N_
from service.identity.access import Principal
from service.referrals.sharing import shared_cases
from service.values import clock
from service.web.today import Pile, Waiting, counted, pile_of


def _own(state: str, since: str, session: Session, principal: Principal) -> Pile:
    """The referrals of one's own service in a state: those of others wait for others."""
    place = principal.place
    row = session.execute(
        text(f"SELECT count(*) AS n, min({since}) AS since FROM referral WHERE service_id = :s AND state = :state"),
        {"s": place.organisation_id if place else None, "state": state},
    ).one()
    return Pile(row.n, row.since)


def _asked(session: Session, principal: Principal) -> Pile:
    return _own("sent_back", "seen_at", session, principal)


def _drafts(session: Session, principal: Principal) -> Pile:
    return _own("draft", "made_at", session, principal)


def _offered(session: Session, principal: Principal) -> Pile:
    """The referred families of one's own service whose offers wait for an answer."""
    place = principal.place
    row = session.execute(
        text(
            """SELECT count(*) AS n, min(f.changed_at) AS since FROM referral r
            JOIN referral_case c ON c.id = r.case_id
            JOIN family_outcome f ON f.season_id = c.season_id AND f.family_key = c.family_key
            WHERE r.service_id = :service AND r.state = 'approved' AND f.state = 'open' AND f.deadline >= :now"""
        ),
        {"service": place.organisation_id if place else None, "now": clock.now()},
    ).one()
    return Pile(row.n, row.since)


def _shared(session: Session) -> Pile:
    return pile_of(one.since for one in shared_cases(session))


WAITING: Final = (
    Waiting("referrals.refer", N_("Referrals sent back with a question"), path="/referrals", look_for=_asked),
    Waiting("referrals.refer", N_("Families whose offer waits for an answer"), path="/referrals", look_for=_offered),
    Waiting("referrals.refer", N_("Drafts of referrals"), path="/referrals", look_for=_drafts),
    Waiting(
        "referrals.decide",
        N_("Referred families to be decided about"),
        counted("SELECT count(*), min(opened_at) FROM referral_case WHERE state = 'open'"),
        "/referral-cases",
    ),
    Waiting(
        "referrals.decide",
        N_("Decided families of whom something new was said"),
        counted(
            """SELECT count(DISTINCT c.id), min(coalesce(r.changed_at, r.sent_at)) FROM referral_case c
            JOIN referral r ON r.case_id = c.id AND r.seen_at IS NULL AND r.state <> 'withdrawn'
            WHERE c.state IN ('approved', 'rejected')"""
        ),
        "/referral-cases",
    ),
    Waiting("referrals.decide", N_("Cases that share somebody"), _shared, "/referral-cases/shared"),
    Waiting(
        "referrals.decide",
        N_("Families on the handed-over list that have withdrawn their consent"),
        counted(
            """SELECT count(DISTINCT c.id), min(c.withdrawn_at) FROM referral_case c
            JOIN referral_list_entry e ON e.case_id = c.id WHERE c.state = 'withdrawn'"""
        ),
        "/referral-lists",
    ),
)
"""What waits, in the order shown."""
