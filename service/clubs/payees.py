"""Where a club's money goes: proposed by one person, approved by another, and then not at once.

Whoever takes over a club's e-mail and writes another account than the club's must meet somebody who asks, and the club
must have days to say that it was not them. So each step is told to whom the club named before, too.
"""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import record
from service.clubs import mails
from service.clubs.desk import Desk
from service.clubs.queries import Club, PayeeLine, club_of, find_payee
from service.clubs.settings import settings_of
from service.errors import Conflict, FieldError, Forbidden, Invalid, Unreadable
from service.values import clock
from service.values.accounts import read_account


class NewPayee(msgspec.Struct, frozen=True):
    """Where money shall go, as somebody wrote it: `kind` is `account`, `nemkonto` or `cost_centre`."""

    kind: str
    account: str | None = None
    cost_centre: str | None = None


def checked(written: NewPayee, country: str, *, by_club: bool) -> NewPayee:
    """What somebody wrote, in its one form; refused with every field that is wrong."""
    wrong: list[FieldError] = []
    account = cost_centre = None
    if written.kind == "nemkonto" and country != "dk":
        wrong.append(FieldError("kind", "must be an account: NemKonto is Danish"))
    if written.kind == "cost_centre" and by_club:
        wrong.append(FieldError("kind", "must be an account or NemKonto"))
    if written.kind not in ("account", "nemkonto", "cost_centre"):
        wrong.append(FieldError("kind", "must be an account, NemKonto or a cost centre"))
    if written.kind == "account" and not (written.account or "").strip():
        wrong.append(FieldError("account", "is missing"))
    elif written.kind == "account":
        try:
            account = read_account(written.account or "", country)
        except Unreadable as error:
            why = error.text
            wrong.append(FieldError("account", why.template, why.values))
    if written.kind == "cost_centre":
        cost_centre = " ".join((written.cost_centre or "").split())
        if not 0 < len(cost_centre) <= 50:
            wrong.append(FieldError("cost_centre", "must be 1 to {most} characters", {"most": 50}))
    if wrong:
        raise Invalid("The account cannot be taken like this.", wrong)
    return NewPayee(kind=written.kind, account=account, cost_centre=cost_centre)


def propose_payee(session: Session, desk: Desk, club_id: UUID, written: NewPayee, *, by_club: bool) -> PayeeLine:
    """Propose where a club's money shall go from now on; another person approves it. The club is told.

    A proposal that still waits is withdrawn by it.
    """
    asked = checked(written, desk.municipality.country, by_club=by_club)
    club = _locked(session, club_id)
    now = _current(session, club_id)
    if now is not None and (now.kind, now.account, now.cost_centre) == (asked.kind, asked.account, asked.cost_centre):
        raise Conflict("This is the account that is approved already.")
    session.execute(
        text("UPDATE club_payee SET state = 'withdrawn', ended_at = :at WHERE club_id = :club AND state = 'proposed'"),
        {"club": club_id, "at": clock.now()},
    )
    made = add_payee(session, desk, club_id, asked)
    mails.tell_account_proposed(session, desk, club, made)
    return made


def add_payee(session: Session, desk: Desk, club_id: UUID, asked: NewPayee) -> PayeeLine:
    """Write a proposal down, of a club that has none that waits."""
    payee_id: UUID = session.execute(
        text(
            """INSERT INTO club_payee (tenant_id, club_id, kind, account, cost_centre, state, proposed_at, proposed_by)
            VALUES (:tenant, :club, :kind, :account, :cost_centre, 'proposed', :at, :by) RETURNING id"""
        ),
        {"tenant": desk.municipality.id, "club": club_id, "at": clock.now(), "by": desk.actor.account_id}
        | msgspec.structs.asdict(asked),
    ).scalar_one()
    _record(session, desk, "clubs.account.propose", club_id, kind=asked.kind)
    return find_payee(session, payee_id)


def approve_payee(session: Session, desk: Desk, payee_id: UUID, *, quietly: bool = False) -> PayeeLine:
    """Approve a proposal of somebody else. Money goes there after the days of waiting; of a club's first one at once.

    Of two who approve at the same moment one does. `quietly`: the club is told of it otherwise.
    """
    found, club = _waiting(session, payee_id)
    if found.proposed_by is not None and found.proposed_by == desk.actor.account_id:
        raise Forbidden("You proposed this account yourself. Somebody else must approve it.")
    if club.state == "ended":
        raise Conflict("{name} has ended. Its account cannot be changed any more.", name=club.name)
    today, at = clock.today(desk.municipality.time_zone), clock.now()
    _retire(session, club.id, today)
    first = not session.execute(
        text("SELECT 1 FROM club_payee WHERE club_id = :club AND state IN ('approved', 'replaced') LIMIT 1"),
        {"club": club.id},
    ).one_or_none()
    wait = 0 if first else settings_of(session).account_wait_days
    session.execute(
        text(
            """UPDATE club_payee SET state = 'approved', decided_at = :at, decided_by = :by, usable_from = :usable
            WHERE id = :id"""
        ),
        {"id": payee_id, "at": at, "by": desk.actor.account_id, "usable": today + timedelta(days=wait)},
    )
    _record(session, desk, "clubs.account.approve", club.id, days=wait)
    approved = find_payee(session, payee_id)
    if not quietly:
        mails.tell_account_approved(session, desk, club, approved)
    return approved


def reject_payee(session: Session, desk: Desk, payee_id: UUID, because: str) -> PayeeLine:
    """Say no to a proposal, with the reason that the club is told."""
    reason = _reason(because)
    _, club = _waiting(session, payee_id)
    session.execute(
        text(
            """UPDATE club_payee SET state = 'rejected', decided_at = :at, decided_by = :by, decided_because = :why,
                ended_at = :at WHERE id = :id"""
        ),
        {"id": payee_id, "at": clock.now(), "by": desk.actor.account_id, "why": reason},
    )
    _record(session, desk, "clubs.account.reject", club.id)
    rejected = find_payee(session, payee_id)
    mails.tell_account_rejected(session, desk, club, rejected, reason)
    return rejected


def withdraw_payee(session: Session, desk: Desk, club_id: UUID) -> None:
    """Take back what the club proposed and nobody has decided about yet."""
    _locked(session, club_id)
    gone = session.execute(
        text(
            """UPDATE club_payee SET state = 'withdrawn', ended_at = :at
            WHERE club_id = :club AND state = 'proposed' RETURNING id"""
        ),
        {"club": club_id, "at": clock.now()},
    ).all()
    if not gone:
        raise Conflict("No account of the club waits for approval any more.")
    _record(session, desk, "clubs.account.withdraw", club_id)


def stop_payee(session: Session, desk: Desk, club_id: UUID) -> PayeeLine:
    """Stop an account that is approved but whose day has not come: money goes on to where it went. The club is told."""
    club = _locked(session, club_id)
    now = _current(session, club_id)
    today = clock.today(desk.municipality.time_zone)
    if now is None or now.usable_from is None or now.usable_from <= today:
        raise Conflict("No account of the club waits for its day. Propose another account instead.")
    _retire(session, club_id, today)
    _record(session, desk, "clubs.account.stop", club_id)
    stopped = find_payee(session, now.id)
    mails.tell_account_stopped(session, desk, club, stopped)
    return stopped


def _retire(session: Session, club_id: UUID, today: date) -> None:
    """End the approved one: it was used, or it was stopped before its day."""
    session.execute(
        text(
            """UPDATE club_payee SET state = CASE WHEN usable_from > :today THEN 'stopped' ELSE 'replaced' END,
                ended_at = :at WHERE club_id = :club AND state = 'approved'"""
        ),
        {"club": club_id, "today": today, "at": clock.now()},
    )


def _current(session: Session, club_id: UUID) -> PayeeLine | None:
    row = session.execute(
        text("SELECT id FROM club_payee WHERE club_id = :club AND state = 'approved'"), {"club": club_id}
    ).one_or_none()
    return None if row is None else find_payee(session, row.id)


def _waiting(session: Session, payee_id: UUID) -> tuple[PayeeLine, Club]:
    """A proposal and its club, both locked: looked at again once nobody else is at them."""
    club = _locked(session, find_payee(session, payee_id).club_id)
    found = find_payee(session, payee_id)
    if found.state != "proposed":
        raise Conflict("Somebody has decided about this account already, or it was withdrawn.")
    return found, club


def _locked(session: Session, club_id: UUID) -> Club:
    """The club, which nobody else changes until this transaction ends."""
    club_of(session, club_id)
    session.execute(text("SELECT 1 FROM club WHERE id = :id FOR UPDATE"), {"id": club_id})
    club = club_of(session, club_id)
    if club.state == "ended":
        raise Conflict("{name} has ended. Its account cannot be changed any more.", name=club.name)
    return club


def _reason(written: str) -> str:
    reason = " ".join(written.split())
    if not 0 < len(reason) <= 500:
        wrong = FieldError("reason", "must be 1 to {most} characters", {"most": 500})
        raise Invalid("Say why.", [wrong])
    return reason


def _record(session: Session, desk: Desk, action: str, club_id: UUID, **details: Any) -> None:
    subject = ("club", club_id)
    record(session, desk.municipality.id, desk.actor, action, subject, details=details or None)
