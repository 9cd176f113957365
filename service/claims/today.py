"""What of claims and budgets waits for somebody."""

from service.errors import N_
from service.web.today import Waiting, counted

# A year that is over is not warned of for ever, but as long as claims wait for its money.
_BUDGETS = """
    SELECT count(*), min(b.set_at) FROM budget b
    CROSS JOIN LATERAL (SELECT coalesce(sum(u.held_ore), 0) AS ore FROM budget_used u
        WHERE (u.scheme_id, u.year) = (b.scheme_id, b.year)) AS used
    WHERE 100 * used.ore >= b.warn_percent * b.appropriation_ore AND b.lifted_at IS NULL
        AND (b.year >= extract(year FROM CAST(:now AS timestamptz)) OR EXISTS (SELECT FROM claim c
            WHERE (c.scheme_id, c.year) = (b.scheme_id, b.year) AND c.state = 'submitted'
                AND 'budget_stopped' = ANY (c.reasons)))
"""

WAITING = (
    Waiting(
        "claims.decide",
        N_("Claims of clubs, to be decided"),
        counted("SELECT count(*), min(submitted_at) FROM claim WHERE state = 'submitted'"),
        path="/claims",
    ),
    Waiting(
        "budget.change",
        N_("Budgets that are nearly or wholly used up"),
        counted(_BUDGETS),
        path="/budget",
    ),
)
