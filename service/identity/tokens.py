"""Tokens for the systems of clubs and municipalities: shown once, kept as a hash, scoped, revocable."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.direct import fetch_one
from service.database.tenancy import ACT
from service.errors import FieldError, Forbidden, Invalid, NotFound
from service.identity.access import Place, Principal
from service.identity.permissions import CLUB_SCOPES, MUNICIPAL_SCOPES, allowed_to_scopes
from service.values import clock
from service.values.random_secrets import digest, draw

PREFIX = "medspiller_"
"""Every token begins with it, so that one that got out is recognised by those who look for such."""

LONGEST = timedelta(days=2 * 366)


class Token(msgspec.Struct, frozen=True):
    """A token as it is listed; the token itself is not known any more."""

    id: UUID
    name: str
    scopes: tuple[str, ...]
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


class NewToken(msgspec.Struct, frozen=True):
    """A token just made: the only time it is shown."""

    id: UUID
    token: str


def scopes_for(place: Place) -> tuple[str, ...]:
    """The scopes a token of a place may have: of a club, or of the municipality itself; nowhere else are there any."""
    return {"municipality": MUNICIPAL_SCOPES, "club": CLUB_SCOPES}.get(place.sort, ())


def make_token(
    session: Session,
    place: Place,
    name: str,
    scopes: tuple[str, ...],
    actor: Actor,
    expires_at: datetime | None = None,
) -> NewToken:
    """Make a token for a place; `scopes` say what the system may do."""
    name, at = " ".join(name.split()), clock.now()
    known = scopes_for(place)
    if not known:
        raise Forbidden("There is nothing here that a system may do with a token.")
    wrong = [] if name else [FieldError("name", "is missing")]
    if len(name) > 100:
        wrong.append(FieldError("name", "must be 100 characters at most"))
    if not scopes or set(scopes) - set(known):
        wrong.append(FieldError("scopes", "must be one or more of {known}", {"known": ", ".join(known)}))
    if expires_at is not None and not at < expires_at <= at + LONGEST:
        wrong.append(FieldError("expires_at", "must lie between now and two years ahead"))
    if wrong:
        raise Invalid("The token cannot be made like this.", wrong)
    token = PREFIX + draw()
    token_id: UUID = session.execute(
        text("SELECT directory.add_token(:hash, :organisation, :name, :scopes, :by, :at, :until)"),
        {"hash": digest(token), "organisation": place.organisation_id, "name": name, "scopes": sorted(set(scopes))}
        | {"by": actor.account_id, "at": at, "until": expires_at},
    ).scalar_one()
    record(
        session,
        place.tenant_id,
        actor,
        "identity.token.make",
        ("token", token_id),
        details={"scopes": sorted(set(scopes))},
    )
    return NewToken(id=token_id, token=token)


def list_tokens(session: Session, organisation_id: UUID | None) -> list[Token]:
    """The tokens of a club, or with none named of the municipality itself; those in force first."""
    rows = session.execute(text("SELECT * FROM directory.list_tokens(:of)"), {"of": organisation_id}).all()
    return [msgspec.convert(row, Token, from_attributes=True) for row in rows]


def revoke_token(session: Session, tenant_id: UUID, organisation_id: UUID | None, token_id: UUID, actor: Actor) -> None:
    """End a token at once."""
    revoked = session.execute(
        text("SELECT directory.revoke_token(:id, :of, :by, :at)"),
        {"id": token_id, "of": organisation_id, "by": actor.account_id, "at": clock.now()},
    ).scalar_one()
    if not revoked:
        raise NotFound("There is no such token in force.")
    record(session, tenant_id, actor, "identity.token.revoke", ("token", token_id))


def system_behind(session: Session, token: str, tenant_id: UUID | None = None) -> Principal | None:
    """Which system shows this token; None where it is unknown, revoked or too old.

    With a tenant the rest of the transaction acts for that one.
    """
    if not token.startswith(PREFIX):
        return None
    values = {"hash": digest(token), "at": clock.now(), "tenant": str(tenant_id)}
    [found] = fetch_one(session, f"SELECT {_USED}" + (f", {ACT}" if tenant_id else ""), values)[:1]
    if found is None:
        return None
    used = msgspec.json.decode(found, type=_Used)
    place = msgspec.convert(used, Place, from_attributes=True)
    return Principal(
        name=used.token_name,
        place=place,
        permissions=allowed_to_scopes(used.scopes, place.sort),
        token_id=used.token_id,
    )


class _Used(Place, frozen=True, kw_only=True):
    token_id: UUID
    token_name: str
    scopes: tuple[str, ...]


_USED = "(SELECT to_json(used)::text FROM directory.use_token(%(hash)s, %(at)s) AS used)"
