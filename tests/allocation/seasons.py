"""Made-up seasons: a national one for measurements, and small ones, thick with edges, for Hypothesis."""

import random
from collections.abc import Sequence
from datetime import date, timedelta

from service.allocation.problem import Family, Problem, Stay

SIZES = {2: 14, 3: 26, 4: 28, 5: 18, 6: 9, 7: 5}
"""Persons of a family → its share of families in percent."""


def national(stays: int, families: int, seed: int = 1) -> Problem:
    """A season like the published one: 10 to 12 family places a stay, 40 to 50 persons with some nine volunteers.

    Stays lie in regions of five; a family wishes for one to three, most of them in its own.
    """
    random_ = random.Random(seed)
    offered = tuple(_offered(random_, at) for at in range(stays))
    return Problem(offered, tuple(_referred(random_, at, offered) for at in range(families)), seed="2013")


def _offered(random_: random.Random, at: int) -> Stay:
    start = date(2013, 6, 24) + timedelta(days=7 * (at % 5))
    return Stay(
        code=f"S{at + 1:03}",
        region=f"R{at // 5 + 1:02}",
        start=start,
        end=start + timedelta(days=5),
        family_places=random_.randint(10, 12),
        person_places=random_.randint(40, 50),
        volunteers=random_.randint(8, 10),
        min_child_age=6,
        max_child_age=13,
        min_families=6,
    )


def _referred(random_: random.Random, at: int, stays: Sequence[Stay]) -> Family:
    size = random_.choices(list(SIZES), list(SIZES.values()))[0]
    adults = 1 if size == 2 or random_.random() < 0.45 else 2
    children = [_child(random_, 6, 13), *(_child(random_, 0, 16) for _ in range(size - adults - 1))]
    born = [date(random_.randint(1965, 1990), random_.randint(1, 12), 1) for _ in range(adults)] + children
    infants = sum(child.year >= 2012 for child in children)
    home = random_.choice(sorted({stay.region for stay in stays}))
    near = [stay.code for stay in stays if stay.region == home]
    far = [stay.code for stay in stays if stay.region != home]
    wishes = random_.sample(near, min(len(near), random_.choice((1, 2, 2, 3))))
    if far and len(wishes) < 3 and random_.random() < 0.2:
        wishes.append(random_.choice(far))
    return Family(
        code=f"F{at + 1:04}",
        birth_dates=tuple(born),
        wishes=() if random_.random() < 0.1 else tuple(wishes),
        need=random_.choice((2, 3, 4, 5, 5, 5)),
        last_participation=random_.choice((None,) * 5 + (2011, 2012, 2008)),
        refusals=random_.choice((0, 0, 0, 1, 2)),
        beds=size - infants,
        region=home,
    )


def _child(random_: random.Random, youngest: int, oldest: int) -> date:
    return date(2013 - random_.randint(youngest, oldest), 1, random_.randint(1, 28))
