"""From staged rows to the register, set by set. Every statement is restricted to the tenant by row-level security.

A row that changes or ends is first copied to its `_past` table. `%(at)s` is the instant of the import, `%(import)s` its
id, `%(tenant)s` the tenant; `{news}` is the table of the staged rows that say something new.
"""

from typing import Any

import msgspec
import psycopg

from service.register.models import MADE_HERE
from service.values.progress import Progress

Parameters = dict[str, Any]

_REJECTED = """
    INSERT INTO staged_rejection (kind, file, line, field, value, reason, accepted, reference, identity_hash)
    SELECT %(kind)s, %(file)s, line, 'person_id', '', {reason}, false, {reference}, identity_hash
    FROM removed ORDER BY line
"""

# A person repeated within a household stands as the first of the rows says; of amounts that contradict each other
# neither can be trusted. Of a person in two households the first row says the name.
_REJECT_REPEATED_PERSONS = (
    """CREATE TEMP TABLE repeated_person ON COMMIT DROP AS
        SELECT identity_hash, min(line) AS line FROM staged_population GROUP BY 1 HAVING count(*) > 1""",
    "ANALYZE repeated_person",
    """WITH ranked AS (
        SELECT s.ctid AS row, row_number() OVER (PARTITION BY reference, identity_hash ORDER BY s.line) AS place
        FROM staged_population s JOIN repeated_person USING (identity_hash)
    ), removed AS (
        DELETE FROM staged_population s USING ranked WHERE s.ctid = ranked.row AND ranked.place > 1
        RETURNING s.line, s.reference, s.identity_hash
    )"""
    + _REJECTED.format(reason="'the person stands in this household already'", reference="reference"),
    # A reference that no household has may be anything, even a number in the wrong column. Where the line itself cannot
    # be trusted either, the row may be anybody's.
    """UPDATE staged_rejection r
        SET reference = CASE WHEN r.field = '' AND r.identity_hash IS NULL THEN '' ELSE '(unknown)' END
        WHERE r.kind = 'population' AND NOT r.accepted AND r.reference <> ''
            AND NOT EXISTS (SELECT FROM household h WHERE h.reference = r.reference)
            AND NOT EXISTS (SELECT FROM staged_population s WHERE s.reference = r.reference)""",
)


def _reject_repeated(kind: str, key: str, reason: str) -> tuple[str, ...]:
    keys = ", ".join(f"s.{column}" for column in key.split(", "))
    return (
        f"""WITH repeated AS (
            SELECT {key} FROM staged_{kind} GROUP BY {key} HAVING count(*) > 1
        ), removed AS (
            DELETE FROM staged_{kind} s USING repeated r WHERE ({keys}) = ({keys.replace("s.", "r.")})
            RETURNING s.line, s.identity_hash
        )"""
        + _REJECTED.format(reason=f"'{reason}'", reference="''"),
    )


_REJECT_REPEATED = {
    "population": _REJECT_REPEATED_PERSONS,
    "income": _reject_repeated(
        "income", "identity_hash, year, basis", "there are two rows with the same person, year and basis"
    ),
    "decisions": _reject_repeated(
        "decisions",
        "identity_hash, ground, valid_from",
        "there are two rows with the same person, ground and valid_from",
    ),
}

_PERSON = "birth_date, given_name, family_name, language"
_MEMBER = "relation, street, postcode, city, district, address_protected"


def _columns(alias: str, names: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in names.split(", "))


# The staged rows that say something new, joined with what stands.
_NEWS = {
    "population": f"""
        SELECT s.*, m.person_id IS NOT NULL AS stands,
            p.id IS NOT NULL AND (r.line IS NULL OR r.line = s.line)
                AND ({_columns("p", _PERSON)}, p.ended_at) IS DISTINCT FROM ({_columns("s", _PERSON)}, NULL)
                AS other_person
        FROM staged_population s
        LEFT JOIN repeated_person r ON r.identity_hash = s.identity_hash
        LEFT JOIN person p ON p.identity_hash = s.identity_hash
        LEFT JOIN household h ON h.reference = s.reference
        LEFT JOIN household_member m ON (m.household_id, m.person_id) = (h.id, p.id)
        WHERE m.person_id IS NULL
            OR ({_columns("m", _MEMBER)}) IS DISTINCT FROM ({_columns("s", _MEMBER)})
            OR ({_columns("p", _PERSON)}, p.ended_at) IS DISTINCT FROM ({_columns("s", _PERSON)}, NULL)
                AND (r.line IS NULL OR r.line = s.line)""",
    "income": """
        SELECT s.*, i.year IS NOT NULL AS stands
        FROM staged_income s LEFT JOIN income i USING (identity_hash, year, basis)
        WHERE i.amount_ore IS DISTINCT FROM s.amount_ore""",
    "decisions": """
        SELECT s.*, a.ground IS NOT NULL AS stands
        FROM staged_decisions s LEFT JOIN award a USING (identity_hash, ground, valid_from)
        WHERE (a.percent, a.valid_to) IS DISTINCT FROM (s.percent, s.valid_to)""",
}
# What case workers decided here is no file's business: none ends it.
_DELIVERED = f"a.ground NOT IN {MADE_HERE}"
_REGISTER = {"population": "household_member", "income": "income", "decisions": f"award a WHERE {_DELIVERED}"}

_NEW_PERSONS = (
    """INSERT INTO household (tenant_id, reference, uncertain)
        SELECT %(tenant)s, reference, false FROM {news} s
        WHERE NOT EXISTS (SELECT FROM household h WHERE h.reference = s.reference)
        GROUP BY reference ORDER BY reference""",
    "ANALYZE household",
    f"""INSERT INTO person (tenant_id, identity_hash, identity_cipher, {_PERSON}, learned_at)
        SELECT DISTINCT ON (identity_hash) %(tenant)s, identity_hash, identity_cipher, {_PERSON}, %(at)s
        FROM {{news}} s WHERE NOT EXISTS (SELECT FROM person p WHERE p.identity_hash = s.identity_hash)
        ORDER BY identity_hash, line""",
    "ANALYZE person",
    f"""INSERT INTO household_member (tenant_id, household_id, person_id, {_MEMBER}, learned_at)
        SELECT %(tenant)s, h.id, p.id, {_columns("s", _MEMBER)}, %(at)s
        FROM {{news}} s JOIN household h USING (reference) JOIN person p USING (identity_hash)
        WHERE NOT EXISTS (SELECT FROM household_member m WHERE (m.household_id, m.person_id) = (h.id, p.id))
        ORDER BY h.id""",
    "ANALYZE household_member",
)

_PAST_PERSON = f"""
    INSERT INTO person_past (tenant_id, id, import_id, replaced_at, {_PERSON}, ended_at)
    SELECT %(tenant)s, p.id, %(import)s, %(at)s, {_columns("p", _PERSON)}, p.ended_at"""
_PAST_MEMBER = f"""
    INSERT INTO household_member_past
        (tenant_id, household_id, person_id, {_MEMBER}, learned_at, ended_at, import_id)
    SELECT %(tenant)s, m.household_id, m.person_id, {_columns("m", _MEMBER)}, m.learned_at, %(at)s, %(import)s"""

# By which words a person is found. Many people share a name: each is taken apart once.
_NEW_TOKENS = (
    """CREATE TEMP TABLE named ON COMMIT DROP AS
        SELECT DISTINCT p.id, p.given_name, p.family_name FROM {news} s JOIN person p USING (identity_hash){which}""",
    """INSERT INTO name_token (tenant_id, token, person_id)
        WITH word AS (
            SELECT name, token COLLATE "C" AS token
            FROM (SELECT given_name FROM named UNION SELECT family_name FROM named) AS written (name),
                unnest(name_tokens(name)) AS token
        )
        SELECT %(tenant)s, token, id FROM (
            SELECT token, id FROM named JOIN word ON name = given_name
            UNION SELECT token, id FROM named JOIN word ON name = family_name) AS found
        ORDER BY token, id ON CONFLICT DO NOTHING""",
    "ANALYZE name_token",
)
_OLD_TOKENS = """
    DELETE FROM name_token t USING (
        SELECT p.id, token COLLATE "C" AS token
        FROM person p JOIN {news} s USING (identity_hash),
            unnest(name_tokens(p.given_name || ' ' || p.family_name)) AS token
        WHERE s.other_person AND (p.given_name, p.family_name) <> (s.given_name, s.family_name)) AS old
    WHERE (t.token, t.person_id) = (old.token, old.id)"""

_CHANGED_PERSONS = (
    _OLD_TOKENS,
    f"{_PAST_PERSON} FROM person p JOIN {{news}} s USING (identity_hash) WHERE s.other_person",
    f"""UPDATE person p SET ended_at = NULL, learned_at = %(at)s,
            ({_PERSON}) = ROW ({_columns("s", _PERSON)})
        FROM {{news}} s WHERE s.identity_hash = p.identity_hash AND s.other_person""",
    f"""CREATE TEMP TABLE changed_member ON COMMIT DROP AS
        SELECT h.id AS household_id, p.id AS person_id, {_columns("s", _MEMBER)}
        FROM {{news}} s JOIN household h USING (reference) JOIN person p USING (identity_hash)
        JOIN household_member m ON (m.household_id, m.person_id) = (h.id, p.id)
        WHERE s.stands AND ({_columns("s", _MEMBER)}) IS DISTINCT FROM ({_columns("m", _MEMBER)})""",
    f"{_PAST_MEMBER} FROM household_member m JOIN changed_member USING (household_id, person_id)",
    f"""UPDATE household_member m SET learned_at = %(at)s, ({_MEMBER}) = ROW ({_columns("c", _MEMBER)})
        FROM changed_member c WHERE (c.household_id, c.person_id) = (m.household_id, m.person_id)""",
)

# A rejected row never ends what stood before: its person keeps every membership; where the person cannot be read, the
# whole household does; and where neither can, everybody does.
_VANISHED_PERSONS = (
    """CREATE TEMP TABLE absent ON COMMIT DROP AS
        WITH rejected AS (SELECT * FROM staged_rejection WHERE kind = 'population' AND NOT accepted)
        SELECT m.household_id, m.person_id,
            p.identity_hash IN (SELECT identity_hash FROM rejected WHERE identity_hash IS NOT NULL)
                OR h.reference IN (SELECT reference FROM rejected WHERE identity_hash IS NULL)
                OR EXISTS (SELECT FROM rejected WHERE identity_hash IS NULL AND reference = '') AS protected
        FROM household_member m JOIN household h ON h.id = m.household_id JOIN person p ON p.id = m.person_id
        WHERE NOT EXISTS (SELECT FROM staged_population s
            WHERE (s.reference, s.identity_hash) = (h.reference, p.identity_hash))""",
    "ANALYZE absent",
    f"""{_PAST_MEMBER} FROM household_member m JOIN absent a USING (household_id, person_id) WHERE NOT a.protected""",
    """DELETE FROM household_member m USING absent a
        WHERE (a.household_id, a.person_id) = (m.household_id, m.person_id) AND NOT a.protected""",
    """CREATE TEMP TABLE vanished ON COMMIT DROP AS
        SELECT DISTINCT person_id FROM absent a WHERE NOT protected
            AND NOT EXISTS (SELECT FROM household_member m WHERE m.person_id = a.person_id)""",
    "ANALYZE vanished",
    f"{_PAST_PERSON} FROM person p JOIN vanished v ON v.person_id = p.id",
    "UPDATE person p SET ended_at = %(at)s FROM vanished v WHERE v.person_id = p.id",
    """UPDATE household h SET ended_at = %(at)s
        WHERE ended_at IS NULL AND id IN (SELECT household_id FROM absent WHERE NOT protected)
            AND NOT EXISTS (SELECT FROM household_member m WHERE m.household_id = h.id)""",
)

_REVIVED_HOUSEHOLDS = (
    """UPDATE household h SET ended_at = NULL
        WHERE ended_at IS NOT NULL AND EXISTS (SELECT FROM household_member m WHERE m.household_id = h.id)""",
)

# Uncertain is a household of which a row was rejected, and one in which somebody stands only because of a rejected row.
_UNCERTAIN_HOUSEHOLDS = (
    """CREATE TEMP TABLE doubtful ON COMMIT DROP AS
        SELECT h.id FROM household h JOIN staged_rejection r USING (reference)
        WHERE r.kind = 'population' AND NOT r.accepted
        UNION SELECT household_id FROM absent WHERE protected""",
    "ANALYZE doubtful",
    "UPDATE household SET uncertain = true WHERE NOT uncertain AND id IN (SELECT id FROM doubtful)",
    "UPDATE household SET uncertain = false WHERE uncertain AND id NOT IN (SELECT id FROM doubtful)",
)
_NOBODY_ABSENT = ("CREATE TEMP TABLE absent (household_id uuid, person_id uuid, protected boolean) ON COMMIT DROP",)

_PAST_INCOMES = (
    """INSERT INTO income_past (tenant_id, identity_hash, year, basis, amount_ore, learned_at, ended_at, import_id)
        SELECT %(tenant)s, i.identity_hash, i.year, i.basis, i.amount_ore, i.learned_at, %(at)s, %(import)s
        FROM income i JOIN {news} s USING (identity_hash, year, basis)""",
    """UPDATE income i SET amount_ore = s.amount_ore, learned_at = %(at)s FROM {news} s
        WHERE (i.identity_hash, i.year, i.basis) = (s.identity_hash, s.year, s.basis)""",
)
_NEW_INCOMES = (
    """INSERT INTO income (tenant_id, identity_hash, year, basis, amount_ore, learned_at)
        SELECT %(tenant)s, identity_hash, year, basis, amount_ore, %(at)s FROM {news} s
        WHERE NOT EXISTS (SELECT FROM income i
            WHERE (i.identity_hash, i.year, i.basis) = (s.identity_hash, s.year, s.basis))
        ORDER BY identity_hash""",
    "ANALYZE income",
)

# An award whose row was rejected is not ended; nor is any where a rejected row does not tell whose it is.
_PAST_AWARDS = (
    f"""CREATE TEMP TABLE replaced_award ON COMMIT DROP AS
        SELECT a.identity_hash, a.ground, a.valid_from
        FROM award a LEFT JOIN staged_decisions s USING (identity_hash, ground, valid_from)
        WHERE {_DELIVERED} AND (s.percent, s.valid_to) IS DISTINCT FROM (a.percent, a.valid_to)
            AND (s.line IS NOT NULL OR NOT EXISTS (SELECT FROM staged_rejection r
                WHERE NOT r.accepted AND r.kind = 'decisions'
                    AND (r.identity_hash IS NULL OR r.identity_hash = a.identity_hash)))""",
    """INSERT INTO award_past
            (tenant_id, identity_hash, ground, valid_from, valid_to, percent, learned_at, ended_at, import_id)
        SELECT %(tenant)s, identity_hash, ground, valid_from, a.valid_to, a.percent, a.learned_at, %(at)s, %(import)s
        FROM award a JOIN replaced_award USING (identity_hash, ground, valid_from)""",
    """DELETE FROM award a USING replaced_award r
        WHERE (a.identity_hash, a.ground, a.valid_from) = (r.identity_hash, r.ground, r.valid_from)""",
)
_NEW_AWARDS = (
    """INSERT INTO award (tenant_id, identity_hash, ground, valid_from, valid_to, percent, learned_at)
        SELECT %(tenant)s, identity_hash, ground, valid_from, valid_to, percent, %(at)s FROM {news} s
        WHERE NOT EXISTS (SELECT FROM award a
            WHERE (a.identity_hash, a.ground, a.valid_from) = (s.identity_hash, s.ground, s.valid_from))""",
    "ANALYZE award",
)


class Comparison(msgspec.Struct, frozen=True):
    """How the staged rows of a kind of file stand to the register.

    `news` is the table of those that say something new, `changed` how many they are. `first`: the register holds
    nothing of the kind. `absent`: it holds something that the file does not name.
    """

    kind: str
    news: str
    accepted: int
    changed: int
    first: bool
    absent: bool


def reject_repeated(cursor: psycopg.Cursor[Any], kind: str, file: str) -> None:
    """Take rows that repeat or contradict each other out of the staged ones."""
    for statement in _REJECT_REPEATED[kind]:
        cursor.execute(statement, {"kind": kind, "file": file} if "%" in statement else None)


def compare(cursor: psycopg.Cursor[Any], kind: str) -> Comparison:
    """Find out which of the staged rows say something new."""
    accepted, known = _count(cursor, f"staged_{kind}"), _count(cursor, _REGISTER[kind])
    if not known and (kind != "population" or not _count(cursor, "person")):
        return Comparison(kind, f"staged_{kind}", accepted, accepted, first=True, absent=False)
    cursor.execute(f"CREATE TEMP TABLE news_{kind} ON COMMIT DROP AS {_NEWS[kind]}")
    cursor.execute(f"ANALYZE news_{kind}")
    changed, new = _count(cursor, f"news_{kind}"), _count(cursor, f"news_{kind} WHERE NOT stands")
    return Comparison(kind, f"news_{kind}", accepted, changed, first=False, absent=known > accepted - new)


def _count(cursor: psycopg.Cursor[Any], table: str) -> int:
    row = cursor.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def merge(cursor: psycopg.Cursor[Any], comparison: Comparison, parameters: Parameters, progress: Progress) -> None:
    """Bring the register in line with the staged rows of one kind of file."""
    progress.step(f"Merging {comparison.kind}")
    for statement in _STATEMENTS[comparison.kind](comparison):
        # Those of whom a later extract says something new, and not only that they live elsewhere.
        which = "" if comparison.first else " WHERE NOT s.stands OR s.other_person"
        written = statement.format(news=comparison.news, which=which)
        cursor.execute(written, parameters if "%" in statement else None)


def _population(comparison: Comparison) -> tuple[str, ...]:
    statements: tuple[str, ...] = ()
    if comparison.changed:
        statements += _NEW_PERSONS
    if comparison.changed and not comparison.first:
        statements += _CHANGED_PERSONS
    if comparison.changed:
        statements += _NEW_TOKENS
    statements += _VANISHED_PERSONS if comparison.absent else _NOBODY_ABSENT
    if comparison.changed and not comparison.first:
        statements += _REVIVED_HOUSEHOLDS
    return statements + _UNCERTAIN_HOUSEHOLDS


def _income(comparison: Comparison) -> tuple[str, ...]:
    if not comparison.changed:
        return ()
    return _NEW_INCOMES if comparison.first else _PAST_INCOMES + _NEW_INCOMES


def _decisions(comparison: Comparison) -> tuple[str, ...]:
    if not comparison.changed and not comparison.absent:
        return ()
    return _NEW_AWARDS if comparison.first else _PAST_AWARDS + _NEW_AWARDS


_STATEMENTS = {"population": _population, "income": _income, "decisions": _decisions}
