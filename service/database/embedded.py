"""The embedded PostgreSQL of a home: started by the first who needs it, stopped by the last who leaves.

Two locks in `HOME/postgres` make that sure between processes; the kernel frees them when a process is killed:

- `start.lock`, held exclusively while somebody comes or leaves, so that this happens to one at a time;
- `users.lock`, held shared by every user for as long as it uses the server. Who leaves and can turn its own
  into an exclusive one is the last, and stops the server before it lets go of `start.lock`: whoever arrives
  meanwhile waits there, finds no server and starts it again.

That a server lives is proved by signing in to it, never by a process id in a file.
"""

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import psycopg
from psycopg import sql
from sqlalchemy import URL

from service.database import placement, postmaster
from service.database.cluster import PORT, Cluster, binaries, write
from service.errors import N_, Refused, Text

__all__ = ["DATABASE", "Urls", "binaries", "running"]

DATABASE = "medspiller"
OWNER, APP, SUPERUSER = "medspiller_owner", "medspiller_app", "postgres"

# The database's comment, written when its roles stand; another number has them set up again.
_PREPARED = "Medspiller 1"
_ATTEMPTS = 3
_PATIENCE = 120.0  # seconds for a server that lives but does not answer: it starts, recovers or stops


class Urls(msgspec.Struct, frozen=True):
    """SQLAlchemy URLs with passwords; `app` is under row-level security, `owner` past it"""

    app: str
    owner: str

    def __repr__(self) -> str:
        return "Urls(app=..., owner=...)"


class _Passwords(msgspec.Struct, frozen=True):
    superuser: str
    owner: str
    app: str


@contextlib.contextmanager
def running(home: Path) -> Iterator[Urls]:
    """Keep the home's own PostgreSQL running for the length of the block, and give the URLs to reach it.

    Makes the database on the first call. Any number of processes and threads may come at once. Raises
    Refused with the end of the server's log where it cannot be started. For tests only,
    `MEDSPILLER_POSTGRES_FSYNC=off` in the environment of who starts the server gives up safety in power cuts.
    """
    folder = home.resolve() / "postgres"
    with contextlib.ExitStack() as leaving:
        try:
            folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            start = leaving.enter_context(_lock_file(folder / "start.lock"))
            users = leaving.enter_context(_lock_file(folder / "users.lock"))
            with _alone(start):
                cluster = placement.locate(folder)
                fcntl.flock(users, fcntl.LOCK_SH)
                leaving.callback(_leave, cluster, start, users)
                passwords = _passwords(cluster)
                _bring_up(cluster, passwords)
        except OSError as error:
            place = error.filename or folder
            raise Refused(
                "The embedded database in {folder} cannot be used: {reason}: {place}",
                folder=folder,
                reason=error.strerror,
                place=place,
            ) from error
        yield Urls(_url(cluster, APP, passwords.app), _url(cluster, OWNER, passwords.owner))


def _url(cluster: Cluster, role: str, password: str) -> str:
    place = {"host": str(cluster.sockets), "port": str(PORT)}
    url = URL.create("postgresql+psycopg", username=role, password=password, database=DATABASE, query=place)
    return url.render_as_string(hide_password=False)


def _lock_file(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "wb")


@contextlib.contextmanager
def _alone(start: IO[bytes]) -> Iterator[None]:
    fcntl.flock(start, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(start, fcntl.LOCK_UN)


def _leave(cluster: Cluster, start: IO[bytes], users: IO[bytes]) -> None:
    with _alone(start):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        # Where the home was deleted under its server, the server ends by itself within a minute.
        with contextlib.suppress(OSError):
            postmaster.stop(cluster)


def _passwords(cluster: Cluster) -> _Passwords:
    path = cluster.folder / "credentials.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Passwords)
    except FileNotFoundError:
        if cluster.data.exists():
            raise Refused(
                "{file} with the passwords of the database is gone; bring it back from a copy.", file=path
            ) from None
    except msgspec.DecodeError:
        raise Refused("{file} cannot be read; bring it back from a copy.", file=path) from None
    passwords = _Passwords(*(secrets.token_urlsafe(24) for _ in range(3)))
    write(path, msgspec.json.encode(passwords), 0o600)
    return passwords


def _bring_up(cluster: Cluster, passwords: _Passwords) -> None:
    """Have a server that lets us in and whose roles stand; recover from whatever a killed one left behind."""
    deadline, attempts, said = time.monotonic() + _PATIENCE, 0, ""
    while True:
        try:
            with _superuser(cluster, passwords) as connection:
                return _prepare(connection, passwords)
        except psycopg.OperationalError as error:
            failure = str(error)
        if "password authentication failed" in failure:
            raise Refused(
                "The database refuses the password in {file}; bring that file back from a copy.",
                file=cluster.folder / "credentials.json",
            )
        if postmaster.living(cluster.data):
            if time.monotonic() > deadline:
                raise Refused(
                    "The embedded database in {folder} is running but does not answer ({reason}); "
                    "the end of its log {log}: {end}",
                    folder=cluster.base,
                    reason=failure.strip().splitlines()[-1],
                    log=cluster.log,
                    end=_end_of_log(cluster),
                )
            postmaster.stop_if_unreachable(cluster)
            time.sleep(0.1)
        elif attempts == _ATTEMPTS:
            raise Refused(
                "The embedded database in {folder} cannot be started ({reason}); the end of its log {log}: {end}",
                folder=cluster.base,
                reason=said,
                log=cluster.log,
                end=_end_of_log(cluster),
            )
        else:
            attempts += 1
            postmaster.clear_remains(cluster)
            said = postmaster.start(cluster, SUPERUSER, passwords.superuser)


def _superuser(cluster: Cluster, passwords: _Passwords) -> psycopg.Connection:
    return psycopg.connect(
        host=str(cluster.sockets),
        port=PORT,
        user=SUPERUSER,
        password=passwords.superuser,
        dbname="postgres",
        connect_timeout=10,
        autocommit=True,
    )


def _end_of_log(cluster: Cluster) -> str | Text:
    """The last lines of the server's log (which holds no data: see the settings)."""
    lines = cluster.log.read_text("utf-8", "replace").splitlines()[-5:] if cluster.log.exists() else []
    return " | ".join(lines) or Text(N_("it is empty"))


def _prepare(connection: psycopg.Connection, passwords: _Passwords) -> None:
    """Set up roles and database; repeatable, so that whoever comes after a killed one completes it."""
    found = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [DATABASE]
    ).fetchone()
    if found == (_PREPARED,):
        return
    # A killed predecessor's session may still be at it.
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND usename = current_user AND pid <> pg_backend_pid()"
    )
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
    _set_role(connection, OWNER, sql.SQL("BYPASSRLS CREATEDB"), passwords.owner)
    _set_role(connection, APP, sql.SQL("NOBYPASSRLS NOCREATEDB"), passwords.app)
    names = {"database": sql.Identifier(DATABASE), "owner": sql.Identifier(OWNER), "app": sql.Identifier(APP)}
    if not found:
        connection.execute(sql.SQL("CREATE DATABASE {database} OWNER {owner}").format(**names))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {database} FROM PUBLIC").format(**names))
    connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {app}").format(**names))
    connection.execute(sql.SQL("COMMENT ON DATABASE {database} IS {}").format(_PREPARED, **names))


def _set_role(connection: psycopg.Connection, name: str, attributes: sql.SQL, password: str) -> None:
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
    # The verifier goes over instead of the password, so that no log or statistics view can ever show that.
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    connection.execute(
        sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION {} PASSWORD {}").format(
            sql.Identifier(name), attributes, verifier
        )
    )
