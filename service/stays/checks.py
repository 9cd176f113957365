"""What must hold of lists that organisations have received."""

from sqlmodel import Session

from service.database.checks import Check, sentences

_GUARDS = (
    ("received_family", "unchanged"),
    ("received_traveller", "unchanged"),
    ("received_wish", "unchanged"),
    ("received_list", "unchanged"),
    ("season", "transitions"),
    ("stay", "transitions"),
)


def _lists(session: Session) -> list[str]:
    """A version holds the families it came with, but for consents withdrawn since, until the names of its season are
    erased; numbers have no gap.
    """
    return sentences(
        session,
        """WITH held AS (SELECT l.tenant_id, l.id, l.season_id, l.municipality_id, l.number, l.families,
                (SELECT count(*) FROM received_family f WHERE (f.tenant_id, f.list_id) = (l.tenant_id, l.id)) AS n,
                coalesce((SELECT sum(w.withdrawn) FROM received_list w WHERE w.tenant_id = l.tenant_id
                    AND (w.season_id, w.municipality_id) = (l.season_id, l.municipality_id)
                    AND w.number > l.number), 0) AS gone,
                EXISTS (SELECT FROM season s WHERE (s.tenant_id, s.id) = (l.tenant_id, l.season_id)
                    AND s.names_erased_at IS NOT NULL) AS erased
            FROM received_list l)
        SELECT format('The received list %s holds %s families and not the %s it came with (tenant %s).',
            id, n, families, tenant_id) FROM held WHERE CASE WHEN erased THEN n > 0
                ELSE n > families OR n < families - gone END
        UNION ALL
        SELECT format('The received lists of a season lack a version (tenant %s).', tenant_id) FROM held
        GROUP BY tenant_id, season_id, municipality_id HAVING max(number) <> count(*)
        UNION ALL
        SELECT format('%s families of received lists have nobody who travels (tenant %s).', count(*), f.tenant_id)
        FROM received_family f WHERE NOT EXISTS (SELECT FROM received_traveller t
            WHERE (t.tenant_id, t.family_id) = (f.tenant_id, f.id)) GROUP BY f.tenant_id
        ORDER BY 1""",
    )


def _guards(session: Session) -> list[str]:
    return [line for table, name in _GUARDS for line in missing_guard(session, table, name)]


def missing_guard(session: Session, table: str, name: str) -> list[str]:
    """A sentence where a table's trigger is gone."""
    return sentences(
        session,
        """SELECT format('The trigger %s of %s is gone.', CAST(:name AS text), CAST(:table AS text))
        WHERE NOT EXISTS (SELECT FROM pg_trigger
            WHERE tgrelid = to_regclass('public.' || CAST(:table AS text)) AND tgname = CAST(:name AS text))""",
        table=table,
        name=name,
    )


CHECKS = (Check("received lists", _lists), Check("guards of stays", _guards))
