"""`medspiller database`."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec
from sqlmodel import Session

from service import console
from service.database import maintenance, schema
from service.database.checks import Check, Found, own_checks, run_checks
from service.database.engine import Database, open_database
from service.errors import Refused
from service.settings import load

_OLD_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


def database_commands(checks: Sequence[Check], unsealed: Callable[[Session], int]) -> click.Group:
    """The group of commands, with what the slices check; `unsealed` counts the audit entries not in the chain yet."""
    group = click.Group("database", help="Upgrade, back up, restore and check the database.")
    for command in (_upgrade, _backup, _restore, _check_command(checks, unsealed)):
        group.add_command(command)
    return group


@contextmanager
def _as_it_is() -> Iterator[tuple[Database, str]]:
    """The database without the wish for this program's schema, and the app role's name."""
    with open_database(load(), upgraded=False) as database:
        yield database, database.engine.url.username or ""


@click.command("upgrade")
@console.command
def _upgrade() -> Any:
    """Bring the database's schema to the one this program needs."""
    with _as_it_is() as (database, app_role):
        before = schema.current(database.owner_url)
        revision = schema.upgrade(database.owner_url, app_role)
    done = f"The schema was at {before or 'nothing'} and is now at {revision}."
    return {"revision": revision, "before": before}, [done]


@click.command("backup")
@click.argument("file", type=_NEW_FILE)
@click.option("--overwrite", is_flag=True, help="Replace FILE where it exists.")
@console.command
def _backup(file: Path, overwrite: bool) -> Any:
    """Write the whole database to FILE. The keys in HOME/keys are not in it: keep a copy of them apart."""
    with _as_it_is() as (database, _):
        made = maintenance.backup(database.owner_url, file, overwrite=overwrite)
        keys = database.home / "keys"
    lines = [
        f"{made.file}: {made.bytes:,} bytes, schema {made.revision}.",
        f"The keys in {keys} are not in it, and without them its identity numbers cannot be read. Keep them apart.",
    ]
    return msgspec.to_builtins(made) | {"keys": str(keys), "holds_keys": False}, lines


@click.command("restore")
@click.argument("file", type=_OLD_FILE)
@click.option("--replace", is_flag=True, help="Restore over a database that holds tenants, and lose all of it.")
@console.command
def _restore(file: Path, replace: bool) -> Any:
    """Restore the backup FILE into an empty database. Stop the service and the worker first."""
    with _as_it_is() as (database, app_role):
        done = maintenance.restore(database.owner_url, app_role, file, replace=replace)
        keys = database.home / "keys"
    lines = [
        f"{done.file} is restored: schema {done.before}, now {done.revision}.",
        f"The keys that belong to it must stand in {keys}. Then run `medspiller database check`.",
    ]
    return done, lines


def _check_command(checks: Sequence[Check], unsealed: Callable[[Session], int]) -> click.Command:
    @click.command("check")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
    def check(as_json: bool) -> None:
        """Verify what must always hold. Exit code 1, and a sentence for each, where something does not."""
        try:
            with open_database(load()) as database:
                app_role = database.engine.url.username or ""
                results, tail = run_checks(database.owner_url, [*own_checks(app_role), *checks], unsealed)
        except Refused as refusal:
            click.echo(refusal.message, err=True)
            sys.exit(1)
        _report(results, tail, as_json)

    return check


def _report(results: list[Found], tail: int, as_json: bool) -> None:
    """What was found goes to standard error; the object tells it all, also where something is wrong."""
    if as_json:
        click.echo(json.dumps({"checks": msgspec.to_builtins(results), "unsealed": tail}, ensure_ascii=False))
    wrong = [f"{result.name}: {sentence}" for result in results for sentence in result.found]
    for line in wrong:
        click.echo(line, err=True)
    if wrong:
        sys.exit(1)
    if not as_json:
        click.echo(f"{len(results)} checks passed. {tail} audit entries are not sealed yet.")
