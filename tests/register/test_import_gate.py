"""What the gate holds and who releases it; imports that are killed or come at the same time."""

import signal
import subprocess
import sys
import time
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from tests.register.test_import import (
    CODE,
    Town,
    row,
    town,  # noqa: F401
)

NUMBERS = [f"61017021{serial:02d}" for serial in range(60)]
MANY = [row(f"H{serial % 20}", number) for serial, number in enumerate(NUMBERS)]
FEW = [*MANY[:20], row("H21", "garbage"), f"{NUMBERS[59]},H19,provider"]


def by(town: Town, email: str, role: str) -> tuple[str, str]:  # noqa: F811
    town.medspiller("user", "add", email, "--name", "A", "--role", role, *CODE)
    return "--by", email


def hold(town: Town) -> dict[str, Any]:  # noqa: F811
    town.take(*MANY)
    held = town.take(*FEW)
    assert held["state"] == "held"
    return held


def test_a_file_far_off_the_last_one_is_held_and_a_second_person_releases_it(town: Town) -> None:  # noqa: F811
    held = hold(town)
    assert "20 persons where the last one had 60" in held["held_because"]
    assert (held["persons"], held["rejected"], held["unchanged"]) == (20, 2, 20)
    assert len(town.rows("SELECT * FROM household_member")) == 60
    confirmed = town.medspiller("register", "confirm", held["id"], *by(town, "a@example.org", "case_worker"))
    assert confirmed["state"] == "merged"
    assert confirmed["rejected_file"] == held["rejected_file"]
    # Of the others stays whose row was rejected.
    assert len(town.rows("SELECT * FROM household_member")) == 21
    assert town.uncertain() == {"H19"}
    assert town.rows("SELECT * FROM held_row") == []
    assert town.take(*FEW)["unchanged"] == 20


def test_a_held_import_is_refused_twice_without_the_role_and_once_overtaken(town: Town) -> None:  # noqa: F811
    held = hold(town)
    worker = by(town, "a@example.org", "administrator")
    confirm = ("register", "confirm", held["id"])
    assert "takes the role" in town.medspiller.fails(*confirm, *by(town, "f@example.org", "finance_officer"))
    assert "no account" in town.medspiller.fails(*confirm, "--by", "nobody@example.org")
    town.medspiller(*confirm, *worker)
    assert "it is merged" in town.medspiller.fails(*confirm, *worker)
    again = town.take(*MANY)
    assert again["state"] == "held"
    assert town.take(*FEW)["state"] == "merged"
    assert "newer file" in town.medspiller.fails("register", "confirm", again["id"], *worker)


def test_who_imported_cannot_confirm(town: Town) -> None:  # noqa: F811
    held = hold(town)
    worker = by(town, "a@example.org", "case_worker")
    with town.database.transaction(town.id) as session:
        session.execute(
            text(
                """UPDATE register_import SET imported_by =
                (SELECT account_id FROM directory.memberships_of('a@example.org')) WHERE state = 'held'"""
            )
        )
    assert "second person" in town.medspiller.fails("register", "confirm", held["id"], *worker)


def test_no_plain_number_stands_in_the_database(town: Town) -> None:  # noqa: F811
    hold(town)
    tables = town.rows("SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = 'public'")
    assert len(tables) > 10
    held = town.rows("SELECT content::text FROM held_row")
    assert len(held) == 23
    for schema, table in tables:
        stored = str(town.rows(f'SELECT t::text FROM "{schema}"."{table}" t'))
        assert not [number for number in NUMBERS if number in stored], table


def test_an_empty_file_after_one_with_rows_is_held_and_the_first_of_its_kind_never(town: Town) -> None:  # noqa: F811
    assert town.take(*MANY[:3])["state"] == "merged"
    empty = town.take(population=[])
    assert (empty["state"], empty["persons"]) == ("held", 0)
    town.medspiller("register", "confirm", empty["id"], *by(town, "a@example.org", "case_worker"))
    assert town.members() == set()
    assert town.take(decisions=[])["state"] == "merged"


def start(town: Town) -> subprocess.Popen[bytes]:  # noqa: F811
    """An import in a process of its own."""
    path = town.write("population", MANY)
    program = "from service.cli import main; main()"
    command = [sys.executable, "-c", program, "register", "import", *CODE, "--population", str(path), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def until(town: Town, waiting_for: str) -> None:  # noqa: F811
    """Wait until a session of this database waits for a lock in a statement that holds a text."""
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(600):
        if town.rows(f"{query} AND query LIKE '%{waiting_for}%'"):
            return
        time.sleep(0.05)
    pytest.fail(f"no session came to wait in {waiting_for}")


def test_a_killed_import_leaves_nothing(town: Town) -> None:  # noqa: F811
    with town.database.transaction(town.id) as session:
        session.execute(text("LOCK TABLE household_member IN SHARE MODE"))
        process = start(town)
        until(town, "INSERT INTO household_member")
        process.send_signal(signal.SIGKILL)
        process.wait()
    for _ in range(100):
        if not town.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"):
            break
        time.sleep(0.05)
    for table in ("person", "household", "household_member", "register_import", "rejected_row"):
        assert town.rows(f"SELECT * FROM {table}") == [], table
    assert town.take(*MANY)["unchanged"] == 0


def test_two_imports_at_once_come_one_after_the_other(town: Town) -> None:  # noqa: F811
    with town.database.transaction(town.id) as session:
        session.execute(text("LOCK TABLE household_member IN SHARE MODE"))
        processes = [start(town)]
        until(town, "INSERT INTO household_member")
        processes.append(start(town))
        until(town, "pg_advisory_xact_lock")
    answers = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    unchanged = sorted(answer["unchanged"] for answer in map(msgspec.json.decode, answers))
    assert unchanged == [0, len(MANY)]
