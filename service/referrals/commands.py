"""`medspiller referral-list`."""

from pathlib import Path
from typing import Any

import click

from service import console
from service.audit.actions import COMMAND, record
from service.errors import NotFound
from service.referrals import lists, queries
from service.stays.sheets import as_csv, as_workbook, rows_of


@click.group("referral-list")
def referral_list_group() -> None:
    """The municipality's lists of families for free holidays."""


@referral_list_group.command("list")
@console.MUNICIPALITY
@console.command
def list_lists(code: str) -> Any:
    """The versions that were handed over, the newest first."""
    with console.desk(code) as desk:
        found = lists.list_versions(desk.session)
    lines = [
        f"{one.season}, version {one.number}: {one.families} families, {one.persons} persons, "
        f"{'confirmed' if one.confirmed_at else 'not confirmed'}"
        for one in found
    ]
    return {"lists": found}, lines


@referral_list_group.command("export")
@console.MUNICIPALITY
@click.option("--season", required=True, metavar="NAME", help="The season's name.")
@click.option("--number", type=int, help="The version; the newest where it is left out.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help=".xlsx or .csv.")
@console.command
def export_list(code: str, season: str, number: int | None, out: Path) -> Any:
    """Write a version that was handed over as a spreadsheet, for an organisation that takes no other."""
    with console.desk(code) as desk:
        session = desk.session
        wanted = season.strip().lower()
        found = [one for one in lists.list_versions(session) if one.season.lower() == wanted]
        versions = [one for one in found if number in (None, one.number)]
        if not versions:
            raise NotFound("There is no such list.")
        codes = {str(key): stay for key, stay in queries.find_season(session, versions[0].season_id).codes.items()}
        rows = rows_of(lists.entries_of(session, versions[0].id), codes)
        subject = ("referral_list", versions[0].id)
        record(session, desk.municipality.id, COMMAND, "referrals.list.export", subject)
    out.write_bytes(as_workbook(rows) if out.suffix == ".xlsx" else as_csv(rows))
    result = {"version": versions[0].number, "families": versions[0].families, "file": str(out)}
    return result, [f"Version {versions[0].number}, {versions[0].families} families: {out}"]
