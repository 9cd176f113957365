"""What every answer carries against being misused in a browser, and how fast anybody may ask."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import Request
from litestar.datastructures import MutableScopeHeaders
from litestar.middleware import DefineMiddleware
from litestar.middleware.rate_limit import RateLimitConfig, RateLimitMiddleware
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


def rate_limit(requests_a_minute: int) -> DefineMiddleware:
    """Refuse with 429 who asks more often: a person or system by who they are, everybody else by their address.

    The count is this process's own; what must not be guessed has its own limits in the database.
    """
    config = RateLimitConfig(
        rate_limit=("minute", requests_a_minute),
        exclude=["^/static/", "^/health$", "^/metrics$"],
        identifier_for_request=_who,
        store="rate_limit",
    )
    return DefineMiddleware(RateLimitMiddleware, config=config)


def _who(request: Request[Any, Any, Any]) -> str:
    principal = find_principal(request)
    if principal is None:
        return address_of(request)
    return str(principal.token_id or principal.account_id)
