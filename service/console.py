"""The shared shell of the command line: what every command opens, prints and answers with.

Each slice brings its own `commands.py`; `service/cli.py` puts them together.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import wraps
from typing import Any

import click
import msgspec
from sqlmodel import Session

from service.database.engine import Database, open_database
from service.database.keys import open_keys
from service.errors import Refused
from service.identity.actions import Municipality, find_municipality
from service.settings import Settings, load
from service.values import clock
from service.values.progress import Progress, to_standard_error
from service.values.secrecy import KeyRing

AN_ID = click.UUID
MUNICIPALITY = click.option("--municipality", "code", required=True, metavar="CODE", help="The municipality's code.")
BY = click.option("--by", "email", required=True, metavar="EMAIL", help="Who does it: an account with the role.")


class Day(click.ParamType[date]):
    """A date of the form YYYY-MM-DD."""

    name = "date"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date of the form YYYY-MM-DD.", param, ctx)


DAY = Day()


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function a command with `--json`: it returns the object to print and, with it, lines for people."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")(
        answering(function)
    )


def answering(function: Callable[..., Any]) -> Callable[..., Any]:
    """Print what a function returns: with `as_json` the object, else the lines for people.

    A refusal is one sentence on standard error and exit code 1.
    """

    @wraps(function)
    def run(*args: Any, as_json: bool, **options: Any) -> None:
        try:
            clock.pin(load().now)
            result, lines = function(*args, **options)
        except Refused as refusal:
            click.echo(refusal.message, err=True)
            for error in refusal.errors:
                click.echo(f"  {error.field}: {error.message}", err=True)
            sys.exit(1)
        if as_json:
            click.echo(json.dumps(msgspec.to_builtins(result), ensure_ascii=False))
        else:
            for line in lines:
                click.echo(line)

    return run


def progress() -> Progress:
    """Progress on standard error."""
    return Progress(to_standard_error)


@contextmanager
def database() -> Iterator[Database]:
    """The installation's database, for as long as the command runs."""
    with open_database(load()) as opened:
        yield opened


class Desk(msgspec.Struct):
    """What a command of a municipality works with: one transaction, the municipality and its keys."""

    database: Database
    session: Session
    municipality: Municipality
    settings: Settings


class Office(msgspec.Struct, frozen=True):
    """What a command works with that makes its own transactions."""

    database: Database
    municipality: Municipality
    settings: Settings


@contextmanager
def office(code: str) -> Iterator[Office]:
    """Open the database for a municipality, without a transaction."""
    settings = load()
    with open_database(settings) as opened:
        with opened.transaction() as session:
            municipality = find_municipality(session, code)
        yield Office(database=opened, municipality=municipality, settings=settings)


@contextmanager
def desk(code: str) -> Iterator[Desk]:
    """Open the database and a transaction that acts for one municipality; it commits when the block ends."""
    with office(code) as opened, opened.database.transaction(opened.municipality.id) as session:
        yield Desk(
            database=opened.database, session=session, municipality=opened.municipality, settings=opened.settings
        )


def keys(database: Database) -> KeyRing:
    """The key ring of this installation; made when it is first needed, refused where it is not the database's."""
    return open_keys(database)
