"""How offers end, and what falls free. Everybody here holds the season's board."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.allocation.holding import count_up, hold
from service.audit.actions import record
from service.offers.desk import Desk
from service.values import clock

_ENDED_AS = {"declined", "expired", "cancelled", "withdrawn", "stay_cancelled"}


def end(
    session: Session,
    desk: Desk,
    offer_id: UUID,
    to: str,
    since: Sequence[str],
    *,
    how: str | None = None,
    because: str | None = None,
    in_time: bool = False,
) -> bool:
    """End an offer that is in one of the states `since`, and let its place fall free in the same transaction.

    With `in_time` only before its deadline. False where it had ended otherwise: there is one winner. `how` says how the
    family answered. Whoever calls it tells the trail.
    """
    assert to in _ENDED_AS
    now = clock.now()
    row = session.execute(
        text(
            f"""UPDATE offer SET state = :to, ended_at = :now, declined_because = :because
                {", answered_at = :now, answered_how = :how" if how else ""}
            WHERE id = :id AND state = ANY (:since) {"AND deadline >= :now" if in_time else ""}
            RETURNING season_id, municipality_id, family_key"""
        ),
        {"id": offer_id, "to": to, "since": list(since), "now": now, "because": because}
        | ({"how": how} if how else {}),
    ).one_or_none()
    if row is None:
        return False
    session.execute(text("DELETE FROM offer_needs WHERE offer_id = :id"), {"id": offer_id})
    free(session, desk, row.season_id, row.municipality_id, row.family_key)
    return True


def free(session: Session, desk: Desk, season_id: UUID, municipality_id: UUID, family_key: str) -> None:
    """Let the place of a family fall free."""
    session.execute(
        text(
            """UPDATE placement SET stay_id = NULL, locked = false, how = 'offer', revision = revision + 1,
                changed_at = :now, changed_by = :by
            WHERE season_id = :season AND municipality_id = :municipality AND family_key = :key
                AND stay_id IS NOT NULL"""
        ),
        {"season": season_id, "municipality": municipality_id, "key": family_key}
        | {"now": clock.now(), "by": desk.actor.account_id},
    )
    count_up(session, season_id)


_LISTED = """EXISTS (SELECT FROM received_list l JOIN received_family f ON f.list_id = l.id
    WHERE l.season_id = {0}.season_id AND l.municipality_id = {0}.municipality_id AND f.key = {0}.family_key
        AND NOT EXISTS (SELECT FROM received_list n WHERE n.season_id = l.season_id
            AND n.municipality_id = l.municipality_id AND n.number > l.number))"""


def withdraw_gone(session: Session, desk: Desk, season_id: UUID) -> int:
    """Withdraw the offers of families that are on no newest list any more, erase what they named, free their places.

    A family that withdrew its consent is gone from the newest list.
    """
    hold(session, desk.tenant.id, season_id)
    gone = session.execute(
        text(
            f"""SELECT o.id FROM offer o WHERE o.season_id = :season AND o.state IN ('open', 'accepted')
            AND NOT {_LISTED.format("o")} ORDER BY o.id"""
        ),
        {"season": season_id},
    ).scalars()
    ended = [offer_id for offer_id in gone.all() if end(session, desk, offer_id, "withdrawn", ("open", "accepted"))]
    # Should the family come back on a later list, it waits again.
    session.execute(text("UPDATE offer SET waits_again = true WHERE id = ANY (:ids)"), {"ids": ended})
    for offer_id in ended:
        record(session, desk.tenant.id, desk.actor, "offers.withdrawn", ("offer", offer_id))
    for table in ("offer_traveller", "offer_contact"):
        session.execute(text(f"DELETE FROM {table} WHERE offer_id = ANY (:ids)"), {"ids": ended})
    rows: Sequence[Any] = session.execute(
        text(
            f"""SELECT p.municipality_id, p.family_key FROM placement p WHERE p.season_id = :season
            AND p.stay_id IS NOT NULL AND NOT {_LISTED.format("p")} ORDER BY p.municipality_id, p.family_key"""
        ),
        {"season": season_id},
    ).all()
    for row in rows:
        free(session, desk, season_id, row.municipality_id, row.family_key)
    return len(ended)


def expire(session: Session, desk: Desk, season_id: UUID) -> int:
    """End the offers whose deadline is over; gives how many."""
    hold(session, desk.tenant.id, season_id)
    late = session.execute(
        text("SELECT id FROM offer WHERE season_id = :season AND state = 'open' AND deadline < :now ORDER BY id"),
        {"season": season_id, "now": clock.now()},
    ).scalars()
    ended = [offer_id for offer_id in late.all() if end(session, desk, offer_id, "expired", ("open",))]
    for offer_id in ended:
        record(session, desk.tenant.id, desk.actor, "offers.expired", ("offer", offer_id))
    return len(ended)
