"""The migrated database is what the models say, and no table of it shows one tenant's rows to another."""

import importlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlmodel import SQLModel

import service
from service.database.engine import Database
from tests.conftest import Medspiller
from tests.eligibility.oracle import Income, Person, Register
from tests.eligibility.strategies import write_extract

CHILD, ADULT = "6101104000", "6101800000"


@pytest.fixture
def owner(database: Database) -> Iterator[Connection]:
    engine: Engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


# Tables that are reached through functions alone and have no model.
WITHOUT_MODEL = ("alembic_version", "key_fingerprint")


def tables_of_case_data(owner: Connection) -> list[str]:
    found = owner.execute(
        text(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
        )
    )
    return list(found.scalars())


def test_models_and_migrations_agree(owner: Connection) -> None:
    root = Path(service.__file__).parent
    for path in sorted(root.glob("*/models.py")):
        importlib.import_module(f"service.{path.parent.name}.models")
    context = MigrationContext.configure(
        owner,
        opts={
            "include_schemas": True,
            "compare_type": True,
            "compare_server_default": False,
            "include_name": lambda name, kind, _: kind != "schema" or name in (None, "directory"),
        },
    )
    differences = [
        difference
        for difference in compare_metadata(context, SQLModel.metadata)
        if isinstance(difference, list) or getattr(difference[1], "name", None) not in WITHOUT_MODEL
    ]
    assert differences == []


def test_every_table_of_case_data_is_under_forced_row_level_security(owner: Connection) -> None:
    rows = owner.execute(
        text(
            """SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS forced,
                EXISTS (SELECT FROM pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnotnull) AS of_a_tenant,
                (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
            FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
                AND c.relname <> 'alembic_version'"""
        )
    ).all()
    assert len(rows) > 15
    assert [row for row in rows if not (row.forced and row.of_a_tenant and row.policies == 1)] == []


@pytest.fixture
def two_tenants(medspiller: Medspiller, database: Database, tmp_path: Path) -> tuple[UUID, UUID]:
    """Two municipalities, of which the first has rows of every kind that commands make so far."""
    for code in ("0751", "0101"):
        medspiller("municipality", "add", code, f"By {code}", "--country", "dk")
    register = Register(
        [_person(ADULT, "provider", 1980), _person(CHILD, "child", 2010)], [Income(ADULT, 2017, 100_000_00)]
    )
    files = write_extract(register, tmp_path)
    options = ("--population", files[0], "--income", files[1])
    medspiller("register", "import", "--municipality", "0751", *options)
    refresh = ("eligibility", "refresh", "--municipality", "0751", "--scheme", "fritidspas", "--on", "2017-01-15")
    assert medspiller(*refresh, "--commit")["entitled"] == 1
    with database.transaction() as session:
        first, second = (
            session.execute(text("SELECT id FROM directory.find_tenant('municipality', :c)"), {"c": code}).scalar_one()
            for code in ("0751", "0101")
        )
    return first, second


def _person(number: str, relation: str, year: int) -> Person:
    return Person("H1", number, relation, date(year, 1, 1))


def test_no_table_shows_or_takes_rows_of_another_tenant(
    two_tenants: tuple[UUID, UUID], database: Database, owner: Connection
) -> None:
    first, second = two_tenants
    filled = 0
    for table in tables_of_case_data(owner):
        stands = owner.execute(text(f"SELECT count(*) FROM {table} WHERE tenant_id = :t"), {"t": first}).scalar_one()
        filled += bool(stands)
        for tenant in (second, None):
            with database.transaction(tenant) as session:
                seen = session.execute(text(f"SELECT count(*) FROM {table} WHERE tenant_id = :t"), {"t": first})
                assert seen.scalar_one() == 0, table
                if tenant is None:
                    assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0, table
            # The row is a copy of one that stands, so that nothing but the policy can refuse it.
            if stands:
                row = owner.execute(
                    text(f"SELECT to_json(r) FROM {table} r WHERE tenant_id = :t LIMIT 1"), {"t": first}
                )
                copy = text(
                    f"INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, CAST(:row AS json))"
                )
                with (
                    pytest.raises(ProgrammingError, match=r"row-level security|permission denied"),
                    database.transaction(tenant) as session,
                ):
                    session.execute(copy, {"row": json.dumps(row.scalar_one())})
    assert filled >= 11


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET reason = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "SELECT 1 FROM directory.tenant",
        "SELECT 1 FROM directory.account",
        "INSERT INTO directory.membership (account_id, tenant_id, role, created_at) "
        "VALUES (uuidv7(), uuidv7(), 'administrator', now())",
        "ALTER TABLE person DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE mine (id int)",
    ],
)
def test_the_app_role_may_not(two_tenants: tuple[UUID, UUID], database: Database, statement: str) -> None:
    with (
        pytest.raises(DBAPIError, match=r"permission denied|must be owner|append-only"),
        database.transaction(two_tenants[0]) as session,
    ):
        session.execute(text(statement))
