"""The files of an allocation: stays, referrals and conditions in, the plan out."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from service.allocation import tables
from service.allocation.problem import Conditions, Family, Lock, Problem, Stay, Weights
from service.allocation.solving import Placement
from service.allocation.tables import Line, Wrong
from service.allocation.words import OUTCOMES
from service.errors import N_, Invalid, Refused, Text
from service.values.spreadsheets import as_text

STAYS: Final = (
    *("stay", "region", "start", "end", "family_places", "person_places", "volunteers"),
    *("min_child_age", "max_child_age", "min_families"),
)
STAYS_OPTIONAL: Final = ("rooms",)
REFERRALS: Final = ("family", "birth_dates", "wishes", "need", "last_participation", "refusals")
REFERRALS_OPTIONAL: Final = ("region", "beds", "municipality")
CONDITIONS: Final = ("condition", "families", "stay")
PLAN: Final = ("family", "outcome", "stay", "wish", "rank", "reason")
_KINDS: Final = ("together", "apart", "locked")
_EARLIEST: Final = date(1890, 1, 1)


class Rejected(Invalid):
    """Lines that cannot be taken; `errors` names each with its line, and `wrong` holds the same."""

    def __init__(self, file: str, wrong: Sequence[Wrong]) -> None:
        super().__init__(
            N_("{file} has lines that cannot be taken: {lines}."),
            file=file,
            lines=", ".join(dict.fromkeys(str(one.line) for one in wrong)),
            errors=[one.error for one in wrong],
        )


def read_problem(
    stays: Path, referrals: Path, seed: str, conditions: Path | None = None, weights: Weights | None = None
) -> tuple[Problem, list[Wrong]]:
    """The problem, and what is wrong with the lines of the referrals that are not in it.

    Raises Rejected for the other files: without a stay or a condition the rest would be another problem.
    """
    offered = read_stays(stays)
    families, wrong = read_referrals(referrals, offered)
    settled = Conditions() if conditions is None else read_conditions(conditions, offered, families)
    return Problem(tuple(offered), tuple(families), seed, settled, weights or Weights()), wrong


def read_stays(path: Path) -> list[Stay]:
    """The stays of a file. Raises Rejected where one is wrong."""
    parsed, wrong = tables.read(path, STAYS, STAYS_OPTIONAL, _stay)
    _refuse(path, [*wrong, *tables.repeated(parsed, "stay")])
    if not parsed:
        raise Invalid("{file} holds no stay.", file=path.name)
    return [stay for _, stay in parsed]


def _refuse(path: Path, wrong: Sequence[Wrong]) -> None:
    if wrong:
        raise Rejected(path.name, sorted(wrong, key=lambda one: one.line))


def _stay(line: Line) -> Stay:
    stay = Stay(
        code=line.code("stay"),
        region=line.text("region"),
        start=line.day("start"),
        end=line.day("end"),
        family_places=line.number("family_places"),
        person_places=line.number("person_places"),
        volunteers=line.number("volunteers"),
        min_child_age=line.number("min_child_age", most=99),
        max_child_age=line.number("max_child_age", most=99),
        min_families=line.number("min_families"),
        rooms=line.numbers("rooms") if line.text("rooms") else None,
    )
    if line.wrong:
        return stay
    if "|" in stay.code:
        line.says("stay", Text(N_("holds |, which separates wishes")))
    if stay.end < stay.start:
        line.says("end", Text(N_("lies before the start")))
    if stay.max_child_age < stay.min_child_age:
        line.says("max_child_age", Text(N_("is less than min_child_age")))
    if stay.beds < 0:
        line.says("volunteers", Text(N_("are more than the person places, which count them")))
    return stay


def read_referrals(path: Path, stays: Sequence[Stay]) -> tuple[list[Family], list[Wrong]]:
    """The families of a file, and what is wrong with its other lines."""
    codes = {stay.code for stay in stays}
    year, end = min(stay.start for stay in stays).year, max(stay.end for stay in stays)
    parsed, wrong = tables.read(path, REFERRALS, REFERRALS_OPTIONAL, lambda line: _family(line, codes, year, end))
    wrong = sorted([*wrong, *tables.repeated(parsed, "family")], key=lambda one: one.line)
    lines = {one.line for one in wrong}
    return [family for line, family in parsed if line.place not in lines], wrong


def _family(line: Line, stays: set[str], year: int, end: date) -> Family:
    births = line.days("birth_dates")
    wishes = line.codes("wishes")
    family = Family(
        code=line.code("family"),
        birth_dates=births,
        wishes=wishes,
        need=line.number("need", 1, 5),
        last_participation=line.number_or_none("last_participation", 1900, year),
        refusals=line.number("refusals"),
        beds=line.number("beds", 0, len(births)) if line.text("beds") else len(births),
        region=line.text("region"),
        municipality=line.text("municipality"),
    )
    if "|" in family.code:
        line.says("family", Text(N_("holds |, which separates families")))
    if unknown := [wish for wish in wishes if wish and wish not in stays]:
        line.says("wishes", Text(N_("names stays that there are not: {stays}"), {"stays": ", ".join(unknown)}))
    if not line.wrong and not all(_EARLIEST <= birth <= end for birth in births):
        line.says("birth_dates", Text(N_("holds a date before 1890 or after the last stay")))
    return family


def read_conditions(path: Path, stays: Sequence[Stay], families: Sequence[Family]) -> Conditions:
    """What volunteers have settled. Raises Rejected where a line is wrong."""
    codes, known = {stay.code for stay in stays}, {family.code for family in families}
    good, wrong = tables.read(path, CONDITIONS, (), lambda line: _condition(line, codes, known))
    _refuse(path, wrong)
    return Conditions(
        together=tuple(codes for _, (kind, codes, _) in good if kind == "together"),
        apart=tuple(codes for _, (kind, codes, _) in good if kind == "apart"),
        locked=tuple(Lock(code, stay) for _, (kind, codes, stay) in good if kind == "locked" for code in codes),
    )


def _condition(line: Line, stays: set[str], families: set[str]) -> tuple[str, tuple[str, ...], str]:
    kind, codes, stay = line.text("condition"), line.codes("families"), line.text("stay")
    if kind not in _KINDS:
        line.says("condition", Text(N_("is none of {known}"), {"known": ", ".join(_KINDS)}))
    if unknown := [code for code in codes if code and code not in families]:
        line.says(
            "families", Text(N_("names families that there are not: {families}"), {"families": ", ".join(unknown)})
        )
    if kind == "locked" and stay not in stays:
        line.says("stay", Text(N_("names no stay that there is")))
    if kind in ("together", "apart") and stay:
        line.says("stay", Text(N_("is only for families that are placed by hand")))
    if len(codes) < (1 if kind == "locked" else 2):
        line.says("families", Text(N_("names too few families")))
    return kind, codes, stay


def write_plan(path: Path, placements: Iterable[Placement]) -> None:
    """Write a plan, a line for each family in priority order; the same plan gives the same bytes."""
    write(path, plan_bytes(placements))


def plan_bytes(placements: Iterable[Placement]) -> bytes:
    """A plan as the file that `write_plan` writes."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(PLAN)
    for one in placements:
        cells = (one.family, one.outcome, one.stay, one.wish, one.rank, one.reason)
        writer.writerow("" if cell is None else as_text(str(cell)) for cell in cells)
    return written.getvalue().encode()


def write_report(path: Path, report: object) -> None:
    """Write a report as JSON, readable for people too; the same report gives the same bytes."""
    write(path, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Refused("{file} cannot be written: {reason}.", file=str(path), reason=error.strerror) from error


def read_plan(path: Path) -> dict[str, str]:
    """Who goes where by a plan that was written: the code of each placed family → the code of its stay."""
    good, wrong = tables.read(path, PLAN, (), _placed)
    _refuse(path, [*wrong, *tables.repeated(good, "family")])
    return {family: stay for _, (family, stay) in good if stay}


def _placed(line: Line) -> tuple[str, str]:
    if line.text("outcome") not in OUTCOMES:
        line.says("outcome", Text(N_("is none of {known}"), {"known": ", ".join(OUTCOMES)}))
    if bool(line.text("stay")) != (line.text("outcome") == "placed"):
        line.says("stay", Text(N_("is for families that are placed, and for them alone")))
    return line.code("family"), line.text("stay")
