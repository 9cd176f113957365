"""What must hold of the audit trail."""

from sqlmodel import Session

from service.audit.sealing import NO_DIGEST, entry_digest, seal_digest, tail
from service.database.checks import Check, sentences

_KEPT = ("audit_entry", "audit_seal", "audit_sealed")


def _append_only(session: Session) -> list[str]:
    return [sentence for table in _KEPT for sentence in sentences(session, _GUARDED, table=table)]


_GUARDED = """
    SELECT format('The trigger %s that keeps the audit trail append-only is %s.', wanted.name || CASE
            WHEN CAST(:table AS text) = 'audit_entry' THEN '' ELSE ' of ' || CAST(:table AS text) END,
        CASE WHEN t.oid IS NULL THEN 'gone' ELSE 'switched off' END)
    FROM (VALUES ('append_only', 27), ('append_only_truncate', 34)) AS wanted (name, kind)
    LEFT JOIN pg_trigger t ON t.tgrelid = CAST('public.' || CAST(:table AS text) AS regclass)
        AND t.tgname = wanted.name AND t.tgtype = wanted.kind AND t.tgfoid = to_regproc('public.refuse_change')
    WHERE t.oid IS NULL OR t.tgenabled NOT IN ('O', 'A')
    UNION ALL
    SELECT format('The role %s may %s entries of the audit trail.', acl.grantee::regrole, lower(acl.privilege_type))
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
    WHERE c.oid = CAST('public.' || CAST(:table AS text) AS regclass) AND acl.grantee <> c.relowner
        AND acl.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')
    ORDER BY 1
"""


def _of_somebody(session: Session) -> list[str]:
    return sentences(
        session,
        """SELECT format('%s entries of the audit trail belong to no tenant (%s).', count(*), tenant_id)
        FROM audit_entry e WHERE NOT EXISTS (SELECT FROM directory.tenant t WHERE t.id = e.tenant_id)
        GROUP BY tenant_id ORDER BY 1""",
    )


# The digests of entries are joined in the order of their ids, a seal at a time: memory holds one seal.
_CHAIN = f"""
    WITH covered AS (
        SELECT tenant_id, seal_number, count(*) AS entries, string_agg(digest, ''::bytea ORDER BY entry_id) AS digests
        FROM audit_sealed GROUP BY tenant_id, seal_number
    ), chain AS (
        SELECT s.*, coalesce(lag(number) OVER link, 0) AS number_before, lag(digest) OVER link AS digest_before
        FROM audit_seal s WINDOW link AS (PARTITION BY tenant_id ORDER BY number)
    )
    SELECT format('Seal %s %s (tenant %s).', coalesce(s.number, c.seal_number), CASE
        WHEN s.number IS NULL THEN format('is gone, and %s entries were in it', c.entries)
        WHEN s.number <> s.number_before + 1 THEN 'follows a seal that is gone'
        WHEN s.previous_digest <> coalesce(s.digest_before, {NO_DIGEST}) THEN 'does not follow from the one before it'
        ELSE 'was changed, or the list of its entries was' END, coalesce(s.tenant_id, c.tenant_id))
    FROM chain s FULL JOIN covered c ON c.tenant_id = s.tenant_id AND c.seal_number = s.number
    WHERE s.number IS NULL OR c.entries IS DISTINCT FROM s.entries OR s.number <> s.number_before + 1
        OR s.previous_digest <> coalesce(s.digest_before, {NO_DIGEST})
        OR s.digest IS DISTINCT FROM {seal_digest("s", "c.digests")}
    ORDER BY coalesce(s.tenant_id, c.tenant_id), coalesce(s.number, c.seal_number)
"""

_ENTRIES = f"""
    SELECT format('%s entries of seal %s were %s, among them %s (tenant %s).', count(*), s.seal_number,
        CASE WHEN e.id IS NULL THEN 'removed' ELSE 'changed' END, min(s.entry_id::text), s.tenant_id)
    FROM audit_sealed s LEFT JOIN audit_entry e ON (e.tenant_id, e.id) = (s.tenant_id, s.entry_id)
    WHERE e.id IS NULL OR s.digest <> {entry_digest("e")}
    GROUP BY s.tenant_id, s.seal_number, e.id IS NULL ORDER BY s.tenant_id, s.seal_number, e.id IS NULL
"""

# Whoever writes late was at work when the seal was made: the entry's transaction had begun and not ended. Otherwise an
# entry whose id is older than the seal's last one was put there afterwards.
_INSERTED = """
    WITH reach AS (
        SELECT tenant_id, number, max(last_id::text COLLATE "C") OVER
            (PARTITION BY tenant_id ORDER BY number) AS upto FROM audit_seal
    ), late AS (
        SELECT e.tenant_id, e.id, e.written_in, s.seal_number FROM audit_entry e
        LEFT JOIN audit_sealed s ON (s.tenant_id, s.entry_id) = (e.tenant_id, e.id)
        LEFT JOIN reach before ON before.tenant_id = e.tenant_id AND before.number = s.seal_number - 1
        LEFT JOIN (SELECT DISTINCT ON (tenant_id) tenant_id, upto FROM reach ORDER BY tenant_id, number DESC) AS newest
            ON newest.tenant_id = e.tenant_id
        WHERE e.id < CAST(CASE WHEN s.entry_id IS NULL THEN newest.upto ELSE before.upto END AS uuid)
    )
    SELECT format('%s entries were inserted among those of seals, among them %s (tenant %s).', count(*),
        min(late.id::text), late.tenant_id)
    FROM late WHERE EXISTS (
        SELECT FROM audit_seal s WHERE s.tenant_id = late.tenant_id AND late.id < s.last_id
            AND (late.seal_number IS NULL OR s.number < late.seal_number)
            AND (late.written_in > s.sealed_in
                OR pg_visible_in_snapshot(late.written_in, s.snapshot)))
    GROUP BY late.tenant_id ORDER BY late.tenant_id
"""


def _sealed(session: Session) -> list[str]:
    """Whether the hash chain holds: no entry under a seal changed, removed or inserted, and no seal either."""
    return [sentence for query in (_CHAIN, _ENTRIES, _INSERTED) for sentence in sentences(session, query)]


def unsealed(session: Session) -> int:
    """How many entries of the trail are not sealed into the hash chain."""
    return tail(session).entries


SEALS = Check("audit seals", _sealed)

CHECKS = [Check("audit trail", _append_only), Check("audit tenants", _of_somebody), SEALS]
