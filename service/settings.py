"""The settings of an installation, read once from the environment."""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from service.errors import Refused


class Settings(msgspec.Struct, frozen=True):
    """Where this installation keeps its things and how large it may grow.

    `home` holds the embedded database, the keys and the outboxes; two homes never meet. Where `database_url` and
    `database_owner_url` are set, that PostgreSQL is used in place of the embedded one.
    """

    home: Path
    database_url: str | None
    database_owner_url: str | None
    pool_size: int
    now: datetime | None


def load() -> Settings:
    """Read the `MEDSPILLER_*` variables; refuses a half-set or unreadable one with the variable's name."""
    app, owner = os.environ.get("MEDSPILLER_DATABASE_URL"), os.environ.get("MEDSPILLER_DATABASE_OWNER_URL")
    if bool(app) != bool(owner):
        raise Refused("Set both MEDSPILLER_DATABASE_URL and MEDSPILLER_DATABASE_OWNER_URL, or neither.")
    return Settings(
        home=Path(os.environ.get("MEDSPILLER_HOME") or "var").absolute(),
        database_url=app or None,
        database_owner_url=owner or None,
        pool_size=_positive("MEDSPILLER_POOL_SIZE", 10),
        now=_instant("MEDSPILLER_NOW"),
    )


def _positive(name: str, default: int) -> int:
    text = os.environ.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise Refused(f"{name} must be a whole number of at least 1, not {text!r}.")
    return int(text)


def _instant(name: str) -> datetime | None:
    text = os.environ.get(name)
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{name} must be a date or an instant such as 2017-01-15T08:00Z, not {text!r}.") from None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
