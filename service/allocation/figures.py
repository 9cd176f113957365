"""What a run comes to: beds filled, and the share that is placed by size, need, first-timers and municipality."""

from collections.abc import Callable, Iterable

import msgspec

from service.allocation.placing import persons
from service.allocation.problem import Family
from service.allocation.repack import better_off, worse_off
from service.allocation.solving import Allocation


class Share(msgspec.Struct, frozen=True):
    """Of the families that are eligible for one of their stays: how many are of a kind, how many of them are placed."""

    kind: str
    families: int
    families_placed: int
    persons: int
    persons_placed: int

    @property
    def placed(self) -> float:
        """The share of the families that is placed, from 0 to 1."""
        return self.families_placed / self.families


class StayFigures(msgspec.Struct, frozen=True):
    """A stay when all is done. `below_minimum`: fewer families than it is to have; it is not closed by that."""

    stay: str
    families: int
    family_places: int
    persons: int
    beds: int
    beds_filled: int
    min_families: int
    below_minimum: bool


class Totals(msgspec.Struct, frozen=True):
    families: int
    placed: int
    waiting: int
    ineligible: int
    persons: int
    persons_placed: int
    persons_waiting: int
    beds: int
    beds_filled: int
    by_wish: dict[str, int]


class PriorityAlone(msgspec.Struct, frozen=True):
    """What priority order alone would have come to."""

    placed: int
    persons_placed: int
    beds_filled: int


class Repack(msgspec.Struct, frozen=True):
    """What the re-pack did. `proven`: that more is impossible; `fallback`: that it did not hold and was put aside."""

    worse_wishes_allowed: int
    moves_within_region_allowed: bool
    persons_more: int
    entered: list[str]
    to_a_better_wish: list[str]
    to_a_worse_wish: list[str]
    within_region: list[str]
    proven: bool
    fallback: bool


def totals(run: Allocation) -> Totals:
    waiting = run.of_outcome("waiting")
    by_wish: dict[str, int] = {}
    for placement in run.placements:
        if placement.outcome == "placed":
            wish = "" if placement.wish is None else str(placement.wish)
            by_wish[wish] = by_wish.get(wish, 0) + 1
    return Totals(
        families=len(run.placements),
        placed=len(run.plan),
        waiting=len(waiting),
        ineligible=len(run.of_outcome("ineligible")),
        persons=sum(family.persons for family in run.season.ordered),
        persons_placed=persons(run.season, run.plan),
        persons_waiting=sum(family.persons for family in waiting),
        beds=sum(stay.beds for stay in run.season.stays.values()),
        beds_filled=_beds(run, run.plan),
        by_wish=dict(sorted(by_wish.items())),
    )


def priority_alone(run: Allocation) -> PriorityAlone:
    plan = run.order.plan
    return PriorityAlone(len(plan), persons(run.season, plan), _beds(run, plan))


def repack_figures(run: Allocation) -> Repack:
    season, order, plan = run.season, run.order.plan, run.plan
    return Repack(
        worse_wishes_allowed=run.allowed.worse_wishes,
        moves_within_region_allowed=run.allowed.within_region,
        persons_more=persons(season, plan) - persons(season, order),
        entered=[one.family for one in run.placements if one.reason == "entered"],
        to_a_better_wish=better_off(season, order, plan),
        to_a_worse_wish=worse_off(season, order, plan, run.allowed),
        within_region=[one.family for one in run.placements if one.reason == "within_region"],
        proven=run.repacked.proven,
        fallback=run.repacked.fallback,
    )


def _beds(run: Allocation, families: Iterable[str]) -> int:
    return sum(run.season.families[code].beds for code in families)


def stays(run: Allocation) -> list[StayFigures]:
    """Every stay, in the order in which they begin."""
    rooms = run.rooms
    return [
        StayFigures(
            stay=stay.code,
            families=len(rooms[stay.code].families),
            family_places=stay.family_places,
            persons=rooms[stay.code].persons,
            beds=stay.beds,
            beds_filled=stay.beds - rooms[stay.code].beds_left,
            min_families=stay.min_families,
            below_minimum=len(rooms[stay.code].families) < stay.min_families,
        )
        for stay in sorted(run.season.stays.values(), key=lambda stay: (stay.start, stay.code))
    ]


def shares(run: Allocation) -> dict[str, list[Share]]:
    """The shares by what families are told apart by; by municipality only where the list names them."""
    found = {
        "family_size": _shares(run, lambda family: family.persons),
        "need": _shares(run, lambda family: family.need),
        "first_time": _shares(run, lambda family: "no" if family.last_participation else "yes"),
    }
    if any(family.municipality for family in run.season.ordered):
        found["municipality"] = _shares(run, lambda family: family.municipality)
    return found


def _shares(run: Allocation, kind_of: Callable[[Family], int | str]) -> list[Share]:
    of_kind: dict[int | str, list[Family]] = {}
    for placement in run.placements:
        if placement.outcome != "ineligible":
            family = run.season.families[placement.family]
            of_kind.setdefault(kind_of(family), []).append(family)
    found = []
    for kind in sorted(of_kind, key=lambda kind: (isinstance(kind, str), kind)):
        placed = [family for family in of_kind[kind] if family.code in run.plan]
        found.append(
            Share(
                kind=str(kind),
                families=len(of_kind[kind]),
                families_placed=len(placed),
                persons=sum(family.persons for family in of_kind[kind]),
                persons_placed=sum(family.persons for family in placed),
            )
        )
    return found
