"""Municipalities, accounts and who may act for which."""

import re
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.database.tenancy import act_for
from service.errors import Conflict, Forbidden, Invalid, NotFound
from service.identity.models import ROLES
from service.values import clock

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_HABITS = {"dk": ("Europe/Copenhagen", "da"), "no": ("Europe/Oslo", "nb")}


class Municipality(msgspec.Struct, frozen=True):
    """A municipality as the rest of the program needs it: `code` is the official number, `language` of letters."""

    id: UUID
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


def add_municipality(session: Session, code: str, name: str, country: str) -> Municipality:
    """Add a municipality with its country's time zone and language; a code that stands already is refused."""
    if not re.fullmatch(r"[0-9A-Za-z-]{1,20}", code):
        raise Invalid("A municipality's code is 1 to 20 letters, digits or hyphens, such as 0751.")
    if not name.strip():
        raise Invalid("The municipality needs a name.")
    time_zone, language = _HABITS[country]
    made = session.execute(
        text("SELECT directory.add_tenant('municipality', :code, :name, :country, :zone, :language, :at)"),
        {"code": code, "name": name.strip(), "country": country, "zone": time_zone, "language": language}
        | {"at": clock.now()},
    ).scalar_one()
    if made is None:
        raise Conflict(f"A municipality with the code {code} stands already.")
    return find_municipality(session, code)


def find_municipality(session: Session, code: str) -> Municipality:
    """The municipality with this code."""
    row = session.execute(
        text("SELECT id, code, name, country, time_zone, language FROM directory.find_tenant('municipality', :code)"),
        {"code": code},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no municipality with the code {code}. Add it with `medspiller municipality add`.")
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


def add_member(session: Session, tenant_id: UUID, email: str, name: str, role: str) -> UUID:
    """Give the account with this address (made where it is new) a role in a tenant; returns the account's id."""
    if not _EMAIL.fullmatch(email):
        raise Invalid(f"{email!r} is no e-mail address.")
    if role not in ROLES:
        raise Invalid(f"{role!r} is no role. Roles are {', '.join(ROLES)}.")
    at = clock.now()
    account_id: UUID = session.execute(
        text("SELECT directory.add_account(:email, :name, :at)"), {"email": email, "name": name, "at": at}
    ).scalar_one()
    session.execute(
        text("SELECT directory.add_membership(:account, :tenant, :role, :at)"),
        {"account": account_id, "tenant": tenant_id, "role": role, "at": at},
    )
    return account_id


def find_approver(session: Session, email: str, roles: tuple[str, ...]) -> Approver:
    """The account that approves, with the tenants in which it may; refuses one that has none of the roles anywhere."""
    rows = session.execute(
        text("SELECT account_id, tenant_id, role FROM directory.memberships_of(:email)"), {"email": email}
    ).all()
    if not rows:
        raise NotFound(f"There is no account {email} with a role. Add it with `medspiller user add`.")
    tenants = tuple(dict.fromkeys(row.tenant_id for row in rows if row.role in roles))
    if not tenants:
        raise Forbidden(f"{email} may not do this; it takes the role {' or '.join(roles)}.")
    return Approver(account_id=rows[0].account_id, email=email, tenants=tenants)


def act_where(session: Session, approver: Approver, table: str, row_id: UUID) -> UUID | None:
    """Act for that one of the approver's tenants in which the row stands, and return it; None where none has it."""
    for tenant_id in approver.tenants:
        act_for(session, tenant_id)
        if session.execute(text(f"SELECT 1 FROM {table} WHERE id = :id"), {"id": row_id}).one_or_none():
            return tenant_id
    return None
