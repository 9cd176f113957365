"""From extract files to temporary tables: validated, hashed and encrypted on the way, never a plain number in the database.

Rejections are collected in a spool file while a COPY is running (a connection carries one COPY at a time) and staged
after it.
"""

import csv
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec
import psycopg
from psycopg import sql

from service.register import extracts, rules
from service.register.extracts import Layout
from service.values.progress import Progress

STAGED = {
    "population": """
        line int, reference text, identity_hash bytea, identity_cipher bytea, relation text, birth_date date,
        given_name text, family_name text, street text, postcode text, city text, district text,
        address_protected boolean, language text""",
    "income": "line int, identity_hash bytea, year int, basis text, amount_ore bigint",
    "decisions": "line int, identity_hash bytea, ground text, percent int, valid_from date, valid_to date",
}
_REJECTION = """file text, line int, field text, value text, reason text, accepted boolean, reference text,
    identity_hash bytea"""
_COPY_BLOCK = 1 << 18


class Source(msgspec.Struct, frozen=True):
    """One extract file with what it takes to read it."""

    kind: str
    path: Path
    layout: Layout
    read: rules.Row
    identify: Callable[[str], bytes | None]
    """The keyed hash of a person_id, or None where it is no identity number."""


def create_tables(cursor: psycopg.Cursor[Any]) -> None:
    """The temporary tables of one import; they vanish with the transaction."""
    for kind, columns in STAGED.items():
        cursor.execute(sql.SQL("CREATE TEMP TABLE {} ({}) ON COMMIT DROP").format(table(kind), sql.SQL(columns)))
    numbered = sql.SQL("number int GENERATED ALWAYS AS IDENTITY, " + _REJECTION)
    cursor.execute(sql.SQL("CREATE TEMP TABLE staged_rejection ({}) ON COMMIT DROP").format(numbered))


def columns(kind: str) -> list[str]:
    """The columns of a kind's temporary table that come from outside."""
    return [column.split()[0] for column in (STAGED | {"rejection": _REJECTION})[kind].split(",")]


def table(kind: str) -> sql.Identifier:
    """The temporary table of a kind of file."""
    return sql.Identifier(f"staged_{kind}")


def stage(cursor: psycopg.Cursor[Any], source: Source, progress: Progress) -> None:
    """Read one file into its temporary table; rows that are not accepted, and warnings, into `staged_rejection`."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as spool:
        rejections = _Rejections(source, spool)
        with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(table(source.kind))) as copy:
            for block in _copy_blocks(source, rejections, progress):
                copy.write(block)
        spool.seek(0)
        names = sql.SQL(", ").join(map(sql.Identifier, columns("rejection")))
        with cursor.copy(sql.SQL("COPY staged_rejection ({}) FROM STDIN (FORMAT csv)").format(names)) as copy:
            while text := spool.read(_COPY_BLOCK):
                copy.write(text)
    cursor.execute(sql.SQL("ANALYZE {}").format(table(source.kind)))


def _copy_blocks(source: Source, rejections: "_Rejections", progress: Progress) -> Any:
    lines: list[str] = []
    size = 0
    layout, read = source.layout, source.read
    for line in extracts.read_lines(source.path):
        progress.at(f"Reading {source.kind}, line", line.number)
        fields = extracts.split(line, layout)
        if isinstance(fields, str):
            rejections.unreadable(line, fields)
            continue
        try:
            row, warnings = read(fields)
        except rules.Rejected as rejected:
            rejections.rejected(line.number, fields, rejected.problems)
            continue
        if warnings:
            rejections.warned(line.number, warnings)
        lines.append(f"{line.number}\t{row}\n")
        size += len(row)
        if size > _COPY_BLOCK:
            yield "".join(lines).encode()
            lines, size = [], 0
    yield "".join(lines).encode()


class _Rejections:
    """Writes the rejections and warnings of one file to the spool, with the keys that protect what stood before."""

    def __init__(self, source: Source, spool: IO[str]) -> None:
        self._source = source
        self._writer = csv.writer(spool)
        self._columns = {
            "population": rules.POPULATION,
            "income": rules.INCOME + rules.INCOME_OPTIONAL,
            "decisions": rules.DECISIONS,
        }[source.kind]

    def unreadable(self, line: extracts.Line, reason: str) -> None:
        """A line without trustworthy fields; the household and the person are read off it as far as they can be."""
        loose = line.text.replace('"', "").split(self._source.layout.delimiter)
        fields = [loose[at] if 0 <= at < len(loose) else "" for at in self._source.layout.positions]
        self.rejected(line.number, fields, [("", "", reason)])

    def rejected(self, number: int, fields: list[str], problems: list[rules.Problem]) -> None:
        named = dict(zip(self._columns, fields, strict=True))
        reference = named.get("household_id", "").strip().replace("\0", "")[:40]
        identity = self._source.identify(named["person_id"])
        names, values, reasons = zip(*problems, strict=True)
        said = [f"{name} {reason}" if len(problems) > 1 else reason for name, _, reason in problems]
        self._write(number, ", ".join(names), ", ".join(values), "; ".join(said), False, reference, identity)

    def warned(self, number: int, warnings: tuple[rules.Problem, ...]) -> None:
        for field, value, reason in warnings:
            self._write(number, field, value, f"warning: {reason}", True, "", None)

    def _write(
        self,
        number: int,
        field: str,
        value: str,
        reason: str,
        accepted: bool,
        reference: str,
        identity: bytes | None,
    ) -> None:
        key = "\\x" + identity.hex() if identity else ""
        row = (self._source.path.name, number, field, value, reason, accepted, reference, key)
        self._writer.writerow([text.replace("\0", "") if isinstance(text, str) else text for text in row])
