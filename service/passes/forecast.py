"""What keeping a refresh would bring about: passes, letters, and passes that end. Counted as `issue` does it."""

from typing import Any

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.eligibility.account import Plan
from service.values.periods import previous


class Forecast(msgspec.Struct, frozen=True):
    """What would follow from a plan as things stand.

    `worth_ore` is what the new passes cost if all are used up. `letters` bring passes, `ended_letters` tell that there
    is none any more. `revoked` are passes that end at once, where the scheme takes them back.
    """

    passes: int
    worth_ore: int
    letters: int
    ended_letters: int
    revoked: int


def forecast(session: Session, plan: Plan) -> Forecast:
    """Count what issuing after the plan would do."""
    parameters = plan.version.parameters
    before = previous(parameters.period, plan.period).start
    values: dict[str, Any] = plan.bound() | {"start": plan.period.start, "before": before}
    due = session.execute(
        text(
            f"""SELECT count(*) AS passes, count(DISTINCT {_ENVELOPE}) AS letters FROM {plan.ruled()} AS n
            WHERE n.outcome = 'entitled' AND NOT EXISTS (SELECT FROM leisure_pass p
                WHERE p.scheme_id = :scheme AND p.valid_from = :start AND p.person_id = n.person_id)"""
        ),
        values,
    ).one()
    ended = session.execute(
        text(
            f"""SELECT count(DISTINCT {_ENVELOPE}) FROM {plan.ruled()} AS n
            JOIN leisure_pass p ON p.scheme_id = :scheme AND p.person_id = n.person_id AND p.valid_from = :before
                AND (p.state = 'live' OR p.ended_because = 'entitlement lost')
            WHERE n.outcome = 'not_entitled' AND NOT EXISTS (SELECT FROM ended_notice e
                WHERE e.scheme_id = :scheme AND e.period_start = :start AND e.person_id = n.person_id)"""
        ),
        values,
    ).scalar_one()
    return Forecast(
        passes=due.passes,
        worth_ore=due.passes * (parameters.amount_ore + parameters.equipment_ore),
        letters=due.letters,
        ended_letters=ended,
        revoked=0 if parameters.keep_when_lost else _revoked(session, plan, values),
    )


_ENVELOPE = "(n.household_id, CASE WHEN n.providers = 0 THEN n.person_id END)"


def _revoked(session: Session, plan: Plan, values: dict[str, Any]) -> int:
    counted: int = session.execute(
        text(
            f"""SELECT count(*) FROM leisure_pass p LEFT JOIN {plan.ruled()} AS n USING (person_id)
            WHERE p.scheme_id = :scheme AND p.valid_from = :start AND p.state = 'live'
                AND coalesce(n.outcome, 'not_entitled') = 'not_entitled'"""
        ),
        values,
    ).scalar_one()
    return counted
