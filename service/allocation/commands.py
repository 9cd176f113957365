"""`medspiller allocation`: a season of the database, and the allocation on files: planning, what-if, measuring."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
import msgspec
from sqlmodel import Session

from service import console
from service.allocation import draw as draws
from service.allocation import files, report, runs, what_if
from service.allocation.compare import Comparison, compare
from service.allocation.priority import commitment, new_seed
from service.allocation.problem import Problem, Weights
from service.allocation.repack import NODE_LIMIT, Allowed
from service.allocation.solving import allocate, gains
from service.allocation.tables import Wrong
from service.audit.actions import COMMAND
from service.errors import Refused
from service.identity.actions import Tenant, find_tenant
from service.stays.queries import SeasonRow, season_named
from service.values import clock
from service.values.secrecy import TenantSecrets

_FILE = click.Path(dir_okay=False, path_type=Path)
_WEIGHTS = ", ".join(Weights.__struct_fields__)


@click.group()
def allocation() -> None:
    """Families and stays: who goes where, why, and what would change it."""


class Given(msgspec.Struct, frozen=True):
    """What is allocated, which lines of the referrals are not in it, and what is allowed."""

    problem: Problem
    rejected: list[Wrong]
    allowed: Allowed
    node_limit: int


def _inputs(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what is allocated; the command takes what they give as `given`."""

    @wraps(function)
    def read(
        stays: Path,
        referrals: Path,
        seed: str,
        conditions: Path | None,
        worse_wishes: int,
        move_within_region: bool,
        weights: Sequence[str],
        leave_out_rejected: bool,
        node_limit: int,
        **others: Any,
    ) -> Any:
        problem, wrong = files.read_problem(stays, referrals, _encodable(seed), conditions, _weights(weights))
        if wrong and not leave_out_rejected:
            raise files.Rejected(referrals.name, wrong)
        return function(Given(problem, wrong, Allowed(worse_wishes, move_within_region), node_limit), **others)

    for option in reversed(_OPTIONS):
        read = option(read)
    return read


_OPTIONS = (
    click.option("--stays", required=True, type=_FILE, help="The stays and their places."),
    click.option("--referrals", required=True, type=_FILE, help="The families and their wishes."),
    click.option("--seed", required=True, help="The seed of the draw among equals."),
    click.option("--conditions", type=_FILE, help="Families together, apart or placed by hand."),
    click.option("--worse-wishes", type=click.IntRange(0), default=0, show_default=True, metavar="N",
                 help="How many families may get a worse wish than by priority, so that more fit in."),
    click.option("--move-within-region", is_flag=True,
                 help="Families without wishes may get a later stay of their region, so that more fit in."),
    click.option("--weight", "weights", multiple=True, metavar="KEY=VALUE",
                 help=f"A weight of the season: {_WEIGHTS}."),
    click.option("--leave-out-rejected", is_flag=True,
                 help="Allocate without the families whose lines cannot be taken."),
    click.option("--node-limit", type=click.IntRange(10), default=NODE_LIMIT, show_default=True,
                 help="How long the re-pack searches."),
)  # fmt: skip


@allocation.command()
@click.option("--out", required=True, type=_FILE, help="The plan: a line for each family in priority order.")
@click.option("--report", "report_file", type=_FILE, help="Everything about the run, with why and why not, as JSON.")
@click.option("--try-worse-wishes", "more", type=click.IntRange(0, 50), default=0, metavar="N",
              help="Tell what allowing 1 to N families a worse wish would bring.")  # fmt: skip
@console.command
@_inputs
def solve(given: Given, out: Path, report_file: Path | None, more: int) -> Any:
    """Allocate the places."""
    run = allocate(given.problem, given.allowed, given.node_limit)
    brings = gains(given.problem, more, given.allowed, given.node_limit) if more else ()
    told = report.report_of(run, brings, given.rejected)
    files.write_plan(out, run.placements)
    if report_file is not None:
        files.write_report(report_file, told)
    answer = {**report.answer_of(told), "out": str(out), "report": None if report_file is None else str(report_file)}
    return answer, [*report.lines_of(told), str(out)]


@allocation.command("what-if")
@click.option("--one-more", multiple=True, metavar="STAY", help="One more stay like this one.")
@click.option("--change", "changes", multiple=True, metavar="STAY.WHAT=+N",
              help="More or fewer of something, such as S1.volunteers=+2 and S1.person_places=+10. "
              f"What can be changed: {', '.join(what_if.CHANGEABLE)}.")  # fmt: skip
@click.option("--out", type=_FILE, help="The plan as it would be.")
@console.command
@_inputs
def what_if_(given: Given, one_more: Sequence[str], changes: Sequence[str], out: Path | None) -> Any:
    """What another stay, or more places, would change. Volunteers take person places: name both where both come."""
    wanted = [_change(written) for written in changes]
    found = what_if.what_if(given.problem, one_more, wanted, given.allowed, given.node_limit)
    if out is not None:
        files.write_plan(out, found.as_it_would_be.placements)
    told = report.what_if_report(found)
    return told, _difference(told.comparison, told.as_it_would_be.beds, told.as_it_would_be.beds_filled)


@allocation.command("compare")
@click.argument("first", type=_FILE)
@click.argument("second", type=_FILE)
@click.option("--stays", type=_FILE, help="With the referrals: the stays.")
@click.option("--referrals", type=_FILE, help="The families, to count persons.")
@console.command
def compare_(first: Path, second: Path, stays: Path | None, referrals: Path | None) -> Any:
    """Two plans beside each other: who gains a place, who loses one, who goes elsewhere."""
    sizes = None
    if (stays is None) != (referrals is None):
        raise click.UsageError("--stays and --referrals go together.")
    if stays is not None and referrals is not None:
        families, _ = files.read_referrals(referrals, files.read_stays(stays))
        sizes = {family.code: family.persons for family in families}
    found = compare(files.read_plan(first), files.read_plan(second), sizes)
    return found, _difference(found)


@allocation.command()
@click.option("--seed", help="A seed that there is already.")
@console.command
def draw(seed: str | None) -> Any:
    """A seed, and the commitment to show before the list closes. Keep the seed until it is revealed."""
    seed = seed or new_seed()
    shown = commitment(_encodable(seed))
    return {"seed": seed, "commitment": shown}, [f"seed        {seed}", f"commitment  {shown}"]


def _encodable(seed: str) -> str:
    try:
        seed.encode()
    except UnicodeEncodeError:
        seed = ""
    if not seed:
        raise Refused("The seed is text of at least one character in UTF-8.")
    return seed


def _weights(written: Sequence[str]) -> Weights:
    weights = Weights()
    for one in written:
        name, _, value = one.partition("=")
        if name not in Weights.__struct_fields__ or not (value.isascii() and value.isdigit() and len(value) < 7):
            raise click.BadParameter(f"{one!r} is no weight and whole number. Weights: {_WEIGHTS}.")
        weights = msgspec.structs.replace(weights, **{name: int(value)})
    return weights


def _change(written: str) -> what_if.Change:
    place, _, by = written.partition("=")
    stay, _, what = place.rpartition(".")
    try:
        return what_if.Change(stay, what, int(by))
    except ValueError:
        raise click.BadParameter(f"{written!r} is not of the form STAY.WHAT=+N.") from None


def _difference(found: Comparison, beds: int | None = None, filled: int | None = None) -> list[str]:
    lines = [
        f"{len(found.gained):,} families gain a place, {len(found.lost):,} lose theirs, {len(found.moved):,} go "
        f"elsewhere, {found.unchanged:,} go where they would have gone."
    ]
    if found.persons_before is not None and found.persons_after is not None:
        lines.append(f"{found.persons_after:,} persons have a place, {found.persons_before:,} had one.")
    if beds is not None and filled is not None:
        lines.append(f"{filled:,} of {beds:,} beds are filled.")
    lines += [f"+ {family}" for family in found.gained] + [f"- {family}" for family in found.lost]
    return lines + [f"  {one.family}: {one.before} -> {one.after}" for one in found.moved]


@contextmanager
def _desk(code: str, season: str) -> Iterator[tuple[Session, TenantSecrets, Tenant, SeasonRow]]:
    """A season of an organisation, in a transaction."""
    with console.database() as opened:
        with opened.transaction() as session:
            tenant = find_tenant(session, "organisation", code)
        secrets = console.keys(opened).for_tenant(tenant.id)
        with opened.transaction(tenant.id) as session:
            yield session, secrets, tenant, season_named(session, season)


_ORGANISATION = click.option("--organisation", "code", required=True, metavar="CODE", help="The organisation's code.")
_SEASON = click.option("--season", required=True, metavar="NAME", help="The season's name.")


@allocation.command("publish-weights")
@_ORGANISATION
@_SEASON
@click.option("--weight", "weights", multiple=True, metavar="KEY=VALUE",
              help=f"A weight that is not the usual one: {_WEIGHTS}.")  # fmt: skip
@console.command
def publish_weights(code: str, season: str, weights: Sequence[str]) -> Any:
    """Publish the points of a season, before its lists close."""
    wanted = _weights(weights)
    with _desk(code, season) as (session, _, tenant, row):
        today = clock.today(tenant.time_zone)
        draws.publish_weights(session, tenant.id, row.id, wanted, today, COMMAND)
    said = ", ".join(f"{name} {value}" for name, value in msgspec.structs.asdict(wanted).items())
    return {"season": row.name, "weights": wanted}, [f"{row.name}: {said}"]


@allocation.command("commit-draw")
@_ORGANISATION
@_SEASON
@console.command
def commit_draw(code: str, season: str) -> Any:
    """Choose the seed of a season's draw and show what commits to it, before its lists close."""
    with _desk(code, season) as (session, secrets, tenant, row):
        today = clock.today(tenant.time_zone)
        shown = draws.commit_draw(session, secrets, tenant.id, row.id, today, COMMAND)
    return {"season": row.name, "commitment": shown}, [f"{row.name}: commitment {shown}"]


@allocation.command("run")
@_ORGANISATION
@_SEASON
@click.option(
    "--worse-wishes",
    type=click.IntRange(0, runs.MOST_WORSE_WISHES),
    default=0,
    show_default=True,
    metavar="N",
    help="How many families may get a worse wish than by priority, so that more fit in.",
)
@click.option(
    "--move-within-region", is_flag=True, help="Families without wishes may get a later stay, so that more fit in."
)
@click.option("--late", is_flag=True, help="With the families that were referred after the deadline.")
@click.option("--confirm", is_flag=True, help="Make it the season's plan at once.")  # fmt: skip
@console.command
def run_(code: str, season: str, worse_wishes: int, move_within_region: bool, late: bool, confirm: bool) -> Any:
    """Allocate the places of a season from the lists that have come."""
    options = runs.Options(worse_wishes, move_within_region, late)
    with _desk(code, season) as (session, secrets, tenant, row):
        today = clock.today(tenant.time_zone)
        made = runs.make_run(session, secrets, tenant.id, row.id, options, today, COMMAND)
        if confirm:
            runs.confirm_run(session, secrets, tenant.id, made, COMMAND)
        run = runs.find_run(session, made)
    return {"run": run.number, "id": run.id, "state": run.state, **msgspec.to_builtins(run.totals)}, _said(run)


@allocation.command("runs")
@_ORGANISATION
@_SEASON
@console.command
def list_runs(code: str, season: str) -> Any:
    """The runs of a season, the newest first."""
    with _desk(code, season) as (session, _, _, row):
        found = runs.runs_of(session, row.id)
    result = [
        {"run": one.number, "id": one.id, "state": one.state, "made_at": one.made_at, "totals": one.totals.totals}
        for one in found
    ]
    return {"season": row.name, "runs": result}, [line for one in found for line in _said(one)[:1]]


@allocation.command("confirm")
@_ORGANISATION
@_SEASON
@click.option("--run", "number", type=click.IntRange(1), required=True, metavar="N", help="The number of the run.")
@console.command
def confirm_run(code: str, season: str, number: int) -> Any:
    """Make a run the season's plan. What is locked by hand or offered stands."""
    with _desk(code, season) as (session, secrets, tenant, row):
        run = next((one for one in runs.runs_of(session, row.id) if one.number == number), None)
        if run is None:
            raise Refused("There is no run {number} of {season}.", number=number, season=row.name)
        placed = runs.confirm_run(session, secrets, tenant.id, run.id, COMMAND)
    return {"run": number, "placed": placed}, [f"Run {number} is the plan of {row.name}: {placed:,} families placed."]


def _said(run: runs.RunRow) -> list[str]:
    totals = run.totals.totals
    return [
        f"Run {run.number} ({run.state}): {totals.placed:,} of {totals.families:,} families placed, "
        f"{totals.waiting:,} waiting, {totals.ineligible:,} not eligible.",
        f"{totals.persons_placed:,} persons in {totals.beds_filled:,} of {totals.beds:,} beds; by priority alone "
        f"{run.totals.priority_alone.persons_placed:,}.",
    ]
