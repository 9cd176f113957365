"""Periods cover the calendar without gaps; ages turn on the birthday."""

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.values.periods import Period, age_on, period_of, previous

MONTHS = {"calendar_year": 12, "school_year": 12, "half_year": 6} | {
    f"months_{months}": months for months in (1, 2, 3, 4, 6, 12)
}
kinds = st.sampled_from(list(MONTHS))
days = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("kind", "on", "start", "end"),
    [
        ("calendar_year", date(2017, 1, 15), date(2017, 1, 1), date(2017, 12, 31)),
        ("school_year", date(2017, 7, 31), date(2016, 8, 1), date(2017, 7, 31)),
        ("school_year", date(2017, 8, 1), date(2017, 8, 1), date(2018, 7, 31)),
        ("half_year", date(2017, 6, 30), date(2017, 1, 1), date(2017, 6, 30)),
        ("half_year", date(2017, 7, 1), date(2017, 7, 1), date(2017, 12, 31)),
        ("months_3", date(2017, 5, 5), date(2017, 4, 1), date(2017, 6, 30)),
        ("months_1", date(2016, 2, 29), date(2016, 2, 1), date(2016, 2, 29)),
        ("months_2", date(2017, 12, 31), date(2017, 11, 1), date(2017, 12, 31)),
        ("months_4", date(2017, 9, 1), date(2017, 9, 1), date(2017, 12, 31)),
    ],
)
def test_period_of(kind: str, on: date, start: date, end: date) -> None:
    assert period_of(kind, on) == Period(start, end)


@given(kinds, days)
@example("months_2", date(2016, 2, 29))
def test_periods_follow_each_other(kind: str, on: date) -> None:
    period = period_of(kind, on)
    assert on in period
    assert period.start.day == 1
    assert period_of(kind, period.start) == period_of(kind, period.end) == period
    before = previous(kind, period)
    assert before.end == period.start - timedelta(days=1)
    months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month + 1
    assert months == MONTHS[kind]


def test_both_ends_are_within() -> None:
    period = Period(date(2017, 1, 1), date(2017, 1, 2))
    assert period.start in period
    assert period.end in period
    assert date(2016, 12, 31) not in period
    assert date(2017, 1, 3) not in period


@pytest.mark.parametrize("kind", ["year", "months_5", "months_0", "months_24", "months_03", ""])
def test_another_kind(kind: str) -> None:
    with pytest.raises(ValueError, match=r"calendar_year, school_year, half_year, months_1"):
        period_of(kind, date(2017, 1, 1))


def test_a_period_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        Period(date(2017, 1, 2), date(2017, 1, 1))


def birthday_in(birth: date, year: int) -> date:
    try:
        return birth.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


@given(days, days)
@example(date(2000, 2, 29), date(2001, 2, 28))
@example(date(2000, 2, 29), date(2001, 3, 1))
@example(date(2000, 2, 29), date(2004, 2, 29))
def test_age_counts_birthdays(birth: date, on: date) -> None:
    on = max(birth, on)
    birthdays = (birthday_in(birth, year) for year in range(birth.year + 1, on.year + 1))
    assert age_on(birth, on) == sum(birthday <= on for birthday in birthdays)


def test_born_on_29_february() -> None:
    assert age_on(date(2000, 2, 29), date(2018, 2, 28)) == 17
    assert age_on(date(2000, 2, 29), date(2018, 3, 1)) == 18
    assert age_on(date(2000, 2, 29), date(2020, 2, 28)) == 19
    assert age_on(date(2000, 2, 29), date(2020, 2, 29)) == 20


def test_before_the_birth() -> None:
    assert age_on(date(2017, 1, 2), date(2017, 1, 1)) == -1
