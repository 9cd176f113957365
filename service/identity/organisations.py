"""Volunteer organisations, which are tenants, and the services and clubs of a municipality."""

import re
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.actions import HABITS, Tenant, find_tenant
from service.values import clock

KINDS = ("service", "club")
_NUMBER = re.compile(r"[0-9]{8,9}")


class Organisation(msgspec.Struct, frozen=True):
    """A service or a club of the municipality; `number` is a club's organisation number."""

    id: UUID
    kind: str
    number: str | None
    name: str
    created_at: datetime
    ended_at: datetime | None


def add_volunteer_organisation(session: Session, code: str, name: str, country: str) -> Tenant:
    """Add a volunteer organisation, a tenant of its own; a code that stands already is refused."""
    if not re.fullmatch(r"[0-9A-Za-z-]{1,20}", code):
        raise Invalid("An organisation's code is 1 to 20 letters, digits or hyphens.")
    if not name.strip():
        raise Invalid("The organisation needs a name.")
    time_zone, language = HABITS[country]
    made = session.execute(
        text("SELECT directory.add_tenant('organisation', :code, :name, :country, :zone, :language, :at)"),
        {"code": code, "name": name.strip(), "country": country, "zone": time_zone, "language": language}
        | {"at": clock.now()},
    ).scalar_one()
    if made is None:
        raise Conflict("An organisation with the code {code} stands already.", code=code)
    return find_tenant(session, "organisation", code)


def add_organisation(
    session: Session, tenant_id: UUID, kind: str, name: str, number: str | None, actor: Actor
) -> Organisation:
    """Add a service, known by its name, or a club, known by its number, to the municipality that acts."""
    name, number = " ".join(name.split()), "".join((number or "").split()) or None
    wrong = [] if name else [FieldError("name", "is missing")]
    if kind == "club" and not _NUMBER.fullmatch(number or ""):
        wrong.append(FieldError("number", "must be an organisation number of 8 (Denmark) or 9 digits (Norway)"))
    if kind == "service" and number:
        wrong.append(FieldError("number", "is only for clubs"))
    if wrong:
        raise Invalid("The organisation cannot be added like this.", wrong)
    made = session.execute(
        text("SELECT directory.add_organisation(:kind, :number, :name, :at)"),
        {"kind": kind, "number": number, "name": name, "at": clock.now()},
    ).scalar_one()
    if made is None:
        raise Conflict("{name} stands already.", name=name if kind == "service" else number)
    record(session, tenant_id, actor, "identity.organisation.add", ("organisation", made), details={"kind": kind})
    return find_organisation(session, made)


def list_organisations(session: Session) -> list[Organisation]:
    """The services and clubs of the municipality that acts, those that have ended too."""
    rows = session.execute(text("SELECT * FROM directory.list_organisations()")).all()
    return [msgspec.convert(row, Organisation, from_attributes=True) for row in rows]


def find_organisation(session: Session, organisation_id: UUID) -> Organisation:
    """The service or club with this id."""
    return _one([found for found in list_organisations(session) if found.id == organisation_id])


def find_service_by_id(session: Session, organisation_id: UUID) -> Organisation:
    """The service with this id. A club ends with what belongs to it, among the clubs."""
    found = find_organisation(session, organisation_id)
    if found.kind != "service":
        raise Conflict("{name} is a club. Clubs are added and ended under Clubs.", name=found.name)
    return found


def find_service(session: Session, name: str) -> Organisation:
    """The service with this name."""
    wanted = name.strip().lower()
    return _one([f for f in _live(session) if f.kind == "service" and f.name.lower() == wanted])


def find_club(session: Session, number: str) -> Organisation:
    """The club with this organisation number."""
    return _one([f for f in _live(session) if f.kind == "club" and f.number == "".join(number.split())])


def rename_organisation(session: Session, organisation_id: UUID, name: str) -> None:
    """Give a service or club another name, where the caller's own entry in the trail says so."""
    renamed = session.execute(
        text("SELECT directory.rename_organisation(:id, :name)"), {"id": organisation_id, "name": name}
    ).scalar_one()
    if not renamed:
        raise NotFound("There is no such service or club, or it has ended already.")


def end_organisation(session: Session, tenant_id: UUID, organisation_id: UUID, actor: Actor) -> None:
    """End a service or club with its memberships, open invitations and tokens."""
    ended = session.execute(
        text("SELECT directory.end_organisation(:id, :by, :at)"),
        {"id": organisation_id, "by": actor.account_id, "at": clock.now()},
    ).scalar_one()
    if not ended:
        raise NotFound("There is no such service or club, or it has ended already.")
    record(session, tenant_id, actor, "identity.organisation.end", ("organisation", organisation_id))


def _live(session: Session) -> list[Organisation]:
    return [found for found in list_organisations(session) if found.ended_at is None]


def _one(found: list[Organisation]) -> Organisation:
    if not found:
        raise NotFound("The municipality has no such service or club. Add it first.")
    return found[0]
