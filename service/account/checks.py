"""What must hold of closed accounts, and of seasons whose names are erased."""

from sqlmodel import Session

from service.database.checks import Check, sentences
from service.stays.checks import missing_guard

_GUARDS = (
    ("season_closing", "unchanged"),
    ("season_account", "unchanged"),
    ("season_account", "with_closing"),
    ("season", "names_over"),
    ("offered_season", "names_over"),
)


def _accounts(session: Session) -> list[str]:
    """Names are erased of seasons alone whose account is kept, and a closed account tells of every stay held."""
    return sentences(
        session,
        """SELECT format('The names of the season %s are erased though its account is not kept (tenant %s).', s.id,
            s.tenant_id) FROM season s WHERE s.names_erased_at IS NOT NULL AND NOT EXISTS (SELECT FROM season_closing c
                WHERE (c.tenant_id, c.season_id) = (s.tenant_id, s.id))
        UNION ALL
        SELECT format('The account of the season %s has no stay %s, to which families of it went (tenant %s).',
            a.season_id, a.stay_id, a.tenant_id) FROM season_account a
        WHERE a.municipality_id IS NOT NULL AND a.stay_id IS NOT NULL AND NOT EXISTS (SELECT FROM season_account b
            WHERE (b.tenant_id, b.season_id, b.stay_id) = (a.tenant_id, a.season_id, a.stay_id)
                AND b.municipality_id IS NULL)
        ORDER BY 1""",
    )


def _guards(session: Session) -> list[str]:
    return [line for table, name in _GUARDS for line in missing_guard(session, table, name)]


CHECKS = (Check("accounts of seasons", _accounts), Check("guards of accounts", _guards))
