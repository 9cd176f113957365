"""Dry runs and held refreshes: what they were made with, and which children are new, lost or for a person to decide."""

import csv
from datetime import date, datetime
from io import StringIO
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.eligibility import schemes
from service.eligibility.account import LEFT_REGISTER, Account, Plan, plan_for
from service.eligibility.facts import fact_set
from service.eligibility.lists import BY_DISTRICT
from service.eligibility.models import RefreshRun
from service.errors import Conflict, NotFound
from service.identity.actions import Municipality
from service.jobs.queries import Run, page_of_runs, run_by_id
from service.values import clock
from service.values.periods import Period
from service.values.spreadsheets import as_text

Change = Literal["new", "lost", "needs_review"]
COLUMNS = ("household_id", "given_name", "family_name", "birth_date", "before", "outcome", "reason", "person_key")
"""The columns of the children as a file."""


class DryRun(msgspec.Struct, frozen=True):
    """A refresh that was only counted; `id` is that of its order. `lasting`: nothing has changed since.

    Where something has, an import or a refresh, it would be counted otherwise now.
    """

    id: UUID
    scheme: str
    on: date
    income_year: int
    period: Period
    parameter_version: int
    made_at: datetime
    made_by: UUID | None
    lasting: bool
    account: Account


class Wanted(msgspec.Struct, frozen=True):
    """Which children are wanted.

    `district` finds nobody whose address is protected, or someone's in their household.
    """

    change: Change = "new"
    reason: str | None = None
    district: str | None = None


class Moved(msgspec.Struct, frozen=True):
    """A child whose outcome a run is about.

    `before` and `determination` are those in force in the period compared with, where there are any; `outcome` is
    missing where the register names the child no more.
    """

    person_key: UUID
    household_id: str
    given_name: str
    family_name: str
    birth_date: date
    before: str | None
    outcome: str | None
    reason: str
    determination: UUID | None


def dry_run(session: Session, order_id: UUID) -> DryRun:
    """A dry run by its order."""
    run = run_by_id(session, order_id)
    if not _is_dry(run):
        raise NotFound("There is no such dry run. Make a new one.")
    return _dry_run(session, run)


def latest_dry_runs(session: Session, limit: int) -> list[DryRun]:
    """The newest dry runs, of those among the newest orders."""
    runs = page_of_runs(session, 10 * limit, None, "eligibility.refresh", "done")
    return [_dry_run(session, run) for run in runs if _is_dry(run)][:limit]


def _is_dry(run: Run) -> bool:
    return run.job == "eligibility.refresh" and run.outcome is not None and run.outcome.get("state") == "dry_run"


def _dry_run(session: Session, run: Run) -> DryRun:
    assert run.outcome is not None and run.arguments is not None and run.finished_at is not None
    changed = session.execute(
        text(
            """SELECT EXISTS (SELECT FROM register_import
                WHERE state = 'merged' AND coalesce(confirmed_at, imported_at) > :at)
            OR EXISTS (SELECT FROM refresh_run WHERE committed_at > :at)"""
        ),
        {"at": run.started_at},
    ).scalar_one()
    return DryRun(
        id=run.id,
        scheme=run.arguments["scheme"],
        on=date.fromisoformat(run.outcome["on"]),
        income_year=run.outcome["income_year"],
        period=msgspec.convert(run.outcome["period"], Period),
        parameter_version=run.outcome["parameter_version"],
        made_at=run.finished_at,
        made_by=run.ordered_by,
        lasting=not changed,
        account=msgspec.convert(run.outcome, Account),
    )


def plan_of_dry_run(session: Session, municipality: Municipality, run: DryRun) -> Plan:
    """The plan of a dry run over the register as it is now, with the parameters that the run was made with."""
    scheme_id = schemes.find_scheme(session, municipality, run.scheme)
    version_id = session.execute(
        text("SELECT id FROM parameter_version WHERE scheme_id = :scheme AND number = :number"),
        {"scheme": scheme_id, "number": run.parameter_version},
    ).scalar_one()
    facts = fact_set(session, municipality.id, run.on, run.income_year, clock.now())
    return plan_for(session, schemes.version_by_id(session, version_id), facts, run.on, run.income_year)


def plan_of_held(session: Session, municipality: Municipality, run_id: UUID) -> Plan:
    """The plan of a refresh that is held, over the very facts that it was counted on."""
    run = session.get(RefreshRun, (municipality.id, run_id))
    if run is None:
        raise NotFound("There is no run {run}.", run=run_id)
    if run.state != "held" or run.fact_set_id is None:
        raise Conflict("This refresh is not held any more. Look at what was determined instead.")
    version = schemes.version_by_id(session, run.parameter_version_id)
    return plan_for(session, version, run.fact_set_id, run.on_date, run.income_year)


def read_children(
    session: Session,
    municipality: Municipality,
    plan: Plan,
    wanted: Wanted,
    actor: Actor,
    limit: int | None = None,
    after: UUID | None = None,
) -> list[Moved]:
    """The wanted children of a plan after the person `after`, and one more than `limit`. The read is logged."""
    source = _LOST if wanted.change == "lost" else _OF_PLAN
    conditions = ["CAST(:after AS uuid) IS NULL OR d.person_id > :after"]
    conditions += ["d.reason = :reason"] if wanted.reason is not None else []
    conditions += [BY_DISTRICT] if wanted.district is not None else []
    values: dict[str, Any] = plan.bound() | msgspec.structs.asdict(wanted) | {"left": LEFT_REGISTER}
    rows = session.execute(
        text(
            f"""SELECT d.person_id AS person_key, h.reference AS household_id, p.given_name, p.family_name,
                p.birth_date, d.before, d.outcome, d.reason, d.determination
            FROM ({source.format(ruled=plan.ruled(), in_force=plan.in_force(), which=_WHICH[wanted.change])}) AS d
            JOIN person p ON p.id = d.person_id JOIN household h ON h.id = d.household_id
            WHERE {" AND ".join(f"({condition})" for condition in conditions)} ORDER BY d.person_id LIMIT :limit"""
        ),
        values | {"after": after, "limit": None if limit is None else limit + 1},
    )
    found = [msgspec.convert(row, Moved, from_attributes=True) for row in rows]
    shown = len(found) if limit is None else min(len(found), limit)
    asked = {name: value for name, value in msgspec.to_builtins(wanted).items() if value is not None}
    # Whatever somebody typed: the trail outlives the people.
    asked |= {"district": True} if wanted.district is not None else {}
    action = "eligibility.export" if limit is None else "eligibility.determinations.read"
    subject, details = ("scheme", plan.version.scheme_id), {"rows": shown, "filters": asked}
    record(session, municipality.id, actor, action, subject, details=details)
    return found


_OF_PLAN = """SELECT n.person_id, n.household_id, n.district, n.outcome, n.reason, b.outcome AS before,
        b.id AS determination
    FROM {ruled} AS n LEFT JOIN {in_force} AS b USING (person_id) WHERE {which}"""
_LOST = """SELECT b.person_id, coalesce(n.household_id, b.household_id) AS household_id,
        coalesce(n.district, b.district) AS district, n.outcome, coalesce(n.reason, :left) AS reason,
        b.outcome AS before, b.id AS determination
    FROM {in_force} AS b LEFT JOIN {ruled} AS n USING (person_id) WHERE {which}"""
_WHICH: dict[str, str] = {
    "new": "n.outcome = 'entitled' AND b.outcome IS DISTINCT FROM 'entitled'",
    "lost": "b.outcome = 'entitled' AND n.outcome IS DISTINCT FROM 'entitled'",
    "needs_review": "n.outcome = 'needs_review'",
}


def as_csv(children: list[Moved]) -> str:
    """The children as a file for a spreadsheet."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for child in children:
        cells = (getattr(child, column) for column in COLUMNS)
        writer.writerow("" if cell is None else as_text(str(cell)) for cell in cells)
    return out.getvalue()
