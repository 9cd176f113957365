"""How long a municipality's determinations take: facts, dry run, what-if, commit, second refresh."""

import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import date
from io import StringIO
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, NullPool, create_engine, text
from sqlmodel import Session

from service.audit.actions import COMMAND
from service.cli import main
from service.database.engine import Database, open_database
from service.database.tenancy import act_for
from service.eligibility import actions
from service.eligibility.facts import fact_set
from service.identity.actions import Municipality, find_municipality
from service.register.made_up import write_extract
from service.settings import load
from service.values import clock
from service.values.progress import Progress

_CODE = "B0751"
_ON = date(2017, 1, 15)


def run(households: int) -> list[str]:
    """Measure on a made-up municipality, in the database that the environment names; seconds by the wall clock.

    The municipality is made and imported where it does not stand yet, which is not measured here.
    """
    with tempfile.TemporaryDirectory() as folder, open_database(load()) as database:
        code = f"{_CODE}-{households}"
        municipality = made_up_municipality(database, code, households, Path(folder))
        if municipality is None:
            return [f"the municipality {code} stands from an earlier run: use an empty database"]
        tenant = municipality.id
        facts = _timed(database, tenant, lambda s: fact_set(s, tenant, _ON, _ON.year, clock.now()))
        dry = _timed(database, tenant, lambda s: _refresh(s, municipality, commit=False))
        changes = {"limit": "200000"}
        what_if = _timed(database, tenant, lambda s: actions.what_if(s, municipality, "fritidspas", _ON, None, changes))
        first = _timed(database, tenant, lambda s: _refresh(s, municipality, commit=True))
        second = _timed(database, tenant, lambda s: _refresh(s, municipality, commit=True))
        children, copied = _copied(database, tenant)
        return [
            f"facts of {children:,} children in {households:,} households: {facts:.1f} s (goal 12 s for a million)",
            f"dry run on these facts: {dry:.1f} s (goal 1 s)",
            f"what-if on these facts: {what_if:.1f} s (goal 1 s)",
            f"first commit on these facts: {first:.1f} s, {first / copied:.1f} times the owner's COPY of the same rows "
            f"into the same tables, {copied:.1f} s (goal 3 times)",
            f"second refresh, nothing changed: {second:.1f} s, {second / (facts + first):.2f} of the first "
            "(goal a third)",
        ]


def made_up_municipality(database: Database, code: str, households: int, folder: Path) -> Municipality | None:
    """A municipality with a made-up register, imported; None where it stands from an earlier run."""
    with database.transaction() as session:
        if (
            session.execute(text("SELECT FROM directory.find_tenant('municipality', :code)"), {"code": code}).first()
            is not None
        ):
            return None
    extract = write_extract(folder, households=households, on=_ON)
    files = ("--population", extract.population, "--income", extract.income, "--decisions", extract.decisions)
    command("municipality", "add", code, "Aarhus", "--country", "dk")
    command("register", "import", "--municipality", code, *files)
    with database.transaction() as session:
        return find_municipality(session, code)


def command(*arguments: object) -> None:
    """Run a command; one that fails ends the benchmark with what it said."""
    with redirect_stdout(StringIO()) as said, redirect_stderr(said):
        try:
            code = main([str(argument) for argument in arguments], standalone_mode=False)
        except SystemExit as left:
            code = left.code
    if code:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: {said.getvalue()}")


def _refresh(session: Session, municipality: Municipality, *, commit: bool) -> actions.Refresh:
    return actions.refresh(session, municipality, "fritidspas", _ON, None, COMMAND, Progress(), commit=commit)


def _timed(database: Database, tenant: UUID, work: Callable[[Session], Any]) -> float:
    began = perf_counter()
    with database.transaction() as session:
        act_for(session, tenant)
        work(session)
    return perf_counter() - began


def _copied(database: Database, tenant: UUID) -> tuple[int, float]:
    """How many determinations there are, and the seconds in which the owner copies them in once more, rolled back.

    They get new ids and another period, so that the keys and foreign keys of the same table take them.
    """
    with (
        create_engine(database.owner_url, poolclass=NullPool).connect() as connection,
        tempfile.TemporaryFile() as file,
    ):
        columns = connection.execute(
            text(
                """SELECT string_agg(CASE column_name WHEN 'id' THEN 'uuidv7() AS id'
                    WHEN 'period_start' THEN 'period_start + 36525 AS period_start' ELSE column_name END, ', '
                    ORDER BY ordinal_position)
                FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'determination'"""
            )
        ).scalar_one()
        _copy(connection, f"COPY (SELECT {columns} FROM determination WHERE tenant_id = '{tenant}') TO STDOUT", file)
        children = connection.execute(
            text("SELECT count(*) FROM determination WHERE tenant_id = :tenant"), {"tenant": tenant}
        ).scalar_one()
        file.seek(0)
        began = perf_counter()
        _copy(connection, "COPY determination FROM STDIN", file)
        copied = perf_counter() - began
        connection.rollback()
    return children, copied


def _copy(connection: Connection, statement: str, file: Any) -> None:
    cursor = connection.connection.cursor()
    with cursor.copy(statement) as copy:
        if "TO STDOUT" in statement:
            for block in copy:
                file.write(block)
        else:
            while block := file.read(1 << 20):
                copy.write(block)
