"""Who read and who changed what of a household or a person."""

from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.errors import NotFound

_OF_PERSONS = """
    SELECT id FROM determination WHERE person_id = ANY (:persons)
    UNION SELECT id FROM leisure_pass WHERE person_id = ANY (:persons)
    UNION SELECT c.letter_id FROM pass_letter c JOIN leisure_pass p ON p.id = c.pass_id
        WHERE p.person_id = ANY (:persons)
    UNION SELECT letter_id FROM ended_notice WHERE person_id = ANY (:persons)
    UNION SELECT id FROM letter WHERE child_id = ANY (:persons)
"""


def subjects_of_household(session: Session, reference: str) -> set[UUID]:
    """The ids under which the trail knows a household: its own, its members' and those of their cases."""
    household = session.execute(
        text("SELECT id FROM household WHERE reference = :reference"), {"reference": reference}
    ).scalar()
    if household is None:
        raise NotFound("There is no household {household} in the register.", household=reference)
    values = {"household": household}
    persons = session.execute(
        text(
            """SELECT person_id FROM household_member WHERE household_id = :household
            UNION SELECT person_id FROM household_member_past WHERE household_id = :household"""
        ),
        values,
    ).scalars()
    letters = session.execute(text("SELECT id FROM letter WHERE household_id = :household"), values).scalars()
    return {household, *letters, *_of_persons(session, list(persons))}


def subjects_of_person(session: Session, person_key: UUID) -> set[UUID]:
    """The ids under which the trail knows a person: its own and those of its case."""
    if not session.execute(text("SELECT 1 FROM person WHERE id = :id"), {"id": person_key}).scalar():
        raise NotFound("There is no person {person} in the register.", person=person_key)
    return _of_persons(session, [person_key])


def _of_persons(session: Session, persons: list[UUID]) -> set[UUID]:
    return {*persons, *session.execute(text(_OF_PERSONS), {"persons": persons}).scalars()}
