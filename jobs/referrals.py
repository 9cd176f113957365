"""Writing to whoever referred a family that the family has an offer."""

from uuid import UUID

from service.database.engine import Database
from service.database.keys import open_keys
from service.identity.actions import municipality_by_id
from service.referrals.outcomes import tell_referrers


def tell(database: Database, municipality: str, season: str, family: str) -> None:
    """Queue the e-mails about an offer that still waits for an answer."""
    with database.transaction() as session:
        place = municipality_by_id(session, UUID(municipality))
    with database.transaction(place.id) as session:
        tell_referrers(session, open_keys(database), place, UUID(season), UUID(family))
