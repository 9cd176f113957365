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


class Edges:
    """Random small seasons as rows of the files, thick with what allocations go wrong on.

    Half of them are crowded: nearly everybody may go nearly everywhere, so that what counts is who fits in beside whom.
    """

    FIRST_DAYS = ("2023-06-26", "2024-02-29", "2023-02-28", "2023-03-01", "2023-07-03", "2024-07-01")

    def __init__(self, seed: int, families: int, stays: int) -> None:
        self._random = random.Random(seed)
        self._crowded = self._random.random() < 0.5
        least = 2 if self._crowded else 1
        self._named = [f"S{at}" for at in range(1, self._random.randint(least, stays) + 1)]
        self.stays = [self._stay(code) for code in self._named]
        number = families if self._crowded else self._random.randint(1, families)
        self.referrals = [self._family(f"F{at:02}") for at in range(1, number + 1)]
        self._random.shuffle(self.referrals)

    def _often(self, crowded: float, otherwise: float) -> bool:
        return self._random.random() < (crowded if self._crowded else otherwise)

    def _stay(self, code: str) -> dict[str, str]:
        pick = self._random
        volunteers, beds = pick.randint(0, 3), pick.randint(4, 11) if self._crowded else pick.randint(0, 14)
        start = date.fromisoformat(pick.choice(self.FIRST_DAYS))
        rooms = [str(pick.randint(2, 6)) for _ in range(pick.randint(1, 4))]
        return {
            "stay": code,
            "region": "Nord" if self._often(0.8, 0.5) else "Syd",
            "start": start.isoformat(),
            "end": (start + timedelta(days=6)).isoformat(),
            "family_places": str(pick.randint(2, 4) if self._crowded else pick.randint(0, 4)),
            "person_places": str(volunteers + beds),
            "volunteers": str(volunteers),
            "min_child_age": pick.choice(("6", "6", "3", "10")),
            "max_child_age": pick.choice(("13", "13", "10", "17")),
            "min_families": str(pick.randint(0, 3)),
            "rooms": "|".join(rooms) if self._often(0.1, 0.3) else "",
        }

    def _family(self, code: str) -> dict[str, str]:
        pick = self._random
        wished = pick.sample(self._named, pick.randint(0, min(3, len(self._named))))
        born = [pick.choice(self._births()) for _ in range(pick.randint(1, 4))]
        born += ["1985-05-17"] * pick.randint(0, 2)
        if self._crowded:
            born[0] = "2012-05-09"
        return {
            "family": code,
            "birth_dates": "|".join(born),
            "wishes": "|".join(wished),
            "need": str(pick.randint(3, 5)),
            "last_participation": pick.choice(("", "", "", "2019", "2020", "2021", "2022")),
            "refusals": pick.choice(("0", "0", "1", "2", "3")),
            "region": "Nord" if self._often(0.9, 0.3) else pick.choice(("Nord", "Syd", "Vest", "")),
            "beds": str(pick.randint(0, len(born))) if self._often(0.1, 0.25) else "",
        }

    def _births(self) -> tuple[str, ...]:
        """Children on both sides of the ages of a stay, on its first day and on 29 February."""
        first = date.fromisoformat(self._random.choice(self.stays)["start"])
        edges = [
            first.replace(year=first.year - age, day=min(first.day, 28)) + timedelta(days=off)
            for age in (6, 10, 14)
            for off in (-1, 0, 1)
        ]
        others = ("2012-05-09", "2015-11-30", "2016-02-29", "2012-02-29", "2022-04-01")
        return (*others, *(day.isoformat() for day in edges))

    def settled(self) -> list[dict[str, str]]:
        """Some conditions; they may contradict each other."""
        pick, found = self._random, []
        codes = [row["family"] for row in self.referrals]
        for kind in ("together", "apart"):
            if len(codes) > 1 and self._often(0.25, 0.5):
                found.append({"condition": kind, "families": "|".join(pick.sample(codes, 2)), "stay": ""})
        if self._often(0.25, 0.5):
            found.append({"condition": "locked", "families": pick.choice(codes), "stay": pick.choice(self._named)})
        return found
