"""Who of the waiting families a free place goes to, and why those before them are passed over. Pure.

The policy: the families that wait are gone through in the order of the allocation (points, then the draw), those that
were referred late after all others. Each takes the best of its wishes that has room for the whole family. Who does not
fit is passed over, keeps its rank, and comes first again when the next place falls free. Families that are kept
together have one turn, with the last of them; where some of them have a place already, the others wait for that stay.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from service.allocation.placing import Lack, Room
from service.allocation.problem import Family
from service.allocation.season import Season, Unit, groups


class Held(msgspec.Struct, frozen=True):
    """What a family holds: its stay and so many beds of it."""

    stay: str
    beds: int


class Turn(msgspec.Struct, frozen=True):
    """The turn of a waiting family, or of several that are kept together.

    `options` are the stays it could take, the best first; `goes` is the one that has room now; `lacks` is what the
    ones before that lack, or all of them.
    """

    unit: Unit
    options: tuple[str, ...]
    goes: str | None
    lacks: tuple[Lack, ...]


def line_up(
    season: Season, held: Mapping[str, Held], waiting: Collection[str], late: Collection[str], open_: Collection[str]
) -> list[Turn]:
    """The turns of the waiting families, each judged with what the ones before it take.

    `open_` are the stays that can still be offered.
    """
    rooms = rooms_of(season, held)
    turns = []
    for unit in _in_turn(season, waiting, late):
        options = _options(season, held, unit, open_)
        lacks: list[Lack] = []
        goes = None
        for option in options:
            lack = rooms[option].lacks(unit, season)
            if lack is None:
                rooms[option].take(unit)
                goes = option
                break
            lacks.append(lack)
        turns.append(Turn(unit, options, goes, tuple(lacks)))
    return turns


def passed_over(turns: Sequence[Turn], turn: Turn) -> list[tuple[Family, Lack]]:
    """Who came before a turn, wished for the stay that it gets, and did not fit there."""
    found = []
    for before in turns:
        if before is turn:
            break
        found += [(family, lack) for lack in before.lacks if lack.stay == turn.goes for family in before.unit.members]
    return found


def rooms_of(season: Season, held: Mapping[str, Held]) -> dict[str, Room]:
    """The stays with those in them who hold a place."""
    rooms = {code: Room(stay) for code, stay in season.stays.items()}
    for code in sorted(held):
        if code in season.families and held[code].stay in rooms:
            family = msgspec.structs.replace(season.families[code], beds=held[code].beds)
            rooms[held[code].stay].take(Unit((family,), (held[code].stay,)))
    return rooms


def _in_turn(season: Season, waiting: Collection[str], late: Collection[str]) -> list[Unit]:
    units = []
    for codes in groups(season.problem):
        ranked = sorted((code for code in codes if code in waiting), key=season.rank.__getitem__)
        if ranked:
            first, *others = ranked
            shared = tuple(
                option for option in season.eligible[first] if all(option in season.eligible[one] for one in others)
            )
            units.append(Unit(tuple(season.families[code] for code in ranked), shared))
    return sorted(units, key=lambda unit: (any(code in late for code in unit.codes), season.rank[unit.codes[-1]]))


def _options(season: Season, held: Mapping[str, Held], unit: Unit, open_: Collection[str]) -> tuple[str, ...]:
    friends = {
        held[code].stay
        for group in season.problem.conditions.together
        if set(group) & set(unit.codes)
        for code in group
        if code in held
    }
    return tuple(one for one in unit.options if one in open_ and (not friends or friends == {one}))
