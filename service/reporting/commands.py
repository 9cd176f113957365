"""`medspiller report`: statistics with small numbers hidden."""

from datetime import date
from pathlib import Path
from typing import Any

import click

from service import console
from service.audit.actions import COMMAND
from service.eligibility.commands import SCHEME_OPTION
from service.reporting import actions
from service.reporting.queries import threshold_of
from service.reporting.report import ALL, IN_ORDER, Line, Report
from service.values.money import format_kroner

_THRESHOLD = click.IntRange(2, 100)


@click.group()
def report() -> None:
    """Statistics: who is entitled, gets the pass and uses it."""


@report.command()
@console.MUNICIPALITY
@SCHEME_OPTION
@click.option("--period-of", "on", required=True, type=console.DAY, help="A date in the period.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder to fill.")
@click.option("--threshold", type=_THRESHOLD, help="Hide counts under this; by default the municipality's setting.")
@console.command
def make(code: str, scheme: str, on: date, out: Path, threshold: int | None) -> Any:
    """Write report.csv, report.xlsx, report.svg and report.png for a period, beside the period before."""
    with console.desk(code) as desk:
        made = actions.make_report(
            desk.session, desk.municipality, scheme, on, out, COMMAND, threshold=threshold, name="report"
        )
    return _answer(made), _lines(made)


@report.command("settings")
@console.MUNICIPALITY
@click.option("--threshold", type=_THRESHOLD, help="Hide counts under this in every report.")
@console.command
def settings_(code: str, threshold: int | None) -> Any:
    """Show or set under which count figures are hidden."""
    with console.desk(code) as desk:
        if threshold is not None:
            actions.set_threshold(desk.session, desk.municipality, threshold, COMMAND)
        counts = threshold_of(desk.session)
    return {"threshold": counts}, [f"Counts under {counts} are hidden, and what they could be computed from."]


def _answer(made: Report) -> dict[str, Any]:
    """Totals of the whole municipality; a hidden one is null."""
    totals = {measure: made.line(measure) for measure in IN_ORDER}
    return {
        "period": made.period,
        "period_before": made.before,
        "threshold": made.threshold,
        "totals": {measure: line.value for measure, line in totals.items()},
        "totals_before": {measure: line.before for measure, line in totals.items()},
        "figures": len(made.lines),
        "suppressed": made.suppressed,
        "files": made.files,
    }


def _lines(made: Report) -> list[str]:
    index = {(line.district, line.measure): line for line in made.lines if line.age_group == ALL}
    lines = [
        f"{made.scheme} in {made.municipality}, {made.period.start} to {made.period.end}",
        "",
        f"{'District':<24}" + "".join(f"{measure:>12}" for measure in IN_ORDER[:-1]) + f"{'spent':>16}",
    ]
    for district in (*made.districts, ALL):
        values = "".join(f"{_said(index[district, measure]):>12}" for measure in IN_ORDER[:-1])
        lines.append(f"{district[:23]:<24}{values}{_said(index[district, 'spent']):>16}")
    before = "".join(f"{_said_before(index[ALL, measure]):>12}" for measure in IN_ORDER[:-1])
    lines.append(f"{'all, period before':<24}{before}{_said_before(index[ALL, 'spent']):>16}")
    lines += [
        "",
        f"{made.suppressed:,} of {len(made.lines):,} figures are hidden, since children could be made out by them.",
    ]
    return [*lines, *made.files]


def _said(line: Line) -> str:
    return _text(line.measure, line.value, line.suppressed)


def _said_before(line: Line) -> str:
    return _text(line.measure, line.before, line.before_suppressed)


def _text(measure: str, value: int | None, hidden: bool) -> str:
    if hidden:
        return "hidden"
    if value is None:
        return "–"
    return format_kroner(value, "en") if measure == "spent" else f"{value:,}"
