"""What is allocated: stays with their places, families with their wishes, and what volunteers have settled by hand.

Pure data. Of the rules only one stands here: for which stays a family is eligible, in the order of its wishes.
"""

from collections.abc import Iterator
from datetime import date

import msgspec

from service.values.periods import age_on


class Stay(msgspec.Struct, frozen=True):
    """A stay and its places. `rooms`, where known, are the beds of each family room; a family takes one of its own."""

    code: str
    region: str
    start: date
    end: date
    family_places: int
    person_places: int
    volunteers: int
    min_child_age: int
    max_child_age: int
    min_families: int
    rooms: tuple[int, ...] | None = None

    @property
    def beds(self) -> int:
        """The beds for families: the person places count volunteers."""
        return self.person_places - self.volunteers


class Family(msgspec.Struct, frozen=True):
    """Those of a family who travel. `beds` is less than their number where infants need none."""

    code: str
    birth_dates: tuple[date, ...]
    wishes: tuple[str, ...]
    need: int
    last_participation: int | None
    refusals: int
    beds: int
    region: str = ""
    municipality: str = ""

    @property
    def persons(self) -> int:
        return len(self.birth_dates)


class Lock(msgspec.Struct, frozen=True):
    """A family that a volunteer has placed by hand. Where it goes is settled, wished for or not."""

    family: str
    stay: str


class Conditions(msgspec.Struct, frozen=True):
    """What volunteers have settled. Each of `together` goes to one stay or waits whole; of `apart` no two meet."""

    together: tuple[tuple[str, ...], ...] = ()
    apart: tuple[tuple[str, ...], ...] = ()
    locked: tuple[Lock, ...] = ()


class Weights(msgspec.Struct, frozen=True):
    """The points of a season, and for how many years a family that took part comes after all others."""

    need: int = 10
    never: int = 20
    refusal: int = 8
    most_refusals: int = 2
    recent_years: int = 3


class Problem(msgspec.Struct, frozen=True):
    """A season to be allocated. Codes are unique and wishes name stays of it; `files.py` sees to that."""

    stays: tuple[Stay, ...]
    families: tuple[Family, ...]
    seed: str
    conditions: Conditions = Conditions()
    weights: Weights = Weights()

    @property
    def year(self) -> int:
        """The season's year: that of the first stay."""
        return min(stay.start for stay in self.stays).year


def has_child_of_age(family: Family, stay: Stay) -> bool:
    """Whether at least one child is of the stay's age on its first day: that makes the whole family eligible."""
    return any(
        stay.min_child_age <= age_on(birth_date, stay.start) <= stay.max_child_age for birth_date in family.birth_dates
    )


class Wishes:
    """The wishes of every family as codes of stays, the best first."""

    def __init__(self, problem: Problem) -> None:
        self._stays = {stay.code: stay for stay in problem.stays}
        by_region: dict[str, list[Stay]] = {}
        for stay in sorted(problem.stays, key=lambda stay: (stay.start, stay.code)):
            by_region.setdefault(stay.region, []).append(stay)
        self._regions = {region: tuple(stay.code for stay in stays) for region, stays in by_region.items()}

    def of(self, family: Family) -> tuple[str, ...]:
        """Its own wishes; without any, every stay of its region, the earliest first."""
        if family.wishes or not family.region:
            return family.wishes
        return self._regions.get(family.region, ())

    def eligible(self, family: Family) -> tuple[str, ...]:
        """Those of its wishes for which it has a child of age."""
        return tuple(self._eligible(family))

    def _eligible(self, family: Family) -> Iterator[str]:
        for code in self.of(family):
            if has_child_of_age(family, self._stays[code]):
                yield code
