"""Who came: noted person by person, by several people at once."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.stays.queries import StayRow, find_stay
from service.travel.models import ATTENDANCE
from service.travel.queries import lock_of
from service.values import clock

NOT_NOTED: Final = ""
"""The state of somebody of whom nobody has said yet whether they came."""

_NOTE: Final = """
    INSERT INTO attendance (tenant_id, offer_id, place, state, noted_at, noted_by)
    SELECT o.tenant_id, o.id, t.place, :state, :at, :by
    FROM offer o JOIN offer_traveller t ON t.offer_id = o.id AND t.comes
    WHERE o.id = :offer AND o.stay_id = :stay AND o.state = 'accepted' AND t.place = :place
    ON CONFLICT (tenant_id, offer_id, place) DO UPDATE
    SET state = excluded.state, noted_at = excluded.noted_at, noted_by = excluded.noted_by
    WHERE attendance.state IN (:seen, excluded.state)
    RETURNING place"""
_NOTE_FAMILY: Final = """
    INSERT INTO attendance (tenant_id, offer_id, place, state, noted_at, noted_by)
    SELECT o.tenant_id, o.id, t.place, :state, :at, :by
    FROM offer o JOIN offer_traveller t ON t.offer_id = o.id AND t.comes
    WHERE o.id = :offer AND o.stay_id = :stay AND o.state = 'accepted'
    ON CONFLICT (tenant_id, offer_id, place) DO NOTHING"""
_FORGET: Final = "DELETE FROM attendance WHERE offer_id = :offer AND place = :place AND state = :seen RETURNING place"
_THERE: Final = """
    SELECT t.place, a.state FROM offer o JOIN offer_traveller t ON t.offer_id = o.id AND t.comes
    LEFT JOIN attendance a ON a.offer_id = o.id AND a.place = t.place
    WHERE o.id = :offer AND o.stay_id = :stay AND o.state = 'accepted'"""


def note(
    session: Session,
    tenant_id: UUID,
    stay_id: UUID,
    offer_id: UUID,
    place: int | None,
    state: str,
    seen: str,
    time_zone: str,
    actor: Actor,
) -> None:
    """Note that somebody came, did not come, or (with an empty state) that nothing is known.

    `seen` is what stood there when it was decided: what another has noted since is told and not overwritten; said
    twice it is said once. Without `place` it is noted of those of the family of whom nobody has said anything.
    """
    stay = find_stay(session, stay_id)
    _require_open(session, stay, time_zone)
    if state not in (*ATTENDANCE, NOT_NOTED) or (place is None and state == NOT_NOTED):
        raise Invalid("Say whether they came.", [FieldError("state", "must be came or not_come")])
    values: dict[str, Any] = {"offer": offer_id, "stay": stay_id}
    known = {row.place: row.state or NOT_NOTED for row in session.execute(text(_THERE), values)}
    if not known or (place is not None and place not in known):
        raise NotFound("Nobody like this comes to the stay.")
    values |= {"place": place, "state": state, "seen": seen, "at": clock.now(), "by": actor.account_id}
    if place is None:
        session.execute(text(_NOTE_FAMILY), values)
    elif state == NOT_NOTED:
        session.execute(text(_FORGET), values)
    elif session.execute(text(_NOTE), values).one_or_none() is None:
        raise Conflict("Somebody else has noted otherwise meanwhile. Look again, and change it if it is wrong.")
    details = {"state": state or "unknown"}
    record(session, tenant_id, actor, "travel.attendance.note", ("stay", stay_id), details=details)


def _require_open(session: Session, stay: StayRow, time_zone: str) -> None:
    today, first = clock.today(time_zone), stay.starts_on - timedelta(days=1)
    if today < first:
        raise Conflict("Who comes is noted from {day} on.", day=first)
    if today >= lock_of(session, stay.season_id):
        raise Conflict("The season is over; who came is not changed any more.")
