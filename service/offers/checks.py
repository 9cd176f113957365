"""What must hold of offers: who is offered a place holds it, and what has ended does not hold one through its offer."""

from sqlmodel import Session

from service.database.checks import Check, sentences
from service.stays.checks import missing_guard

_GUARDS = (("offer", "transitions"), ("offer", "placed"), ("placement", "offered"), ("placement", "offered_gone"))


def _offers(session: Session) -> list[str]:
    return sentences(
        session,
        """SELECT format('The family does not hold the place of the living offer %s (tenant %s).', o.id, o.tenant_id)
        FROM offer o WHERE o.state IN ('open', 'accepted') AND NOT EXISTS (SELECT FROM placement p
            WHERE (p.tenant_id, p.season_id, p.municipality_id, p.family_key, p.stay_id) =
                (o.tenant_id, o.season_id, o.municipality_id, o.family_key, o.stay_id))
        UNION ALL
        SELECT format('The offer %s has ended and still holds what its family needs (tenant %s).', o.id, o.tenant_id)
        FROM offer o JOIN offer_needs n ON (n.tenant_id, n.offer_id) = (o.tenant_id, o.id)
        WHERE o.state NOT IN ('open', 'accepted')
        UNION ALL
        SELECT format('More persons come by the offer %s than its place is for (tenant %s).', o.id, o.tenant_id)
        FROM offer o JOIN placement p ON (p.tenant_id, p.season_id, p.municipality_id, p.family_key) =
            (o.tenant_id, o.season_id, o.municipality_id, o.family_key)
        WHERE o.state = 'accepted' AND p.persons < (SELECT count(*) FROM offer_traveller t
            WHERE (t.tenant_id, t.offer_id) = (o.tenant_id, o.id) AND t.comes)
        ORDER BY 1""",
    )


def _guards(session: Session) -> list[str]:
    return [line for table, name in _GUARDS for line in missing_guard(session, table, name)]


CHECKS = (Check("offers", _offers), Check("guards of offers", _guards))
