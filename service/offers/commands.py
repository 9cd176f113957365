"""`medspiller offers`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlmodel import Session

from service import console
from service.audit.actions import COMMAND
from service.console import keys
from service.errors import NotFound
from service.identity.actions import find_tenant
from service.offers import ending, making, waiting
from service.offers.desk import LOCAL_URL, Desk
from service.offers.letters import print_letters
from service.settings import load
from service.stays.queries import SeasonRow, season_named, stays_of

_ORGANISATION = click.option("--organisation", "code", required=True, metavar="CODE", help="The organisation's code.")
_SEASON = click.option("--season", required=True, metavar="NAME", help="The season's name.")
_OUT = click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The PDF to write.")


@contextmanager
def _desk(code: str, season: str) -> Iterator[tuple[Session, Desk, SeasonRow]]:
    with console.database() as opened:
        with opened.transaction() as session:
            tenant = find_tenant(session, "organisation", code)
        desk = Desk(tenant, keys(opened), load().public_url or LOCAL_URL, COMMAND)
        with opened.transaction(tenant.id) as session:
            yield session, desk, season_named(session, season)


@click.group("offers")
def offers() -> None:
    """Offers of places to families: sent, reminded of, ended, and the places that fall free."""


@offers.command()
@_ORGANISATION
@_SEASON
@click.option("--stay", metavar="CODE", help="Only of this stay; by default of every one.")
@click.option(
    "--via",
    type=click.Choice(["auto", "letter", "referrer"]),
    default="auto",
    show_default=True,
    help="How they go; auto is by text message where there is a mobile number, else by letter.",
)
@click.option("--days", type=click.IntRange(1, 90), help="Days to answer; by default the season's.")
@click.option("--even-so", is_flag=True, help="Also where too few volunteers have confirmed.")
@console.command
def send(code: str, season: str, stay: str | None, via: str, days: int | None, even_so: bool) -> Any:
    """Make the offers of places that families hold without one."""
    with _desk(code, season) as (session, desk, found):
        stays = {one.code: one.id for one in stays_of(session, found.id)}
        if stay is not None and stay not in stays:
            raise NotFound("The season has no stay {code}.", code=stay)
        made = making.make_offers(
            session, desk, found.id, stay_id=stays[stay] if stay else None, via=via, days=days, even_so=even_so
        )
    said = f"{len(made.offers)} offers made; {len(made.too_late)} families whose stay begins too soon."
    return {"offers": made.offers, "too_late": made.too_late}, [said]


@offers.command()
@_ORGANISATION
@_SEASON
@console.command
def expire(code: str, season: str) -> Any:
    """End the offers whose deadline is over, and those of families that are on no list any more."""
    with _desk(code, season) as (session, desk, found):
        withdrawn = ending.withdraw_gone(session, desk, found.id)
        expired = ending.expire(session, desk, found.id)
    said = f"{expired} offers expired, {withdrawn} withdrawn."
    return {"expired": expired, "withdrawn": withdrawn}, [said]


@offers.command()
@_ORGANISATION
@_SEASON
@console.command
def remind(code: str, season: str) -> Any:
    """Remind of the offers whose deadline is near; each once."""
    with _desk(code, season) as (session, desk, found):
        sent = making.remind(session, desk, found.id)
    return {"reminders": sent}, [f"{sent} reminders."]


@offers.command()
@_ORGANISATION
@_SEASON
@_OUT
@console.command
def letters(code: str, season: str, out: Path) -> Any:
    """Write the letters that were not printed yet into one PDF."""
    with _desk(code, season) as (session, desk, found):
        pdf = print_letters(session, desk, found.id)
        # Before the commit: letters are noted as printed only where there is a file.
        out.write_bytes(pdf)
    return {"file": str(out)}, [f"Written: {out}"]


@offers.command("next")
@_ORGANISATION
@_SEASON
@click.option("--commit", is_flag=True, help="Make the offers; without it nothing happens.")
@console.command
def next_(code: str, season: str, commit: bool) -> Any:
    """Show who is next for the places that are free, or offer them."""
    with _desk(code, season) as (session, desk, found):
        line = waiting.read_line(session, desk, found.id)
        made = waiting.offer_free(session, desk, found.id) if commit else []
    told = [
        {"place": one.place, "municipality": one.family.municipality, "family": one.family.id.key, "stay": one.goes}
        for one in line.proposed
    ]
    lines = [f"{one['place']}. {one['municipality']} {one['family']}: {one['stay']}" for one in told]
    return {"next": told, "offers": made}, lines or ["Nobody is next."]
