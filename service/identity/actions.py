"""Municipalities, accounts and who may act for which."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import msgspec
from psycopg.errors import CheckViolation
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from service.database.tenancy import act_for
from service.errors import Conflict, Forbidden, Invalid, NotFound, OneOf
from service.identity.models import ROLES
from service.values import clock

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
HABITS = {"dk": ("Europe/Copenhagen", "da"), "no": ("Europe/Oslo", "nb")}


class Municipality(msgspec.Struct, frozen=True):
    """A municipality as the rest of the program needs it: `code` is the official number, `language` of letters."""

    id: UUID
    code: str
    name: str
    country: str
    time_zone: str
    language: str


class Tenant(msgspec.Struct, frozen=True):
    """A municipality or a volunteer organisation: whose data a row is."""

    id: UUID
    kind: str
    code: str
    name: str
    country: str
    time_zone: str
    language: str


class Approver(msgspec.Struct, frozen=True):
    """An account and the tenants in which it has one of the roles that were asked for."""

    account_id: UUID
    email: str
    tenants: tuple[UUID, ...]
    door: str = "command"


def add_municipality(session: Session, code: str, name: str, country: str) -> Municipality:
    """Add a municipality with its country's time zone and language; a code that stands already is refused."""
    if not re.fullmatch(r"[0-9A-Za-z-]{1,20}", code):
        raise Invalid("A municipality's code is 1 to 20 letters, digits or hyphens, such as 0751.")
    if not name.strip():
        raise Invalid("The municipality needs a name.")
    time_zone, language = HABITS[country]
    made = session.execute(
        text("SELECT directory.add_tenant('municipality', :code, :name, :country, :zone, :language, :at)"),
        {"code": code, "name": name.strip(), "country": country, "zone": time_zone, "language": language}
        | {"at": clock.now()},
    ).scalar_one()
    if made is None:
        raise Conflict("A municipality with the code {code} stands already.", code=code)
    return find_municipality(session, code)


def find_tenant(session: Session, kind: str, code: str) -> Tenant:
    """The tenant of a kind (`municipality` or `organisation`) with this code."""
    row = session.execute(
        text("SELECT * FROM directory.find_tenant(:kind, :code)"), {"kind": kind, "code": code}
    ).one_or_none()
    if row is None:
        raise NotFound("There is no {kind} with the code {code}.", kind=kind, code=code)
    return msgspec.convert(row, Tenant, from_attributes=True)


def list_organisations(session: Session) -> list[Tenant]:
    """Every volunteer organisation by its code."""
    rows = session.execute(
        text(
            """SELECT id, kind, code, name, country, time_zone, language FROM directory.list_tenants()
            WHERE kind = 'organisation' ORDER BY code"""
        )
    )
    return [msgspec.convert(row, Tenant, from_attributes=True) for row in rows]


def find_municipality(session: Session, code: str) -> Municipality:
    """The municipality with this code."""
    row = session.execute(
        text("SELECT id, code, name, country, time_zone, language FROM directory.find_tenant('municipality', :code)"),
        {"code": code},
    ).one_or_none()
    if row is None:
        raise NotFound(
            "There is no municipality with the code {code}. Add it with `medspiller municipality add`.", code=code
        )
    return msgspec.convert(row, Municipality, from_attributes=True)


def municipality_by_id(session: Session, tenant_id: UUID) -> Municipality:
    """The municipality that a tenant is."""
    row = session.execute(
        text(
            """SELECT id, code, name, country, time_zone, language FROM directory.list_tenants()
            WHERE kind = 'municipality' AND id = :id"""
        ),
        {"id": tenant_id},
    ).one_or_none()
    if row is None:
        raise NotFound("The tenant is no municipality.")
    return msgspec.convert(row, Municipality, from_attributes=True)


def add_member(
    session: Session,
    tenant_id: UUID,
    email: str,
    name: str,
    role: str,
    organisation_id: UUID | None = None,
) -> UUID:
    """Give the account with this address (made where it is new) a role in a tenant, or in a service or club of it.

    Returns the account's id; a role that does not belong to such a place is refused.
    """
    if not EMAIL.fullmatch(email):
        raise Invalid("{email!r} is no e-mail address.", email=email)
    if role not in ROLES:
        raise Invalid("{role!r} is no role. Roles are {known}.", role=role, known=", ".join(ROLES))
    at = clock.now()
    account_id: UUID = session.execute(
        text("SELECT directory.add_account(:email, :name, :at)"), {"email": email, "name": name, "at": at}
    ).scalar_one()
    with fitting():
        session.execute(
            text("SELECT directory.add_membership(:account, :tenant, :organisation, :role, 'command', :at)"),
            {"account": account_id, "tenant": tenant_id, "organisation": organisation_id, "role": role, "at": at},
        )
    return account_id


@contextmanager
def fitting() -> Iterator[None]:
    """Tell whoever gives a role to the wrong kind of place so; the database refuses it."""
    try:
        yield
    except IntegrityError as error:
        if not (isinstance(error.orig, CheckViolation) and error.orig.diag.constraint_name == "role_fits_place"):
            raise
        raise Invalid(
            "The role does not belong there: referrers belong to a service, club treasurers to a club, coordinators "
            "and volunteers to a volunteer organisation, case workers and finance officers to a municipality."
        ) from error


def find_approver(session: Session, email: str, roles: tuple[str, ...]) -> Approver:
    """The account that approves, with the tenants in which it may; refuses one that has none of the roles anywhere."""
    rows = session.execute(
        text("SELECT account_id, tenant_id, role FROM directory.memberships_of(:email)"), {"email": email}
    ).all()
    if not rows:
        raise NotFound("There is no account {email} with a role. Add it with `medspiller user add`.", email=email)
    tenants = tuple(dict.fromkeys(row.tenant_id for row in rows if row.role in roles))
    if not tenants:
        raise Forbidden("{email} may not do this; it takes the role {roles}.", email=email, roles=OneOf(roles))
    return Approver(account_id=rows[0].account_id, email=email, tenants=tenants)


def act_where(session: Session, approver: Approver, table: str, row_id: UUID) -> UUID | None:
    """Act for that one of the approver's tenants in which the row stands, and return it; None where none has it."""
    for tenant_id in approver.tenants:
        act_for(session, tenant_id)
        if session.execute(text(f"SELECT 1 FROM {table} WHERE id = :id"), {"id": row_id}).one_or_none():
            return tenant_id
    return None
