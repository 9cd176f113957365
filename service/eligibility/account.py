"""What the rule says for all children, counted against the determinations in force."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlmodel import Session

from service.eligibility.models import OUTCOMES
from service.eligibility.parameters import Parameters
from service.eligibility.rules import bound, rule
from service.eligibility.schemes import Version
from service.values.periods import Period, period_of, previous


class Account(msgspec.Struct, frozen=True):
    """What the rule says for every child, against the determinations in force.

    `new` are entitled and were not; `lost` were and are not, also since they left the register; `unchanged` have the
    outcome they had. For a new period all three compare with the period before. `cost_ore`: if every pass were used up.
    `districts`: outcome counts by district.
    """

    children: int
    entitled: int
    not_entitled: int
    needs_review: int
    new: int
    lost: int
    unchanged: int
    entitled_before: int
    cost_ore: int
    reasons: dict[str, int]
    districts: dict[str, dict[str, int]]


class Plan(msgspec.Struct, frozen=True):
    """One application of the rule: which parameters to which facts, and what it compares with.

    `compared` is the first day of the period whose determinations are in force: this one or, where it has none yet, the
    one before.
    """

    version: Version
    fact_set_id: UUID
    on: date
    income_year: int
    period: Period
    compared: date

    def bound(self) -> dict[str, Any]:
        """The bind parameters of `ruled` and `IN_FORCE`."""
        return bound(self.version.parameters) | {
            "set": self.fact_set_id,
            "scheme": self.version.scheme_id,
            "compared": self.compared,
        }

    def ruled(self) -> str:
        """A subquery: the plan's facts with what the rule says of them."""
        return rule("(SELECT * FROM fact WHERE fact_set_id = :set)", self.version.parameters.bases)


IN_FORCE = "SELECT * FROM determination WHERE scheme_id = :scheme AND period_start = :compared AND ended_at IS NULL"


def plan_for(session: Session, version: Version, fact_set_id: UUID, on: date, income_year: int) -> Plan:
    """The plan for a date; its period is the one the parameters say the date lies in."""
    period = period_of(version.parameters.period, on)
    stands = session.execute(
        text(
            """SELECT EXISTS (SELECT FROM determination
            WHERE scheme_id = :scheme AND period_start = :start AND ended_at IS NULL)"""
        ),
        {"scheme": version.scheme_id, "start": period.start},
    ).scalar_one()
    compared = period.start if stands else previous(version.parameters.period, period).start
    return Plan(version, fact_set_id, on, income_year, period, compared)


def count(session: Session, plan: Plan) -> Account:
    """Apply the rule to every child and count; nothing is written."""
    rows = session.execute(
        text(
            f"""SELECT n.district, n.reason, n.outcome, before.outcome AS before, count(*) AS children
            FROM {plan.ruled()} AS n LEFT JOIN ({IN_FORCE}) AS before USING (person_id)
            GROUP BY 1, 2, 3, 4"""
        ),
        plan.bound(),
    ).all()
    vanished = session.execute(
        text(
            f"""SELECT count(*) FROM ({IN_FORCE}) AS d WHERE outcome = 'entitled'
            AND NOT EXISTS (SELECT FROM fact WHERE fact_set_id = :set AND fact.person_id = d.person_id)"""
        ),
        plan.bound(),
    ).scalar_one()
    return _account(rows, vanished, plan.version.parameters)


def _account(rows: Sequence[Row[Any]], vanished: int, parameters: Parameters) -> Account:
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    moves: Counter[str] = Counter()
    districts: dict[str, Counter[str]] = {}
    for row in rows:
        outcomes[row.outcome] += row.children
        reasons[row.reason] += row.children
        districts.setdefault(row.district, Counter())[row.outcome] += row.children
        is_entitled, was_entitled = row.outcome == "entitled", row.before == "entitled"
        moves["new"] += row.children * (is_entitled and not was_entitled)
        moves["lost"] += row.children * (was_entitled and not is_entitled)
        moves["before"] += row.children * was_entitled
        moves["unchanged"] += row.children * (row.outcome == row.before)
    return Account(
        children=outcomes.total(),
        entitled=outcomes["entitled"],
        not_entitled=outcomes["not_entitled"],
        needs_review=outcomes["needs_review"],
        new=moves["new"],
        lost=moves["lost"] + vanished,
        unchanged=moves["unchanged"],
        entitled_before=moves["before"] + vanished,
        cost_ore=outcomes["entitled"] * (parameters.amount_ore + parameters.equipment_ore),
        reasons={reason: reasons[reason] for reason in OUTCOMES if reasons[reason]},
        districts={name: dict(districts[name]) for name in sorted(districts)},
    )
