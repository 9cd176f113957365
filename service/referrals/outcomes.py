"""What becomes of the families of the list at the organisation: offered, accepted, declined; and how they are told.

The organisation never learns who referred a family. Where it sends an offer through the referrer, the municipality's
side writes to whoever that is, and the referral's page gives a link with which the family answers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import record
from service.errors import Conflict
from service.identity.actions import Municipality
from service.referrals.actions import Desk
from service.referrals.mails import tell_of_offer
from service.referrals.queries import Outcome, find_own
from service.stays.families import ListedFamily
from service.values import clock
from service.values.random_secrets import draw
from service.values.secrecy import KeyRing

OFFER_LINK: Final = "offer link"
"""The kind, in the directory, of the secret of a link to an offer."""
TASK: Final = "medspiller.referrers"
"""The task that writes to whoever referred a family that it has an offer."""


def outcomes_of(session: Session, season_id: UUID) -> dict[UUID, Outcome]:
    """What became of the families of a season, by their key."""
    rows = session.execute(
        text("SELECT * FROM family_outcome WHERE season_id = :season"), {"season": season_id}
    ).mappings()
    return {row["family_key"]: msgspec.convert(dict(row), Outcome) for row in rows}


def told_of(families: Iterable[ListedFamily], outcomes: Mapping[UUID, Outcome]) -> dict[str, int]:
    """How many of the families stand in each state of an offer, and under "" how many had none."""
    return dict(Counter(found.state if (found := outcomes.get(UUID(one.key))) else "" for one in families))


def make_link(session: Session, desk: Desk, public_url: str, referral_id: UUID) -> tuple[str, datetime]:
    """A link by which the family of a referral answers its open offer, and until when. Each call gives another."""
    row, secret = find_own(session, desk.service_id, referral_id), draw()
    values = {"case": row.case_id, "hash": desk.keys.lookup_hash(OFFER_LINK, secret), "now": clock.now()}
    if row.outcome is None or not session.execute(text(_KEEP_LINK), values).scalar_one():
        raise Conflict("The family has no offer that waits for an answer.")
    record(session, desk.municipality.id, desk.actor, "referrals.offer_link", ("referral", referral_id))
    return f"{public_url}/answer/{secret}", row.outcome.deadline


_KEEP_LINK: Final = """SELECT directory.keep_offer_link(season_id, family_key, :hash, :now) FROM referral_case
    WHERE id = :case"""


def tell_referrers(
    session: Session, keys: KeyRing, municipality: Municipality, season_id: UUID, family_key: UUID
) -> int:
    """Write to all who referred a family that its offer waits for an answer; gives how many messages were queued."""
    found = outcomes_of(session, season_id).get(family_key)
    if found is None or not found.waits:
        return 0
    return tell_of_offer(session, keys, municipality, season_id, family_key, found.deadline)
