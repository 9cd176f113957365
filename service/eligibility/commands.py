"""`medspiller municipality`, `medspiller scheme` and `medspiller eligibility`."""

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec

from service import console
from service.audit.actions import COMMAND, record
from service.database.tenancy import act_for
from service.eligibility import actions, queries, schemes
from service.eligibility.parameters import SCHEME
from service.errors import Refused
from service.identity.actions import add_municipality
from service.values import clock
from service.values.money import format_kroner

SCHEME_OPTION = click.option("--scheme", required=True, metavar="NAME", help=f"The scheme, such as {SCHEME}.")


@click.group()
def municipality() -> None:
    """Municipalities of this installation."""


@municipality.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--country", required=True, type=click.Choice(["dk", "no"]))
@console.command
def add(code: str, name: str, country: str) -> Any:
    """Add a municipality with its country's time zone, language and published parameters."""
    with console.database() as database, database.transaction() as session:
        made = add_municipality(session, code, name, country)
        act_for(session, made.id)
        years = schemes.add_presets(session, made)
        record(session, made.id, COMMAND, "identity.municipality.add", ("tenant", made.id))
    lines = [f"{made.name} ({made.code}) is added."]
    if years:
        lines.append(f"The scheme {SCHEME} has the published parameters of {', '.join(map(str, years))}.")
    else:
        lines.append("It has no scheme yet: add one with `medspiller scheme set`.")
    return msgspec.to_builtins(made) | {"scheme": SCHEME if years else None, "years": years}, lines


@click.group()
def scheme() -> None:
    """Schemes and their dated parameters."""


@scheme.command("set")
@console.MUNICIPALITY
@SCHEME_OPTION
@click.option("--valid-from", required=True, type=console.DAY, help="The first day on which they count.")
@click.option("--valid-to", type=console.DAY, help="The last day; without it they go on until the next version.")
@click.option("--source", required=True, help="Where the figures were published or decided.")
@click.argument("values", nargs=-1, metavar="KEY=VALUE ...")
@console.command
def set_(code: str, scheme: str, valid_from: date, valid_to: date | None, source: str, values: tuple[str, ...]) -> Any:
    """Add dated parameters: limit, single_addition, child_addition, amount, equipment in kroner; min_age, max_age,
    inclusive, period, min_percent, areas, bases, one_club, keep_when_lost, gate_percent.

    Keys that are not named go on from the last version.
    """
    for value in values:
        if "=" not in value:
            raise click.UsageError(f"{value!r} is not of the form KEY=VALUE.")
    written = dict(value.split("=", 1) for value in values)
    with console.desk(code) as desk:
        version = schemes.set_parameters(desk.session, desk.municipality, scheme, valid_from, source, written, valid_to)
        record(
            desk.session,
            desk.municipality.id,
            COMMAND,
            "eligibility.parameters.set",
            ("parameter_version", version.id),
            details={"number": version.number},
        )
    return version, [f"Version {version.number} of {scheme} counts from {valid_from}."]


@click.group()
def eligibility() -> None:
    """Who is entitled, and why."""


@eligibility.command()
@console.MUNICIPALITY
@SCHEME_OPTION
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The CSV file to write.")
@click.option("--reason", help="Why incomes and limits are needed in it; logged.")
@console.command
def export(code: str, scheme: str, out: Path, reason: str | None) -> Any:
    """Write every child's determination in force as CSV."""
    with console.desk(code) as desk:
        rows = queries.export_determinations(
            desk.session, desk.municipality, scheme, out, reason, COMMAND, console.progress()
        )
    return {"rows": rows, "out": str(out)}, [f"{rows:,} children written to {out}."]


@eligibility.command()
@console.MUNICIPALITY
@click.option("--scheme", default=SCHEME, show_default=True, metavar="NAME")
@click.option("--household", metavar="HOUSEHOLD_ID", help="The household as the register names it.")
@click.option("--determination", type=console.AN_ID, metavar="ID", help="One determination, however old.")
@click.option("--on", type=console.DAY, help="The date, where nothing is determined yet; by default today.")
@click.option("--income-year", type=int, help="The year whose incomes count there; by default the date's.")
@console.command
def explain(
    code: str, scheme: str, household: str | None, determination: UUID | None, on: date | None, income_year: int | None
) -> Any:
    """The calculation line by line, with the rule's source."""
    if (household is None) == (determination is None):
        raise click.UsageError("Name either --household or --determination.")
    with console.desk(code) as desk:
        today = clock.today(desk.municipality.time_zone)
        if household is not None:
            children = queries.explain_household(
                desk.session, desk.municipality, scheme, household, on or today, income_year, COMMAND
            )
        else:
            assert determination is not None
            children = [queries.explain_determination(desk.session, desk.municipality, determination, COMMAND)]
    if any(child.replayed is False for child in children):
        raise Refused("A determination does not replay to what it says; run `medspiller database check`.")
    lines = [line for child in children for line in _explained_lines(child)]
    known = [_explained_child(child) for child in children]
    return {"household_id": household, "scheme": scheme, "children": known}, lines or ["No child lives there."]


def _explained_child(child: queries.ExplainedChild) -> dict[str, Any]:
    known = msgspec.structs.asdict(child) | {"lines": child.lines}
    del known["steps"]
    return known


def _explained_lines(child: queries.ExplainedChild) -> list[str]:
    standing = "determined" if child.determination else "not determined yet; as of"
    heading = f"{child.given_name}, born {child.birth_date}: {child.outcome} ({child.reason}), {standing} {child.on}"
    source = f"Parameters: version {child.parameter_version}. Source: {child.source}."
    replay = ["Replayed from the stored figures: the same."] if child.replayed else []
    return [heading, *(f"  {line}" for line in [*child.lines, source, *replay]), ""]


def flat(result: actions.Refresh) -> dict[str, Any]:
    """A refresh as one flat JSON object."""
    account: dict[str, Any] = msgspec.to_builtins(result.account)
    rest: dict[str, Any] = msgspec.to_builtins(result)
    del rest["account"]
    return account | rest


def account_lines(result: actions.Refresh) -> list[str]:
    """The short readable account of a refresh."""
    account = result.account
    lines = [
        f"{account.children:,} children on {result.on}: {account.entitled:,} entitled, "
        f"{account.not_entitled:,} not, {account.needs_review:,} for a person to decide.",
        f"{account.new:,} new, {account.lost:,} lost, {account.unchanged:,} unchanged. If every pass is used up: "
        f"{format_kroner(account.cost_ore, 'en')}.",
        "",
        f"{'District':<24}{'entitled':>10}{'not':>10}{'review':>10}",
    ]
    for name, counts in account.districts.items():
        row = (f"{counts.get(outcome, 0):>10,}" for outcome in ("entitled", "not_entitled", "needs_review"))
        lines.append(f"{name or '(no district)':<24}{''.join(row)}")
    lines += ["", *(f"{reason:<24}{count:>10,}" for reason, count in account.reasons.items()), ""]
    if result.state == "held":
        lines.append(f"Held. {result.held_because} Nothing has changed yet.")
        lines.append(f"If it is right: medspiller eligibility approve {result.run} --by EMAIL")
    else:
        lines.append("A dry run: nothing is kept." if result.state == "dry_run" else f"Committed as run {result.run}.")
    return lines
