"""The whole allocation of a season: contradictions refused, priority order, re-pack, and what each family gets."""

from collections.abc import Mapping

import msgspec

from service.allocation.conflicts import refuse_contradictions
from service.allocation.placing import Lack, Order, Plan, Room, fill, persons, place_by_priority
from service.allocation.priority import Score, score
from service.allocation.problem import Family, Problem
from service.allocation.repack import NODE_LIMIT, NOTHING, Allowed, Repacked, repack, worse_off
from service.allocation.season import Season, Unit


class Placement(msgspec.Struct, frozen=True):
    """What a family gets: `outcome` is placed, waiting or ineligible, `reason` a word of `words.REASONS`."""

    family: str
    outcome: str
    stay: str | None
    wish: int | None
    rank: int
    reason: str


class Gain(msgspec.Struct, frozen=True):
    """What it brings to allow so many moves to a worse wish: more persons placed, and the moves that it takes."""

    allowed: int
    persons: int
    families: int
    moved_to_a_worse_wish: int


class Allocation(msgspec.Struct, frozen=True):
    """A run: its season, the priority order alone, the plan, and every family in priority order."""

    season: Season
    order: Order
    repacked: Repacked
    allowed: Allowed
    rooms: dict[str, Room]
    placements: tuple[Placement, ...]
    scores: dict[str, Score]

    @property
    def plan(self) -> Plan:
        return self.repacked.plan

    def of_outcome(self, outcome: str) -> list[Family]:
        """The families with this outcome, in priority order."""
        return [self.season.families[one.family] for one in self.placements if one.outcome == outcome]

    def lacks(self, unit: Unit) -> list[Lack]:
        """What each of the stays that a waiting unit may take lacks, when all is done."""
        found = (self.rooms[option].lacks(unit, self.season) for option in unit.options)
        return [lack for lack in found if lack is not None]


def allocate(problem: Problem, allowed: Allowed = NOTHING, node_limit: int = NODE_LIMIT) -> Allocation:
    """Allocate a season. The same problem gives the same answer, to the letter, every time.

    Raises Contradiction where what is settled by hand cannot be met.
    """
    season = Season(problem)
    refuse_contradictions(season)
    order = place_by_priority(season)
    repacked = repack(season, order.plan, allowed, node_limit)
    rooms = fill(season, repacked.plan)
    placements = {
        code: _placement(season, order, repacked.plan, rooms, unit, code)
        for unit in season.units
        for code in unit.codes
    }
    return Allocation(
        season=season,
        order=order,
        repacked=repacked,
        allowed=allowed,
        rooms=rooms,
        placements=tuple(placements[family.code] for family in season.ordered),
        scores={family.code: score(family, problem.weights, problem.year) for family in season.ordered},
    )


def _placement(season: Season, order: Order, plan: Plan, rooms: Mapping[str, Room], unit: Unit, code: str) -> Placement:
    stay, rank = plan.get(code), season.rank[code]
    if stay is not None:
        return Placement(
            code, "placed", stay, season.wish(code, stay), rank, _why_placed(season, order.plan, code, stay)
        )
    if not season.eligible[code]:
        return Placement(code, "ineligible", None, None, rank, _why_ineligible(season, code))
    return Placement(code, "waiting", None, None, rank, _why_waiting(season, rooms, unit))


def _why_placed(season: Season, order: Plan, code: str, stay: str) -> str:
    if code in season.locked:
        return "locked"
    if code not in order:
        return "entered"
    before = order[code]
    if before == stay:
        return "priority"
    if season.number(code, stay) < season.number(code, before):
        return "better_wish"
    return "worse_wish" if season.families[code].wishes else "within_region"


def _why_ineligible(season: Season, code: str) -> str:
    if season.wishes[code]:
        return "no_child_of_age"
    return "no_stay_in_region" if season.families[code].region else "no_wishes"


def _why_waiting(season: Season, rooms: Mapping[str, Room], unit: Unit) -> str:
    """What the best wish lacks of those that are large enough at all."""
    for option in unit.options:
        lack = rooms[option].lacks(unit, season)
        if lack is not None and could_ever_take(rooms[option], unit):
            return lack.reason
    return "too_large"


def could_ever_take(room: Room, unit: Unit) -> bool:
    """Whether a stay would have room for a unit if nobody else were there."""
    stay = room.stay
    if len(unit.members) > stay.family_places or unit.beds > stay.beds:
        return False
    return not Room(stay).wanting_room([family.beds for family in unit.members])


def gains(problem: Problem, most: int, allowed: Allowed = NOTHING, node_limit: int = NODE_LIMIT) -> list[Gain]:
    """What allowing 1 to `most` more moves to a worse wish would bring, beside what is allowed."""
    without = allocate(problem, allowed, node_limit)
    found = []
    for more in range(1, most + 1):
        allowing = msgspec.structs.replace(allowed, worse_wishes=allowed.worse_wishes + more)
        run = allocate(problem, allowing, node_limit)
        found.append(
            Gain(
                allowed=allowing.worse_wishes,
                persons=persons(run.season, run.plan) - persons(run.season, without.plan),
                families=len(run.plan) - len(without.plan),
                moved_to_a_worse_wish=len(worse_off(run.season, run.order.plan, run.plan, allowing)),
            )
        )
    return found
