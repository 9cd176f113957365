"""`medspiller holidays`."""

from pathlib import Path
from typing import Any

import click
import msgspec

from service import console
from service.account.exports import as_csv, as_pdf
from service.account.report import MEASURES, Line, read_report
from service.audit.actions import COMMAND
from service.errors import Invalid
from service.identity.actions import find_tenant

_OUT = click.Path(dir_okay=False, path_type=Path)


@click.group("holidays")
def holidays() -> None:
    """Free family holidays of a volunteer organisation: the report of a year."""


@holidays.command()
@click.option("--organisation", "code", required=True, metavar="CODE", help="The organisation's code.")
@click.option("--year", required=True, type=int, help="The year in which the seasons begin.")
@click.option("--csv", "table", type=_OUT, metavar="FILE", help="Write it as a table too.")
@click.option("--pdf", "pages", type=_OUT, metavar="FILE", help="Write it as pages to print too.")
@console.command
def report(code: str, year: int, table: Path | None, pages: Path | None) -> Any:
    """Stays, participants, volunteers and persons refused, by district and municipality, beside the year before."""
    with console.database() as opened:
        with opened.transaction() as session:
            tenant = find_tenant(session, "organisation", code)
        with opened.transaction(tenant.id) as session:
            made = read_report(session, tenant.id, tenant.name, tenant.time_zone, year, COMMAND)
        files = []
        for path, content in ((table, as_csv), (pages, lambda one: as_pdf(one, tenant.language))):
            if path is not None:
                try:
                    path.write_bytes(content(made))
                except OSError as error:
                    raise Invalid("{file} cannot be written: {reason}.", file=path, reason=error.strerror) from error
                files.append(str(path))
    head = f"{'':<28}" + "".join(f"{name:>18}" for name in MEASURES)
    told = [f"Holidays of {made.organisation} in {year}", head, *map(_said, made.lines)]
    told += [f"{one.name} ({one.district}) is not closed yet." for one in made.running]
    return msgspec.to_builtins(made) | {"files": files}, [*told, *files]


def _said(line: Line) -> str:
    name = f"  {line.municipality}" if line.municipality else line.district or "The whole organisation"
    cells = ((getattr(line.now, one), getattr(line.before, one)) for one in MEASURES)
    figures = ("–" if now is None else f"{now:,} ({before:,})" for now, before in cells)
    return f"{name[:27]:<28}" + "".join(f"{one:>18}" for one in figures)
