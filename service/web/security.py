"""What every answer carries against being misused in a browser, and how fast anybody may ask."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import Request
from litestar.enums import ScopeType
from litestar.exceptions import TooManyRequestsException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.identity.access import find_principal
from service.identity.authentication import address_of

# Nothing from elsewhere, no script or style written into a page, in no frame.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    # Addresses hold ids of cases and, once, the secret of a link.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # A shared computer keeps nothing; what may be kept says so itself.
    "Cache-Control": "no-store",
}
_HTTPS_ONLY: Final = "max-age=31536000; includeSubDomains"

BODY_BYTES: Final = 2 * 1024 * 1024
"""The largest body of a request; routes that take files say their own."""


def headers_for(*, secure: bool) -> Callable[[Message, Scope], Awaitable[None]]:
    """A hook that puts the headers on every answer, of errors too; where a route has set one, that stands."""

    known = _HEADERS | ({"Strict-Transport-Security": _HTTPS_ONLY} if secure else {})
    raw = [(name.lower().encode(), value.encode()) for name, value in known.items()]

    async def add(message: Message, _: Scope) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            there = {name.lower() for name, _ in headers}
            message["headers"] = headers + [header for header in raw if header[0] not in there]

    return add


class RateLimit(ASGIMiddleware):
    """Refuses with 429 who asks more often: a person or system by who they are, everybody else by their address.

    The count is this process's own; what must not be guessed has its own limits in the database. It begins anew each
    minute, for everybody at once, so that no crowd fills the memory. The framework's own keeps the instant of each
    request, and reads and writes all of them for each.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, requests_a_minute: int) -> None:
        self._most = requests_a_minute
        self._minute = 0
        self._counts: Counter[str] = Counter()

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Count the request, and say in the answer how many are left."""
        path = scope["path"]
        if path.startswith("/static/") or path in _UNCOUNTED:
            await next_app(scope, receive, send)
            return
        left, seconds = self.count(_who(Request(scope)))
        told = {"limit": self._most, "remaining": max(left, 0), "reset": seconds}
        if left < 0:
            headers = {f"RateLimit-{name.title()}": str(value) for name, value in told.items()}
            raise TooManyRequestsException(headers=headers | {"Retry-After": str(seconds)})
        raw = [(f"ratelimit-{name}".encode(), str(value).encode()) for name, value in told.items()]

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *raw]
            await send(message)

        await next_app(scope, receive, telling)

    def count(self, who: str) -> tuple[int, int]:
        """How many requests are left after this one, below 0 where it is too many; and in how many seconds all are."""
        minute, second = divmod(int(time.time()), 60)
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        self._counts[who] += 1
        return self._most - self._counts[who], 60 - second

    def __len__(self) -> int:
        """Of how many it knows that they have asked."""
        return len(self._counts)


_UNCOUNTED: Final = ("/health", "/metrics")


def _who(request: Request[Any, Any, Any]) -> str:
    principal = find_principal(request)
    if principal is None:
        return address_of(request)
    return str(principal.token_id or principal.account_id)
