"""What the rule says for all children, counted against the determinations in force."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlmodel import Session

from service.eligibility.facts import facts_of
from service.eligibility.models import OUTCOMES
from service.eligibility.parameters import Parameters
from service.eligibility.rules import bound, rule
from service.eligibility.schemes import Version
from service.values.periods import Period, period_of, previous


class Account(msgspec.Struct, frozen=True):
    """What the rule says for every child, against the determinations in force.

    `new` are entitled and were not; `lost` were and are not, also since they left the register; `unchanged` have the
    outcome they had. For a new period all three compare with the period before. `cost_ore`: if every pass were used up.
    `districts`: outcome counts by district. `moves_by_district` counts new, lost and unchanged; `moves_by_reason` new
    and lost by the reason that counts now, `left_register` where the register names the child no more. Accounts of
    earlier versions have neither.
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
    moves_by_district: dict[str, dict[str, int]] = {}
    moves_by_reason: dict[str, dict[str, int]] = {}


LEFT_REGISTER = "left_register"
"""Stands where a reason would, for children whom the register names no more."""


class Plan(msgspec.Struct, frozen=True):
    """One application of the rule: which parameters to which facts, and what it compares with.

    Either to every child of a fact set or to some `persons`, whose facts come from the register as it is. `compared` is
    the first day of the period whose determinations are in force: this one or, where no refresh was kept in it yet, the
    one before.
    """

    version: Version
    fact_set_id: UUID | None
    on: date
    income_year: int
    period: Period
    compared: date
    persons: tuple[UUID, ...] | None = None

    def bound(self) -> dict[str, Any]:
        """The bind parameters of `ruled`, `in_force` and `vanished`."""
        of_facts: dict[str, Any] = {"set": self.fact_set_id}
        if self.persons is not None:
            of_facts = {"persons": list(self.persons), "on_date": self.on, "income_year": self.income_year}
        return bound(self.version.parameters) | of_facts | {"scheme": self.version.scheme_id, "compared": self.compared}

    def ruled(self) -> str:
        """A subquery: the plan's facts with what the rule says of them."""
        return rule(self.facts(), self.version.parameters.bases)

    def in_force(self) -> str:
        """A subquery: the determinations in force in `compared`, of the children that the plan is for."""
        theirs = "" if self.persons is None else " AND person_id = ANY (:persons)"
        return f"""(SELECT * FROM determination
            WHERE scheme_id = :scheme AND period_start = :compared AND ended_at IS NULL{theirs})"""

    def vanished(self) -> str:
        """The condition that a determination `d` is of a child without facts: one who has left the register."""
        return f"NOT EXISTS (SELECT FROM {self.facts()} AS f WHERE f.person_id = d.person_id)"

    def facts(self) -> str:
        """A subquery: the facts of the children that the plan is for."""
        if self.persons is None:
            return "(SELECT * FROM fact WHERE fact_set_id = :set)"
        theirs = "SELECT household_id FROM household_member WHERE person_id = ANY (:persons)"
        live = facts_of(f"m.household_id IN ({theirs})")
        return f"(SELECT * FROM {live} AS live WHERE person_id = ANY (:persons))"


def plan_for(session: Session, version: Version, fact_set_id: UUID, on: date, income_year: int) -> Plan:
    """The plan for a date; its period is the one the parameters say the date lies in."""
    period = period_of(version.parameters.period, on)
    # Of what case workers decided before the first refresh of a period nothing is new or lost.
    stands = session.execute(
        text(
            """SELECT EXISTS (SELECT FROM refresh_run r WHERE r.scheme_id = :scheme AND r.period_start = :start
            AND r.kind = 'refresh' AND r.state = 'committed')"""
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
            FROM {plan.ruled()} AS n LEFT JOIN {plan.in_force()} AS before USING (person_id)
            GROUP BY 1, 2, 3, 4"""
        ),
        plan.bound(),
    ).all()
    vanished = session.execute(
        text(
            f"""SELECT district, count(*) AS children FROM {plan.in_force()} AS d
            WHERE outcome = 'entitled' AND {plan.vanished()} GROUP BY 1"""
        ),
        plan.bound(),
    ).all()
    return _account(rows, {row.district: row.children for row in vanished}, plan.version.parameters)


def _account(rows: Sequence[Row[Any]], vanished: dict[str, int], parameters: Parameters) -> Account:
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    districts: dict[str, Counter[str]] = {}
    for row in rows:
        outcomes[row.outcome] += row.children
        reasons[row.reason] += row.children
        districts.setdefault(row.district, Counter())[row.outcome] += row.children
    by_district, by_reason = _moves(rows, vanished)
    moves: Counter[str] = Counter()
    for found in by_district.values():
        moves.update(found)
    before = sum(row.children for row in rows if row.before == "entitled")
    return Account(
        children=outcomes.total(),
        entitled=outcomes["entitled"],
        not_entitled=outcomes["not_entitled"],
        needs_review=outcomes["needs_review"],
        new=moves["new"],
        lost=moves["lost"],
        unchanged=moves["unchanged"],
        entitled_before=before + sum(vanished.values()),
        cost_ore=outcomes["entitled"] * (parameters.amount_ore + parameters.equipment_ore),
        reasons={reason: reasons[reason] for reason in OUTCOMES if reasons[reason]},
        districts={name: dict(districts[name]) for name in sorted(districts)},
        moves_by_district={name: dict(by_district[name]) for name in sorted(by_district)},
        moves_by_reason={name: dict(by_reason[name]) for name in (*OUTCOMES, LEFT_REGISTER) if name in by_reason},
    )


def _moves(
    rows: Sequence[Row[Any]], vanished: dict[str, int]
) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """Who is new, lost and unchanged: by district, and new and lost by reason."""
    by_district: dict[str, Counter[str]] = {}
    by_reason: dict[str, Counter[str]] = {}
    for row in rows:
        is_entitled, was_entitled = row.outcome == "entitled", row.before == "entitled"
        if is_entitled != was_entitled:
            move = "new" if is_entitled else "lost"
            by_district.setdefault(row.district, Counter())[move] += row.children
            by_reason.setdefault(row.reason, Counter())[move] += row.children
        elif row.outcome == row.before:
            by_district.setdefault(row.district, Counter())["unchanged"] += row.children
    for district, children in vanished.items():
        by_district.setdefault(district, Counter())["lost"] += children
        by_reason.setdefault(LEFT_REGISTER, Counter())["lost"] += children
    return by_district, by_reason
