"""The figures of a scheme's period, by district and age, in one statement over the whole municipality.

All but `spent` count children, and every child stands in one cell with all its measures:

- *district*: that of the determination in force for the period; for a child who has none any more (it left the
  register), that of the determination behind its latest pass.
- *age*: whole years on the first day of the period, so that nobody changes cell within it. Who is younger than the
  first age group on that day, and comes of age within the period, is counted in the first.
- `entitled`: the determination in force says so.
- `issued`: has a pass of the period, whatever became of it.
- `posted`: a letter with the live pass was handed over to the print provider, whether or not it came back.
- `returned`: every letter handed over with the live pass came back; a letter sent again that is under way ends that.
- `used`: more than nothing is spent, over all the child's passes of the period.
- `spent`: øre settled less øre reversed, of membership and equipment. Nothing else in the ledger is spending: reserved
  amounts are not spent yet, adjustments change what a pass is worth, transfers move what remains to a new number.
"""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.reporting.disclosure import MEASURES, Grid, Table

_AGE_GROUPS = ((0, 2), (3, 5), (6, 9), (10, 12), (13, 15), (16, 17))
DEFAULT_THRESHOLD = 5

AgeGroup = tuple[int, int]
"""The youngest and the oldest age of a group, both included."""


class Figures(msgspec.Struct, frozen=True):
    """A period's figures: districts (rows, sorted) × age groups (columns), without totals."""

    districts: tuple[str, ...]
    table: Table


def age_groups(youngest: int, oldest: int) -> tuple[AgeGroup, ...]:
    """The usual groups, as far as a scheme for these ages reaches."""
    return tuple(
        (max(low, youngest), min(high, oldest)) for low, high in _AGE_GROUPS if high >= youngest and low <= oldest
    )


def figures(session: Session, scheme_id: UUID, period_start: date, groups: tuple[AgeGroup, ...]) -> Figures | None:
    """The figures of the period that begins on this day, as they stand now; None where nothing was determined in it."""
    values_of = {"scheme": scheme_id, "start": period_start, "groups": [low for low, _ in groups]}
    # Sorts and hashes of a large municipality do not fit into the few megabytes that a query usually gets.
    session.execute(text("SET LOCAL work_mem = '128MB'"))
    rows = session.execute(text(_FIGURES), values_of).all()
    determined = session.execute(text(_DISTRICTS), values_of).scalars()
    districts = tuple(sorted({*determined, *(row.district for row in rows)}))
    if not districts:
        return None
    values = {measure: _grid(districts, groups) for measure in MEASURES}
    largest = _grid(districts, groups)
    for row in rows:
        place = districts.index(row.district)
        for measure in MEASURES:
            values[measure][place][row.age_group - 1] = int(getattr(row, measure))
        largest[place][row.age_group - 1] = int(row.largest)
    worth = max((int(row.worth) for row in rows), default=0)
    return Figures(districts=districts, table=Table(values=values, largest=largest, worth=worth))


def state_of(session: Session, scheme_id: UUID, period_start: date) -> tuple[Any, ...]:
    """What the figures of a period rest on: where this is the same, so are they. Costs a few index scans."""
    values = {"scheme": scheme_id, "start": period_start}
    return tuple(session.execute(text(_STATE), values).one())


def threshold_of(session: Session) -> int:
    """Under which count this municipality shows no figure."""
    found = session.execute(text("SELECT threshold FROM report_settings")).scalar()
    return int(found) if found is not None else DEFAULT_THRESHOLD


def _grid(rows: tuple[Any, ...], columns: tuple[Any, ...]) -> Grid:
    return [[0] * len(columns) for _ in rows]


# Districts without an entitled child stand in the report too.
_DISTRICTS = """
    SELECT district FROM determination
    WHERE scheme_id = :scheme AND period_start = :start AND ended_at IS NULL GROUP BY district
"""

_FIGURES = """
    WITH pass AS (
        SELECT id, person_id, determination_id, state, issued_at, amount_ore + equipment_ore AS worth
        FROM leisure_pass WHERE scheme_id = :scheme AND valid_from = :start
    ), determined AS (
        SELECT person_id, district, outcome = 'entitled' AS entitled FROM determination
        WHERE scheme_id = :scheme AND period_start = :start AND ended_at IS NULL
            AND (outcome = 'entitled' OR person_id IN (SELECT person_id FROM pass))
    ), holder AS (
        SELECT DISTINCT ON (person_id) person_id, determination_id FROM pass ORDER BY person_id, issued_at DESC, id DESC
    ), child AS (
        SELECT person_id, d.district, d.entitled, h.person_id IS NOT NULL AS issued
        FROM determined d LEFT JOIN holder h USING (person_id)
        UNION ALL
        SELECT h.person_id, d.district, false, true FROM holder h JOIN determination d ON d.id = h.determination_id
        WHERE NOT EXISTS (SELECT FROM determined WHERE determined.person_id = h.person_id)
    ), sent AS (
        SELECT p.person_id, bool_and(l.state = 'returned') AS returned
        FROM pass p JOIN pass_letter c ON c.pass_id = p.id JOIN letter l ON l.id = c.letter_id
        WHERE p.state = 'live' AND l.state IN ('handed_over', 'returned') GROUP BY p.person_id
    ), money AS (
        SELECT p.person_id, -sum(e.amount_ore) AS spent FROM pass p JOIN pass_entry e ON e.pass_id = p.id
        WHERE e.kind IN ('settle', 'reverse') GROUP BY p.person_id
    )
    SELECT child.district,
        greatest(1, width_bucket(
            extract(year FROM age(CAST(:start AS date), person.birth_date))::int, CAST(:groups AS int[]))) AS age_group,
        count(*) FILTER (WHERE child.entitled) AS entitled,
        count(*) FILTER (WHERE child.issued) AS issued,
        count(sent.person_id) AS posted,
        count(*) FILTER (WHERE sent.returned) AS returned,
        count(*) FILTER (WHERE money.spent > 0) AS used,
        coalesce(sum(money.spent), 0) AS spent,
        coalesce(max(money.spent), 0) AS largest,
        (SELECT coalesce(max(worth), 0) FROM pass) AS worth
    FROM child JOIN person ON person.id = child.person_id
    LEFT JOIN sent ON sent.person_id = child.person_id LEFT JOIN money ON money.person_id = child.person_id
    GROUP BY 1, 2
"""

# Passes come with new ids and end by no longer being live; ledgers only grow; letters change their state. Retention
# works by the day.
_STATE = """
    SELECT current_date, (SELECT count(*) FROM register_import WHERE state = 'merged'),
        (SELECT max(committed_at) FROM refresh_run),
        (SELECT id FROM leisure_pass ORDER BY id DESC LIMIT 1),
        (SELECT count(*) FROM leisure_pass WHERE scheme_id = :scheme AND valid_from = :start AND state = 'live'),
        (SELECT id FROM pass_entry ORDER BY id DESC LIMIT 1),
        (SELECT count(*) FROM letter WHERE state = 'handed_over'),
        (SELECT count(*) FROM letter WHERE state = 'returned')
"""
