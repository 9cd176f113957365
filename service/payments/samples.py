"""Checks by lot: for a share of the paid claims the club is asked to show that the child was a member."""

from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.actions import Municipality
from service.payments.recoveries import recover
from service.payments.settings import settings_of
from service.values import clock

_LONGEST_ANSWER = 2_000


class Sample(msgspec.Struct, frozen=True):
    """A check by lot, as staff and the club see it. `late`: the day to answer until is over."""

    id: UUID
    claim_id: UUID
    club_id: UUID
    club_name: str
    reference: str | None
    activity: str
    season_start: date
    season_end: date
    covered_ore: int
    state: str
    due_on: date
    late: bool
    reminded: bool
    answer: str | None
    closed_because: str | None


def draw_samples(session: Session, municipality: Municipality, run_id: UUID, actor: Actor) -> int:
    """Draw a run's claims to be checked, each with the municipality's chance; gives how many.

    The lot is a hash of claim and run: drawn again it draws the same. Whoever was drawn once is not drawn again.
    """
    settings, today = settings_of(session), clock.today(municipality.time_zone)
    drawn: int = session.execute(
        text(_DRAW),
        {"tenant": municipality.id, "run": run_id, "percent": settings.sample_percent, "at": clock.now()}
        | {"due": today + timedelta(days=settings.sample_days)},
    ).rowcount  # type: ignore[attr-defined]
    if drawn:
        subject, details = ("payment_run", run_id), {"claims": drawn}
        record(session, municipality.id, actor, "payments.sample.draw", subject, details=details)
    return drawn


def due_reminders(session: Session, municipality: Municipality) -> list[Sample]:
    """The checks whose day is over within a week, or is over, and that no reminder was sent for."""
    today = clock.today(municipality.time_zone)
    condition = "s.state = 'asked' AND s.reminded_at IS NULL AND s.due_on <= CAST(:today AS date) + 7"
    return _samples(session, municipality, condition, today=today)


def note_reminded(session: Session, sample_ids: list[UUID]) -> None:
    """Note that clubs were reminded."""
    session.execute(
        text("UPDATE sample_check SET reminded_at = :at WHERE id = ANY (:ids) AND reminded_at IS NULL"),
        {"at": clock.now(), "ids": sample_ids},
    )


def answer_sample(
    session: Session, municipality: Municipality, club_id: UUID, sample_id: UUID, answer: str, actor: Actor
) -> None:
    """What the club says: from when the child was enrolled and where that stands. It names nobody."""
    found = find_sample(session, municipality, sample_id)
    if found.club_id != club_id:
        raise NotFound("The club was not asked this.")
    if not 0 < len(answer.strip()) <= _LONGEST_ANSWER:
        wrong = FieldError("answer", "must be 1 to {most} characters", {"most": _LONGEST_ANSWER})
        raise Invalid("Some fields are wrong.", [wrong])
    changed = session.execute(
        text(
            """UPDATE sample_check SET state = 'answered', answer = :answer, answered_at = :at, answered_by = :by
            WHERE id = :id AND state = 'asked' RETURNING id"""
        ),
        {"id": sample_id, "answer": answer.strip(), "at": clock.now(), "by": actor.account_id},
    ).scalar()
    if changed is None:
        raise Conflict("The question is answered or closed already.")
    record(session, municipality.id, actor, "payments.sample.answer", ("sample_check", sample_id))


def close_sample(
    session: Session,
    municipality: Municipality,
    sample_id: UUID,
    accepted: bool,
    because: str,
    recover_it: bool,
    actor: Actor,
) -> None:
    """Accept what the club showed, or not; then the amount may be taken back from its next payments."""
    found = find_sample(session, municipality, sample_id)
    if not accepted and not because.strip():
        raise Invalid("Some fields are wrong.", [FieldError("because", "is needed: the club is told it")])
    changed = session.execute(
        text(
            """UPDATE sample_check SET state = :state, closed_at = :at, closed_by = :by, closed_because = :because
            WHERE id = :id AND state IN ('asked', 'answered') RETURNING id"""
        ),
        {"id": sample_id, "state": "accepted" if accepted else "failed", "at": clock.now(), "by": actor.account_id}
        | {"because": because.strip() or None},
    ).scalar()
    if changed is None:
        raise Conflict("The check is closed already.")
    record(
        session, municipality.id, actor, "payments.sample.close", ("sample_check", sample_id), reason=because or None
    )
    if recover_it and not accepted:
        recover(session, municipality, found.club_id, found.covered_ore, because, actor, found.claim_id)


def ask_again(session: Session, municipality: Municipality, sample_id: UUID, actor: Actor) -> None:
    """Ask the club once more: what it wrote does not do. It has as many days as the first time."""
    find_sample(session, municipality, sample_id)
    due = clock.today(municipality.time_zone) + timedelta(days=settings_of(session).sample_days)
    changed = session.execute(
        text(
            """UPDATE sample_check SET state = 'asked', due_on = :due, reminded_at = NULL
            WHERE id = :id AND state = 'answered' RETURNING id"""
        ),
        {"id": sample_id, "due": due},
    ).scalar()
    if changed is None:
        raise Conflict("The club has not answered, or the check is closed.")
    record(session, municipality.id, actor, "payments.sample.ask_again", ("sample_check", sample_id))


def open_samples(session: Session, municipality: Municipality) -> list[Sample]:
    """The checks that are open: those that were answered first, then the longest due."""
    condition = "s.state IN ('asked', 'answered') ORDER BY s.state, s.due_on, s.id"
    return _samples(session, municipality, condition)


def samples_of_club(session: Session, municipality: Municipality, club_id: UUID) -> list[Sample]:
    """What a club was asked, open questions first."""
    condition = "s.club_id = :club ORDER BY s.state = 'asked' DESC, s.id DESC LIMIT 200"
    return _samples(session, municipality, condition, club=club_id)


def find_sample(session: Session, municipality: Municipality, sample_id: UUID) -> Sample:
    """One check."""
    found = _samples(session, municipality, "s.id = :id", id=sample_id)
    if not found:
        raise NotFound("There is no such check.")
    return found[0]


def _samples(session: Session, municipality: Municipality, condition: str, **values: object) -> list[Sample]:
    known = {"today": clock.today(municipality.time_zone)} | values
    return [
        msgspec.convert(row, Sample, from_attributes=True)
        for row in session.execute(text(f"{_SAMPLES} WHERE {condition}"), known)
    ]


_DRAW = """
    INSERT INTO sample_check (tenant_id, claim_id, club_id, state, asked_at, due_on)
    SELECT :tenant, c.id, c.club_id, 'asked', :at, :due
    FROM payment_claim l JOIN payment p ON p.id = l.payment_id JOIN claim c ON c.id = l.claim_id
    WHERE p.run_id = :run AND l.live
        AND get_byte(sha256(convert_to(c.id::text || CAST(:run AS text), 'UTF8')), 0) * 256
            + get_byte(sha256(convert_to(c.id::text || CAST(:run AS text), 'UTF8')), 1) < 65536 * :percent / 100
    ON CONFLICT (tenant_id, claim_id) DO NOTHING
"""

_SAMPLES = """
    SELECT s.id, s.claim_id, s.club_id, b.name AS club_name, c.reference, c.activity, c.season_start, c.season_end,
        c.covered_ore, s.state, s.due_on, s.state = 'asked' AND s.due_on < CAST(:today AS date) AS late,
        s.reminded_at IS NOT NULL AS reminded, s.answer, s.closed_because
    FROM sample_check s JOIN claim c ON c.id = s.claim_id JOIN club b ON b.id = s.club_id
"""
