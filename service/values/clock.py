"""The one clock of the program: instants are UTC, a date is a date in the municipality's time zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_pinned: datetime | None = None


def pin(instant: datetime | None) -> None:
    """Stop the clock at an instant (tests, the demo, `MEDSPILLER_NOW`), or let it run again with None."""
    global _pinned
    _pinned = instant


def pinned() -> bool:
    """Whether the clock stands still."""
    return _pinned is not None


def now() -> datetime:
    return _pinned or datetime.now(UTC)


def today(time_zone: str) -> date:
    """The date it is now in `time_zone` (an IANA name)."""
    return now().astimezone(ZoneInfo(time_zone)).date()
