"""The pages of the jobs: the timetable, a job with its history, every run, and one run with its progress.

The page of a run is also where every other page sends whoever has ordered something: see `menu.run_path`.
"""

from collections.abc import Iterator
from datetime import time
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.audit.queries import actors
from service.database.requests import transactional
from service.errors import N_, Conflict, FieldError, Invalid, Text
from service.identity.access import AnyRequest, actor_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import SIGNED_IN, may
from service.jobs import actions
from service.jobs.api import job_named, place_of, timetable_of
from service.jobs.queries import JobState, Run, page_of_runs, run_for, standings, states
from service.jobs.rules import MONTHS, When
from service.jobs.words import JOBS, ORDERS, STATES, facts_of, onward_of, result_of, title_of
from service.jobs.work import Job, Place
from service.web.formats import show
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.menu import run_path
from service.web.pages import language_of, page, redirect
from service.web.paging import decode_cursor, page_of
from service.web.texts import translator

PATH: Final = "/jobs"
RUNS: Final = f"{PATH}/runs"
RUNS_PER_PAGE = 25
_JOB: Final = f"{PATH}/{{job:str}}"
_READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("jobs.read")}
_CHANGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("jobs.change")}
_COLORS: Final = {"queued": "info", "running": "info", "done": "success", "failed": "danger", "missed": "warning"}


class RunNow(msgspec.Struct, frozen=True):
    """That a job is to run now; its key makes a double click one."""

    key: FormKey


class Daily(msgspec.Struct, frozen=True):
    """A time of every day, by the clock on the wall."""

    at: Annotated[
        str,
        Meta(
            title=N_("Time"),
            pattern="^([01]?[0-9]|2[0-3])[:.][0-5][0-9]$",
            description=N_("Write the time as hours and minutes, such as 06:30."),
        ),
    ]

    @property
    def clock(self) -> time:
        """The time; people write it with a colon or a point, and with one digit before nine."""
        hour, minute = self.at.replace(".", ":").split(":")
        return time(int(hour), int(minute))

    def when(self) -> When:
        """The same as a time of the timetable."""
        return When(self.clock)


class Monthly(Daily, frozen=True):
    """A time on a day of every month; a day that a month does not have is its last."""

    day: Annotated[int, Meta(title=N_("Day of the month"), ge=1, le=31)]

    def when(self) -> When:
        return When(self.clock, self.day)


class Yearly(Monthly, frozen=True):
    """A time on a day of one month."""

    month: Annotated[int, Meta(title=N_("Month"), ge=1, le=12)]

    def when(self) -> When:
        return When(self.clock, self.day, self.month)


class Row(msgspec.Struct, frozen=True):
    """A job as the timetable shows it; texts are in the reader's language."""

    name: str
    title: str
    does: str
    before: str | None
    when: str
    own_time: bool
    state: JobState
    last: "Line | None"

    @property
    def at_work(self) -> bool:
        """Whether its newest run waits for a worker or is under way."""
        return self.last is not None and self.last.at_work


class Line(msgspec.Struct, frozen=True):
    """A run as a page shows it. `english` tells that the result has been kept in English alone."""

    run: Run
    title: str
    state: str
    color: str
    result: str | None
    english: bool

    @property
    def at_work(self) -> bool:
        """Whether it waits for a worker or is under way."""
        return self.run.state in ("queued", "running")

    @property
    def period(self) -> str | None:
        """The day, month or year of a run of the timetable."""
        return None if self.run.arguments is not None else self.run.period


class Filter(msgspec.Struct, frozen=True):
    """Which runs are listed."""

    job: Annotated[str | None, Meta(title=N_("Job"))] = None
    state: Annotated[str | None, Meta(title=N_("State"))] = None


@get(PATH, **_READ)
@transactional
def show_timetable(request: AnyRequest, session: Session) -> Response[str]:
    """What runs when, what came of it last, and what needs somebody's attention."""
    rows = list(_rows(request, session))
    return page(
        request,
        "jobs/timetable.html",
        rows=rows,
        at_work=any(row.at_work for row in rows),
        raised=[row for row in rows if row.state.alarm],
    )


@get(_JOB, **_READ)
@transactional
def show_job(request: AnyRequest, session: Session, job: FromPath[str]) -> Response[str]:
    """A job: what it does, when it runs, what can be done about it, and its history."""
    row = _row(request, session, job)
    found = _page_of_lines(request, session, job, None)
    return page(request, "jobs/job.html", row=row, key=new_key(), **found, **_ways(f"{PATH}/{job}", {}, request, found))


@post(f"{_JOB}/run", status_code=303, **_CHANGE)
@transactional
def run_job(request: AnyRequest, session: Session, data: FormData, job: FromPath[str]) -> Redirect:
    """Let a worker do the run of the current period, and show its progress."""
    found, place = job_named(request, session, job)
    if is_repeated(session, principal_of(request), read_form(data, RunNow).key):
        last = _row(request, session, job).last
        return redirect(request, f"{PATH}/{job}" if last is None else run_path(last.run.id))
    try:
        run = actions.order_run(session, place, found, actor_of(request))
    except Conflict:
        return redirect(
            request, f"{PATH}/{job}", N_("It is done already for this period. It runs again at its next time."), "info"
        )
    return redirect(request, run_path(run.id))


@post(f"{_JOB}/pause", status_code=303, **_CHANGE)
@transactional
def pause_job(request: AnyRequest, session: Session, job: FromPath[str]) -> Redirect:
    """Let a job rest; one that rests already is left as it is."""
    found, place = job_named(request, session, job)
    if not _state(session, place, found).paused:
        actions.pause(session, place, found, actor_of(request))
    return redirect(request, f"{PATH}/{job}", N_("The job is paused until somebody lets it run again."))


@post(f"{_JOB}/resume", status_code=303, **_CHANGE)
@transactional
def resume_job(request: AnyRequest, session: Session, job: FromPath[str]) -> Redirect:
    """Let a paused job run again; for one that is not paused the time must not begin anew."""
    found, place = job_named(request, session, job)
    if _state(session, place, found).paused:
        actions.resume(session, place, found, actor_of(request))
    return redirect(request, f"{PATH}/{job}", N_("The job runs again, from its next time on."))


@get(f"{_JOB}/time", **_CHANGE)
@transactional
def ask_for_time(request: AnyRequest, session: Session, job: FromPath[str]) -> Response[str]:
    """The form for a time of the municipality's own."""
    found, place = job_named(request, session, job)
    [(_, own)] = standings(session, [found], place)
    when = own.standing.when
    form = blank(request, _form_of(found), at=f"{when.at:%H:%M}", day=when.day, month=when.month)
    return page(request, "jobs/time.html", form=form, **_time_context(request, session, job))


@post(f"{_JOB}/time", status_code=303, **_CHANGE)
@transactional
def set_time(request: AnyRequest, session: Session, data: FormData, job: FromPath[str]) -> Redirect:
    """Give a job a time of the municipality's own; it counts from now on."""
    found, place = job_named(request, session, job)
    with redisplaying(request, "jobs/time.html", _form_of(found), data, **_time_context(request, session, job)):
        when = actions.set_time(session, place, found, read_form(data, _form_of(found)).when(), actor_of(request))
    return redirect(request, f"{PATH}/{job}", N_("From now on it runs {when}."), when=_say(request, when.text))


@post(f"{_JOB}/time/reset", status_code=303, **_CHANGE)
@transactional
def reset_time(request: AnyRequest, session: Session, job: FromPath[str]) -> Redirect:
    """Take the timetable's own time again."""
    found, place = job_named(request, session, job)
    when = actions.set_time(session, place, found, None, actor_of(request))
    return redirect(request, f"{PATH}/{job}", N_("From now on it runs {when}."), when=_say(request, when.text))


@get(RUNS, **_READ)
@transactional
def show_runs(request: AnyRequest, session: Session) -> Response[str]:
    """Every run, of the timetable and of what was ordered, newest first."""
    asked = read_form(dict(request.query_params), Filter)
    if asked.state is not None and asked.state not in STATES:
        raise Invalid("There is no such state of a run.", [FieldError("state", "is none of those to choose from")])
    found = _page_of_lines(request, session, asked.job, asked.state)
    filters = {name: value for name, value in msgspec.structs.asdict(asked).items() if value}
    names = (*(job.name for job, _ in standings(session, timetable_of(request), place_of(request, session))), *ORDERS)
    texts = translator(language_of(request))
    return page(
        request,
        "jobs/runs.html",
        form=blank(request, Filter, job=asked.job or "", state=asked.state or ""),
        jobs=sorted(((name, texts.gettext(title_of(name))) for name in names), key=lambda pair: pair[1].lower()),
        states=[(state, texts.gettext(said)) for state, said in STATES.items()],
        filtered=bool(filters),
        **found,
        **_ways(RUNS, filters, request, found),
    )


# For everybody who is signed in: the run says who may see it.
@get(f"{RUNS}/{{run_id:uuid}}", sync_to_thread=True, include_in_schema=False, opt=SIGNED_IN)
@transactional
def show_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[str]:
    """A run while it is under way, and then what came of it with the way on."""
    principal = principal_of(request)
    run = run_for(session, principal, run_id)
    onward = onward_of(run)
    if onward is not None and not _stands(request, onward[0]):
        onward = None
    who = actors(session).people.get(run.ordered_by) if run.ordered_by is not None else None
    return page(
        request,
        "jobs/run.html",
        line=_line(request, run),
        facts=facts_of(run),
        onward=onward,
        errors=(run.outcome or {}).get("errors", []) if run.state == "failed" else [],
        ordered_by=None if who is None else who[0],
        of_timetable=run.job in JOBS,
        may_see_jobs=principal.may("jobs.read"),
    )


ROUTES = [
    show_timetable,
    show_runs,
    show_run,
    show_job,
    run_job,
    pause_job,
    resume_job,
    ask_for_time,
    set_time,
    reset_time,
]
"""The pages of the jobs."""


def _rows(request: AnyRequest, session: Session, only: Job | None = None) -> Iterator[Row]:
    place = place_of(request, session)
    timetable = timetable_of(request) if only is None else [only]
    texts = translator(language_of(request))
    known = standings(session, timetable, place)
    for (job, own), state in zip(known, states(session, timetable, place), strict=True):
        words = JOBS.get(job.name)
        yield Row(
            name=job.name,
            title=texts.gettext(title_of(job)),
            does=texts.gettext(words.does) if words else "",
            before=texts.gettext(words.before) if words and words.before else None,
            when=_say(request, own.standing.when.text),
            own_time=own.standing.when != job.when,
            state=state,
            last=None if state.last is None else _line(request, state.last),
        )


def _row(request: AnyRequest, session: Session, name: str) -> Row:
    job, _ = job_named(request, session, name)
    [row] = _rows(request, session, job)
    return row


def _state(session: Session, place: Place, job: Job) -> JobState:
    [state] = states(session, [job], place)
    return state


def _line(request: AnyRequest, run: Run) -> Line:
    texts, said = translator(language_of(request)), result_of(run)
    result = texts.gettext(run.result) if run.result else None
    return Line(
        run=run,
        title=texts.gettext(title_of(run.job)),
        state=texts.gettext(STATES[run.state]),
        color=_COLORS[run.state],
        result=result if said is None else _say(request, said),
        english=said is None and result == run.result and language_of(request) != "en",
    )


def _page_of_lines(request: AnyRequest, session: Session, job: str | None, state: str | None) -> dict[str, Any]:
    after = decode_cursor(request.query_params.get("after"), UUID)
    runs = page_of_runs(session, RUNS_PER_PAGE, after, job, state)
    found = page_of(runs, RUNS_PER_PAGE, lambda run: _line(request, run), lambda run: run.id)
    return {"lines": found.items, "after": found.next}


def _ways(path: str, filters: dict[str, str], request: AnyRequest, found: dict[str, Any]) -> dict[str, Any]:
    """The addresses of the next page, and of the first one where this is not it."""
    following = None if found["after"] is None else f"{path}?{urlencode(filters | {'after': found['after']})}"
    first = f"{path}?{urlencode(filters)}" if filters else path
    return {"next": following, "first": first if "after" in request.query_params else None}


def _form_of(job: Job) -> type[Daily]:
    if job.when.day is None:
        return Daily
    return Monthly if job.when.month is None else Yearly


def _time_context(request: AnyRequest, session: Session, job: str) -> dict[str, Any]:
    texts = translator(language_of(request))
    months = [(number, texts.gettext(name)) for number, name in enumerate(MONTHS, start=1)]
    row = _row(request, session, job)
    own = job_named(request, session, job)[0].when
    return {"row": row, "months": months, "timetable": _say(request, own.text)}


def _say(request: AnyRequest, text: Text) -> str:
    language = language_of(request)
    return text.said(translator(language).gettext, lambda value: show(value, language))


def _stands(request: AnyRequest, path: str) -> bool:
    """Whether there is such a page: the pages of another slice are known by their address alone."""
    parts = path.split("/")
    return any(
        len(route.path.split("/")) == len(parts)
        and all(own == part or own.startswith("{") for own, part in zip(route.path.split("/"), parts, strict=True))
        for route in request.app.routes
        if route.path != "/{path:path}"
    )
