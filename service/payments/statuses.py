"""What the bank says, applied: each payment settled or rejected once, whatever is sent how often and in which order."""

from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.locks import one_at_a_time
from service.errors import Conflict, Invalid, NotFound
from service.identity.actions import Municipality
from service.payments.runs import close_if_done
from service.payments.status_files import REJECTED, SETTLED, Said, StatusFile, read_status_file
from service.values import clock

_UNKNOWN: Final = "unknown"


class Applied(msgspec.Struct, frozen=True):
    """What came of a file: how many payments by outcome of `models.OUTCOMES`. `repeated`: it had been read before."""

    file: UUID
    kind: str
    repeated: bool
    outcomes: dict[str, int]


def read_statuses(session: Session, municipality: Municipality, content: bytes, actor: Actor) -> Applied:
    """Read a file of the bank and apply what it says. The same file again changes nothing."""
    found = read_status_file(content)
    one_at_a_time(session, "payments", municipality.id)
    before: UUID | None = session.execute(
        text("SELECT id FROM status_file WHERE sha256 = :sha"), {"sha": found.sha256}
    ).scalar()
    if before is not None:
        return Applied(before, found.kind, True, _outcomes(session, before))
    run_id: UUID | None = session.execute(
        text("SELECT id FROM payment_run WHERE message_id = :message"), {"message": found.original}
    ).scalar()
    file_id: UUID = session.execute(
        text(
            """INSERT INTO status_file (tenant_id, sha256, kind, message_id, run_id, read_at, read_by)
            VALUES (:tenant, :sha, :kind, :message, :run, :at, :by) RETURNING id"""
        ),
        {"tenant": municipality.id, "sha": found.sha256, "kind": found.kind, "message": found.message_id}
        | {"run": run_id, "at": clock.now(), "by": actor.account_id},
    ).scalar_one()
    for place, said in enumerate(_each(session, found, run_id), start=1):
        _apply(session, municipality, file_id, place, said)
    for touched in session.execute(text(_TOUCHED), {"file": file_id}).scalars().all():
        close_if_done(session, touched)
    outcomes = _outcomes(session, file_id)
    record(session, municipality.id, actor, "payments.status.read", ("status_file", file_id), details=outcomes)
    return Applied(file_id, found.kind, False, outcomes)


def settle_by_hand(session: Session, municipality: Municipality, payment_id: UUID, actor: Actor) -> None:
    """Note that a payment which no file of the bank tells of, such as to a NemKonto, was carried out."""
    payment = _locked(session, payment_id)
    if payment.payee_kind == "account" or payment.state != "sent":
        raise Conflict("Only a payment to a NemKonto that is under way is noted by hand.")
    _settle(session, payment)
    close_if_done(session, payment.run_id)
    record(session, municipality.id, actor, "payments.settle", ("payment", payment_id))


def reject_by_hand(session: Session, municipality: Municipality, payment_id: UUID, reason: str, actor: Actor) -> None:
    """Note that a payment did not go through, though no file of the bank says so; its claims are owed again."""
    if not reason.strip():
        raise Invalid("A reason is needed.")
    payment = _locked(session, payment_id)
    if payment.state not in ("sent", "settled") or payment.amount_ore == 0:
        raise Conflict("The payment is not one that can come back.")
    _reject(session, payment, reason.strip()[:200])
    close_if_done(session, payment.run_id)
    record(session, municipality.id, actor, "payments.reject", ("payment", payment_id), reason=reason.strip())


def allow_retry(session: Session, municipality: Municipality, payment_id: UUID, reason: str, actor: Actor) -> None:
    """Let the claims of a rejected payment go to the same account again: the fault was not the account's."""
    if not reason.strip():
        raise Invalid("A reason is needed.")
    payment = _locked(session, payment_id)
    if payment.state != "rejected" or payment.retry_at is not None:
        raise Conflict("The payment is not rejected, or was released for another try already.")
    session.execute(
        text("UPDATE payment SET retry_at = :at, retry_by = :by WHERE id = :id"),
        {"id": payment_id, "at": clock.now(), "by": actor.account_id},
    )
    record(session, municipality.id, actor, "payments.retry", ("payment", payment_id), reason=reason.strip())


def _each(session: Session, found: StatusFile, run_id: UUID | None) -> list[Said]:
    """What is said, by payment: of the whole run it is said of each of its payments through the bank."""
    said: list[Said] = []
    for one in found.said:
        if one.end_to_end_id is not None or run_id is None:
            said.append(one)
            continue
        ids = session.execute(
            text("SELECT end_to_end_id FROM payment WHERE run_id = :run AND payee_kind = 'account' AND amount_ore > 0"),
            {"run": run_id},
        ).scalars()
        said += [msgspec.structs.replace(one, end_to_end_id=name) for name in ids]
    return said


def _apply(session: Session, municipality: Municipality, file_id: UUID, place: int, said: Said) -> None:
    payment = session.execute(
        text("SELECT * FROM payment WHERE end_to_end_id = :id FOR UPDATE"), {"id": said.end_to_end_id}
    ).one_or_none()
    outcome = _outcome(payment, said)
    if outcome == SETTLED:
        _settle(session, payment)
    elif outcome == REJECTED:
        _reject(session, payment, said.code or "rejected")
    # What was never sent may still be built anew: nothing is kept of it that names the payment.
    known = payment.id if payment and outcome != _UNKNOWN else None
    session.execute(
        text(
            """INSERT INTO status_entry (tenant_id, file_id, place, end_to_end_id, status, code, amount_ore, payment_id,
                outcome) VALUES (:tenant, :file, :place, :id, :status, :code, :ore, :payment, :outcome)"""
        ),
        {"tenant": municipality.id, "file": file_id, "place": place, "id": said.end_to_end_id, "status": said.status}
        | {"code": said.code, "ore": said.amount_ore, "payment": known, "outcome": outcome},
    )


def _outcome(payment: Any, said: Said) -> str:
    """What is to be done: nothing twice, and nothing where amount or state do not fit; a person looks at those."""
    if payment is None or payment.state in ("planned", "cancelled"):
        return _UNKNOWN
    if said.amount_ore is not None and said.amount_ore != payment.amount_ore:
        return "differs"
    if said.status == "pending" or said.status == payment.state:
        return "pending" if said.status == "pending" else "known"
    if payment.state == REJECTED:
        # It was to be paid anew: said to be settled after all, it may have been paid twice.
        return "conflict"
    return said.status


def _settle(session: Session, payment: Any) -> None:
    at = clock.now()
    session.execute(
        text("UPDATE payment SET state = 'settled', settled_at = :at WHERE id = :id"), {"id": payment.id, "at": at}
    )
    session.execute(
        text(
            """UPDATE claim SET state = 'paid', paid_at = :at WHERE state = 'in_payment'
            AND id IN (SELECT claim_id FROM payment_claim WHERE payment_id = :id AND live)"""
        ),
        {"id": payment.id, "at": at},
    )


def _reject(session: Session, payment: Any, because: str) -> None:
    """Its claims are owed again, what it took back of an over-payment is owed by the club again."""
    session.execute(
        text("UPDATE payment SET state = 'rejected', rejected_at = :at, rejected_because = :why WHERE id = :id"),
        {"id": payment.id, "at": clock.now(), "why": because},
    )
    session.execute(
        text(
            """UPDATE claim SET state = 'returned', paid_at = NULL WHERE state IN ('in_payment', 'paid')
            AND id IN (SELECT claim_id FROM payment_claim WHERE payment_id = :id AND live)"""
        ),
        {"id": payment.id},
    )
    for table in ("payment_claim", "recovery_use"):
        session.execute(text(f"UPDATE {table} SET live = false WHERE payment_id = :id"), {"id": payment.id})


def _locked(session: Session, payment_id: UUID) -> Any:
    row = session.execute(text("SELECT * FROM payment WHERE id = :id FOR UPDATE"), {"id": payment_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such payment.")
    return row


def _outcomes(session: Session, file_id: UUID) -> dict[str, int]:
    rows = session.execute(
        text("SELECT outcome, count(*) AS n FROM status_entry WHERE file_id = :file GROUP BY 1 ORDER BY 1"),
        {"file": file_id},
    )
    return {row.outcome: row.n for row in rows}


_TOUCHED = """SELECT DISTINCT p.run_id FROM status_entry e JOIN payment p ON p.id = e.payment_id
    WHERE e.file_id = :file"""
