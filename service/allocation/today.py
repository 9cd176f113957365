"""What of the allocation waits for a coordinator."""

from typing import Final

from service.errors import N_
from service.web.today import Waiting, counted

WAITING: Final = (
    Waiting(
        "places.settle",
        N_("Seasons whose draw is to be committed to before the lists close"),
        counted(
            """SELECT count(*), min(published_at) FROM season s WHERE state <> 'draft'
            AND NOT EXISTS (SELECT FROM season_draw d WHERE d.season_id = s.id)
            AND NOT EXISTS (SELECT FROM allocation_run r WHERE r.season_id = s.id)
            AND s.first_day > CAST(:now AS date)"""
        ),
        "/seasons",
    ),
    Waiting(
        "places.settle",
        N_("Seasons whose places are to be allocated"),
        counted(
            """SELECT count(*), min(planned_on)::timestamptz FROM season s
            WHERE s.planned_on <= CAST(:now AS date) AND s.first_day > CAST(:now AS date)
            AND EXISTS (SELECT FROM received_list l WHERE l.season_id = s.id AND l.families > 0)
            AND NOT EXISTS (SELECT FROM allocation_run r WHERE r.season_id = s.id AND r.state = 'confirmed')"""
        ),
        "/seasons",
    ),
)
"""What waits, in the order shown."""
