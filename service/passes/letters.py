"""One letter with what it carries, and the returned letters that somebody should send again."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import NotFound
from service.identity.actions import Municipality
from service.letters.content import Letter
from service.values import clock
from service.values.secrecy import KeyRing

Address = dict[str, str]


class Carried(msgspec.Struct, frozen=True):
    """A child that a letter is about, and of a letter with a pass the pass."""

    person_key: UUID
    given_name: str
    family_name: str
    pass_id: UUID | None
    pass_state: str | None


class LetterDetails(msgspec.Struct, frozen=True):
    """A letter. `recipient` and `address` are those that were printed, None until it is in a batch or once erased.

    `corrected` is the address that staff wrote into it, `registered` that of the register as last imported, None where
    no child of the letter lives in its household any more. Where the address is `protected` none of them is told.
    `again` is the letter that sends this one once more.
    """

    id: UUID
    number: str
    kind: str
    state: str
    household_id: str
    protected: bool
    batch: int | None
    queued_at: datetime
    held_because: str | None
    returned_at: datetime | None
    returned_because: str | None
    recipient: list[str] | None
    address: list[str] | None
    corrected: Address | None
    registered: Address | None
    replaces: UUID | None
    replaces_number: str | None
    again: UUID | None
    again_number: str | None
    carried: list[Carried]


class Returned(msgspec.Struct, frozen=True):
    """A letter that came back and was not sent again, though it still has something to say."""

    id: UUID
    number: str
    kind: str
    returned_at: datetime
    returned_because: str | None


_LETTER = """
    SELECT l.id, l.number, l.kind, l.state, l.household_id AS home, h.reference AS household_id, b.number AS batch,
        l.queued_at, l.held_because, l.returned_at, l.returned_because, l.content, l.address AS corrected,
        old.id AS replaces, old.number AS replaces_number, new.id AS again, new.number AS again_number,
        EXISTS (SELECT FROM household_member m WHERE m.household_id = l.household_id AND m.address_protected) AS guarded
    FROM letter l JOIN household h ON h.id = l.household_id LEFT JOIN print_batch b ON b.id = l.batch_id
    LEFT JOIN letter old ON old.id = l.replaces_id
    LEFT JOIN letter new ON new.replaces_id = l.id AND new.state <> 'cancelled'
    WHERE l.id = :id
"""
_CARRIED = """
    SELECT p.id AS person_key, p.given_name, p.family_name, c.pass_id, c.pass_state FROM (
        SELECT s.person_id, s.id AS pass_id,
            CASE WHEN s.state = 'live' AND s.valid_to < :today THEN 'expired' ELSE s.state END AS pass_state
        FROM pass_letter l JOIN leisure_pass s ON s.id = l.pass_id WHERE l.letter_id = :id
        UNION ALL SELECT person_id, NULL, NULL FROM ended_notice WHERE letter_id = :id
        UNION ALL SELECT person_id, NULL, NULL FROM review_decision WHERE letter_id = :id
    ) AS c JOIN person p ON p.id = c.person_id ORDER BY p.birth_date, p.given_name, p.id
"""
_REGISTERED = """
    SELECT street, postcode, city FROM household_member WHERE household_id = :home AND person_id = ANY (:children)
    ORDER BY person_id LIMIT 1
"""
# A letter with a pass is worth sending as long as one of its passes is in force and no newer letter carries it; the
# others for as long as what they tell of lasts.
_WORTH_SENDING = """l.state = 'returned' AND (
    EXISTS (SELECT FROM pass_letter c JOIN leisure_pass p ON p.id = c.pass_id
        WHERE c.letter_id = l.id AND p.state = 'live' AND p.valid_to >= :today
            AND NOT EXISTS (SELECT FROM pass_letter newer WHERE newer.pass_id = c.pass_id AND newer.letter_id > l.id))
    OR EXISTS (SELECT FROM ended_notice n JOIN determination d ON d.id = n.determination_id
        JOIN refresh_run r ON r.id = d.run_id WHERE n.letter_id = l.id AND r.period_end >= :today)
    OR EXISTS (SELECT FROM review_decision i JOIN determination d ON d.scheme_id = i.scheme_id
        AND d.period_start = i.period_start AND d.person_id = i.person_id AND d.ended_at IS NULL
        AND d.outcome = 'needs_review' WHERE i.letter_id = l.id AND i.ended_at IS NULL))
    AND NOT EXISTS (SELECT FROM letter new WHERE new.replaces_id = l.id AND new.state <> 'cancelled')"""


def read_letter(
    session: Session, municipality: Municipality, keys: KeyRing, letter_id: UUID, actor: Actor
) -> LetterDetails:
    """A letter with where it went and what it carries; the read is noted in the trail."""
    row = session.execute(text(_LETTER), {"id": letter_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such letter.")
    of = {"id": letter_id, "today": clock.today(municipality.time_zone)}
    carried = [msgspec.convert(one, Carried, from_attributes=True) for one in session.execute(text(_CARRIED), of)]
    said = _said(municipality, keys, row.content)
    # Protected now, or when it was printed.
    protected = row.guarded or (said is not None and said.protected)
    known: dict[str, Any] = {"recipient": list(said.recipient[:-2]) if said else None, "protected": protected}
    known |= {"address": None, "corrected": None, "registered": None, "carried": carried}
    if not protected:
        known["address"] = list(said.recipient[-2:]) if said else None
        known["corrected"] = row.corrected
        known["registered"] = _registered(session, row.home, carried)
    record(session, municipality.id, actor, "letters.read", ("letter", letter_id))
    return msgspec.convert(dict(row._mapping) | known, LetterDetails)


def _said(municipality: Municipality, keys: KeyRing, content: Any) -> Letter | None:
    if not content:
        return None
    return msgspec.json.decode(keys.for_tenant(municipality.id).decrypt_bytes(bytes(content)), type=Letter)


def _registered(session: Session, home: UUID, carried: list[Carried]) -> Address | None:
    children = [child.person_key for child in carried]
    row = session.execute(text(_REGISTERED), {"home": home, "children": children}).one_or_none()
    return None if row is None else dict(row._mapping)


def returned_letters(
    session: Session, municipality: Municipality, limit: int, after: tuple[datetime, UUID] | None
) -> list[Returned]:
    """The returned letters that are worth sending again after the one named, the oldest return first; one more."""
    values: dict[str, Any] = {"today": clock.today(municipality.time_zone), "limit": limit + 1}
    later = ""
    if after is not None:
        later, values["at"], values["id"] = "AND (l.returned_at, l.id) > (:at, :id)", *after
    rows = session.execute(
        text(
            f"""SELECT l.id, l.number, l.kind, l.returned_at, l.returned_because FROM letter l
            WHERE {_WORTH_SENDING} {later} ORDER BY l.returned_at, l.id LIMIT :limit"""
        ),
        values,
    )
    return [msgspec.convert(row, Returned, from_attributes=True) for row in rows]


RETURNED_WAITING = f"SELECT count(*), min(l.returned_at) FROM letter l WHERE {_WORTH_SENDING}".replace(
    ":today", "CAST(:now AS date)"
)
"""How many of them there are, and since when the oldest waits; `:now` is the clock's."""
