"""What is written to organisations and services about lists and referrals: never a name, a family or a reason."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel import Session

from service.errors import N_, Text, Translate
from service.identity.actions import Municipality
from service.identity.messages import send_email
from service.values.secrecy import KeyRing
from service.web.formats import show
from service.web.texts import translator

_LIST_SUBJECT: Final = N_("{municipality} has handed over its list for {season}")
_LIST_TEXT: Final = N_(
    """Hello {name}

Version {number} of the list of {municipality} for {season} has come: {families} families, {persons} persons.

Sign in to Medspiller to see the differences and to confirm that it has come.
"""
)
_WITHDRAWN_SUBJECT: Final = N_("A family of {municipality} has withdrawn its consent")
_WITHDRAWN_TEXT: Final = N_(
    """Hello {name}

A family on the list of {municipality} for {season} has withdrawn its consent. {municipality} hands over a version
without it. Until that has come, please send no offer from this list without asking {municipality}.
"""
)
_QUESTION_SUBJECT: Final = N_("There is a question about a referral")
_QUESTION_TEXT: Final = N_(
    """Hello {name}

A family that you have referred for {season} was sent back with a question. Sign in to Medspiller to answer it.
"""
)

_OFFER_SUBJECT: Final = N_("A family that you have referred has an offer: answer by {deadline}")
_OFFER_TEXT: Final = N_(
    """Hello {name}

A family that you have referred for {season} is offered a free holiday. Please tell it.

Sign in to Medspiller: the page of the referral says what is offered, and gives a link with which the family answers by
{deadline}, or you on its behalf. The place is kept until then. Without an answer it goes to another family.
"""
)


def tell_of_list(
    session: Session,
    keys: KeyRing,
    municipality: Municipality,
    season_id: UUID,
    number: int,
    families: int,
    persons: int,
) -> None:
    """Write to the district that a version of the list has come."""
    row = _contact(session, season_id)
    if row.contact_email:
        values = {"municipality": municipality.name, "season": row.name, "name": row.contact_name, "number": number}
        values |= {"families": families, "persons": persons}
        _write(session, keys, municipality, row.contact_email, _LIST_SUBJECT, _LIST_TEXT, values)


def tell_of_withdrawal(session: Session, keys: KeyRing, municipality: Municipality, case_id: UUID) -> None:
    """Write to the district where the family stands on the newest list that it has."""
    season_id = session.execute(
        text(
            """SELECT l.season_id FROM referral_list l JOIN referral_list_entry e ON e.list_id = l.id
            WHERE e.case_id = :case AND l.handed_over_at IS NOT NULL AND NOT EXISTS (SELECT FROM referral_list n
                WHERE n.season_id = l.season_id AND n.number > l.number)"""
        ),
        {"case": case_id},
    ).scalar()
    if season_id is None:
        return
    row = _contact(session, season_id)
    if row.contact_email:
        values = {"municipality": municipality.name, "season": row.name, "name": row.contact_name}
        _write(session, keys, municipality, row.contact_email, _WITHDRAWN_SUBJECT, _WITHDRAWN_TEXT, values)


def tell_of_question(session: Session, keys: KeyRing, municipality: Municipality, referral_id: UUID) -> None:
    """Write to whoever made a referral that something is asked about it."""
    row = session.execute(
        text(
            """SELECT a.email, a.name AS person, s.name FROM referral r
            JOIN offered_season s ON s.season_id = r.season_id
            JOIN directory.account_names() a ON a.id = r.made_by WHERE r.id = :id"""
        ),
        {"id": referral_id},
    ).one_or_none()
    if row is not None:
        values = {"name": row.person, "season": row.name}
        _write(session, keys, municipality, row.email, _QUESTION_SUBJECT, _QUESTION_TEXT, values)


def tell_of_offer(
    session: Session,
    keys: KeyRing,
    municipality: Municipality,
    season_id: UUID,
    family_key: UUID,
    deadline: datetime,
) -> int:
    """Write to whoever made a referral of the family that it has an offer; gives to how many."""
    rows = session.execute(
        text(
            """SELECT DISTINCT a.email, a.name AS person, s.name FROM referral_case c
            JOIN referral r ON r.case_id = c.id AND r.state = 'approved'
            JOIN offered_season s ON s.season_id = c.season_id
            JOIN directory.account_names() a ON a.id = r.made_by
            WHERE c.season_id = :season AND c.family_key = :family ORDER BY a.email"""
        ),
        {"season": season_id, "family": family_key},
    ).all()
    last_day = deadline.astimezone(ZoneInfo(municipality.time_zone)).date()
    for row in rows:
        values = {"name": row.person, "season": row.name, "deadline": show(last_day, municipality.language)}
        _write(session, keys, municipality, row.email, _OFFER_SUBJECT, _OFFER_TEXT, values)
    return len(rows)


def _contact(session: Session, season_id: UUID) -> Any:
    return session.execute(
        text("SELECT name, contact_name, contact_email FROM offered_season WHERE season_id = :id"), {"id": season_id}
    ).one()


def _write(
    session: Session,
    keys: KeyRing,
    municipality: Municipality,
    to: str,
    subject: str,
    said: str,
    values: dict[str, object],
) -> None:
    translate: Translate = translator(municipality.language).gettext
    send_email(session, keys, to, Text(subject, values).said(translate), Text(said, values).said(translate))
