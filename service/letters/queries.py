"""Reading letters."""

import msgspec
from sqlalchemy import text
from sqlmodel import Session


class HeldLetter(msgspec.Struct, frozen=True):
    """A letter that cannot be sent yet; the household as the register names it."""

    number: str
    kind: str
    household_id: str
    because: str


def held_back(session: Session) -> list[HeldLetter]:
    """The letters held back, oldest first."""
    rows = session.execute(
        text(
            """SELECT l.number, l.kind, h.reference AS household_id, l.held_because AS because
            FROM letter l JOIN household h ON h.id = l.household_id WHERE l.state = 'held_back' ORDER BY l.number"""
        )
    )
    return [msgspec.convert(row, HeldLetter, from_attributes=True) for row in rows]
