"""What did not run, or failed, is an alarm: in `/health`, in the metrics and in the log."""

import json
import logging
from collections.abc import Callable

import pytest
from litestar.testing import TestClient

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.database.engine import Database
from service.identity.actions import Municipality
from service.jobs.actions import tick
from service.settings import Settings
from service.web.log import JsonLines
from tests.apps import app_over
from tests.conftest import Medspiller
from tests.jobs.conftest import MUNICIPAL

AT = ("--municipality", "0751")
At = Callable[[str], None]


def test_health_and_metrics(municipality: Municipality, database: Database, at: At, now_settings: Settings) -> None:
    with TestClient(app_over(database)) as client:
        at("2017-01-01T12:00Z")
        assert client.get("/health").json()["jobs"] == {"overdue": ["installation worker"], "failed": []}
        tick(database, TIMETABLE)
        assert client.get("/health").json()["jobs"] == {"overdue": [], "failed": []}
        # No worker runs in the night.
        at("2017-01-02T09:00Z")
        answer = client.get("/health")
        assert answer.status_code == 200
        due = [job for job in MUNICIPAL if job.when.day is None or job.name == "refresh-year"]
        overdue = [f"{'installation' if job.installation else '0751'} {job.name}" for job in due]
        assert answer.json()["jobs"]["overdue"] == sorted(overdue, key=lambda one: (one[0] != "i", one))
        Worker(database, now_settings, TIMETABLE).once()
        answer = client.get("/health")
        assert answer.json()["jobs"] == {"overdue": [], "failed": ["0751 refresh-year"]}
        lines = client.get("/metrics").text.splitlines()
    success = 'medspiller_job_last_success_timestamp_seconds{job="seal",place="0751"} 1.4833476e+09'
    assert success in lines
    assert 'medspiller_job_failed{job="refresh-year",place="0751"} 1.0' in lines
    assert 'medspiller_job_overdue{job="refresh-year",place="0751"} 0.0' in lines
    assert 'medspiller_job_runs_total{job="backup",place="installation",state="done"} 1.0' in lines
    assert "Medby" not in "".join(lines)


def test_a_missed_run_is_a_line_in_the_log_and_an_alarm_until_it_is_done(
    municipality: Municipality,
    medspiller: Medspiller,
    database: Database,
    at: At,
    now_settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    reports = [job for job in TIMETABLE if job.name == "refresh-month"]
    tick(database, reports)
    at("2017-02-10T12:00Z")
    worker = Worker(database, now_settings, reports)
    assert worker.once() == worker.once() == []
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    told = [(line["event"], line["state"], line["job"]) for line in lines if line["place"] == "0751"]
    # Once, though the worker looked twice.
    assert told == [("job", "missed", "refresh-month"), ("alarm", "raised", "refresh-month")]
    [state] = [job for job in medspiller("jobs", "list", *AT)["jobs"] if job["job"] == "refresh-month"]
    assert (state["alarm"], state["last"]["state"]) == ("overdue", "missed")
    medspiller("jobs", "pause", "refresh-month", *AT)
    caplog.set_level(logging.INFO)
    worker.once()
    over = json.loads(JsonLines().format(caplog.records[-1]))
    assert (over["event"], over["state"], over["job"]) == ("alarm", "over", "refresh-month")


def test_the_web_service_logs_alarms_where_no_worker_runs(
    municipality: Municipality, database: Database, at: At, caplog: pytest.LogCaptureFixture
) -> None:
    tick(database, TIMETABLE)
    at("2017-01-02T08:00Z")
    with TestClient(app_over(database)) as client:
        for path in ("/health", "/metrics", "/health"):
            assert client.get(path).status_code == 200
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    alarms = [(line["place"], line["job"], line["alarm"]) for line in lines if line["event"] == "alarm"]
    assert alarms == sorted(set(alarms))
    assert ("installation", "backup", "overdue") in alarms
