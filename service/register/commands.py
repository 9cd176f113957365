"""`medspiller register`: extracts in, and releasing what the gate held."""

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from service import console
from service.audit.actions import COMMAND
from service.errors import NotFound
from service.identity.actions import act_where, find_approver
from service.identity.permissions import roles_that_may
from service.register import actions

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def register() -> None:
    """Register extracts: persons, households, incomes and awards."""


@register.command("import")
@console.MUNICIPALITY
@click.option("--population", type=_FILE, help="population.csv: who lives in which household.")
@click.option("--income", type=_FILE, help="income.csv: incomes of whole years.")
@click.option("--decisions", type=_FILE, help="decisions.csv: awards made elsewhere.")
@console.command
def import_(code: str, population: Path | None, income: Path | None, decisions: Path | None) -> Any:
    """Import extract files. Good rows stand though others are rejected; a file far off the last one is held."""
    given = {"population": population, "income": income, "decisions": decisions}
    if not any(given.values()):
        raise click.UsageError("Name at least one file: --population, --income or --decisions.")
    with console.desk(code) as desk:
        result = actions.import_extract(
            desk.session,
            desk.municipality,
            console.keys(desk.database).for_tenant(desk.municipality.id),
            {kind: path for kind, path in given.items() if path is not None},
            desk.settings.home / "imports",
            COMMAND,
            console.progress(),
        )
    return result, _lines(result)


@register.command()
@click.argument("import_id", metavar="IMPORT", type=console.AN_ID)
@console.BY
@console.command
def confirm(import_id: UUID, email: str) -> Any:
    """Merge an import that was held because it is far off the last one."""
    with console.database() as database, database.transaction() as session:
        approver = find_approver(session, email, roles_that_may("register.confirm"))
        tenant_id = act_where(session, approver, "register_import", import_id)
        if tenant_id is None:
            raise NotFound("There is no import {id} that {email} may confirm.", id=import_id, email=email)
        folder = database.home / "imports"
        result = actions.confirm_import(session, approver, import_id, tenant_id, folder, console.progress())
    return result, _lines(result)


def _lines(result: actions.ImportResult) -> list[str]:
    accepted = result.persons + result.incomes + result.decisions
    lines = [
        f"{result.persons:,} persons in {result.households:,} households, {result.incomes:,} incomes, "
        f"{result.decisions:,} awards accepted."
    ]
    if result.rejected or result.warnings:
        lines.append(f"{result.rejected:,} rows rejected, {result.warnings:,} warnings: {result.rejected_file}")
    if result.state == "held":
        lines.append(f"Held. {result.held_because} Nothing has changed yet.")
        lines.append(f"If the file is right: medspiller register confirm {result.id} --by EMAIL")
    elif accepted == result.unchanged:
        lines.append("Nothing has changed.")
    else:
        lines.append(f"{accepted - result.unchanged:,} rows said something new.")
    return lines
