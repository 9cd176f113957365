"""`medspiller travel`."""

from pathlib import Path
from typing import Any

import click

from service import console
from service.audit.actions import COMMAND
from service.errors import NotFound
from service.identity.actions import find_tenant
from service.stays import queries
from service.stays.sheets import as_csv
from service.travel import manifest
from service.travel.queries import families_of


@click.group("travel")
def travel() -> None:
    """Travel to the stays of a volunteer organisation."""


@travel.command("manifest")
@click.option("--organisation", "code", required=True, metavar="CODE", help="The organisation's code.")
@click.option("--season", required=True, metavar="NAME", help="The season's name.")
@click.option("--stay", required=True, metavar="CODE", help="The stay's code.")
@click.option("--assembly-point", "point", metavar="NAME", help="Only who meets there.")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write: .pdf to be printed, .csv for a spreadsheet.",
)
@console.command
def manifest_command(code: str, season: str, stay: str, point: str | None, out: Path) -> Any:
    """Write who comes to a stay. The read is noted in the trail."""
    if out.suffix not in (".pdf", ".csv"):
        raise click.UsageError("The file ends in .pdf or .csv.")
    with console.database() as opened:
        with opened.transaction() as session:
            tenant = find_tenant(session, "organisation", code)
        with opened.transaction(tenant.id) as session:
            of_season = queries.stays_of(session, queries.season_named(session, season).id)
            found = next((one for one in of_season if one.code.lower() == stay.strip().lower()), None)
            if found is None:
                raise NotFound("The season has no stay {stay}.", stay=stay)
            if point is not None and point not in found.assembly_points:
                raise NotFound("The stay has no assembly point {point}.", point=point)
            families = families_of(session, found, point)
            if out.suffix == ".pdf":
                content = manifest.print_manifest(session, tenant.id, found, point, tenant.language, COMMAND)
            else:
                read = manifest.read_manifest(session, tenant.id, found, point, COMMAND)
                content = as_csv(manifest.rows_of(read), manifest.COLUMNS)
    out.write_bytes(content)
    persons = sum(len(one.travellers) for one in families)
    result = {"file": str(out), "families": len(families), "persons": persons}
    return result, [f"Written: {out} ({len(families)} families, {persons} persons)"]
