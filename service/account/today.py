"""What of accounts waits for a coordinator."""

from typing import Final

from service.errors import N_
from service.web.today import Waiting, counted

WAITING: Final = (
    Waiting(
        "account.close",
        N_("Seasons that are over and whose account is not closed"),
        counted(
            """SELECT count(*), min((s.last_day + 1)::timestamp AT TIME ZONE 'UTC') FROM season s
            WHERE s.state <> 'draft' AND (s.last_day + 1)::timestamp AT TIME ZONE 'UTC' <= :now
                AND NOT EXISTS (SELECT FROM season_closing c WHERE c.season_id = s.id)"""
        ),
        "/seasons",
    ),
)
"""What waits, in the order shown."""
