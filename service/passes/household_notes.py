"""What case workers write on a household: notes, which stand for good, and who follows it."""

from datetime import date
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import FieldError, Invalid, NotFound
from service.identity.actions import Municipality
from service.passes.household import Contact, reference_of
from service.values import clock

LONGEST_NOTE: Final = 4_000


def add_note(
    session: Session, municipality: Municipality, household: UUID, written: str, corrects: UUID | None, actor: Actor
) -> UUID:
    """Note something about a household, for good; or correct an earlier note of it by this one. Returns the note.

    The trail says that a note was made, never what it says.
    """
    reference_of(session, household)
    said = written.strip()
    if not said or len(said) > LONGEST_NOTE:
        wrong = FieldError("text", "must have 1 to {most} characters", {"most": LONGEST_NOTE})
        raise Invalid("The note is empty or too long.", [wrong])
    if corrects is not None and not _is_noted(session, household, corrects):
        raise NotFound("There is no such note on this household to be corrected.")
    note: UUID = session.execute(
        text(
            """INSERT INTO household_note (tenant_id, household_id, text, made_at, made_by, corrects_id)
            VALUES (:tenant, :household, :said, :at, :by, :corrects) RETURNING id"""
        ),
        {
            "tenant": municipality.id,
            "household": household,
            "said": said,
            "at": clock.now(),
            "by": actor.account_id,
            "corrects": corrects,
        },
    ).scalar_one()
    record(session, municipality.id, actor, "households.note", ("household", household))
    return note


def _is_noted(session: Session, household: UUID, note: UUID) -> bool:
    query = "SELECT EXISTS (SELECT FROM household_note WHERE id = :note AND household_id = :household)"
    return bool(session.execute(text(query), {"note": note, "household": household}).scalar_one())


def set_contact(
    session: Session,
    municipality: Municipality,
    household: UUID,
    name: str,
    phone: str,
    email: str,
    until: date | None,
    actor: Actor,
) -> Contact:
    """Name who follows a household, in the place of whoever did."""
    reference_of(session, household)
    if not name.strip() or not (phone.strip() or email.strip()):
        wrong = [FieldError("name", "is missing")] if not name.strip() else []
        if not (phone.strip() or email.strip()):
            wrong.append(FieldError("phone", "must be given where there is no e-mail address"))
        raise Invalid("Say who follows the household, and how to reach them.", wrong)
    made = Contact(name.strip(), phone.strip(), email.strip(), until, clock.now(), actor.account_id)
    session.execute(
        text(
            """INSERT INTO household_contact (tenant_id, household_id, name, phone, email, until, set_at, set_by)
            VALUES (:tenant, :household, :name, :phone, :email, :until, :set_at, :set_by)
            ON CONFLICT (tenant_id, household_id) DO UPDATE SET (name, phone, email, until, set_at, set_by) =
                (excluded.name, excluded.phone, excluded.email, excluded.until, excluded.set_at, excluded.set_by)"""
        ),
        {"tenant": municipality.id, "household": household} | msgspec.structs.asdict(made),
    )
    record(session, municipality.id, actor, "households.contact.set", ("household", household))
    return made


def end_contact(session: Session, municipality: Municipality, household: UUID, actor: Actor) -> None:
    """Nobody follows the household any more; nothing happens where nobody did."""
    reference_of(session, household)
    gone = session.execute(
        text("DELETE FROM household_contact WHERE household_id = :household RETURNING household_id"),
        {"household": household},
    ).one_or_none()
    if gone is not None:
        record(session, municipality.id, actor, "households.contact.end", ("household", household))
