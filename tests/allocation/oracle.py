"""A second opinion on allocation, slow and in plain Python, written from the description and not from the program.

`by_priority` works on rows as they stand in the files. `best_repack` tries every plan there is, so it is for small
seasons only.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import product

Row = Mapping[str, str]


@dataclass(frozen=True)
class Settled:
    """What volunteers have settled: families together, apart, and placed by hand."""

    together: Sequence[Sequence[str]] = ()
    apart: Sequence[Sequence[str]] = ()
    locked: Mapping[str, str] = field(default_factory=dict)


def season_year(stays: Sequence[Row]) -> int:
    return int(min(stay["start"] for stay in stays)[:4])


def order(stays: Sequence[Row], referrals: Sequence[Row], seed: str) -> list[str]:
    """The families, those with priority first."""
    keys = {}
    for row in referrals:
        last = row["last_participation"]
        points = 10 * int(row["need"]) + 8 * min(2, int(row["refusals"]))
        if last == "":
            points += 20
        lately = last != "" and season_year(stays) - int(last) <= 3
        draw = hmac.new(seed.encode("utf-8"), row["family"].encode("utf-8"), hashlib.sha256).hexdigest()
        keys[row["family"]] = (1 if lately else 0, -points, draw)
    return sorted(keys, key=lambda family: keys[family])


def years_old(born: str, on: str) -> int:
    birth, day = date.fromisoformat(born), date.fromisoformat(on)
    years = day.year - birth.year
    # 29 February is compared as a pair of month and day: in a common year that birthday is 1 March.
    return years if (day.month, day.day) >= (birth.month, birth.day) else years - 1


def may_go(row: Row, stay: Row) -> bool:
    youngest, oldest = int(stay["min_child_age"]), int(stay["max_child_age"])
    return any(youngest <= years_old(born, stay["start"]) <= oldest for born in row["birth_dates"].split("|"))


def wishes(row: Row, stays: Sequence[Row]) -> list[str]:
    if row["wishes"]:
        return row["wishes"].split("|")
    region = row.get("region", "")
    if not region:
        return []
    return [s["stay"] for s in sorted(stays, key=lambda s: (s["start"], s["stay"])) if s["region"] == region]


def persons(row: Row) -> int:
    return len(row["birth_dates"].split("|"))


def beds(row: Row) -> int:
    return int(row["beds"]) if row.get("beds") else persons(row)


def fits(stay: Row, families: Sequence[Row], settled: Settled) -> bool:
    """Whether these families can all be at a stay: places, beds, rooms, and nobody who must not meet."""
    if len(families) > int(stay["family_places"]):
        return False
    if sum(map(beds, families)) > int(stay["person_places"]) - int(stay["volunteers"]):
        return False
    if stay.get("rooms"):
        # Largest family to largest room.
        rooms = sorted(map(int, stay["rooms"].split("|")), reverse=True)
        sizes = sorted(map(beds, families), reverse=True)
        if len(sizes) > len(rooms) or any(size > room for size, room in zip(sizes, rooms, strict=False)):
            return False
    here = {row["family"] for row in families}
    return all(len(here & set(group)) <= 1 for group in settled.apart)


class Oracle:
    """A season, judged slowly."""

    def __init__(self, stays: Sequence[Row], referrals: Sequence[Row], seed: str, settled: Settled = Settled()) -> None:
        self.stays = {stay["stay"]: stay for stay in stays}
        self.rows = {row["family"]: row for row in referrals}
        self.settled = settled
        self.within_region = False
        self.order = order(stays, referrals, seed)
        self.wishes = {code: wishes(row, stays) for code, row in self.rows.items()}
        self.eligible = {
            code: [stay for stay in self.wishes[code] if may_go(row, self.stays[stay])]
            for code, row in self.rows.items()
        }
        self.units = self._units()

    def _units(self) -> list[list[str]]:
        """Families that go together, each list by priority; the lists by the turn of their last."""
        partners: dict[str, set[str]] = {code: {code} for code in self.rows}
        for _ in self.rows:
            for group in self.settled.together:
                everybody = set().union(*(partners[code] for code in group))
                for code in everybody:
                    partners[code] = everybody
        lists = {tuple(sorted(group, key=self.order.index)) for group in partners.values()}
        return [list(unit) for unit in sorted(lists, key=lambda unit: self.order.index(unit[-1]))]

    def options(self, unit: Sequence[str]) -> list[str]:
        """The stays to which a unit may go, the best first."""
        hand = [self.settled.locked[code] for code in unit if code in self.settled.locked]
        if hand:
            return hand[:1]
        return [stay for stay in self.eligible[unit[0]] if all(stay in self.eligible[code] for code in unit)]

    def holds(self, plan: Mapping[str, str]) -> bool:
        return all(
            fits(stay, [self.rows[code] for code, there in plan.items() if there == name], self.settled)
            for name, stay in self.stays.items()
        )

    def by_priority(self) -> dict[str, str]:
        """Those placed by hand first; then each in turn at its best wish that still holds everybody."""
        plan: dict[str, str] = {}
        for unit in self.units:
            if any(code in self.settled.locked for code in unit):
                plan |= dict.fromkeys(unit, self.options(unit)[0])
        for unit in self.units:
            if unit[0] in plan:
                continue
            for stay in self.options(unit):
                tried = plan | dict.fromkeys(unit, stay)
                if self.holds(tried):
                    plan = tried
                    break
        return plan

    def wish(self, code: str, stay: str) -> int:
        return self.wishes[code].index(stay) + 1 if stay in self.wishes[code] else 0

    def worse(self, plan: Mapping[str, str]) -> int:
        """How many families get a worse wish than priority alone gives them."""
        first = self.by_priority()
        counted = {code: stay for code, stay in first.items() if self.rows[code]["wishes"] or not self.within_region}
        return sum(self.wish(code, plan[code]) > self.wish(code, stay) for code, stay in counted.items())

    def worth(self, plan: Mapping[str, str]) -> tuple[object, ...]:
        """What the re-pack seeks, the first first; larger is better."""
        first = self.by_priority()
        entering = [unit for unit in self.units if unit[0] not in first]
        return (
            sum(persons(self.rows[code]) for code in plan),
            tuple(int(unit[0] in plan) for unit in entering),
            -self.worse(plan),
            -sum(self.wish(code, stay) for code, stay in plan.items()),
            -sum(first[unit[0]] != plan[unit[0]] for unit in self.units if unit[0] in first),
        )

    def best_repack(self, worse_wishes: int) -> tuple[object, ...]:
        """The worth of the best plan in which nobody loses a place and not too many get a worse wish."""
        return max(self.worth(plan) for plan in self._repacks(worse_wishes))

    def _repacks(self, worse_wishes: int) -> Iterator[dict[str, str]]:
        first = self.by_priority()
        choices = [self.options(unit) if unit[0] in first else [None, *self.options(unit)] for unit in self.units]
        for choice in product(*choices):
            plan = {
                code: stay for unit, stay in zip(self.units, choice, strict=True) if stay is not None for code in unit
            }
            if self.worse(plan) <= worse_wishes and self.holds(plan):
                yield plan
