"""The trial restore: a backup is proved without touching what is live."""

import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import text

from service.care.trial import trial_restore
from service.database import maintenance
from service.values.secrecy import KeyRing
from tests.passes.town import Town


@pytest.fixture
def backup(town: Town, tmp_path: Path) -> Path:
    file = tmp_path / "kept.backup"
    town.say("audit", "seal")
    town.run("database", "backup", file)
    return file


def scratch_databases(town: Town) -> list[str]:
    """The scratch databases of this test's database, of which there are others on the server."""
    with town.owner() as session:
        query = """SELECT datname FROM pg_database WHERE datname LIKE 'medspiller_trial_%' || (SELECT oid
            FROM pg_database WHERE datname = current_database())"""
        return list(session.execute(text(query)).scalars())


def test_a_good_backup(town: Town, backup: Path) -> None:
    town.family("ny", "Nina")
    town.load()
    shown = town.run("database", "trial-restore", backup)
    tables = {one["table"]: (one["backup"], one["live"]) for one in shown["tables"]}
    assert tables["public.person"] == (7, 9)
    assert tables["directory.tenant"] == (1, 1)
    assert shown["keys_match"] is True
    assert [check["name"] for check in shown["checks"] if check["found"]] == []
    assert scratch_databases(town) == []


def test_a_broken_backup(town: Town, backup: Path) -> None:
    backup.write_bytes(backup.read_bytes()[:-2000])
    assert str(backup) in town.run.fails("database", "trial-restore", backup)
    assert scratch_databases(town) == []


def test_a_backup_of_a_damaged_database(town: Town, tmp_path: Path) -> None:
    town.say("audit", "seal")
    with town.owner() as session:
        session.execute(text("UPDATE determination SET limit_ore = limit_ore + 1"))
        session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        session.execute(text("UPDATE audit_entry SET reason = 'another' WHERE action = 'register.import'"))
        session.execute(text("ALTER TABLE audit_entry ENABLE TRIGGER USER"))
    file = tmp_path / "damaged.backup"
    town.run("database", "backup", file)
    told = town.run.fails("database", "trial-restore", file)
    assert "do not follow from their figures" in told
    assert "1 entries of seal 1 were changed" in told
    assert scratch_databases(town) == []


def test_a_backup_whose_keys_are_lost(town: Town, backup: Path) -> None:
    file = town.database.home / "keys" / "identity.json"
    file.unlink()
    assert "keys:" in town.run.fails("database", "trial-restore", backup)
    KeyRing.open(file)
    assert "keys:" in town.run.fails("database", "trial-restore", backup)


def test_what_a_killed_trial_left_goes_with_the_next(town: Town, backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(maintenance, "restore", die)
        child = os.fork()
        if child == 0:
            try:
                trial_restore(town.database, backup, [], lambda _: 0)
            finally:
                os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(scratch_databases(town)) == 1
    town.run("database", "trial-restore", backup)
    assert scratch_databases(town) == []


def test_one_trial_at_a_time(town: Town, backup: Path) -> None:
    with town.owner() as other:
        other.execute(text("SELECT pg_advisory_lock(hashtextextended('trial restore', 0))"))
        assert "Another trial restore" in town.run.fails("database", "trial-restore", backup)
