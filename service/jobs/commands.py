"""`medspiller jobs`: what runs when, what came of it, a run by hand, and a municipality's own times."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlmodel import Session

from service import console
from service.audit.actions import COMMAND
from service.database.engine import Database
from service.database.tenancy import act_for
from service.errors import Refused
from service.jobs import actions, queries
from service.jobs.rules import When
from service.jobs.work import Job, Kinds, Place, Timetable, find_job, find_place, places
from service.settings import load
from service.values import clock

_WHERE = click.option(
    "--municipality", "code", metavar="CODE", help="The municipality's code; without it the installation's own jobs."
)
_ORGANISATION = click.option(
    "--organisation", metavar="CODE", help="The code of a volunteer organisation, for a job that runs for one."
)
_JOB = click.argument("name", metavar="JOB")


class _Time(click.ParamType[time]):
    """A time of the form HH:MM."""

    name = "time"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "HH:MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> time:
        if isinstance(value, time):
            return value
        try:
            return datetime.strptime(value, "%H:%M").time()
        except ValueError:
            self.fail(f"{value!r} is no time of the form HH:MM.", param, ctx)


def _kind(code: str | None, organisation: str | None) -> str:
    """The kind of place that the options name."""
    if code is not None and organisation is not None:
        raise click.UsageError("Name either --municipality or --organisation.")
    return "organisation" if organisation else "municipality" if code else "installation"


def _find(session: Session, code: str | None, organisation: str | None) -> Place:
    return find_place(session, organisation or code, _kind(code, organisation))


@contextmanager
def _at(code: str | None, organisation: str | None = None) -> Iterator[tuple[Database, Session, Place]]:
    """The database, a transaction that acts for the place, and the place."""
    with console.database() as database, database.transaction() as session:
        place = _find(session, code, organisation)
        act_for(session, place.id)
        yield database, session, place


def jobs_commands(timetable: Timetable, kinds: Kinds = ()) -> click.Group:
    """The group of commands over a timetable; its history also has what can be ordered."""
    group = click.Group("jobs", help="Jobs: what runs when, what came of it, and a municipality's own times.")

    @group.command("list")
    @click.option("--municipality", "code", metavar="CODE", help="Of this municipality; by default of every place.")
    @console.command
    def list_(code: str | None) -> Any:
        """List the jobs: what each does and when, its last result, and what did not run though it should have."""
        with console.database() as database, database.transaction() as session:
            chosen = places(session) if code is None else [find_place(session, code)]
            found = [(place, _states(session, timetable, place)) for place in chosen]
        if not found:
            return {"jobs": []}, ["Nothing runs before there is a municipality: medspiller municipality add"]
        lines = [line for place, states in found for line in _place_lines(place, states)]
        return {"jobs": [state for _, states in found for state in states]}, lines

    @group.command()
    @_JOB
    @_WHERE
    @_ORGANISATION
    @console.command
    def run(name: str, code: str | None, organisation: str | None) -> Any:
        """Do a job's run of the current period now, unless it is done already."""
        job = find_job(timetable, name, _kind(code, organisation))
        with console.database() as database:
            with database.transaction() as session:
                place = _find(session, code, organisation)
            done = actions.run_now(database, load(), job, place)
        if done.state not in ("done", "done before"):
            raise Refused(
                "{job} of {period} did not succeed. {result}", job=name, period=done.period, result=done.result
            )
        before = " was done before" if done.state == "done before" else ""
        return done, [f"{name} of {done.period}{before}: {done.result}"]

    @group.command()
    @_JOB
    @_WHERE
    @_ORGANISATION
    @console.command
    def pause(name: str, code: str | None, organisation: str | None) -> Any:
        """Let a job rest. What falls in the pause is not made up for."""
        job = find_job(timetable, name, _kind(code, organisation))
        with _at(code, organisation) as (_, session, place):
            actions.pause(session, place, job, COMMAND)
        where = f" --municipality {code}" if code else f" --organisation {organisation}" if organisation else ""
        again = f"medspiller jobs resume {name}{where}"
        return {"job": name, "paused": True}, [f"{name} is paused. To let it run again: {again}"]

    @group.command()
    @_JOB
    @_WHERE
    @_ORGANISATION
    @console.command
    def resume(name: str, code: str | None, organisation: str | None) -> Any:
        """Let a paused job run again, from its next time on."""
        job = find_job(timetable, name, _kind(code, organisation))
        with _at(code, organisation) as (_, session, place):
            actions.resume(session, place, job, COMMAND)
            next_at = _next_at(session, job, place)
        return {"job": name, "paused": False, "next_at": next_at}, [f"{name} runs again, {_next(next_at, place)}."]

    @group.command()
    @click.argument("name", metavar="[JOB]", required=False)
    @_WHERE
    @_ORGANISATION
    @click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 10_000))
    @console.command
    def history(name: str | None, code: str | None, organisation: str | None, limit: int) -> Any:
        """Show the newest runs, of one job, of one kind of orders, or of all."""
        if name is not None and name not in [kind.name for kind in kinds]:
            find_job(timetable, name, _kind(code, organisation))
        with _at(code, organisation) as (_, session, place):
            runs = queries.history(session, name, limit)
        return {"runs": runs}, [_run_line(run, place) for run in runs] or ["Nothing has run yet."]

    _add_set(group, timetable)
    return group


def _add_set(group: click.Group, timetable: Timetable) -> None:
    @group.command("set")
    @_JOB
    @_WHERE
    @_ORGANISATION
    @click.option("--at", type=_Time(), help="The time by the clock on the wall.")
    @click.option("--day", type=click.IntRange(1, 31), help="The day of the month; a day it does not have is its last.")
    @click.option("--month", type=click.IntRange(1, 12))
    @click.option("--timetable", "reset", is_flag=True, help="Take the timetable's own time again.")
    @console.command
    def set_(
        name: str,
        code: str | None,
        organisation: str | None,
        at: time | None,
        day: int | None,
        month: int | None,
        reset: bool,
    ) -> Any:
        """Give a job a time of the municipality's own; it counts from now on."""
        if (at is None) != reset or (reset and (day or month)) or (month and not day):
            raise click.UsageError("Name --at HH:MM, with --day and --month where the job has them, or --timetable.")
        job = find_job(timetable, name, _kind(code, organisation))
        with _at(code, organisation) as (_, session, place):
            when = actions.set_time(session, place, job, None if at is None else When(at, day, month), COMMAND)
            next_at = _next_at(session, job, place)
        told = f"{name} runs {when}, {_next(next_at, place)}."
        return {"job": name, "when": str(when), "next_at": next_at}, [told]


def _states(session: Session, timetable: Timetable, place: Place) -> list[queries.JobState]:
    act_for(session, place.id)
    return queries.states(session, timetable, place)


def _next_at(session: Session, job: Job, place: Place) -> datetime | None:
    [state] = queries.states(session, [job], place)
    return state.next_at


def _next(at: datetime | None, place: Place) -> str:
    """When a job runs next, in words; a job without a time is paused."""
    if at is None:
        return "paused"
    return f"{'next' if at > clock.now() else 'was due'} {_local(at, place)}"


def _place_lines(place: Place, states: list[queries.JobState]) -> Iterator[str]:
    tenant = place.municipality or place.organisation
    of = "The installation" if tenant is None else f"{tenant.name} ({place.code})"
    yield f"{of}, times of {place.time_zone}"
    for state in states:
        yield from _state_lines(state, place)


def _state_lines(state: queries.JobState, place: Place) -> Iterator[str]:
    yield f"  {state.job:<15} {state.says}: {state.when}, {_next(state.next_at, place)}"
    if state.alarm:
        yield f"  {'':<15} ALARM: {_ALARMS[state.alarm]}"
    if state.last is not None:
        yield f"  {'':<15} {_run_line(state.last, place)}"


_ALARMS = {"overdue": "it did not run though it should have.", "failed": "its last run failed."}


def _run_line(run: queries.Run, place: Place) -> str:
    at = run.finished_at or run.started_at or run.due_at
    told = _progress(run) if run.state == "running" and run.progress else run.result or ""
    return f"{run.job} {run.period}: {run.state} {_local(at, place)}  {told}".rstrip()


def _progress(run: queries.Run) -> str:
    total = "" if run.progress_total is None else f" of {run.progress_total:,}"
    return f"{run.progress}" if run.progress_done is None else f"{run.progress}: {run.progress_done:,}{total}"


def _local(at: datetime, place: Place) -> str:
    return f"{at.astimezone(ZoneInfo(place.time_zone)):%Y-%m-%d %H:%M}"
