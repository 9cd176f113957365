"""A queued e-mail leaves if and only if its transaction commits, soon, once, and lies sealed until then."""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlmodel import Session

from jobs.email import PAUSES
from jobs.worker import Worker
from service.database.engine import Database
from service.database.keys import open_keys
from service.database.tasks import defer
from service.errors import Invalid
from service.identity.messages import send_email
from service.jobs.rules import daily
from service.jobs.work import Job, Whole, Work
from service.settings import Settings, load
from service.web.log import JsonLines
from tests.conftest import Medspiller
from tests.jobs.conftest import age_the_dead, as_owner, retry_now
from tests.letters.mail_server import free_port, serving

TO, SUBJECT, TEXT = "kasserer@klub.example", "Log ind", "Brug linket: https://medby.example/x"
SENDER = "medspiller@kommune.example"


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What the service logged; the mail server of the test, in the same process, logs the letters of its callers."""
    return [record for record in caplog.records if record.name != "mail.log"]


@pytest.fixture
def settings(installation: Path) -> Settings:
    return load()


def _by(settings: Settings, port: int) -> Settings:
    return msgspec.structs.replace(settings, smtp_url=f"smtp://localhost:{port}", email_from=SENDER)


def _queue(database: Database, subject: str = SUBJECT) -> None:
    with database.transaction() as session:
        send_email(session, open_keys(database), TO, subject, TEXT)


def _work(database: Database, settings: Settings) -> None:
    Worker(database, settings, []).once()


def _queued(database: Database) -> list[Any]:
    columns = "status::text, attempts, args::text, extract(epoch FROM scheduled_at - now())::int AS wait"
    return as_owner(database, f"SELECT {columns} FROM procrastinate.procrastinate_jobs ORDER BY id")


def _files(settings: Settings) -> list[Path]:
    return sorted((settings.home / "emails").glob("*.eml"))


def test_a_commit_sends_it_once(database: Database, settings: Settings) -> None:
    _queue(database)
    assert _files(settings) == []
    _work(database, settings)
    _work(database, settings)
    [file] = _files(settings)
    assert TEXT.encode() in file.read_bytes()
    # Nothing of it stays behind.
    assert _queued(database) == []


def test_a_rollback_sends_nothing(database: Database, settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        send_email(session, open_keys(database), TO, SUBJECT, TEXT)
        _ = 1 / 0
    assert _queued(database) == []
    _work(database, settings)
    assert _files(settings) == []


def test_a_message_that_is_none_is_refused_before_it_is_queued(database: Database) -> None:
    with database.transaction() as session:
        with pytest.raises(Invalid):
            send_email(session, open_keys(database), "nobody", SUBJECT, TEXT)
        # The transaction goes on.
        send_email(session, open_keys(database), TO, SUBJECT, TEXT)
    assert len(_queued(database)) == 1


def test_it_lies_sealed(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _queue(database)
    whole = as_owner(database, "SELECT to_jsonb(j)::text FROM procrastinate.procrastinate_jobs j")[0][0]
    for part in (TO, "kasserer", "klub", SUBJECT, "linket"):
        assert part not in whole
    # Nor does the log repeat what lies there.
    assert _queued(database)[0].args[20:60] not in "\n".join(JsonLines().format(record) for record in ours(caplog))


def test_a_task_that_waits_already_is_not_queued_again(database: Database) -> None:
    with database.transaction() as session:
        assert defer(session, "a.task", "the lock", number=1)
        assert not defer(session, "a.task", "the lock", number=2)
        # The transaction goes on.
        assert defer(session, "a.task", "another lock", number=3)
    assert [msgspec.json.decode(row.args)["number"] for row in _queued(database)] == [1, 3]


def test_it_leaves_within_seconds_though_the_timetable_is_at_work(
    medspiller: Medspiller, database: Database, settings: Settings, at: Callable[[str], None]
) -> None:
    """A mail does not wait for a long run, nor for the next look at the queue."""
    at("2017-01-01T08:00Z")
    medspiller("municipality", "add", "0751", "Medby", "--country", "dk")
    begun, done = threading.Event(), threading.Event()

    def long(_: Session, __: Work) -> str:
        begun.set()
        assert done.wait(60)
        return "Done."

    timetable = [Job("long", "Take long", daily("06:00"), timedelta(days=1), Whole(long))]
    Worker(database, settings, timetable).once()
    at("2017-01-02T08:00Z")
    with Worker(database, settings, timetable).beside():
        try:
            assert begun.wait(20)
            for number in range(3):
                _queue(database, f"Number {number}")
                committed = time.monotonic()
                while len(_files(settings)) <= number:
                    assert time.monotonic() - committed < 4
                    time.sleep(0.01)
        finally:
            done.set()


def test_a_server_that_is_gone_for_a_while(
    database: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    _queue(database)
    _work(database, _by(settings, port))
    [waits] = _queued(database)
    assert (waits.status, waits.attempts) == ("todo", 1)
    assert PAUSES[0] - 5 <= waits.wait <= PAUSES[0]
    # Not before its time.
    with serving(port=port) as server:
        _work(database, _by(settings, port))
        assert server.taken == []
        retry_now(database)
        _work(database, _by(settings, port))
    assert len(server.taken) == 1
    assert _queued(database) == []
    lines = "\n".join(JsonLines().format(record) for record in ours(caplog))
    assert "does not answer" in lines
    assert TO not in lines


def test_pauses_grow_and_end_within_a_day(
    database: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    gone, waits = _by(settings, free_port()), []
    _queue(database)
    for _ in PAUSES:
        _work(database, gone)
        waits += [row.wait for row in _queued(database)]
        retry_now(database)
    assert all(pause - 5 <= wait <= pause for wait, pause in zip(waits, PAUSES, strict=True))
    assert sorted(waits) == waits
    assert 12 * 3600 < sum(PAUSES) <= 24 * 3600
    _work(database, gone)
    assert _queued(database) == []
    said = [record for record in caplog.records if record.name == "medspiller.email"]
    assert [vars(record)["state"] for record in said] == ["queued"] * len(PAUSES) + ["failed"]
    assert said[-1].levelname == "ERROR"


def test_an_address_that_does_not_exist(
    database: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with serving() as server:
        server.says = {"RCPT": f"550 5.1.1 <{TO}> does not exist"}
        _queue(database)
        _work(database, _by(settings, server.port))
    assert _queued(database) == []
    [said] = [JsonLines().format(record) for record in ours(caplog) if record.levelname == "ERROR"]
    assert '"state": "failed"' in said
    assert "550" in said
    assert TO not in "\n".join(JsonLines().format(record) for record in ours(caplog))


def test_a_mail_whose_key_is_gone_does_not_stop_the_others(
    database: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    _queue(database, "Under the old key")
    keys = open_keys(database)
    keys.rotate()
    keys.retire(1)
    _queue(database, "Under the new key")
    _work(database, settings)
    [file] = _files(settings)
    assert b"Under the new key" in file.read_bytes()
    assert _queued(database) == []
    assert [vars(record)["state"] for record in ours(caplog) if record.levelname == "ERROR"] == ["failed"]


_KILLED = """
import os, signal, sys
import jobs.email
from jobs.worker import Worker
from service.database.engine import open_database
from service.settings import load
from service.web import log
right, when = jobs.email.deliver, sys.argv[1]
def deliver(*arguments):
    if when == "after":
        right(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
jobs.email.deliver = deliver
with open_database(load()) as database:
    Worker(database, load(), []).once()
"""


@pytest.mark.parametrize(("when", "mails"), [("before", 1), ("after", 2)])
def test_a_worker_that_is_killed(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, when: str, mails: int
) -> None:
    """Between the server's yes and the note of it nobody can tell whether it left: it is sent again, as the same."""
    with serving() as server:
        monkeypatch.setenv("MEDSPILLER_SMTP_URL", f"smtp://localhost:{server.port}")
        monkeypatch.setenv("MEDSPILLER_EMAIL_FROM", SENDER)
        _queue(database)
        killed = subprocess.run([sys.executable, "-c", _KILLED, when], check=False, cwd=Path(__file__).parents[2])
        assert killed.returncode == -9
        # Others leave it alone until its worker is taken for dead.
        _work(database, load())
        assert len(server.taken) == mails - 1
        assert [(row.status, row.attempts) for row in _queued(database)] == [("doing", 0)]
        age_the_dead(database)
        for _ in range(2):
            _work(database, load())
    assert len(server.taken) == mails
    assert len({taken.message["Message-ID"] for taken in server.taken}) == 1
    assert _queued(database) == []


def test_the_worker_of_an_installation(database: Database, settings: Settings) -> None:
    """A process of its own sends what is queued while it waits, outlives its connections, and stops when told."""
    process = subprocess.Popen([Path(sys.executable).with_name("medspiller"), "worker"], stderr=subprocess.PIPE)
    try:
        _queue(database, "While it starts")
        _await_files(settings, 1, 30)
        for number in (2, 3):
            _queue(database, f"Number {number}")
            _await_files(settings, number, 4)
        with database.transaction() as session:
            session.execute(
                text(
                    """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'medspiller worker'"""
                )
            )
        _queue(database, "After the connections were lost")
        _await_files(settings, 4, 30)
        process.terminate()
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert b"medspiller.email" in said
    assert TO.encode() not in said


def _await_files(settings: Settings, wanted: int, seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while len(_files(settings)) < wanted:
        assert time.monotonic() < give_up
        time.sleep(0.02)
