"""What an import changes in the register, counted before it is merged: for a held one that is what it would change."""

from collections.abc import Sequence
from typing import Any

import psycopg

from service.register.merge import Comparison

_COUNTED = {"income": "changed_incomes", "decisions": "changed_decisions"}

# Whoever had left and stands in the file again is new as well.
_NEW = """
    SELECT count(DISTINCT s.identity_hash) FROM {news} s LEFT JOIN person p USING (identity_hash)
    WHERE p.id IS NULL OR p.ended_at IS NOT NULL
"""
_MOVED = """
    SELECT count(DISTINCT p.id) FROM {news} s JOIN person p USING (identity_hash)
    WHERE p.ended_at IS NULL AND NOT EXISTS (SELECT FROM household_member m
        WHERE m.person_id = p.id AND (m.street, m.postcode, m.city) = (s.street, s.postcode, s.city))
"""
# Those whom the merge ends: in the file nowhere, and in no household that a rejected row protects (see merge.py).
_LEFT = """
    WITH rejected AS (SELECT * FROM staged_rejection WHERE kind = 'population' AND NOT accepted)
    SELECT count(*) FROM person p
    WHERE p.ended_at IS NULL
        AND NOT EXISTS (SELECT FROM staged_population s WHERE s.identity_hash = p.identity_hash)
        AND NOT EXISTS (SELECT FROM rejected WHERE identity_hash IS NULL AND reference = '')
        AND p.identity_hash NOT IN (SELECT identity_hash FROM rejected WHERE identity_hash IS NOT NULL)
        AND NOT EXISTS (SELECT FROM household_member m JOIN household h ON h.id = m.household_id
            JOIN rejected r ON r.reference = h.reference AND r.identity_hash IS NULL WHERE m.person_id = p.id)
"""


def count_changes(cursor: psycopg.Cursor[Any], compared: Sequence[Comparison]) -> dict[str, int]:
    """How many persons come, go and move by the staged rows, and how many incomes and awards are new or other.

    Of what the register holds nothing of yet nothing is counted: there all is new.
    """
    counts: dict[str, int] = {}
    for one in compared:
        if one.first:
            continue
        if one.kind != "population":
            counts[_COUNTED[one.kind]] = one.changed
            continue
        counts["new_persons"] = _number(cursor, _NEW.format(news=one.news)) if one.changed else 0
        counts["moved_persons"] = _number(cursor, _MOVED.format(news=one.news)) if one.changed else 0
        counts["left_persons"] = _number(cursor, _LEFT) if one.absent else 0
    return counts


def _number(cursor: psycopg.Cursor[Any], query: str) -> int:
    row = cursor.execute(query).fetchone()
    assert row is not None
    return int(row[0])
