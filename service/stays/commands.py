"""`medspiller season`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlmodel import Session

from service import console
from service.audit.actions import COMMAND
from service.errors import NotFound
from service.identity.actions import Tenant, find_tenant
from service.stays import lists, queries
from service.stays.importing import import_stays
from service.stays.sheets import EXAMPLES, as_csv, as_workbook
from service.values import clock

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT = click.Path(dir_okay=False, path_type=Path)
_ORGANISATION = click.option("--organisation", "code", required=True, metavar="CODE", help="The organisation's code.")
_SEASON = click.option("--season", required=True, metavar="NAME", help="The season's name.")


@contextmanager
def _desk(code: str) -> Iterator[tuple[Session, Tenant]]:
    with console.database() as opened:
        with opened.transaction() as session:
            tenant = find_tenant(session, "organisation", code)
        with opened.transaction(tenant.id) as session:
            yield session, tenant


@click.group("season")
def season_group() -> None:
    """Seasons of a volunteer organisation: their stays, and the lists of families that come for them."""


@season_group.command("list")
@_ORGANISATION
@console.command
def list_seasons(code: str) -> Any:
    """The seasons with their stays."""
    with _desk(code) as (session, _):
        found = [(one, queries.stays_of(session, one.id)) for one in queries.list_seasons(session)]
    result = [
        {"season": one.name, "district": one.district, "state": one.state, "first_day": one.first_day}
        | {"last_day": one.last_day, "stays": [stay.code for stay in stays if stay.state == "planned"]}
        for one, stays in found
    ]
    lines = [f"{one.name} ({one.district}): {one.state}, {len(stays)} stays" for one, stays in found]
    return {"seasons": result}, lines


@season_group.command("import")
@_ORGANISATION
@_SEASON
@click.argument("file", type=_FILE)
@console.command
def import_file(code: str, season: str, file: Path) -> Any:
    """Take the stays of a CSV file into a season: a result for every line, and good lines stand."""
    with _desk(code) as (session, tenant):
        found = queries.season_named(session, season)
        results = import_stays(session, tenant.id, found.id, file.read_bytes(), COMMAND)
    told = [
        {"line": one.line, "stay": one.stay, "outcome": one.outcome}
        | {"errors": [{"field": error.field, "message": error.message} for error in one.errors]}
        for one in results
    ]
    lines = [
        f"Line {one.line}, {one.stay}: {one.outcome}"
        + "".join(f"; {error.field} {error.message}" for error in one.errors)
        for one in results
    ]
    return {"lines": told}, lines


@season_group.command("template")
@click.option("--out", required=True, type=_OUT, help="The file to write: .xlsx or .csv.")
@console.command
def template(out: Path) -> Any:
    """Write the spreadsheet that a municipality without Medspiller fills in."""
    out.write_bytes(as_workbook(EXAMPLES) if out.suffix == ".xlsx" else as_csv(EXAMPLES))
    return {"file": str(out)}, [f"Written: {out}"]


@season_group.command("take-list")
@_ORGANISATION
@_SEASON
@click.option("--from", "sender", required=True, metavar="NAME", help="The municipality, by its name in the district.")
@click.argument("file", type=_FILE)
@console.command
def take_list(code: str, season: str, sender: str, file: Path) -> Any:
    """Take over the spreadsheet of a municipality without Medspiller: the next version of its list."""
    with _desk(code) as (session, tenant):
        found = queries.season_named(session, season)
        places = {one.name.lower(): one for one in queries.places_of_season(session, found.id)}
        if sender.strip().lower() not in places:
            raise NotFound("The municipality has no part in this season.")
        place = places[sender.strip().lower()]
        today = clock.today(tenant.time_zone)
        made = lists.take_over(session, tenant.id, found.id, place.municipality_id, file.read_bytes(), today, COMMAND)
    wrong = [
        {"line": one["line"], "field": one["field"], "message": one["template"].format(**one["values"])}
        for one in made.rejected
    ]
    result = {"version": made.number, "families": made.families, "persons": made.persons, "rejected": wrong}
    lines = [f"Version {made.number}: {made.families} families, {made.persons} persons."]
    return result, lines + [f"Line {one['line']}, {one['field']}: {one['message']}" for one in wrong]
