"""A client of some routes for somebody who is signed in, without the sign-in: for the tests of the API's routes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from litestar import Litestar
from litestar.datastructures import State
from litestar.middleware import ASGIMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.testing import TestClient
from litestar.types import ASGIApp, ControllerRouterHandler, Receive, Scope, Send

from jobs.timetable import TIMETABLE
from service.database.engine import Database
from service.database.requests import act_in, threads_like_connections
from service.identity.access import Place, Principal, guard
from service.identity.actions import Municipality, find_municipality
from service.identity.permissions import PERMISSIONS
from service.web.problems import HANDLERS


def principal_with(
    municipality: Municipality, role: str | None = None, *, account_id: UUID | None = None, **changes: Any
) -> Principal:
    """A person with a role in a municipality; `changes` by field, such as `token_id` and `permissions` of a system."""
    place = Place(
        tenant_id=municipality.id,
        kind="municipality",
        code=municipality.code,
        name=municipality.name,
        country=municipality.country,
        time_zone=municipality.time_zone,
        language=municipality.language,
    )
    allowed = frozenset(one.name for one in PERMISSIONS.values() if role in one.roles)
    values: dict[str, Any] = {"name": "Somebody", "place": place, "permissions": allowed, "account_id": account_id}
    values |= {"roles": (role,) if role else ()}
    return Principal(**(values | changes))


class _As(ASGIMiddleware):
    """Stands where the sign-in stands: says who asks, and lets the transaction act for their place."""

    def __init__(self, principal: Principal | None) -> None:
        self._principal = principal

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        scope["user"] = self._principal
        if self._principal is not None and self._principal.place is not None:
            act_in(scope["litestar_app"].request_class(scope), self._principal.place.tenant_id)
        await next_app(scope, receive, send)


@contextmanager
def signed_in(
    database: Database,
    who: Principal | str | None,
    handlers: Sequence[ControllerRouterHandler],
    *,
    municipality: str = "0751",
) -> Iterator[TestClient[Litestar]]:
    """An httpx client of an application with these routes, as a person or system, as a role in `municipality`, or as
    nobody.

    Guards, transactions and errors are those of the whole application.
    """
    if isinstance(who, str):
        with database.transaction() as session:
            who = principal_with(find_municipality(session, municipality), who)
    app = Litestar(
        route_handlers=handlers,
        state=State({"database": database, "timetable": TIMETABLE}),
        lifespan=[threads_like_connections(database)],
        middleware=[_As(who)],
        guards=[guard],
        exception_handlers=HANDLERS,
        logging_config=None,
        openapi_config=OpenAPIConfig(title="Medspiller", version="0", use_handler_docstrings=True),
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
