"""Systems that call the API with a real token, for the tests of its routes."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import uvicorn
from litestar import Litestar
from litestar.testing import TestClient
from litestar.types import ControllerRouterHandler

from service.audit.actions import COMMAND
from service.database.engine import Database
from service.identity.access import Place
from service.identity.actions import find_municipality
from service.identity.tokens import make_token
from tests.apps import app_over


def token(database: Database, code: str, *scopes: str) -> dict[str, str]:
    """The header with a new token of a municipality's system for these scopes."""
    with database.transaction() as session:
        found = find_municipality(session, code)
    with database.transaction(found.id) as session:
        place = Place(found.id, "municipality", found.code, found.name, found.country, found.time_zone, found.language)
        made = make_token(session, place, "journal", scopes, COMMAND)
    return {"Authorization": f"Bearer {made.token}"}


@contextmanager
def calling(
    database: Database, headers: dict[str, str] | None = None, more: Sequence[ControllerRouterHandler] = ()
) -> Iterator[TestClient[Litestar]]:
    """An httpx client of the whole application, with the test's own routes."""
    with TestClient(app_over(database, more=more), raise_server_exceptions=False) as client:
        client.headers.update(headers or {})
        yield client


@contextmanager
def serving(database: Database, more: Sequence[ControllerRouterHandler] = ()) -> Iterator[httpx.Client]:
    """A client of a real server in a thread, for many calls at once."""
    server = uvicorn.Server(uvicorn.Config(app_over(database, more=more), port=0, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        limits = httpx.Limits(max_connections=100)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, limits=limits) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
