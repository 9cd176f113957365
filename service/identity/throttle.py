"""Slowing down whoever tries again and again: attempts are counted in the database, for all processes together.

What is counted survives a refusal, so the count has a transaction of its own. Of whom it is counts as a keyed hash.
"""

import hashlib
from datetime import timedelta

import msgspec
from sqlalchemy import text

from service.database.engine import Database
from service.database.requests import record_outside
from service.errors import N_, Refused
from service.values import clock


class TooMany(Refused):
    """Too much was tried in a while; `retry_after` says in how many seconds there may be more."""

    status = 429
    title = N_("Too many attempts")

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        minutes = max(1, -(-retry_after // 60))
        super().__init__(N_("That was tried too often. Try again in {minutes} minutes."), minutes=minutes)


class Limit(msgspec.Struct, frozen=True):
    """At most `times` in a `span`, of one kind and for one key."""

    kind: str
    times: int
    span: timedelta


SIGN_IN_LINKS = Limit("sign-in link", 5, timedelta(minutes=15))
SIGN_IN_LINKS_FROM_ADDRESS = Limit("sign-in links from", 60, timedelta(minutes=15))
SECOND_FACTOR = Limit("second factor", 6, timedelta(minutes=15))
CLUB_APPLICATIONS_FROM_ADDRESS = Limit("club applications from", 10, timedelta(hours=1))
CLUB_APPLICATIONS_FOR_NUMBER = Limit("club applications for", 5, timedelta(hours=24))
CLUB_APPLICATIONS_TO_CONTACT = Limit("club applications to", 3, timedelta(hours=24))
UNKNOWN_SECRETS = Limit("unknown secret", 60, timedelta(minutes=15))
OFFER_CODES = Limit("offer code", 20, timedelta(minutes=15))
FAMILY_LOOK_UPS = Limit("family look-up", 40, timedelta(hours=1))
"""Of somebody in a service: numbers by which a family is looked for, whether or not somebody has them."""
PASS_NUMBERS = Limit("pass number", 20, timedelta(minutes=15))
"""Of a club: numbers that are no pass, and names that are not the child's."""


def count(database: Database, limit: Limit, whose: str) -> None:
    """Count an attempt; refuses with TooMany where it is one too many."""
    with record_outside(database, None) as session:
        tried = session.execute(
            text("SELECT directory.count_attempt(:kind, :key, :at, :span)"),
            {"kind": limit.kind, "key": key_of(whose), "at": clock.now(), "span": limit.span},
        ).scalar_one()
    if tried > limit.times:
        raise TooMany(int(limit.span.total_seconds()))


def forget(database: Database, limit: Limit, whose: str) -> None:
    """Forget the attempts: what was tried succeeded."""
    with record_outside(database, None) as session:
        session.execute(
            text("SELECT directory.forget_attempts(:kind, :key)"), {"kind": limit.kind, "key": key_of(whose)}
        )


def key_of(whose: str) -> bytes:
    """Under which key attempts of somebody are counted."""
    return hashlib.sha256(whose.strip().lower().encode()).digest()
