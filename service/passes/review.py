"""What follows from a case worker's decision: the passes of a yes, and the letters that invite families to apply."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.locks import one_at_a_time
from service.eligibility import review, schemes
from service.eligibility.actions import one_at_a_time as one_decision_at_a_time
from service.eligibility.review import Act, Grounds, Round
from service.identity.actions import Municipality
from service.passes.issue import Issued, issue_to, queue_letters
from service.values import clock
from service.values.periods import Period
from service.values.secrecy import KeyRing


class Decided(msgspec.Struct, frozen=True):
    """What a decision came to; held, it issued nothing yet."""

    act: UUID
    state: str
    children: int
    passes_issued: int
    letters_queued: int


class Promise(msgspec.Struct, frozen=True):
    """What a yes to some children would give, in øre a child and altogether, and whether a second person is needed.

    `passes`: how many of them get one; who has or had a pass of the period gets no other.
    """

    children: int
    passes: int
    amount_ore: int
    total_ore: int
    held: bool


class Invited(msgspec.Struct, frozen=True):
    """Whom an invitation reaches: the children, and the letters that were queued (a household gets one a period)."""

    act: UUID
    children: int
    letters_queued: int


def promise(session: Session, municipality: Municipality, round_: Round, persons: Sequence[UUID]) -> Promise:
    """What a yes to these children would give."""
    parameters = schemes.version_on(session, municipality, round_.scheme, round_.on).parameters
    having: int = session.execute(
        text(
            """SELECT count(DISTINCT person_id) FROM leisure_pass
            WHERE scheme_id = :scheme AND valid_from = :start AND person_id = ANY (:persons)"""
        ),
        {"scheme": round_.scheme_id, "start": round_.period_start, "persons": list(persons)},
    ).scalar_one()
    passes, each = len(persons) - having, parameters.amount_ore + parameters.equipment_ore
    return Promise(len(persons), passes, each, each * passes, held=len(persons) > review.ALONE)


def say_yes(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    round_: Round,
    persons: Sequence[UUID],
    grounds: Grounds,
    actor: Actor,
) -> Decided:
    """Decide that undecided children are entitled and issue their passes, all or none; many are held first."""
    act = review.say_yes(session, municipality, round_, persons, grounds, actor)
    return _issued(session, municipality, keys, act, actor)


def approve_yes(session: Session, municipality: Municipality, keys: KeyRing, act_id: UUID, actor: Actor) -> Decided:
    """Approve a yes that another person made, and issue the passes."""
    return _issued(session, municipality, keys, review.approve_yes(session, municipality, act_id, actor), actor)


def _issued(session: Session, municipality: Municipality, keys: KeyRing, act: Act, actor: Actor) -> Decided:
    if act.run is None:
        return Decided(act.id, act.state, len(act.children), 0, 0)
    issued = issue_after_review(session, municipality, keys, act.run, act.children, actor)
    return Decided(act.id, act.state, len(act.children), issued.passes_issued, issued.letters_queued)


def issue_after_review(
    session: Session, municipality: Municipality, keys: KeyRing, run_id: UUID, persons: Sequence[UUID], actor: Actor
) -> Issued:
    """Issue the passes of the children whom a run of a review determined, in its transaction."""
    run = session.execute(
        text("SELECT scheme_id, period_start, period_end, parameter_version_id FROM refresh_run WHERE id = :id"),
        {"id": run_id},
    ).one()
    version = schemes.version_by_id(session, run.parameter_version_id)
    period = Period(run.period_start, run.period_end)
    issued = issue_to(session, municipality, keys, run.scheme_id, period, version.parameters, persons)
    details = msgspec.to_builtins(issued)
    record(session, municipality.id, actor, "passes.issue", ("refresh_run", run_id), details=details)
    return issued


def invite(
    session: Session, municipality: Municipality, round_: Round, persons: Sequence[UUID], reason: str, actor: Actor
) -> Invited:
    """Queue a letter that invites the families of undecided children to apply; a household gets one in a period.

    A child whose family has its letter already is noted as invited by that one. Without a provider in the household
    each child has an envelope of its own.
    """
    one_decision_at_a_time(session, round_.scheme_id)
    # Letter numbers run on, so whoever queues letters waits for the others.
    one_at_a_time(session, "letters", municipality.id)
    undecided = review.require_undecided(session, round_, persons)
    act = review.add_act(session, municipality, round_, "invitation", len(undecided), actor, reason)
    review.end_decisions(session, round_, list(undecided))
    values: dict[str, Any] = {
        "tenant": municipality.id,
        "act": act,
        "scheme": round_.scheme_id,
        "start": round_.period_start,
        "at": clock.now(),
        "determinations": list(undecided.values()),
    }
    session.execute(text(_INVITED_BEFORE), values)
    session.execute(text(_TO_INVITE), values)
    letters = queue_letters(session, values, "to_invite", "invitation")
    session.execute(text("DROP TABLE to_invite"))
    details = {"persons": len(undecided), "letters_queued": letters, "scheme": round_.scheme}
    record(session, municipality.id, actor, "review.invite", ("review_act", act), reason=reason, details=details)
    return Invited(act, len(undecided), letters)


_ENVELOPE = "CASE WHEN d.providers = 0 THEN d.person_id END"
_INVITED_BEFORE = f"""
    INSERT INTO review_decision (tenant_id, act_id, scheme_id, period_start, person_id, determination_id, letter_id)
    SELECT DISTINCT ON (d.person_id) :tenant, :act, :scheme, :start, d.person_id, d.id, l.id
    FROM determination d
    JOIN letter l ON l.household_id = d.household_id AND l.child_id IS NOT DISTINCT FROM {_ENVELOPE}
        AND l.kind = 'invitation' AND l.state <> 'cancelled'
    JOIN review_decision before ON before.letter_id = l.id AND before.scheme_id = :scheme
        AND before.period_start = :start
    WHERE d.id = ANY (:determinations) ORDER BY d.person_id, l.id DESC
"""
_TO_INVITE = f"""
    CREATE TEMP TABLE to_invite ON COMMIT DROP AS
    SELECT d.person_id, d.id AS determination_id, d.household_id, {_ENVELOPE} AS child_id FROM determination d
    WHERE d.id = ANY (:determinations) AND NOT EXISTS (
        SELECT FROM review_decision r WHERE r.act_id = :act AND r.person_id = d.person_id)
"""
