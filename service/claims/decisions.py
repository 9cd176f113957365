"""What a case worker decides about claims that the rules leave to a person, and about approved ones that were wrong.

The club is told by the daily e-mail (`messages.py`), not by one for each decision.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.claims import ledger, terms
from service.claims.calendar import payment_after
from service.claims.ledger import Entry
from service.claims.rules import BY_HAND, REJECTED
from service.errors import Conflict, FieldError, Invalid, NotFound, Refused
from service.identity.actions import Municipality
from service.values import clock

LONGEST_NOTE = 500
MOST_AT_ONCE = 200
"""How many claims one act approves at most."""


class Several(msgspec.Struct, frozen=True):
    """What came of several claims that were to be approved at once; those that could not be, each with the reason."""

    approved: tuple[UUID, ...]
    left: tuple[tuple[UUID, Refused], ...]


def approve_claim(
    session: Session,
    municipality: Municipality,
    claim_id: UUID,
    actor: Actor,
    covered_ore: int | None = None,
    note: str | None = None,
) -> date:
    """Let a claim be paid that waits; returns the date that is promised. Less than it holds may be granted.

    Refused while the year's budget is used up and its hard stop in force.
    """
    claim = _locked(session, claim_id)
    if claim.state != "submitted":
        raise _moved_on()
    granted = claim.covered_ore if covered_ore is None else covered_ore
    if not 0 < granted <= claim.covered_ore:
        raise Invalid(
            "Some fields are wrong.",
            [FieldError("covered", "must be more than 0 and at most {most} kr", {"most": claim.covered_ore // 100})],
        )
    if granted < claim.covered_ore and not (note or "").strip():
        raise Invalid("Some fields are wrong.", [FieldError("note", "is needed: the club is told why it gets less")])
    if note is not None and len(note) > LONGEST_NOTE:
        raise Invalid(
            "Some fields are wrong.", [FieldError("note", "must be at most {most} characters", {"most": LONGEST_NOTE})]
        )
    _require_budget(session, claim, granted)
    at, today = clock.now(), clock.today(municipality.time_zone)
    dates = terms.payment_dates(session, today)
    expected = payment_after(today, dates, terms.habits(session), municipality.country)
    _change(session, claim_id, "approved", actor, covered=granted, reasons=[], note=note, expected=expected, ended=None)
    entries = [
        Entry(claim.pass_id, "release", claim.covered_ore, "claim"),
        Entry(claim.pass_id, "settle", -granted, "claim"),
    ]
    if granted < claim.covered_ore:
        rest = claim.covered_ore - granted
        entries += ledger.given_back(session, claim.pass_id, "release", rest, "claim")[1:]
    ledger.enter(session, municipality.id, claim.kind, entries, at, claim_id=claim_id)
    details = {"before": "submitted", "reduced": granted < claim.covered_ore}
    record(session, municipality.id, actor, "claims.approve", ("claim", claim_id), reason=note, details=details)
    return expected


def approve_claims(session: Session, municipality: Municipality, claims: Sequence[UUID], actor: Actor) -> Several:
    """Approve several claims whole, each by itself: one that was decided meanwhile, or finds no budget, is left."""
    if not 0 < len(claims) <= MOST_AT_ONCE:
        raise Invalid("Choose at least one claim, and at most {most}.", most=MOST_AT_ONCE)
    # The passes in the order of their ids and then the budgets in that of their years, as everywhere.
    session.execute(text(_LOCK_PASSES), {"claims": list(claims)})
    known = session.execute(text("SELECT id, year FROM claim WHERE id = ANY (:claims)"), {"claims": list(claims)}).all()
    years = {row.id: row.year for row in known}
    approved, left = [], []
    for claim_id in sorted(dict.fromkeys(claims), key=lambda one: (years.get(one, 0), one)):
        try:
            with session.begin_nested():
                approve_claim(session, municipality, claim_id, actor)
            approved.append(claim_id)
        except Refused as refusal:
            left.append((claim_id, refusal))
    return Several(tuple(approved), tuple(left))


def reject_claim(
    session: Session,
    municipality: Municipality,
    claim_id: UUID,
    reason: str,
    note: str,
    actor: Actor,
    seen: str | None = None,
) -> None:
    """Reject a claim that waits, or is approved and not being paid; its amount is the child's again.

    `reason` is a code of `rules.REJECTED` or `rules.BY_HAND`, `note` tells the club what to do. It names nobody. `seen`
    is the state in which the claim was when it was looked at: refused where it has moved on since.
    """
    wrong = [] if reason in (*REJECTED, *BY_HAND) else [FieldError("reason", "must be one of the reasons")]
    if not note.strip() or len(note) > LONGEST_NOTE:
        wrong.append(FieldError("note", "must be 1 to {most} characters: what the club can do", {"most": LONGEST_NOTE}))
    if wrong:
        raise Invalid("Some fields are wrong.", wrong)
    claim = _locked(session, claim_id)
    if claim.state not in ("submitted", "approved") or seen not in (None, claim.state):
        raise _moved_on()
    kind = "release" if claim.state == "submitted" else "reverse"
    entries = ledger.given_back(session, claim.pass_id, kind, claim.covered_ore, "claim")
    at = clock.now()
    _change(session, claim_id, "rejected", actor, covered=0, reasons=[reason], note=note, expected=None, ended=at)
    ledger.enter(session, municipality.id, claim.kind, entries, at, claim_id=claim_id)
    details = {"before": claim.state, "reason": reason}
    record(session, municipality.id, actor, "claims.reject", ("claim", claim_id), reason=note, details=details)


def _locked(session: Session, claim_id: UUID) -> Any:
    """The claim, with the lock on its pass first, as everywhere, and then on itself."""
    session.execute(text(_LOCK_PASS), {"id": claim_id})
    claim = session.execute(text(_CLAIM), {"id": claim_id}).one_or_none()
    if claim is None:
        raise NotFound("There is no such claim.")
    return claim


def _require_budget(session: Session, claim: Any, granted: int) -> None:
    values = {"scheme": claim.scheme_id, "year": claim.year}
    left = session.execute(text("SELECT budget_left(:scheme, :year, true)"), values).scalar()
    if left is None:
        return
    # What waits is counted as used, this claim among it; but claims that wait do not keep each other waiting.
    waiting = session.execute(text(_WAITING), values).scalar_one()
    if left["budget_left_ore"] + waiting < granted:
        raise Conflict(
            "The budget of {year} is used up. Somebody who may change budgets can lift the stop, with a reason.",
            year=claim.year,
        )


def _moved_on() -> Conflict:
    return Conflict("The claim has been decided or withdrawn meanwhile, or is being paid. Look at it again.")


def _change(session: Session, claim_id: UUID, state: str, actor: Actor, **values: Any) -> None:
    session.execute(text(_CHANGE), values | {"id": claim_id, "state": state, "at": clock.now(), "by": actor.account_id})


_LOCK_PASS = "SELECT 1 FROM leisure_pass WHERE id = (SELECT pass_id FROM claim WHERE id = :id) FOR UPDATE"
_LOCK_PASSES = """SELECT 1 FROM leisure_pass WHERE id IN (SELECT pass_id FROM claim WHERE id = ANY (:claims))
    ORDER BY id FOR UPDATE"""
_WAITING = """SELECT coalesce(sum(covered_ore), 0)::bigint FROM claim
    WHERE scheme_id = :scheme AND year = :year AND state = 'submitted'"""
_CLAIM = "SELECT pass_id, scheme_id, year, kind, state, covered_ore FROM claim WHERE id = :id FOR UPDATE"
# How long a club waited for a decision does not change when it turns out to have been wrong.
_CHANGE = """UPDATE claim SET state = :state, covered_ore = :covered, reasons = :reasons, note = :note, to_tell = true,
        decided_at = CASE WHEN state = 'submitted' THEN :at ELSE decided_at END,
        decided_by = CASE WHEN state = 'submitted' THEN :by ELSE decided_by END,
        expected_payment_date = :expected, ended_at = :ended
    WHERE id = :id"""
