"""Allocation of made-up seasons: how long it takes, and how many persons it places beside other ways of allocating.

Deferred acceptance is what school places are given by: families ask for their best wish, a stay keeps those who come
first and turns the others away, who ask for their next. Here no family passes one that comes before it, so a stay stops
at the first family that does not fit.
"""

from collections.abc import Iterable, Mapping
from time import perf_counter

from service.allocation import figures
from service.allocation.placing import Plan, Room, persons
from service.allocation.problem import Problem
from service.allocation.repack import NOTHING, Allowed
from service.allocation.report import report_of
from service.allocation.season import Season, Unit
from service.allocation.solving import Allocation, allocate
from tests.allocation.seasons import national

GOALS = {(5, 90): "goal 1 s", (50, 900): "goal 20 s", (500, 9_000): "reported"}
WITHIN_REGION = Allowed(within_region=True)


def run() -> list[str]:
    """Each season: seconds by the wall clock beside the goal, then what is placed in each way."""
    lines = []
    for (stays, families), goal in GOALS.items():
        problem = national(stays, families)
        lines.append(f"allocation of {stays} stays and {families:,} families:")
        seconds, alone = _timed(problem, NOTHING)
        lines.append(f"  with its figures and explanations: {seconds:.2f} s ({goal})")
        ways = {"priority order": alone}
        seconds, ways["re-pack within regions"] = _timed(problem, WITHIN_REGION)
        lines.append(f"  families without wishes moved within their region: {seconds:.2f} s")
        if stays <= 50:
            allowed = Allowed(worse_wishes=families // 90)
            seconds, ways[f"re-pack, {allowed.worse_wishes} worse wishes"] = _timed(problem, allowed)
            lines.append(f"  {allowed.worse_wishes} moves to a worse wish allowed: {seconds:.2f} s")
        plans = {way: found.plan for way, found in ways.items()}
        plans["deferred acceptance"] = deferred_acceptance(alone.season)
        lines += [_placed(alone, way, plan) for way, plan in plans.items()]
    return lines


def _timed(problem: Problem, allowed: Allowed) -> tuple[float, Allocation]:
    began = perf_counter()
    found = allocate(problem, allowed)
    report_of(found)
    return perf_counter() - began, found


def _placed(run: Allocation, way: str, plan: Mapping[str, str]) -> str:
    beds = sum(run.season.families[code].beds for code in plan)
    of = figures.totals(run).beds
    by_size = ", ".join(f"{size}: {share:.0%}" for size, share in _shares(run.season, plan))
    return f"  {way}: {persons(run.season, plan):,} persons, {beds / of:.1%} of the beds; placed by size {by_size}"


def _shares(season: Season, plan: Mapping[str, str]) -> Iterable[tuple[int, float]]:
    for size in sorted({family.persons for family in season.ordered}):
        of_size = [family.code for family in season.ordered if family.persons == size and season.eligible[family.code]]
        yield size, sum(code in plan for code in of_size) / len(of_size)


def deferred_acceptance(season: Season) -> Plan:
    """Families ask in turn until nobody is turned away any more."""
    units = {unit.codes[0]: unit for unit in season.units}
    asks = dict.fromkeys(units, 0)
    held: dict[str, list[Unit]] = {code: [] for code in season.stays}
    asking = list(units)
    while asking:
        turned_away: list[str] = []
        for code in asking:
            unit = units[code]
            if asks[code] < len(unit.options):
                stay = unit.options[asks[code]]
                held[stay], refused = _keep(season, stay, [*held[stay], unit])
                turned_away += [one.codes[0] for one in refused]
        for code in turned_away:
            asks[code] += 1
        asking = turned_away
    return {code: stay for stay, kept in held.items() for unit in kept for code in unit.codes}


def _keep(season: Season, stay: str, asking: list[Unit]) -> tuple[list[Unit], list[Unit]]:
    """Those who come first as far as the stay has room, and the others."""
    room, ranked = Room(season.stays[stay]), sorted(asking, key=lambda unit: season.rank[unit.codes[-1]])
    for place, unit in enumerate(ranked):
        if room.lacks(unit, season) is not None:
            return ranked[:place], ranked[place:]
        room.take(unit)
    return ranked, []
