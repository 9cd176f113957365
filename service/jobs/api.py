"""The jobs' doors for machines: `/metrics` for Prometheus, and the timetable and its runs in the API."""

from collections.abc import Iterator
from datetime import time
from typing import Annotated, Any
from uuid import UUID

from litestar import MediaType, Request, Response, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlmodel import Session

from schemas.job import Accepted, JobProgress, JobRunDetail, JobRunSummary, JobTime, TimetableEntry
from schemas.page import Page
from service.database.requests import transactional
from service.errors import FieldError, Invalid, NotFound
from service.identity.access import actor_of, municipality_of, principal_of
from service.identity.permissions import KNOWN, PUBLIC, may
from service.jobs import actions
from service.jobs.models import STATES
from service.jobs.queries import JobState, Measure, Run, measures, of_place, page_of_runs, run_for, states
from service.jobs.rules import When
from service.jobs.work import Job, Place, Timetable, find_place
from service.web.accepted import RUN, accepted
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

_LABELS = ("place", "job")


class _Jobs(Collector):
    """The jobs' figures as they stand; read from the database, since workers are processes of their own."""

    def __init__(self, measured: list[Measure]) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        success = GaugeMetricFamily(
            "medspiller_job_last_success_timestamp_seconds", "When the job was last done.", labels=_LABELS
        )
        raised = {
            kind: GaugeMetricFamily(f"medspiller_job_{kind}", f"1 where the job is {kind}, else 0.", labels=_LABELS)
            for kind in ("overdue", "failed")
        }
        runs = CounterMetricFamily("medspiller_job_runs", "Runs by the state they are in.", labels=(*_LABELS, "state"))
        for job in self._measured:
            where = (job.place, job.job)
            if job.last_success is not None:
                success.add_metric(where, job.last_success.timestamp())
            for kind, gauge in raised.items():
                gauge.add_metric(where, float(job.alarm == kind))
            for state, count in sorted(job.runs.items()):
                runs.add_metric((*where, state), count)
        yield from (success, *raised.values(), runs)


@get("/metrics", sync_to_thread=True, tags=["operation"], media_type=MediaType.TEXT, opt=PUBLIC)
@transactional
def metrics(request: Request[None, None, State], session: Session) -> str:
    """Figures of the jobs in Prometheus's text format: last success, alarms and runs of each job."""
    registry = CollectorRegistry(auto_describe=False)
    watched = measures(session)
    request.app.state.alarms.tell(watched)
    registry.register(_Jobs(watched))
    return generate_latest(registry).decode()


AnyRequest = Request[Any, Any, State]
# The framework keeps the name `state` of a parameter for itself, and would name another in its errors.
_State = Annotated[str | None, QueryParameter(name="state", enum=STATES, description="Only runs in this state.")]


@get("/api/v1/jobs", sync_to_thread=True, opt=may("jobs.read"), tags=["jobs"], responses=DOCUMENTED)
@transactional
def timetable(request: AnyRequest, session: Session) -> list[TimetableEntry]:
    """The municipality's timetable as it stands: when each job runs, its newest run, and what is an alarm."""
    return [_entry(state) for state in states(session, timetable_of(request), place_of(request, session))]


@get("/api/v1/jobs/runs", sync_to_thread=True, opt=may("jobs.read"), tags=["jobs"], responses=DOCUMENTED)
@transactional
def list_runs(
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    job: Annotated[str | None, QueryParameter(description="Only this job, or kind of orders.")] = None,
    in_state: _State = None,
) -> Page[JobRunSummary]:
    """The runs of the timetable's jobs and of what was ordered, newest first."""
    if in_state is not None and in_state not in STATES:
        wrong = FieldError("state", "is no state: there are {known}", {"known": ", ".join(STATES)})
        raise Invalid("Some fields of the request are wrong.", errors=[wrong])
    runs = page_of_runs(session, limit, decode_cursor(after, UUID), job, in_state)
    return page_of(runs, limit, _summary, lambda run: run.id)


# Everybody who is signed in and every token may ask: the run says who may see it.
@get("/api/v1/jobs/runs/{run_id:uuid}", name=RUN, sync_to_thread=True, opt=KNOWN, tags=["jobs"], responses=DOCUMENTED)
@transactional
def show_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> JobRunDetail:
    """How a run stands: progress while it runs, then its result in words and its outcome in ids and counts.

    For those who may see the jobs, and for whoever ordered it.
    """
    return _detail(run_for(session, principal_of(request), run_id))


@post(
    "/api/v1/jobs/{job:str}/runs",
    sync_to_thread=True,
    opt=may("jobs.change"),
    tags=["jobs"],
    responses=DOCUMENTED,
    status_code=202,
)
@transactional
def run_job(request: AnyRequest, session: Session, job: FromPath[str]) -> Response[Accepted]:
    """Let a worker do the job's run of the current period now; refused where it is done already."""
    found = job_named(request, session, job)
    run = actions.order_run(session, found[1], found[0], actor_of(request))
    return accepted(request, run.id, run.state)


@put("/api/v1/jobs/{job:str}/time", sync_to_thread=True, opt=may("jobs.change"), tags=["jobs"], responses=DOCUMENTED)
@transactional
def set_job_time(request: AnyRequest, session: Session, job: FromPath[str], data: JSONBody[JobTime]) -> TimetableEntry:
    """Give a job a time of the municipality's own, or with a null `at` the timetable's again; counts from now on."""
    if (data.at is None and data.day is not None) or (data.day is None and data.month is not None):
        raise Invalid("A day goes with a time, and a month with a day.")
    found, place = job_named(request, session, job)
    when = None if data.at is None else When(time.fromisoformat(data.at), data.day, data.month)
    actions.set_time(session, place, found, when, actor_of(request))
    return _entry_of(session, found, place)


@post(
    "/api/v1/jobs/{job:str}/pause",
    sync_to_thread=True,
    opt=may("jobs.change"),
    tags=["jobs"],
    responses=DOCUMENTED,
    status_code=200,
)
@transactional
def pause_job(request: AnyRequest, session: Session, job: FromPath[str]) -> TimetableEntry:
    """Let a job rest; what falls in the pause is not made up for."""
    found, place = job_named(request, session, job)
    actions.pause(session, place, found, actor_of(request))
    return _entry_of(session, found, place)


@post(
    "/api/v1/jobs/{job:str}/resume",
    sync_to_thread=True,
    opt=may("jobs.change"),
    tags=["jobs"],
    responses=DOCUMENTED,
    status_code=200,
)
@transactional
def resume_job(request: AnyRequest, session: Session, job: FromPath[str]) -> TimetableEntry:
    """Let a paused job run again, from its next time on."""
    found, place = job_named(request, session, job)
    actions.resume(session, place, found, actor_of(request))
    return _entry_of(session, found, place)


ROUTES = [metrics, timetable, list_runs, show_run, run_job, set_job_time, pause_job, resume_job]
"""The API of the jobs; the application's state has the `timetable`, and in `alarms` what it told of them."""


def timetable_of(request: AnyRequest) -> Timetable:
    found: Timetable = request.app.state.timetable
    return found


def place_of(request: AnyRequest, session: Session) -> Place:
    return find_place(session, municipality_of(request).code)


def job_named(request: AnyRequest, session: Session, name: str) -> tuple[Job, Place]:
    """A job of the municipality, and the municipality as the place where it runs."""
    place = place_of(request, session)
    known = of_place(timetable_of(request), place)
    for job in known:
        if job.name == name:
            return job, place
    raise NotFound("There is no job {job}. There are {known}.", job=name, known=", ".join(job.name for job in known))


def _entry_of(session: Session, job: Job, place: Place) -> TimetableEntry:
    [state] = states(session, [job], place)
    return _entry(state)


def _entry(state: JobState) -> TimetableEntry:
    return TimetableEntry(
        job=state.job,
        says=state.says,
        when=state.when,
        paused=state.paused,
        next_at=state.next_at,
        alarm=state.alarm,
        last=None if state.last is None else _summary(state.last),
    )


def _summary(run: Run) -> JobRunSummary:
    return JobRunSummary(**_shown(run))


def _detail(run: Run) -> JobRunDetail:
    return JobRunDetail(**_shown(run), arguments=run.arguments, outcome=run.outcome)


def _shown(run: Run) -> dict[str, Any]:
    at_work = run.state == "running" and run.progress is not None
    fields = {
        name: getattr(run, name) for name in JobRunSummary.__struct_fields__ if name not in ("ordered", "progress")
    }
    progress = JobProgress(run.progress or "", run.progress_done, run.progress_total) if at_work else None
    return fields | {"ordered": run.arguments is not None, "progress": progress}
