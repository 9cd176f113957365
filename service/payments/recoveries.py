"""Over-payments: what a club was paid too much is taken from its next payments, as far as they go."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.clubs.queries import club_of
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.actions import Municipality
from service.values import clock


class ListedRecovery(msgspec.Struct, frozen=True):
    """An over-payment, and what is still to be taken back of it; øre."""

    id: UUID
    club_id: UUID
    club_name: str
    claim_id: UUID | None
    amount_ore: int
    left_ore: int
    reason: str
    made_at: datetime


def recover(
    session: Session,
    municipality: Municipality,
    club_id: UUID,
    amount_ore: int,
    reason: str,
    actor: Actor,
    claim_id: UUID | None = None,
) -> UUID:
    """Note that a club was paid too much, in all or for a claim that was paid; gives the recovery's id.

    Of a claim no more is taken back than was paid for it. The child's pass is not touched: what a club got wrongly is
    put right between it and the municipality.
    """
    club_of(session, club_id)
    wrong = [] if amount_ore > 0 else [FieldError("amount", "must be more than 0")]
    if not reason.strip():
        wrong.append(FieldError("reason", "is needed: the club is told it"))
    if wrong:
        raise Invalid("Some fields are wrong.", wrong)
    if claim_id is not None:
        _require_paid(session, club_id, claim_id, amount_ore)
    made: UUID = session.execute(
        text(
            """INSERT INTO recovery (tenant_id, club_id, claim_id, amount_ore, reason, made_at, made_by)
            VALUES (:tenant, :club, :claim, :ore, :reason, :at, :by) RETURNING id"""
        ),
        {"tenant": municipality.id, "club": club_id, "claim": claim_id, "ore": amount_ore, "reason": reason.strip()}
        | {"at": clock.now(), "by": actor.account_id},
    ).scalar_one()
    details = {"amount_ore": amount_ore}
    record(session, municipality.id, actor, "payments.recover", ("recovery", made), reason=reason, details=details)
    return made


def _require_paid(session: Session, club_id: UUID, claim_id: UUID, amount_ore: int) -> None:
    row = session.execute(
        text(
            """SELECT state, covered_ore - coalesce((SELECT sum(amount_ore) FROM recovery r WHERE r.claim_id = c.id), 0)
                AS left_ore FROM claim c WHERE id = :id AND club_id = :club FOR UPDATE"""
        ),
        {"id": claim_id, "club": club_id},
    ).one_or_none()
    if row is None:
        raise NotFound("The club has no such claim.")
    if row.state not in ("in_payment", "paid"):
        raise Conflict("The claim is not paid. Reject it instead.")
    if amount_ore > row.left_ore:
        raise Invalid(
            "Some fields are wrong.",
            [FieldError("amount", "must be at most {most} kr: what was paid", {"most": int(row.left_ore) // 100})],
        )


def left_to_recover(session: Session, club_id: UUID) -> int:
    """What is still to be taken back from a club, in øre; an open run takes its part already."""
    return int(session.execute(text(_LEFT), {"club": club_id}).scalar_one())


def list_recoveries(session: Session) -> list[ListedRecovery]:
    """The over-payments, those of which something is left first, then the newest."""
    return [msgspec.convert(row, ListedRecovery, from_attributes=True) for row in session.execute(text(_ALL))]


_ALL = """
    SELECT * FROM (
        SELECT r.id, r.club_id, b.name AS club_name, r.claim_id, r.amount_ore, r.reason, r.made_at,
            (r.amount_ore - coalesce((SELECT sum(u.amount_ore) FROM recovery_use u
                WHERE u.recovery_id = r.id AND u.live), 0))::bigint AS left_ore
        FROM recovery r JOIN club b ON b.id = r.club_id
    ) AS r ORDER BY r.left_ore > 0 DESC, r.id DESC LIMIT 500
"""
_LEFT = """
    SELECT coalesce(sum(r.amount_ore), 0) - coalesce((SELECT sum(u.amount_ore) FROM recovery_use u
        JOIN recovery o ON o.id = u.recovery_id WHERE o.club_id = :club AND u.live), 0)
    FROM recovery r WHERE r.club_id = :club
"""
