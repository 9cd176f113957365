"""What must hold of referrals and of lists that were handed over."""

from sqlmodel import Session

from service.database.checks import Check, sentences
from service.stays.checks import missing_guard

_GUARDS = (
    ("referral", "transitions"),
    ("referral_case", "transitions"),
    ("referral_list", "unchanged"),
    ("referral_list_entry", "unchanged"),
    ("referral_list_entry", "before_hand_over"),
)


def _handed_over(session: Session) -> list[str]:
    """What an organisation holds of a version is what the municipality says it handed over, family by family.

    A family that has withdrawn its consent since the version goes at both places, and at the municipality first. The
    names of a season are erased at each place in its own night.
    """
    return sentences(
        session,
        """WITH erased AS (SELECT s.id AS season_id FROM season s WHERE s.names_erased_at IS NOT NULL
            UNION SELECT o.season_id FROM offered_season o WHERE o.names_erased_at IS NOT NULL),
        sent AS (SELECT l.tenant_id, l.id, e.content ->> 'key' AS key, md5(e.content::text) AS digest
            FROM referral_list l JOIN referral_list_entry e ON (e.tenant_id, e.list_id) = (l.tenant_id, l.id)
            WHERE l.handed_over_at IS NOT NULL AND l.season_id NOT IN (SELECT season_id FROM erased)),
        held AS (SELECT r.sender_id AS tenant_id, r.sender_list_id AS id, f.key, f.digest
            FROM received_list r JOIN received_family f ON (f.tenant_id, f.list_id) = (r.tenant_id, r.id)
            WHERE r.source = 'handed_over' AND r.season_id NOT IN (SELECT season_id FROM erased))
        SELECT format('%s families of handed-over lists are not what the organisation holds (tenant %s).', count(*),
            coalesce(s.tenant_id, h.tenant_id))
        FROM sent s FULL JOIN held h ON (h.tenant_id, h.id, h.key) = (s.tenant_id, s.id, s.key)
        WHERE s.digest IS DISTINCT FROM h.digest GROUP BY coalesce(s.tenant_id, h.tenant_id)
        ORDER BY 1""",
    )


def _cases(session: Session) -> list[str]:
    """Of a withdrawn case nothing is left, and the referral that leads a case is one of its own."""
    return sentences(
        session,
        """SELECT format('%s withdrawn referrals still have travellers (tenant %s).', count(*), r.tenant_id)
        FROM referral r JOIN referral_traveller t ON (t.tenant_id, t.referral_id) = (r.tenant_id, r.id)
        WHERE r.state = 'withdrawn' GROUP BY r.tenant_id
        UNION ALL
        SELECT format('%s cases are led by a referral that is not theirs (tenant %s).', count(*), c.tenant_id)
        FROM referral_case c LEFT JOIN referral r ON (r.tenant_id, r.id) = (c.tenant_id, c.leading_id)
        WHERE c.leading_id IS NOT NULL AND r.case_id IS DISTINCT FROM c.id GROUP BY c.tenant_id
        ORDER BY 1""",
    )


def _guards(session: Session) -> list[str]:
    return [line for table, name in _GUARDS for line in missing_guard(session, table, name)]


CHECKS = (
    Check("handed-over lists", _handed_over),
    Check("cases of referred families", _cases),
    Check("guards of referrals", _guards),
)
