"""Reading determinations: the export, and a household's calculation line by line."""

import csv
from datetime import date
from pathlib import Path
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.eligibility import schemes
from service.eligibility.account import Plan
from service.eligibility.explanation import Step, explain
from service.eligibility.facts import COLUMNS, facts_of
from service.eligibility.rules import Figures, bound, rule
from service.eligibility.schemes import Version
from service.errors import N_, Invalid, NotFound, Text
from service.identity.actions import Municipality
from service.values.progress import Progress

_PLAIN = (
    "person_key",
    "household_id",
    "given_name",
    "birth_date",
    "outcome",
    "reason",
    "children",
    "providers",
    "parameter_version",
)
_AMOUNTS = ("income_ore", "limit_ore")


class ExplainedChild(msgspec.Struct, frozen=True):
    """One child's calculation. `replayed` tells that the rule, run again on the stored figures, says the same.

    `steps` are the lines of the calculation, in any language.
    """

    person_key: UUID
    given_name: str
    birth_date: date
    outcome: str
    reason: str
    children: int
    providers: int
    income_ore: int | None
    limit_ore: int | None
    determination: UUID | None
    on: date
    income_year: int
    parameter_version: int
    source: str
    replayed: bool | None
    steps: list[Step]

    @property
    def lines(self) -> list[str]:
        """The calculation in English."""
        return [str(step.text) for step in self.steps]


def export_determinations(
    session: Session,
    municipality: Municipality,
    scheme: str,
    out: Path,
    reason: str | None,
    actor: Actor,
    progress: Progress,
) -> int:
    """Write the determinations in force of the last committed run's period as CSV; returns the number of rows.

    Incomes and limits are in it only with a `reason`, which is logged.
    """
    scheme_id = schemes.find_scheme(session, municipality, scheme)
    last = session.execute(
        text(
            """SELECT id, period_start FROM refresh_run WHERE scheme_id = :scheme AND state = 'committed'
            AND kind = 'refresh' ORDER BY committed_at DESC, id DESC LIMIT 1"""
        ),
        {"scheme": scheme_id},
    ).one_or_none()
    if last is None:
        raise Invalid("Nothing has been determined yet. Run `medspiller eligibility refresh --commit` first.")
    columns = _PLAIN + (_AMOUNTS if reason else ())
    rows = session.execute(
        text(
            """SELECT d.person_id AS person_key, h.reference AS household_id, p.given_name, p.birth_date, d.outcome,
                d.reason, d.children, d.providers, v.number AS parameter_version, d.income_ore, d.limit_ore
            FROM determination d JOIN person p ON p.id = d.person_id JOIN household h ON h.id = d.household_id
            JOIN parameter_version v ON v.id = d.parameter_version_id
            WHERE d.scheme_id = :scheme AND d.period_start = :start AND d.ended_at IS NULL
            ORDER BY h.reference COLLATE "C", p.birth_date, d.person_id"""
        ),
        {"scheme": scheme_id, "start": last.period_start},
        execution_options={"yield_per": 10_000},
    )
    written = 0
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for row in rows.mappings():
                writer.writerow(row[column] for column in columns)
                written += 1
                progress.at("Exporting, row", written)
    except OSError as error:
        raise Invalid("{file} cannot be written: {reason}.", file=out, reason=error.strerror) from error
    details = {"rows": written, "amounts": bool(reason)}
    record(
        session,
        municipality.id,
        actor,
        "eligibility.export",
        ("refresh_run", last.id),
        reason=reason,
        details=details,
    )
    return written


class _Basis(msgspec.Struct, frozen=True):
    """What a calculation is made with."""

    version: Version
    on: date
    income_year: int


def explain_household(
    session: Session,
    municipality: Municipality,
    scheme: str,
    reference: str,
    on: date,
    income_year: int | None,
    actor: Actor,
) -> list[ExplainedChild]:
    """The calculation of every child of a household: of the determination in force where there is one, else live.

    A stored determination is replayed: the rule runs again over its own figures with its own parameter version. A child
    without one is worked out from the register, with what its siblings' were made with or else as of `on`.
    """
    household_id = session.execute(
        text("SELECT id FROM household WHERE reference = :reference"), {"reference": reference}
    ).scalar()
    if household_id is None:
        raise NotFound("There is no household {household} in the register.", household=reference)
    scheme_id = schemes.find_scheme(session, municipality, scheme)
    record(session, municipality.id, actor, "eligibility.explain", ("household", household_id))
    in_force = session.execute(
        text(
            """SELECT DISTINCT ON (d.person_id) d.id FROM determination d JOIN household_member m USING (person_id)
            WHERE m.household_id = :household AND d.scheme_id = :scheme AND d.ended_at IS NULL
            ORDER BY d.person_id, d.period_start DESC"""
        ),
        {"household": household_id, "scheme": scheme_id},
    ).scalars()
    stored = [_replayed(session, determination) for determination in in_force]
    if stored:
        basis = stored[0][1]
    else:
        version = schemes.version_on(session, municipality, scheme, on)
        basis = _Basis(version, on, income_year if income_year is not None else on.year)
    live = _explained(
        session,
        f"(SELECT *, NULL::text AS was FROM {facts_of('m.household_id = :of')} AS live)",
        {"of": household_id, "on_date": basis.on, "income_year": basis.income_year},
        basis,
        None,
    )
    determined = {child.person_key: child for child, _ in stored}
    children = [child for child in live if child.person_key not in determined] + list(determined.values())
    return sorted(children, key=lambda child: (child.birth_date, child.person_key))


def explain_determination(
    session: Session,
    municipality: Municipality,
    determination: UUID,
    actor: Actor,
    *,
    unmasked: bool = True,
    reason: str | None = None,
) -> ExplainedChild:
    """The calculation of one determination, however old, replayed from its own figures and parameter version.

    Not `unmasked`, it tells neither incomes nor limit nor where the child lives. The read is logged, with the `reason`.
    """
    child, _ = _replayed(session, determination, unmasked)
    details = {"amounts": unmasked}
    subject = ("determination", determination)
    record(session, municipality.id, actor, "eligibility.explain", subject, reason=reason, details=details)
    return child


def explain_planned(
    session: Session,
    municipality: Municipality,
    plan: Plan,
    person_key: UUID,
    actor: Actor,
) -> ExplainedChild:
    """What a plan says of one of its children and why, without amounts. The read is logged."""
    basis = _Basis(plan.version, plan.on, plan.income_year)
    facts = f"(SELECT *, NULL::text AS was FROM {plan.facts()} AS planned WHERE person_id = :of)"
    found = _explained(session, facts, plan.bound() | {"of": person_key}, basis, None, unmasked=False)
    if not found:
        raise NotFound("The register does not name this child any more, or it is 18 on the date.")
    record(session, municipality.id, actor, "eligibility.explain", ("person", person_key), details={"amounts": False})
    return found[0]


def _replayed(session: Session, determination: UUID, unmasked: bool = True) -> tuple[ExplainedChild, _Basis]:
    row = session.execute(
        text(
            """SELECT d.parameter_version_id, d.anonymised_at, r.on_date, r.income_year
            FROM determination d JOIN refresh_run r ON r.id = d.run_id WHERE d.id = :id"""
        ),
        {"id": determination},
    ).one_or_none()
    if row is None:
        raise NotFound("There is no determination {determination}.", determination=determination)
    basis = _Basis(schemes.version_by_id(session, row.parameter_version_id), row.on_date, row.income_year)
    if row.anonymised_at is not None:
        return _remembered(session, determination, basis), basis
    facts = f"(SELECT {COLUMNS}, ROW({_RESULT})::text AS was FROM determination WHERE id = :of)"
    return _explained(session, facts, {"of": determination}, basis, determination, unmasked)[0], basis


def _remembered(session: Session, determination: UUID, basis: _Basis) -> ExplainedChild:
    """A determination whose figures are erased: what was determined is still known, not from what."""
    row = session.execute(
        text(
            """SELECT d.person_id, d.outcome, d.reason, d.children, d.providers, d.anonymised_at, p.given_name,
                p.birth_date FROM determination d JOIN person p ON p.id = d.person_id WHERE d.id = :id"""
        ),
        {"id": determination},
    ).one()
    erased = N_("The figures were erased on {day}, when their retention was over. It cannot be calculated again.")
    determined = {"outcome": row.outcome, "reason": row.reason}
    return ExplainedChild(
        person_key=row.person_id,
        given_name=row.given_name,
        birth_date=row.birth_date,
        outcome=row.outcome,
        reason=row.reason,
        children=row.children,
        providers=row.providers,
        income_ore=None,
        limit_ore=None,
        determination=determination,
        on=basis.on,
        income_year=basis.income_year,
        parameter_version=basis.version.number,
        source=basis.version.source,
        replayed=None,
        steps=[
            Step(Text(erased, {"day": row.anonymised_at.date()})),
            Step(Text(N_("What was determined: {outcome} ({reason})."), determined)),
        ],
    )


_RESULT = "outcome, reason, income_ore, limit_ore"


def _explained(
    session: Session,
    facts: str,
    values: dict[str, object],
    basis: _Basis,
    determination: UUID | None,
    unmasked: bool = True,
) -> list[ExplainedChild]:
    """Run the rule over fact rows that have, in `was`, what was determined of them (null: nothing yet)."""
    parameters, year = basis.version.parameters, basis.income_year
    rows = session.execute(
        text(
            f"""SELECT n.*, p.given_name, p.birth_date, n.was = ROW({_RESULT})::text AS replayed
            FROM {rule(facts, parameters.bases)} AS n JOIN person p ON p.id = n.person_id"""
        ),
        bound(parameters) | values,
    ).all()
    return [
        ExplainedChild(
            person_key=row.person_id,
            given_name=row.given_name,
            birth_date=row.birth_date,
            outcome=row.outcome,
            reason=row.reason,
            children=row.children,
            providers=row.providers,
            income_ore=row.income_ore if unmasked else None,
            limit_ore=row.limit_ore if unmasked else None,
            determination=determination,
            on=basis.on,
            income_year=year,
            parameter_version=basis.version.number,
            source=basis.version.source,
            replayed=row.replayed,
            steps=explain(msgspec.convert(row, Figures, from_attributes=True), parameters, year, unmasked=unmasked),
        )
        for row in rows
    ]
