"""Upgrade, backup, restore and check, on a municipality that was really imported and refreshed."""

import gzip
import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlmodel import Session

from service.audit.checks import CHECKS as AUDIT
from service.cli import main
from service.database import maintenance, schema
from service.database.checks import own_checks
from service.database.engine import Database
from service.eligibility.checks import CHECKS as ELIGIBILITY
from service.errors import Invalid
from service.register.checks import CHECKS as REGISTER
from tests.conftest import Medspiller

SAMPLE = Path(__file__).parents[1] / "eligibility" / "sample"
ASKED = ("--municipality", "0751", "--scheme", "fritidspas", "--on", "2017-01-15")
COUNTED = ("person", "household_member", "income", "determination", "audit_entry")


@pytest.fixture
def refreshed(medspiller: Medspiller, database: Database, tmp_path: Path) -> Database:
    """The database of a municipality with some households of the sample, imported and refreshed."""
    medspiller("municipality", "add", "0751", "Aarhus", "--country", "dk")
    files: list[object] = []
    for name in ("population", "income"):
        lines = gzip.decompress((SAMPLE / f"{name}.csv.gz").read_bytes()).splitlines(keepends=True)
        (tmp_path / f"{name}.csv").write_bytes(b"".join(lines[:80]))
        files += [f"--{name}", tmp_path / f"{name}.csv"]
    medspiller("register", "import", "--municipality", "0751", *files)
    assert medspiller("eligibility", "refresh", *ASKED, "--commit")["children"] > 0
    return database


@contextmanager
def as_owner(owner_url: str) -> Iterator[psycopg.Connection[Any]]:
    url = make_url(owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def empty(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Another installation's database with nothing in it, which the environment names from now on: the owner's URL."""
    name = f"medspiller_restored_{uuid4().hex[:12]}"
    with as_owner(database.owner_url) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    app, owner = (url.set(database=name) for url in (database.engine.url, make_url(database.owner_url)))
    monkeypatch.setenv("MEDSPILLER_DATABASE_URL", app.render_as_string(hide_password=False))
    monkeypatch.setenv("MEDSPILLER_DATABASE_OWNER_URL", owner.render_as_string(hide_password=False))
    yield owner.render_as_string(hide_password=False)
    with as_owner(database.owner_url) as connection:
        connection.execute(f'DROP DATABASE "{name}"'.encode())


def counts(owner_url: str) -> dict[str, int]:
    with as_owner(owner_url) as connection:
        found = (connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in COUNTED)
        return {table: row[0] for table, row in zip(COUNTED, found, strict=True) if row}


def test_upgrade_of_an_empty_database(medspiller: Medspiller, empty: str) -> None:
    assert "database upgrade" in medspiller.fails("municipality", "add", "0751", "Aarhus", "--country", "dk")
    first = medspiller("database", "upgrade")
    assert (first["before"], first["revision"]) == (None, schema.current(empty))
    assert medspiller("database", "upgrade") == {"before": first["revision"], "revision": first["revision"]}
    assert medspiller("municipality", "add", "0751", "Aarhus", "--country", "dk")


def test_a_restored_backup_holds_everything_and_passes_the_check(
    refreshed: Database, medspiller: Medspiller, tmp_path: Path, empty: str
) -> None:
    file = tmp_path / "kept.backup"
    made = maintenance.backup(refreshed.owner_url, file, overwrite=False)
    assert (made.bytes, stat.S_IMODE(file.stat().st_mode)) == (file.stat().st_size, 0o600)
    assert made.revision == schema.current(refreshed.owner_url)
    restored = medspiller("database", "restore", file)
    assert (restored["before"], restored["revision"]) == (made.revision, made.revision)
    assert counts(empty) == counts(refreshed.owner_url)
    result = medspiller("database", "check")
    assert [found for check in result["checks"] for found in check["found"]] == []
    assert result["unsealed"] == counts(empty)["audit_entry"] > 0
    again = medspiller(
        "eligibility", "refresh", *["--municipality", "0751", "--scheme", "fritidspas", "--on", "2017-01-15"]
    )
    assert (again["new"], again["lost"], again["unchanged"]) == (0, 0, again["children"])


def test_the_rights_are_those_of_the_migrations(
    refreshed: Database, medspiller: Medspiller, tmp_path: Path, empty: str
) -> None:
    file = tmp_path / "kept.backup"
    maintenance.backup(refreshed.owner_url, file, overwrite=False)
    medspiller("database", "restore", file)
    assert _rights(empty) == _rights(refreshed.owner_url)


def _rights(owner_url: str) -> list[Any]:
    query = """SELECT 'table', n.nspname || '.' || c.relname AS what, a.grantee::regrole::text, a.privilege_type
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
        WHERE n.nspname IN ('public', 'directory')
        UNION ALL SELECT 'column', attrelid::regclass || '.' || attname, a.grantee::regrole::text, a.privilege_type
        FROM pg_attribute, aclexplode(attacl) a WHERE attrelid >= 16384
        UNION ALL SELECT 'function', p.oid::regprocedure::text, a.grantee::regrole::text, a.privilege_type
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(p.proacl) a
        WHERE n.nspname IN ('public', 'directory')
        UNION ALL SELECT 'schema', n.nspname, a.grantee::regrole::text, a.privilege_type
        FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname IN ('public', 'directory')
        ORDER BY 1, 2, 3, 4"""
    with as_owner(owner_url) as connection:
        return connection.execute(query).fetchall()


def test_rights_go_to_the_app_role_of_this_server(refreshed: Database, tmp_path: Path, empty: str) -> None:
    file = tmp_path / "kept.backup"
    maintenance.backup(refreshed.owner_url, file, overwrite=False)
    maintenance.restore(empty, "pg_monitor", file, replace=False)
    with as_owner(empty) as connection:
        query = "SELECT has_table_privilege(%s, 'public.award', 'INSERT')"
        assert connection.execute(query, ["pg_monitor"]).fetchone() == (True,)
        assert connection.execute(query, [refreshed.engine.url.username]).fetchone() == (False,)


def test_a_backup_overwrites_and_a_restore_replaces_only_when_told(
    refreshed: Database, medspiller: Medspiller, tmp_path: Path
) -> None:
    file = tmp_path / "kept.backup"
    assert medspiller("database", "backup", file)["holds_keys"] is False
    before = counts(refreshed.owner_url)
    assert "--overwrite" in medspiller.fails("database", "backup", file)
    medspiller("municipality", "add", "0301", "Oslo", "--country", "no")
    assert "--replace" in medspiller.fails("database", "restore", file)
    medspiller("database", "restore", file, "--replace")
    assert "no municipality" in medspiller.fails(
        "eligibility", "explain", "--municipality", "0301", "--household", "H1"
    )
    assert counts(refreshed.owner_url) == before
    medspiller("database", "backup", file, "--overwrite")
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == ["kept.backup"]


def test_a_broken_file_changes_nothing(refreshed: Database, medspiller: Medspiller, tmp_path: Path) -> None:
    file = tmp_path / "kept.backup"
    medspiller("database", "backup", file)
    before, content = counts(refreshed.owner_url), file.read_bytes()
    for share in (0.3, 0.6, 0.97):
        file.write_bytes(content[: int(len(content) * share)])
        assert str(file) in medspiller.fails("database", "restore", file, "--replace")
        assert counts(refreshed.owner_url) == before
    file.write_text("no backup at all")
    assert "no backup" in medspiller.fails("database", "restore", file, "--replace")
    assert medspiller.fails("database", "backup", tmp_path / "nowhere" / "file").count("\n") == 1


def test_a_backup_of_a_newer_release_is_refused(refreshed: Database, tmp_path: Path, empty: str) -> None:
    file = tmp_path / "kept.backup"
    with as_owner(refreshed.owner_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    maintenance.backup(refreshed.owner_url, file, overwrite=False)
    with pytest.raises(Invalid, match="another release"):
        maintenance.restore(empty, refreshed.engine.url.username or "", file, replace=False)
    assert schema.current(empty) is None


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://o:s3cret@h:1/d?sslmode=require", "postgresql:///d?password=s3cret"]
)
def test_no_password_stands_in_an_argument(url: str) -> None:
    argument, environment = maintenance._connection(url)
    assert "s3cret" not in argument
    assert "dbname=d" in argument
    assert environment["PGPASSWORD"] == "s3cret"


ONE_MEMBER = "SELECT {} FROM household_member ORDER BY 1 LIMIT 1"
DAMAGES = (
    ("ALTER TABLE award DISABLE ROW LEVEL SECURITY", "row-level security: The table award has no row-level security."),
    ("ALTER TABLE award NO FORCE ROW LEVEL SECURITY", "row-level security: The table award does not force"),
    ("DROP POLICY tenant ON income", "row-level security: The table income has no policy."),
    ("CREATE POLICY all_of_it ON income USING (true)", "row-level security: The table income has a policy"),
    ("CREATE VIEW everybody AS SELECT * FROM person", "row-level security: The view everybody"),
    ("GRANT SELECT ON directory.account TO APP", "reaches the table directory.account itself"),
    ("GRANT CREATE ON SCHEMA public TO APP", "may make objects in the schema public"),
    ("REVOKE SELECT ON person FROM APP", "cannot read the table person"),
    ("GRANT EXECUTE ON FUNCTION directory.list_tenants TO PUBLIC", "directory.list_tenants() runs as its owner for"),
    ("ALTER FUNCTION directory.list_tenants RESET search_path", "without a fixed search path"),
    ("ALTER TABLE audit_entry DISABLE TRIGGER append_only", "audit trail: The trigger append_only that"),
    ("DROP TRIGGER append_only_truncate ON audit_entry", "keeps the audit trail append-only is gone"),
    ("GRANT DELETE ON audit_entry TO APP", "may delete entries of the audit trail"),
    (
        "INSERT INTO audit_entry (tenant_id, at, door, action, subject_kind, details)"
        " VALUES (uuidv7(), now(), 'api', 'x', 'x', '{}')",
        "audit tenants: 1 entries",
    ),
    (
        f"UPDATE person SET ended_at = now() WHERE id = ({ONE_MEMBER.format('person_id')})",
        "register memberships: 1 members of households are persons who have ended",
    ),
    (
        f"UPDATE household SET ended_at = now() WHERE id = ({ONE_MEMBER.format('household_id')})",
        "stand in households that have ended",
    ),
    ("DELETE FROM household_member", "persons who have not ended are members nowhere"),
    (
        "ALTER TABLE person DROP CONSTRAINT uq_person_tenant_id_identity_hash;"
        " UPDATE person SET identity_hash = (SELECT min(identity_hash) FROM person)",
        "register identities: 1 identity numbers stand for several persons",
    ),
    (
        "UPDATE determination SET income_ore = coalesce(income_ore, 0) + 1"
        " WHERE id = (SELECT id FROM determination ORDER BY 1 LIMIT 1)",
        "determinations replay: 1 determinations of parameter version",
    ),
    (
        "UPDATE parameter_version SET parameters = parameters || jsonb_build_object('limit_ore', 1)",
        "do not follow from their figures",
    ),
    ("DROP INDEX uq_determination_in_force", "that lets one determination be in force is gone"),
    (
        "ALTER TABLE income ADD CONSTRAINT new_one CHECK (basis <> 'x') NOT VALID",
        "constraints: The constraint new_one of income is not verified.",
    ),
)


def test_each_damage_is_found(refreshed: Database) -> None:
    app = refreshed.engine.url.username or ""
    checks = [*own_checks(app), *REGISTER, *ELIGIBILITY, *AUDIT]
    engine = create_engine(refreshed.owner_url, poolclass=NullPool)
    for damage, sentence in (("SELECT 1", ""), *DAMAGES):
        with Session(engine) as session:
            session.connection().exec_driver_sql(damage.replace("APP", f'"{app}"'))
            found = [f"{check.name}: {line}" for check in checks for line in check.run(session)]
        assert any(sentence in line for line in found) if sentence else found == [], (damage, found)


def test_a_role_with_too_much_power_is_found(refreshed: Database) -> None:
    owner = make_url(refreshed.owner_url).username
    engine = create_engine(refreshed.owner_url, poolclass=NullPool)
    for role, sentences in (
        (owner, (f"The role {owner} bypasses row-level security.", f"The role {owner} owns table person.")),
        ("nobody_of_that_name", ("There is no role nobody_of_that_name.",)),
    ):
        check = next(check for check in own_checks(role or "") if check.name == "app role")
        with Session(engine) as session:
            assert set(sentences) <= set(check.run(session))


def test_the_command_tells_what_is_wrong(refreshed: Database, medspiller: Medspiller) -> None:
    assert medspiller("database", "check")["checks"]
    with Session(create_engine(refreshed.owner_url, poolclass=NullPool)) as session:
        session.execute(text("ALTER TABLE award NO FORCE ROW LEVEL SECURITY"))
        session.commit()
    result = CliRunner().invoke(main, ["database", "check", "--json"], catch_exceptions=False)
    assert result.exit_code == 1
    sentence = "The table award does not force row-level security on its owner."
    assert result.stderr == f"row-level security: {sentence}\n"
    found = {check["name"]: check["found"] for check in json.loads(result.stdout)["checks"]}
    assert found["row-level security"] == [sentence]
    assert found["determinations replay"] == []
