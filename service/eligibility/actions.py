"""Refreshing the determinations: a dry run, a commit, and the approval of a commit that the gate held."""

from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.eligibility import schemes
from service.eligibility.account import Account, Plan, count, plan_for
from service.eligibility.facts import COLUMNS, fact_set
from service.eligibility.models import RefreshRun
from service.eligibility.parameters import read_parameters
from service.eligibility.rules import FACT_COLUMNS
from service.errors import N_, Conflict, FieldError, Invalid, NotFound, Refused, Text
from service.identity.actions import Approver, Municipality
from service.values import clock
from service.values.periods import Period
from service.values.progress import Progress

_GATE_ROWS = 20


class Refresh(msgspec.Struct, frozen=True):
    """A refresh: how it was asked for and what came out. `state` is `dry_run`, `held` or `committed`."""

    run: UUID | None
    state: str
    held_because: str | None
    on: date
    income_year: int
    period: Period
    parameter_version: int
    account: Account


def refresh(
    session: Session,
    municipality: Municipality,
    scheme: str,
    on: date,
    income_year: int | None,
    actor: Actor,
    progress: Progress,
    *,
    commit: bool,
) -> Refresh:
    """Apply the rule to every child on a date; with `commit` keep it, or hold it where it is far off the last run.

    The income year is that of the date unless named. Refused where the scheme has no parameters for the date or no
    provider has an income for the year.
    """
    version = schemes.version_on(session, municipality, scheme, on)
    year = income_year if income_year is not None else on.year
    require_incomes(session, year)
    one_at_a_time(session, version.scheme_id)
    progress.step("Building facts")
    facts = fact_set(session, municipality.id, on, year, clock.now())
    plan = plan_for(session, version, facts, on, year)
    progress.step("Applying the rule")
    account = count(session, plan)
    if not commit:
        return _refresh(plan, account, None, "dry_run", None)
    held = _held_because(session, plan, account)
    run_id = add_run(session, municipality.id, plan, account, held, actor)
    if not held:
        progress.step("Writing determinations")
        write_determinations(session, municipality.id, plan, run_id)
        session.execute(text("ANALYZE determination"))
    action = "eligibility.refresh.held" if held else "eligibility.refresh"
    record(session, municipality.id, actor, action, ("refresh_run", run_id), details={"reasons": account.reasons})
    return _refresh(plan, account, run_id, "held" if held else "committed", held)


def approve(
    session: Session, approver: Approver, run_id: UUID, municipality: Municipality, progress: Progress
) -> Refresh:
    """Commit a run that the gate held, exactly as it was shown. Refused to whoever made it."""
    run = session.get(RefreshRun, (municipality.id, run_id), with_for_update=True)
    if run is not None:
        one_at_a_time(session, run.scheme_id)
        session.refresh(run)
    run = _approvable(run, run_id, approver.account_id)
    version = schemes.version_by_id(session, run.parameter_version_id)
    assert run.fact_set_id is not None
    plan = plan_for(session, version, run.fact_set_id, run.on_date, run.income_year)
    progress.step("Writing determinations")
    write_determinations(session, municipality.id, plan, run_id)
    session.execute(text("ANALYZE determination"))
    run.state, run.committed_at, run.approved_by = "committed", clock.now(), approver.account_id
    session.flush()
    actor = Actor(door=approver.door, account_id=approver.account_id)
    record(session, municipality.id, actor, "eligibility.approve", ("refresh_run", run_id))
    return _refresh(plan, msgspec.convert(run.counts, Account), run_id, "committed", None)


def require_approvable(session: Session, municipality: Municipality, run_id: UUID, account_id: UUID) -> None:
    """Refuse what `approve` would refuse to this account as things stand."""
    _approvable(session.get(RefreshRun, (municipality.id, run_id)), run_id, account_id)


def _approvable(run: RefreshRun | None, run_id: UUID, account_id: UUID) -> RefreshRun:
    if run is None:
        raise NotFound("There is no run {run}.", run=run_id)
    if run.state != "held":
        raise Conflict("The run {run} is not held; it is {state}.", run=run_id, state=Text(_STATES[run.state]))
    if run.created_by is not None and run.created_by == account_id:
        raise Conflict("Whoever made the run cannot approve it; a second person must.")
    return run


_STATES = {"held": N_("held"), "committed": N_("committed"), "overtaken": N_("overtaken")}


def what_if(
    session: Session,
    municipality: Municipality,
    scheme: str,
    on: date,
    income_year: int | None,
    changes: dict[str, str],
) -> Account:
    """The account of a refresh with some parameters changed, written as for `scheme set`; nothing of it is kept.

    The facts for the date are built where they do not stand yet.
    """
    version = schemes.version_on(session, municipality, scheme, on)
    changed = msgspec.structs.replace(version, parameters=read_parameters(changes, version.parameters))
    year = income_year if income_year is not None else on.year
    require_incomes(session, year)
    facts = fact_set(session, municipality.id, on, year, clock.now())
    return count(session, plan_for(session, changed, facts, on, year))


def require_refreshable(
    session: Session, municipality: Municipality, scheme: str, on: date, income_year: int | None
) -> None:
    """Refuse, with all fields that are wrong, what `refresh` and `what_if` would refuse as things stand."""
    wrong = []
    try:
        schemes.version_on(session, municipality, scheme, on)
    except NotFound as refusal:
        wrong.append(_wrong("scheme", refusal))
    except Invalid as refusal:
        wrong.append(_wrong("on", refusal))
    try:
        require_incomes(session, income_year if income_year is not None else on.year)
    except Invalid as refusal:
        wrong.append(_wrong("income_year", refusal))
    if wrong:
        raise Invalid("There can be no refresh like this.", wrong)


def _wrong(field: str, refusal: Refused) -> FieldError:
    return FieldError(field, "{reason}", {"reason": refusal.text})


def require_incomes(session: Session, year: int) -> None:
    """Refuse a year for which no provider has an income; the refusal names the years there are."""
    if not session.execute(text("SELECT EXISTS (SELECT FROM register_import WHERE state = 'merged')")).scalar_one():
        raise Invalid("No register extract has been imported yet. Start with `medspiller register import`.")
    of_provider = """FROM income i JOIN person p USING (identity_hash) JOIN household_member m ON m.person_id = p.id
        WHERE m.relation = 'provider'"""
    if session.execute(text(f"SELECT EXISTS (SELECT {of_provider} AND i.year = :year)"), {"year": year}).scalar_one():
        return
    years = session.execute(text(f"SELECT DISTINCT i.year {of_provider} ORDER BY 1")).scalars().all()
    if not years:
        raise Invalid("No provider has an income for {year}. There are none at all, or import {year}'s.", year=year)
    raise Invalid(
        "No provider has an income for {year}. There are incomes for {years}: name one with --income-year, "
        "or import {year}'s.",
        year=year,
        years=", ".join(map(str, years)),
    )


def one_at_a_time(session: Session, scheme_id: UUID) -> None:
    """Wait until nobody else determines children of this scheme; let go when the transaction ends."""
    session.execute(text("SELECT 1 FROM scheme WHERE id = :id FOR UPDATE"), {"id": scheme_id})


def _held_because(session: Session, plan: Plan, account: Account) -> str | None:
    """Why a commit must wait for a second person. The first commit of a scheme never does."""
    ran = """SELECT EXISTS (SELECT FROM refresh_run
        WHERE scheme_id = :scheme AND state = 'committed' AND kind = 'refresh')"""
    if not session.execute(text(ran), {"scheme": plan.version.scheme_id}).scalar_one():
        return None
    share = plan.version.parameters.gate_percent
    for word, children in (("new", account.new), ("lost", account.lost)):
        if children > _GATE_ROWS and children * 100 > share * account.entitled_before:
            return f"{children:,} children are {word} where {account.entitled_before:,} were entitled before."
    return None


def add_run(session: Session, tenant_id: UUID, plan: Plan, account: Account, held: str | None, actor: Actor) -> UUID:
    """Keep what a plan came to as a run, held or to be committed; returns its id. A held one of before is overtaken."""
    # What is held was counted against a state that is gone as soon as another run of the scheme stands.
    session.execute(
        text("UPDATE refresh_run SET state = 'overtaken' WHERE scheme_id = :scheme AND state = 'held'"),
        {"scheme": plan.version.scheme_id},
    )
    run = RefreshRun(
        tenant_id=tenant_id,
        scheme_id=plan.version.scheme_id,
        parameter_version_id=plan.version.id,
        kind="refresh" if plan.persons is None else "review",
        fact_set_id=plan.fact_set_id,
        on_date=plan.on,
        income_year=plan.income_year,
        period_start=plan.period.start,
        period_end=plan.period.end,
        state="held" if held else "committed",
        held_because=held,
        counts=msgspec.to_builtins(account),
        created_at=clock.now(),
        created_by=actor.account_id,
        committed_at=None if held else clock.now(),
    )
    session.add(run)
    session.flush()
    return run.id


# A birthday alone makes no new determination: the age matters where it changes the reason.
_WEIGHED = tuple(
    column
    for column in (*FACT_COLUMNS, "outcome", "reason", "income_ore", "limit_ore")
    if column not in ("person_id", "age")
)


def write_determinations(session: Session, tenant_id: UUID, plan: Plan, run_id: UUID) -> None:
    """Write the determinations that differ from those in force in this period, and end those they replace."""
    start = plan.period.start
    values = plan.bound() | {"run": run_id, "version": plan.version.id, "start": start, "compared": start}
    new, old = (", ".join(f"{side}.{column}" for column in _WEIGHED) for side in ("n", "d"))
    if session.execute(text(f"SELECT EXISTS {plan.in_force()}"), values).scalar_one():
        session.execute(
            text(
                f"""UPDATE determination AS ended SET ended_at = :at, ended_by_run_id = :run
                FROM (
                    SELECT d.id FROM {plan.in_force()} AS d LEFT JOIN {plan.ruled()} AS n USING (person_id)
                    WHERE ({new}, CAST(:version AS uuid)) IS DISTINCT FROM ({old}, d.parameter_version_id)
                ) AS changed WHERE ended.id = changed.id"""
            ),
            values | {"at": clock.now()},
        )
    session.execute(
        text(
            f"""INSERT INTO determination (tenant_id, {COLUMNS}, scheme_id, period_start, run_id, parameter_version_id,
                outcome, reason, income_ore, limit_ore)
            SELECT :tenant, {COLUMNS}, :scheme, :start, :run, :version, outcome, reason, income_ore, limit_ore
            FROM {plan.ruled()} AS n
            WHERE NOT EXISTS (SELECT FROM determination d WHERE d.scheme_id = :scheme AND d.period_start = :start
                AND d.ended_at IS NULL AND d.person_id = n.person_id)"""
        ),
        values | {"tenant": tenant_id},
    )


def _refresh(plan: Plan, account: Account, run_id: UUID | None, state: str, held: str | None) -> Refresh:
    return Refresh(
        run=run_id,
        state=state,
        held_because=held,
        on=plan.on,
        income_year=plan.income_year,
        period=plan.period,
        parameter_version=plan.version.number,
        account=account,
    )
