"""The three steps of a payment run, each by another person: create, approve, release. And taking it back.

Nothing is promised by a step that was true only when the run was made: at each of them it is built anew and compared.
"""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.claims.calendar import payment_after
from service.claims.terms import habits, payment_dates
from service.database.locks import one_at_a_time
from service.errors import N_, Conflict, Forbidden, Invalid, NotFound
from service.identity.actions import Municipality
from service.payments.bank_file import BankFile, write_bank_file
from service.payments.plan import Plan, build_plan
from service.payments.settings import CURRENCIES, require_debtor
from service.values import clock


class Run(msgspec.Struct, frozen=True):
    """A run as it stands: `payments` bring money, `total_ore` in all; `waiting` counts claims left out, by reason."""

    run: UUID
    number: int
    state: str
    until: date
    pays_on: date
    payments: int
    claims: int
    total_ore: int
    waiting: dict[str, int]


def create_run(
    session: Session, municipality: Municipality, until: date, actor: Actor, pays_on: date | None = None
) -> Run:
    """Collect what was approved until a day into a run. Refused while another is open, and where nothing is payable.

    Without `pays_on` it is paid on the municipality's next payment date.
    """
    _one_at_a_time(session, municipality)
    open_run = session.execute(text("SELECT number FROM payment_run WHERE state IN ('created', 'approved')")).scalar()
    if open_run is not None:
        raise Conflict("Payment run {number} is still open. Release or cancel it first.", number=open_run)
    today = clock.today(municipality.time_zone)
    dates, known = payment_dates(session, today), habits(session)
    on = pays_on or payment_after(min(until, today), dates, known, municipality.country)
    if pays_on is None and on < today:
        # The date of that cutoff went by without a run: the next one pays it.
        on = payment_after(today, dates, known, municipality.country)
    if on < today:
        raise Invalid("A run cannot be paid on {date}: that day is over.", date=on)
    at = clock.now()
    plan = build_plan(session, municipality, until, on, at)
    if not plan.claims:
        raise Conflict(_NOTHING_BUT_WAITING if plan.waiting else _NOTHING, until=until)
    made: UUID = session.execute(
        text(_CREATE),
        {"tenant": municipality.id, "until": until, "on": on, "at": at, "by": actor.account_id}
        | {"currency": CURRENCIES[municipality.country], **_figures(plan)},
    ).scalar_one()
    _fill(session, municipality, made, plan)
    details = {"payments": plan.payments, "claims": plan.claims, "total_ore": plan.total_ore}
    record(session, municipality.id, actor, "payments.run.create", ("payment_run", made), details=details)
    return run_of(session, made)


def renew_run(session: Session, municipality: Municipality, run_id: UUID, actor: Actor) -> Run:
    """Build an open run anew from what is payable now. Whoever does it counts as its creator; an approval is void."""
    _one_at_a_time(session, municipality)
    run = _locked(session, run_id)
    if run.state not in ("created", "approved"):
        raise _moved_on(run.state)
    at = clock.now()
    plan = build_plan(session, municipality, run.until, run.pays_on, at, run_id)
    if not plan.claims:
        raise Conflict("Nothing of run {number} is payable any more. Cancel it.", number=run.number)
    for table in ("payment_claim", "recovery_use"):
        session.execute(
            text(f"DELETE FROM {table} WHERE payment_id IN (SELECT id FROM payment WHERE run_id = :run)"),
            {"run": run_id},
        )
    for table in ("payment", "run_waiting"):
        session.execute(text(f"DELETE FROM {table} WHERE run_id = :run"), {"run": run_id})
    session.execute(text(_RENEW), {"id": run_id, "at": at, "by": actor.account_id, **_figures(plan)})
    _fill(session, municipality, run_id, plan)
    record(session, municipality.id, actor, "payments.run.renew", ("payment_run", run_id))
    return run_of(session, run_id)


def approve_run(session: Session, municipality: Municipality, run_id: UUID, actor: Actor) -> Run:
    """Approve a run that somebody else, or the timetable, made. Refused where something has changed since."""
    _one_at_a_time(session, municipality)
    run = _locked(session, run_id)
    if run.state != "created":
        raise _moved_on(run.state)
    if actor.account_id is None or actor.account_id == run.created_by:
        raise Forbidden("You made this run yourself. Somebody else must approve it.")
    if _changed(session, municipality, run):
        raise Conflict(
            "Claims or accounts have changed since run {number} was made. Renew it first.", number=run.number
        )
    session.execute(
        text(
            """UPDATE payment_run SET state = 'approved', approved_at = :at, approved_by = :by, voided_because = NULL
            WHERE id = :id"""
        ),
        {"id": run_id, "at": clock.now(), "by": actor.account_id},
    )
    record(session, municipality.id, actor, "payments.run.approve", ("payment_run", run_id))
    return run_of(session, run_id)


class Released(msgspec.Struct, frozen=True):
    """A run that was released with its file for the bank, or one whose approval was found to be void: no file then."""

    run: Run
    file: BankFile | None


def release_run(session: Session, municipality: Municipality, run_id: UUID, actor: Actor) -> Released:
    """Release an approved run: a third person's step, after which the money is on its way.

    Its file is made and checked here, so that nothing is released whose file the bank would refuse. Where something has
    changed since the approval, the approval is void and nothing is released: the run's state is `created` again.
    """
    _one_at_a_time(session, municipality)
    run = _locked(session, run_id)
    if run.state != "approved":
        raise _moved_on(run.state)
    if actor.account_id is None or actor.account_id in (run.created_by, run.approved_by):
        raise Forbidden("You made or approved this run yourself. A third person must release it.")
    if _changed(session, municipality, run):
        session.execute(text(_VOID), {"id": run_id, "because": "changed"})
        record(session, municipality.id, actor, "payments.run.void", ("payment_run", run_id))
        return Released(run_of(session, run_id), None)
    debtor = require_debtor(session, municipality)
    today = clock.today(municipality.time_zone)
    values = {"id": run_id, "at": clock.now(), "by": actor.account_id, "format": debtor.file_format}
    values |= {
        "message": f"MEDSPILLER-{municipality.code}-{run.number}",
        "debtor": msgspec.json.encode(debtor).decode(),
    }
    # A day that has gone by since the run was made is no day to pay on.
    values["on"] = max(run.pays_on, today)
    session.execute(text(_RELEASE), values)
    for statement in _RELEASE_PAYMENTS:
        session.execute(text(statement), {"run": run_id, "at": clock.now()})
    close_if_done(session, run_id)
    file = write_bank_file(session, run_id)
    session.execute(
        text("UPDATE payment_run SET file_sha256 = :sha WHERE id = :id"), {"id": run_id, "sha": file.sha256}
    )
    record(session, municipality.id, actor, "payments.run.release", ("payment_run", run_id))
    return Released(run_of(session, run_id), file)


def cancel_run(session: Session, municipality: Municipality, run_id: UUID, reason: str, actor: Actor) -> Run:
    """Take an open run back: its claims are payable again."""
    if not reason.strip():
        raise Invalid("A reason is needed.")
    _one_at_a_time(session, municipality)
    run = _locked(session, run_id)
    if run.state not in ("created", "approved"):
        raise _moved_on(run.state)
    for table in ("payment_claim", "recovery_use"):
        session.execute(
            text(
                f"""UPDATE {table} SET live = false
                WHERE payment_id IN (SELECT id FROM payment WHERE run_id = :run)"""
            ),
            {"run": run_id},
        )
    session.execute(text("UPDATE payment SET state = 'cancelled' WHERE run_id = :run"), {"run": run_id})
    session.execute(
        text("UPDATE payment_run SET state = 'cancelled', ended_at = :at WHERE id = :id"),
        {"id": run_id, "at": clock.now()},
    )
    record(session, municipality.id, actor, "payments.run.cancel", ("payment_run", run_id), reason=reason.strip())
    return run_of(session, run_id)


def run_of(session: Session, run_id: UUID) -> Run:
    """A run as it stands."""
    row = session.execute(text(_RUN), {"id": run_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such payment run.")
    return msgspec.convert(row, Run, from_attributes=True)


def find_run(session: Session, number: int) -> UUID:
    """The id of a run by its number."""
    found: UUID | None = session.execute(
        text("SELECT id FROM payment_run WHERE number = :number"), {"number": number}
    ).scalar()
    if found is None:
        raise NotFound("There is no payment run {number}.", number=number)
    return found


def close_if_done(session: Session, run_id: UUID) -> None:
    """Close a released run of which no payment is under way; one that came back late opens it for nobody."""
    session.execute(text(_CLOSE), {"run": run_id, "at": clock.now()})


def _one_at_a_time(session: Session, municipality: Municipality) -> None:
    one_at_a_time(session, "payments", municipality.id)


def _locked(session: Session, run_id: UUID) -> Any:
    run = session.execute(text("SELECT * FROM payment_run WHERE id = :id FOR UPDATE"), {"id": run_id}).one_or_none()
    if run is None:
        raise NotFound("There is no such payment run.")
    return run


def _changed(session: Session, municipality: Municipality, run: Any) -> bool:
    """Whether the run, built again as of when it was made, says anything else. Locks its claims against change."""
    session.execute(
        text(
            """SELECT c.id FROM claim c JOIN payment_claim l ON l.claim_id = c.id JOIN payment p ON p.id = l.payment_id
            WHERE p.run_id = :run ORDER BY c.id FOR UPDATE OF c"""
        ),
        {"run": run.id},
    )
    plan = build_plan(session, municipality, run.until, run.pays_on, run.as_of, run.id)
    return bool(plan.content != run.content)


def _figures(plan: Plan) -> dict[str, Any]:
    return {
        "content": plan.content,
        "payments": plan.payments,
        "claims": plan.claims,
        "total": plan.total_ore,
    }


def _fill(session: Session, municipality: Municipality, run_id: UUID, plan: Plan) -> None:
    """Write what the plan's temporary tables hold."""
    for statement in _FILL:
        session.execute(text(statement), {"tenant": municipality.id, "run": run_id})
    for one in plan.waiting:
        session.execute(
            text(
                """INSERT INTO run_waiting (tenant_id, run_id, club_id, reason, claims, amount_ore)
                VALUES (:tenant, :run, :club, :reason, :claims, :ore)"""
            ),
            {"tenant": municipality.id, "run": run_id, "club": one.club_id, "reason": one.reason}
            | {"claims": one.claims, "ore": one.amount_ore},
        )
    session.execute(text("ANALYZE payment, payment_claim, recovery_use"))


def _moved_on(state: str) -> Conflict:
    if state in _MOVED_ON:
        return Conflict(_MOVED_ON[state])
    return Conflict("The run is not in the state for this. Look at it again.")


_MOVED_ON = {
    "created": N_("The run must be approved first."),
    "approved": N_("The run is approved already."),
    "released": N_("The run was released already."),
    "closed": N_("The run was released already."),
    "cancelled": N_("The run was cancelled."),
}
_NOTHING = N_("No claim is to be paid that was approved until {until}.")
_NOTHING_BUT_WAITING = N_("Nothing can be paid until {until}: the claims there are wait for an account of their club.")

_CREATE = """
    INSERT INTO payment_run (tenant_id, number, state, until, pays_on, as_of, currency, content, payments, claims,
        total_ore, created_at, created_by)
    SELECT :tenant, coalesce(max(number), 0) + 1, 'created', :until, :on, :at, :currency, :content, :payments, :claims,
        :total, :at, :by
    FROM payment_run RETURNING id
"""
_RENEW = """
    UPDATE payment_run SET state = 'created', as_of = :at, content = :content, payments = :payments, claims = :claims,
        total_ore = :total, created_at = :at, created_by = :by, approved_at = NULL, approved_by = NULL,
        voided_because = NULL
    WHERE id = :id
"""
_VOID = """UPDATE payment_run SET state = 'created', approved_at = NULL, approved_by = NULL, voided_because = :because
    WHERE id = :id"""
_RELEASE = """
    UPDATE payment_run SET state = 'released', released_at = :at, released_by = :by, message_id = :message,
        file_format = :format, debtor = CAST(:debtor AS jsonb), pays_on = :on
    WHERE id = :id
"""

_FILL = (
    """INSERT INTO payment (tenant_id, run_id, place, club_id, club_name, club_number, payee_id, payee_kind, account,
        cost_centre, reference_kind, reference, creditor, gross_ore, recovered_ore, state, end_to_end_id)
    SELECT :tenant, r.id, p.place, p.club_id, p.name, p.number, p.payee_id, p.kind, p.account, p.cost_centre,
        p.reference_kind, p.reference, p.creditor, p.gross_ore, p.recovered_ore, 'planned',
        'MS' || upper(substr(replace(uuidv7()::text, '-', ''), 1, 24)) || lpad(p.place::text, 6, '0')
    FROM plan_payment p JOIN payment_run r ON r.id = :run""",
    "ANALYZE payment",
    """INSERT INTO payment_claim (tenant_id, payment_id, claim_id, amount_ore, live)
    SELECT :tenant, p.id, c.claim_id, c.covered_ore, true
    FROM plan_claim c JOIN payment p ON p.run_id = :run AND p.club_id = c.club_id""",
    """INSERT INTO recovery_use (tenant_id, payment_id, recovery_id, amount_ore, live)
    SELECT :tenant, p.id, r.recovery_id, r.amount_ore, true
    FROM plan_recovery r JOIN payment p ON p.run_id = :run AND p.club_id = r.club_id""",
)

# What needs no bank is settled here: postings within the municipality, and what was netted away whole.
_SETTLED_HERE = "(payee_kind = 'cost_centre' OR amount_ore = 0)"
_RELEASE_PAYMENTS = (
    """UPDATE claim SET state = 'approved' WHERE state = 'returned' AND id IN (
        SELECT l.claim_id FROM payment_claim l JOIN payment p ON p.id = l.payment_id
        WHERE p.run_id = :run AND l.live)""",
    """UPDATE claim c SET state = 'in_payment' FROM payment_claim l JOIN payment p ON p.id = l.payment_id
    WHERE p.run_id = :run AND l.live AND c.id = l.claim_id""",
    f"""UPDATE payment SET state = CASE WHEN {_SETTLED_HERE} THEN 'settled' ELSE 'sent' END,
        settled_at = CASE WHEN {_SETTLED_HERE} THEN CAST(:at AS timestamptz) END
    WHERE run_id = :run""",
    """UPDATE claim c SET state = 'paid', paid_at = :at FROM payment_claim l JOIN payment p ON p.id = l.payment_id
    WHERE p.run_id = :run AND p.state = 'settled' AND l.live AND c.id = l.claim_id""",
)
_CLOSE = """
    UPDATE payment_run SET state = 'closed', ended_at = :at WHERE id = :run AND state = 'released'
        AND NOT EXISTS (SELECT FROM payment WHERE run_id = :run AND state = 'sent')
"""

_RUN = """
    SELECT r.id AS run, r.number, r.state, r.until, r.pays_on, r.payments, r.claims, r.total_ore,
        coalesce((SELECT jsonb_object_agg(w.reason, w.claims) FROM (
            SELECT reason, sum(claims) AS claims FROM run_waiting WHERE run_id = r.id GROUP BY reason) AS w), '{}')
            AS waiting
    FROM payment_run r WHERE r.id = :id
"""
