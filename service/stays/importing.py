"""The stays of a season from a file, with a result for every line; good lines stand though others are wrong."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import N_, FieldError, Invalid, Refused, Text
from service.stays.actions import keep_centre
from service.stays.queries import StayRow, find_season, list_centres, stays_of
from service.stays.rules import StayFigures
from service.stays.seasons import keep_stay

COLUMNS: Final = (
    "stay",
    "centre",
    "region",
    "start",
    "end",
    "family_places",
    "person_places",
    "volunteers",
    "min_child_age",
    "max_child_age",
    "min_families",
    "assembly_points",
    "included",
    "accessibility",
)
"""The columns of a file of stays; those from `assembly_points` on may be left out, and one of `centre` and `region`."""
_NEEDED: Final = tuple(c for c in COLUMNS[:11] if c not in ("centre", "region"))
_NUMBERS: Final = ("family_places", "person_places", "volunteers", "min_child_age", "max_child_age", "min_families")
_FIELDS: Final = {"code": "stay", "starts_on": "start", "ends_on": "end"}
MOST_LINES: Final = 2_000


class LineResult(msgspec.Struct, frozen=True):
    """What became of a line: `added`, `changed`, `unchanged`, or `rejected` with what is wrong."""

    line: int
    stay: str
    outcome: str
    errors: tuple[FieldError, ...] = ()


class _Wrong(Exception):
    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors


def read_table(content: bytes, needed: Sequence[str], known: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The lines of a file with their numbers, the first being the heading. Comma or semicolon, UTF-8.

    Refuses a file that cannot be read, or lacks a column or has one that is not known.
    """
    try:
        written = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("The file is not UTF-8. Save it as CSV in UTF-8.") from None
    heading = written.partition("\n")[0]
    delimiter = ";" if heading.count(";") > heading.count(",") else ","
    try:
        rows = list(csv.reader(io.StringIO(written, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise Invalid("The file is no CSV: a quotation mark is not closed.") from None
    columns = [name.strip().lower() for name in rows[0]] if rows else []
    missing = [name for name in needed if name not in columns]
    unknown = [name for name in columns if name not in known]
    if missing or unknown or len(set(columns)) != len(columns):
        raise Invalid(
            "The file's first line must name its columns: {columns}. Missing: {missing}. Not known: {unknown}.",
            columns=", ".join(known),
            missing=", ".join(missing) or "–",
            unknown=", ".join(unknown) or "–",
        )
    if len(rows) > MOST_LINES:
        raise Invalid("The file has more than {most} lines.", most=MOST_LINES)
    return [
        (number, dict(zip(columns, [cell.strip() for cell in row] + [""] * len(columns), strict=False)))
        for number, row in enumerate(rows[1:], start=2)
        if any(cell.strip() for cell in row)
    ]


def import_stays(session: Session, tenant_id: UUID, season_id: UUID, content: bytes, actor: Actor) -> list[LineResult]:
    """Add the stays of a file to a season, and change those whose code it has already.

    A centre that is not known is added by its name.
    """
    season = find_season(session, season_id)
    lines = read_table(content, _NEEDED, COLUMNS)
    known = {stay.code: stay for stay in stays_of(session, season.id)}
    seen: set[str] = set()
    results = []
    for number, line in lines:
        code = line["stay"]
        try:
            if code in seen:
                raise _Wrong([FieldError("stay", "stands in the file twice")])
            seen.add(code)
            with session.begin_nested():
                outcome = _take_over(session, tenant_id, season_id, line, known.get(code), actor)
            results.append(LineResult(number, code, outcome))
        except _Wrong as wrong:
            results.append(LineResult(number, code, "rejected", tuple(wrong.errors)))
        except Refused as refusal:
            errors = [msgspec.structs.replace(e, field=_FIELDS.get(e.field, e.field)) for e in refusal.errors]
            said = errors or [FieldError("stay", refusal.template, refusal.values)]
            results.append(LineResult(number, code, "rejected", tuple(said)))
    counts = {name: sum(one.outcome == name for one in results) for name in ("added", "changed", "rejected")}
    record(session, tenant_id, actor, "stays.import", ("season", season_id), details={"counts": counts})
    return results


def _take_over(
    session: Session, tenant_id: UUID, season_id: UUID, line: dict[str, str], known: StayRow | None, actor: Actor
) -> str:
    figures = _figures(line, known)
    name = line.get("centre") or line.get("region") or ""
    if not name:
        raise _Wrong([FieldError("centre", "is missing")])
    centres = {one.name.lower(): one.id for one in list_centres(session)}
    centre_id = centres.get(name.lower()) or keep_centre(
        session,
        tenant_id,
        None,
        name=name,
        region=line.get("region", ""),
        address="",
        accessibility="",
        rooms="",
        actor=actor,
    )
    if known is not None and (known.centre_id, known.figures) == (centre_id, figures):
        return "unchanged"
    keep_stay(session, tenant_id, season_id, known.id if known else None, centre_id, figures, actor)
    return "changed" if known else "added"


def _figures(line: dict[str, str], known: StayRow | None) -> StayFigures:
    """The stay of a line; what the file has no column for stays as it is known."""
    errors: list[FieldError] = []
    numbers: dict[str, Any] = {}
    for name in _NUMBERS:
        if line[name].isascii() and line[name].isdigit() and len(line[name]) < 6:
            numbers[name] = int(line[name])
        else:
            errors.append(FieldError(name, "must be a whole number"))
    days: dict[str, Any] = {}
    for column, name in (("start", "starts_on"), ("end", "ends_on")):
        try:
            days[name] = date.fromisoformat(line[column])
        except ValueError:
            errors.append(FieldError(column, "must be a date such as 2026-07-04"))
    if errors:
        raise _Wrong(errors)
    texts: dict[str, Any] = {
        name: line[name] if name in line else (getattr(known, name) if known else "")
        for name in ("included", "accessibility")
    }
    written = line.get("assembly_points")
    points = [point.strip() for point in (written or "").split("|") if point.strip()]
    if written is None and known is not None:
        points = known.assembly_points
    region = line.get("region") or (known.region if known else "")
    return StayFigures(code=line["stay"], region=region, assembly_points=tuple(points), **days, **numbers, **texts)


OUTCOMES: Final = {
    "added": N_("Added"),
    "changed": N_("Changed"),
    "unchanged": N_("Nothing new"),
    "rejected": N_("Rejected"),
}


def said(error: FieldError) -> Text:
    """What is wrong with a field of a line, to be said in any language."""
    return Text(error.template, error.values)
