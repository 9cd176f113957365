"""Keys: changed without standstill, retired only when nothing needs them, and never mistaken for others."""

import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from service.audit.actions import COMMAND
from service.care import rotation
from service.console import keys
from service.errors import Conflict
from service.identity.messages import send_email
from service.passes.actions import replace_pass
from service.values.progress import Progress
from service.values.secrecy import KeyRing
from tests.passes.town import Town

NAME = "identity.json"


def used(town: Town) -> dict[int, dict[str, int]]:
    return {use["key"]: use["rows"] for use in town.run("keys", "status")["keys"]}


@pytest.fixture
def held(town: Town) -> str:
    """An import in which half the town is missing, held by the gate as it would be in a larger one."""
    town.people[0]["street"] = "Ny vej 1"
    town.load()
    newest = "SELECT id FROM register_import ORDER BY id DESC LIMIT 1"
    [(import_id,)] = town.rows(newest)
    secrets = keys(town.database).for_tenant(town.municipality.id)
    with town.owner() as session:
        session.execute(
            text("INSERT INTO kept_answer VALUES (:tenant, uuidv7(), uuidv7(), '', '', :answer, now())"),
            {"tenant": town.municipality.id, "answer": secrets.encrypt("answered")},
        )
        session.execute(text("UPDATE register_import SET state = 'held' WHERE id = :id"), {"id": import_id})
        for line, person in enumerate(town.people, start=2):
            number = str(person["person_id"])
            session.execute(
                text(
                    """INSERT INTO held_row SELECT :tenant, :id, 'population/p.csv', :line, jsonb_build_object(
                        'identity_cipher', CAST(:cipher AS bytea), 'identity_hash', CAST(:hash AS bytea))"""
                ),
                {"tenant": town.municipality.id, "id": import_id, "line": line}
                | {"cipher": secrets.encrypt(number), "hash": secrets.hash(number)},
            )
    return str(import_id)


def numbers(town: Town) -> list[tuple[str, str]]:
    """Everything encrypted, in plain."""
    secrets = keys(town.database).for_tenant(town.municipality.id)
    found = []
    for table, cipher in (
        ("person", "identity_cipher"),
        ("leisure_pass", "number_cipher"),
        ("letter", "content"),
        ("kept_answer", "answer"),
        ("held_row", "decode(substr(content->>'identity_cipher', 3), 'hex')"),
    ):
        for (encrypted,) in town.rows(f"SELECT {cipher} FROM {table} WHERE {cipher} IS NOT NULL"):
            found.append((table, secrets.decrypt(bytes(encrypted))))
    return sorted(found)


def test_a_key_is_changed_and_retired(town: Town, held: str) -> None:
    before, rows = numbers(town), {"person": 7, "leisure_pass": 2, "letter": 1, "kept_answer": 1, "held_row": 7}
    assert used(town) == {1: rows}
    assert town.run("keys", "rotate") == {"current": 2}
    assert used(town) == {1: rows, 2: {}}
    assert "still encrypts rows" in town.run.fails("keys", "retire", 1)
    assert "current one" in town.run.fails("keys", "retire", 2)
    others = dict.fromkeys((of.table for of in rotation.ENCRYPTED), 0)
    assert town.run("keys", "reencrypt") == {"key": 2, "rows": others | rows, "left": 0}
    assert town.run("keys", "reencrypt")["rows"] == others
    assert used(town) == {1: {}, 2: rows}
    assert town.run("keys", "retire", 1) == {"retired": 1, "keys": [2]}
    assert "no key 1" in town.run.fails("keys", "retire", 1)
    assert used(town) == {2: rows}
    assert numbers(town) == before
    assert town.rows("SELECT DISTINCT content ? 'identity_hash' FROM held_row") == [(True,)]
    assert town.sound()
    actions = [entry["action"] for entry in town.say("audit", "list", "--action", "care.keys")["entries"]]
    assert actions == ["care.keys.retire", "care.keys.reencrypt", "care.keys.reencrypt", "care.keys.rotate"]


def test_a_retired_id_is_not_given_again(town: Town) -> None:
    for current in (2, 3):
        town.run("keys", "rotate")
        town.run("keys", "reencrypt", "--municipality", "0751")
        town.run("keys", "retire", current - 1)
    assert list(used(town)) == [3]


def test_a_running_process_encrypts_with_the_new_key(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    running = keys(town.database)
    secrets = running.for_tenant(town.municipality.id)
    assert secrets.encrypt("1")[0] == 1
    town.run("keys", "rotate")
    monkeypatch.setattr("service.values.secrecy.time.monotonic", lambda: running._look_again)
    assert secrets.encrypt("1")[0] == 2


def test_a_stopped_reencryption_goes_on(town: Town, held: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = numbers(town)
    town.run("keys", "rotate")
    monkeypatch.setattr(rotation, "ROWS_PER_CHUNK", 2)
    ring = keys(town.database)
    secrets = ring.for_tenant(town.municipality.id)
    for of in rotation.ENCRYPTED:
        # One chunk, and then no more.
        next(rotation._chunks(town.database, secrets, town.municipality.id, 2, of), None)
    assert used(town)[2] == {"person": 2, "leisure_pass": 2, "letter": 1, "kept_answer": 1, "held_row": 2}
    rest = {table: rows for table, rows in town.run("keys", "reencrypt")["rows"].items() if rows}
    assert rest == {"person": 5, "held_row": 5}
    assert numbers(town) == before


def test_a_row_that_somebody_changes_is_passed_over(town: Town) -> None:
    town.run("keys", "rotate")
    with town.session() as busy:
        busy.execute(text("SELECT FROM person WHERE given_name = 'Frida' FOR UPDATE"))
        done = rotation.reencrypt(town.database, keys(town.database), town.municipality.id, COMMAND, Progress())
        assert (done.rows["person"], done.left) == (6, 1)
    assert town.run("keys", "reencrypt")["left"] == 0


def test_a_key_that_somebody_may_still_write_with_is_not_retired(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.run("keys", "rotate")
    town.run("keys", "reencrypt")
    monkeypatch.setattr(rotation, "_PATIENCE_SECONDS", 0)
    with town.session() as busy:
        busy.execute(text("UPDATE household SET uncertain = uncertain"))
        assert "is at work" in town.run.fails("keys", "retire", 1)
    assert KeyRing.open(town.database.home / "keys" / NAME).key_ids == (1, 2)


def test_a_missing_or_foreign_key_file_is_refused(town: Town, tmp_path: Path) -> None:
    file = town.database.home / "keys" / NAME
    kept = tmp_path / "kept.json"
    shutil.move(file, kept)
    asked: tuple[Any, ...] = ("passes", "list", "--out", tmp_path / "passes.csv")
    assert "is missing" in town.refused(*asked)
    assert not file.exists()
    KeyRing.open(file)
    assert "not the one" in town.refused(*asked)
    shutil.copy(kept, file)
    town.say(*asked)


def test_keys_of_a_database_from_before_the_fingerprint(town: Town, tmp_path: Path) -> None:
    with town.owner() as session:
        session.execute(text("DELETE FROM directory.key_fingerprint"))
    file = town.database.home / "keys" / NAME
    kept = tmp_path / "kept.json"
    shutil.move(file, kept)
    asked: tuple[Any, ...] = ("passes", "list", "--out", tmp_path / "passes.csv")
    assert "is missing" in town.refused(*asked)
    shutil.copy(kept, file)
    town.say(*asked)
    content = json.loads(file.read_text())
    assert len(content["keys"]) == 1
    with town.owner() as session:
        kept_now = session.execute(text("SELECT fingerprint FROM directory.key_fingerprint")).scalar_one()
    assert bytes(kept_now) == KeyRing.open(file).fingerprint


def test_a_key_is_not_retired_while_an_email_under_it_waits(town: Town) -> None:
    ring = keys(town.database)
    with town.database.transaction() as session:
        send_email(session, ring, "somebody@example.org", "Hello", "Text")
    rotation.rotate(town.database, ring, COMMAND)
    for holder in rotation.holders(town.database):
        rotation.reencrypt(town.database, ring, holder, COMMAND, Progress())
    assert used(town)[1] == {"e-mails waiting": 1}
    with pytest.raises(Conflict, match="e-mails waiting"):
        rotation.retire(town.database, ring, 1, COMMAND)
    with town.owner() as session:
        session.execute(text("DELETE FROM procrastinate.procrastinate_jobs"))
    rotation.retire(town.database, ring, 1, COMMAND)


def test_nothing_stands_still_while_keys_change(town: Town) -> None:
    """Others read and write all the while, each with a key ring of its own, as other processes do."""
    file = town.database.home / "keys" / NAME
    stop, counted, wrong = threading.Event(), Counter[str](), []
    numbers_before = {number for table, number in numbers(town) if table == "person"}

    def again_and_again(name: str, work: Callable[[KeyRing], None]) -> None:
        ring = KeyRing.open(file)
        while not stop.is_set():
            try:
                work(ring)
                counted[name] += 1
            except Exception as error:
                wrong.append((name, repr(error)))
                return

    def read(ring: KeyRing) -> None:
        secrets = ring.for_tenant(town.municipality.id)
        with town.session() as session:
            found = session.execute(text("SELECT identity_cipher FROM person")).scalars().all()
        # Between reading and opening a row its key may have changed.
        time.sleep(0.05)
        assert {secrets.decrypt(bytes(cipher)) for cipher in found} == numbers_before

    def write(ring: KeyRing) -> None:
        with town.session() as session:
            live = session.execute(text("SELECT id FROM leisure_pass WHERE state = 'live' LIMIT 1")).scalar_one()
            replace_pass(session, town.municipality, ring, live, "lost", COMMAND)

    threads = [threading.Thread(target=again_and_again, args=(work.__name__, work)) for work in (read, write)]
    for thread in threads:
        thread.start()
    try:
        for old in (1, 2):
            _change_key(town, old)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert min(counted["read"], counted["write"]) > 10
    assert KeyRing.open(file).key_ids == (3,)
    assert set(used(town)) == {3}
    # Every number can be read with what stands in the file.
    assert len(numbers(town)) == 7 + 2 + counted["write"] + 1
    assert town.sound()


def _change_key(town: Town, old: int) -> None:
    """As an operator does it; what was written under the old key meanwhile is encrypted anew once more."""
    ring = keys(town.database)
    rotation.rotate(town.database, ring, COMMAND)
    while True:
        for holder in rotation.holders(town.database):
            rotation.reencrypt(town.database, ring, holder, COMMAND, Progress())
        try:
            rotation.retire(town.database, ring, old, COMMAND)
        except Conflict as refused:
            assert "still encrypts rows" in refused.message
        else:
            return


def test_every_encrypted_column_is_encrypted_anew(town: Town) -> None:
    """A column that rotation does not know would be lost with the key: bytes are a cipher or known to be none."""
    columns = town.rows(
        """SELECT format('%s.%s', c.relname, a.attname) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('public', 'directory')
        WHERE c.relkind IN ('r', 'p') AND a.atttypid = 'bytea'::regtype AND NOT a.attisdropped AND a.attnum > 0"""
    )
    known = {f"{of.table}.{of.cipher}" for of in rotation.ENCRYPTED}
    unknown = {name for (name,) in columns if not name.endswith(("hash", "digest", "fingerprint"))} - known
    assert unknown == {
        # Digests by other names: of whom an attempt is counted, of a browser, of a call and of what it said.
        "attempt.key",
        "provider_request.browser",
        "kept_answer.call",
        "kept_answer.said",
        # The keyed hash by which a child is known again in a later season.
        "refusal_credit.child",
    }, "add it to ENCRYPTED in service/care/rotation.py, or say here that it is no cipher"
