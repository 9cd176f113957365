"""Backup and restore with PostgreSQL's own programs, run as the owner.

A backup holds the whole database. It does not hold the keys in HOME/keys, without which nobody can read the identity
numbers in it: keep a copy of them too, and apart from the backups.
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg.conninfo import make_conninfo
from sqlalchemy import NullPool, create_engine, make_url, text

from service.database import schema
from service.database.cluster import sync_folder
from service.database.embedded import binaries
from service.errors import N_, Conflict, Invalid, Refused, Text

# Nobody's work is waited for longer than this: a restore wants the service and the worker stopped.
_BEGIN = b"""BEGIN;
SET LOCAL lock_timeout = '10s';
SET LOCAL client_min_messages = warning;
DROP SCHEMA IF EXISTS public, directory, procrastinate CASCADE;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""
_QUIETLY = ("-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse")
_GRANTEE = re.compile(r'(?P<statement>(?:GRANT|REVOKE) .*) (?P<way>TO|FROM) (?P<role>"(?:[^"]|"")+"|\S+?);')


class Backup(msgspec.Struct, frozen=True):
    """A backup that was written: its size in bytes and the revision of the schema in it."""

    file: str
    bytes: int
    revision: str


class Restored(msgspec.Struct, frozen=True):
    """A backup that was restored: the revision of the schema in it, and the one it was then upgraded to."""

    file: str
    before: str
    revision: str


def backup(owner_url: str, file: Path, *, overwrite: bool) -> Backup:
    """Write the whole database to `file`, readable for its owner alone; whole or not at all.

    The service may go on meanwhile: the backup is of one instant.
    """
    revision = schema.current(owner_url)
    if revision is None:
        raise Refused("The database is empty; there is nothing to back up.")
    if file.exists() and not overwrite:
        raise Conflict("{file} exists already. Name another file, or add --overwrite.", file=file)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        conninfo, environment = _connection(owner_url)
        place = ["--format=custom", f"--file={fresh}", f"--dbname={conninfo}"]
        _output("pg_dump", *place, environment=environment, failed=Text(N_("The database cannot be backed up")))
        size = fresh.stat().st_size
        fresh.replace(file)
        sync_folder(file.parent)
    except OSError as error:
        raise Invalid("{file} cannot be written: {reason}.", file=file, reason=error.strerror) from error
    finally:
        fresh.unlink(missing_ok=True)
    return Backup(str(file), size, revision)


def restore(owner_url: str, app_role: str, file: Path, *, replace: bool) -> Restored:
    """Put a backup in the place of everything in the database, in one transaction, then upgrade the schema.

    Refused where there are tenants already, unless `replace`. The backup may come from a server whose roles have other
    names: rights of its app role go to `app_role`.
    """
    before = _revision_in(file)
    if not replace:
        _require_empty(owner_url)
    rights = _rights_in(file, app_role)
    conninfo, environment = _connection(owner_url)
    with tempfile.TemporaryFile() as complaints:
        psql = subprocess.Popen(
            [str(binaries() / "psql"), *_QUIETLY, "-d", conninfo],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            env=environment,
        )
        whole = _send(psql, file, rights)
        complaints.seek(0)
        said = complaints.read().decode("utf-8", "replace").strip()
    if psql.returncode:
        raise Refused(
            "{file} cannot be restored, and nothing was changed: {reason}", file=file, reason=_first_line(said)
        )
    if not whole:
        raise Invalid("{file} is damaged or cut short, and nothing was changed.", file=file)
    return Restored(str(file), before, schema.upgrade(owner_url, app_role))


def _send(psql: subprocess.Popen[bytes], file: Path, rights: str) -> bool:
    """Send psql the backup as one transaction. Only a backup that was read to its end is committed."""
    command = [str(binaries() / "pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(file)]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert psql.stdin is not None
    assert reader.stdout is not None
    # Where psql stops at an error the pipe breaks, and it says why. At the end of its input it rolls back what is open.
    with psql, reader, suppress(BrokenPipeError), psql.stdin:
        psql.stdin.write(_BEGIN)
        shutil.copyfileobj(reader.stdout, psql.stdin, 2**20)
        if reader.wait() == 0:
            psql.stdin.write(f"\n{rights}\nANALYZE;\nCOMMIT;\n".encode())
            return True
    return False


def _revision_in(file: Path) -> str:
    """The schema's revision in a backup; refuses what is no backup, and one of a newer program."""
    no_backup = Text(N_("{file} is no backup of Medspiller"), {"file": file})
    found = _output("pg_restore", "--data-only", "--table=alembic_version", "--file=-", file, failed=no_backup)
    revision = re.search(r"^COPY public\.alembic_version .*;\n(\S+)\n", found, re.MULTILINE)
    if revision is None or revision[1] == "\\.":
        raise Invalid("{file} is no backup of Medspiller.", file=file)
    try:
        ScriptDirectory(str(Path(__file__).parent / "migrations")).get_revision(revision[1])
    except CommandError:
        raise Invalid(
            "{file} was made by another release of Medspiller (schema {schema}); use that.",
            file=file,
            schema=revision[1],
        ) from None
    return revision[1]


def _require_empty(owner_url: str) -> None:
    with create_engine(owner_url, poolclass=NullPool).connect() as connection:
        if connection.execute(text("SELECT to_regclass('directory.tenant') IS NULL")).scalar_one():
            return
        tenants = connection.execute(text("SELECT count(*) FROM directory.tenant")).scalar_one()
    if tenants:
        raise Conflict(
            "The database is not empty (tenants: {tenants}). Restore into an empty one, or add --replace to lose "
            "everything that it holds.",
            tenants=tenants,
        )


def _rights_in(file: Path, app_role: str) -> str:
    """The statements that grant what the backup's roles had, to this server's roles."""
    unreadable = Text(N_("The rights in {file} cannot be read"), {"file": file})
    entries = _output("pg_restore", "--list", file, failed=unreadable).splitlines()
    owners = Counter(entry.rsplit(" ", 1)[-1] for entry in entries if " TABLE public " in entry)
    with tempfile.NamedTemporaryFile("w", suffix=".list") as chosen:
        chosen.write("\n".join(entry for entry in entries if re.match(r"\d+; \d+ \d+ ACL ", entry)))
        chosen.flush()
        listed = ["--use-list", chosen.name, "--file=-"]
        said = _output("pg_restore", *listed, file, failed=unreadable)
    statements = [found for line in said.splitlines() if (found := _GRANTEE.fullmatch(line))]
    owner = owners.most_common(1)[0][0] if owners else ""
    names = {owner: "CURRENT_USER", "pg_database_owner": "pg_database_owner", "PUBLIC": "PUBLIC"}
    others = {found["role"] for found in statements} - names.keys()
    if len(others) > 1:
        raise Refused(
            "{file} grants rights to several roles ({roles}); there must be one.",
            file=file,
            roles=", ".join(sorted(others)),
        )
    app = '"' + app_role.replace('"', '""') + '"'
    return "\n".join(f"{found['statement']} {found['way']} {names.get(found['role'], app)};" for found in statements)


def _connection(owner_url: str) -> tuple[str, dict[str, str]]:
    """How a program of PostgreSQL connects as the owner: its argument, and an environment that has the password.

    Every local user can read another's arguments, nobody another's environment.
    """
    url = make_url(owner_url)
    parts = url.translate_connect_args(username="user", database="dbname") | dict(url.query)
    password = parts.pop("password", None)
    joined = {key: ",".join(part) if isinstance(part, tuple) else part for key, part in parts.items()}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return make_conninfo(**joined), environment | ({"PGPASSWORD": str(password)} if password else {})


def _output(program: str, *arguments: str | Path, failed: Text, environment: Mapping[str, str] | None = None) -> str:
    command = [binaries() / program, *(["--no-password"] if program == "pg_dump" else []), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    if done.returncode:
        raise Refused("{failed}: {reason}", failed=failed, reason=_first_line(done.stderr))
    return done.stdout


def _first_line(said: str) -> str:
    line = next((line for line in said.splitlines() if "ERROR" in line or "error" in line), said.strip())
    return line.rsplit("ERROR:", 1)[-1].removeprefix("pg_restore: error:").removeprefix("pg_dump: error:").strip()
