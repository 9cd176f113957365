"""What must hold of the register."""

from sqlmodel import Session

from service.database.checks import Check, sentences


def _memberships(session: Session) -> list[str]:
    """Whoever is a member stands in the register, and whoever stands in it is a member somewhere."""
    return sentences(
        session,
        """SELECT format('%s members of households are persons who have ended (tenant %s).', count(*), m.tenant_id)
        FROM household_member m JOIN person p ON (p.tenant_id, p.id) = (m.tenant_id, m.person_id)
        WHERE p.ended_at IS NOT NULL GROUP BY m.tenant_id
        UNION ALL
        SELECT format('%s members stand in households that have ended (tenant %s).', count(*), m.tenant_id)
        FROM household_member m JOIN household h ON (h.tenant_id, h.id) = (m.tenant_id, m.household_id)
        WHERE h.ended_at IS NOT NULL GROUP BY m.tenant_id
        UNION ALL
        SELECT format('%s members have no person or no household (tenant %s).', count(*), m.tenant_id)
        FROM household_member m
        LEFT JOIN person p ON (p.tenant_id, p.id) = (m.tenant_id, m.person_id)
        LEFT JOIN household h ON (h.tenant_id, h.id) = (m.tenant_id, m.household_id)
        WHERE p.id IS NULL OR h.id IS NULL GROUP BY m.tenant_id
        UNION ALL
        SELECT format('%s persons who have not ended are members nowhere (tenant %s).', count(*), p.tenant_id)
        FROM person p WHERE p.ended_at IS NULL AND NOT EXISTS (SELECT FROM household_member m
            WHERE (m.tenant_id, m.person_id) = (p.tenant_id, p.id)) GROUP BY p.tenant_id
        UNION ALL
        SELECT format('%s households that have not ended are empty (tenant %s).', count(*), h.tenant_id)
        FROM household h WHERE h.ended_at IS NULL AND NOT EXISTS (SELECT FROM household_member m
            WHERE (m.tenant_id, m.household_id) = (h.tenant_id, h.id)) GROUP BY h.tenant_id
        ORDER BY 1""",
    )


def _identities(session: Session) -> list[str]:
    """One person for each identity number, which stands encrypted beside its keyed hash."""
    return sentences(
        session,
        """SELECT format('%s identity numbers stand for several persons (tenant %s).', count(*), tenant_id)
        FROM (SELECT tenant_id FROM person GROUP BY tenant_id, identity_hash HAVING count(*) > 1) AS twice
        GROUP BY tenant_id
        UNION ALL
        SELECT format('%s persons have no identity number (tenant %s).', count(*), tenant_id)
        FROM person WHERE anonymised_at IS NULL AND (length(identity_hash) = 0 OR length(identity_cipher) = 0)
        GROUP BY tenant_id
        ORDER BY 1""",
    )


CHECKS = [Check("register memberships", _memberships), Check("register identities", _identities)]
