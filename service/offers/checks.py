"""What must hold of offers: who is offered a place holds it, and what has ended does not hold one through its offer."""

from sqlmodel import Session

from service.database.checks import Check, sentences
from service.stays.checks import missing_guard

_GUARDS = (
    ("offer", "transitions"),
    ("offer", "placed"),
    ("offer", "told"),
    ("placement", "offered"),
    ("placement", "offered_gone"),
)


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


def _told(session: Session) -> list[str]:
    """What a municipality is told of a family is the newest offer to it."""
    return sentences(
        session,
        """SELECT format('%s families have another newest offer than their municipality is told (tenant %s).',
            count(*), f.tenant_id)
        FROM family_outcome f JOIN offered_season s ON (s.tenant_id, s.season_id) = (f.tenant_id, f.season_id)
        JOIN directory.tenant t ON t.id = f.tenant_id
        JOIN LATERAL (SELECT o.state, o.stay_id, o.deadline FROM offer o
            JOIN district_municipality m ON (m.tenant_id, m.id) = (o.tenant_id, o.municipality_id) AND m.code = t.code
            WHERE (o.tenant_id, o.season_id, o.family_key) = (s.organisation_id, f.season_id, f.family_key::text)
            ORDER BY o.made_at DESC, o.id DESC LIMIT 1) AS newest ON true
        WHERE (newest.state, newest.stay_id, newest.deadline) IS DISTINCT FROM (f.state, f.stay_id, f.deadline)
        GROUP BY f.tenant_id ORDER BY 1""",
    )


def _guards(session: Session) -> list[str]:
    return [line for table, name in _GUARDS for line in missing_guard(session, table, name)]


CHECKS = (Check("offers", _offers), Check("outcomes told", _told), Check("guards of offers", _guards))
