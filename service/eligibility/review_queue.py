"""The queue of children whom the rule leaves to a person: who waits, since when, and why."""

import csv
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from io import StringIO
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.eligibility.lists import BY_DISTRICT
from service.eligibility.review import MOST, Round
from service.identity.actions import Municipality
from service.values import clock
from service.values.spreadsheets import as_text

REASONS = ("household_uncertain", "no_provider", "income_implausible", "income_missing")
Standing = Literal["waiting", "invited", "left", "held"]
COLUMNS = ("household_id", "given_name", "family_name", "birth_date", "reason", "since", "standing", "person_key")
"""The columns of the queue as a file."""


class Filter(msgspec.Struct, frozen=True):
    """Which children of the queue are wanted; what is left out is not asked.

    Ages are those that the determination was made with. `households` are references of the register. `district` finds
    nobody whose address is protected, or someone's in their household.
    """

    standing: Standing = "waiting"
    reason: str | None = None
    district: str | None = None
    youngest: int | None = None
    oldest: int | None = None
    households: tuple[str, ...] | None = None


class Undecided(msgspec.Struct, frozen=True):
    """A child in the queue: `id` is the determination, `household` the household and `household_id` its register name.

    `since` is when the determination was made. `standing` tells whether the child waits, the family was invited to
    apply, the case was left until a day (`until`), or a yes is held for a second person; `reason_given` says why.
    """

    id: UUID
    person_key: UUID
    household: UUID
    household_id: str
    given_name: str
    family_name: str
    birth_date: date
    age: int
    reason: str
    since: datetime
    standing: Standing
    standing_since: datetime | None
    until: date | None
    reason_given: str | None


class Tally(msgspec.Struct, frozen=True):
    """How many children are undecided: by how they stand, and of those who wait by reason and by district."""

    standings: dict[str, int]
    reasons: dict[str, int]
    districts: dict[str, int]


class HeldYes(msgspec.Struct, frozen=True):
    """A yes to many children that waits for a second person."""

    id: UUID
    scheme: str
    period_start: date
    children: int
    reason: str
    evidence: str
    reference: str | None
    made_at: datetime
    made_by: UUID | None


_STANDING = """CASE WHEN a.kind = 'yes' AND a.state = 'held' THEN 'held' WHEN a.kind = 'invitation' THEN 'invited'
        WHEN a.kind = 'deferral' AND a.until >= :today THEN 'left' ELSE 'waiting' END"""
_FROM = """FROM determination d JOIN refresh_run r ON r.id = d.run_id
    LEFT JOIN review_decision live ON live.scheme_id = d.scheme_id AND live.period_start = d.period_start
        AND live.person_id = d.person_id AND live.ended_at IS NULL
    LEFT JOIN review_act a ON a.id = live.act_id"""
_OPEN = """d.scheme_id = :scheme AND d.period_start = :start AND d.outcome = 'needs_review' AND d.ended_at IS NULL"""
_UNDECIDED = f"""SELECT d.id, d.person_id AS person_key, h.id AS household, h.reference AS household_id,
        p.given_name, p.family_name, p.birth_date, d.age, d.reason, coalesce(r.committed_at, r.created_at) AS since,
        {_STANDING} AS standing, a.made_at AS standing_since, a.until, a.reason AS reason_given
    {_FROM} JOIN person p ON p.id = d.person_id JOIN household h ON h.id = d.household_id"""
_CONDITIONS = {
    "standing": f"{_STANDING} = :standing",
    "reason": "d.reason = :reason",
    "district": BY_DISTRICT,
    "youngest": "d.age >= :youngest",
    "oldest": "d.age <= :oldest",
    "households": "d.household_id IN (SELECT id FROM household WHERE reference = ANY (:households))",
    "after": "d.id > :after",
}


def read_queue(
    session: Session,
    municipality: Municipality,
    round_: Round,
    wanted: Filter,
    limit: int,
    after: UUID | None,
    actor: Actor,
) -> list[Undecided]:
    """The undecided children after the determination `after`, oldest first, one more than `limit`; it is logged."""
    found = _read(session, municipality, round_, wanted, limit + 1, after)
    _note(session, municipality, round_, wanted, min(len(found), limit), "review.read", actor)
    return found


def queue_as_csv(session: Session, municipality: Municipality, round_: Round, wanted: Filter, actor: Actor) -> str:
    """The undecided children as a file for a spreadsheet. That it was taken is logged."""
    found = _read(session, municipality, round_, wanted, None, None)
    _note(session, municipality, round_, wanted, len(found), "review.export", actor)
    written = StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    writer.writerows([as_text(str(getattr(one, column))) for column in COLUMNS] for one in found)
    return written.getvalue()


def chosen_by(session: Session, municipality: Municipality, round_: Round, wanted: Filter) -> list[UUID]:
    """The children that a filter finds, one more than may be decided about at once."""
    return [one.person_key for one in _read(session, municipality, round_, wanted, MOST + 1, None)]


def _read(
    session: Session, municipality: Municipality, round_: Round, wanted: Filter, limit: int | None, after: UUID | None
) -> list[Undecided]:
    values: dict[str, Any] = msgspec.structs.asdict(wanted) | {"after": after}
    asked = {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v is not None}
    conditions = " AND ".join([_OPEN, *(_CONDITIONS[name] for name in asked)])
    rows = session.execute(
        text(f"{_UNDECIDED} WHERE {conditions} ORDER BY d.id LIMIT :limit"),
        asked | _of(municipality, round_) | {"limit": limit},
    )
    return [msgspec.convert(row, Undecided, from_attributes=True) for row in rows]


def _note(
    session: Session,
    municipality: Municipality,
    round_: Round,
    wanted: Filter,
    rows: int,
    action: str,
    actor: Actor,
) -> None:
    asked = {name: value for name, value in msgspec.to_builtins(wanted).items() if value is not None}
    for typed in ("district", "households"):
        # Whatever somebody typed: the trail outlives the people.
        asked |= {typed: True} if typed in asked else {}
    subject, details = ("scheme", round_.scheme_id), {"rows": rows, "filters": asked}
    record(session, municipality.id, actor, action, subject, details=details)


def tally(session: Session, municipality: Municipality, round_: Round) -> Tally:
    """The undecided children counted.

    All of them, less those about whom something was decided: of a large municipality that is many less those few.
    """
    waiting: Counter[tuple[str, str]] = Counter()
    for row in session.execute(text(_ALL_OPEN), _of(municipality, round_)):
        waiting[row.reason, row.district] = row.n
    standings = Counter({"waiting": waiting.total()})
    for row in session.execute(text(_SET_ASIDE), _of(municipality, round_)):
        waiting[row.reason, row.district] -= row.n
        standings.update({row.standing: row.n, "waiting": -row.n})
    reasons: Counter[str] = Counter()
    districts: Counter[str] = Counter()
    for (reason, district), count in (+waiting).items():
        reasons[reason] += count
        districts[district] += count
    return Tally(dict(+standings), dict(reasons), dict(sorted(districts.items())))


_ALL_OPEN = f"SELECT d.reason, d.district, count(*) AS n FROM determination d WHERE {_OPEN} GROUP BY 1, 2"
_SET_ASIDE = f"""SELECT * FROM (
        SELECT {_STANDING} AS standing, d.reason, d.district, count(*) AS n
        FROM review_decision live JOIN review_act a ON a.id = live.act_id
        JOIN determination d ON d.person_id = live.person_id AND {_OPEN}
        WHERE live.scheme_id = :scheme AND live.period_start = :start AND live.ended_at IS NULL GROUP BY 1, 2, 3
    ) AS decided WHERE standing <> 'waiting'"""


def names_of(session: Session, persons: list[UUID]) -> dict[UUID, str]:
    """The full names of children by their keys, in the order of their birth dates."""
    rows = session.execute(
        text("SELECT id, given_name, family_name FROM person WHERE id = ANY (:persons) ORDER BY birth_date, id"),
        {"persons": persons},
    )
    return {row.id: f"{row.given_name} {row.family_name}".strip() for row in rows}


def note_named(session: Session, municipality: Municipality, persons: Iterable[UUID], actor: Actor) -> None:
    """Keep in the trail which children were shown by name to somebody who is about to decide of them."""
    for person in persons:
        record(session, municipality.id, actor, "review.choose", ("person", person))


def held_decisions(session: Session) -> list[HeldYes]:
    """The decisions that wait for a second person, oldest first."""
    rows = session.execute(
        text(
            """SELECT a.id, s.name AS scheme, a.period_start, a.children, a.reason, a.evidence, a.reference, a.made_at,
                a.made_by FROM review_act a JOIN scheme s ON s.id = a.scheme_id WHERE a.state = 'held' ORDER BY a.id"""
        )
    )
    return [msgspec.convert(row, HeldYes, from_attributes=True) for row in rows]


def _of(municipality: Municipality, round_: Round) -> dict[str, Any]:
    today = clock.today(municipality.time_zone)
    return {"scheme": round_.scheme_id, "start": round_.period_start, "today": today}
