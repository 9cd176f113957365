"""What of offers waits for a coordinator or volunteer."""

from typing import Final

from service.errors import N_
from service.web.today import Waiting, counted

_NEAR: Final = """SELECT count(*), min(o.made_at) FROM offer o
    LEFT JOIN offer_settings s ON s.season_id = o.season_id
    WHERE o.state = 'open' AND o.deadline BETWEEN :now
        AND :now + make_interval(days => coalesce(s.remind_days, 3))"""
# A place fell free by an offer that ended, and nobody has got one at that stay since then.
_FREED: Final = """SELECT count(*), min(o.ended_at) FROM offer o JOIN stay t ON t.id = o.stay_id
    WHERE o.state IN ('declined', 'expired', 'cancelled', 'withdrawn') AND t.state = 'planned' AND t.starts_on > :now
        AND (SELECT count(*) FROM placement p WHERE p.stay_id = t.id) < t.family_places
        AND NOT EXISTS (SELECT FROM offer n WHERE n.stay_id = o.stay_id AND n.made_at >= o.ended_at)"""
_UNPRINTED: Final = """SELECT count(*), min(made_at) FROM offer
    WHERE state = 'open' AND via IN ('letter', 'referrer') AND sent_at IS NULL AND deadline >= :now"""

WAITING: Final = (
    Waiting("offers.make", N_("Offers whose letter is to be printed"), counted(_UNPRINTED), "/seasons"),
    Waiting("offers.make", N_("Offers without an answer whose deadline is near"), counted(_NEAR), "/seasons"),
    Waiting("offers.make", N_("Places that fell free and are to be offered"), counted(_FREED), "/seasons"),
)
"""What waits, in the order shown."""
