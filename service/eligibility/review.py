"""What case workers decide about children whom the rule leaves to a person. A refusal is never made here.

A yes is an award of its own ground, valid until the period's end, so that the one rule says so now and at every later
refresh. The children it is about are determined anew at once; who calls issues their passes in the same transaction.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.eligibility import schemes
from service.eligibility.account import Plan, count
from service.eligibility.actions import add_run, one_at_a_time, write_determinations
from service.eligibility.models import ReviewAct
from service.errors import N_, Conflict, FieldError, Forbidden, Invalid, NotFound, Text
from service.identity.actions import Municipality
from service.values import clock
from service.values.periods import Period, period_of

ALONE = 20
"""To how many children one person may say yes at once; for more a second person approves."""

MOST = 1_000
"""About how many children one decision may be."""

Evidence = Literal["introduction_benefit", "income_statement", "other_municipality", "conversation", "other"]
_GROUNDS = {"yes": "review", "on_the_spot": "on_the_spot"}


class Round(msgspec.Struct, frozen=True):
    """A scheme's period that is not over, with the date and the income year of its last refresh."""

    scheme_id: UUID
    scheme: str
    period_start: date
    period_end: date
    on: date
    income_year: int


class Grounds(msgspec.Struct, frozen=True):
    """Why it is a yes: the reason, on what kind of evidence it rests, and where that is to be found."""

    reason: str
    evidence: Evidence
    reference: str | None = None


class Act(msgspec.Struct, frozen=True):
    """What came of a decision about these children: `held` until a second person approves it, or `done`.

    A yes that is done has a run.
    """

    id: UUID
    state: str
    children: tuple[UUID, ...]
    run: UUID | None


def rounds(session: Session, municipality: Municipality) -> list[Round]:
    """Every scheme's periods that are not over and have a refresh, the one that ends first before the others."""
    rows = session.execute(
        text(
            """SELECT r.scheme_id, s.name AS scheme, r.period_start, r.period_end, r.on_date AS on, r.income_year
            FROM (SELECT DISTINCT ON (scheme_id, period_start) * FROM refresh_run
                WHERE state = 'committed' AND kind = 'refresh' AND period_end >= :today
                ORDER BY scheme_id, period_start, committed_at DESC, id DESC) AS r
            JOIN scheme s ON s.id = r.scheme_id ORDER BY r.period_end, s.name COLLATE "C" """
        ),
        {"today": clock.today(municipality.time_zone)},
    )
    return [msgspec.convert(row, Round, from_attributes=True) for row in rows]


def find_round(
    session: Session, municipality: Municipality, scheme: str | None, period_start: date | None
) -> Round | None:
    """The round that is named, or the one that ends first; None where there is no refresh yet."""
    found = [
        one
        for one in rounds(session, municipality)
        if scheme in (None, one.scheme) and period_start in (None, one.period_start)
    ]
    if found:
        return found[0]
    if scheme is None and period_start is None:
        return None
    raise NotFound("There is no such period with a refresh that is not over yet.")


def say_yes(
    session: Session, municipality: Municipality, round_: Round, persons: Sequence[UUID], grounds: Grounds, actor: Actor
) -> Act:
    """Decide that children who are undecided are entitled: all or none. Held where they are more than `ALONE`."""
    one_at_a_time(session, round_.scheme_id)
    undecided = require_undecided(session, round_, persons)
    held = len(undecided) > ALONE
    act_id = add_act(session, municipality, round_, "yes", len(undecided), actor, grounds, held=held)
    end_decisions(session, round_, list(undecided))
    add_decisions(session, municipality, round_, act_id, undecided)
    details = {"persons": len(undecided), "evidence": grounds.evidence, "scheme": round_.scheme}
    action = "review.yes.held" if held else "review.yes"
    record(session, municipality.id, actor, action, ("review_act", act_id), reason=grounds.reason, details=details)
    if held:
        return Act(act_id, "held", tuple(undecided), None)
    run = determine(session, municipality, round_, "yes", list(undecided), round_.on, actor)
    _settle(session, act_id, "done", run, None)
    return Act(act_id, "done", tuple(undecided), run)


def approve_yes(session: Session, municipality: Municipality, act_id: UUID, actor: Actor) -> Act:
    """Let a yes to many children count, as it was made. Refused to whoever made it."""
    act = _held_act(session, municipality, act_id)
    round_ = _round_of(session, municipality, act)
    if actor.account_id is None:
        raise Forbidden("A person must approve this; a system may not.")
    if act.made_by == actor.account_id:
        raise Conflict("Whoever decided it cannot approve it; a second person must.")
    rows = session.execute(
        text("SELECT person_id, determination_id FROM review_decision WHERE act_id = :act AND ended_at IS NULL"),
        {"act": act_id},
    ).all()
    persons = [row.person_id for row in rows]
    now = _undecided(session, round_, persons)
    if changed := sum(now.get(row.person_id, (None, None))[0] != row.determination_id for row in rows):
        raise Conflict(
            "{count} of the children were determined anew since. Withdraw this decision, and decide again.",
            count=changed,
        )
    run = determine(session, municipality, round_, "yes", persons, round_.on, actor)
    _settle(session, act_id, "done", run, actor)
    details = {"persons": len(persons), "scheme": round_.scheme}
    record(session, municipality.id, actor, "review.yes.approve", ("review_act", act_id), details=details)
    return Act(act_id, "done", tuple(persons), run)


def withdraw_yes(session: Session, municipality: Municipality, act_id: UUID, actor: Actor) -> None:
    """Take back a yes that no second person has approved; its children are undecided as before."""
    _held_act(session, municipality, act_id)
    _settle(session, act_id, "withdrawn", None, actor)
    session.execute(
        text("UPDATE review_decision SET ended_at = :at WHERE act_id = :act AND ended_at IS NULL"),
        {"act": act_id, "at": clock.now()},
    )
    record(session, municipality.id, actor, "review.yes.withdraw", ("review_act", act_id))


def leave(
    session: Session,
    municipality: Municipality,
    round_: Round,
    persons: Sequence[UUID],
    reason: str,
    until: date | None,
    actor: Actor,
) -> Act:
    """Leave undecided children aside, with a reason, until a day or the end of the period."""
    last = until or round_.period_end
    if not clock.today(municipality.time_zone) < last <= round_.period_end:
        wrong = FieldError("until", "must lie after today and not after {end}", {"end": round_.period_end})
        raise Invalid("Some fields are wrong.", [wrong])
    one_at_a_time(session, round_.scheme_id)
    undecided = require_undecided(session, round_, persons)
    act_id = add_act(session, municipality, round_, "deferral", len(undecided), actor, reason, until=last)
    end_decisions(session, round_, list(undecided))
    add_decisions(session, municipality, round_, act_id, undecided)
    details = {"persons": len(undecided), "end": last.isoformat(), "scheme": round_.scheme}
    record(session, municipality.id, actor, "review.leave", ("review_act", act_id), reason=reason, details=details)
    return Act(act_id, "done", tuple(undecided), None)


def take_back(
    session: Session, municipality: Municipality, round_: Round, persons: Sequence[UUID], actor: Actor
) -> int:
    """Take children who were left aside into the queue again; returns how many of them were."""
    one_at_a_time(session, round_.scheme_id)
    taken = session.execute(
        text(
            """UPDATE review_decision d SET ended_at = :at FROM review_act a
            WHERE a.id = d.act_id AND a.kind = 'deferral' AND d.ended_at IS NULL AND d.scheme_id = :scheme
                AND d.period_start = :start AND d.person_id = ANY (:persons) RETURNING d.act_id"""
        ),
        _of(round_) | {"persons": list(persons), "at": clock.now()},
    ).scalars()
    acts = Counter(taken)
    for act_id, children in acts.items():
        details = {"persons": children, "scheme": round_.scheme}
        record(session, municipality.id, actor, "review.take_back", ("review_act", act_id), details=details)
    return acts.total()


def require_undecided(session: Session, round_: Round, persons: Sequence[UUID]) -> dict[UUID, UUID]:
    """The determination of each of these children; refused where one is not undecided any more."""
    asked = set(persons)
    if not asked:
        raise Invalid("Choose at least one child.")
    if len(asked) > MOST:
        raise Invalid("This is about {count} children; at most {most} go at once.", count=len(asked), most=MOST)
    found = _undecided(session, round_, list(asked))
    if gone := len(asked) - len(found):
        raise Conflict("{count} of the children are not undecided any more. Load the queue again.", count=gone)
    if waiting := sum(state == "held" for _, state in found.values()):
        raise Conflict("{count} of the children wait for a second person's approval already.", count=waiting)
    return {person: determination for person, (determination, _) in found.items()}


def _undecided(session: Session, round_: Round, persons: list[UUID]) -> dict[UUID, tuple[UUID, str | None]]:
    """By child: the determination that leaves it to a person, and the state of a yes to it if there is one."""
    rows = session.execute(
        text(
            """SELECT d.person_id, d.id, a.state FROM determination d
            LEFT JOIN review_decision live ON live.scheme_id = d.scheme_id AND live.period_start = d.period_start
                AND live.person_id = d.person_id AND live.ended_at IS NULL
            LEFT JOIN review_act a ON a.id = live.act_id AND a.kind = 'yes'
            WHERE d.scheme_id = :scheme AND d.period_start = :start AND d.ended_at IS NULL
                AND d.outcome = 'needs_review' AND d.person_id = ANY (:persons)"""
        ),
        _of(round_) | {"persons": persons},
    )
    return {row.person_id: (row.id, row.state) for row in rows}


def determine(
    session: Session,
    municipality: Municipality,
    round_: Round,
    kind: str,
    persons: list[UUID],
    on: date,
    actor: Actor,
) -> UUID:
    """Make the awards of a yes and determine these children anew as of a date; returns the run.

    Refused where the rule does not find all of them entitled even so: they are outside of the ages, or have left.
    """
    version = schemes.version_on(session, municipality, round_.scheme, on)
    period = period_of(version.parameters.period, on)
    if period != Period(round_.period_start, round_.period_end):
        raise Conflict("The scheme's periods have changed. Run a refresh, then decide again.")
    session.execute(
        text(
            """INSERT INTO award (tenant_id, identity_hash, ground, valid_from, valid_to, percent, learned_at)
            SELECT :tenant, identity_hash, :ground, :first, :last, 100, :at FROM person WHERE id = ANY (:persons)
            ON CONFLICT (tenant_id, identity_hash, ground, valid_from)
                DO UPDATE SET valid_to = greatest(award.valid_to, excluded.valid_to)"""
        ),
        {
            "tenant": municipality.id,
            "ground": _GROUNDS[kind],
            # A refresh as of the same date as the last one must find it, too.
            "first": min(on, round_.on),
            "last": period.end,
            "at": clock.now(),
            "persons": persons,
        },
    )
    plan = Plan(version, None, on, round_.income_year, period, period.start, tuple(persons))
    account = count(session, plan)
    if account.entitled != len(persons):
        raise Conflict(
            "{count} of the children are outside of the scheme's ages or have left the register: they can get no pass. "
            "Run a refresh, then decide again.",
            count=len(persons) - account.entitled,
        )
    run = add_run(session, municipality.id, plan, account, None, actor)
    write_determinations(session, municipality.id, plan, run)
    return run


def add_act(
    session: Session,
    municipality: Municipality,
    round_: Round,
    kind: str,
    children: int,
    actor: Actor,
    why: Grounds | str,
    *,
    held: bool = False,
    until: date | None = None,
    run: UUID | None = None,
) -> UUID:
    """Note what somebody did; returns its id."""
    grounds = why if isinstance(why, Grounds) else None
    reason = (grounds.reason if grounds else str(why)).strip()
    if not reason:
        raise Invalid("Some fields are wrong.", [FieldError("reason", "is missing")])
    act = ReviewAct(
        tenant_id=municipality.id,
        kind=kind,
        # A yes is done once its run stands.
        state="held" if held or (kind in _GROUNDS and run is None) else "done",
        scheme_id=round_.scheme_id,
        period_start=round_.period_start,
        period_end=round_.period_end,
        children=children,
        reason=reason,
        evidence=grounds.evidence if grounds else None,
        reference=((grounds.reference or "").strip() or None) if grounds else None,
        until=until,
        made_at=clock.now(),
        made_by=actor.account_id,
        run_id=run,
    )
    session.add(act)
    session.flush()
    return act.id


def end_decisions(session: Session, round_: Round, persons: list[UUID]) -> None:
    """End what was decided about children before: something else takes its place."""
    session.execute(
        text(
            """UPDATE review_decision SET ended_at = :at WHERE scheme_id = :scheme AND period_start = :start
            AND person_id = ANY (:persons) AND ended_at IS NULL"""
        ),
        _of(round_) | {"persons": persons, "at": clock.now()},
    )


def add_decisions(
    session: Session,
    municipality: Municipality,
    round_: Round,
    act_id: UUID,
    decided: dict[UUID, UUID] | dict[UUID, UUID | None],
) -> None:
    """Note what was done for each child, with the determination that it was about."""
    session.execute(
        text(
            """INSERT INTO review_decision (tenant_id, act_id, scheme_id, period_start, person_id, determination_id)
            SELECT :tenant, :act, :scheme, :start, d.person, d.determination
            FROM unnest(CAST(:persons AS uuid[]), CAST(:determinations AS uuid[])) AS d (person, determination)"""
        ),
        _of(round_)
        | {"tenant": municipality.id, "act": act_id}
        | {"persons": list(decided), "determinations": list(decided.values())},
    )


def _held_act(session: Session, municipality: Municipality, act_id: UUID) -> ReviewAct:
    """A yes that waits for a second person; nobody else settles it until this transaction ends."""
    act = session.get(ReviewAct, (municipality.id, act_id))
    if act is None:
        raise NotFound("There is no decision {id}.", id=act_id)
    one_at_a_time(session, act.scheme_id)
    session.refresh(act)
    if act.state != "held":
        raise Conflict("The decision is {state} already.", state=Text(_STATES[act.state]))
    return act


def _round_of(session: Session, municipality: Municipality, act: ReviewAct) -> Round:
    for round_ in rounds(session, municipality):
        if (round_.scheme_id, round_.period_start) == (act.scheme_id, act.period_start):
            return round_
    raise Conflict("The period is over; a decision of it can only be withdrawn.")


_STATES = {"done": N_("done"), "withdrawn": N_("withdrawn")}


def _settle(session: Session, act_id: UUID, state: str, run: UUID | None, actor: Actor | None) -> None:
    session.execute(
        text(
            """UPDATE review_act SET state = :state, run_id = :run, settled_at = :at, settled_by = :by
            WHERE id = :act"""
        ),
        {
            "act": act_id,
            "state": state,
            "run": run,
            "at": clock.now() if actor else None,
            "by": actor.account_id if actor else None,
        },
    )


def _of(round_: Round) -> dict[str, object]:
    return {"scheme": round_.scheme_id, "start": round_.period_start}
