"""Signals about clubs that somebody may want to look at: facts with their explanation, no accusation.

They are about clubs alone, never about a child, and nothing follows from one by itself.
"""

from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.errors import N_, Text
from service.identity.actions import Municipality
from service.values import clock

MANY_CLAIMS = 20
"""From how many claims of a club on one day on it is told, where that is also five times its usual."""


class Signal(msgspec.Struct, frozen=True):
    """Something about a club, in words; `kind` is many_claims, shared_account or above_fee."""

    kind: str
    club_id: UUID
    club_name: str
    said: Text


MEANING = {
    "many_claims": N_(
        "Many claims in a short time are usual at the start of a season. Look whether the club has that many members."
    ),
    "shared_account": N_("Clubs under one roof may share an account. Ask whether these do, and who may draw on it."),
    "above_fee": N_(
        "The fee may have risen, or hold more than the membership. Ask the club to publish its fee as it is."
    ),
}
"""What may explain a signal, and what to do."""


def signals(session: Session, municipality: Municipality) -> list[Signal]:
    """The signals of the last year, by club."""
    found = [
        *(
            Signal("many_claims", row.club_id, row.name, Text(_MANY, {"count": row.claims, "day": row.day}))
            for row in session.execute(
                text(_MANY_CLAIMS), {"zone": municipality.time_zone, "now": clock.now(), "least": MANY_CLAIMS}
            )
        ),
        *(
            Signal("shared_account", row.club_id, row.name, Text(_SHARED, {"others": row.others}))
            for row in session.execute(text(_SHARED_ACCOUNTS))
        ),
        *(
            Signal("above_fee", row.club_id, row.name, Text(_ABOVE, {"count": row.claims, "activity": row.activity}))
            for row in session.execute(text(_ABOVE_FEE), {"now": clock.now()})
        ),
    ]
    return sorted(found, key=lambda one: (one.club_name, one.kind))


_MANY = N_("{count} claims on {day}")
_SHARED = N_("The same account as {others}")
_ABOVE = N_("{count} claims for {activity} above the fee that the club publishes")

_MANY_CLAIMS = """
    WITH daily AS (
        SELECT club_id, (submitted_at AT TIME ZONE :zone)::date AS day, count(*) AS claims FROM claim
        WHERE submitted_at > CAST(:now AS timestamptz) - interval '1 year' GROUP BY 1, 2
    ), compared AS (
        SELECT *, (sum(claims) OVER club - claims) / nullif(count(*) OVER club - 1, 0) AS usual FROM daily
        WINDOW club AS (PARTITION BY club_id)
    )
    SELECT d.club_id, b.name, d.day, d.claims FROM compared d JOIN club b ON b.id = d.club_id
    WHERE d.claims >= :least AND d.claims >= 5 * coalesce(d.usual, 0)
    ORDER BY b.name, d.day
"""

_SHARED_ACCOUNTS = """
    SELECT p.club_id, b.name, string_agg(DISTINCT other.name, ', ') AS others
    FROM club_payee p JOIN club b ON b.id = p.club_id AND b.state <> 'ended'
    JOIN club_payee o ON o.account = p.account AND o.club_id <> p.club_id AND o.state IN ('proposed', 'approved')
    JOIN club other ON other.id = o.club_id AND other.state <> 'ended'
    WHERE p.state IN ('proposed', 'approved') AND p.account IS NOT NULL
    GROUP BY p.club_id, b.name ORDER BY b.name
"""

_ABOVE_FEE = """
    SELECT c.club_id, b.name, a.name AS activity, count(*) AS claims
    FROM claim c JOIN club b ON b.id = c.club_id
    JOIN club_activity a ON a.club_id = c.club_id AND lower(a.name) = lower(c.activity) AND a.ended_at IS NULL
    WHERE c.fee_ore > a.fee_ore AND c.held_ore > 0 AND c.submitted_at > CAST(:now AS timestamptz) - interval '1 year'
        AND c.kind = 'membership' AND c.season_start <= a.season_end AND c.season_end >= a.season_start
    GROUP BY 1, 2, 3 ORDER BY 2, 3
"""
