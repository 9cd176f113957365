"""The trial restore: a backup is proved without touching what is live."""

from pathlib import Path

import pytest
from sqlalchemy import text

from service.values.secrecy import KeyRing
from tests.passes.town import Town


@pytest.fixture
def backup(town: Town, tmp_path: Path) -> Path:
    file = tmp_path / "kept.backup"
    town.say("audit", "seal")
    town.run("database", "backup", file)
    return file


def scratch_databases(town: Town) -> int:
    with town.owner() as session:
        query = "SELECT count(*) FROM pg_database WHERE datname LIKE 'medspiller_trial_%'"
        return int(session.execute(text(query)).scalar_one())


def test_a_good_backup(town: Town, backup: Path) -> None:
    before = scratch_databases(town)
    town.family("ny", "Nina")
    town.load()
    shown = town.run("database", "trial-restore", backup)
    tables = {one["table"]: (one["backup"], one["live"]) for one in shown["tables"]}
    assert tables["public.person"] == (7, 9)
    assert tables["directory.tenant"] == (1, 1)
    assert shown["keys_match"] is True
    assert [check["name"] for check in shown["checks"] if check["found"]] == []
    assert scratch_databases(town) == before


def test_a_broken_backup(town: Town, backup: Path) -> None:
    before = scratch_databases(town)
    backup.write_bytes(backup.read_bytes()[:-2000])
    assert str(backup) in town.run.fails("database", "trial-restore", backup)
    assert scratch_databases(town) == before


def test_a_backup_of_a_damaged_database(town: Town, tmp_path: Path) -> None:
    before = scratch_databases(town)
    with town.owner() as session:
        session.execute(text("UPDATE determination SET limit_ore = limit_ore + 1"))
    file = tmp_path / "damaged.backup"
    town.run("database", "backup", file)
    assert "do not follow from their figures" in town.run.fails("database", "trial-restore", file)
    assert scratch_databases(town) == before


def test_a_backup_whose_keys_are_lost(town: Town, backup: Path) -> None:
    file = town.database.home / "keys" / "identity.json"
    file.unlink()
    assert "keys:" in town.run.fails("database", "trial-restore", backup)
    KeyRing.open(file)
    assert "keys:" in town.run.fails("database", "trial-restore", backup)
