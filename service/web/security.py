"""What every answer carries against being misused in a browser, and how fast anybody may ask."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from litestar import Request
from litestar.datastructures import MutableScopeHeaders
from litestar.middleware import DefineMiddleware
from litestar.middleware.rate_limit import RateLimitConfig, RateLimitMiddleware
from litestar.stores.memory import MemoryStore
from litestar.types import Message, Scope

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

COUNTS: Final = "rate_limit"
"""The name of the store that `create_app` makes of `Counts`."""
SWEPT_EVERY: Final = 5_000

BODY_BYTES: Final = 2 * 1024 * 1024
"""The largest body of a request; routes that take files say their own."""


def headers_for(*, secure: bool) -> Callable[[Message, Scope], Awaitable[None]]:
    """A hook that puts the headers on every answer, of errors too; where a route has set one, that stands."""

    async def add(message: Message, _: Scope) -> None:
        if message["type"] == "http.response.start":
            headers = MutableScopeHeaders.from_message(message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if secure:
                headers.setdefault("Strict-Transport-Security", _HTTPS_ONLY)

    return add


class Counts(MemoryStore):
    """Who has asked how often in the last minute. Who asks no more is forgotten, so that no crowd fills the memory."""

    __slots__ = ("_written",)

    def __init__(self) -> None:
        super().__init__()
        self._written = 0

    async def set(self, key: str, value: str | bytes, expires_in: int | timedelta | None = None) -> None:
        """Count, and now and then forget what is over."""
        await super().set(key, value, expires_in)
        self._written += 1
        if self._written % SWEPT_EVERY == 0:
            await self.delete_expired()


def rate_limit(requests_a_minute: int) -> DefineMiddleware:
    """Refuse with 429 who asks more often: a person or system by who they are, everybody else by their address.

    The count is this process's own; what must not be guessed has its own limits in the database.
    """
    config = RateLimitConfig(
        rate_limit=("minute", requests_a_minute),
        exclude=["^/static/", "^/health$", "^/metrics$"],
        identifier_for_request=_who,
        store=COUNTS,
    )
    return DefineMiddleware(RateLimitMiddleware, config=config)


def _who(request: Request[Any, Any, Any]) -> str:
    principal = find_principal(request)
    if principal is None:
        return address_of(request)
    return str(principal.token_id or principal.account_id)
