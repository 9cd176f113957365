"""What if: the same season with one more stay, or with other places, beside the season as it is.

Person places count volunteers. So two more volunteers at a stay alone are two beds fewer for families; to know what
they bring, the places that they make possible are named as well.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import count, islice
from typing import Final

import msgspec
from msgspec.structs import replace

from service.allocation.compare import Comparison, compare
from service.allocation.problem import Family, Problem, Stay
from service.allocation.repack import NODE_LIMIT, NOTHING, Allowed
from service.allocation.solving import Allocation, allocate
from service.errors import NotFound, Refused

CHANGEABLE: Final = (
    "family_places",
    "person_places",
    "volunteers",
    "min_child_age",
    "max_child_age",
)


class Change(msgspec.Struct, frozen=True):
    """So many more (or fewer) of something of a stay, such as 2 `volunteers`."""

    stay: str
    what: str
    by: int


class WhatIf(msgspec.Struct, frozen=True):
    """The season as it is, as it would be, and what differs. `changed` are the stays that are new or other."""

    as_it_is: Allocation
    as_it_would_be: Allocation
    changed: list[Stay]
    comparison: Comparison


def what_if(
    problem: Problem,
    one_more: Sequence[str] = (),
    changes: Sequence[Change] = (),
    allowed: Allowed = NOTHING,
    node_limit: int = NODE_LIMIT,
) -> WhatIf:
    """Allocate with one more stay like each of `one_more`, and with the changes."""
    changed = problem
    for stay, more in Counter(one_more).items():
        changed = with_more(changed, stay, more)
    for change in changes:
        changed = with_change(changed, change)
    before = allocate(problem, allowed, node_limit)
    after = allocate(changed, allowed, node_limit)
    sizes = {family.code: family.persons for family in problem.families}
    known = set(problem.stays)
    return WhatIf(
        as_it_is=before,
        as_it_would_be=after,
        changed=[stay for stay in changed.stays if stay not in known],
        comparison=compare(before.plan, after.plan, sizes),
    )


def with_more(problem: Problem, code: str, more: int) -> Problem:
    """The problem with so many more stays like this one. Whoever wishes for it takes the others next."""
    stay, taken = _stay(problem, code), {stay.code for stay in problem.stays}
    names = tuple(islice((name for number in count(2) if (name := f"{code}+{number}") not in taken), more))
    return replace(
        problem,
        stays=(*problem.stays, *(replace(stay, code=name) for name in names)),
        families=tuple(_wishing(family, code, names) for family in problem.families),
    )


def _wishing(family: Family, code: str, names: tuple[str, ...]) -> Family:
    if code not in family.wishes:
        return family
    place = family.wishes.index(code) + 1
    return replace(family, wishes=(*family.wishes[:place], *names, *family.wishes[place:]))


def with_change(problem: Problem, change: Change) -> Problem:
    """The problem with a stay changed."""
    stay = _stay(problem, change.stay)
    if change.what not in CHANGEABLE:
        raise NotFound(
            "{what!r} cannot be changed. What can be: {known}.", what=change.what, known=", ".join(CHANGEABLE)
        )
    now = getattr(stay, change.what) + change.by
    changed = replace(stay, **{change.what: now})
    if now < 0 or changed.beds < 0:
        raise Refused(
            "{stay} would then have {places} person places for {volunteers} volunteers and {families} families.",
            stay=stay.code,
            places=changed.person_places,
            volunteers=changed.volunteers,
            families=changed.family_places,
        )
    return replace(problem, stays=tuple(changed if one.code == stay.code else one for one in problem.stays))


def _stay(problem: Problem, code: str) -> Stay:
    for stay in problem.stays:
        if stay.code == code:
            return stay
    raise NotFound("There is no stay {stay!r}.", stay=code)
