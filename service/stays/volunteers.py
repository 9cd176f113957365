"""Volunteers, their police certificates, and their roles on stays."""

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.actions import EMAIL
from service.stays.actions import flush_or
from service.stays.models import ROLES, StayRole, Volunteer
from service.stays.queries import find_stay, find_volunteer


def keep_volunteer(
    session: Session, tenant_id: UUID, volunteer_id: UUID | None, name: str, phone: str, email: str, actor: Actor
) -> UUID:
    """Add a volunteer, or change how they are reached."""
    if volunteer_id:
        find_volunteer(session, volunteer_id)
    wrong = [] if name.strip() else [FieldError("name", "is missing")]
    if email.strip() and not EMAIL.fullmatch(email.strip()):
        wrong.append(FieldError("email", "is no e-mail address"))
    if wrong:
        raise Invalid("The volunteer cannot be kept like this.", wrong)
    row = session.get(Volunteer, (tenant_id, volunteer_id)) if volunteer_id else None
    row = row or Volunteer(tenant_id=tenant_id, name="", phone="", email="")
    row.name, row.phone, row.email = " ".join(name.split()), phone.strip(), email.strip().lower()
    session.add(row)
    flush_or(session, Conflict("There is a volunteer with this e-mail address already."))
    record(session, tenant_id, actor, "stays.volunteer", ("volunteer", row.id))
    return row.id


def note_certificate(
    session: Session, tenant_id: UUID, volunteer_id: UUID, seen_on: date, today: date, actor: Actor
) -> None:
    """Note that the police certificate of a volunteer was seen; the certificate itself is never kept."""
    find_volunteer(session, volunteer_id)
    if seen_on > today:
        raise Invalid(
            "The certificate cannot have been seen yet.", [FieldError("seen_on", "must not be in the future")]
        )
    row = session.get_one(Volunteer, (tenant_id, volunteer_id))
    row.certificate_seen_on, row.certificate_seen_by = seen_on, actor.account_id
    record(session, tenant_id, actor, "stays.volunteer.certificate", ("volunteer", volunteer_id))


def need_role(session: Session, tenant_id: UUID, stay_id: UUID, role: str, actor: Actor) -> UUID:
    """A role is needed on a stay."""
    _open(session, stay_id)
    if role not in ROLES:
        wrong = FieldError("role", "must be one of {known}", {"known": ", ".join(ROLES)})
        raise Invalid("There is no such role.", [wrong])
    row = StayRole(tenant_id=tenant_id, stay_id=stay_id, role=role)
    session.add(row)
    session.flush()
    record(session, tenant_id, actor, "stays.role.need", ("stay", stay_id))
    return row.id


def ask_for_role(session: Session, tenant_id: UUID, role_id: UUID, volunteer_id: UUID | None, actor: Actor) -> UUID:
    """Ask a volunteer for a role in the place of whoever was; with nobody it is needed again. Gives the stay."""
    row = _role(session, tenant_id, role_id)
    _open(session, row.stay_id)
    if volunteer_id is not None:
        find_volunteer(session, volunteer_id)
    row.volunteer_id, row.state = volunteer_id, "needed" if volunteer_id is None else "asked"
    flush_or(session, Conflict("This volunteer has a role on the stay already."))
    record(session, tenant_id, actor, "stays.role.ask", ("stay", row.stay_id))
    return row.stay_id


def confirm_role(session: Session, tenant_id: UUID, role_id: UUID, actor: Actor) -> UUID:
    """Whoever was asked has said yes; refused where their police certificate was not seen. Gives the stay."""
    row = _role(session, tenant_id, role_id)
    _open(session, row.stay_id)
    if row.state != "asked" or row.volunteer_id is None:
        raise Conflict("Nobody is asked for this role.")
    volunteer = find_volunteer(session, row.volunteer_id)
    if volunteer.certificate_seen_on is None:
        raise Conflict("The police certificate of {name} was not seen yet. Note it first.", name=volunteer.name)
    row.state = "confirmed"
    record(session, tenant_id, actor, "stays.role.confirm", ("stay", row.stay_id))
    return row.stay_id


def drop_role(session: Session, tenant_id: UUID, role_id: UUID, actor: Actor) -> UUID:
    """A role is not needed any more; gives the stay."""
    row = _role(session, tenant_id, role_id)
    stay_id = row.stay_id
    session.execute(text("DELETE FROM stay_role WHERE id = :id"), {"id": role_id})
    record(session, tenant_id, actor, "stays.role.drop", ("stay", stay_id))
    return stay_id


def _role(session: Session, tenant_id: UUID, role_id: UUID) -> StayRole:
    row = session.get(StayRole, (tenant_id, role_id))
    if row is None:
        raise NotFound("There is no such role.")
    return row


def _open(session: Session, stay_id: UUID) -> None:
    if find_stay(session, stay_id).state == "cancelled":
        raise Conflict("The stay is cancelled: nobody is asked for it any more.")
