"""One transaction for each request, opened, run and committed in the handler's own thread.

A sync session from a generator dependency deadlocks under load: its clean-up queues for the threads that waiting
handlers hold. Here one wrapper does all of it in one thread, and there are as many threads as connections, so a thread
never waits for a connection.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import lru_cache, wraps
from typing import Any, TypeVar
from uuid import UUID

from litestar import Litestar, Request
from sqlalchemy import URL, Engine, NullPool, QueuePool, create_engine, text
from sqlmodel import Session

from service.database import tenancy
from service.database.engine import Database
from service.values.secrecy import KeyRing

Answer = TypeVar("Answer")

_TENANT, _BEGIN = "tenant_id", "begin"


def database_of(request: Request[Any, Any, Any]) -> Database:
    """The database that the application was made with."""
    database: Database = request.app.state.database
    return database


def keys_of(request: Request[Any, Any, Any]) -> KeyRing:
    """The key ring that the application was made with."""
    ring: KeyRing = request.app.state.key_ring
    return ring


def act_in(request: Request[Any, Any, Any], tenant_id: UUID, begin: Callable[[Session], None] | None = None) -> None:
    """Say, before the handler runs, whose rows its transaction may see: for guards and sign-in.

    With `begin` that says so to the transaction itself, and raises where whoever asks may not ask any more.
    """
    request.state[_TENANT] = tenant_id
    if begin is not None:
        request.state[_BEGIN] = begin


def begins(handler: Any) -> bool:
    """Whether a route's handler does all its work in a transaction that begins as `act_in` wants it."""
    # The framework wraps what it runs in a thread.
    return bool(vars(getattr(handler, "func", handler)).get(_BEGIN))


def transactional(handler: Callable[..., Answer]) -> Callable[..., Answer]:
    """Give a handler its `session`: a transaction that commits when it returns and rolls back when it raises.

    Stands below the route decorator, which needs `sync_to_thread=True`. A returned error response would commit: raise.
    """
    signature = inspect.signature(handler, eval_str=True)
    if inspect.iscoroutinefunction(handler) or "session" not in signature.parameters:
        raise TypeError(f"{handler.__qualname__} must be a plain function with a parameter `session`")
    asks_for_request = "request" in signature.parameters

    @wraps(handler)
    def run(*args: Any, request: Request[Any, Any, Any], **values: Any) -> Answer:
        _require_thread(handler)
        if asks_for_request:
            values["request"] = request
        begin = request.state.get(_BEGIN)
        with database_of(request).transaction(None if begin else request.state.get(_TENANT)) as session:
            if begin is not None:
                begin(session)
            return handler(*args, session=session, **values)

    _show(run, signature, asks_for_request)
    vars(run)[_BEGIN] = True
    return run


def _require_thread(handler: Callable[..., Any]) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"{handler.__qualname__} blocks the event loop: its route needs sync_to_thread=True")


def _show(run: Callable[..., Any], signature: inspect.Signature, asks_for_request: bool) -> None:
    """Show the framework the handler's parameters without `session`, which it would read from the query."""
    parameters = [parameter for name, parameter in signature.parameters.items() if name != "session"]
    if not asks_for_request:
        request = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request[Any, Any, Any])
        parameters.append(request)
    shown = signature.replace(parameters=parameters)
    annotations = {parameter.name: parameter.annotation for parameter in parameters}
    vars(run).pop("__wrapped__")
    run.__signature__ = shown  # type: ignore[attr-defined]
    run.__annotations__ = annotations | {"return": signature.return_annotation}


@contextmanager
def record_outside(database: Database, tenant_id: UUID | None) -> Iterator[Session]:
    """A short transaction of its own, committed at the block's end, for what must survive a refusal.

    Miss counters, failed sign-ins, audited refusals, progress. It has a connection beside the pool, since the request's
    own thread holds one of the pool's already: with every thread asking for a second one all would wait for each other.
    It must not write a row that the request's own transaction has locked; after five seconds of that it raises.
    """
    with Session(_beside(database.engine.url), expire_on_commit=False) as session, session.begin():
        session.execute(text("SET LOCAL lock_timeout = '5s'"))
        if tenant_id is not None:
            tenancy.act_for(session, tenant_id)
        yield session


@lru_cache
def _beside(url: URL) -> Engine:
    named = {"application_name": "medspiller outside"}
    return create_engine(url, poolclass=NullPool, connect_args=named, hide_parameters=True)


def threads_like_connections(database: Database) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """A lifespan that lets handlers run in as many threads as the pool has connections."""
    pool = database.engine.pool
    size = pool.size() if isinstance(pool, QueuePool) else 1

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        # Litestar runs sync handlers in the loop's default executor, not under anyio's limiter; the loop shuts it down.
        executor = ThreadPoolExecutor(size, thread_name_prefix="handler")
        asyncio.get_running_loop().set_default_executor(executor)
        yield

    return lifespan
