"""A household's timeline: what was determined, the passes, the letters and the notes, the newest first."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

Kind = Literal["determination", "pass", "letter", "note"]
KINDS: Final[tuple[Kind, ...]] = ("determination", "pass", "letter", "note")


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a timeline goes on: the instant, the order within it and the id of the last event seen."""

    at: datetime
    order: int
    id: UUID


class Event(msgspec.Struct, frozen=True):
    """Something that happened; `id` is that of the determination, pass, letter or note.

    `what` is `determined`, `issued`, `replaced`, `revoked`, `queued`, `sent`, `returned`, `noted` or `corrected`.
    `person_key` is the child a determination or pass is of. `says` is why a pass was issued, replaced or revoked or a
    letter came back, or what a note says; `about` a determination's scheme, a pass's, or a letter's kind.
    """

    at: datetime
    order: int
    id: UUID
    kind: Kind
    what: str
    about: str | None = None
    person_key: UUID | None = None
    given_name: str | None = None
    outcome: str | None = None
    reason: str | None = None
    period_start: date | None = None
    ended_at: datetime | None = None
    number: str | None = None
    says: str | None = None
    made_by: UUID | None = None
    corrects: UUID | None = None

    @property
    def place(self) -> Place:
        """The cursor after this event."""
        return Place(self.at, self.order, self.id)


# Of one instant, as when a refresh determines, issues and writes at once, the order of the causes.
_DETERMINED, _ISSUED, _ENDED, _QUEUED, _SENT, _RETURNED, _NOTED = range(7)

_NOTHING: Final = {
    "about": "text",
    "person_key": "uuid",
    "outcome": "text",
    "reason": "text",
    "period_start": "date",
    "ended_at": "timestamptz",
    "number": "text",
    "says": "text",
    "made_by": "uuid",
    "corrects": "uuid",
}


def _part(order: int, kind: Kind, what: str, at: str, id_: str, source: str, **columns: str) -> str:
    """The SELECT of one kind of event, with nulls for what such an event does not have."""
    said = ", ".join(f"{columns.get(name, f'NULL::{type_}')} AS {name}" for name, type_ in _NOTHING.items())
    known = f"""{at} AS at, {order} AS "order", {id_} AS id, '{kind}' AS kind, {what} AS what"""
    return f"SELECT {known}, {said} FROM {source}"


# A letter is the household's where it was written to it, and where it is about somebody who lives there now.
_LETTERS = """(SELECT id FROM letter WHERE household_id = :household
    UNION SELECT c.letter_id FROM pass_letter c JOIN leisure_pass p ON p.id = c.pass_id
        WHERE p.person_id = ANY (:persons)
    UNION SELECT letter_id FROM ended_notice WHERE person_id = ANY (:persons)
    UNION SELECT letter_id FROM review_decision WHERE person_id = ANY (:persons)) AS ours
    JOIN letter l ON l.id = ours.id"""
_PASSES = "leisure_pass p JOIN scheme s ON s.id = p.scheme_id WHERE p.person_id = ANY (:persons)"
_PASS = {"about": "s.name", "person_key": "p.person_id", "period_start": "p.valid_from"}
_LETTER = {"about": "l.kind", "number": "l.number"}

_PARTS: Final[dict[Kind, tuple[str, ...]]] = {
    "determination": (
        _part(
            _DETERMINED,
            "determination",
            "'determined'",
            "coalesce(r.committed_at, r.created_at)",
            "d.id",
            """determination d JOIN refresh_run r ON r.id = d.run_id JOIN scheme s ON s.id = d.scheme_id
            WHERE d.person_id = ANY (:persons)""",
            about="s.name",
            person_key="d.person_id",
            outcome="d.outcome",
            reason="d.reason",
            period_start="d.period_start",
            ended_at="d.ended_at",
        ),
    ),
    "pass": (
        _part(_ISSUED, "pass", "'issued'", "p.issued_at", "p.id", _PASSES, says="p.issued_because", **_PASS),
        _part(
            _ENDED,
            "pass",
            "p.state",
            "p.ended_at",
            "p.id",
            f"{_PASSES} AND p.ended_at IS NOT NULL",
            says="p.ended_because",
            **_PASS,
        ),
    ),
    "letter": (
        _part(_QUEUED, "letter", "'queued'", "l.queued_at", "l.id", _LETTERS, **_LETTER),
        _part(
            _SENT,
            "letter",
            "'sent'",
            "b.handed_over_at",
            "l.id",
            f"{_LETTERS} JOIN print_batch b ON b.id = l.batch_id WHERE b.handed_over_at IS NOT NULL",
            **_LETTER,
        ),
        _part(
            _RETURNED,
            "letter",
            "'returned'",
            "l.returned_at",
            "l.id",
            f"{_LETTERS} WHERE l.returned_at IS NOT NULL",
            says="l.returned_because",
            **_LETTER,
        ),
    ),
    "note": (
        _part(
            _NOTED,
            "note",
            "CASE WHEN n.corrects_id IS NULL THEN 'noted' ELSE 'corrected' END",
            "n.made_at",
            "n.id",
            "household_note n WHERE n.household_id = :household",
            says="n.text",
            made_by="n.made_by",
            corrects="n.corrects_id",
        ),
    ),
}


def read_timeline(
    session: Session,
    household: UUID,
    persons: Collection[UUID],
    kinds: Collection[Kind],
    limit: int,
    after: Place | None = None,
) -> list[Event]:
    """The newest events of these kinds before the place `after`, one more than `limit` if there are.

    Determinations and passes are those of `persons`, wherever they lived then.
    """
    parts = " UNION ALL ".join(part for kind in KINDS if kind in kinds for part in _PARTS[kind])
    if not parts:
        return []
    values: dict[str, Any] = {"household": household, "persons": list(persons), "limit": limit + 1}
    older = ""
    if after is not None:
        older = 'WHERE (e.at, e."order", e.id) < (:at, :order, :id)'
        values |= msgspec.structs.asdict(after)
    rows = session.execute(
        text(
            f"""SELECT e.*, p.given_name FROM ({parts}) AS e LEFT JOIN person p ON p.id = e.person_key
            {older} ORDER BY e.at DESC, e."order" DESC, e.id DESC LIMIT :limit"""
        ),
        {name: value for name, value in values.items() if f":{name}" in parts + older or name == "limit"},
    )
    return [msgspec.convert(row._mapping, Event) for row in rows]
