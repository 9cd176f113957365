"""Sending the e-mails that the queue carries, and writing those with a link to sign in."""

import logging
from collections.abc import Callable

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job as Carried

from service.database.engine import Database
from service.database.keys import open_keys
from service.errors import Invalid
from service.identity.mails import language_of, send_link, unseal_asked
from service.identity.messages import mark_of, unseal
from service.letters.email import TryLater, Undeliverable, deliver
from service.settings import Settings
from service.values.secrecy import CannotDecrypt
from service.web.texts import translator

# Seconds after each attempt; the last is made within a day.
PAUSES = (10, 60, 300, 900, 3600, 7200, 14400, 28800, 28800)

_LOG = logging.getLogger("medspiller.email")


class NotSent(Exception):
    """An attempt failed and another is to come; the worker's log tells why."""


class Pauses(BaseRetryStrategy):
    """Growing pauses between the attempts at a mail, or at what else may fail for a while."""

    def __init__(self, pauses: tuple[int, ...] = PAUSES) -> None:
        self._pauses = pauses

    def get_retry_decision(self, *, exception: BaseException, job: Carried) -> RetryDecision | None:
        if job.attempts >= len(self._pauses):
            return None
        return RetryDecision(retry_in={"seconds": self._pauses[job.attempts]})


def send(database: Database, settings: Settings, sealed: str, attempts: int) -> None:
    """Send a queued e-mail after so many attempts that failed; raises NotSent where another is worth making.

    Twice it leaves only where this process dies between the server's yes and the note of it in the queue.
    """
    mark = mark_of(sealed)
    attempt(mark, attempts, "sent", lambda: deliver(settings, unseal(open_keys(database), sealed), mark))


def write_link(database: Database, sealed: str, attempts: int) -> None:
    """Queue the e-mail with a link to sign in for whoever asked, if an account has the address; raises as `send`."""
    attempt(mark_of(sealed), attempts, "looked up", lambda: _write_link(database, sealed))


def _write_link(database: Database, sealed: str) -> None:
    keys = open_keys(database)
    asked = unseal_asked(keys, sealed)
    with database.transaction() as session:
        send_link(session, keys, asked, translator(language_of(session, asked)).gettext)


def attempt(mark: str, attempts: int, done: str, work: Callable[[], None]) -> None:
    """Do what is queued; raises NotSent where another attempt is worth making."""
    try:
        work()
    except (Undeliverable, CannotDecrypt, Invalid) as error:
        _log(logging.ERROR, "failed", mark, attempts, error)
    except Exception as error:
        if attempts >= len(PAUSES):
            _log(logging.ERROR, "failed", mark, attempts, error)
            return
        _log(logging.WARNING, "queued", mark, attempts, error)
        raise NotSent from None
    else:
        _log(logging.INFO, done, mark, attempts)


def _log(level: int, state: str, mark: str, attempts: int, error: Exception | None = None) -> None:
    """The mark is all that tells which mail it is; it stands in the mail as well, and leads to nobody."""
    reason = {"reason": str(error)} if isinstance(error, (TryLater, Undeliverable, CannotDecrypt)) else {}
    extra = {"mark": mark, "state": state, "attempt": attempts + 1} | reason
    _LOG.log(level, "email", extra=extra, exc_info=error)
