"""What `medspiller database check` verifies: named checks that each slice brings, and those of the database itself.

They run as the owner, who sees every tenant's rows, in one transaction that is rolled back. What a check finds is a
sentence each, without personal data.
"""

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import NullPool, create_engine, text
from sqlmodel import Session

from service.database.tenancy import protect


class Check(msgspec.Struct, frozen=True):
    """A named check: `run` returns a sentence for each thing that is wrong, none where all is well."""

    name: str
    run: Callable[[Session], list[str]]


class Found(msgspec.Struct, frozen=True):
    """What a check found wrong; empty where it passed."""

    name: str
    found: list[str]


def run_checks(owner_url: str, checks: Sequence[Check], unsealed: Callable[[Session], int]) -> tuple[list[Found], int]:
    """Run every check over one and the same state of the database; with them the length of the unsealed audit tail."""
    engine = create_engine(owner_url, poolclass=NullPool, isolation_level="REPEATABLE READ")
    with Session(engine) as session:
        return [Found(check.name, check.run(session)) for check in checks], unsealed(session)


def own_checks(app_role: str) -> list[Check]:
    """The checks of the database itself: tenants are kept apart, and the app role cannot change that."""
    return [
        Check("row-level security", _row_level_security),
        Check("app role", lambda session: _app_role(session, app_role)),
        Check("functions", _functions),
        Check("constraints", _constraints),
    ]


def sentences(session: Session, query: str, **values: object) -> list[str]:
    """The first column of a query's rows: the usual body of a check."""
    return list(session.execute(text(query), values).scalars())


def missing_triggers(session: Session, guards: Sequence[tuple[str, str, str]]) -> list[str]:
    """A sentence for each trigger that does not stand: guards are a table, the trigger's name and its function."""
    wanted = ", ".join(f"('{table}', '{trigger}', '{function}')" for table, trigger, function in guards)
    return sentences(
        session,
        f"""SELECT format('The trigger %s of %s is %s.', g.name, g.relation,
            CASE WHEN t.oid IS NULL THEN 'gone' ELSE 'switched off' END)
        FROM (VALUES {wanted}) AS g (relation, name, function)
        LEFT JOIN pg_trigger t ON t.tgrelid = to_regclass('public.' || g.relation) AND t.tgname = g.name
            AND t.tgfoid = to_regproc('public.' || g.function)
        WHERE t.oid IS NULL OR t.tgenabled NOT IN ('O', 'A') ORDER BY 1""",
    )


def _row_level_security(session: Session) -> list[str]:
    # The policy as this server writes it out, to compare with.
    for statement in ("CREATE TEMP TABLE protected (tenant_id uuid)", *protect("protected")):
        session.execute(text(statement))
    return sentences(
        session,
        """WITH policy AS (
            SELECT polrelid, polpermissive, pg_get_expr(polqual, polrelid) AS visible,
                pg_get_expr(polwithcheck, polrelid) AS writable, polcmd, polroles
            FROM pg_policy
        ), wanted AS (SELECT * FROM policy WHERE polrelid = 'pg_temp.protected'::regclass)
        SELECT format('The table %s %s.', c.relname, CASE
            WHEN NOT c.relrowsecurity THEN 'has no row-level security'
            WHEN NOT c.relforcerowsecurity THEN 'does not force row-level security on its owner'
            WHEN NOT EXISTS (SELECT FROM policy p WHERE p.polrelid = c.oid) THEN 'has no policy'
            ELSE 'has a policy that is not the one by tenant' END)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
            AND EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
            AND (NOT c.relrowsecurity OR NOT c.relforcerowsecurity
                OR NOT EXISTS (SELECT FROM policy p WHERE p.polrelid = c.oid)
                OR EXISTS (SELECT FROM policy p JOIN wanted w ON true WHERE p.polrelid = c.oid AND p.polpermissive
                    AND (p.visible, p.writable, p.polcmd, p.polroles)
                        IS DISTINCT FROM (w.visible, w.writable, w.polcmd, w.polroles)))
        UNION ALL
        SELECT format('The view %s shows rows past row-level security: it lacks security_invoker.', c.relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('public', 'directory') AND c.relkind IN ('v', 'm')
            AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
        ORDER BY 1""",
    )


def _app_role(session: Session, app_role: str) -> list[str]:
    return sentences(
        session,
        """WITH app AS (SELECT * FROM pg_roles WHERE rolname = :app)
        SELECT format('There is no role %s.', CAST(:app AS text)) WHERE NOT EXISTS (SELECT FROM app)
        UNION ALL SELECT format('The role %s is a superuser.', rolname) FROM app WHERE rolsuper
        UNION ALL SELECT format('The role %s bypasses row-level security.', rolname) FROM app WHERE rolbypassrls
        UNION ALL SELECT format('The role %s may make roles.', rolname) FROM app WHERE rolcreaterole
        UNION ALL SELECT format('The role %s is a member of %s.', app.rolname, r.rolname)
            FROM app JOIN pg_roles r ON r.oid <> app.oid AND pg_has_role(app.oid, r.oid, 'MEMBER')
        UNION ALL SELECT format('The role %s owns %s.', app.rolname,
                pg_describe_object(d.classid, d.objid, d.objsubid))
            FROM app JOIN pg_shdepend d ON d.refobjid = app.oid AND d.refclassid = 'pg_authid'::regclass
            WHERE d.deptype = 'o' AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION ALL SELECT format('The role %s may make objects in the schema %s.', app.rolname, n.nspname)
            FROM app JOIN pg_namespace n ON n.nspname IN ('public', 'directory')
            WHERE has_schema_privilege(app.oid, n.oid, 'CREATE')
        UNION ALL SELECT format('The role %s reaches the table directory.%s itself.', app.rolname, c.relname)
            FROM app JOIN pg_class c ON c.relkind IN ('r', 'p')
            JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'directory'
            WHERE has_table_privilege(app.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
        UNION ALL SELECT format('The role %s cannot read the table %s.', app.rolname, c.relname)
            FROM app JOIN pg_policy p ON p.polname = 'tenant' JOIN pg_class c ON c.oid = p.polrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
            WHERE NOT has_table_privilege(app.oid, c.oid, 'SELECT') OR NOT has_schema_privilege(app.oid, n.oid, 'USAGE')
        ORDER BY 1""",
        app=app_role,
    )


def _functions(session: Session) -> list[str]:
    return sentences(
        session,
        """WITH definer AS (
            SELECT p.oid::regprocedure AS name,
                EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search_path=%') AS fixed,
                -- Nobody can call a trigger's function.
                p.prorettype <> 'trigger'::regtype AND EXISTS (
                    SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner)))
                    WHERE grantee = 0 AND privilege_type = 'EXECUTE') AS open
            FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname IN ('public', 'directory')
            WHERE p.prosecdef
        )
        SELECT format('The function %s runs as its owner without a fixed search path.', name)
        FROM definer WHERE NOT fixed
        UNION ALL SELECT format('The function %s runs as its owner for everybody.', name) FROM definer WHERE open
        ORDER BY 1""",
    )


def _constraints(session: Session) -> list[str]:
    return sentences(
        session,
        """WITH ours AS (
            SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname IN ('public', 'directory') AND c.relkind IN ('r', 'p')
        )
        SELECT format('The constraint %s of %s is not verified.', conname, relname)
        FROM pg_constraint JOIN ours ON ours.oid = conrelid WHERE NOT convalidated
        UNION ALL
        SELECT format('The constraint %s of %s is switched off.', coalesce(k.conname, t.tgname), relname)
        FROM pg_trigger t JOIN ours ON ours.oid = t.tgrelid LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint
        WHERE t.tgenabled IN ('D', 'R') GROUP BY coalesce(k.conname, t.tgname), relname
        UNION ALL
        SELECT format('The index %s of %s is not valid.', i.indexrelid::regclass, relname)
        FROM pg_index i JOIN ours ON ours.oid = i.indrelid WHERE NOT i.indisvalid
        ORDER BY 1""",
    )
