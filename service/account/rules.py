"""What became of a family in a season: pure rules over its newest list and its offers.

An offer that the organisation took back itself, or whose stay it cancelled, counts as none made.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, Literal
from uuid import UUID

import msgspec

from service.values.periods import age_on

Standing = Literal["takes_part", "declined", "offered", "placed", "refused", "ineligible", "not_listed"]
"""`declined`: it was offered a place and let it go. `offered`: it has not answered yet. `placed`: it holds a place that
was not offered to it. `refused`: there was no place for it. `ineligible`: there was no stay for its children."""

_TAKEN_BACK: Final = ("withdrawn", "stay_cancelled")
_LET_GO: Final = ("declined", "expired", "cancelled")


class StayFacts(msgspec.Struct, frozen=True):
    """A stay as far as it decides who may take it. One that was `cancelled` could be wished for before it was."""

    id: UUID
    starts_on: date
    min_child_age: int
    max_child_age: int
    cancelled: bool


class Offered(msgspec.Struct, frozen=True):
    """An offer: of which stay, its state, the birth dates of those who come along, and how many of them did not."""

    stay_id: UUID
    state: str
    comes: tuple[date, ...] = ()
    no_shows: int = 0


class Case(msgspec.Struct, frozen=True):
    """A family of a season. `birth_dates` and `wishes` are those of the newest list, if it is `listed` there.

    `late_since` is the day on which the list of its municipality first named it, where it was referred after the
    deadline. `place` is the stay at which it holds a place.
    """

    municipality_id: UUID
    key: str
    listed: bool
    birth_dates: tuple[date, ...] = ()
    wishes: tuple[UUID, ...] = ()
    late_since: date | None = None
    took_part_before: bool = False
    place: UUID | None = None
    offers: tuple[Offered, ...] = ()


def eligible_stays(case: Case, stays: Mapping[UUID, StayFacts]) -> list[UUID]:
    """Those of its wishes (of all stays where it named none) for which it has a child of the ages.

    A family that was referred late could only have gone to a stay that began after its list came.
    """
    wished: Iterable[UUID] = case.wishes or stays
    found = [stays[one] for one in wished if one in stays]
    return [
        one.id
        for one in found
        if any(one.min_child_age <= age_on(born, one.starts_on) <= one.max_child_age for born in case.birth_dates)
        and (case.late_since is None or one.starts_on > case.late_since)
    ]


def accepted(case: Case, stays: Mapping[UUID, StayFacts]) -> Offered | None:
    """The offer by which it takes part: accepted, of a stay that was held, and somebody comes."""
    for one in case.offers:
        if one.state == "accepted" and one.comes and not stays[one.stay_id].cancelled:
            return one
    return None


def standing(case: Case, stays: Mapping[UUID, StayFacts]) -> Standing:
    """What became of the family."""
    if accepted(case, stays) is not None:
        return "takes_part"
    states = {one.state for one in case.offers if not stays[one.stay_id].cancelled or one.state in _LET_GO}
    made = states - set(_TAKEN_BACK)
    if "open" in made:
        return "offered"
    if made:
        return "declined"
    if case.place is not None and case.place in stays and not stays[case.place].cancelled:
        return "placed"
    if any(one.state in (*_TAKEN_BACK, "open", "accepted") for one in case.offers) and case.listed:
        return "refused"
    if not case.listed:
        return "not_listed"
    return "refused" if eligible_stays(case, stays) else "ineligible"


def ages(born: Iterable[date], on: date) -> tuple[int, int]:
    """How many of these are under age on a day, and how many are not."""
    young = [age_on(one, on) < 18 for one in born]
    return sum(young), len(young) - sum(young)
