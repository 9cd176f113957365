"""How long register imports take, held against PostgreSQL's own COPY of the same files, and how much memory."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from service.database import embedded, schema
from service.register.made_up import Extract, write_extract
from service.settings import load

FIRST_GOAL, SECOND_GOAL, MEMORY_GOAL = 15, 0.5, 300
"""Times the plain COPY, share of the first import, and MB."""


def run(households: int) -> list[str]:
    """Import a made-up extract of so many households twice; one line for each figure: what, measured, goal.

    The database is one of its own on the server that the settings name, and is dropped afterwards.
    """
    with tempfile.TemporaryDirectory() as folder, _database() as (app, owner):
        extract = write_extract(Path(folder), households=households, on=date(2017, 1, 15))
        plain = _plain_copy(owner, extract)
        environment = os.environ | {
            "MEDSPILLER_HOME": str(Path(folder) / "home"),
            "MEDSPILLER_DATABASE_URL": app,
            "MEDSPILLER_DATABASE_OWNER_URL": owner,
        }
        _command(environment, "municipality", "add", "0751", "Aarhus", "--country", "dk")
        files = ("--population", extract.population, "--income", extract.income, "--decisions", extract.decisions)
        first, memory, _ = _command(environment, "register", "import", "--municipality", "0751", *files)
        second, again, answer = _command(environment, "register", "import", "--municipality", "0751", *files)
    rows = extract.persons + extract.incomes + extract.decisions_count
    unchanged = json.loads(answer)["unchanged"]
    return [
        f"plain COPY of {households:,} households ({rows:,} rows): {plain:.1f} s",
        f"first import: {first:.1f} s, {first / plain:.1f} times the plain COPY (goal {FIRST_GOAL})",
        f"second import, {unchanged:,} rows unchanged: {second:.1f} s, {second / first:.2f} of the first "
        f"(goal {SECOND_GOAL})",
        f"memory of the largest process: {max(memory, again):.0f} MB (goal {MEMORY_GOAL})",
    ]


@contextmanager
def _database() -> Iterator[tuple[str, str]]:
    """The URLs of the app role and of the owner for a new, migrated database."""
    settings = load()
    if settings.database_url and settings.database_owner_url:
        with _made(make_url(settings.database_url), make_url(settings.database_owner_url)) as urls:
            yield urls
        return
    with (
        embedded.running(settings.home) as running,
        _made(make_url(running.app), make_url(running.owner)) as urls,
    ):
        yield urls


@contextmanager
def _made(app: URL, owner: URL) -> Iterator[tuple[str, str]]:
    name = f"medspiller_benchmark_{uuid4().hex[:12]}"
    with psycopg.connect(_libpq(owner), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            urls = [url.set(database=name).render_as_string(hide_password=False) for url in (app, owner)]
            schema.upgrade(urls[1], app.username or "")
            yield urls[0], urls[1]
        finally:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _plain_copy(owner: str, extract: Extract) -> float:
    """Seconds to COPY the files as they are into tables of untyped text without keys."""
    with psycopg.connect(_libpq(make_url(owner))) as connection:
        started = time.perf_counter()
        for path in (extract.population, extract.income, extract.decisions):
            with path.open("rb") as file:
                columns = ", ".join(f"{name} text" for name in file.readline().decode().strip().split(","))
                connection.execute(f"CREATE UNLOGGED TABLE plain_{path.stem} ({columns})")
                file.seek(0)
                with connection.cursor().copy(f"COPY plain_{path.stem} FROM STDIN (FORMAT csv, HEADER)") as copy:
                    while block := file.read(1 << 18):
                        copy.write(block)
        connection.commit()
        seconds = time.perf_counter() - started
        for path in (extract.population, extract.income, extract.decisions):
            connection.execute(f"DROP TABLE plain_{path.stem}")
        return seconds


def _command(environment: dict[str, str], *arguments: object) -> tuple[float, float, str]:
    """Run a command in a process of its own: seconds, MB of its memory at most, and what it answers."""
    program = "import sys; from service.cli import main; sys.exit(main())"
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        process = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", program, *map(str, arguments), "--json"],
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)],
        )
        _, status, usage = os.wait4(process, 0)
        seconds = time.perf_counter() - started
        if status:
            raise RuntimeError(f"medspiller {arguments[0]} {arguments[1]} failed")
        out.seek(0)
        return seconds, usage.ru_maxrss / 1024, out.read().decode()
