"""When a job is due: every period once, whatever the clock on the wall and the machine do."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.jobs.rules import (
    PATIENCE,
    Due,
    Standing,
    When,
    alarm,
    daily,
    instant,
    judge,
    monthly,
    period_of,
    planned,
    planned_in,
    upcoming,
    waiting,
    yearly,
)

ZONES = ("Europe/Copenhagen", "Europe/Oslo", "America/New_York", "Europe/Helsinki", "Australia/Lord_Howe", "UTC")
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
WHENS = st.one_of(
    st.builds(When, TIMES),
    st.builds(When, TIMES, st.integers(1, 31)),
    st.builds(When, TIMES, st.integers(1, 31), st.integers(1, 12)),
)
BEGIN = datetime(2025, 12, 20, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("on", "at", "zone", "expected"),
    [
        # In spring the clock goes from 2 to 3: a skipped time is the first instant after.
        (date(2026, 3, 29), time(2, 30), "Europe/Copenhagen", "2026-03-29T01:00Z"),
        (date(2026, 3, 29), time(2, 0), "Europe/Oslo", "2026-03-29T01:00Z"),
        (date(2026, 3, 29), time(3, 0), "Europe/Oslo", "2026-03-29T01:00Z"),
        (date(2026, 3, 29), time(3, 30), "Europe/Helsinki", "2026-03-29T01:00Z"),
        (date(2026, 3, 8), time(2, 59), "America/New_York", "2026-03-08T07:00Z"),
        # In October it goes from 3 to 2: the hour comes twice, and the first counts.
        (date(2026, 10, 25), time(2, 30), "Europe/Copenhagen", "2026-10-25T00:30Z"),
        (date(2026, 11, 1), time(1, 30), "America/New_York", "2026-11-01T05:30Z"),
        # Clocks that jump over midnight, by half an hour, and over a whole day.
        (date(2026, 9, 6), time(0, 15), "America/Santiago", "2026-09-06T04:00Z"),
        (date(2026, 10, 4), time(2, 10), "Australia/Lord_Howe", "2026-10-03T15:30Z"),
        (date(2011, 12, 30), time(12, 0), "Pacific/Apia", "2011-12-30T10:00Z"),
    ],
)
def test_a_time_when_the_clock_is_changed(on: date, at: time, zone: str, expected: str) -> None:
    assert instant(on, at, zone) == datetime.fromisoformat(expected)


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)), TIMES, st.sampled_from(ZONES))
def test_a_time_is_the_first_instant_at_which_the_clock_shows_it_or_more(on: date, at: time, zone: str) -> None:
    found = instant(on, at, zone)
    wanted = datetime.combine(on, at)

    def shows(moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)

    assert shows(found) >= wanted
    assert all(shows(found - timedelta(minutes=back)) < wanted for back in range(1, 121))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "when", [daily("02:30"), daily("00:00"), daily("23:59"), monthly(31, "02:30"), yearly(3, 29, "02:30")]
)
def test_a_year_has_every_period_once(when: When, zone: str) -> None:
    begin, end = (datetime(year, 1, 1, tzinfo=ZoneInfo(zone)) - timedelta(minutes=1) for year in (2026, 2027))
    runs = list(planned(when, zone, begin, end))
    assert len(runs) == (365 if when.day is None else 12 if when.month is None else 1)
    assert len({run.period for run in runs}) == len({run.at for run in runs}) == len(runs)
    assert runs == sorted(runs, key=lambda run: run.at)


def test_a_day_that_a_month_does_not_have_is_its_last() -> None:
    assert planned_in(monthly(31, "02:00"), "UTC", date(2028, 2, 3)).on == date(2028, 2, 29)
    assert planned_in(yearly(2, 30, "02:00"), "UTC", date(2027, 8, 1)).on == date(2027, 2, 28)


def _live(
    when: When, zone: str, late: timedelta, steps: list[int], *, every: bool = False
) -> tuple[dict[str, datetime | None], datetime]:
    """Let a worker look at the clock after so many hours each; gives when each period was done, None where missed."""
    noted: dict[str, datetime | None] = {}
    now = BEGIN
    last: Due | None = None
    for hours in steps:
        now += timedelta(hours=hours)
        standing = Standing(when, BEGIN, last.period if last else None, last.at if last else None)
        for verdict in judge(waiting(standing, zone, now), late, now, every=every):
            assert verdict.due.period not in noted
            assert verdict.due.at <= now
            noted[verdict.due.period] = None if verdict.missed else now
            last = verdict.due
    return noted, now


@settings(deadline=None, max_examples=4)
@given(WHENS, st.sampled_from(ZONES))
def test_a_worker_that_always_looks_does_each_period_within_the_hour(when: When, zone: str) -> None:
    noted, end = _live(when, zone, timedelta(days=1), [1] * 24 * 366)
    runs = list(planned(when, zone, BEGIN, end))
    assert list(noted) == [run.period for run in runs]
    for run in runs:
        done = noted[run.period]
        assert done is not None
        assert run.at <= done < run.at + timedelta(hours=1)


@given(WHENS, st.sampled_from(ZONES), st.lists(st.integers(1, 400), min_size=1, max_size=80), st.booleans())
def test_a_machine_that_sleeps_makes_up_by_rule(when: When, zone: str, steps: list[int], every: bool) -> None:
    late = timedelta(days=2)
    noted, end = _live(when, zone, late, steps, every=every)
    for run in planned(when, zone, BEGIN, end):
        done = noted[run.period]
        if done is not None:
            assert done - run.at <= late
    looks = [BEGIN + timedelta(hours=sum(steps[: number + 1])) for number in range(len(steps))]
    for before, look in zip([BEGIN, *looks], looks, strict=False):
        fell_due = [run for run in planned(when, zone, before, look) if look - run.at <= late]
        for run in fell_due if every else fell_due[-1:]:
            assert noted[run.period] == look


def test_what_is_too_late_or_overtaken_is_told() -> None:
    runs = list(planned(daily("06:00"), "UTC", BEGIN, BEGIN + timedelta(days=4)))
    now = runs[-1].at + timedelta(hours=1)
    words = [verdict.missed for verdict in judge(runs, timedelta(days=2), now, every=False)]
    assert words[-1] is None
    assert words[-2] is not None and "next run" in words[-2]
    assert words[0] is not None and "too late" in words[0]


def test_a_changed_time_counts_from_then_on() -> None:
    changed = datetime(2026, 5, 5, 14, tzinfo=UTC)
    earlier = Standing(daily("10:00"), changed, "2026-05-04", datetime(2026, 5, 4, 22, tzinfo=UTC))
    assert waiting(earlier, "UTC", changed + timedelta(hours=2)) == []
    assert upcoming(earlier, "UTC", changed) == datetime(2026, 5, 6, 10, tzinfo=UTC)
    # Moved to later on a day whose run is done: not twice a day.
    later = Standing(daily("22:00"), changed, "2026-05-05", datetime(2026, 5, 5, 6, tzinfo=UTC))
    assert waiting(later, "UTC", changed + timedelta(hours=9)) == []


def test_a_yearly_job_that_ran_early_comes_again_in_the_next_year() -> None:
    standing = Standing(yearly(12, 1, "02:00"), BEGIN, "2026", datetime(2026, 1, 5, tzinfo=UTC))
    assert upcoming(standing, "UTC", datetime(2026, 2, 1, tzinfo=UTC)) == datetime(2027, 12, 1, 2, tzinfo=UTC)


def test_alarms() -> None:
    now = datetime(2026, 5, 5, 12, tzinfo=UTC)
    late, fresh = now - PATIENCE - timedelta(minutes=1), now - timedelta(minutes=5)
    assert alarm(None, None, None, now) is None
    assert alarm(late, "done", late, now) == "overdue"
    assert alarm(fresh, "done", late, now) is None
    assert alarm(None, "failed", fresh, now) == "failed"
    assert alarm(None, "queued", late, now) == alarm(None, "running", late, now) == "overdue"
    assert alarm(None, "missed", late, now) == "overdue"
    assert alarm(None, "running", fresh, now) is None


def test_periods_have_the_form_of_their_kind() -> None:
    on = date(2026, 3, 9)
    assert [period_of(when, on) for when in (daily("02:00"), monthly(1, "02:00"), yearly(1, 1, "02:00"))] == [
        "2026-03-09",
        "2026-03",
        "2026",
    ]
    assert Due("2026", on, BEGIN) != Due("2027", on, BEGIN)


@pytest.mark.parametrize("wrong", [(None, 3), (0, None), (32, None), (1, 13)])
def test_a_time_that_cannot_be(wrong: tuple[int | None, int | None]) -> None:
    with pytest.raises(ValueError, match=r"day|month"):
        When(time(2), *wrong)
