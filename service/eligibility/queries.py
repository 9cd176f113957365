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
from service.eligibility.explanation import explain
from service.eligibility.facts import facts_of
from service.eligibility.rules import Figures, bound, rule
from service.eligibility.schemes import Version
from service.errors import Invalid, NotFound
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
    """One child's calculation. `replayed` tells that the rule, run again on the stored figures, says the same."""

    person_key: UUID
    given_name: str
    birth_date: date
    outcome: str
    reason: str
    determination: UUID | None
    on: date
    parameter_version: int
    source: str
    replayed: bool | None
    lines: list[str]


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
            ORDER BY committed_at DESC, id DESC LIMIT 1"""
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
        raise Invalid(f"{out} cannot be written: {error.strerror}.") from error
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


def explain_household(
    session: Session, municipality: Municipality, scheme: str, reference: str, on: date, actor: Actor
) -> list[ExplainedChild]:
    """The calculation of every child of a household: of the determinations in force where they stand, else as of `on`.

    A stored determination is replayed: the rule runs again over its own figures with its own parameter version.
    """
    household_id = session.execute(
        text("SELECT id FROM household WHERE reference = :reference"), {"reference": reference}
    ).scalar()
    if household_id is None:
        raise NotFound(f"There is no household {reference} in the register.")
    scheme_id = schemes.find_scheme(session, municipality, scheme)
    record(session, municipality.id, actor, "eligibility.explain", ("household", household_id))
    stored = session.execute(
        text(
            """SELECT DISTINCT ON (d.person_id) d.id, r.on_date, d.parameter_version_id, r.income_year
            FROM determination d JOIN refresh_run r ON r.id = d.run_id
            WHERE d.household_id = :household AND d.scheme_id = :scheme AND d.ended_at IS NULL
            ORDER BY d.person_id, d.period_start DESC"""
        ),
        {"household": household_id, "scheme": scheme_id},
    ).all()
    if stored:
        return [
            child
            for row in stored
            for child in _explained(
                session,
                f"(SELECT {_STORED} FROM determination WHERE id = :of)",
                {"of": row.id},
                (schemes.version_by_id(session, row.parameter_version_id), row.on_date, row.income_year),
                row.id,
            )
        ]
    version = schemes.version_on(session, municipality, scheme, on)
    facts = f"(SELECT *, NULL::text AS was FROM {facts_of('m.household_id = :of')} AS live)"
    of = {"of": household_id, "on_date": on, "income_year": on.year}
    return _explained(session, facts, of, (version, on, on.year), None)


def explain_determination(
    session: Session, municipality: Municipality, determination: UUID, actor: Actor
) -> ExplainedChild:
    """The calculation of one determination, however old, replayed from its own figures and parameter version."""
    row = session.execute(
        text(
            """SELECT d.parameter_version_id, r.on_date, r.income_year
            FROM determination d JOIN refresh_run r ON r.id = d.run_id WHERE d.id = :id"""
        ),
        {"id": determination},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no determination {determination}.")
    record(session, municipality.id, actor, "eligibility.explain", ("determination", determination))
    made_with = (schemes.version_by_id(session, row.parameter_version_id), row.on_date, row.income_year)
    facts = f"(SELECT {_STORED} FROM determination WHERE id = :of)"
    return _explained(session, facts, {"of": determination}, made_with, determination)[0]


_RESULT = "outcome, reason, income_ore, limit_ore"
_STORED = f"""person_id, household_id, age, district, area, providers, children, uncertain, award_percent, award_ground,
    income_annual, income_final, income_advance, income_month_x12, ROW({_RESULT})::text AS was"""


def _explained(
    session: Session,
    facts: str,
    values: dict[str, object],
    made_with: tuple[Version, date, int],
    determination: UUID | None,
) -> list[ExplainedChild]:
    version, on, income_year = made_with
    rows = session.execute(
        text(
            f"""SELECT n.*, p.given_name, p.birth_date, n.was = ROW({_RESULT})::text AS replayed
            FROM {rule(facts, version.parameters.bases)} AS n JOIN person p ON p.id = n.person_id
            ORDER BY p.birth_date, p.id"""
        ),
        bound(version.parameters) | values,
    ).all()
    return [
        ExplainedChild(
            person_key=row.person_id,
            given_name=row.given_name,
            birth_date=row.birth_date,
            outcome=row.outcome,
            reason=row.reason,
            determination=determination,
            on=on,
            parameter_version=version.number,
            source=version.source,
            replayed=row.replayed,
            lines=explain(msgspec.convert(row, Figures, from_attributes=True), version.parameters, income_year),
        )
        for row in rows
    ]
