"""`medspiller passes`; and `medspiller eligibility refresh|approve`: a commit and its passes are one transaction."""

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec
from sqlmodel import Session

from service import console
from service.audit.actions import COMMAND, Actor
from service.eligibility import actions as eligibility_actions
from service.eligibility.commands import SCHEME_OPTION, account_lines, eligibility, flat
from service.errors import NotFound
from service.identity.actions import Municipality, act_where, find_approver, municipality_by_id
from service.identity.permissions import roles_that_may
from service.passes import actions, queries
from service.passes.issue import Issued
from service.values.progress import Progress
from service.values.secrecy import KeyRing

_REASON = click.option("--reason", required=True, help="Why; kept with the pass.")


@click.group()
def passes() -> None:
    """Leisure passes."""


@passes.command("list")
@console.MUNICIPALITY
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The CSV file to write.")
@console.command
def list_(code: str, out: Path) -> Any:
    """Write every pass as CSV; the read is logged."""
    with console.desk(code) as desk:
        keys = console.keys(desk.database)
        rows = queries.list_passes(desk.session, desk.municipality, keys, out, COMMAND, console.progress())
    return {"rows": rows, "out": str(out)}, [f"{rows:,} passes written to {out}."]


@passes.command()
@console.MUNICIPALITY
@click.argument("number", metavar="PASS_NUMBER")
@_REASON
@console.command
def revoke(code: str, number: str, reason: str) -> Any:
    """End a pass. The child gets no other in this period by itself."""
    with console.desk(code) as desk:
        pass_id = actions.find_pass(desk.session, console.keys(desk.database), number)
        actions.revoke_pass(desk.session, desk.municipality, pass_id, reason, COMMAND)
    return {"pass": pass_id, "state": "revoked"}, ["The pass is revoked."]


@passes.command()
@console.MUNICIPALITY
@click.argument("number", metavar="PASS_NUMBER")
@_REASON
@console.command
def replace(code: str, number: str, reason: str) -> Any:
    """Give a child a new number for a lost or misused pass; what remains moves over and a letter brings it."""
    with console.desk(code) as desk:
        keys = console.keys(desk.database)
        pass_id = actions.find_pass(desk.session, keys, number)
        replaced = actions.replace_pass(desk.session, desk.municipality, keys, pass_id, reason, COMMAND)
    said = f"A new pass takes its place; letter {replaced.letter_number} waits for the next print batch."
    return {"pass": replaced.pass_id, "letter": replaced.letter_number}, [said]


@eligibility.command()
@console.MUNICIPALITY
@SCHEME_OPTION
@click.option("--on", required=True, type=console.DAY, help="The reference date: ages, parameters and the period.")
@click.option("--income-year", type=int, help="The year whose incomes count; by default the date's.")
@click.option("--commit", is_flag=True, help="Keep the result; without it this is a dry run.")
@console.command
def refresh(code: str, scheme: str, on: date, income_year: int | None, commit: bool) -> Any:
    """Apply the rule to every child: who is entitled, who is new, who is lost."""
    with console.desk(code) as desk:
        progress = console.progress()
        result = eligibility_actions.refresh(
            desk.session, desk.municipality, scheme, on, income_year, COMMAND, progress, commit=commit
        )
        issued = _issued(desk.session, desk.municipality, console.keys(desk.database), result, COMMAND, progress)
    return _answer(result, issued)


@eligibility.command()
@click.argument("run_id", metavar="RUN", type=console.AN_ID)
@console.BY
@console.command
def approve(run_id: UUID, email: str) -> Any:
    """Commit a run that was held because it is far off the last one."""
    progress = console.progress()
    with console.database() as database, database.transaction() as session:
        approver = find_approver(session, email, roles_that_may("eligibility.approve"))
        tenant_id = act_where(session, approver, "refresh_run", run_id)
        if tenant_id is None:
            raise NotFound("There is no run {run} that {email} may approve.", run=run_id, email=email)
        municipality = municipality_by_id(session, tenant_id)
        result = eligibility_actions.approve(session, approver, run_id, municipality, progress)
        actor = Actor(door=approver.door, account_id=approver.account_id)
        issued = _issued(session, municipality, console.keys(database), result, actor, progress)
    return _answer(result, issued)


def _issued(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    result: eligibility_actions.Refresh,
    actor: Actor,
    progress: Progress,
) -> Issued:
    """The passes of a commit, in its transaction; a dry run and a held run make none."""
    if result.state != "committed" or result.run is None:
        return Issued(passes_issued=0, passes_revoked=0, letters_queued=0, ended_letters=0)
    return actions.issue_after(session, municipality, keys, result.run, actor, progress)


def _answer(result: eligibility_actions.Refresh, issued: Issued) -> tuple[dict[str, Any], list[str]]:
    lines = account_lines(result)
    if result.state == "committed":
        lines.append(f"{issued.passes_issued:,} passes issued, {issued.letters_queued:,} letters queued.")
    return flat(result) | msgspec.to_builtins(issued), lines
