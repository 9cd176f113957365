"""Proving a backup: restored into a database of its own beside the live one, checked there, counted and dropped."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError
from sqlmodel import Session

from service.database import maintenance
from service.database.checks import Check, Found, own_checks, run_checks
from service.database.engine import Database
from service.database.keys import key_file
from service.errors import Conflict, Refused
from service.values.secrecy import KeyRing


class Counted(msgspec.Struct, frozen=True):
    """Rows of a table in the backup and in the live database, which may have gone on since."""

    table: str
    backup: int
    live: int


class Trial(msgspec.Struct, frozen=True):
    """What a trial restore showed. `keys_match`: the installation's key file is the one the backup was written with."""

    file: str
    revision: str
    checks: list[Found]
    tables: list[Counted]
    keys_match: bool

    @property
    def faults(self) -> list[str]:
        """A sentence for each thing that is wrong."""
        wrong = [f"{check.name}: {sentence}" for check in self.checks for sentence in check.found]
        return wrong if self.keys_match else [*wrong, "keys: The key file is not the one of this backup."]


def trial_restore(database: Database, file: Path, checks: Sequence[Check], unsealed: Callable[[Session], int]) -> Trial:
    """Restore a backup into a scratch database on the same server as the owner, run the checks there, and drop it."""
    app_role = database.engine.url.username or ""
    with _scratch(database.owner_url) as scratch:
        restored = maintenance.restore(scratch, app_role, file, replace=False)
        found, _ = run_checks(scratch, [*own_checks(app_role), *checks], unsealed)
        backup, live = _counts(scratch), _counts(database.owner_url)
        tables = [Counted(table, backup.get(table, 0), live.get(table, 0)) for table in sorted(backup | live)]
        return Trial(restored.file, restored.revision, found, tables, _keys_match(database, scratch))


@contextmanager
def _scratch(owner_url: str) -> Iterator[str]:
    """A database of its own for one trial at a time; what a killed one left of its own goes first."""
    engine = create_engine(owner_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    # The connection holds the lock, which the server frees when this process dies.
    with engine.connect() as connection:
        if not connection.execute(text("SELECT pg_try_advisory_lock(hashtextextended('trial restore', 0))")).scalar():
            raise Conflict("Another trial restore is at work; try again when it has ended.")
        # The live database's number, so that other databases on this server have scratch databases of their own.
        query = text("SELECT 'medspiller_trial_' || oid FROM pg_database WHERE datname = current_database()")
        name = connection.execute(query).scalar_one()
        drop = text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        try:
            connection.execute(drop)
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE template0'))
        except ProgrammingError as error:
            raise Refused(
                "The owner may not make a database for the trial: {reason}. Give its role CREATEDB.",
                reason=str(error.orig).strip(),
            ) from error
        try:
            yield make_url(owner_url).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(drop)


def _counts(owner_url: str) -> dict[str, int]:
    with create_engine(owner_url, poolclass=NullPool).connect() as connection:
        tables = connection.execute(
            text(
                """SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
                JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname IN ('public', 'directory') AND c.relkind IN ('r', 'p')"""
            )
        ).scalars()
        return {
            table: int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()) for table in list(tables)
        }


def _keys_match(database: Database, scratch: str) -> bool:
    """Whether the installation's keys belong to the backup; also true of one that never needed any."""
    with create_engine(scratch, poolclass=NullPool).connect() as connection:
        known = connection.execute(text("SELECT fingerprint FROM directory.key_fingerprint")).scalar()
    path = key_file(database.home)
    return known is None or (path.exists() and KeyRing.open(path).fingerprint == bytes(known))
