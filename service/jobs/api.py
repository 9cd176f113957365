"""The jobs' doors for machines: `/metrics` for Prometheus."""

from collections.abc import Iterator

from litestar import MediaType, Request, get
from litestar.datastructures import State
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlmodel import Session

from service.database.requests import transactional
from service.jobs.queries import Measure, measures

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


@get("/metrics", sync_to_thread=True, tags=["operation"], media_type=MediaType.TEXT)
@transactional
def metrics(request: Request[None, None, State], session: Session) -> str:
    """Figures of the jobs in Prometheus's text format: last success, alarms and runs of each job."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Jobs(measures(session)))
    return generate_latest(registry).decode()
