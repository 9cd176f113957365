"""Asking the public registers about clubs, again and again while they do not answer."""

import logging
from uuid import UUID

from service.clubs.lookups import look_up
from service.clubs.registers import TryLater, registers_of
from service.database.engine import Database
from service.settings import Settings

PAUSES = (10, 60, 300, 900, 3600, 7200)
"""Seconds after each attempt; after the last one the number counts as not looked up until somebody asks again."""

_LOG = logging.getLogger("medspiller.clubs")


class NotLookedUp(Exception):
    """An attempt failed and another is to come; the worker's log tells why."""


def ask(database: Database, settings: Settings, tenant: str, number: str, fresh: bool, attempts: int) -> None:
    """Ask the registers after so many attempts that failed; raises NotLookedUp where another is worth making."""
    try:
        look_up(database, registers_of(settings), UUID(tenant), number, fresh=fresh and attempts == 0)
    except TryLater as later:
        last = attempts >= len(PAUSES)
        state = "failed" if last else "queued"
        _LOG.warning("club look-up", extra={"state": state, "attempt": attempts + 1, "reason": str(later)})
        if not last:
            raise NotLookedUp from None
