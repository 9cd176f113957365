"""What must hold of the audit trail."""

from sqlalchemy import text
from sqlmodel import Session

from service.database.checks import Check, sentences


def _append_only(session: Session) -> list[str]:
    return sentences(
        session,
        """SELECT format('The trigger %s that keeps the audit trail append-only is %s.', wanted.name,
            CASE WHEN t.oid IS NULL THEN 'gone' ELSE 'switched off' END)
        FROM (VALUES ('append_only', 27), ('append_only_truncate', 34)) AS wanted (name, kind)
        LEFT JOIN pg_trigger t ON t.tgrelid = 'public.audit_entry'::regclass AND t.tgname = wanted.name
            AND t.tgtype = wanted.kind AND t.tgfoid = to_regproc('public.refuse_change')
        WHERE t.oid IS NULL OR t.tgenabled NOT IN ('O', 'A')
        UNION ALL
        SELECT format('The role %s may %s entries of the audit trail.', acl.grantee::regrole, lower(acl.privilege_type))
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
        WHERE c.oid = 'public.audit_entry'::regclass AND acl.grantee <> c.relowner
            AND acl.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')
        ORDER BY 1""",
    )


def _of_somebody(session: Session) -> list[str]:
    return sentences(
        session,
        """SELECT format('%s entries of the audit trail belong to no tenant (%s).', count(*), tenant_id)
        FROM audit_entry e WHERE NOT EXISTS (SELECT FROM directory.tenant t WHERE t.id = e.tenant_id)
        GROUP BY tenant_id ORDER BY 1""",
    )


def unsealed(session: Session) -> int:
    """How many entries of the trail are not sealed into the hash chain: nothing seals them so far, so all."""
    count: int = session.execute(text("SELECT count(*) FROM audit_entry")).scalar_one()
    return count


CHECKS = [Check("audit trail", _append_only), Check("audit tenants", _of_somebody)]
