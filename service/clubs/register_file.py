"""The Danish CVR register as a file: one line a club, kept beside what clubs write of themselves."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.clubs.registers import Said
from service.errors import Invalid, Unreadable
from service.identity.actions import Municipality
from service.register.extracts import Layout, arrange, is_blank, problem_of, read_blocks, read_layout, records_of, split
from service.values import clock
from service.values.organisation_numbers import read_organisation_number
from service.values.progress import Progress
from service.values.spreadsheets import as_text

COLUMNS: Final = ("number", "name")
OPTIONAL: Final = ("form", "municipality", "ended_on")
_LONGEST: Final = 300
_BATCH: Final = 5_000


class Entry(msgspec.Struct, frozen=True):
    """An accepted line."""

    number: str
    said: Said


class Rejected(msgspec.Struct, frozen=True):
    """A line that was not taken, and why; `value` is what stood there."""

    line: int
    field: str
    value: str
    reason: str


class Imported(msgspec.Struct, frozen=True):
    """How many lines were taken, and the list of those that were not, where there are some."""

    accepted: int
    unchanged: int
    rejected: int
    rejected_file: str | None


def import_register(
    session: Session, municipality: Municipality, path: Path, folder: Path, actor: Actor, progress: Progress
) -> Imported:
    """Take over a file of the CVR register; of a number that stands several times the last line counts.

    Rejected lines are listed in a file in `folder`. What an earlier file said of other numbers stays.
    """
    if municipality.country != "dk":
        raise Invalid("The CVR register is Danish. Norwegian clubs are looked up in the registers themselves.")
    layout = read_layout(path, COLUMNS, OPTIONAL)
    rejected: list[Rejected] = []
    accepted = changed = 0
    batch: dict[str, Entry] = {}
    for one in _lines(path, layout):
        if isinstance(one, Rejected):
            rejected.append(one)
            continue
        accepted += 1
        batch[one.number] = one
        if len(batch) == _BATCH:
            changed += _write(session, municipality, batch)
            batch.clear()
            progress.at("Reading the register", accepted)
    changed += _write(session, municipality, batch)
    result = Imported(accepted, accepted - changed, len(rejected), _list(folder, rejected))
    counts = {"accepted": accepted, "unchanged": result.unchanged, "rejected": len(rejected)}
    record(session, municipality.id, actor, "clubs.register.import", ("tenant", municipality.id), details=counts)
    return result


def _lines(path: Path, layout: Layout) -> Iterator[Entry | Rejected]:
    for first, block in read_blocks(path):
        for number, line, fields, problem in records_of(first, block, layout):
            if is_blank(line, layout):
                continue
            why = problem or problem_of(line)
            if why is not None:
                yield Rejected(number, "", "", why)
                continue
            # What was split already may have another width than the header.
            found = arrange(fields, layout) if len(fields) == layout.width else split(line, layout)
            if isinstance(found, str):
                yield Rejected(number, "", "", found)
            else:
                yield _entry(number, [value.strip() for value in found])


def _entry(line: int, fields: list[str]) -> Entry | Rejected:
    written, name, form, municipality, ended = fields
    try:
        number = read_organisation_number(written, "dk")
    except Unreadable as error:
        return Rejected(line, "number", written, str(error))
    if not name:
        return Rejected(line, "name", "", "is missing")
    for field, value in (("name", name), ("form", form), ("municipality", municipality)):
        if len(value) > _LONGEST:
            return Rejected(line, field, value[:50], f"is longer than {_LONGEST} characters")
    if ended:
        try:
            date.fromisoformat(ended)
        except ValueError:
            return Rejected(line, "ended_on", ended[:50], "must be a date of the form YYYY-MM-DD")
    return Entry(number, Said(name=name, form=form or None, municipality=municipality or None, ended_on=ended or None))


def _write(session: Session, municipality: Municipality, batch: dict[str, Entry]) -> int:
    """Write lines down; gives how many of them say something new."""
    if not batch:
        return 0
    entries = list(batch.values())
    changed: int = session.execute(
        text(
            """WITH written AS (
                INSERT INTO club_register_entry AS e (tenant_id, source, number, outcome, said, looked_up_at)
                SELECT :tenant, 'cvr', number, outcome, said::jsonb, :at
                FROM unnest(CAST(:numbers AS text[]), CAST(:outcomes AS text[]), CAST(:said AS text[]))
                    AS t (number, outcome, said)
                ON CONFLICT (tenant_id, source, number) DO UPDATE
                SET outcome = excluded.outcome, said = excluded.said, looked_up_at = excluded.looked_up_at
                RETURNING old.said IS DISTINCT FROM new.said AS changed
            ) SELECT count(*) FILTER (WHERE changed) FROM written"""
        ),
        {
            "tenant": municipality.id,
            "at": clock.now(),
            "numbers": [one.number for one in entries],
            "outcomes": ["deleted" if one.said.ended_on else "found" for one in entries],
            "said": [msgspec.json.encode(one.said).decode() for one in entries],
        },
    ).scalar_one()
    return changed


def _list(folder: Path, rejected: list[Rejected]) -> str | None:
    if not rejected:
        return None
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"club-register-rejected-{clock.now():%Y%m%dT%H%M%S.%fZ}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Rejected.__struct_fields__)
        writer.writerows([as_text(str(cell)) for cell in msgspec.structs.astuple(one)] for one in rejected)
    return str(path)
