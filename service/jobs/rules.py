"""When a job is due: pure rules over the timetable, a time zone and the clock.

A period is the calendar day, month or year of the place in which a job's time lies. A job is done once a period, so the
period names the run: `2026-03-29`, `2026-03` or `2026`.
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from service.errors import N_, Text

# What has not begun this long after its time is an alarm.
PATIENCE = timedelta(hours=2)


class When(msgspec.Struct, frozen=True):
    """A time by the clock on the wall: every day, on a day of every month, or on a day of one month.

    A day that the month does not have is its last.
    """

    at: time
    day: int | None = None
    month: int | None = None

    def __post_init__(self) -> None:
        if self.month is not None and (self.day is None or not 1 <= self.month <= 12):
            raise ValueError("A month is 1 to 12, and goes with a day.")
        if self.day is not None and not 1 <= self.day <= 31:
            raise ValueError("A day is 1 to 31.")

    def __str__(self) -> str:
        return str(self.text)

    @property
    def text(self) -> Text:
        """When it is, in words that can be translated."""
        at = f"{self.at:%H:%M}"
        if self.day is None:
            return Text(N_("every day at {time}"), {"time": at})
        if self.month is None:
            return Text(N_("on day {day} of every month at {time}"), {"day": self.day, "time": at})
        month = Text(MONTHS[self.month - 1])
        return Text(N_("on {day} {month} at {time}"), {"day": self.day, "month": month, "time": at})


MONTHS = (
    N_("January"),
    N_("February"),
    N_("March"),
    N_("April"),
    N_("May"),
    N_("June"),
    N_("July"),
    N_("August"),
    N_("September"),
    N_("October"),
    N_("November"),
    N_("December"),
)


def daily(at: str) -> When:
    """Every day at `at` (HH:MM)."""
    return When(time.fromisoformat(at))


def monthly(day: int, at: str) -> When:
    """On a day of every month at `at` (HH:MM)."""
    return When(time.fromisoformat(at), day)


def yearly(month: int, day: int, at: str) -> When:
    """Once a year at `at` (HH:MM)."""
    return When(time.fromisoformat(at), day, month)


class Due(msgspec.Struct, frozen=True):
    """A run of a job: its period, the date and the instant it is planned for."""

    period: str
    on: date
    at: datetime


def period_of(when: When, on: date) -> str:
    """The period in which a date lies."""
    return on.isoformat()[: 10 if when.day is None else 7 if when.month is None else 4]


def planned_in(when: When, zone: str, on: date) -> Due:
    """The run of the period in which a date lies."""
    if when.day is not None:
        month = when.month or on.month
        on = date(on.year, month, min(when.day, monthrange(on.year, month)[1]))
    return Due(period_of(when, on), on, instant(on, when.at, zone))


def instant(on: date, at: time, zone: str) -> datetime:
    """The instant of a time by the clock on the wall; of one that comes twice in a night the first.

    A time that the clock skips when summer time begins is the first instant after.
    """
    place = ZoneInfo(zone)
    wall = datetime.combine(on, at)
    found, other = (wall.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    if other >= found:
        return found
    # The clock jumps between the two. Zones jump at whole minutes.
    at_jump = other
    while at_jump.astimezone(place).replace(tzinfo=None) < wall:
        at_jump += timedelta(minutes=1)
    return at_jump


def planned(when: When, zone: str, since: datetime, until: datetime) -> Iterator[Due]:
    """The runs planned after `since` and not after `until`, oldest first."""
    # A day on each side: a jump of the clock can push a time over midnight.
    first, last = (moment.astimezone(ZoneInfo(zone)).date() for moment in (since, until))
    on, last = _start(when, first - timedelta(days=1)), last + timedelta(days=1)
    while on <= last:
        run = planned_in(when, zone, on)
        if since < run.at <= until:
            yield run
        on = _next(when, on)


def _start(when: When, on: date) -> date:
    if when.day is None:
        return on
    return on.replace(day=1) if when.month is None else on.replace(day=1, month=1)


def _next(when: When, start: date) -> date:
    if when.day is None:
        return start + timedelta(days=1)
    days = 31 if when.month is None else 366
    return _start(when, start + timedelta(days=days))


class Standing(msgspec.Struct, frozen=True):
    """How a job of a place stands: its time, after when that counts, and the newest run that is noted."""

    when: When
    since: datetime
    last_period: str | None = None
    last_due: datetime | None = None


def waiting(standing: Standing, zone: str, now: datetime) -> list[Due]:
    """The runs whose time has come and that are not noted yet, oldest first."""
    since = max(standing.since, standing.last_due or standing.since)
    runs = planned(standing.when, zone, since, now)
    return [run for run in runs if standing.last_period is None or run.period > standing.last_period]


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of a run whose time has come: it is done now, or it is missed and why."""

    due: Due
    missed: str | None = None


def judge(runs: list[Due], late: timedelta, now: datetime, *, every: bool) -> list[Verdict]:
    """Which runs are made up for: those at most `late` after their time, of these the newest alone unless `every`."""
    verdicts = []
    for number, run in enumerate(runs, start=1):
        if now - run.at > late:
            verdicts.append(Verdict(run, "No worker ran at its time, and it is too late to make up for it."))
        elif not every and number < len(runs):
            verdicts.append(Verdict(run, "No worker ran at its time; the next run does its work too."))
        else:
            verdicts.append(Verdict(run))
    return verdicts


def upcoming(standing: Standing, zone: str, now: datetime) -> datetime:
    """The next time of a job after now, in a period that is not noted yet."""
    # None is further off than two years: a yearly job may have run early.
    runs = planned(standing.when, zone, max(now, standing.since), now + timedelta(days=800))
    return next(run.at for run in runs if standing.last_period is None or run.period > standing.last_period)


def alarm(expected: datetime | None, last_state: str | None, last_due: datetime | None, now: datetime) -> str | None:
    """`overdue`, `failed` or None for a job that is not paused: by the time expected next, and by its newest run."""
    if expected is not None and now - expected > PATIENCE:
        return "overdue"
    if last_state is None or last_due is None or last_state == "done":
        return None
    if last_state == "failed":
        return "failed"
    return "overdue" if now - last_due > PATIENCE else None
