"""What those who come need, and whom to call: for who leads the stay, until the season is over."""

from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Forbidden
from service.stays.queries import StayRow
from service.travel.queries import Family, families_of, lock_of
from service.values import clock
from service.values.secrecy import KeyRing

LEADERS: Final = ("leader", "deputy", "first_aid")
"""The roles on a stay whose holders must know what a family needs."""


class Needs(msgspec.Struct, frozen=True):
    """What a family has said that it needs, and whom to call."""

    diet: str = ""
    health: str = ""
    access: str = ""
    emergency_name: str = ""
    emergency_phone: str = ""


class Participant(msgspec.Struct, frozen=True):
    """A family that comes, with its needs if it has said any."""

    family: Family
    needs: Needs | None


def leads(session: Session, stay_id: UUID, email: str | None) -> bool:
    """Whether somebody has confirmed to lead a stay or to give first aid on it: by the e-mail of the volunteer."""
    found: bool = session.execute(
        text(
            """SELECT EXISTS (SELECT FROM stay_role r JOIN volunteer v ON v.id = r.volunteer_id
            WHERE r.stay_id = :stay AND r.state = 'confirmed' AND r.role = ANY(:roles) AND v.email = lower(:email)
                AND v.email <> '')"""
        ),
        {"stay": stay_id, "roles": list(LEADERS), "email": email or ""},
    ).scalar_one()
    return found


def read_participants(
    session: Session,
    tenant_id: UUID,
    keys: KeyRing,
    stay: StayRow,
    time_zone: str,
    *,
    coordinates: bool,
    email: str | None,
    actor: Actor,
) -> list[Participant]:
    """Everybody who comes, with needs and whom to call; the read is noted in the trail.

    For coordinators and for those who lead this stay. After the season's last day and the days set it is for nobody.
    """
    lock = lock_of(session, stay.season_id)
    if clock.today(time_zone) >= lock:
        raise Forbidden("The season is over: what families need is closed since {day}.", day=lock)
    if not coordinates and not leads(session, stay.id, email):
        raise Forbidden("What families need is for coordinators and for those who lead this stay.")
    families = families_of(session, stay)
    sql = "SELECT n.offer_id, n.content FROM offer_needs n JOIN offer o ON o.id = n.offer_id WHERE o.stay_id = :stay"
    secrets = keys.for_tenant(tenant_id)
    needs = {
        row.offer_id: msgspec.json.decode(secrets.decrypt_bytes(row.content), type=Needs)
        for row in session.execute(text(sql), {"stay": stay.id})
    }
    count = {"families": len(families)}
    record(session, tenant_id, actor, "travel.participants.read", ("stay", stay.id), details=count)
    return [Participant(one, needs.get(one.offer_id)) for one in families]
