"""Two plans beside each other: who gains a place, who loses one, who goes elsewhere."""

from collections.abc import Mapping

import msgspec


class Moved(msgspec.Struct, frozen=True):
    """A family that has a place in both plans, but not the same."""

    family: str
    before: str
    after: str


class Comparison(msgspec.Struct, frozen=True):
    """From one plan to another. Persons are told where the families' sizes are known, and null where not."""

    gained: list[str]
    lost: list[str]
    moved: list[Moved]
    unchanged: int
    persons_before: int | None
    persons_after: int | None


def compare(
    before: Mapping[str, str], after: Mapping[str, str], persons: Mapping[str, int] | None = None
) -> Comparison:
    """Compare two plans, each the code of every placed family → the code of its stay.

    `persons` are those of each family; without them, or where one is missing, no persons are told.
    """
    return Comparison(
        gained=sorted(after.keys() - before.keys()),
        lost=sorted(before.keys() - after.keys()),
        moved=[
            Moved(family, before[family], after[family])
            for family in sorted(before.keys() & after.keys())
            if before[family] != after[family]
        ],
        unchanged=sum(after.get(family) == stay for family, stay in before.items()),
        persons_before=_persons(before, persons),
        persons_after=_persons(after, persons),
    )


def _persons(plan: Mapping[str, str], persons: Mapping[str, int] | None) -> int | None:
    if persons is None or plan.keys() - persons.keys():
        return None
    return sum(persons[family] for family in plan)
