"""All or nothing: killed, rolled back and simultaneous commits."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import Connection, NullPool, create_engine, text

from service.audit.actions import COMMAND
from service.database.engine import Database
from service.eligibility import actions
from service.identity.actions import Municipality, find_municipality
from service.values.progress import Progress
from tests.conftest import Medspiller
from tests.eligibility.test_refresh import RUN, Town, municipality, scalar, town

__all__ = ["municipality", "town"]

ON = date(2017, 1, 15)


@pytest.fixture
def owner(database: Database) -> Iterator[Connection]:
    with create_engine(database.owner_url, poolclass=NullPool).connect() as connection:
        yield connection


def commit(database: Database, municipality: Municipality, *, undo: bool = False) -> tuple[actions.Refresh, float]:
    """Commit a refresh, or roll it back at the last moment; gives the seconds it took."""
    began = monotonic()
    with database.transaction(municipality.id) as session:
        done = actions.refresh(session, municipality, "fritidspas", ON, None, COMMAND, Progress(), commit=True)
        if undo:
            session.rollback()
    return done, monotonic() - began


def test_two_at_once_leave_one_determination_a_child(
    town: Town, database: Database, municipality: Municipality
) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(commit, database, municipality) for _ in range(2)]
        done = [future.result()[0].account for future in both]
    assert sorted((account.new, account.unchanged) for account in done) == [(0, 30), (30, 0)]
    assert scalar(database, municipality, "SELECT count(*) FROM determination") == 30
    assert scalar(database, municipality, "SELECT count(*) FROM fact_set") == 1


def test_a_killed_commit_leaves_nothing(
    town: Town, medspiller: Medspiller, database: Database, municipality: Municipality, owner: Connection
) -> None:
    """The process is killed while it writes the determinations, which a lock makes it wait with."""
    owner.execute(text("LOCK TABLE determination IN SHARE MODE"))
    program = [sys.executable, "-c", "from service.cli import main; main()"]
    process = subprocess.Popen(
        [*program, *map(str, RUN), "--on", "2017-01-15", "--commit"], cwd=Path(__file__).parents[2]
    )
    until = monotonic() + 30
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'determination'::regclass")
    while not owner.execute(waiting).scalar_one():
        assert monotonic() < until
        sleep(0.02)
    process.kill()
    process.wait()
    owner.rollback()
    while owner.execute(
        text("SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock' AND relation = 'determination'::regclass")
    ).scalar_one():
        assert monotonic() < until
        sleep(0.02)
    for table in ("determination", "refresh_run", "fact", "fact_set"):
        assert scalar(database, municipality, f"SELECT count(*) FROM {table}") == 0
    assert medspiller(*RUN, "--on", "2017-01-15", "--commit")["new"] == 30


def test_after_a_rollback_the_next_is_as_fast(
    medspiller: Medspiller, tmp_path: Path, database: Database, owner: Connection
) -> None:
    """Autovacuum may analyse the emptied tables in between: what counts is planned on what has been written."""
    large = Town(medspiller, tmp_path, 3000)
    large.deliver()
    with database.transaction() as session:
        place = find_municipality(session, "0751")
    _, first = commit(database, place, undo=True)
    for table in ("fact", "fact_set", "determination", "refresh_run"):
        owner.execute(text(f"ANALYZE {table}"))
    owner.commit()
    done, second = commit(database, place)
    assert done.account.new == 3000
    assert second < 10 * first
