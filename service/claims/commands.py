"""`medspiller claims`: terms, payment dates and budgets from the command line."""

from datetime import date
from typing import Any

import click
import msgspec

from service import console
from service.audit.actions import COMMAND
from service.claims import budget, terms
from service.claims.calendar import PaymentDate, coming
from service.claims.terms import HABIT_RANGES, RANGES
from service.eligibility.parameters import SCHEME
from service.errors import FieldError, Invalid, Unreadable
from service.values import clock
from service.values.money import format_kroner, parse_kroner

_SCHEME = click.option("--scheme", required=True, metavar="NAME", help=f"The scheme, such as {SCHEME}.")


@click.group()
def claims() -> None:
    """Claims of clubs: terms, payment dates, budgets."""


@claims.command("terms")
@console.MUNICIPALITY
@_SCHEME
@click.option("--valid-from", type=console.DAY, help="For seasons that begin on this day or later.")
@click.option("--source", help="Where the terms were decided.")
@click.argument("values", nargs=-1, metavar="[KEY=VALUE ...]")
@console.command
def terms_(code: str, scheme: str, valid_from: date | None, source: str | None, values: tuple[str, ...]) -> Any:
    """Set a scheme's terms: claim_days, reservation_days, min_sessions, most_pass_percent, and excluded_kinds with
    commas between them. Keys that are not named go on. Without any the versions there are.
    """
    written = _written(values)
    if written and (valid_from is None or source is None):
        raise click.UsageError("Say from when they count and where they were decided: --valid-from and --source.")
    with console.desk(code) as desk:
        if valid_from is None or source is None:
            found = terms.versions(desk.session, desk.municipality, scheme)
            lines = [f"{one.valid_from}  {_said(one.terms)}  ({one.source})" for one in found]
            return {"versions": msgspec.to_builtins(found)}, lines or ["The presets count."]
        made = terms.set_terms(desk.session, desk.municipality, scheme, valid_from, source, _terms(written), COMMAND)
    return made, [f"For seasons from {made.valid_from} on: {_said(made.terms)}."]


def _written(values: tuple[str, ...]) -> dict[str, str]:
    for value in values:
        if "=" not in value:
            raise click.UsageError(f"{value!r} is not of the form KEY=VALUE.")
    return dict(value.split("=", 1) for value in values)


def _terms(written: dict[str, str]) -> dict[str, Any]:
    changes: dict[str, Any] = _whole_numbers({n: v for n, v in written.items() if n != "excluded_kinds"}, tuple(RANGES))
    if "excluded_kinds" in written:
        kinds = [kind.strip() for kind in written["excluded_kinds"].split(",")]
        changes["excluded_kinds"] = tuple(kind for kind in kinds if kind)
    return changes


def _whole_numbers(written: dict[str, str], known: tuple[str, ...]) -> dict[str, int]:
    wrong = [
        FieldError(name, "is not known: there are {known}", {"known": ", ".join(known)})
        for name in written
        if name not in known
    ]
    wrong += [
        FieldError(name, "must be a whole number")
        for name, value in written.items()
        if name in known and not (value.isascii() and value.isdigit() and len(value) < 10)
    ]
    if wrong:
        raise Invalid("Some values are wrong.", wrong)
    return {name: int(value) for name, value in written.items()}


def _said(one: msgspec.Struct) -> str:
    shown = {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in msgspec.structs.asdict(one).items()
    }
    return " ".join(f"{name}={value}" for name, value in shown.items())


@claims.command("dates")
@console.MUNICIPALITY
@click.option("--add", type=console.DAY, help="Pay on this day as well.")
@click.option("--cutoff", type=console.DAY, help="The last day of decisions that are paid on it.")
@click.option("--remove", type=console.DAY, help="Take back the payment on this day.")
@click.argument("values", nargs=-1, metavar="[KEY=VALUE ...]")
@console.command
def dates(code: str, add: date | None, cutoff: date | None, remove: date | None, values: tuple[str, ...]) -> Any:
    """The coming payments; set how the municipality pays without dates of its own: payment_day, cutoff_days,
    decision_days, names_days.
    """
    if (add is None) != (cutoff is None):
        raise click.UsageError("Name a date with its cutoff: --add and --cutoff.")
    habits = _whole_numbers(_written(values), tuple(HABIT_RANGES))
    with console.desk(code) as desk:
        session, municipality = desk.session, desk.municipality
        if add is not None and cutoff is not None:
            terms.add_payment_date(session, municipality, PaymentDate(add, cutoff), COMMAND)
        if remove is not None:
            terms.remove_payment_date(session, municipality, remove, COMMAND)
        if habits:
            terms.set_habits(session, municipality, habits, COMMAND)
        today, now = clock.today(municipality.time_zone), terms.habits(session)
        found = coming(today, terms.payment_dates(session, today), now, municipality.country)
    lines = [f"{one.pays_on}  what is decided by {one.cutoff}" for one in found]
    return {"coming": msgspec.to_builtins(found), "habits": msgspec.to_builtins(now)}, [*lines, _said(now)]


@claims.command("budget")
@console.MUNICIPALITY
@_SCHEME
@click.option("--year", required=True, type=int, help="The year in which the seasons begin.")
@click.option("--appropriation", metavar="KRONER", help="Set what may be spent.")
@click.option("--warn", "warn_percent", type=int, default=80, show_default=True, help="Warn at so many percent.")
@click.option("--hard-stop", is_flag=True, help="Approve no claim beyond it.")
@click.option("--source", help="Where it was decided.")
@click.option("--lift", "reason", metavar="REASON", help="Lift the stop, with who decided it and why.")
@console.command
def budget_(
    code: str,
    scheme: str,
    year: int,
    appropriation: str | None,
    warn_percent: int,
    hard_stop: bool,
    source: str | None,
    reason: str | None,
) -> Any:
    """How a year's budget stands; set it, or lift its stop."""
    if (appropriation is None) != (source is None):
        raise click.UsageError("Say where it was decided: --appropriation and --source go together.")
    with console.desk(code) as desk:
        session, municipality = desk.session, desk.municipality
        if appropriation is not None and source is not None:
            ore = _kroner(appropriation)
            budget.set_budget(session, municipality, scheme, year, ore, warn_percent, hard_stop, source, COMMAND)
        if reason is not None:
            budget.lift_stop(session, municipality, scheme, year, reason, COMMAND)
        one = budget.standing(session, municipality, scheme, year)
    known = msgspec.to_builtins(one) | {
        "level": one.level,
        "held_ore": one.held_ore,
        "expected_ore": one.expected_ore,
    }
    aside = one.appropriation_ore
    of = "no budget is set" if aside is None else f"of {format_kroner(aside, 'en')}"
    return known, [f"{scheme} {year}: {format_kroner(one.held_ore, 'en')} taken, {of}; {one.level}."]


def _kroner(written: str) -> int:
    try:
        return parse_kroner(written)
    except Unreadable as error:
        raise Invalid("{reason}", reason=error.text) from None
