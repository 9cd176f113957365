"""From extract files to temporary tables: validated, hashed and encrypted on the way, so that no plain number enters.

Rejections are collected in a spool file while a COPY is running (a connection carries one COPY at a time) and staged
after it.
"""

import csv
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
import psycopg
from psycopg import sql

from service.errors import Refused
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
_REJECTION = """kind text, file text, line int, field text, value text, reason text, accepted boolean, reference text,
    identity_hash bytea"""
_NOBODY = b""
_COPY_BLOCK = 1 << 18
_TWO_PROCESSES = 10_000_000
"""Bytes of a file from which on a second process pays."""


class Source(msgspec.Struct, frozen=True):
    """One extract file with what it takes to read it."""

    kind: str
    path: Path
    layout: Layout
    columns: tuple[str, ...]
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
    """Read one file into its temporary table; rows that are not accepted, and warnings, into `staged_rejection`.

    Of a large file a second process reads the second half: hashing and encrypting take longer than all the rest.
    """
    size = source.path.stat().st_size
    middle = extracts.middle_of(source.path) if size > _TWO_PROCESSES else size
    with _spool() as rejected, _spool() as rejected_later, _spool() as rows_later:
        with (
            _second_process(lambda: _read_later(source, middle, rows_later, rejected_later), middle < size) as second,
            cursor.copy(sql.SQL("COPY {} FROM STDIN").format(table(source.kind))) as copy,
        ):
            rejections = _Rejections(source, rejected)
            for first, block in extracts.read_blocks(source.path, 0, middle):
                progress.at(f"Reading {source.kind}, line", first)
                copy.write("".join(_copy_lines(source, first, block, rejections)))
            second()
            for text in _read_again(rows_later):
                copy.write(text)
        for spool in (rejected, rejected_later):
            _copy_rejections(cursor, spool)
    cursor.execute(sql.SQL("ANALYZE {}").format(table(source.kind)))


def _read_later(source: Source, start: int, rows: IO[str], rejected: IO[str]) -> None:
    rejections = _Rejections(source, rejected)
    for first, block in extracts.read_blocks(source.path, start):
        rows.writelines(_copy_lines(source, first, block, rejections))
    for spool in (rows, rejected):
        spool.flush()


def _spool() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", newline="")


def _read_again(spool: IO[str]) -> Iterator[str]:
    spool.seek(0)
    while text := spool.read(_COPY_BLOCK):
        yield text


@contextmanager
def _second_process(work: Callable[[], None], needed: bool) -> Iterator[Callable[[], None]]:
    """Do `work`, which writes files and touches no connection, in a forked process; the call given awaits its end."""
    if not needed:
        yield lambda: None
        return
    process = os.fork()
    if process == 0:
        # Whatever happens, the child must not run on into its parent's code.
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    running = True

    def wait() -> None:
        nonlocal running
        _, status = os.waitpid(process, 0)
        running = False
        if status:
            raise Refused("The process that reads the second half of the file was ended. Import the file again.")

    try:
        yield wait
    finally:
        if running:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _copy_rejections(cursor: psycopg.Cursor[Any], spool: IO[str]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns("rejection")))
    # CSV has no other sign for NULL than the empty field, and only a missing hash is one.
    texts = sql.SQL("kind, file, field, value, reason, reference")
    statement = sql.SQL("COPY staged_rejection ({}) FROM STDIN (FORMAT csv, FORCE_NOT_NULL ({}))")
    with cursor.copy(statement.format(names, texts)) as copy:
        for text in _read_again(spool):
            copy.write(text)


def _copy_lines(source: Source, first: int, block: bytes, rejections: "_Rejections") -> Iterator[str]:
    """The accepted rows of a block as COPY wants them."""
    layout, read = source.layout, source.read
    width, straight = layout.width, layout.positions == tuple(range(layout.width))
    for number, text, fields, problem in extracts.records_of(first, block, layout):
        plain = text.isprintable() and len(text) <= rules.LONGEST_TEXT and "\\" not in text
        if not plain or len(fields) != width or problem:
            if not text.strip():
                continue
            problem = problem or extracts.problem_of(text)
            found = problem or extracts.split(text, layout)
            if isinstance(found, str):
                rejections.unreadable(number, text, found)
                continue
            fields = found
        elif not straight:
            fields = extracts.arrange(fields, layout)
        try:
            row, warnings = read(fields, plain)
        except rules.Rejected as rejected:
            rejections.rejected(number, text, fields, rejected.problems)
            continue
        if warnings:
            rejections.warned(number, warnings)
        yield f"{number}\t{row}\n"


class _Rejections:
    """Writes the rejections and warnings of one file to the spool, with the keys that protect what stood before."""

    def __init__(self, source: Source, spool: IO[str]) -> None:
        self._source = source
        self._writer = csv.writer(spool)

    def unreadable(self, number: int, text: str, reason: str) -> None:
        """A line without trustworthy fields; the household and the person are read off it as far as they can be."""
        layout, identify = self._source.layout, self._source.identify
        if extracts.is_blank(text, layout):
            self._write(number, "", "", "the line holds no values", False, "", _NOBODY)
            return
        fields = text[: extracts.LONGEST_LINE].replace('"', "").replace("\0", "").split(layout.delimiter)
        # A missing or surplus delimiter shifts the fields: the person's number may stand anywhere.
        numbers = {found for field in fields[:100] if (found := identify(field)) is not None}
        identity = numbers.pop() if len(numbers) == 1 else None
        named = dict(zip(self._source.columns, extracts.arrange(fields, layout), strict=True))
        self._write(number, "", "", reason, False, named.get("household_id", "").strip()[:40], identity)

    def rejected(self, number: int, text: str, fields: Sequence[str], problems: list[rules.Problem]) -> None:
        if extracts.is_blank(text, self._source.layout):
            self._write(number, "", "", "the line holds no values", False, "", _NOBODY)
            return
        named = dict(zip(self._source.columns, fields, strict=True))
        reference = named.get("household_id", "").strip()[:40]
        names, values, reasons = zip(*problems, strict=True)
        identity = self._source.identify(named["person_id"])
        self._write(number, ", ".join(names), ", ".join(values), "; ".join(reasons), False, reference, identity)

    def warned(self, number: int, warnings: tuple[rules.Problem, ...]) -> None:
        for field, value, reason in warnings:
            self._write(number, field, value, f"warning: {reason}", True, "", _NOBODY)

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
        """One line of the list. `identity`: None where it is not known who is meant, `_NOBODY` where nobody is."""
        key = "" if identity is None else f"\\x{identity.hex()}"
        self._writer.writerow(
            (self._source.kind, self._source.path.name, number, field, value, reason, accepted, reference, key)
        )
