"""Payment runs, payments and what the bank said, as staff see them; and its own payments, as a club sees them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.errors import NotFound
from service.identity.actions import Municipality
from service.payments.plan import Waiting
from service.values import clock


class ListedRun(msgspec.Struct, frozen=True):
    """A run in a list; øre. Names are of accounts; `created_by` is None where the timetable made it."""

    id: UUID
    number: int
    state: str
    until: date
    pays_on: date
    payments: int
    claims: int
    total_ore: int
    created_at: datetime
    created_by: UUID | None
    creator: str | None
    approved_at: datetime | None
    approved_by: UUID | None
    approver: str | None
    released_at: datetime | None
    released_by: UUID | None
    releaser: str | None
    voided_because: str | None
    settled: int
    rejected: int
    sent: int


class PaymentLine(msgspec.Struct, frozen=True):
    """A payment in a list; øre. `account` is whole: who sees it pays to it."""

    id: UUID
    run_id: UUID
    run: int
    pays_on: date
    club_id: UUID
    club_name: str
    club_number: str
    payee_kind: str
    account: str | None
    cost_centre: str | None
    reference_kind: str | None
    reference: str | None
    gross_ore: int
    recovered_ore: int
    amount_ore: int
    claims: int
    state: str
    end_to_end_id: str
    settled_at: datetime | None
    rejected_at: datetime | None
    rejected_because: str | None
    retry_at: datetime | None


class PaidClaim(msgspec.Struct, frozen=True):
    """A claim within a payment; no name. `live` is false where the payment was rejected or cancelled."""

    claim_id: UUID
    reference: str | None
    activity: str
    season_start: date
    season_end: date
    fee_ore: int
    amount_ore: int
    state: str
    submitted_at: datetime
    live: bool


class Recovered(msgspec.Struct, frozen=True):
    """What a payment takes back of an over-payment, in øre, and why there was one."""

    recovery_id: UUID
    amount_ore: int
    reason: str


class Event(msgspec.Struct, frozen=True):
    """What a file of the bank said of a payment."""

    read_at: datetime
    kind: str
    message_id: str
    status: str
    code: str | None
    outcome: str


class OddEntry(msgspec.Struct, frozen=True):
    """An entry of a bank's file that fits no payment, or not what is known of it: a person looks at it."""

    file_id: UUID
    place: int
    read_at: datetime
    kind: str
    message_id: str
    end_to_end_id: str | None
    status: str
    code: str | None
    amount_ore: int | None
    payment_id: UUID | None
    outcome: str


def list_runs(session: Session, limit: int, before: int | None = None) -> list[ListedRun]:
    """The runs, the newest first, one more than `limit` where there are more; with `before` older ones than that."""
    rows = session.execute(
        text(f"{_RUNS} WHERE CAST(:before AS int) IS NULL OR r.number < :before ORDER BY r.number DESC LIMIT :limit"),
        {"before": before, "limit": limit + 1},
    )
    return [msgspec.convert(row, ListedRun, from_attributes=True) for row in rows]


def show_run(session: Session, run_id: UUID) -> ListedRun:
    """One run."""
    row = session.execute(text(f"{_RUNS} WHERE r.id = :id"), {"id": run_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such payment run.")
    return msgspec.convert(row, ListedRun, from_attributes=True)


def waiting_of(session: Session, run_id: UUID) -> list[Waiting]:
    """The clubs that a run leaves out, and why."""
    rows = session.execute(
        text(
            """SELECT w.club_id, b.name AS club_name, w.reason, w.claims, w.amount_ore
            FROM run_waiting w JOIN club b ON b.id = w.club_id WHERE w.run_id = :run
            ORDER BY b.name COLLATE "C", w.reason"""
        ),
        {"run": run_id},
    )
    return [msgspec.convert(row, Waiting, from_attributes=True) for row in rows]


def payments_of_run(session: Session, run_id: UUID, limit: int, after: int = 0) -> list[PaymentLine]:
    """A run's payments by the club's name, one more than `limit` where there are more."""
    return _payments(
        session,
        "p.run_id = :run AND p.place > :after ORDER BY p.place LIMIT :limit",
        run=run_id,
        after=after,
        limit=limit + 1,
    )


def payments_of_club(session: Session, club_id: UUID, limit: int, after: UUID | None = None) -> list[PaymentLine]:
    """A club's payments that were released, the newest first, one more than `limit` where there are more."""
    condition = """p.club_id = :club AND p.state IN ('sent', 'settled', 'rejected')
        AND (CAST(:after AS uuid) IS NULL OR p.id < CAST(:after AS uuid)) ORDER BY p.id DESC LIMIT :limit"""
    return _payments(session, condition, club=club_id, after=after, limit=limit + 1)


def show_payment(session: Session, payment_id: UUID) -> PaymentLine:
    """One payment."""
    found = _payments(session, "p.id = :id", id=payment_id)
    if not found:
        raise NotFound("There is no such payment.")
    return found[0]


def claims_of(session: Session, payment_id: UUID) -> list[PaidClaim]:
    """The claims that a payment pays, oldest first."""
    rows = session.execute(
        text(
            """SELECT c.id AS claim_id, c.reference, c.activity, c.season_start, c.season_end, c.fee_ore, l.amount_ore,
                c.state, c.submitted_at, l.live
            FROM payment_claim l JOIN claim c ON c.id = l.claim_id WHERE l.payment_id = :payment ORDER BY c.id"""
        ),
        {"payment": payment_id},
    )
    return [msgspec.convert(row, PaidClaim, from_attributes=True) for row in rows]


def payments_for_claim(session: Session, claim_id: UUID) -> list[PaymentLine]:
    """The payments that a claim was in, the newest first: from the claim to the bank."""
    condition = "p.id IN (SELECT payment_id FROM payment_claim WHERE claim_id = :claim) ORDER BY p.id DESC"
    return _payments(session, condition, claim=claim_id)


def recovered_in(session: Session, payment_id: UUID) -> list[Recovered]:
    """What a payment takes back of over-payments."""
    rows = session.execute(
        text(
            """SELECT u.recovery_id, u.amount_ore, r.reason FROM recovery_use u JOIN recovery r ON r.id = u.recovery_id
            WHERE u.payment_id = :payment ORDER BY u.recovery_id"""
        ),
        {"payment": payment_id},
    )
    return [msgspec.convert(row, Recovered, from_attributes=True) for row in rows]


def events_of(session: Session, payment_id: UUID) -> list[Event]:
    """What the bank said of a payment, oldest first."""
    rows = session.execute(
        text(
            """SELECT f.read_at, f.kind, f.message_id, e.status, e.code, e.outcome
            FROM status_entry e JOIN status_file f ON f.id = e.file_id
            WHERE e.payment_id = :payment ORDER BY f.id, e.place"""
        ),
        {"payment": payment_id},
    )
    return [msgspec.convert(row, Event, from_attributes=True) for row in rows]


def odd_entries(session: Session) -> list[OddEntry]:
    """What the bank said that a person has to look at, oldest first."""
    rows = session.execute(
        text(
            """SELECT e.file_id, e.place, f.read_at, f.kind, f.message_id, e.end_to_end_id, e.status, e.code,
                e.amount_ore, e.payment_id, e.outcome
            FROM status_entry e JOIN status_file f ON f.id = e.file_id
            WHERE e.outcome IN ('unknown', 'differs', 'conflict') AND e.seen_at IS NULL
            ORDER BY f.id, e.place LIMIT 500"""
        )
    )
    return [msgspec.convert(row, OddEntry, from_attributes=True) for row in rows]


class Days(msgspec.Struct, frozen=True):
    """How many days from claim to money, on average and at most, over the claims paid in the last year."""

    claims: int
    average: float | None
    most: int | None


def days_to_money(session: Session, municipality: Municipality, club_id: UUID | None = None) -> Days:
    """How long clubs wait for their money: all of them, or one."""
    row = session.execute(
        text(
            """SELECT count(*) AS claims, avg(days)::float8 AS average, max(days) AS most FROM (
                SELECT (paid_at AT TIME ZONE :zone)::date - (submitted_at AT TIME ZONE :zone)::date AS days FROM claim
                WHERE state = 'paid' AND paid_at > CAST(:now AS timestamptz) - interval '1 year'
                    AND (CAST(:club AS uuid) IS NULL OR club_id = CAST(:club AS uuid))) AS d"""
        ),
        {"zone": municipality.time_zone, "club": club_id, "now": clock.now()},
    ).one()
    return msgspec.convert(row, Days, from_attributes=True)


def _payments(session: Session, condition: str, **values: Any) -> list[PaymentLine]:
    rows = session.execute(text(f"{_PAYMENTS} WHERE {condition}"), values)
    return [msgspec.convert(row, PaymentLine, from_attributes=True) for row in rows]


_RUNS = """
    SELECT r.id, r.number, r.state, r.until, r.pays_on, r.payments, r.claims, r.total_ore, r.created_at, r.created_by,
        made.name AS creator, r.approved_at, r.approved_by, approved.name AS approver, r.released_at, r.released_by,
        released.name AS releaser, r.voided_because, counted.settled, counted.rejected, counted.sent
    FROM payment_run r
    LEFT JOIN directory.account_names() AS made ON made.id = r.created_by
    LEFT JOIN directory.account_names() AS approved ON approved.id = r.approved_by
    LEFT JOIN directory.account_names() AS released ON released.id = r.released_by
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state = 'settled') AS settled,
            count(*) FILTER (WHERE state = 'rejected') AS rejected,
            count(*) FILTER (WHERE state = 'sent') AS sent
        FROM payment WHERE run_id = r.id AND amount_ore > 0
    ) AS counted
"""

_PAYMENTS = """
    SELECT p.id, p.run_id, r.number AS run, r.pays_on, p.club_id, p.club_name, p.club_number, p.payee_kind, p.account,
        p.cost_centre, p.reference_kind, p.reference, p.gross_ore, p.recovered_ore, p.amount_ore,
        (SELECT count(*) FROM payment_claim l WHERE l.payment_id = p.id) AS claims, p.state, p.end_to_end_id,
        p.settled_at, p.rejected_at, p.rejected_because, p.retry_at
    FROM payment p JOIN payment_run r ON r.id = p.run_id
"""
