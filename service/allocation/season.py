"""A problem made ready: families ranked, and units of families that are placed together in the order of their turns."""

from functools import cached_property

import msgspec

from service.allocation.priority import in_order
from service.allocation.problem import Family, Problem, Stay, Wishes


class Unit(msgspec.Struct, frozen=True):
    """Families that go to one stay or wait together; most often one.

    `options` are the stays that every one of them may take, in the order of the first one's wishes. Its turn comes
    with the last of its `members`: nobody passes others by being kept together with somebody.
    """

    members: tuple[Family, ...]
    options: tuple[str, ...]
    locked: str | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(family.code for family in self.members)

    @property
    def persons(self) -> int:
        return sum(family.persons for family in self.members)

    @property
    def beds(self) -> int:
        return sum(family.beds for family in self.members)


class Season:
    """Everything that placing, re-packing and explaining look up."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.stays: dict[str, Stay] = {stay.code: stay for stay in problem.stays}
        self.ordered = in_order(problem)
        self.families: dict[str, Family] = {family.code: family for family in self.ordered}
        self.rank = {family.code: place for place, family in enumerate(self.ordered, start=1)}
        wishes = Wishes(problem)
        self.wishes = {family.code: wishes.of(family) for family in self.ordered}
        self.eligible = {family.code: wishes.eligible(family) for family in self.ordered}
        self.locked = {lock.family: lock.stay for lock in problem.conditions.locked}
        self.apart = _apart(problem)

    def wish(self, family: str, stay: str) -> int | None:
        """Which wish of a family a stay is, counted from 1; None where a volunteer placed it elsewhere."""
        wishes = self.wishes[family]
        return wishes.index(stay) + 1 if stay in wishes else None

    def number(self, family: str, stay: str) -> int:
        """The same, and 0 where a volunteer placed it elsewhere, from where it is never moved."""
        return self.wish(family, stay) or 0

    @cached_property
    def units(self) -> list[Unit]:
        """All units in the order of their turns."""
        found = [self._unit(codes) for codes in groups(self.problem)]
        return sorted(found, key=lambda unit: self.rank[unit.codes[-1]])

    def _unit(self, codes: tuple[str, ...]) -> Unit:
        ranked = sorted(codes, key=self.rank.__getitem__)
        stay = next((self.locked[code] for code in ranked if code in self.locked), None)
        first, *others = ranked
        options = tuple(
            option for option in self.eligible[first] if all(option in self.eligible[other] for other in others)
        )
        return Unit(tuple(self.families[code] for code in ranked), options if stay is None else (stay,), stay)


def groups(problem: Problem) -> list[tuple[str, ...]]:
    """The families by whom they are kept together with: groups that share a family are one."""
    group_of = {family.code: [family.code] for family in problem.families}
    for together in problem.conditions.together:
        joined = list(dict.fromkeys(code for one in together for code in group_of[one]))
        for code in joined:
            group_of[code] = joined
    return list(dict.fromkeys(tuple(group) for group in group_of.values()))


def _apart(problem: Problem) -> dict[str, frozenset[str]]:
    """Whom each family must not meet."""
    found: dict[str, set[str]] = {}
    for group in problem.conditions.apart:
        for code in group:
            found.setdefault(code, set()).update(other for other in group if other != code)
    return {code: frozenset(others) for code, others in found.items()}
