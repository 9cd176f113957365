"""What must hold of passes, their ledgers and the letters that carry them."""

from sqlmodel import Session

from service.database.checks import Check, missing_triggers, sentences

_GUARDS = (
    ("pass_entry", "append_only", "refuse_change"),
    ("pass_entry", "append_only_truncate", "refuse_change"),
    ("pass_entry", "balance", "balance_passes"),
    ("leisure_pass", "transitions", "refuse_other_transitions"),
    ("letter", "transitions", "refuse_other_transitions"),
)


def _ledgers(session: Session) -> list[str]:
    """What remains on a pass is the sum of its entries; the first of them is what it was issued with."""
    return sentences(
        session,
        """WITH ledger AS (
            SELECT tenant_id, pass_id,
                coalesce(sum(amount_ore) FILTER (WHERE fund = 'membership'), 0) AS membership,
                coalesce(sum(amount_ore) FILTER (WHERE fund = 'equipment'), 0) AS equipment,
                coalesce(sum(amount_ore) FILTER (WHERE fund = 'membership' AND kind = 'grant'), 0) AS granted,
                coalesce(sum(amount_ore) FILTER (WHERE fund = 'equipment' AND kind = 'grant'), 0) AS equipment_granted
            FROM pass_entry GROUP BY tenant_id, pass_id
        )
        SELECT format('%s passes have another balance than their ledger, among them %s (tenant %s).',
            count(*), min(p.id::text), p.tenant_id)
        FROM leisure_pass p LEFT JOIN ledger l ON (l.tenant_id, l.pass_id) = (p.tenant_id, p.id)
        WHERE (p.remaining_ore, p.equipment_remaining_ore)
            IS DISTINCT FROM (coalesce(l.membership, 0), coalesce(l.equipment, 0))
        GROUP BY p.tenant_id
        UNION ALL
        SELECT format('%s passes were granted another amount than they are worth, among them %s (tenant %s).',
            count(*), min(p.id::text), p.tenant_id)
        FROM leisure_pass p LEFT JOIN ledger l ON (l.tenant_id, l.pass_id) = (p.tenant_id, p.id)
        WHERE p.replaces_id IS NULL AND (p.amount_ore, p.equipment_ore)
            IS DISTINCT FROM (coalesce(l.granted, 0), coalesce(l.equipment_granted, 0))
        GROUP BY p.tenant_id
        UNION ALL
        SELECT format('%s ledger entries belong to no pass (tenant %s).', count(*), e.tenant_id)
        FROM pass_entry e LEFT JOIN leisure_pass p ON (p.tenant_id, p.id) = (e.tenant_id, e.pass_id)
        WHERE p.id IS NULL GROUP BY e.tenant_id
        ORDER BY 1""",
    )


def _live(session: Session) -> list[str]:
    """A child has one live pass at most for a scheme and period, and its number leads to it."""
    return sentences(
        session,
        """SELECT format('%s children have several live passes (tenant %s).', count(*), tenant_id)
        FROM (SELECT tenant_id FROM leisure_pass WHERE state = 'live'
            GROUP BY tenant_id, scheme_id, valid_from, person_id HAVING count(*) > 1) AS twice
        GROUP BY tenant_id
        UNION ALL
        SELECT 'The index uq_leisure_pass_live that lets one pass be live is gone.'
        WHERE NOT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE c.relname = 'uq_leisure_pass_live' AND i.indrelid = 'public.leisure_pass'::regclass
                AND i.indisunique)
        UNION ALL
        SELECT format('%s pass numbers lead nowhere or elsewhere (tenant %s).', count(*), p.tenant_id)
        FROM leisure_pass p LEFT JOIN directory.secret s ON s.hash = p.number_hash
        WHERE (s.kind, s.tenant_id, s.subject_id) IS DISTINCT FROM ('pass', p.tenant_id, p.id)
        GROUP BY p.tenant_id
        UNION ALL
        SELECT format('%s private codes lead nowhere or elsewhere (tenant %s).', count(*), c.tenant_id)
        FROM private_code c LEFT JOIN directory.secret s ON s.hash = c.code_hash
        WHERE (s.kind, s.tenant_id, s.subject_id) IS DISTINCT FROM ('family', c.tenant_id, c.id)
        GROUP BY c.tenant_id
        ORDER BY 1""",
    )


def _letters(session: Session) -> list[str]:
    """Every live pass is in one letter, not counting those sent again; every letter carries something."""
    return sentences(
        session,
        """WITH current AS (
            SELECT c.tenant_id, c.pass_id, count(l.id) AS letters FROM pass_letter c
            JOIN letter l ON (l.tenant_id, l.id) = (c.tenant_id, c.letter_id)
            WHERE l.kind = 'pass' AND l.state <> 'cancelled' AND NOT EXISTS (SELECT FROM letter again
                WHERE (again.tenant_id, again.replaces_id) = (l.tenant_id, l.id) AND again.state <> 'cancelled')
            GROUP BY c.tenant_id, c.pass_id
        )
        SELECT format('%s live passes are in %s letters, among them %s (tenant %s).', count(*),
            CASE WHEN c.letters IS NULL THEN 'no' ELSE 'several' END, min(p.id::text), p.tenant_id)
        FROM leisure_pass p LEFT JOIN current c ON (c.tenant_id, c.pass_id) = (p.tenant_id, p.id)
        WHERE p.state = 'live' AND c.letters IS DISTINCT FROM 1 GROUP BY p.tenant_id, c.letters IS NULL
        UNION ALL
        SELECT format('%s letters carry nothing (tenant %s).', count(*), l.tenant_id) FROM letter l
        WHERE NOT EXISTS (SELECT FROM pass_letter c WHERE (c.tenant_id, c.letter_id) = (l.tenant_id, l.id))
            AND NOT EXISTS (SELECT FROM ended_notice n WHERE (n.tenant_id, n.letter_id) = (l.tenant_id, l.id))
            AND NOT EXISTS (SELECT FROM review_decision d WHERE (d.tenant_id, d.letter_id) = (l.tenant_id, l.id))
            AND NOT EXISTS (SELECT FROM letter again WHERE (again.tenant_id, again.replaces_id) = (l.tenant_id, l.id))
        GROUP BY l.tenant_id
        ORDER BY 1""",
    )


def _batches(session: Session) -> list[str]:
    """A batch holds the letters it was made of, all on the same side of the hand-over."""
    return sentences(
        session,
        """WITH held AS (
            SELECT tenant_id, batch_id, count(*) AS letters, count(DISTINCT place) AS places,
                min(place) AS first_place, max(place) AS last_place,
                bool_and(state IN ('handed_over', 'returned')) AS all_sent, bool_and(state = 'batched') AS none_sent
            FROM letter WHERE batch_id IS NOT NULL GROUP BY tenant_id, batch_id
        )
        SELECT format('The print batch %s %s (tenant %s).', b.number, CASE
            WHEN h.letters IS DISTINCT FROM b.letters OR h.places <> b.letters OR (h.first_place, h.last_place)
                IS DISTINCT FROM (1, b.letters) THEN 'does not hold the letters that it was made of'
            WHEN b.handed_over_at IS NULL THEN 'is not handed over, but letters of it are'
            ELSE 'is handed over, but not all of its letters are' END, b.tenant_id)
        FROM print_batch b LEFT JOIN held h ON (h.tenant_id, h.batch_id) = (b.tenant_id, b.id)
        WHERE h.letters IS DISTINCT FROM b.letters OR h.places <> b.letters
            OR (h.first_place, h.last_place) IS DISTINCT FROM (1, b.letters)
            OR b.handed_over_at IS NULL AND NOT h.none_sent OR b.handed_over_at IS NOT NULL AND NOT h.all_sent
        ORDER BY 1""",
    )


def _guards(session: Session) -> list[str]:
    """The triggers that guard all this stand, and nobody may write what they guard past them."""
    return missing_triggers(session, _GUARDS) + sentences(
        session,
        """SELECT format('The role %s may %s entries of the ledger.', acl.grantee::regrole, lower(acl.privilege_type))
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
        WHERE c.oid = 'public.pass_entry'::regclass AND acl.grantee <> c.relowner
            AND acl.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')
        UNION ALL
        SELECT format('The role %s may %s what remains on a pass.', r.rolname, lower(wish.kind))
        FROM pg_class c CROSS JOIN (VALUES ('INSERT'), ('UPDATE')) AS wish (kind)
        JOIN pg_roles r ON r.oid <> c.relowner AND NOT r.rolsuper AND NOT pg_has_role(r.oid, c.relowner, 'MEMBER')
            AND r.rolname NOT LIKE 'pg\\_%'
        WHERE c.oid = 'public.leisure_pass'::regclass
            AND (has_column_privilege(r.oid, c.oid, 'remaining_ore', wish.kind)
                OR has_column_privilege(r.oid, c.oid, 'equipment_remaining_ore', wish.kind))
        ORDER BY 1""",
    )


CHECKS = [
    Check("pass ledgers", _ledgers),
    Check("live passes", _live),
    Check("passes and letters", _letters),
    Check("print batches", _batches),
    Check("pass guards", _guards),
]
