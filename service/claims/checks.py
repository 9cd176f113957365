"""What must hold of claims, reservations and budgets, beyond what the database refuses by itself."""

from sqlmodel import Session

from service.database.checks import Check, missing_triggers, sentences

_GUARDS = (
    ("claim", "transitions", "refuse_other_transitions"),
    ("claim", "ledger", "require_ledger_of_claim"),
    ("claim", "ledger_made", "require_ledger_of_claim"),
    ("claim", "budget", "count_budget"),
    ("pass_entry", "claim_holds", "require_ledger_of_claim"),
    ("pass_entry", "reservation_holds", "require_ledger_of_reservation"),
    ("reservation", "transitions", "refuse_other_transitions"),
    ("reservation", "ledger", "require_ledger_of_reservation"),
    ("reservation", "ledger_made", "require_ledger_of_reservation"),
    ("reservation", "budget", "count_budget"),
)


def _ledgers(session: Session) -> list[str]:
    """The ledger of a pass holds for every claim and reservation what these hold themselves."""
    return sentences(
        session,
        """WITH entered AS (
            SELECT tenant_id, coalesce(claim_id, reservation_id) AS id, sum(amount_ore) AS ore FROM pass_entry
            WHERE claim_id IS NOT NULL OR reservation_id IS NOT NULL GROUP BY 1, 2
        ), held AS (
            SELECT tenant_id, id, held_ore, 'claims' AS what FROM claim
            UNION ALL SELECT tenant_id, id, held_ore, 'reservations' FROM reservation
        )
        SELECT format('%s %s hold another amount than the ledgers of their passes, among them %s (tenant %s).',
            count(*), h.what, min(h.id::text), h.tenant_id)
        FROM held h LEFT JOIN entered e ON (e.tenant_id, e.id) = (h.tenant_id, h.id)
        WHERE coalesce(e.ore, 0) <> -h.held_ore GROUP BY h.tenant_id, h.what ORDER BY 1""",
    )


def _budgets(session: Session) -> list[str]:
    """What is counted as used of a budget is the sum of what claims and reservations hold."""
    return sentences(
        session,
        """WITH held AS (
            SELECT tenant_id, scheme_id, year, sum(held_ore) AS ore FROM (
                SELECT tenant_id, scheme_id, year, held_ore FROM claim
                UNION ALL SELECT tenant_id, scheme_id, year, held_ore FROM reservation
            ) AS h GROUP BY 1, 2, 3
        ), used AS (SELECT tenant_id, scheme_id, year, sum(held_ore) AS ore FROM budget_used GROUP BY 1, 2, 3)
        SELECT format('Of the budget of %s another amount is counted as used than claims hold (scheme %s, tenant %s).',
            coalesce(h.year, u.year), coalesce(h.scheme_id, u.scheme_id), coalesce(h.tenant_id, u.tenant_id))
        FROM held h FULL JOIN used u USING (tenant_id, scheme_id, year)
        WHERE coalesce(h.ore, 0) <> coalesce(u.ore, 0) ORDER BY 1""",
    )


def _guards(session: Session) -> list[str]:
    """The triggers that guard all this stand."""
    return missing_triggers(session, _GUARDS)


CHECKS = [Check("claims and ledgers", _ledgers), Check("budgets", _budgets), Check("claim guards", _guards)]
"""What `medspiller database check` verifies of this slice."""
