"""Finding out who asks, before any handler: by a token in the header, or by the session in the cookie.

`create_app` says how cookies are named and whether they are for HTTPS alone: see `Cookies`.
"""

import asyncio
import hashlib
import time
from ipaddress import IPv6Address, IPv6Network
from typing import Any, Literal

import msgspec
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.enums import ScopeType
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import ASGIMiddleware
from litestar.middleware.csrf import CSRFMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from sqlmodel import Session

from service.database.engine import Database
from service.database.requests import act_in, begins, database_of
from service.identity import throttle
from service.identity.access import Principal, find_principal
from service.identity.permissions import PUBLIC
from service.identity.sessions import ABSOLUTE, person_behind
from service.identity.tokens import system_behind

_BEARER = "bearer "
_LONGEST_SECRET = 200


class Cookies(msgspec.Struct, frozen=True):
    """How cookies are sent: over HTTPS alone and bound to this host, or plainly for trials on one machine."""

    secure: bool

    def name(self, name: str) -> str:
        """The name a cookie goes by; browsers take `__Host-` from this very host over HTTPS only."""
        return f"__Host-{name}" if self.secure else name

    def make(
        self, name: str, value: str, seconds: int | None = None, samesite: Literal["lax", "strict"] = "lax"
    ) -> Cookie:
        """A cookie that scripts cannot read, for as long as the browser runs or so many seconds; 0 takes it away."""
        return Cookie(
            key=self.name(name),
            value=value,
            max_age=seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite=samesite,
        )


SESSION = "medspiller"


def cookies_of(request: Request[Any, Any, Any]) -> Cookies:
    """How the application sends cookies."""
    cookies: Cookies = request.app.state.cookies
    return cookies


def keep_signed_in(request: Request[Any, Any, Any], response: Response[Any], secret: str) -> None:
    """Give the browser the secret of its session."""
    response.set_cookie(cookies_of(request).make(SESSION, secret, int(ABSOLUTE.total_seconds())))


def forget_signed_in(request: Request[Any, Any, Any], response: Response[Any]) -> None:
    """Take the session's secret from the browser."""
    response.set_cookie(cookies_of(request).make(SESSION, "", 0))


class KnownTokens:
    """The systems that asked in the last minute, by the hash of their token.

    Of these the token is looked up in the request's own transaction, and not in one of its own before it: who it was
    then lets it past the guards, and what it is now decides. For handlers that work in a transaction alone.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Principal]] = {}

    def keep(self, authorization: str, principal: Principal) -> None:
        """Know a system for a minute."""
        now = time.monotonic()
        if len(self._known) >= _MOST_KNOWN:
            self._known = {name: one for name, one in self._known.items() if one[0] > now}
        if len(self._known) < _MOST_KNOWN:
            self._known[_digest(authorization)] = (now + _KNOWN_SECONDS, principal)

    def find(self, request: Request[Any, Any, Any], authorization: str) -> Principal | None:
        """The system that shows a token, where the request's transaction will confirm it; else None."""
        name = _digest(authorization)
        until, principal = self._known.get(name, (0.0, None))
        if principal is None or principal.place is None or until < time.monotonic():
            return None
        route = request.scope["route_handler"]
        # Whom the guard would refuse is looked up first: a token that has ended is unknown, not without permission.
        if not begins(route.fn) or route.opt.get("permission") not in principal.permissions:
            return None

        tenant_id = principal.place.tenant_id

        def begin(session: Session) -> None:
            if system_behind(session, authorization[len(_BEARER) :].strip(), tenant_id) != principal:
                self._known.pop(name, None)
                raise NotAuthorizedException(headers=_INVALID_TOKEN)

        act_in(request, tenant_id, begin)
        return principal


def _digest(authorization: str) -> str:
    return hashlib.sha256(authorization.encode()).hexdigest()


_KNOWN_SECONDS, _MOST_KNOWN = 60.0, 10_000
_INVALID_TOKEN = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class Authentication(ASGIMiddleware):
    """Puts who asks into the request, and lets its transaction act for their tenant."""

    scopes = (ScopeType.HTTP,)

    def __init__(self) -> None:
        self._known = KnownTokens()

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Look the token or the session up; a token that is not known is refused, a session just is none."""
        request: Request[Any, Any, Any] = Request(scope)
        authorization = request.headers.get("authorization")
        secret = request.cookies.get(cookies_of(request).name(SESSION))
        principal = None
        if authorization is not None and (known := self._known.find(request, authorization)):
            scope["user"] = known
            await next_app(scope, receive, send)
            return
        if authorization is not None:
            principal = await asyncio.to_thread(_by_token, request, authorization)
            self._known.keep(authorization, principal)
        elif secret is not None and len(secret) < _LONGEST_SECRET:
            principal = await asyncio.to_thread(_by_session, database_of(request), secret)
        scope["user"] = principal
        if principal is not None and principal.place is not None:
            act_in(request, principal.place.tenant_id)
        await next_app(scope, receive, send)


def _by_token(request: Request[Any, Any, Any], authorization: str) -> Principal:
    token = authorization[len(_BEARER) :].strip()
    if authorization.lower().startswith(_BEARER) and len(token) < _LONGEST_SECRET:
        with database_of(request).transaction() as session:
            principal = system_behind(session, token)
        if principal is not None:
            return principal
    throttle.count(database_of(request), throttle.UNKNOWN_SECRETS, address_of(request))
    raise NotAuthorizedException(headers=_INVALID_TOKEN)


def _by_session(database: Database, secret: str) -> Principal | None:
    with database.transaction() as session:
        return person_behind(session, secret)


def address_of(request: Request[Any, Any, Any]) -> str:
    """The address that asks, as the server (or the proxy it trusts) tells it: to count by, never to be kept.

    Whoever has one address of IPv6 has the 2^64 beside it, so these count as one.
    """
    host = request.client.host if request.client else ""
    try:
        return str(IPv6Network((host, 64), strict=False)) if not IPv6Address(host).ipv4_mapped else host
    except ValueError:
        return host


class Csrf(CSRFMiddleware):
    """Forms and scripts of a signed-in browser prove that they come from our own pages.

    A token in the header is no such browser's: no other site can make one send it. Where nobody is signed in and the
    address is not public the guard refuses; until then nothing of the body is read.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            request: Request[Any, Any, Any] = Request(scope)
            public = scope["route_handler"].opt.get("permission") == PUBLIC["permission"]
            safe = request.method in self.config.safe_methods
            if "authorization" in request.headers or not (safe or public or find_principal(request)):
                await self.app(scope, receive, send)
                return
        await super().__call__(scope, receive, send)
