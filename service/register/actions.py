"""Importing register extracts: staged, gated, merged; all of it or nothing."""

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import tuple_row
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import N_, Conflict, FieldError, Invalid, NotFound, Text
from service.identity.actions import Approver, Municipality
from service.register import merge, rules, staging
from service.register.changes import count_changes
from service.register.extracts import read_layout
from service.register.gate import held_because
from service.register.staging import Source
from service.values import clock
from service.values.identity_numbers import Country, parse
from service.values.progress import Progress
from service.values.secrecy import TenantSecrets

_COLUMNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "population": (rules.POPULATION, ()),
    "income": (rules.INCOME, rules.INCOME_OPTIONAL),
    "decisions": (rules.DECISIONS, ()),
}
# Sorts and hashes of a million rows stay in memory; the planner needs two or three of these at a time.
_WORK_MEMORY = "128MB"
_COUNTED = {"population": "persons", "income": "incomes", "decisions": "decisions"}


class ImportResult(msgspec.Struct, frozen=True):
    """What became of an import. Counts are accepted rows; `unchanged` those of them that changed nothing."""

    id: UUID
    state: str
    held_because: str | None
    persons: int
    households: int
    incomes: int
    decisions: int
    rejected: int
    warnings: int
    unchanged: int
    rejected_file: str


def import_extract(
    session: Session,
    municipality: Municipality,
    secrets: TenantSecrets,
    files: dict[str, Path],
    folder: Path,
    actor: Actor,
    progress: Progress,
) -> ImportResult:
    """Import extract files (`population`, `income`, `decisions`, any of them) for a municipality.

    Every header is checked before a row is read. Rows that are not accepted are listed in `folder`/IMPORT/rejected.csv
    and in `rejected_row`; the others are merged, or held where the gate says so. One import of a municipality runs at a
    time; another waits.
    """
    if not files:
        raise Invalid("Name at least one file: --population, --income or --decisions.")
    sources = [_source(kind, files[kind], municipality, secrets) for kind in _COLUMNS if kind in files]
    cursor = _raw_cursor(session)
    _begin(cursor, municipality.id)
    for source in sources:
        staging.stage(cursor, source, progress)
    kinds = {source.kind: source.path.name for source in sources}
    compared = _compare(cursor, kinds, progress)
    counts = _counts(cursor, compared)
    held = held_because(counts, _last_counts(cursor))
    counts |= count_changes(cursor, compared)
    import_id = _record_import(cursor, municipality.id, "held" if held else "merged", counts, held, actor)
    _keep_rejections(cursor, municipality.id, import_id)
    rejected_file = _rejected_file(folder, import_id)
    _write_rejections(cursor, rejected_file)
    if held:
        _hold(cursor, municipality.id, import_id, kinds)
    else:
        _merge(cursor, municipality.id, import_id, compared, progress)
    record(
        session,
        municipality.id,
        actor,
        "register.import.held" if held else "register.import",
        ("register_import", import_id),
        details=counts,
    )
    return _result(import_id, "held" if held else "merged", held, counts, rejected_file)


def confirm_import(
    session: Session, approver: Approver, import_id: UUID, tenant_id: UUID, folder: Path, progress: Progress
) -> ImportResult:
    """Merge an import that the gate held. Refused where it is not held any more or a newer one was merged since.

    `folder` is the one that the import was given.
    """
    cursor = _raw_cursor(session)
    _begin(cursor, tenant_id)
    counts = _held_import(cursor, import_id, approver.account_id, lock=True)
    compared = _compare(cursor, _restore(cursor, import_id), progress)
    _merge(cursor, tenant_id, import_id, compared, progress)
    cursor.execute("DELETE FROM held_row WHERE import_id = %s", [import_id])
    cursor.execute(
        "UPDATE register_import SET state = 'merged', confirmed_at = %s, confirmed_by = %s WHERE id = %s",
        [clock.now(), approver.account_id, import_id],
    )
    actor = Actor(door=approver.door, account_id=approver.account_id)
    record(session, tenant_id, actor, "register.import.confirm", ("register_import", import_id), details=counts)
    return _result(import_id, "merged", None, counts, _rejected_file(folder, import_id))


def require_confirmable(session: Session, import_id: UUID, account_id: UUID) -> None:
    """Refuse what `confirm_import` would refuse to this account as things stand; waits for nobody."""
    _held_import(_raw_cursor(session), import_id, account_id, lock=False)


def require_readable(files: dict[str, Path]) -> None:
    """Refuse what `import_extract` would refuse by the headers alone, naming each file that is wrong as a field."""
    wrong = []
    for kind, path in files.items():
        try:
            read_layout(path, *_COLUMNS[kind])
        except Invalid as refused:
            mistaken = _file_with(path)
            wrong.append(
                FieldError(kind, refused.template, refused.values)
                if mistaken is None
                else FieldError(kind, "This is {file}: choose it in its own field.", {"file": mistaken})
            )
    if wrong:
        raise Invalid("A file of the upload is wrong.", wrong)


def _file_with(path: Path) -> str | None:
    """Which file of an extract has this header, if any."""
    for kind, (required, optional) in _COLUMNS.items():
        try:
            read_layout(path, required, optional)
        except Invalid:
            continue
        return f"{kind}.csv"
    return None


def _source(kind: str, path: Path, municipality: Municipality, secrets: TenantSecrets) -> Source:
    country = Country(municipality.country)
    today = clock.today(municipality.time_zone)
    read: rules.Row
    if kind == "population":
        read = rules.population_row(country, secrets, today)
    elif kind == "income":
        read = rules.income_row(country, secrets)
    else:
        read = rules.award_row(country, secrets)

    def identify(person: str) -> bytes | None:
        try:
            return secrets.hash(parse(person, country).number)
        except ValueError:
            return None

    required, optional = _COLUMNS[kind]
    return Source(
        kind=kind,
        path=path,
        layout=read_layout(path, required, optional),
        columns=required + optional,
        read=read,
        identify=identify,
    )


def _raw_cursor(session: Session) -> psycopg.Cursor[Any]:
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return connection.cursor(row_factory=tuple_row)


def _begin(cursor: psycopg.Cursor[Any], tenant_id: UUID) -> None:
    """Wait for the tenant's other imports, and make the temporary tables of this one."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('register ' || %s, 0))", [str(tenant_id)])
    cursor.execute(f"SET LOCAL work_mem = '{_WORK_MEMORY}'")
    staging.create_tables(cursor)


def _counts(cursor: psycopg.Cursor[Any], compared: list[merge.Comparison]) -> dict[str, int]:
    counts = {_COUNTED[comparison.kind]: comparison.accepted for comparison in compared}
    if "persons" in counts:
        counts["households"] = _number(
            cursor, "SELECT count(*) FROM (SELECT FROM staged_population GROUP BY reference) AS household"
        )
    counts["rejected"] = _number(cursor, "SELECT count(*) FROM staged_rejection WHERE NOT accepted")
    counts["warnings"] = _number(cursor, "SELECT count(*) FROM staged_rejection WHERE accepted")
    counts["unchanged"] = sum(comparison.accepted - comparison.changed for comparison in compared)
    return counts


def _number(cursor: psycopg.Cursor[Any], query: str) -> int:
    row = cursor.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _last_counts(cursor: psycopg.Cursor[Any]) -> dict[str, int]:
    """The counts of the last merged import that had each kind of file."""
    rows: list[tuple[dict[str, int]]] = cursor.execute(
        "SELECT counts FROM register_import WHERE state = 'merged' ORDER BY coalesce(confirmed_at, imported_at), id"
    ).fetchall()
    last: dict[str, int] = {}
    for (counts,) in rows:
        last |= counts
    return last


def _record_import(
    cursor: psycopg.Cursor[Any],
    tenant_id: UUID,
    state: str,
    counts: dict[str, int],
    held: str | None,
    actor: Actor,
) -> UUID:
    row = cursor.execute(
        """INSERT INTO register_import (tenant_id, state, counts, held_because, imported_at, imported_by)
            VALUES (%s, %s, %s, %s, %s, %s) RETURNING id""",
        [tenant_id, state, msgspec.json.encode(counts).decode(), held, clock.now(), actor.account_id],
    ).fetchone()
    assert row is not None
    import_id: UUID = row[0]
    return import_id


def _keep_rejections(cursor: psycopg.Cursor[Any], tenant_id: UUID, import_id: UUID) -> None:
    cursor.execute(
        """INSERT INTO rejected_row (tenant_id, import_id, number, file, line, field, value, reason, accepted)
            SELECT %s, %s, number, file, line, field, value, reason, accepted FROM staged_rejection""",
        [tenant_id, import_id],
    )


def _rejected_file(folder: Path, import_id: UUID) -> Path:
    return folder / str(import_id) / "rejected.csv"


def _write_rejections(cursor: psycopg.Cursor[Any], path: Path) -> None:
    path.parent.mkdir(parents=True, mode=0o700)
    query = "SELECT file, line, field, value, reason FROM staged_rejection ORDER BY file, line, number"
    with path.open("wb") as file, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)") as copy:
        path.chmod(0o600)
        for block in copy:
            file.write(block)


def _compare(cursor: psycopg.Cursor[Any], kinds: dict[str, str], progress: Progress) -> list[merge.Comparison]:
    compared = []
    for kind, file in kinds.items():
        progress.step(f"Comparing {kind} with the register")
        merge.reject_repeated(cursor, kind, file)
        compared.append(merge.compare(cursor, kind))
    return compared


def _merge(
    cursor: psycopg.Cursor[Any],
    tenant_id: UUID,
    import_id: UUID,
    compared: list[merge.Comparison],
    progress: Progress,
) -> None:
    parameters = {"tenant": tenant_id, "import": import_id, "at": clock.now()}
    for comparison in compared:
        merge.merge(cursor, comparison, parameters, progress)


def _hold(cursor: psycopg.Cursor[Any], tenant_id: UUID, import_id: UUID, kinds: dict[str, str]) -> None:
    for kind, file in [*kinds.items(), ("rejection", "")]:
        cursor.execute(
            sql.SQL(
                """INSERT INTO held_row (tenant_id, import_id, file, line, content)
                    SELECT %s, %s, %s, {}, to_jsonb(s) FROM {} s"""
            ).format(sql.SQL("number" if kind == "rejection" else "line"), staging.table(kind)),
            [tenant_id, import_id, f"{kind}/{file}"],
        )
    for kind, file in kinds.items():
        # An empty file is a file too: its kind must be known when it is confirmed.
        cursor.execute(
            "INSERT INTO held_row (tenant_id, import_id, file, line, content) VALUES (%s, %s, %s, 0, '{}')",
            [tenant_id, import_id, f"{kind}/{file}"],
        )


def _held_import(cursor: psycopg.Cursor[Any], import_id: UUID, account_id: UUID, *, lock: bool) -> dict[str, int]:
    """The counts of a held import that this account may confirm."""
    query = "SELECT state, counts, imported_by, imported_at FROM register_import WHERE id = %s"
    row: tuple[str, dict[str, int], UUID | None, datetime] | None = cursor.execute(
        query + (" FOR UPDATE" if lock else ""), [import_id]
    ).fetchone()
    if row is None:
        raise NotFound("There is no import {id} that this account may confirm.", id=import_id)
    state, counts, imported_by, imported_at = row
    if state != "held":
        raise Conflict("The import {id} is not held; it is {state}.", id=import_id, state=Text(_STATES[state]))
    newer = cursor.execute(
        """SELECT 1 FROM register_import
            WHERE state = 'merged' AND (imported_at, id) > (%s, %s) AND counts ?| %s LIMIT 1""",
        [imported_at, import_id, [key for key in ("persons", "incomes", "decisions") if key in counts]],
    ).fetchone()
    if newer:
        raise Conflict("A newer file was merged since this one was held. Import the file again.")
    if imported_by is not None and imported_by == account_id:
        raise Conflict("Whoever imported the file cannot confirm it; a second person must.")
    return counts


_STATES = {"held": N_("held"), "merged": N_("merged"), "discarded": N_("discarded")}


def _restore(cursor: psycopg.Cursor[Any], import_id: UUID) -> dict[str, str]:
    kinds = {}
    rows = cursor.execute("SELECT DISTINCT file FROM held_row WHERE import_id = %s", [import_id]).fetchall()
    for (name,) in rows:
        kind, file = name.split("/", 1)
        names = sql.SQL(", ").join(map(sql.Identifier, staging.columns(kind)))
        restored = sql.SQL(", ").join(sql.Identifier("restored", column) for column in staging.columns(kind))
        cursor.execute(
            sql.SQL(
                """INSERT INTO {table} ({names}) SELECT {restored}
                    FROM held_row h, jsonb_populate_record(NULL::{table}, h.content) AS restored
                    WHERE h.import_id = %s AND h.file = %s AND h.line > 0"""
            ).format(table=staging.table(kind), names=names, restored=restored),
            [import_id, name],
        )
        if kind != "rejection":
            kinds[kind] = file
    return {kind: kinds[kind] for kind in _COLUMNS if kind in kinds}


def _result(import_id: UUID, state: str, held: str | None, counts: dict[str, int], rejected_file: Path) -> ImportResult:
    keys = ("persons", "households", "incomes", "decisions", "rejected", "warnings", "unchanged")
    return ImportResult(
        id=import_id,
        state=state,
        held_because=held,
        rejected_file=str(rejected_file),
        **{key: counts.get(key, 0) for key in keys},
    )
