"""One PostgreSQL for the whole run, a migrated template in it, and a clone of that for each test that asks."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import hypothesis
import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import URL, NullPool, create_engine, make_url, text

from service.cli import main
from service.database import embedded, schema
from service.database.engine import Database, open_database
from service.settings import load
from service.values import clock

os.environ.setdefault("MEDSPILLER_POSTGRES_FSYNC", "off")
# A machine that is busy fails no test: how fast something is, the benchmarks tell.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")
_SHARED = "MEDSPILLER_TEST_SHARED"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--matrix", action="store_true", help="every page in every language, colours and width")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all workers of a run share, once. As root its server runs as a user who must get in."""
    if _SHARED not in os.environ:
        os.environ[_SHARED] = tempfile.mkdtemp(prefix="medspiller-tests-", dir=_memory())
        Path(os.environ[_SHARED]).chmod(0o755)
        config.stash[_MADE_HERE] = True


def _memory() -> str | None:
    """A folder in memory, where there is one with room: a clone of the template takes a twentieth of the time there."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 6 * 2**30
    return str(memory) if roomy else None


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(_MADE_HERE, False):
        shutil.rmtree(os.environ.pop(_SHARED))


_MADE_HERE = pytest.StashKey[bool]()


class Server(msgspec.Struct, frozen=True):
    """The test run's PostgreSQL: where the app role and the owner connect, and the name of the migrated template."""

    app: URL
    owner: URL
    template: str


class Medspiller(Protocol):
    """Runs a command with `--json` in this process and returns its object; `fails` wants a sentence and exit code 1."""

    def __call__(self, *arguments: object) -> dict[str, Any]: ...
    def fails(self, *arguments: object, code: int = 1) -> str: ...


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    shared = Path(os.environ[_SHARED])
    app, owner = os.environ.get("MEDSPILLER_DATABASE_URL"), os.environ.get("MEDSPILLER_DATABASE_OWNER_URL")
    if app and owner:
        yield _with_template(shared, make_url(app), make_url(owner))
        return
    with embedded.running(shared / "postgres-home") as urls:
        yield _with_template(shared, make_url(urls.app), make_url(urls.owner))


def _with_template(shared: Path, app: URL, owner: URL) -> Server:
    """Make the template once in a run: workers wait for the first."""
    name_file = shared / "template-name"
    with (shared / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not name_file.exists():
            name = f"medspiller_template_{uuid4().hex[:12]}"
            _maintain(owner, f'CREATE DATABASE "{name}"')
            schema.upgrade(owner.set(database=name).render_as_string(hide_password=False), app.username or "")
            name_file.write_text(name)
    return Server(app=app, owner=owner, template=name_file.read_text())


def _maintain(owner: URL, statement: str) -> None:
    engine = create_engine(owner, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))


@pytest.fixture
def installation(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new installation: a database and a home of its own, named by the environment. Gives the home."""
    with new_installation(server, tmp_path / "home", monkeypatch) as home:
        yield home


@contextmanager
def new_installation(server: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation for as long as the block runs: for tests that share one, which then only read."""
    name = f"medspiller_test_{uuid4().hex[:12]}"
    _maintain(server.owner, f'CREATE DATABASE "{name}" TEMPLATE "{server.template}" STRATEGY FILE_COPY')
    monkeypatch.setenv("MEDSPILLER_HOME", str(home))
    for variable, url in (("MEDSPILLER_DATABASE_URL", server.app), ("MEDSPILLER_DATABASE_OWNER_URL", server.owner)):
        monkeypatch.setenv(variable, url.set(database=name).render_as_string(hide_password=False))
    yield home
    clock.pin(None)
    _maintain(server.owner, f'DROP DATABASE "{name}"')


@pytest.fixture
def database(installation: Path) -> Iterator[Database]:
    """The installation's database, opened in this process."""
    with open_database(load()) as opened:
        yield opened


@pytest.fixture
def medspiller(installation: Path) -> Medspiller:
    """The command line of the installation."""
    return CommandLine()


class CommandLine:
    """Commands in this process, on the installation that the environment names; see `Medspiller`."""

    def __call__(self, *arguments: object) -> dict[str, Any]:
        result = CliRunner().invoke(main, [*map(str, arguments), "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    def fails(self, *arguments: object, code: int = 1) -> str:
        result = CliRunner().invoke(main, [*map(str, arguments), "--json"], catch_exceptions=False)
        assert result.exit_code == code, result.output
        assert result.stdout == ""
        return result.stderr


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the clock of commands and of this process to an instant such as 2017-01-15T08:00Z."""

    def pin(instant: str) -> None:
        monkeypatch.setenv("MEDSPILLER_NOW", instant)
        clock.pin(load().now)

    return pin
