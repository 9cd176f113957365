"""Districts with their municipalities and criteria, and centres with their rooms."""

from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Conflict, FieldError, Invalid
from service.identity.actions import EMAIL
from service.stays.models import Centre, CentreRoom, District, DistrictMunicipality, Season
from service.stays.queries import find_centre, find_district
from service.stays.rules import MOST_CRITERIA, Criterion, Room, read_criteria, read_rooms
from service.values import clock


def keep_district(
    session: Session,
    tenant_id: UUID,
    district_id: UUID | None,
    *,
    name: str,
    contact_name: str,
    contact_phone: str,
    contact_email: str,
    criteria: str,
    actor: Actor,
) -> UUID:
    """Add a district, or change it; municipalities that were offered a season of it see the new contact and criteria.

    `criteria` has a statement on each line.
    """
    known = find_district(session, district_id).criteria if district_id else []
    wrong = [FieldError("name", "is missing")] if not name.strip() else []
    if contact_email and not EMAIL.fullmatch(contact_email):
        wrong.append(FieldError("contact_email", "is no e-mail address"))
    read: list[Criterion] = []
    try:
        read = read_criteria(criteria, known)
    except ValueError:
        wrong.append(
            FieldError(
                "criteria",
                "must be at most {most} statements of at most 200 characters, one on each line",
                {"most": MOST_CRITERIA},
            )
        )
    if wrong:
        raise Invalid("The district cannot be kept like this.", wrong)
    row = session.get(District, (tenant_id, district_id)) if district_id else None
    row = row or District(
        tenant_id=tenant_id, name="", contact_name="", contact_phone="", contact_email="", criteria=[]
    )
    row.name, row.contact_name, row.contact_phone = " ".join(name.split()), contact_name.strip(), contact_phone.strip()
    row.contact_email = contact_email.strip()
    row.criteria = [{"code": one.code, "statement": one.statement} for one in read]
    session.add(row)
    flush_or(session, Conflict("There is a district {name} already.", name=row.name))
    record(session, tenant_id, actor, "stays.district", ("district", row.id))
    for season_id in session.execute(text("SELECT id FROM season WHERE district_id = :id"), {"id": row.id}).scalars():
        spread(session, tenant_id, season_id)
    return row.id


def add_municipality_to(
    session: Session, tenant_id: UUID, district_id: UUID, name: str, code: str | None, actor: Actor
) -> UUID:
    """Add a municipality to a district; with the code of its own Medspiller, seasons are offered to it there."""
    find_district(session, district_id)
    if not name.strip():
        raise Invalid("The municipality needs a name.", [FieldError("name", "is missing")])
    row = DistrictMunicipality(
        tenant_id=tenant_id, district_id=district_id, name=" ".join(name.split()), code=(code or "").strip() or None
    )
    session.add(row)
    flush_or(session, Conflict("The district has a municipality with this name or code already."))
    record(session, tenant_id, actor, "stays.municipality", ("district", district_id))
    return row.id


def keep_centre(
    session: Session,
    tenant_id: UUID,
    centre_id: UUID | None,
    *,
    name: str,
    region: str,
    address: str,
    accessibility: str,
    rooms: str,
    actor: Actor,
) -> UUID:
    """Add a centre, or change it with all its rooms: on each line of `rooms` a name and its beds, or no line at all."""
    if centre_id:
        find_centre(session, centre_id)
    wrong = [FieldError("name", "is missing")] if not name.strip() else []
    read: list[Room] = []
    try:
        read = read_rooms(rooms)
    except ValueError as error:
        wrong.append(
            FieldError(
                "rooms",
                "line {line}: write a name of its own and its beds, such as Room 4, 6",
                {"line": str(error)},
            )
        )
    if wrong:
        raise Invalid("The centre cannot be kept like this.", wrong)
    row = session.get(Centre, (tenant_id, centre_id)) if centre_id else None
    row = row or Centre(tenant_id=tenant_id, name="", region="", address="", accessibility="")
    row.name, row.region, row.address = " ".join(name.split()), region.strip(), address.strip()
    row.accessibility = accessibility.strip()
    session.add(row)
    flush_or(session, Conflict("There is a centre {name} already.", name=row.name))
    session.execute(text("DELETE FROM centre_room WHERE centre_id = :id"), {"id": row.id})
    for room in read:
        session.add(CentreRoom(tenant_id=tenant_id, centre_id=row.id, name=room.name, beds=room.beds))
        session.flush()
    record(session, tenant_id, actor, "stays.centre", ("centre", row.id))
    for season_id in session.execute(
        text("SELECT DISTINCT season_id FROM stay WHERE centre_id = :id"), {"id": row.id}
    ).scalars():
        spread(session, tenant_id, season_id)
    return row.id


def spread(session: Session, tenant_id: UUID, season_id: UUID) -> int:
    """Copy a season that is published to its municipalities as it stands now; gives how many have a Medspiller.

    A season that is not published yet stays with the organisation.
    """
    session.flush()
    season = session.get(Season, (tenant_id, season_id))
    if season is None or season.state == "draft":
        return 0
    reached: int = session.execute(
        text("SELECT directory.publish_season(:season, :at)"), {"season": season_id, "at": clock.now()}
    ).scalar_one()
    return reached


def flush_or(session: Session, taken: Conflict) -> None:
    """Write what waits; where a name or code is taken say so."""
    try:
        session.flush()
    except IntegrityError as error:
        if isinstance(error.orig, UniqueViolation):
            raise taken from error
        raise
