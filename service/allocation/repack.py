"""The re-pack: move placed families among their own wishes so that more persons find a place.

Nobody who was placed by priority loses a place, and nobody gets a worse wish unless it is allowed. With nothing allowed
the priority order cannot be improved: of all that another plan placed otherwise, take the one whose turn came first.
It would have to go where there was no room at its turn, and those who took that room would all still be there.

What is sought, each without giving up what comes before it:

1. as many persons as possible;
2. of those who enter, the first in priority order, then the second, and so on;
3. as few moves to a worse wish as it takes;
4. the better wishes on the whole, and as few moves as possible.

The second is reckoned exactly, a few families at a time: with one weight for all of them the weights would be larger
than HiGHS can tell apart.
"""

from collections.abc import Iterable

import msgspec

from service.allocation.placing import Plan, complete, fill, persons
from service.allocation.season import Season, Unit
from service.allocation.solver import Row, maximise

NODE_LIMIT = 300
"""How many nodes the search for persons may take; each later step a tenth of it."""
WORK_LIMIT = 60_000
"""After how many iterations of the simplex method no further step is taken. A clock would stop elsewhere every time."""
_AT_A_TIME = 12


class Allowed(msgspec.Struct, frozen=True):
    """What the coordinator allows: how many families may get a worse wish than by priority.

    `within_region`: families without wishes, who take any stay of their region, may get a later one than by priority;
    that does not count as worse.
    """

    worse_wishes: int = 0
    within_region: bool = False

    @property
    def anything(self) -> bool:
        return self.within_region or self.worse_wishes > 0

    def is_worse(self, season: Season, family: str, before: str, after: str) -> bool:
        """Whether going to `after` instead of `before` has to be counted."""
        if self.within_region and not season.families[family].wishes:
            return False
        return season.number(family, after) > season.number(family, before)


NOTHING = Allowed()


class Repacked(msgspec.Struct, frozen=True):
    """The plan after the re-pack. `proven`: whether nothing better is possible; `work`: the iterations it took.

    `fallback` is true where what came out did not hold when it was checked, and the priority order stands alone.
    """

    plan: Plan
    proven: bool
    work: int
    fallback: bool = False


class _Choice(msgspec.Struct, frozen=True):
    """A variable: that a unit goes to a stay. `worse` families of it would get a worse wish than by priority."""

    unit: int
    stay: str
    worse: int
    wishes: int
    moved: int


class _Search:
    """The model and the best answer so far."""

    def __init__(self, season: Season, order: Plan, allowed: Allowed, node_limit: int) -> None:
        self.season, self.order, self.limit = season, order, node_limit
        self.proven, self.work = True, 0
        self.choices = _choices(season, order, allowed)
        self.of_unit: dict[int, list[int]] = {}
        for at, choice in enumerate(self.choices):
            self.of_unit.setdefault(choice.unit, []).append(at)
        self.rows = [*self._units(), *self._stays()]
        worse = {at: choice.worse for at, choice in enumerate(self.choices) if choice.worse}
        if worse:
            self.rows.append(Row(worse, None, allowed.worse_wishes))
        self.best = frozenset(
            at for at, choice in enumerate(self.choices) if order.get(self._unit(choice).codes[0]) == choice.stay
        )

    def _unit(self, choice: _Choice) -> Unit:
        return self.season.units[choice.unit]

    def _units(self) -> Iterable[Row]:
        for unit, ats in self.of_unit.items():
            placed = self.season.units[unit].codes[0] in self.order
            yield Row(dict.fromkeys(ats, 1), 1 if placed else None, 1)

    def _stays(self) -> Iterable[Row]:
        at_stay: dict[str, list[int]] = {}
        for at, choice in enumerate(self.choices):
            at_stay.setdefault(choice.stay, []).append(at)
        for code, ats in at_stay.items():
            stay = self.season.stays[code]
            units = {at: self._unit(self.choices[at]) for at in ats}
            yield Row({at: len(unit.members) for at, unit in units.items()}, None, stay.family_places)
            yield Row({at: unit.beds for at, unit in units.items()}, None, stay.beds)
            if stay.rooms is not None:
                yield from _room_rows(units, stay.rooms)
            yield from self._apart_rows(units)

    def _apart_rows(self, units: dict[int, Unit]) -> Iterable[Row]:
        for group in self.season.problem.conditions.apart:
            of_group = {at: sum(code in group for code in unit.codes) for at, unit in units.items()}
            row = {at: members for at, members in of_group.items() if members}
            if len(row) > 1:
                yield Row(row, None, 1)

    def improve(self, weights: dict[int, int], *, first: bool = False, to_prove: bool = False) -> int:
        """Find what weighs most within the rows; gives the weight."""
        if self.work > WORK_LIMIT:
            self.proven = False
        else:
            limit = self.limit if first else self.limit // 10
            answer = maximise(len(self.choices), self.rows, weights, self.best, limit, to_prove=to_prove)
            self.proven &= answer.proven
            self.work += answer.iterations
            self.best = answer.ones
        return sum(weight for at, weight in weights.items() if at in self.best)

    def persons_first(self) -> int:
        """As many persons as possible; gives how many of them the priority order had not placed."""
        entering = {
            at: self._unit(choice).persons for at, choice in enumerate(self.choices) if not self._placed(choice)
        }
        more = self.improve(entering, first=True)
        self.rows.append(Row(entering, more, None))
        return more

    def _placed(self, choice: _Choice) -> bool:
        return self._unit(choice).codes[0] in self.order

    def then_priority(self, persons: int) -> None:
        """Of the waiting those who come first, where `persons` of them can enter; after this it is settled who does."""
        waiting = [unit for unit in self.of_unit if self.season.units[unit].codes[0] not in self.order]
        ahead = waiting
        while persons > 0 and (ahead := [unit for unit in ahead if self._persons(unit) <= persons]):
            settled = self._next_to_enter(ahead)
            self._settle(settled)
            persons -= sum(self._persons(unit) for unit in settled if self._enters(unit))
            ahead = ahead[len(settled) :]
        self._settle(waiting)

    def _next_to_enter(self, ahead: list[int]) -> list[int]:
        """The first of those ahead, as many as one step can settle: in `best` they stand as they should."""
        first = next((place for place, unit in enumerate(ahead) if self._enters(unit)), len(ahead))
        if first > _AT_A_TIME:
            # Whether any of those before the first who enters could: most often none, and all are settled at once.
            if not self.improve({at: 1 for unit in ahead[:first] for at in self.of_unit[unit]}, to_prove=True):
                return ahead[: first + 1]
            return self._next_to_enter(ahead)
        block = ahead[:_AT_A_TIME]
        self.improve(
            {at: 2 ** (len(block) - place) for place, unit in enumerate(block, 1) for at in self.of_unit[unit]}
        )
        return block

    def _persons(self, unit: int) -> int:
        return self.season.units[unit].persons

    def _enters(self, unit: int) -> bool:
        return any(at in self.best for at in self.of_unit[unit])

    def _settle(self, units: Iterable[int]) -> None:
        for unit in units:
            placed = int(self._enters(unit))
            self.rows.append(Row(dict.fromkeys(self.of_unit[unit], 1), placed, placed))

    def then_wishes(self) -> None:
        """Of the plans that place the same families: few worse wishes, then good wishes, then few moves."""
        for costs in (
            {at: choice.worse for at, choice in enumerate(self.choices) if choice.worse},
            {at: choice.wishes for at, choice in enumerate(self.choices)},
            {at: choice.moved for at, choice in enumerate(self.choices) if choice.moved},
        ):
            if costs:
                cost = -self.improve({at: -cost for at, cost in costs.items()})
                self.rows.append(Row(costs, None, cost))

    def plan(self) -> Plan:
        return {code: self.choices[at].stay for at in sorted(self.best) for code in self._unit(self.choices[at]).codes}


def repack(season: Season, order: Plan, allowed: Allowed, node_limit: int = NODE_LIMIT) -> Repacked:
    """Improve the plan of the priority order within what is allowed."""
    if not allowed.anything:
        return Repacked(order, proven=True, work=0)
    search = _Search(season, order, allowed, node_limit)
    search.then_priority(search.persons_first())
    search.then_wishes()
    plan = search.plan() if search.proven else complete(season, search.plan())
    if faults(season, order, plan, allowed):
        return Repacked(order, proven=False, work=search.work, fallback=True)
    return Repacked(plan, search.proven, search.work)


def faults(season: Season, order: Plan, plan: Plan, allowed: Allowed) -> list[str]:
    """What a re-packed plan breaks of what was promised, reckoned without the solver: nothing, or it is not used."""
    found = [f"{code} has lost its place" for code in order if code not in plan]
    found += [f"{unit.codes} are parted" for unit in season.units if len({plan.get(code) for code in unit.codes}) > 1]
    found += [f"{unit.codes} go where they may not" for unit in season.units if not _may(unit, plan)]
    if len(worse_off(season, order, plan, allowed)) > allowed.worse_wishes:
        found.append("too many get a worse wish")
    if len(plan) == len(order) and worse_off(season, order, plan, allowed):
        found.append("some get a worse wish and nobody enters")
    if persons(season, plan) < persons(season, order):
        found.append("fewer persons are placed")
    rooms = fill(season, plan)
    for code, room in rooms.items():
        if room.family_places_left < 0 or room.beds_left < 0 or room.wanting_room():
            found.append(f"{code} is too full")
        if any(foe in season.apart.get(family, ()) for family in room.families for foe in room.families):
            found.append(f"{code} holds families that are to be kept apart")
    return found


def _may(unit: Unit, plan: Plan) -> bool:
    return unit.codes[0] not in plan or plan[unit.codes[0]] in unit.options


def worse_off(season: Season, order: Plan, plan: Plan, allowed: Allowed) -> list[str]:
    """The families whose move to a worse wish than the priority order gave them counts."""
    return [code for code, stay in order.items() if allowed.is_worse(season, code, stay, plan.get(code, stay))]


def better_off(season: Season, order: Plan, plan: Plan) -> list[str]:
    """The families that get a better wish than the priority order gave them."""
    return [code for code, stay in order.items() if NOTHING.is_worse(season, code, plan.get(code, stay), stay)]


def _choices(season: Season, order: Plan, allowed: Allowed) -> list[_Choice]:
    found = []
    for at, unit in enumerate(season.units):
        before = order.get(unit.codes[0])
        for stay in unit.options:
            wishes = sum(season.number(code, stay) for code in unit.codes)
            worse = sum(before is not None and allowed.is_worse(season, code, before, stay) for code in unit.codes)
            if worse <= allowed.worse_wishes:
                found.append(_Choice(at, stay, worse, wishes, int(before is not None and stay != before)))
    return found


def _room_rows(units: dict[int, Unit], rooms: tuple[int, ...]) -> Iterable[Row]:
    """For every size: no more families of at least that size than rooms of at least that size (Hall's condition)."""
    for size in sorted({family.beds for unit in units.values() for family in unit.members}):
        of_size = {at: sum(family.beds >= size for family in unit.members) for at, unit in units.items()}
        yield Row({at: n for at, n in of_size.items() if n}, None, sum(room >= size for room in rooms))
