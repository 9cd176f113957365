"""The way to the database: the engine, one transaction at a time, and the owner's own door."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import msgspec
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from service.database import embedded, schema, tenancy
from service.errors import Refused
from service.settings import Settings


class Database(msgspec.Struct, frozen=True):
    """An open database: the app role's engine, and the owner's URL for migrations, backup, restore and check."""

    engine: Engine
    owner_url: str
    home: Path

    @contextmanager
    def transaction(self, tenant_id: UUID | None = None) -> Iterator[Session]:
        """One transaction of the app role: it commits when the block ends and rolls back when it raises.

        Rows of `tenant_id` are visible in it; with None, none are.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            if tenant_id is not None:
                tenancy.act_for(session, tenant_id)
            yield session


@contextmanager
def open_database(settings: Settings, *, upgraded: bool = True) -> Iterator[Database]:
    """The database of this installation, started first where it is the embedded one.

    The embedded database is upgraded to the schema of this program on opening. Another PostgreSQL is upgraded by
    `medspiller database upgrade` alone; until then it is refused. `upgraded=False` takes it as it is.
    """
    if settings.database_url and settings.database_owner_url:
        with _opened(settings.database_url, settings.database_owner_url, settings) as database:
            if upgraded:
                schema.require_current(database.owner_url)
            yield database
        return
    with embedded.running(settings.home) as urls, _opened(urls.app, urls.owner, settings) as database:
        if upgraded:
            schema.upgrade(database.owner_url, make_url(urls.app).username or "")
        yield database


def _look_after(engine: Engine) -> None:
    """Let a connection that was idle for a while be tried before it is used again, and taken anew where it is dead.

    Trying it each time would cost a busy service a round trip for every transaction.
    """

    @event.listens_for(engine, "checkin")
    def returned(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_RETURNED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        if time.monotonic() - record.info.get(_RETURNED, -_IDLE_SECONDS) < _IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


_RETURNED = "returned"
_IDLE_SECONDS = 1.0


@contextmanager
def _opened(app_url: str, owner_url: str, settings: Settings) -> Iterator[Database]:
    engine = create_engine(
        app_url,
        pool_size=settings.pool_size,
        max_overflow=0,
        connect_args={"application_name": "medspiller"},
        # Errors end up in logs, and parameters are people.
        hide_parameters=True,
    )
    _look_after(engine)
    try:
        try:
            engine.connect().close()
        except OperationalError as error:
            raise Refused("The database does not answer: {reason}", reason=str(error.orig).splitlines()[0]) from error
        yield Database(engine=engine, owner_url=owner_url, home=settings.home)
    finally:
        engine.dispose()
