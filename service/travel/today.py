"""What of travel waits for a coordinator."""

from typing import Final

from service.errors import N_
from service.web.today import Waiting, counted

WAITING: Final = (
    Waiting(
        "travel.change",
        N_("Families that come to a stay and have no assembly point yet"),
        counted(
            """SELECT count(*), min(o.answered_at) FROM offer o JOIN stay s ON s.id = o.stay_id
            WHERE o.state = 'accepted' AND o.assembly_point IS NULL AND s.state = 'planned'
                AND cardinality(s.assembly_points) > 0 AND s.starts_on >= CAST(:now AS timestamptz)::date"""
        ),
        "/seasons",
    ),
    Waiting(
        "travel.change",
        N_("Departures that have fewer seats than travellers"),
        counted(
            """SELECT count(*), min(CAST(:now AS timestamptz)) FROM departure d JOIN stay s ON s.id = d.stay_id
            WHERE s.state = 'planned' AND d.leaves_on >= CAST(:now AS timestamptz)::date AND d.seats < (
                SELECT count(*) FROM offer o JOIN offer_traveller t ON t.offer_id = o.id AND t.comes
                WHERE o.stay_id = d.stay_id AND o.assembly_point = d.assembly_point AND o.state = 'accepted')"""
        ),
        "/seasons",
    ),
)
"""What waits, in the order shown."""
