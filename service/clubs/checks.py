"""What must hold of clubs and of where their money goes."""

from sqlmodel import Session

from service.database.checks import Check, sentences

_GUARDS = (
    ("club", "transitions", "refuse_other_transitions"),
    ("club_application", "transitions", "refuse_other_transitions"),
    ("club_payee", "transitions", "refuse_other_transitions"),
    ("club_payee", "decided_once", "refuse_second_decision"),
)


def _organisations(session: Session) -> list[str]:
    """Every organisation that is a club stands as one, with the same number and name, and ends with it."""
    return sentences(
        session,
        """SELECT format('%s clubs have an organisation but do not stand among the clubs, among them %s (tenant %s).',
            count(*), min(o.id::text), o.tenant_id)
        FROM directory.organisation o LEFT JOIN club c ON (c.tenant_id, c.id) = (o.tenant_id, o.id)
        WHERE o.kind = 'club' AND c.id IS NULL GROUP BY o.tenant_id
        UNION ALL
        SELECT format('%s clubs are not what their organisations are, among them %s (tenant %s).', count(*),
            min(c.id::text), c.tenant_id)
        FROM club c LEFT JOIN directory.organisation o ON (o.tenant_id, o.id) = (c.tenant_id, c.id)
        WHERE (o.kind, o.number, o.name, o.ended_at IS NULL)
            IS DISTINCT FROM ('club', c.number, c.name, c.state <> 'ended')
        GROUP BY c.tenant_id
        ORDER BY 1""",
    )


def _payees(session: Session) -> list[str]:
    """At most one account of a club waits and one is approved; nobody approved what they proposed."""
    return sentences(
        session,
        """SELECT format('%s clubs have several accounts that are %s (tenant %s).', count(*), state, tenant_id)
        FROM (SELECT tenant_id, state FROM club_payee WHERE state IN ('proposed', 'approved')
            GROUP BY tenant_id, club_id, state HAVING count(*) > 1) AS twice
        GROUP BY tenant_id, state
        UNION ALL
        SELECT format('%s accounts were approved by who proposed them, among them %s (tenant %s).', count(*),
            min(id::text), tenant_id)
        FROM club_payee WHERE usable_from IS NOT NULL AND proposed_by = decided_by GROUP BY tenant_id
        UNION ALL
        SELECT format('%s accounts were used by clubs before the day of their approval (tenant %s).', count(*),
            p.tenant_id)
        FROM club_payee p JOIN directory.tenant t ON t.id = p.tenant_id
        WHERE p.usable_from < (p.decided_at AT TIME ZONE t.time_zone)::date GROUP BY p.tenant_id
        UNION ALL
        SELECT format('%s clubs accepted an agreement that is not kept (tenant %s).', count(*), c.tenant_id)
        FROM club c WHERE c.agreement_version IS NOT NULL AND NOT EXISTS (SELECT FROM club_agreement a
            WHERE (a.tenant_id, a.version) = (c.tenant_id, c.agreement_version)) GROUP BY c.tenant_id
        ORDER BY 1""",
    )


def _guards(session: Session) -> list[str]:
    """The triggers that guard all this stand."""
    wanted = ", ".join(f"('{table}', '{trigger}', '{function}')" for table, trigger, function in _GUARDS)
    return sentences(
        session,
        f"""SELECT format('The trigger %s of %s is %s.', g.name, g.relation,
            CASE WHEN t.oid IS NULL THEN 'gone' ELSE 'switched off' END)
        FROM (VALUES {wanted}) AS g (relation, name, function)
        LEFT JOIN pg_trigger t ON t.tgrelid = to_regclass('public.' || g.relation) AND t.tgname = g.name
            AND t.tgfoid = to_regproc('public.' || g.function)
        WHERE t.oid IS NULL OR t.tgenabled NOT IN ('O', 'A')
        ORDER BY 1""",
    )


CHECKS = [
    Check("clubs and organisations", _organisations),
    Check("club accounts", _payees),
    Check("club guards", _guards),
]
