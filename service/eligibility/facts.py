"""Facts: one flat row for each child, built set-based from the register. No rule stands in here."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.eligibility.rules import FACT_COLUMNS
from service.register.models import BASES

COLUMNS = ", ".join(FACT_COLUMNS)

_BY_BASIS = ", ".join(f"max(amount_ore) FILTER (WHERE basis = '{b}') AS {b}" for b in BASES)
_ARRAYS = ", ".join(f"CASE WHEN count({b}) > 0 THEN array_agg({b}) END AS income_{b}" for b in BASES)

# Whoever was born by the same day n years before is n years old, also round 29 February: a day that year does not have
# moves back by one. So ages are days to compare with, which is ten times as fast as arithmetic on the parts of a date.
_ON = "CAST(:on_date AS date)"
_MINOR = f"birth_date > CAST({_ON} - interval '18 years' AS date)"
_AGE = f"""17 - width_bucket(birth_date, ARRAY(
            SELECT CAST({_ON} - make_interval(years => years) AS date) + 1 FROM generate_series(17, 0, -1) AS years))"""


def facts_of(households: str | None = None) -> str:
    """A subquery of the fact columns for all children, or for those of the households that fulfil a condition.

    The condition is on `m.household_id`. Bind parameters: `on_date`, `income_year`, and those of the condition. A child
    who stands in two households has one row, in the household whose reference comes first.
    """
    there, theirs, of_theirs = "true", "true", "true"
    if households:
        there = households
        theirs = f"m.person_id IN (SELECT m.person_id FROM household_member m WHERE {households})"
        of_theirs = "identity_hash IN (SELECT identity_hash FROM member)"
    return f"""(
        WITH member AS MATERIALIZED (
            SELECT m.household_id, m.person_id, m.relation, m.district, m.postcode, p.identity_hash, p.birth_date
            FROM household_member m JOIN person p ON p.id = m.person_id
            WHERE m.relation IN ('provider', 'child') AND {there}
        ), twice AS (
            SELECT m.person_id FROM household_member m WHERE {theirs} GROUP BY m.person_id HAVING count(*) > 1
        ), doubtful AS (
            SELECT m.household_id FROM household_member m JOIN twice USING (person_id)
            UNION SELECT id FROM household WHERE uncertain
        ), chosen AS (
            SELECT DISTINCT ON (m.person_id) m.person_id, m.household_id
            FROM household_member m JOIN twice USING (person_id) JOIN household h ON h.id = m.household_id
            WHERE m.relation = 'child' ORDER BY m.person_id, h.reference COLLATE "C"
        ), known AS (
            SELECT identity_hash, {_BY_BASIS} FROM income
            WHERE year = :income_year AND {of_theirs} GROUP BY identity_hash
        ), provider AS (
            SELECT household_id, {", ".join(BASES)} FROM member LEFT JOIN known USING (identity_hash)
            WHERE relation = 'provider' ORDER BY household_id, person_id
        ), providers_of AS (
            SELECT household_id, CAST(count(*) AS int) AS providers, {_ARRAYS} FROM provider GROUP BY household_id
        ), child AS (
            SELECT * FROM member WHERE relation = 'child' AND {_MINOR}
        ), children_of AS (
            SELECT household_id, CAST(count(*) AS int) AS children FROM child GROUP BY household_id
        ), valid_award AS (
            SELECT DISTINCT ON (identity_hash) identity_hash, percent, ground FROM award
            WHERE valid_from <= {_ON} AND (valid_to IS NULL OR valid_to >= {_ON})
            ORDER BY identity_hash, percent DESC, ground
        )
        SELECT c.person_id, c.household_id, {_AGE} AS age, c.district, c.postcode AS area,
            coalesce(p.providers, 0) AS providers, n.children,
            c.household_id IN (SELECT household_id FROM doubtful) AS uncertain,
            a.percent AS award_percent, a.ground AS award_ground, {", ".join(f"p.income_{b}" for b in BASES)}
        FROM child c
        JOIN children_of n ON n.household_id = c.household_id
        LEFT JOIN providers_of p ON p.household_id = c.household_id
        LEFT JOIN chosen ON chosen.person_id = c.person_id
        LEFT JOIN valid_award a ON a.identity_hash = c.identity_hash
        WHERE chosen.household_id IS NULL OR chosen.household_id = c.household_id
    )"""


def fact_set(session: Session, tenant_id: UUID, on: date, income_year: int, at: datetime) -> UUID:
    """The id of the fact set for a date and income year from the register as last imported, built where it is missing.

    It stays until this transaction ends. Older sets go, for they hold incomes, but not one that a held run waits with
    or that somebody else works on.
    """
    state = session.execute(text(_REGISTER_STATE)).scalar_one()
    key = {"tenant": tenant_id, "on_date": on, "income_year": income_year, "state": state}
    if found := _standing(session, key):
        return found
    # Two refreshes at once: the second waits here and finds the first one's facts.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('facts ' || :tenant, 0))"), {"tenant": str(tenant_id)}
    )
    if found := _standing(session, key):
        return found
    _drop_old_sets(session)
    return _build(session, key, at)


# Neither is ever removed, so that the same number is always the same state.
_REGISTER_STATE = """SELECT (SELECT count(*) FROM register_import WHERE state = 'merged')
    + (SELECT count(*) FROM review_act WHERE run_id IS NOT NULL)"""


def _standing(session: Session, key: dict[str, object]) -> UUID | None:
    found: UUID | None = session.execute(
        text(
            """SELECT id FROM fact_set
            WHERE on_date = :on_date AND income_year = :income_year AND register_state = :state FOR KEY SHARE"""
        ),
        key,
    ).scalar()
    return found


def _drop_old_sets(session: Session) -> None:
    old = session.execute(
        text(
            """DELETE FROM fact_set WHERE id IN (
                SELECT id FROM fact_set s
                WHERE NOT EXISTS (SELECT FROM refresh_run r WHERE r.fact_set_id = s.id AND r.state = 'held')
                FOR UPDATE SKIP LOCKED
            ) RETURNING id"""
        )
    ).scalars()
    session.execute(text("DELETE FROM fact WHERE fact_set_id = ANY (:old)"), {"old": list(old)})


def _build(session: Session, key: dict[str, object], at: datetime) -> UUID:
    # The hash tables and sorts of a whole municipality fit into this; on disk they take half as long again.
    session.execute(text("SET LOCAL work_mem = '256MB'"))
    made: UUID = session.execute(text("SELECT uuidv7()")).scalar_one()
    children = session.execute(
        text(
            f"INSERT INTO fact (tenant_id, fact_set_id, {COLUMNS}) SELECT :tenant, :made, {COLUMNS} FROM {facts_of()} f"
        ),
        key | {"made": made},
    ).rowcount  # type: ignore[attr-defined]
    session.execute(text("SET LOCAL work_mem TO DEFAULT"))
    session.execute(text("ANALYZE fact"))
    session.execute(
        text(
            """INSERT INTO fact_set (tenant_id, id, on_date, income_year, register_state, children, built_at)
            VALUES (:tenant, :made, :on_date, :income_year, :state, :children, :at)"""
        ),
        key | {"made": made, "children": children, "at": at},
    )
    return made
