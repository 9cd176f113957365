"""What must hold of determinations: each replays from its own figures, and one at most is in force."""

from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.database.checks import Check, sentences
from service.eligibility.rules import FACT_COLUMNS, bound, rule
from service.eligibility.schemes import version_by_id

_RESULT = ("outcome", "reason", "income_ore", "limit_ore")


def _replay(session: Session) -> list[str]:
    """Run the rule again over every determination's own figures with the parameter version that it was made with."""
    found: list[str] = []
    facts = ", ".join(FACT_COLUMNS)
    was = ", ".join(f"{column} AS was_{column}" for column in _RESULT)
    now, before = (", ".join(f"n.{prefix}{column}" for column in _RESULT) for prefix in ("", "was_"))
    for version_id in _versions(session):
        version = version_by_id(session, version_id)
        # What has no figures any more cannot be replayed.
        of_version = "parameter_version_id = :version AND anonymised_at IS NULL"
        stored = f"(SELECT id, {facts}, {was} FROM determination WHERE {of_version})"
        count, example = session.execute(
            text(
                f"""SELECT count(*), min(n.id::text) FROM {rule(stored, version.parameters.bases)} AS n
                WHERE ({now}) IS DISTINCT FROM ({before})"""
            ),
            bound(version.parameters) | {"version": version_id},
        ).one()
        if count:
            found.append(
                f"{count} determinations of parameter version {version.number} ({version_id}) do not follow from "
                f"their figures, among them {example}."
            )
    return found


def _versions(session: Session) -> list[UUID]:
    query = """SELECT id FROM parameter_version v
        WHERE EXISTS (SELECT FROM determination d WHERE d.parameter_version_id = v.id) ORDER BY id"""
    return list(session.execute(text(query)).scalars())


def _in_force(session: Session) -> list[str]:
    return sentences(
        session,
        """SELECT format('%s children have several determinations in force (tenant %s).', count(*), tenant_id)
        FROM (SELECT tenant_id FROM determination WHERE ended_at IS NULL
            GROUP BY tenant_id, scheme_id, period_start, person_id HAVING count(*) > 1) AS twice
        GROUP BY tenant_id
        UNION ALL
        SELECT format('The index %s that lets one determination be in force is gone.', name)
        FROM (VALUES ('uq_determination_in_force')) AS wanted (name)
        WHERE NOT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE c.relname = wanted.name AND i.indrelid = 'public.determination'::regclass AND i.indisunique)
        UNION ALL
        SELECT format('%s determinations belong to no parameter version or run (tenant %s).', count(*), d.tenant_id)
        FROM determination d
        LEFT JOIN parameter_version v ON (v.tenant_id, v.id) = (d.tenant_id, d.parameter_version_id)
        LEFT JOIN refresh_run r ON (r.tenant_id, r.id) = (d.tenant_id, d.run_id)
        WHERE v.id IS NULL OR r.id IS NULL GROUP BY d.tenant_id
        ORDER BY 1""",
    )


CHECKS = [Check("determinations replay", _replay), Check("determinations in force", _in_force)]
