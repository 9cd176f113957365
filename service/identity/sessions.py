"""Signing in and out: links that sign in once, and sessions on the server.

The browser holds a random secret, the database its hash. A new secret is drawn at sign-in and after the second factor,
so one that somebody planted or overheard before is worth nothing.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.errors import Forbidden, NotFound
from service.identity.access import Place, Principal
from service.identity.own_acts import note_sign_in
from service.identity.permissions import allowed_to_roles
from service.values import clock
from service.values.random_secrets import digest, draw

IDLE = timedelta(hours=1)
ABSOLUTE = timedelta(hours=12)
EMAIL_LINK = timedelta(minutes=15)
COMMAND_LINK = timedelta(hours=24)

WITHOUT_SECOND_FACTOR = frozenset({"club_treasurer", "volunteer"})
"""Roles that an e-mail link or a provider alone lets in: everybody else shows a second factor.

A provider that has asked for one itself is taken at its word where the operator says so; the command line always is.
"""


class Account(msgspec.Struct, frozen=True):
    """An account that may sign in."""

    id: UUID
    email: str
    name: str
    language: str | None


class Membership(msgspec.Struct, frozen=True):
    """A role of an account and where it has it."""

    id: UUID
    role: str
    place: Place


class OpenSession(msgspec.Struct, frozen=True):
    """A signed-in browser of an account."""

    id: UUID
    method: str
    agent: str
    created_at: datetime
    seen_at: datetime


def find_account(session: Session, email: str) -> Account | None:
    """The account with this address; None where there is none or it is closed."""
    row = session.execute(text("SELECT * FROM directory.find_account(:email)"), {"email": email.strip()}).one_or_none()
    return None if row is None else msgspec.convert(row, Account, from_attributes=True)


def make_link(session: Session, account_id: UUID, maker: str) -> str:
    """A secret that signs the account in once: within 15 minutes by e-mail, 24 hours from the command line."""
    secret, at = draw(), clock.now()
    until = at + (EMAIL_LINK if maker == "email" else COMMAND_LINK)
    session.execute(
        text("SELECT directory.add_sign_in_link(:hash, :account, :maker, :at, :until)"),
        {"hash": digest(secret), "account": account_id, "maker": maker, "at": at, "until": until},
    )
    return secret


def use_link(session: Session, secret: str, agent: str) -> str:
    """Sign in with a link; returns the new session's secret. An unknown, used or expired link is refused alike."""
    row = session.execute(
        text("SELECT account_id, made_by FROM directory.use_sign_in_link(:hash, :at)"),
        {"hash": digest(secret), "at": clock.now()},
    ).one_or_none()
    if row is None:
        raise NotFound("This link has been used or is too old. Ask for a new one.")
    note_sign_in(session, row.account_id, row.made_by)
    return open_session(session, row.account_id, row.made_by, agent)


def open_session(session: Session, account_id: UUID, method: str, agent: str, *, strong: bool = False) -> str:
    """A new session; returns its secret. `strong`: the provider has asked for a second factor already."""
    secret, at = draw(), clock.now()
    session.execute(
        text("SELECT directory.add_session(:hash, :account, :method, :agent, :strong, :at, :until)"),
        {"hash": digest(secret), "account": account_id, "method": method, "agent": agent, "strong": strong}
        | {"at": at, "until": at + ABSOLUTE},
    )
    return secret


def renew_session(session: Session, session_id: UUID) -> str:
    """A new secret for a session whose person has just shown the second factor."""
    secret = draw()
    session.execute(
        text("SELECT directory.renew_session(:id, :hash, :at)"),
        {"id": session_id, "hash": digest(secret), "at": clock.now()},
    )
    return secret


def person_behind(session: Session, secret: str) -> Principal | None:
    """Who has this session; None where it is unknown, ended, or has been idle for too long."""
    row = session.execute(
        text("SELECT * FROM directory.use_session(:hash, :at, :idle)"),
        {"hash": digest(secret), "at": clock.now(), "idle": IDLE},
    ).one_or_none()
    if row is None:
        return None
    owes = _owes_second_factor(row)
    roles = tuple(row.roles or ())
    place = None if row.tenant_id is None or owes else msgspec.convert(row, Place, from_attributes=True)
    return Principal(
        name=row.account_name,
        place=place,
        permissions=frozenset() if place is None else allowed_to_roles(roles, place.sort),
        account_id=row.account_id,
        session_id=row.session_id,
        email=row.email,
        roles=roles,
        places=row.places or 0,
        language=row.account_language,
        theme=row.theme,
        owes_second_factor=owes,
        has_second_factor=row.second_factor,
    )


def _owes_second_factor(row: Any) -> bool:
    """Of the roles anywhere, not only here: whoever switches places must not get past it."""
    weak = row.method != "command" and row.second_factor_at is None
    return weak and (row.second_factor or bool(set(row.all_roles or ()) - WITHOUT_SECOND_FACTOR))


def places_of(session: Session, account_id: UUID) -> list[Membership]:
    """Every role of an account, with its place."""
    rows = session.execute(text("SELECT * FROM directory.places_of(:account)"), {"account": account_id}).all()
    return [Membership(row.id, row.role, msgspec.convert(row, Place, from_attributes=True)) for row in rows]


def choose_place(session: Session, session_id: UUID, tenant_id: UUID, organisation_id: UUID | None) -> None:
    """Act for another of one's places from now on."""
    chosen = session.execute(
        text("SELECT directory.choose_place(:id, :tenant, :organisation)"),
        {"id": session_id, "tenant": tenant_id, "organisation": organisation_id},
    ).scalar_one()
    if not chosen:
        raise Forbidden("You have no role there.")


def list_sessions(session: Session, account_id: UUID) -> list[OpenSession]:
    """Where an account is signed in, the last seen first."""
    rows = session.execute(
        text("SELECT * FROM directory.list_sessions(:account, :at, :idle)"),
        {"account": account_id, "at": clock.now(), "idle": IDLE},
    ).all()
    return [msgspec.convert(row, OpenSession, from_attributes=True) for row in rows]


def end_session(session: Session, account_id: UUID, session_id: UUID) -> None:
    """Sign one of an account's browsers out; refuses one that is not the account's, or has ended."""
    if not _end(session, account_id, session_id):
        raise NotFound("There is no such session, or it has ended already.")


def end_every_session(session: Session, account_id: UUID) -> int:
    """Sign an account out everywhere; returns how many sessions ended."""
    return _end(session, account_id, None)


def _end(session: Session, account_id: UUID, session_id: UUID | None) -> int:
    ended: int = session.execute(
        text("SELECT directory.end_sessions(:account, :id, :at)"),
        {"account": account_id, "id": session_id, "at": clock.now()},
    ).scalar_one()
    return ended


def set_preferences(session: Session, account_id: UUID, language: str | None, theme: str) -> None:
    """Keep the language and theme that a person chose."""
    session.execute(
        text("SELECT directory.set_preferences(:account, :language, :theme)"),
        {"account": account_id, "language": language, "theme": theme},
    )
