"""What changed parameters would do: the same children judged by the parameters in force and by the changed ones."""

from collections import Counter
from datetime import date

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.eligibility import schemes
from service.eligibility.actions import require_incomes
from service.eligibility.facts import fact_set
from service.eligibility.parameters import Parameters, read_parameters
from service.eligibility.rules import bound, rule
from service.identity.actions import Municipality
from service.values import clock


class Outcomes(msgspec.Struct, frozen=True):
    """How many children have which outcome, and what it costs if every pass is used up."""

    entitled: int
    not_entitled: int
    needs_review: int
    cost_ore: int


class Comparison(msgspec.Struct, frozen=True):
    """What changes for the children of the register.

    `gain` would be entitled and are not by the parameters in force; `lose` are and would not be. `districts` counts by
    district: `entitled` now, `entitled_then`, `gain` and `lose`.
    """

    children: int
    now: Outcomes
    then: Outcomes
    gain: int
    lose: int
    districts: dict[str, dict[str, int]]


def compare(
    session: Session,
    municipality: Municipality,
    scheme: str,
    on: date,
    income_year: int | None,
    changes: dict[str, str],
) -> Comparison:
    """Compare the parameters in force on a date with the same after `changes`, which are written as for `scheme set`.

    Nothing of it is kept but the facts for the date, which the next comparison and the next refresh take as they are.
    """
    version = schemes.version_on(session, municipality, scheme, on)
    now, then = version.parameters, read_parameters(changes, version.parameters)
    year = income_year if income_year is not None else on.year
    require_incomes(session, year)
    facts = "(SELECT * FROM fact WHERE fact_set_id = :set)"
    rows = session.execute(
        text(
            f"""SELECT now.district, now.outcome AS before, changed.outcome AS after, count(*) AS children
            FROM {rule(facts, now.bases, "now_")} AS now
            JOIN {rule(facts, then.bases, "then_")} AS changed USING (person_id) GROUP BY 1, 2, 3"""
        ),
        bound(now, "now_") | bound(then, "then_") | {"set": fact_set(session, municipality.id, on, year, clock.now())},
    )
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    districts: dict[str, Counter[str]] = {}
    for row in rows:
        before[row.before] += row.children
        after[row.after] += row.children
        was, would = row.before == "entitled", row.after == "entitled"
        flags = {"entitled": was, "entitled_then": would, "gain": would and not was, "lose": was and not would}
        districts.setdefault(row.district, Counter()).update(
            {name: row.children * holds for name, holds in flags.items()}
        )
    return Comparison(
        children=before.total(),
        now=_outcomes(before, now),
        then=_outcomes(after, then),
        gain=sum(found["gain"] for found in districts.values()),
        lose=sum(found["lose"] for found in districts.values()),
        districts={name: dict(districts[name]) for name in sorted(districts)},
    )


def _outcomes(counts: Counter[str], parameters: Parameters) -> Outcomes:
    return Outcomes(
        entitled=counts["entitled"],
        not_entitled=counts["not_entitled"],
        needs_review=counts["needs_review"],
        cost_ore=counts["entitled"] * (parameters.amount_ore + parameters.equipment_ore),
    )
