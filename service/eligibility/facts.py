"""Facts: one flat row for each child, built set-based from the register. No rule stands in here."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.eligibility.rules import FACT_COLUMNS
from service.register.models import BASES

_ARRAYS = ", ".join(f"CASE WHEN count({b}) > 0 THEN array_agg({b}) END AS income_{b}" for b in BASES)
_BY_BASIS = ", ".join(f"max(amount_ore) FILTER (WHERE basis = '{b}') AS {b}" for b in BASES)
_INCOMES = ", ".join(f"i.income_{b}" for b in BASES)

# A birthday on 29 February is on 1 March in a common year: month and day compare as numbers.
_AGE = """(extract(year FROM CAST(:on_date AS date)) - extract(year FROM p.birth_date))::int
    - (extract(month FROM CAST(:on_date AS date)) * 100 + extract(day FROM CAST(:on_date AS date))
        < extract(month FROM p.birth_date) * 100 + extract(day FROM p.birth_date))::int"""


def facts_of(households: str = "true") -> str:
    """A subquery of the fact columns for the children of the households that fulfil a condition on `m.household_id`.

    Bind parameters: `on_date`, `income_year`, and those of the condition. A child who stands in two households has one
    row, in the household whose reference comes first.
    """
    return f"""(
        WITH member AS (
            SELECT m.household_id, m.person_id, m.relation, m.district, m.postcode, p.identity_hash, {_AGE} AS age
            FROM household_member m JOIN person p ON p.id = m.person_id
            WHERE {households}
        ), twice AS (
            SELECT m.person_id FROM household_member m
            WHERE {_of_those(households)} GROUP BY m.person_id HAVING count(*) > 1
        ), doubtful AS (
            SELECT DISTINCT m.household_id FROM household_member m JOIN twice USING (person_id)
        ), chosen AS (
            SELECT DISTINCT ON (m.person_id) m.person_id, m.household_id
            FROM household_member m JOIN twice USING (person_id) JOIN household h ON h.id = m.household_id
            WHERE m.relation = 'child' ORDER BY m.person_id, h.reference COLLATE "C"
        ), known AS (
            SELECT identity_hash, {_BY_BASIS} FROM income WHERE year = :income_year
                AND {"true" if households == "true" else "identity_hash IN (SELECT identity_hash FROM member)"}
            GROUP BY identity_hash
        ), income_of AS (
            SELECT household_id, {_ARRAYS} FROM (
                SELECT member.household_id, {", ".join(BASES)} FROM member LEFT JOIN known USING (identity_hash)
                WHERE relation = 'provider' ORDER BY member.household_id, member.person_id
            ) AS provider GROUP BY household_id
        ), figures AS (
            SELECT household_id, count(*) FILTER (WHERE relation = 'provider') AS providers,
                count(*) FILTER (WHERE relation = 'child' AND age < 18) AS children
            FROM member GROUP BY household_id
        ), valid_award AS (
            SELECT DISTINCT ON (identity_hash) identity_hash, percent, ground FROM award
            WHERE valid_from <= :on_date AND (valid_to IS NULL OR valid_to >= :on_date)
            ORDER BY identity_hash, percent DESC, ground
        )
        SELECT child.person_id, child.household_id, child.age, child.district, child.postcode AS area,
            figures.providers, figures.children, h.uncertain OR doubtful.household_id IS NOT NULL AS uncertain,
            valid_award.percent AS award_percent, valid_award.ground AS award_ground, {_INCOMES}
        FROM member child
        JOIN figures USING (household_id)
        JOIN household h ON h.id = child.household_id
        LEFT JOIN income_of i USING (household_id)
        LEFT JOIN doubtful USING (household_id)
        LEFT JOIN chosen ON chosen.person_id = child.person_id
        LEFT JOIN valid_award ON valid_award.identity_hash = child.identity_hash
        WHERE child.relation = 'child' AND child.age < 18
            AND (chosen.household_id IS NULL OR chosen.household_id = child.household_id)
    )"""


def _of_those(households: str) -> str:
    if households == "true":
        return "true"
    return f"m.person_id IN (SELECT m.person_id FROM household_member m WHERE {households})"


def fact_set(session: Session, tenant_id: UUID, on: date, income_year: int, at: Any) -> tuple[UUID, int]:
    """The fact set for a date and income year from the register as last imported, built where it does not stand yet.

    Returns its id and the number of children. Older sets go, but for those that a held run waits with: they hold incomes.
    """
    state = session.execute(text("SELECT count(*) FROM register_import WHERE state = 'merged'")).scalar_one()
    key = {"tenant": tenant_id, "on_date": on, "income_year": income_year, "state": state}
    # Two refreshes at once: the second waits here and finds the first one's facts.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('facts ' || :tenant, 0))"),
        {"tenant": str(tenant_id)},
    )
    found = session.execute(
        text(
            """SELECT id, children FROM fact_set
            WHERE on_date = :on_date AND income_year = :income_year AND register_state = :state"""
        ),
        key,
    ).one_or_none()
    if found:
        return found.id, found.children
    _drop_old_sets(session)
    made: UUID = session.execute(text("SELECT uuidv7()")).scalar_one()
    columns = ", ".join(FACT_COLUMNS)
    children = session.execute(
        text(
            f"INSERT INTO fact (tenant_id, fact_set_id, {columns}) SELECT :tenant, :made, {columns} FROM {facts_of()} f"
        ),
        key | {"made": made},
    ).rowcount  # type: ignore[attr-defined]
    session.execute(text("ANALYZE fact"))
    session.execute(
        text(
            """INSERT INTO fact_set (tenant_id, id, on_date, income_year, register_state, children, built_at)
            VALUES (:tenant, :made, :on_date, :income_year, :state, :children, :at)"""
        ),
        key | {"made": made, "children": children, "at": at},
    )
    return made, children


def _drop_old_sets(session: Session) -> None:
    old = "id NOT IN (SELECT fact_set_id FROM refresh_run WHERE state = 'held')"
    session.execute(text(f"DELETE FROM fact WHERE fact_set_id IN (SELECT id FROM fact_set WHERE {old})"))
    session.execute(text(f"DELETE FROM fact_set WHERE {old}"))
