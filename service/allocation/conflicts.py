"""What volunteers have settled and what cannot be true at the same time, said plainly."""

from collections.abc import Iterator
from itertools import combinations

from service.allocation.placing import Room
from service.allocation.problem import has_child_of_age
from service.allocation.season import Season, Unit, groups
from service.errors import N_, FieldError, Invalid


class Contradiction(Invalid):
    """Conditions that no plan can meet; `errors` says of each which families and why."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(
            N_("What is settled by hand contradicts itself. Change or release one of the families named here."),
            errors=errors,
        )


def refuse_contradictions(season: Season) -> None:
    """Raises Contradiction where no plan could meet the conditions."""
    if errors := list(contradictions(season)):
        raise Contradiction(errors)


def contradictions(season: Season) -> Iterator[FieldError]:
    """Everything settled that cannot be true at the same time; for a board also while somebody moves a family."""
    yield from _two_places(season)
    yield from _together_and_apart(season)
    for unit in season.units:
        yield from _no_common_stay(unit, season) if unit.locked is None else _cannot_go(unit, season)
    yield from _overfull(season)


def _two_places(season: Season) -> Iterator[FieldError]:
    stays: dict[str, list[str]] = {}
    for lock in season.problem.conditions.locked:
        if lock.stay not in stays.setdefault(lock.family, []):
            stays[lock.family].append(lock.stay)
    for family, both in stays.items():
        if len(both) > 1:
            yield FieldError(
                family, "This family is placed by hand at several stays: {stays}.", {"stays": ", ".join(both)}
            )


def _together_and_apart(season: Season) -> Iterator[FieldError]:
    for group in groups(season.problem):
        for first, second in combinations(group, 2):
            if second in season.apart.get(first, ()):
                yield FieldError(
                    f"{first}, {second}",
                    "These families are to be kept together and apart, the one or the other through others that are "
                    "kept together with them.",
                )


def _no_common_stay(unit: Unit, season: Season) -> Iterator[FieldError]:
    if len(unit.members) > 1 and not unit.options:
        yield FieldError(
            ", ".join(unit.codes),
            "These families are to be kept together, but there is no stay that each of them wishes for and has a "
            "child of age for.",
        )


def _cannot_go(unit: Unit, season: Season) -> Iterator[FieldError]:
    stay = season.stays[unit.locked or ""]
    for family in unit.members:
        own = season.locked.get(family.code)
        if own is None and season.wish(family.code, stay.code) is None:
            yield FieldError(
                family.code,
                "This family is kept together with one that is placed by hand at {stay}, which it does not wish for.",
                {"stay": stay.code},
            )
        elif own is not None and own != stay.code:
            yield FieldError(
                family.code,
                "This family is placed by hand at {stay}, and one that it is kept together with at {other}.",
                {"stay": own, "other": stay.code},
            )
        elif not has_child_of_age(family, stay):
            yield FieldError(
                family.code,
                "This family is placed at {stay}, but has no child from {youngest} to {oldest} on its first day.",
                {"stay": stay.code, "youngest": stay.min_child_age, "oldest": stay.max_child_age},
            )


def _overfull(season: Season) -> Iterator[FieldError]:
    rooms = {code: Room(stay) for code, stay in season.stays.items()}
    for unit in season.units:
        if unit.locked is None:
            continue
        lack = rooms[unit.locked].lacks(unit, season)
        rooms[unit.locked].take(unit)
        if lack and lack.apart:
            yield FieldError(
                ", ".join((*unit.codes, *lack.apart)),
                "These families are to be kept apart and are all placed by hand at {stay}.",
                {"stay": unit.locked},
            )
    for code, room in rooms.items():
        yield from _too_many(code, room)


def _too_many(code: str, room: Room) -> Iterator[FieldError]:
    if room.family_places_left < 0:
        yield FieldError(
            code,
            "{families} families are placed here by hand; there are {places} family places.",
            {"families": len(room.families), "places": room.stay.family_places},
        )
    if room.beds_left < 0:
        yield FieldError(
            code,
            "The families placed here by hand need {needed} beds; there are {beds}.",
            {"needed": room.stay.beds - room.beds_left, "beds": room.stay.beds},
        )
    if size := room.wanting_room():
        yield FieldError(
            code,
            "The families placed here by hand do not fit into its family rooms: one with {beds} beds is wanting.",
            {"beds": size},
        )
