"""From staged rows to the register, set by set. Every statement is restricted to the tenant by row-level security.

A row that changes or ends is first copied to its `_past` table. `%(at)s` is the instant of the import, `%(import)s` its
id, `%(tenant)s` the tenant.
"""

from typing import Any

import psycopg

from service.values.progress import Progress

Parameters = dict[str, Any]

# A person repeated within a household stands as the first of the rows says; of amounts that contradict each other neither
# can be trusted.
REJECT_REPEATED_POPULATION = """
    WITH ranked AS (
        SELECT ctid AS row, line, reference, identity_hash,
            row_number() OVER (PARTITION BY reference, identity_hash ORDER BY line) AS place
        FROM staged_population
    ), repeated AS (
        DELETE FROM staged_population s USING ranked
        WHERE s.ctid = ranked.row AND ranked.place > 1
        RETURNING s.line, s.reference, s.identity_hash
    )
    INSERT INTO staged_rejection (file, line, field, value, reason, accepted, reference, identity_hash)
    SELECT %(file)s, line, 'person_id', '', 'the person stands in this household already', false, reference,
        identity_hash
    FROM repeated ORDER BY line
"""

REJECT_REPEATED_INCOMES = """
    WITH repeated AS (
        SELECT identity_hash, year, basis FROM staged_income GROUP BY 1, 2, 3 HAVING count(*) > 1
    ), removed AS (
        DELETE FROM staged_income s USING repeated r
        WHERE (s.identity_hash, s.year, s.basis) = (r.identity_hash, r.year, r.basis)
        RETURNING s.line, s.identity_hash
    )
    INSERT INTO staged_rejection (file, line, field, value, reason, accepted, reference, identity_hash)
    SELECT %(file)s, line, 'person_id', '', 'two rows with the same person, year and basis', false, '', identity_hash
    FROM removed ORDER BY line
"""

REJECT_REPEATED_AWARDS = """
    WITH repeated AS (
        SELECT identity_hash, ground, valid_from FROM staged_decisions GROUP BY 1, 2, 3 HAVING count(*) > 1
    ), removed AS (
        DELETE FROM staged_decisions s USING repeated r
        WHERE (s.identity_hash, s.ground, s.valid_from) = (r.identity_hash, r.ground, r.valid_from)
        RETURNING s.line, s.identity_hash
    )
    INSERT INTO staged_rejection (file, line, field, value, reason, accepted, reference, identity_hash)
    SELECT %(file)s, line, 'person_id', '', 'two rows with the same person, ground and valid_from', false, '',
        identity_hash
    FROM removed ORDER BY line
"""

REJECT_REPEATED = {
    "population": REJECT_REPEATED_POPULATION,
    "income": REJECT_REPEATED_INCOMES,
    "decisions": REJECT_REPEATED_AWARDS,
}

_PERSON = "birth_date, given_name, family_name, language"
_CHANGED_PERSON = """
    person p JOIN staged_person s USING (identity_hash)
    WHERE (p.birth_date, p.given_name, p.family_name, p.language, p.ended_at)
        IS DISTINCT FROM (s.birth_date, s.given_name, s.family_name, s.language, NULL::timestamptz)
"""
_MEMBER = "relation, street, postcode, city, district, address_protected"
_PAST_MEMBER = f"""
    INSERT INTO household_member_past
        (tenant_id, household_id, person_id, {_MEMBER}, learned_at, ended_at, import_id)
    SELECT %(tenant)s, household_id, person_id, {_MEMBER}, learned_at, %(at)s, %(import)s
"""

POPULATION = (
    # The line that comes first speaks for a person who stands in two households.
    f"""CREATE TEMP TABLE staged_person ON COMMIT DROP AS
        SELECT DISTINCT ON (identity_hash) identity_hash, identity_cipher, {_PERSON}
        FROM staged_population ORDER BY identity_hash, line""",
    "ANALYZE staged_person",
    f"""INSERT INTO person_past (tenant_id, id, replaced_at, {_PERSON}, ended_at, import_id)
        SELECT %(tenant)s, p.id, %(at)s, p.birth_date, p.given_name, p.family_name, p.language, p.ended_at, %(import)s
        FROM {_CHANGED_PERSON}""",
    f"""UPDATE person SET ended_at = NULL, birth_date = changed.birth_date, given_name = changed.given_name,
            family_name = changed.family_name, language = changed.language, learned_at = %(at)s
        FROM (SELECT p.id, s.birth_date, s.given_name, s.family_name, s.language FROM {_CHANGED_PERSON}) AS changed
        WHERE person.id = changed.id""",
    f"""INSERT INTO person (tenant_id, identity_hash, identity_cipher, {_PERSON}, learned_at)
        SELECT %(tenant)s, identity_hash, identity_cipher, {_PERSON}, %(at)s FROM staged_person s
        WHERE NOT EXISTS (SELECT FROM person p WHERE p.identity_hash = s.identity_hash)""",
    "ANALYZE person",
    """INSERT INTO household (tenant_id, reference, uncertain)
        SELECT %(tenant)s, reference, false FROM staged_population s
        WHERE NOT EXISTS (SELECT FROM household h WHERE h.reference = s.reference) GROUP BY reference""",
    "ANALYZE household",
    f"""CREATE TEMP TABLE staged_member ON COMMIT DROP AS
        SELECT h.id AS household_id, p.id AS person_id, {", ".join(f"s.{c}" for c in _MEMBER.split(", "))}
        FROM staged_population s JOIN household h USING (reference) JOIN person p USING (identity_hash)""",
    "ANALYZE staged_member",
    # A rejected row never ends what stood before: its person keeps every membership; where the person cannot be read,
    # the whole household does; and where neither can, everybody does.
    """CREATE TEMP TABLE vanished ON COMMIT DROP AS
        SELECT m.household_id, m.person_id FROM household_member m
        WHERE NOT EXISTS (SELECT FROM staged_member s
                WHERE (s.household_id, s.person_id) = (m.household_id, m.person_id))
            AND NOT EXISTS (SELECT FROM staged_rejection r JOIN person p USING (identity_hash)
                WHERE p.id = m.person_id AND NOT r.accepted AND r.file = %(file)s)
            AND NOT EXISTS (SELECT FROM staged_rejection r JOIN household h USING (reference)
                WHERE h.id = m.household_id AND r.identity_hash IS NULL AND NOT r.accepted AND r.file = %(file)s)
            AND NOT EXISTS (SELECT FROM staged_rejection r
                WHERE r.reference = '' AND r.identity_hash IS NULL AND NOT r.accepted AND r.file = %(file)s)""",
    f"""CREATE TEMP TABLE changed_member ON COMMIT DROP AS
        SELECT s.* FROM staged_member s JOIN household_member m USING (household_id, person_id)
        WHERE ({", ".join(f"s.{c}" for c in _MEMBER.split(", "))})
            IS DISTINCT FROM ({", ".join(f"m.{c}" for c in _MEMBER.split(", "))})""",
    "ANALYZE vanished",
    "ANALYZE changed_member",
    f"""{_PAST_MEMBER} FROM household_member m
        WHERE EXISTS (SELECT FROM vanished v WHERE (v.household_id, v.person_id) = (m.household_id, m.person_id))
            OR EXISTS (SELECT FROM changed_member c WHERE (c.household_id, c.person_id) = (m.household_id, m.person_id))
    """,
    """DELETE FROM household_member m USING vanished v
        WHERE (v.household_id, v.person_id) = (m.household_id, m.person_id)""",
    """UPDATE household_member m SET relation = c.relation, street = c.street, postcode = c.postcode, city = c.city,
            district = c.district, address_protected = c.address_protected, learned_at = %(at)s
        FROM changed_member c WHERE (c.household_id, c.person_id) = (m.household_id, m.person_id)""",
    f"""INSERT INTO household_member (tenant_id, household_id, person_id, {_MEMBER}, learned_at)
        SELECT %(tenant)s, household_id, person_id, {_MEMBER}, %(at)s FROM staged_member s
        WHERE NOT EXISTS (SELECT FROM household_member m
            WHERE (s.household_id, s.person_id) = (m.household_id, m.person_id))""",
    "ANALYZE household_member",
    f"""INSERT INTO person_past (tenant_id, id, replaced_at, {_PERSON}, ended_at, import_id)
        SELECT %(tenant)s, id, %(at)s, {_PERSON}, ended_at, %(import)s FROM person p
        WHERE ended_at IS NULL AND NOT EXISTS (SELECT FROM household_member m WHERE m.person_id = p.id)""",
    """UPDATE person p SET ended_at = %(at)s
        WHERE ended_at IS NULL AND NOT EXISTS (SELECT FROM household_member m WHERE m.person_id = p.id)""",
    """UPDATE household h SET ended_at = %(at)s
        WHERE ended_at IS NULL AND NOT EXISTS (SELECT FROM household_member m WHERE m.household_id = h.id)""",
    """UPDATE household h SET ended_at = NULL
        WHERE ended_at IS NOT NULL AND EXISTS (SELECT FROM household_member m WHERE m.household_id = h.id)""",
    """UPDATE household h SET uncertain = NOT h.uncertain
        WHERE h.uncertain <> EXISTS (SELECT FROM staged_rejection r
            WHERE r.reference = h.reference AND NOT r.accepted AND r.file = %(file)s)""",
)

INCOME = (
    """INSERT INTO income_past (tenant_id, identity_hash, year, basis, amount_ore, learned_at, ended_at, import_id)
        SELECT %(tenant)s, i.identity_hash, i.year, i.basis, i.amount_ore, i.learned_at, %(at)s, %(import)s
        FROM income i JOIN staged_income s USING (identity_hash, year, basis) WHERE i.amount_ore <> s.amount_ore""",
    """UPDATE income i SET amount_ore = s.amount_ore, learned_at = %(at)s FROM staged_income s
        WHERE (i.identity_hash, i.year, i.basis) = (s.identity_hash, s.year, s.basis)
            AND i.amount_ore <> s.amount_ore""",
    """INSERT INTO income (tenant_id, identity_hash, year, basis, amount_ore, learned_at)
        SELECT %(tenant)s, identity_hash, year, basis, amount_ore, %(at)s FROM staged_income s
        WHERE NOT EXISTS (SELECT FROM income i
            WHERE (i.identity_hash, i.year, i.basis) = (s.identity_hash, s.year, s.basis))""",
    "ANALYZE income",
)

# An award whose row was rejected is not ended; nor is any where a rejected row does not tell whose it is.
_STANDS = """
    FROM award a LEFT JOIN staged_decisions s USING (identity_hash, ground, valid_from)
    WHERE (s.percent, s.valid_to) IS DISTINCT FROM (a.percent, a.valid_to)
        AND (s.line IS NOT NULL OR NOT EXISTS (SELECT FROM staged_rejection r
            WHERE NOT r.accepted AND r.file = %(file)s
                AND (r.identity_hash IS NULL OR r.identity_hash = a.identity_hash)))
"""

DECISIONS = (
    f"""CREATE TEMP TABLE replaced_award ON COMMIT DROP AS
        SELECT a.identity_hash, a.ground, a.valid_from, s.line IS NOT NULL AS corrected {_STANDS}""",
    """INSERT INTO award_past
            (tenant_id, identity_hash, ground, valid_from, valid_to, percent, learned_at, ended_at, import_id)
        SELECT %(tenant)s, identity_hash, ground, valid_from, a.valid_to, a.percent, a.learned_at, %(at)s, %(import)s
        FROM award a JOIN replaced_award USING (identity_hash, ground, valid_from)""",
    """DELETE FROM award a USING replaced_award r
        WHERE (a.identity_hash, a.ground, a.valid_from) = (r.identity_hash, r.ground, r.valid_from)""",
    """INSERT INTO award (tenant_id, identity_hash, ground, valid_from, valid_to, percent, learned_at)
        SELECT %(tenant)s, identity_hash, ground, valid_from, valid_to, percent, %(at)s FROM staged_decisions s
        WHERE NOT EXISTS (SELECT FROM award a
            WHERE (a.identity_hash, a.ground, a.valid_from) = (s.identity_hash, s.ground, s.valid_from))""",
    "ANALYZE award",
)

MERGE = {"population": POPULATION, "income": INCOME, "decisions": DECISIONS}

CHANGES = {
    "population": """
        SELECT count(*) FROM staged_population s
        WHERE NOT EXISTS (
            SELECT FROM household h JOIN household_member m ON m.household_id = h.id JOIN person p ON p.id = m.person_id
            WHERE (h.reference, p.identity_hash, m.relation, m.street, m.postcode, m.city, m.district,
                    m.address_protected, p.birth_date, p.given_name, p.family_name, p.language)
                = (s.reference, s.identity_hash, s.relation, s.street, s.postcode, s.city, s.district,
                    s.address_protected, s.birth_date, s.given_name, s.family_name, s.language))""",
    "income": """
        SELECT count(*) FROM staged_income s WHERE NOT EXISTS (SELECT FROM income i
            WHERE (i.identity_hash, i.year, i.basis, i.amount_ore) = (s.identity_hash, s.year, s.basis, s.amount_ore))""",
    "decisions": """
        SELECT count(*) FROM staged_decisions s WHERE NOT EXISTS (SELECT FROM award a
            WHERE (a.identity_hash, a.ground, a.valid_from, a.percent) =
                    (s.identity_hash, s.ground, s.valid_from, s.percent)
                AND a.valid_to IS NOT DISTINCT FROM s.valid_to)""",
}
"""How many accepted rows of a file say something new. Asked before the merge."""


def merge(cursor: psycopg.Cursor[Any], kind: str, parameters: Parameters, progress: Progress) -> None:
    """Bring the register in line with the staged rows of one kind of file."""
    progress.step(f"Merging {kind}")
    for statement in MERGE[kind]:
        cursor.execute(statement, parameters)
