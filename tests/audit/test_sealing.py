"""The hash chain over the audit trail: what it covers, and that nothing under it can change unseen."""

from collections.abc import Callable
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from service.audit import sealing
from service.audit.actions import COMMAND, record
from service.audit.checks import CHECKS, SEALS
from service.audit.models import AuditEntry, AuditSeal
from service.database.engine import Database
from tests.conftest import Medspiller


@pytest.fixture
def aarhus(medspiller: Medspiller) -> UUID:
    return UUID(medspiller("municipality", "add", "0751", "Aarhus", "--country", "dk")["id"])


def write(session: Session, tenant_id: UUID, count: int = 1, **values: Any) -> None:
    for number in range(count):
        record(session, tenant_id, COMMAND, "test.write", ("test", None), details={"number": number}, **values)
    session.flush()


def seal(database: Database, tenant_id: UUID, per_seal: int = 3) -> int:
    with database.transaction(tenant_id) as session:
        return sealing.seal(session, tenant_id, per_seal)


def found(database: Database, *damages: str) -> list[str]:
    """What the check finds after an owner who switched the triggers off did this; nothing of it is kept."""
    with Session(create_engine(database.owner_url, poolclass=NullPool)) as session:
        connection = session.connection()
        for table in ("audit_entry", "audit_seal", "audit_sealed"):
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for damage in damages:
            assert connection.exec_driver_sql(damage).rowcount > 0, damage
        return SEALS.run(session)


def test_every_entry_is_sealed_once(database: Database, aarhus: UUID) -> None:
    with database.transaction(aarhus) as session:
        write(session, aarhus, 6)
    assert seal(database, aarhus) == 7
    assert seal(database, aarhus) == 0
    with database.transaction(aarhus) as session:
        write(session, aarhus)
        assert sealing.tail(session).entries == 1
    assert seal(database, aarhus) == 1
    with database.transaction(aarhus) as session:
        rows = session.execute(text("SELECT number, entries FROM audit_seal ORDER BY number")).all()
        assert [tuple(row) for row in rows] == [(1, 3), (2, 3), (3, 1), (4, 1)]
        assert sealing.tail(session) == sealing.Tail(0, None)
    assert found(database) == []


def test_an_entry_committed_late_is_in_the_next_seal(database: Database, aarhus: UUID) -> None:
    with database.transaction(aarhus) as slow:
        write(slow, aarhus)
        with database.transaction(aarhus) as quick:
            write(quick, aarhus)
        assert seal(database, aarhus) == 2
    assert found(database) == []
    with database.transaction(aarhus) as session:
        assert sealing.tail(session).entries == 1
    assert seal(database, aarhus) == 1
    assert found(database) == []


OF_SEAL = "FROM audit_sealed WHERE seal_number = 2 ORDER BY entry_id LIMIT 1"
ONE = f"(SELECT entry_id {OF_SEAL})"
COLUMNS = ", ".join(column for column in sealing.ENTRY_COLUMNS if column not in ("id", "written_in"))
# An id between those of two sealed entries.
BETWEEN = f"(SELECT encode(set_byte(uuid_send(entry_id), 15, 255), 'hex')::uuid {OF_SEAL})"
# Another value for each column of an entry, and of a seal: to write one is to be found.
ENTRY_CHANGES = {
    "id": "gen_random_uuid()",
    "tenant_id": "gen_random_uuid()",
    "at": "at + interval '1 microsecond'",
    "account_id": "gen_random_uuid()",
    "door": "'page'",
    "action": "'other'",
    "subject_kind": "'other'",
    "subject_id": "gen_random_uuid()",
    "reason": "''",
    "details": "'{}'",
    "written_in": "'3'",
}
SEAL_CHANGES = {
    "entries": "entries + 1",
    "first_id": "gen_random_uuid()",
    "last_id": "gen_random_uuid()",
    "snapshot": "'1:1:'",
    "sealed_in": "'3'",
    "previous_digest": "sha256(previous_digest)",
    "digest": "sha256(digest)",
    "sealed_at": "sealed_at - interval '1 microsecond'",
}
DAMAGES = (
    *(
        (
            f"UPDATE audit_entry SET {column} = {value} WHERE id = {ONE}",
            f"1 entries of seal 2 were {'removed' if column in ('id', 'tenant_id') else 'changed'}",
        )
        for column, value in ENTRY_CHANGES.items()
    ),
    *(
        (f"UPDATE audit_seal SET {column} = {value} WHERE number = 2", "Seal 2 ")
        for column, value in SEAL_CHANGES.items()
    ),
    (f"DELETE FROM audit_entry WHERE id = {ONE}", "1 entries of seal 2 were removed"),
    (f"INSERT INTO audit_entry (id, {COLUMNS}) SELECT {BETWEEN}, {COLUMNS} FROM audit_entry LIMIT 1", "were inserted"),
    (
        f"INSERT INTO audit_entry (id, written_in, {COLUMNS}) SELECT {BETWEEN}, written_in, {COLUMNS} FROM audit_entry"
        " LIMIT 1",
        "1 entries were inserted",
    ),
    (f"DELETE FROM audit_sealed WHERE entry_id = {ONE}", "Seal 2 was changed, or the list of its entries was"),
    (f"UPDATE audit_sealed SET digest = sha256(digest) WHERE entry_id = {ONE}", "Seal 2 was changed"),
    ("UPDATE audit_seal SET digest = sha256(digest) WHERE number = 2", "Seal 3 does not follow from the one before"),
)


@pytest.fixture
def chain(database: Database, aarhus: UUID) -> Database:
    for count in (3, 3, 2):
        with database.transaction(aarhus) as session:
            write(session, aarhus, count)
        seal(database, aarhus)
    return database


def test_each_damage_is_found(chain: Database) -> None:
    assert found(chain) == []
    for damage, sentence in DAMAGES:
        assert any(sentence in line for line in found(chain, damage)), (damage, found(chain, damage))


def test_an_inserted_entry_is_found_also_after_it_was_sealed(chain: Database, aarhus: UUID) -> None:
    with Session(create_engine(chain.owner_url, poolclass=NullPool)) as session:
        session.connection().exec_driver_sql(
            f"INSERT INTO audit_entry (id, {COLUMNS}) SELECT {BETWEEN}, {COLUMNS} FROM audit_entry LIMIT 1"
        )
        session.commit()
    assert seal(chain, aarhus) == 1
    assert any("1 entries were inserted among those of seals" in line for line in found(chain))


def test_a_seal_taken_away_with_its_entries_is_found(chain: Database) -> None:
    def without(number: int) -> list[str]:
        gone = f"SELECT entry_id FROM audit_sealed WHERE seal_number = {number}"
        return [
            f"DELETE FROM audit_entry WHERE id IN ({gone})",
            f"DELETE FROM audit_sealed WHERE seal_number = {number}",
            f"DELETE FROM audit_seal WHERE number = {number}",
        ]

    assert any("Seal 3 follows a seal that is gone" in line for line in found(chain, *without(2)))
    assert any("Seal 2 follows a seal that is gone" in line for line in found(chain, *without(1)))


def test_the_end_of_the_chain_is_proved_by_a_digest_kept_elsewhere(
    chain: Database, aarhus: UUID, medspiller: Medspiller
) -> None:
    kept = medspiller("audit", "head", "--municipality", "0751")["digest"]
    verified = medspiller("audit", "verify", "--municipality", "0751", "--head", kept)
    assert (verified["unsealed"], verified["head"]["digest"]) == (0, kept)
    with Session(create_engine(chain.owner_url, poolclass=NullPool)) as session:
        for table, column in (("audit_sealed", "seal_number"), ("audit_seal", "number")):
            session.connection().exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            session.connection().exec_driver_sql(f"DELETE FROM {table} WHERE {column} = 4")
            session.connection().exec_driver_sql(f"DELETE FROM {table} WHERE {column} = 3")
        session.commit()
    assert "does not hold the digest" in medspiller.fails("audit", "verify", "--municipality", "0751", "--head", kept)


def test_the_digest_covers_every_column(database: Database) -> None:
    assert set(sealing.ENTRY_COLUMNS) == set(AuditEntry.model_fields) == set(ENTRY_CHANGES)
    # A seal's number cannot be changed: what it covers refers to it.
    assert set(AuditSeal.model_fields) == set(SEAL_CHANGES) | {"tenant_id", "number"}
    with database.transaction() as session:
        columns = session.execute(
            text("SELECT attname FROM pg_attribute WHERE attrelid = 'audit_entry'::regclass AND attnum > 0")
        ).scalars()
        assert set(columns) == set(sealing.ENTRY_COLUMNS)


def test_the_digest_does_not_depend_on_the_time_zone(chain: Database) -> None:
    with Session(create_engine(chain.owner_url, poolclass=NullPool)) as session:
        session.execute(text("SET TimeZone = 'Asia/Kathmandu'"))
        assert SEALS.run(session) == []


def test_the_application_cannot_change_seals(chain: Database, aarhus: UUID) -> None:
    for statement in ("UPDATE audit_seal SET entries = 0", "DELETE FROM audit_sealed", "TRUNCATE audit_seal CASCADE"):
        with pytest.raises(DBAPIError, match="permission denied"), chain.transaction(aarhus) as session:
            session.execute(text(statement))
    with Session(create_engine(chain.owner_url, poolclass=NullPool)) as session:
        assert [line for check in CHECKS for line in check.run(session)] == []
        with pytest.raises(DBAPIError, match="append-only"):
            session.execute(text("UPDATE audit_seal SET entries = 0"))


def test_tenants_have_chains_of_their_own(chain: Database, aarhus: UUID, medspiller: Medspiller) -> None:
    oslo = UUID(medspiller("municipality", "add", "0301", "Oslo", "--country", "no")["id"])
    with chain.transaction(aarhus) as session:
        write(session, aarhus)
    assert medspiller("audit", "seal", "--municipality", "0301")["sealed"] == 1
    with chain.transaction(oslo) as session:
        head = sealing.head(session)
        assert head is not None
        assert head.number == 1
    with chain.transaction(aarhus) as session:
        assert sealing.tail(session).entries == 1
    assert found(chain) == []


def in_threads(*works: Callable[[], None]) -> None:
    threads = [Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_writing_and_sealing_at_once_lose_nothing(database: Database, aarhus: UUID) -> None:
    def writer() -> None:
        for _ in range(15):
            with database.transaction(aarhus) as session:
                write(session, aarhus, 2)

    def sealer() -> None:
        for _ in range(15):
            seal(database, aarhus, 4)

    in_threads(writer, writer, writer, sealer, sealer)
    seal(database, aarhus)
    with database.transaction(aarhus) as session:
        assert session.execute(text("SELECT count(*) FROM audit_sealed")).scalar_one() == 91
        assert sealing.tail(session).entries == 0
    assert found(database) == []
