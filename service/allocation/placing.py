"""Priority order: each in turn, whole or not at all, at the best of its wishes that has room for it."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from service.allocation.problem import Stay
from service.allocation.season import Season, Unit

Plan = dict[str, str]
"""Who goes where: the code of each family that has a place → the code of its stay."""


class Lack(msgspec.Struct, frozen=True):
    """What a stay lacks to take a unit, beside what it has left.

    `family_places` and `beds` are how many more it would need. `room` is the beds of the family room that is wanting,
    0 where none is. `apart` are those at the stay whom the unit must not meet.
    """

    stay: str
    family_places: int
    beds: int
    room: int
    apart: tuple[str, ...]
    family_places_left: int
    beds_left: int

    @property
    def reason(self) -> str:
        """What hinders most, as a word of `words.REASONS`."""
        if self.apart:
            return "apart"
        if self.family_places and self.beds:
            return "family_places_and_beds"
        if self.family_places:
            return "family_places"
        return "beds" if self.beds else "rooms"


class Room:
    """What is left of a stay while families are placed there."""

    def __init__(self, stay: Stay) -> None:
        self.stay = stay
        self.families: list[str] = []
        self.persons = 0
        self.beds_left = stay.beds
        self._beds: list[int] = []
        self._rooms = None if stay.rooms is None else sorted(stay.rooms, reverse=True)

    @property
    def family_places_left(self) -> int:
        return self.stay.family_places - len(self.families)

    def lacks(self, unit: Unit, season: Season) -> Lack | None:
        """What is wanting for a unit; None where it can be taken."""
        foes = {foe for code in unit.codes for foe in season.apart.get(code, ())}
        lack = Lack(
            stay=self.stay.code,
            family_places=max(0, len(unit.members) - self.family_places_left),
            beds=max(0, unit.beds - self.beds_left),
            room=self.wanting_room([family.beds for family in unit.members]),
            apart=tuple(code for code in self.families if code in foes),
            family_places_left=self.family_places_left,
            beds_left=self.beds_left,
        )
        return lack if lack.family_places or lack.beds or lack.room or lack.apart else None

    def wanting_room(self, beds: Sequence[int] = ()) -> int:
        """The largest family that finds no room of its own when the largest families take the largest rooms."""
        if self._rooms is None:
            return 0
        needed = sorted([*self._beds, *beds], reverse=True)
        for place, size in enumerate(needed):
            if place >= len(self._rooms) or size > self._rooms[place]:
                # The families before it have rooms at least as large: one more of this size is what is missing.
                return max(size, 1)
        return 0

    def take(self, unit: Unit) -> None:
        """Place a unit, whether or not there is room."""
        self.families.extend(unit.codes)
        self._beds.extend(family.beds for family in unit.members)
        self.persons += unit.persons
        self.beds_left -= unit.beds


class Order(msgspec.Struct, frozen=True):
    """The plan by priority order alone. `lacks` tells, by family, why its better wishes had no room at its turn."""

    plan: Plan
    lacks: dict[str, tuple[Lack, ...]]


def place_by_priority(season: Season) -> Order:
    """Place every unit in its turn; those placed by hand have their places before."""
    plan: Plan = {}
    rooms = {code: Room(stay) for code, stay in season.stays.items()}
    found: dict[str, tuple[Lack, ...]] = {}
    for unit in season.units:
        if unit.locked is not None:
            rooms[unit.locked].take(unit)
            plan.update(dict.fromkeys(unit.codes, unit.locked))
    for unit in season.units:
        if unit.locked is None:
            found.update(dict.fromkeys(unit.codes, _place(unit, season, rooms, plan)))
    return Order(plan, found)


def complete(season: Season, plan: Plan) -> Plan:
    """The plan, and whoever still fits into what it leaves, in the order of the turns."""
    rooms = fill(season, plan)
    completed = dict(plan)
    for unit in season.units:
        if unit.codes[0] not in completed:
            _place(unit, season, rooms, completed)
    return completed


def _place(unit: Unit, season: Season, rooms: Mapping[str, Room], plan: Plan) -> tuple[Lack, ...]:
    """Place a unit at the first option that has room; what those before it lacked."""
    lacks = []
    for option in unit.options:
        lack = rooms[option].lacks(unit, season)
        if lack is None:
            rooms[option].take(unit)
            plan.update(dict.fromkeys(unit.codes, option))
            break
        lacks.append(lack)
    return tuple(lacks)


def fill(season: Season, plan: Mapping[str, str]) -> dict[str, Room]:
    """The stays with everybody of a plan in them."""
    rooms = {code: Room(stay) for code, stay in season.stays.items()}
    for unit in season.units:
        if unit.codes[0] in plan:
            rooms[plan[unit.codes[0]]].take(unit)
    return rooms


def persons(season: Season, families: Iterable[str]) -> int:
    """How many persons these families are."""
    return sum(season.families[code].persons for code in families)
