"""What must hold of payment runs, payments and recoveries, beyond what the database refuses by itself."""

from sqlmodel import Session

from service.database.checks import Check, missing_triggers, sentences

_GUARDS = (
    ("payment_run", "transitions", "refuse_other_transitions"),
    ("payment", "transitions", "refuse_other_transitions"),
    ("payment", "released", "refuse_change_of_released"),
    ("payment_claim", "released", "refuse_change_of_released"),
    ("recovery_use", "released", "refuse_change_of_released"),
    ("recovery_use", "recovery_left", "require_recovery_left"),
    ("sample_check", "transitions", "refuse_other_transitions"),
)


def _sums(session: Session) -> list[str]:
    """A payment is the sum of its claims less what it takes back; a run that of its payments."""
    return sentences(
        session,
        """WITH line AS (
            SELECT tenant_id, payment_id, sum(amount_ore) AS ore, count(*) AS claims FROM payment_claim GROUP BY 1, 2
        ), back AS (SELECT tenant_id, payment_id, sum(amount_ore) AS ore FROM recovery_use GROUP BY 1, 2)
        SELECT format('%s payments are not the sum of their claims, among them %s (tenant %s).',
            count(*), min(p.id::text), p.tenant_id)
        FROM payment p LEFT JOIN line l ON (l.tenant_id, l.payment_id) = (p.tenant_id, p.id)
        LEFT JOIN back b ON (b.tenant_id, b.payment_id) = (p.tenant_id, p.id)
        WHERE p.gross_ore <> coalesce(l.ore, 0) OR p.recovered_ore <> coalesce(b.ore, 0) GROUP BY p.tenant_id
        UNION ALL
        SELECT format('The payment run %s of tenant %s is not the sum of its payments.', r.number, r.tenant_id)
        FROM payment_run r LEFT JOIN (
            SELECT p.tenant_id, p.run_id, sum(p.amount_ore) AS ore, sum(l.claims) AS claims,
                count(*) FILTER (WHERE p.amount_ore > 0) AS payments
            FROM payment p JOIN line l ON (l.tenant_id, l.payment_id) = (p.tenant_id, p.id) GROUP BY 1, 2
        ) AS s ON (s.tenant_id, s.run_id) = (r.tenant_id, r.id)
        WHERE (r.total_ore, r.payments, r.claims)
            IS DISTINCT FROM (coalesce(s.ore, 0), coalesce(s.payments, 0), coalesce(s.claims, 0))
        ORDER BY 1""",
    )


def _states(session: Session) -> list[str]:
    """Claim and payment tell the same: a claim that is paid or on its way has one live payment in that state."""
    return sentences(
        session,
        """SELECT format('%s claims are %s without a payment that says so, among them %s (tenant %s).',
            count(*), replace(c.state, '_', ' '), min(c.id::text), c.tenant_id)
        FROM claim c LEFT JOIN payment_claim l ON (l.tenant_id, l.claim_id) = (c.tenant_id, c.id) AND l.live
        LEFT JOIN payment p ON (p.tenant_id, p.id) = (l.tenant_id, l.payment_id)
        WHERE c.state = 'in_payment' AND p.state IS DISTINCT FROM 'sent'
            OR c.state = 'paid' AND p.state IS DISTINCT FROM 'settled'
            OR c.state IN ('returned', 'rejected', 'withdrawn') AND p.state IN ('sent', 'settled')
        GROUP BY c.state, c.tenant_id
        UNION ALL
        SELECT format('%s claims were paid another amount than they cover, among them %s (tenant %s).',
            count(*), min(c.id::text), c.tenant_id)
        FROM claim c JOIN payment_claim l ON (l.tenant_id, l.claim_id) = (c.tenant_id, c.id) AND l.live
        JOIN payment p ON (p.tenant_id, p.id) = (l.tenant_id, l.payment_id) AND p.state IN ('sent', 'settled')
        WHERE l.amount_ore <> c.covered_ore GROUP BY c.tenant_id
        UNION ALL
        SELECT format('%s payments that were rejected or cancelled still hold claims (tenant %s).',
            count(DISTINCT p.id), p.tenant_id)
        FROM payment p JOIN payment_claim l ON (l.tenant_id, l.payment_id) = (p.tenant_id, p.id) AND l.live
        WHERE p.state IN ('rejected', 'cancelled') GROUP BY p.tenant_id
        ORDER BY 1""",
    )


def _recoveries(session: Session) -> list[str]:
    """Of no over-payment more is taken back than it was."""
    return sentences(
        session,
        """SELECT format('Of the over-payment %s more is taken back than it was (tenant %s).', r.id, r.tenant_id)
        FROM recovery r JOIN recovery_use u ON (u.tenant_id, u.recovery_id) = (r.tenant_id, r.id) AND u.live
        GROUP BY r.tenant_id, r.id, r.amount_ore HAVING sum(u.amount_ore) > r.amount_ore ORDER BY 1""",
    )


def _guards(session: Session) -> list[str]:
    """The triggers that guard all this stand."""
    return missing_triggers(session, _GUARDS)


CHECKS = [
    Check("payment sums", _sums),
    Check("payments and claims", _states),
    Check("recoveries", _recoveries),
    Check("payment guards", _guards),
]
"""What `medspiller database check` verifies of this slice."""
