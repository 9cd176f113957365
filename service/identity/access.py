"""Who is asking: the signed-in person or the system behind a token, and what they may."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler

from service.audit.actions import Actor
from service.errors import N_, Forbidden
from service.identity.actions import Municipality
from service.identity.permissions import HALFWAY, KNOWN, PERMISSIONS, PUBLIC, SIGNED_IN


class SecondFactorOwed(Forbidden):
    """A person who signed in by an e-mail link has not shown the second factor yet."""

    def __init__(self) -> None:
        super().__init__(N_("Show your second factor first."))


class PlaceNotChosen(Forbidden):
    """A person with several places has not said for which to act."""

    def __init__(self) -> None:
        super().__init__(N_("Choose for which of your places you act first."))


Connection = ASGIConnection[Any, Any, Any, Any]


class Place(msgspec.Struct, frozen=True):
    """For whom somebody acts: a municipality or a volunteer organisation, and in it a service or club, if any."""

    tenant_id: UUID
    kind: str
    code: str
    name: str
    country: str
    time_zone: str
    language: str
    organisation_id: UUID | None = None
    organisation_kind: str | None = None
    organisation_name: str | None = None

    @property
    def sort(self) -> str:
        """What it is to the table of permissions: `municipality`, `service`, `club` or `organisation`."""
        return self.organisation_kind or self.kind


class Principal(msgspec.Struct, frozen=True):
    """Who is asking, for whom, and what they may.

    A person (`account_id`) comes through a session, a system (`token_id`) with a token; `place` is empty until the
    person has chosen among several (`places` tells how many). `permissions` are names of the table in
    `permissions.py`. Who owes the second factor has neither place nor permission.
    """

    name: str
    place: Place | None
    permissions: frozenset[str]
    account_id: UUID | None = None
    token_id: UUID | None = None
    session_id: UUID | None = None
    email: str | None = None
    roles: tuple[str, ...] = ()
    places: int = 1
    language: str | None = None
    theme: str = "auto"
    owes_second_factor: bool = False
    has_second_factor: bool = False

    def may(self, name: str) -> bool:
        """Whether the table allows it to this person or system, here."""
        return PERMISSIONS[name].name in self.permissions


def find_principal(request: Connection) -> Principal | None:
    """Who is asking, or None where nobody is signed in."""
    found: Principal | None = request.scope.get("user")
    return found


def principal_of(request: Connection) -> Principal:
    """Who is asking; refuses where nobody is signed in."""
    found = find_principal(request)
    if found is None:
        raise NotAuthorizedException
    return found


def actor_of(request: Connection) -> Actor:
    """Who acts, for the audit trail."""
    principal = principal_of(request)
    door = "page" if principal.session_id and not request.url.path.startswith("/api/") else "api"
    return Actor(door=door, account_id=principal.account_id, token_id=principal.token_id)


def account_of(request: Connection) -> UUID:
    """The account of the person who asks; refuses a system."""
    account_id = principal_of(request).account_id
    if account_id is None:
        raise Forbidden("A person must do this; a system may not.")
    return account_id


def municipality_of(request: Connection) -> Municipality:
    """The municipality for which whoever asks acts."""
    place = principal_of(request).place
    if place is None or place.kind != "municipality":
        raise Forbidden("This is done for a municipality. Choose one under your name first.")
    return Municipality(
        id=place.tenant_id,
        code=place.code,
        name=place.name,
        country=place.country,
        time_zone=place.time_zone,
        language=place.language,
    )


def organisation_of(request: Connection) -> Place:
    """The volunteer organisation for which whoever asks acts."""
    place = principal_of(request).place
    if place is None or place.kind != "organisation":
        raise Forbidden("This is done for a volunteer organisation. Choose one under your name first.")
    return place


def service_of(request: Connection) -> UUID:
    """The service of a municipality for which whoever asks acts."""
    place = principal_of(request).place
    if place is None or place.organisation_id is None or place.organisation_kind != "service":
        raise Forbidden("This is done for a service of a municipality. Choose one under your name first.")
    return place.organisation_id


async def guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """Let through whom the table allows it: the guard of the whole application. What names no permission is refused.

    It waits for nothing; the framework would run a plain function in a thread.
    """
    wanted = handler.opt.get("permission")
    if wanted == PUBLIC["permission"]:
        return
    principal = principal_of(connection)
    if wanted == HALFWAY["permission"] and principal.account_id is not None:
        return
    if principal.owes_second_factor:
        raise SecondFactorOwed
    if wanted == KNOWN["permission"] or (wanted == SIGNED_IN["permission"] and principal.account_id is not None):
        return
    if wanted not in principal.permissions:
        if principal.place is None and principal.places > 1:
            raise PlaceNotChosen
        raise Forbidden("Your role does not allow this.")


AnyRequest = Request[Any, Any, Any]
