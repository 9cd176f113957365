"""When claims are paid: the municipality's payment dates, and the date that is promised for a claim. Pure rules."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache, lru_cache

import holidays
import msgspec


class PaymentDate(msgspec.Struct, frozen=True):
    """A day on which claims are paid that were decided on `cutoff` at the latest."""

    pays_on: date
    cutoff: date


class Habits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a municipality pays where it has set no dates, and how long it takes.

    `payment_day`: the day of the month; where banks are closed the next day on which they are open. `cutoff_days`: how
    many days before are for making and approving the run. `decision_days`: within how many days a case worker decides.
    `names_days`: for how many days after its payment a club sees the name on a claim.
    """

    payment_day: int = 15
    cutoff_days: int = 5
    decision_days: int = 14
    names_days: int = 90


def open_day(on: date, country: str) -> date:
    """The day itself or, where banks are closed on it, the next one on which they are open."""
    while on.weekday() >= 5 or on in _holidays(country):
        on += timedelta(days=1)
    return on


@cache
def _holidays(country: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country.upper())


def usual_dates(habits: Habits, country: str, since: date) -> list[PaymentDate]:
    """The dates of the coming months by habit, from the month before `since` on."""
    dates = []
    month = since.year * 12 + since.month - 2
    for number in range(month, month + 16):
        pays_on = open_day(date(number // 12, number % 12 + 1, habits.payment_day), country)
        dates.append(PaymentDate(pays_on, pays_on - timedelta(days=habits.cutoff_days)))
    return dates


def payment_after(decided: date, own: Sequence[PaymentDate], habits: Habits, country: str) -> date:
    """When a claim is paid that is decided on a day: on the first of the municipality's own dates, else by habit.

    Own dates take the place of those by habit up to the last one that is set.
    """
    return _payment_after(decided, tuple(own), habits, country)


@lru_cache(maxsize=1024)
def _payment_after(decided: date, own: tuple[PaymentDate, ...], habits: Habits, country: str) -> date:
    for one in sorted(own, key=lambda one: one.pays_on):
        if one.cutoff >= decided:
            return one.pays_on
    last = max((one.pays_on for one in own), default=None)
    usual = usual_dates(habits, country, max(decided, last or decided))
    return next(one.pays_on for one in usual if one.cutoff >= decided and (last is None or one.pays_on > last))


def coming(since: date, own: Sequence[PaymentDate], habits: Habits, country: str) -> list[PaymentDate]:
    """The payments of about a year from a day on: the municipality's own dates, and after the last those by habit."""
    last = max((one.pays_on for one in own), default=None)
    usual = usual_dates(habits, country, max(since, last or since))
    kept = [one for one in usual if one.pays_on >= since and (last is None or one.pays_on > last)][:12]
    return [*sorted((one for one in own if one.pays_on >= since), key=lambda one: one.pays_on), *kept]


def promised(state: str, today: date, own: Sequence[PaymentDate], habits: Habits, country: str) -> date | None:
    """The date that a club is told for a claim in this state, None where nothing will be paid."""
    if state == "approved":
        return payment_after(today, own, habits, country)
    if state == "submitted":
        return payment_after(today + timedelta(days=habits.decision_days), own, habits, country)
    return None
