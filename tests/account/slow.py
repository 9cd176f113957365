"""The account of a season, counted another way: from what was written down of each family when it was made up."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

import msgspec


class MadeStay(msgspec.Struct, frozen=True):
    """A stay: its first day, the children's ages, and whether it was cancelled after the offers were made."""

    code: str
    starts_on: date
    youngest: int
    oldest: int
    cancelled: bool
    confirmed: int


class MadeOffer(msgspec.Struct, frozen=True):
    """An offer of a stay: its state before stays were cancelled, and how many stay at home."""

    stay: str
    state: str
    at_home: int


class MadeFamily(msgspec.Struct, frozen=True):
    """A family: its municipality, births, wishes by code, offers in turn, where it holds a place in the end.

    `gone`: the newest list does not name it any more. `late`: referred late, on a list that came on that day.
    """

    municipality: str
    key: str
    births: tuple[date, ...]
    wishes: tuple[str, ...]
    offers: tuple[MadeOffer, ...]
    place: str | None
    gone: bool
    late: bool
    last: int | None


Found = Counter[tuple[str | None, str | None, str]]
"""How many, by municipality, stay and figure."""


def birthday(born: date, years: int) -> date:
    """The day on which somebody is so many years old; of who was born on 29 February on 1 March in a common year."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def is_aged(born: date, low: int, high: int, on: date) -> bool:
    """Whether somebody is from `low` to `high` years old on a day."""
    return birthday(born, low) <= on < birthday(born, high + 1)


def slow_account(stays: Sequence[MadeStay], families: Sequence[MadeFamily], lists_came: date) -> Found:
    """All figures that are not zero."""
    found: Found = Counter()
    known = {one.code: one for one in stays}
    for one in stays:
        if not one.cancelled and one.confirmed:
            found[None, one.code, "volunteers"] += one.confirmed
    for family in families:
        where = family.municipality
        came = [o for o in family.offers if o.state == "accepted" and not known[o.stay].cancelled]
        came = [o for o in came if o.at_home < len(family.births)]
        if came:
            [offer] = came
            there = family.births[offer.at_home :]
            young = [born for born in there if birthday(born, 18) > known[offer.stay].starts_on]
            found[where, offer.stay, "families"] += 1
            found[where, offer.stay, "persons"] += len(there)
            found[where, offer.stay, "children"] += len(young)
            found[where, offer.stay, "adults"] += len(there) - len(young)
            found[where, offer.stay, "first_timers"] += family.last is None
            continue
        living = [o for o in family.offers if not known[o.stay].cancelled]
        if any(o.state == "open" for o in living):
            continue
        let_go = any(o.state in ("declined", "expired", "cancelled") for o in family.offers)
        if let_go or any(o.state == "accepted" for o in living):
            found[where, None, "declined"] += 1
            continue
        if family.gone or (family.place is not None and not known[family.place].cancelled):
            continue
        if family.offers or _could_go(family, known, lists_came):
            found[where, None, "refused_families"] += 1
            found[where, None, "refused_persons"] += len(family.births)
    return +found


def _could_go(family: MadeFamily, stays: dict[str, MadeStay], lists_came: date) -> bool:
    for code in family.wishes or stays:
        one = stays[code]
        if family.late and one.starts_on <= lists_came:
            continue
        for born in family.births:
            if is_aged(born, one.youngest, one.oldest, one.starts_on):
                return True
    return False
