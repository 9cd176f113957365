"""What staff do with a child's pass: replace it, revoke it, send its letter again; and issue after a refresh."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.locks import one_at_a_time
from service.eligibility import schemes
from service.errors import N_, Conflict, Invalid, NotFound, Text, Unreadable
from service.identity.actions import Municipality
from service.letters.actions import queue_again, returned_letter
from service.letters.numbers import LAST_RUNNING_NUMBER, NEXT_LETTER_NUMBER
from service.passes.issue import Issued, issue_passes
from service.values import clock, pass_numbers
from service.values.periods import Period
from service.values.progress import Progress
from service.values.secrecy import KeyRing


class Replaced(msgspec.Struct, frozen=True):
    """A pass that took another's place, with the letter that brings it."""

    pass_id: UUID
    letter_number: str


def issue_after(
    session: Session, municipality: Municipality, keys: KeyRing, run_id: UUID, actor: Actor, progress: Progress
) -> Issued:
    """Issue the passes of a committed run, in its transaction: passes and determinations stand or fall together."""
    run = session.execute(
        text("SELECT scheme_id, period_start, period_end, parameter_version_id FROM refresh_run WHERE id = :id"),
        {"id": run_id},
    ).one()
    version = schemes.version_by_id(session, run.parameter_version_id)
    period = Period(run.period_start, run.period_end)
    issued = issue_passes(session, municipality, keys, run.scheme_id, period, version.parameters, progress)
    details = msgspec.to_builtins(issued)
    record(session, municipality.id, actor, "passes.issue", ("refresh_run", run_id), details=details)
    return issued


def find_pass(session: Session, keys: KeyRing, number: str) -> UUID:
    """The pass with this number, as people write it; refuses a mistyped and an unknown one."""
    try:
        canonical = pass_numbers.parse(number)
    except Unreadable as error:
        raise Invalid("{reason}", reason=error.text) from None
    found: UUID | None = session.execute(
        text("SELECT id FROM leisure_pass WHERE number_hash = :hash"), {"hash": keys.lookup_hash("pass", canonical)}
    ).scalar()
    if found is None:
        raise NotFound("No pass of this municipality has this number.")
    return found


def revoke_pass(session: Session, municipality: Municipality, pass_id: UUID, because: str, actor: Actor) -> None:
    """End a live pass; what was claimed before stands. The child gets no other in this period by itself."""
    _end(session, pass_id, "revoked", because)
    record(session, municipality.id, actor, "passes.revoke", ("leisure_pass", pass_id), reason=because)


def replace_pass(
    session: Session, municipality: Municipality, keys: KeyRing, pass_id: UUID, because: str, actor: Actor
) -> Replaced:
    """Give a child a new number for a lost or misused pass. What remains moves over; a letter brings it."""
    # Before the pass is locked: an issue holds the letters when it comes to the passes.
    one_at_a_time(session, "letters", municipality.id)
    old = _end(session, pass_id, "replaced", because)
    if old.valid_to < clock.today(municipality.time_zone):
        raise Conflict("The pass expired on {date}.", date=old.valid_to)
    number = pass_numbers.generate()
    at = clock.now()
    new: UUID = session.execute(
        text(
            """INSERT INTO leisure_pass (tenant_id, number_hash, number_cipher, person_id, scheme_id, determination_id,
                valid_from, valid_to, amount_ore, equipment_ore, state, issued_at, issued_because, replaces_id)
            SELECT tenant_id, :hash, :cipher, person_id, scheme_id, determination_id, valid_from, valid_to, amount_ore,
                equipment_ore, 'live', :at, 'replacement', id
            FROM leisure_pass WHERE id = :old RETURNING id"""
        ),
        {
            "old": pass_id,
            "at": at,
            "hash": keys.lookup_hash("pass", number),
            "cipher": keys.for_tenant(municipality.id).encrypt(number),
        },
    ).scalar_one()
    session.execute(
        text("SELECT directory.keep_secrets('pass', ARRAY[CAST(:hash AS bytea)], ARRAY[CAST(:id AS uuid)])"),
        {"hash": keys.lookup_hash("pass", number), "id": new},
    )
    _transfer(session, municipality, pass_id, new, old)
    letter_number = _queue_letter(session, municipality, new)
    record(session, municipality.id, actor, "passes.replace", ("leisure_pass", new), reason=because)
    return Replaced(pass_id=new, letter_number=letter_number)


def send_again(
    session: Session, municipality: Municipality, number: str, address: dict[str, str] | None, actor: Actor
) -> UUID:
    """Queue what a returned letter carried once more, to a corrected address or the register's; returns the letter."""
    old = returned_letter(session, number)
    new = queue_again(session, municipality, old, address, actor)
    session.execute(
        text(
            """INSERT INTO pass_letter (tenant_id, letter_id, pass_id)
            SELECT tenant_id, :new, pass_id FROM pass_letter WHERE letter_id = :old"""
        ),
        {"new": new, "old": old},
    )
    for carried in ("ended_notice", "review_decision"):
        session.execute(text(f"UPDATE {carried} SET letter_id = :new WHERE letter_id = :old"), {"new": new, "old": old})
    return new


def send_pass_again(
    session: Session, municipality: Municipality, pass_id: UUID, address: dict[str, str] | None, actor: Actor
) -> UUID:
    """Queue the newest letter that carries a pass once more, where it came back; returns the new letter."""
    row = session.execute(
        text(
            """SELECT p.state, p.valid_to, l.number FROM leisure_pass p JOIN pass_letter c ON c.pass_id = p.id
            JOIN letter l ON l.id = c.letter_id WHERE p.id = :id ORDER BY l.id DESC LIMIT 1"""
        ),
        {"id": pass_id},
    ).one_or_none()
    if row is None:
        raise NotFound("There is no pass {id}.", id=pass_id)
    if row.state != "live":
        raise Conflict("The pass is {state} already.", state=Text(_STATES[row.state]))
    if row.valid_to < clock.today(municipality.time_zone):
        raise Conflict("The pass expired on {date}.", date=row.valid_to)
    return send_again(session, municipality, row.number, address, actor)


def _end(session: Session, pass_id: UUID, state: str, because: str) -> Any:
    if not because.strip():
        raise Invalid("A reason is needed.")
    row = session.execute(
        text(
            "SELECT state, valid_to, remaining_ore, equipment_remaining_ore FROM leisure_pass WHERE id = :id FOR UPDATE"
        ),
        {"id": pass_id},
    ).one_or_none()
    if row is None:
        raise NotFound("There is no pass {id}.", id=pass_id)
    if row.state != "live":
        raise Conflict("The pass is {state} already.", state=Text(_STATES[row.state]))
    session.execute(
        text("UPDATE leisure_pass SET state = :state, ended_at = :at, ended_because = :because WHERE id = :id"),
        {"id": pass_id, "state": state, "at": clock.now(), "because": because.strip()},
    )
    return row


_STATES = {"replaced": N_("replaced"), "revoked": N_("revoked")}


def _transfer(session: Session, municipality: Municipality, old: UUID, new: UUID, balance: Any) -> None:
    for fund, ore in (("membership", balance.remaining_ore), ("equipment", balance.equipment_remaining_ore)):
        if ore:
            session.execute(
                text(
                    """INSERT INTO pass_entry (tenant_id, pass_id, kind, fund, amount_ore, entered_at)
                    VALUES (:tenant, :old, 'transfer', :fund, -:ore, :at),
                        (:tenant, :new, 'transfer', :fund, :ore, :at)"""
                ),
                {"tenant": municipality.id, "old": old, "new": new, "fund": fund, "ore": ore, "at": clock.now()},
            )


# Of several households the one that the facts take; for a child that has left the register, the last one known.
_HOME = """
    SELECT coalesce(m.household_id, d.household_id) AS household_id,
        CASE WHEN NOT EXISTS (SELECT FROM household_member adult
            WHERE adult.household_id = m.household_id AND adult.relation = 'provider') THEN p.person_id END AS child_id
    FROM leisure_pass p JOIN determination d ON d.id = p.determination_id
    LEFT JOIN household_member m ON m.person_id = p.person_id LEFT JOIN household h ON h.id = m.household_id
    WHERE p.id = :pass ORDER BY m.relation = 'child' DESC, h.reference COLLATE "C" LIMIT 1
"""


def _queue_letter(session: Session, municipality: Municipality, pass_id: UUID) -> str:
    """A letter to where the child lives now, alone in its envelope where no provider lives there."""
    letter = session.execute(
        text(
            f"""INSERT INTO letter (tenant_id, number, kind, state, household_id, child_id, queued_at)
            SELECT :tenant, {NEXT_LETTER_NUMBER}, 'pass', 'queued', home.household_id, home.child_id, :at
            FROM ({_HOME}) AS home, (SELECT ({LAST_RUNNING_NUMBER}) + 1 AS number) AS n RETURNING id, number"""
        ),
        {"tenant": municipality.id, "pass": pass_id, "at": clock.now()},
    ).one()
    session.execute(
        text("INSERT INTO pass_letter (tenant_id, letter_id, pass_id) VALUES (:tenant, :letter, :pass)"),
        {"tenant": municipality.id, "letter": letter.id, "pass": pass_id},
    )
    return str(letter.number)
