"""Applying the retention rules: a dry run counts, a commit erases in chunks and certifies what it did.

Every chunk is a transaction that also counts itself into the run's row. A run that was killed is gone on with by the
next one, with the rules and the date that it began with, before that does its own.
"""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.care.certificates import Certified, certify
from service.care.kinds.kind import Kind, Step
from service.care.models import RetentionRun
from service.care.rules import cut_off, kind_of, rules_of
from service.database.engine import Database
from service.database.locks import one_at_a_time
from service.database.tenancy import act_for
from service.identity.actions import Municipality, Tenant
from service.values import clock
from service.values.progress import Progress

ROWS_PER_CHUNK = 20_000

_FILES = "files"


class Applied(msgspec.Struct, frozen=True):
    """What a rule took: rows by table, and `files`. `cut_off` is the last day whose data were due, None if none are."""

    what: str
    meaning: str
    counted_from: str
    months: int | None
    way: str
    cut_off: date | None
    rows: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.rows.values())


class Retention(msgspec.Struct, frozen=True):
    """A dry run or a commit. `resumed` are earlier runs that were killed and have been brought to their end first."""

    run: UUID | None
    state: str
    on: date
    rules: list[Applied]
    total: int
    certificate: str | None
    sha256: str | None
    resumed: list[UUID]


class _Part(msgspec.Struct, frozen=True):
    """A step of a rule; `place` is the rule's in the run, `number` the step's in the rule, from 0."""

    place: int
    number: int
    rule: dict[str, Any]
    kind: Kind
    step: Step


def _parts(rules: list[dict[str, Any]]) -> Iterator[_Part]:
    """What is left to do of rules as a run's row keeps them."""
    for place, rule in enumerate(rules):
        kind = kind_of(rule["what"])
        for number, step in enumerate(kind.steps):
            if rule["cut_off"] is not None and number >= rule["steps_done"]:
                yield _Part(place, number, rule, kind, step)


def apply_retention(
    database: Database,
    municipality: Municipality | Tenant,
    on: date,
    commit: bool,
    actor: Actor,
    progress: Progress,
    *,
    once: bool = False,
) -> Retention:
    """Erase or anonymise what is due on a date; without `commit` everything is done, counted and taken back.

    What holds for a municipality holds for a volunteer organisation too. Two at once for one of them work on the same
    run. The certificate lies in HOME/certificates. With `once` a run
    for this date through the same door is not followed by another, and is told again.
    """
    if not commit:
        return _dry_run(database, municipality, on, progress)
    resumed = []
    while open_run := _open_run(database, municipality):
        _carry_out(database, municipality, open_run, progress)
        _finish(database, municipality, open_run)
        resumed.append(open_run)
    run_id = _finished_run(database, municipality, on, actor) if once else None
    if run_id is None:
        run_id = _begin(database, municipality, on, actor)
        _carry_out(database, municipality, run_id, progress)
    certified = _finish(database, municipality, run_id)
    with database.transaction(municipality.id) as session:
        run = _run(session, run_id)
    rules = _applied(run.rules, run.counts)
    total, others = sum(rule.total for rule in rules), [one for one in resumed if one != run_id]
    return Retention(run_id, "committed", run.on_date, rules, total, str(certified.file), certified.sha256, others)


def _dry_run(database: Database, municipality: Municipality | Tenant, on: date, progress: Progress) -> Retention:
    counts: dict[str, dict[str, int]] = {}
    with Session(database.engine) as session:
        act_for(session, municipality.id)
        rules = _rules(session, on)
        for part in _parts(rules):
            progress.step(f"Counting {part.rule['what']}: {part.step.table}")
            while taken := _take(session, municipality, part):
                _count(counts, part.rule, part.step.table, taken)
        for rule in rules:
            if files := _files(database, session, municipality, rule):
                _count(counts, rule, _FILES, len(files))
        session.rollback()
    applied = _applied(rules, counts)
    return Retention(None, "dry_run", on, applied, sum(rule.total for rule in applied), None, None, [])


def _rules(session: Session, on: date) -> list[dict[str, Any]]:
    return [
        msgspec.to_builtins(rule)
        | {"cut_off": None if rule.months is None else cut_off(on, rule.months).isoformat(), "steps_done": 0}
        for rule in rules_of(session)
    ]


def _applied(rules: list[dict[str, Any]], counts: dict[str, dict[str, int]]) -> list[Applied]:
    return [
        Applied(
            what=rule["what"],
            meaning=rule["meaning"],
            counted_from=rule["counted_from"],
            months=rule["months"],
            way=rule["way"],
            cut_off=rule["cut_off"] and date.fromisoformat(rule["cut_off"]),
            rows=counts.get(rule["what"], {}),
        )
        for rule in rules
    ]


def _count(counts: dict[str, dict[str, int]], rule: dict[str, Any], table: str, rows: int) -> None:
    of_rule = counts.setdefault(rule["what"], {})
    of_rule[table] = of_rule.get(table, 0) + rows


def _take(session: Session, municipality: Municipality | Tenant, part: _Part) -> int:
    """Erase or change one chunk of what is due; returns its rows."""
    rule, step = part.rule, part.step
    for action in part.kind.locks:
        one_at_a_time(session, action, municipality.id)
    if step.by:
        taken: int = session.execute(text(f"SELECT {step.by}"), {"most": ROWS_PER_CHUNK}).scalar_one()
        return taken
    due = step.due.replace("{origin}", part.kind.origins[rule["counted_from"]])
    chosen = f"ctid = ANY (ARRAY(SELECT {step.table}.ctid FROM {step.table} WHERE {due} LIMIT :most))"
    change = f"UPDATE {step.table} SET {step.change}" if step.change else f"DELETE FROM {step.table}"
    values = {"cut_off": rule["cut_off"], "zone": municipality.time_zone, "at": clock.now(), "most": ROWS_PER_CHUNK}
    statement = f"{change} WHERE {chosen}".replace(":cut_off", "CAST(:cut_off AS date)")
    used = {name: value for name, value in values.items() if f":{name}" in statement}
    return int(session.execute(text(statement), used).rowcount)  # type: ignore[attr-defined]


def _open_run(database: Database, municipality: Municipality | Tenant) -> UUID | None:
    with database.transaction(municipality.id) as session:
        found: UUID | None = session.execute(
            text("SELECT id FROM retention_run WHERE finished_at IS NULL ORDER BY id LIMIT 1")
        ).scalar()
    return found


def _finished_run(database: Database, municipality: Municipality | Tenant, on: date, actor: Actor) -> UUID | None:
    with database.transaction(municipality.id) as session:
        found: UUID | None = session.execute(
            text(
                "SELECT id FROM retention_run WHERE on_date = :on AND door = :door AND finished_at IS NOT NULL LIMIT 1"
            ),
            {"on": on, "door": actor.door},
        ).scalar()
    return found


def _begin(database: Database, municipality: Municipality | Tenant, on: date, actor: Actor) -> UUID:
    with database.transaction(municipality.id) as session:
        one_at_a_time(session, "retention", municipality.id)
        begun_meanwhile: UUID | None = session.execute(
            text("SELECT id FROM retention_run WHERE finished_at IS NULL")
        ).scalar()
        if begun_meanwhile:
            return begun_meanwhile
        run = RetentionRun(
            tenant_id=municipality.id,
            on_date=on,
            rules=_rules(session, on),
            counts={},
            started_at=clock.now(),
            door=actor.door,
            account_id=actor.account_id,
        )
        session.add(run)
        session.flush()
        return run.id


def _run(session: Session, run_id: UUID, *, lock: bool = False) -> Any:
    query = f"SELECT * FROM retention_run WHERE id = :id {'FOR UPDATE' if lock else ''}"
    return session.execute(text(query), {"id": run_id}).one()


def _carry_out(database: Database, municipality: Municipality | Tenant, run_id: UUID, progress: Progress) -> None:
    with database.transaction(municipality.id) as session:
        rules = _run(session, run_id).rules
    for part in _parts(rules):
        progress.step(f"{part.rule['what']}: {part.step.table}")
        while _chunk(database, municipality, run_id, part):
            pass
    for rule in rules:
        _remove_files(database, municipality, run_id, rule)


def _chunk(database: Database, municipality: Municipality | Tenant, run_id: UUID, part: _Part) -> int:
    """Take one chunk, or note that the step is done: once later steps are, its condition may hold of other rows."""
    with database.transaction(municipality.id) as session:
        one_at_a_time(session, "retention", municipality.id)
        done = _run(session, run_id).rules[part.place]["steps_done"] > part.number
        taken = 0 if done else _take(session, municipality, part)
        if taken:
            _note(session, run_id, part.rule, part.step.table, taken)
        elif not done:
            session.execute(
                text(
                    """UPDATE retention_run
                    SET rules = jsonb_set(rules, CAST(:at AS text[]), to_jsonb(CAST(:done AS int))) WHERE id = :id"""
                ),
                {"id": run_id, "at": [str(part.place), "steps_done"], "done": part.number + 1},
            )
    return taken


def _note(session: Session, run_id: UUID, rule: dict[str, Any], table: str, rows: int) -> None:
    counts = _run(session, run_id, lock=True).counts
    _count(counts, rule, table, rows)
    session.execute(
        text("UPDATE retention_run SET counts = CAST(:counts AS jsonb) WHERE id = :id"),
        {"id": run_id, "counts": json.dumps(counts)},
    )


def _files(
    database: Database, session: Session, municipality: Municipality | Tenant, rule: dict[str, Any]
) -> list[Path]:
    """The files in the home that are due with the rows of a rule."""
    kind = kind_of(rule["what"])
    if kind.files is None or rule["cut_off"] is None:
        return []
    names = kind.files.names.replace("{origin}", kind.origins[rule["counted_from"]])
    due = session.execute(
        text(names.replace(":cut_off", "CAST(:cut_off AS date)") + " ORDER BY 1"),
        {"cut_off": rule["cut_off"], "zone": municipality.time_zone},
    ).scalars()
    under = [path.format(code=municipality.code, name=name) for name in due for path in kind.files.paths]
    return [file for path in under if (file := database.home / path).exists()]


def _remove_files(database: Database, municipality: Municipality | Tenant, run_id: UUID, rule: dict[str, Any]) -> None:
    with database.transaction(municipality.id) as session:
        files = _files(database, session, municipality, rule)
        if not files:
            return
        _note(session, run_id, rule, _FILES, len(files))
        for file in files:
            file.unlink(missing_ok=True)


def _finish(database: Database, municipality: Municipality | Tenant, run_id: UUID) -> Certified:
    """Write the certificate, then note it: what the trail refers to always exists."""
    folder = database.home / "certificates"
    with database.transaction(municipality.id) as session:
        run = _run(session, run_id, lock=True)
        at = run.finished_at or clock.now()
        certified = certify(folder, municipality, run, at)
        if run.finished_at is None:
            session.execute(
                text("UPDATE retention_run SET finished_at = :at, certificate_sha256 = :sha256 WHERE id = :id"),
                {"id": run_id, "at": at, "sha256": certified.sha256},
            )
            actor = Actor(door=run.door, account_id=run.account_id)
            details = {"counts": run.counts, "on": run.on_date.isoformat(), "sha256": certified.sha256}
            record(session, municipality.id, actor, "care.retention", ("retention_run", run_id), details=details)
    return certified
