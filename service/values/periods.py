"""Periods that a pass is valid for, and ages on a date."""

from datetime import date, timedelta

import msgspec

from service.errors import N_, Unreadable

# Months in a period, and the month in which one begins.
_KINDS = {"calendar_year": (12, 1), "school_year": (12, 8), "half_year": (6, 1)} | {
    f"months_{months}": (months, 1) for months in (1, 2, 3, 4, 6, 12)
}


class Period(msgspec.Struct, frozen=True):
    """The days from `start` to `end`, both included."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("A period cannot end before it begins.")

    def __contains__(self, on: date) -> bool:
        return self.start <= on <= self.end


def period_of(kind: str, on: date) -> Period:
    """The period of this kind in which a date lies.

    Kinds: `calendar_year`, `school_year` (1 August to 31 July), `half_year` (from January and July) and
    `months_N`, blocks of N months counted from January, for N that divide 12. Raises Unreadable for any
    other.
    """
    if kind not in _KINDS:
        raise Unreadable(N_("Periods are of the kinds {known}."), known=", ".join(_KINDS))
    length, first_month = _KINDS[kind]
    months = on.year * 12 + on.month - first_month
    start = months - months % length + first_month - 1
    return Period(_first_day(start), _first_day(start + length) - timedelta(days=1))


def _first_day(months: int) -> date:
    """The first day of a month, counted from January of the year 0."""
    return date(months // 12, months % 12 + 1, 1)


def previous(kind: str, period: Period) -> Period:
    """The period of this kind that ends, at the latest, just before `period` begins."""
    return period_of(kind, period.start - timedelta(days=1))


def age_on(birth: date, on: date) -> int:
    """Age in whole years; negative before the birth.

    A person born on 29 February has the birthday on 1 March in a common year.
    """
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
