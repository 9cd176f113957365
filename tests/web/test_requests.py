"""One transaction for each request, over real HTTP against a real database."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery
from sqlalchemy import Engine, create_engine, text
from sqlmodel import Session

from service.app import create_app
from service.audit.actions import Actor, record
from service.database.engine import Database, open_database
from service.database.requests import act_in, database_of, record_outside, transactional
from service.errors import Conflict
from service.identity.permissions import PUBLIC
from service.settings import load

# For everybody, and from anywhere: what is tested is not who asks.
OPEN = PUBLIC | {"exclude_from_csrf": True}
TENANT = UUID("01900000-0000-7000-8000-000000000001")


@pytest.fixture
def five(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("MEDSPILLER_POOL_SIZE", "5")
    with open_database(load()) as opened:
        yield opened


@contextmanager
def serving(database: Database, *handlers: HTTPRouteHandler, then: Database | None = None) -> Iterator[httpx.Client]:
    app = create_app(database)
    app.state.database = then or database
    for handler in handlers:
        app.register(handler)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=20, limits=httpx.Limits(max_connections=100)
        ) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def entries(database: Database) -> list[str]:
    with database.transaction(TENANT) as session:
        return list(session.execute(text("SELECT action FROM audit_entry ORDER BY action")).scalars())


def note(session: Session, action: str) -> None:
    record(session, TENANT, Actor(door="api"), action, ("test", uuid4()))


async def acting(connection: object, _: object) -> None:
    assert isinstance(connection, Request)
    act_in(connection, TENANT)


@post("/note", sync_to_thread=True, guards=[acting], opt=OPEN)
@transactional
def add_note(session: Session, action: FromQuery[str], fault: FromQuery[bool] = False) -> dict[str, str]:
    note(session, action)
    session.flush()
    if fault:
        raise Conflict("Not this one.")
    return {"noted": action}


@post("/miss", sync_to_thread=True, guards=[acting], opt=OPEN)
@transactional
def miss(request: Request[None, None, State], session: Session) -> None:
    note(session, "inside")
    session.flush()
    with record_outside(database_of(request), TENANT) as outside:
        note(outside, "outside")
    raise Conflict("Unknown.")


@post("/returned", sync_to_thread=True, guards=[acting], opt=OPEN)
@transactional
def returned(session: Session) -> Response[str]:
    note(session, "returned")
    return Response("no", status_code=409)


@get("/threads", sync_to_thread=True, opt=OPEN)
@transactional
def slow(session: Session) -> str:
    session.execute(text("SELECT pg_sleep(0.05)"))
    return threading.current_thread().name


def test_ten_times_the_pool_at_once(five: Database) -> None:
    with serving(five, slow, miss) as client, ThreadPoolExecutor(50) as crowd:
        began = time.monotonic()
        answers = list(crowd.map(lambda _: client.get("/threads"), range(50)))
        misses = list(crowd.map(lambda _: client.post("/miss"), range(50)))
        assert time.monotonic() - began < 15
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 5
    assert {answer.status_code for answer in misses} == {409}
    assert entries(five) == ["outside"] * 50


def test_a_returned_value_commits_and_a_raise_rolls_back(five: Database) -> None:
    with serving(five, add_note, returned) as client:
        assert client.post("/note", params={"action": "kept"}).json() == {"noted": "kept"}
        assert client.post("/note", params={"action": "lost", "fault": True}).status_code == 409
        assert entries(five) == ["kept"]
        assert client.post("/returned").status_code == 409
    assert entries(five) == ["kept", "returned"]


def test_without_a_tenant_no_row_is_visible_or_written(five: Database) -> None:
    @get("/seen", sync_to_thread=True, opt=OPEN)
    @transactional
    def seen(session: Session) -> int:
        count: int = session.execute(text("SELECT count(*) FROM audit_entry")).scalar_one()
        return count

    with five.transaction(TENANT) as session:
        note(session, "there")
    with serving(five, seen) as client:
        assert client.get("/seen").json() == 0


def test_the_session_is_no_parameter_of_the_call(five: Database) -> None:
    app = create_app(five)
    app.register(add_note)
    operation = app.openapi_schema.to_schema()["paths"]["/note"]["post"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["action", "fault"]


def test_a_handler_on_the_event_loop_is_refused(five: Database) -> None:
    @get("/blocking", sync_to_thread=False, opt=OPEN)
    @transactional
    def blocking(session: Session) -> None:
        session.execute(text("SELECT 1"))

    with serving(five, blocking) as client:
        assert client.get("/blocking").status_code == 500


@pytest.mark.parametrize("wrong", [lambda other: None, lambda: None])
def test_only_a_function_with_a_session_can_be_transactional(wrong: Callable[..., None]) -> None:
    with pytest.raises(TypeError, match="session"):
        transactional(wrong)


def test_health_tells_that_the_database_is_gone(five: Database) -> None:
    with serving(five) as client:
        answer = client.get("/health")
        assert (answer.status_code, answer.json()) == (
            200,
            {"status": "ok", "database": "ok", "jobs": {"overdue": [], "failed": []}},
        )
    gone = Database(engine=_nowhere(five), owner_url=five.owner_url, home=five.home)
    with serving(five, then=gone) as client:
        answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "database": "unavailable"})


def _nowhere(database: Database) -> Engine:
    return create_engine(database.engine.url.set(database="medspiller_no_such_database"))
