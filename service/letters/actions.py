"""Returned mail: marked by its letter number and, with a better address, sent again."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.locks import one_at_a_time
from service.errors import N_, Conflict, Invalid, NotFound, Text, Unreadable
from service.identity.actions import Municipality
from service.letters.numbers import LAST_RUNNING_NUMBER, NEXT_LETTER_NUMBER, read_letter_number
from service.values import clock

ADDRESS = ("street", "postcode", "city")


def mark_returned(session: Session, municipality: Municipality, number: str, because: str | None, actor: Actor) -> UUID:
    """Note that a letter came back. Its private code ends: it may have been read on its way."""
    letter = _letter(session, number)
    if letter.state == "returned":
        raise Conflict("The letter {letter} was noted as returned before.", letter=letter.number)
    if letter.state != "handed_over":
        raise Conflict(
            "The letter {letter} is not on its way; it is {state}.",
            letter=letter.number,
            state=Text(_STATES[letter.state]),
        )
    values = {"id": letter.id, "at": clock.now(), "because": because}
    session.execute(
        text("UPDATE letter SET state = 'returned', returned_at = :at, returned_because = :because WHERE id = :id"),
        values,
    )
    session.execute(text("UPDATE private_code SET ended_at = :at WHERE letter_id = :id AND ended_at IS NULL"), values)
    record(session, municipality.id, actor, "letters.returned", ("letter", letter.id))
    letter_id: UUID = letter.id
    return letter_id


def queue_again(
    session: Session, municipality: Municipality, letter_id: UUID, address: dict[str, str] | None, actor: Actor
) -> UUID:
    """Queue a letter anew, to the address given or else to that of the register; returns the new letter's id.

    What the letter carries moves into the new one's hands by the slice that queued it.
    """
    if address is not None:
        _refuse_partial(address)
    again = session.execute(
        text("SELECT number FROM letter WHERE replaces_id = :id AND state <> 'cancelled'"), {"id": letter_id}
    ).scalar()
    if again:
        raise Conflict("It is sent again already, as letter {letter}.", letter=again)
    one_at_a_time(session, "letters", municipality.id)
    made: UUID = session.execute(
        text(
            f"""INSERT INTO letter
                (tenant_id, number, kind, state, household_id, child_id, address, queued_at, replaces_id)
            SELECT old.tenant_id, {NEXT_LETTER_NUMBER}, old.kind, 'queued', old.household_id, old.child_id,
                CAST(:address AS jsonb), :at, old.id
            FROM letter old, (SELECT ({LAST_RUNNING_NUMBER}) + 1 AS number) AS n WHERE old.id = :id RETURNING id"""
        ),
        {"id": letter_id, "at": clock.now(), "address": _json(address)},
    ).scalar_one()
    record(session, municipality.id, actor, "letters.again", ("letter", made))
    return made


def correct_address(
    session: Session, municipality: Municipality, letter_id: UUID, address: dict[str, str], actor: Actor
) -> None:
    """Let a letter that waits go to this address in the place of the register's; one held back waits again."""
    _refuse_partial(address)
    corrected = session.execute(
        text(
            """UPDATE letter SET address = CAST(:address AS jsonb), state = 'queued', held_because = NULL
            WHERE id = :id AND state IN ('queued', 'held_back') RETURNING number"""
        ),
        {"id": letter_id, "address": _json(address)},
    ).scalar()
    if corrected is None:
        raise Conflict("The letter does not wait any more: it is in a print batch. If it comes back, send it again.")
    record(session, municipality.id, actor, "letters.address", ("letter", letter_id))


def _refuse_partial(address: dict[str, str]) -> None:
    if not all(address.get(part, "").strip() for part in ADDRESS):
        raise Invalid("A corrected address needs a street, a postcode and a city.")


def returned_letter(session: Session, number: str) -> UUID:
    """The id of a letter that came back."""
    letter = _letter(session, number)
    if letter.state != "returned":
        raise Conflict(
            "The letter {letter} is not marked as returned; it is {state}.",
            letter=letter.number,
            state=Text(_STATES[letter.state]),
        )
    letter_id: UUID = letter.id
    return letter_id


_STATES = {
    "queued": N_("waiting for a print batch"),
    "held_back": N_("held back for want of an address"),
    "batched": N_("in a print batch that is not handed over"),
    "handed_over": N_("on its way"),
    "returned": N_("returned"),
    "cancelled": N_("cancelled"),
}


def _letter(session: Session, number: str) -> Any:
    try:
        digits = read_letter_number(number)
    except Unreadable as error:
        raise Invalid("{reason}", reason=error.text) from None
    row = session.execute(
        text("SELECT id, number, state FROM letter WHERE number = :number FOR UPDATE"), {"number": digits}
    ).one_or_none()
    if row is None:
        raise NotFound("There is no letter {letter}.", letter=digits)
    return row


def _json(address: dict[str, str] | None) -> str | None:
    return None if address is None else msgspec.json.encode({part: address[part].strip() for part in ADDRESS}).decode()
