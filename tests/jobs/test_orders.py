"""Ordered work, on the real database with the real worker: each kind, once whatever happens, and what remains."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from litestar.testing import TestClient
from sqlmodel import Session

from jobs.orders import ORDERS
from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.audit.actions import Actor
from service.database.engine import Database
from service.errors import Conflict, FieldError, Invalid
from service.identity.actions import Municipality, add_member
from service.jobs import orders, uploads
from service.jobs.actions import tick
from service.jobs.orders import order
from service.jobs.queries import Run, run_by_id
from service.jobs.running import ATTEMPTS
from service.jobs.work import Kind, Steps, Told, Whole, Work
from service.register import staging
from service.register.made_up import write_extract
from service.settings import Settings
from tests.apps import app_over
from tests.conftest import Medspiller
from tests.jobs.conftest import age_the_dead, as_owner, probe, retry_now

PROJECT = Path(__file__).parents[2]
AT = ("--municipality", "0751")
SYSTEM = Actor(door="api", token_id=UUID("01900000-0000-7000-8000-000000000002"))
REFRESH = {"scheme": "fritidspas", "on": "2017-01-15"}


class Desk:
    """People who order for Medby, and a worker that does it."""

    def __init__(self, database: Database, settings: Settings, municipality: Municipality) -> None:
        self.database, self.settings, self.municipality = database, settings, municipality
        self.first, self.second = self.person("first@medby.example"), self.person("second@medby.example")

    def person(self, email: str, role: str = "case_worker") -> Actor:
        with self.database.transaction() as session:
            return Actor(door="page", account_id=add_member(session, self.municipality.id, email, "Somebody", role))

    def order(self, kind: str, arguments: dict[str, Any], actor: Actor | None = None, key: str | None = None) -> UUID:
        with self.database.transaction(self.municipality.id) as session:
            return order(session, self.municipality.id, kind, arguments, actor or self.first, key)

    def order_import(self, actor: Actor | None = None, **files: Path) -> UUID:
        """Order an import of files, which lie there as if they were uploaded."""
        incoming = self.settings.home / "uploads" / f"incoming-{uuid4()}"
        incoming.mkdir(parents=True)
        for name, path in files.items():
            (incoming / f"{name}.csv").write_bytes(path.read_bytes())
        with self.database.transaction(self.municipality.id) as session:
            arguments = {"files": list(files)}
            made = order(session, self.municipality.id, "register.import", arguments, actor or self.first)
            uploads.Upload(incoming, tuple(files), {}).attach(made)
        return made

    def work(self) -> list[str]:
        return [done.state for done in Worker(self.database, self.settings, []).once()]

    def run(self, order_id: UUID) -> Run:
        with self.database.transaction(self.municipality.id) as session:
            return run_by_id(session, order_id)

    def done(self, kind: str, arguments: dict[str, Any], actor: Actor | None = None) -> dict[str, Any]:
        """The outcome of an order that is done at once."""
        order_id = self.order(kind, arguments, actor)
        assert self.work() == ["done"]
        outcome = self.run(order_id).outcome
        assert outcome is not None
        return outcome

    def refused(self, kind: str, arguments: dict[str, Any], actor: Actor | None = None) -> str:
        """What is said of an order that fails at once."""
        order_id = self.order(kind, arguments, actor)
        assert self.work() == ["failed"]
        run = self.run(order_id)
        assert (run.state, run.attempts) == ("failed", 1)
        return run.result or ""


@pytest.fixture
def desk(database: Database, now_settings: Settings, municipality: Municipality) -> Desk:
    return Desk(database, now_settings, municipality)


@pytest.mark.parametrize("large", [10_000_000, 1000], ids=["one process", "two processes"])
def test_an_import_is_done_and_its_files_go(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(staging, "_TWO_PROCESSES", large)
    made = write_extract(tmp_path, households=40, on=date(2017, 1, 1))
    order_id = desk.order_import(population=made.population, income=made.income)
    run = desk.run(order_id)
    assert (run.state, run.period, run.arguments) == ("queued", str(order_id), {"files": ["population", "income"]})
    assert desk.work() == ["done"]
    run = desk.run(order_id)
    assert run.outcome is not None
    assert (run.outcome["state"], run.outcome["households"], run.outcome["persons"]) == ("merged", 40, made.persons)
    assert (run.outcome["incomes"], run.outcome["rejected"]) == (made.incomes, 0)
    assert str(desk.settings.home) not in str(run.outcome)
    assert "40 households" in (run.result or "")
    assert list((desk.settings.home / "uploads").iterdir()) == []
    [imported] = as_owner(desk.database, "SELECT id, imported_by FROM register_import")
    assert (str(imported.id), imported.imported_by) == (run.outcome["id"], desk.first.account_id)


def test_a_file_that_is_refused_is_told_and_goes(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("person_id,year\n")
    order_id = desk.order_import(income=tmp_path / "wrong.csv")
    assert desk.work() == ["failed"]
    assert "The header of income.csv lacks" in (desk.run(order_id).result or "")
    assert list((desk.settings.home / "uploads").iterdir()) == []
    assert "Upload them again" in desk.refused("register.import", {"files": ["income"]})


def test_a_held_import_is_confirmed_by_a_second_person(desk: Desk, tmp_path: Path) -> None:
    made = write_extract(tmp_path, households=60, on=date(2017, 1, 1))
    desk.order_import(population=made.population)
    assert desk.work() == ["done"]
    lines = made.population.read_text().splitlines(keepends=True)
    torn = tmp_path / "torn.csv"
    torn.write_text("".join(lines[: len(lines) // 2]))
    order_id = desk.order_import(population=torn)
    assert desk.work() == ["done"]
    held = desk.run(order_id)
    assert held.outcome is not None and held.outcome["state"] == "held"
    assert (held.result or "").startswith("Held. The file has")

    asked = {"import_id": held.outcome["id"]}
    assert "a second person must" in desk.refused("register.confirm", asked)
    assert "A person with the role administrator or case_worker" in desk.refused("register.confirm", asked, SYSTEM)
    finance = desk.person("finance@medby.example", "finance_officer")
    assert "A person with the role" in desk.refused("register.confirm", asked, finance)
    assert desk.done("register.confirm", asked, desk.second)["state"] == "merged"
    [confirmed] = as_owner(desk.database, "SELECT confirmed_by FROM register_import WHERE confirmed_by IS NOT NULL")
    assert confirmed.confirmed_by == desk.second.account_id


def test_who_lost_the_role_meanwhile_confirms_nothing(desk: Desk) -> None:
    order_id = desk.order("register.confirm", {"import_id": str(uuid4())}, desk.second)
    ended = "UPDATE directory.membership SET ended_at = now() WHERE account_id = :id"
    as_owner(desk.database, ended, id=desk.second.account_id)
    assert desk.work() == ["failed"]
    assert "A person with the role" in (desk.run(order_id).result or "")


def test_refresh_dry_and_kept_then_letters_and_report(desk: Desk, peopled: Municipality) -> None:
    dry = desk.done("eligibility.refresh", REFRESH)
    assert (dry["state"], dry["run"], dry["passes_issued"]) == ("dry_run", None, 0)
    assert dry["entitled"] > 5
    assert as_owner(desk.database, "SELECT FROM refresh_run") == []
    kept = desk.done("eligibility.refresh", REFRESH | {"commit": True})
    assert (kept["state"], kept["passes_issued"]) == ("committed", dry["entitled"])
    [run] = as_owner(desk.database, "SELECT created_by FROM refresh_run")
    assert run.created_by == desk.first.account_id

    made = desk.done("letters.render", {})
    assert (made["letters"], made["batches"]) == (kept["letters_queued"], len(made["files"]))
    folder = desk.settings.home / "print" / "0751"
    assert {path.name for path in folder.glob("*.pdf")} == set(made["files"])
    first = (folder / "batch-00001.pdf").read_bytes()
    assert desk.done("letters.render", {"batch": 1})["batches"] == 1
    assert (folder / "batch-00001.pdf").read_bytes() == first
    assert desk.refused("letters.render", {"batch": 99}) == "There is no batch 99."

    report = {"scheme": "fritidspas", "period_of": "2017-01-15"}
    order_id = desk.order("report.make", report | {"threshold": 2})
    assert desk.work() == ["done"]
    outcome = desk.run(order_id).outcome
    assert outcome is not None
    assert outcome["period"] == {"start": "2017-01-01", "end": "2017-12-31"}
    lie = desk.settings.home / "reports" / "0751" / "orders" / str(order_id)
    assert {path.name for path in lie.iterdir()} == set(outcome["files"])
    assert "Nothing has been determined" in desk.refused("report.make", report | {"period_of": "2016-01-15"})


def test_a_held_refresh_is_approved_by_a_second_person(
    desk: Desk, peopled: Municipality, medspiller: Medspiller, tmp_path: Path
) -> None:
    made = write_extract(tmp_path / "more", households=200, on=date(2017, 1, 1))
    medspiller("scheme", "set", *AT, "--scheme", "fritidspas", "--valid-from", "2017-01-01", "--source", "x", "limit=1")
    desk.done("eligibility.refresh", REFRESH | {"commit": True})
    order_id = desk.order_import(population=made.population, income=made.income)
    assert desk.work() == ["done"]
    imported = desk.run(order_id).outcome
    assert imported is not None
    desk.done("register.confirm", {"import_id": imported["id"]}, desk.second)
    higher = ("--valid-from", "2017-01-02", "--source", "x", "limit=900000", "gate_percent=1")
    medspiller("scheme", "set", *AT, "--scheme", "fritidspas", *higher)
    held = desk.done("eligibility.refresh", REFRESH | {"commit": True})
    assert (held["state"], held["passes_issued"]) == ("held", 0)
    asked = {"run": held["run"]}
    assert "a second person must" in desk.refused("eligibility.approve", asked)
    assert "A person with the role" in desk.refused("eligibility.approve", asked, SYSTEM)
    approved = desk.done("eligibility.approve", asked, desk.second)
    assert approved["state"] == "committed"
    assert approved["passes_issued"] >= held["new"] > 20
    assert "it is committed" in desk.refused("eligibility.approve", asked, desk.second)


def test_what_is_no_order(desk: Desk) -> None:
    for kind, arguments in (
        ("eligibility.refresh", {"scheme": "fritidspas"}),
        ("eligibility.refresh", REFRESH | {"name": "Anna"}),
        ("letters.render", {"batch": 0}),
        ("report.make", {"scheme": "fritidspas", "period_of": "2017-01-15", "threshold": 1}),
    ):
        with pytest.raises(Invalid, match="The order cannot be read"):
            desk.order(kind, arguments)
    with pytest.raises(KeyError):
        desk.order("refresh-year", {})
    assert as_owner(desk.database, "SELECT FROM job_run WHERE arguments IS NOT NULL") == []
    assert {kind.name for kind in ORDERS} == set(orders.ARGUMENTS)


def test_what_is_rolled_back_was_never_ordered(desk: Desk) -> None:
    with pytest.raises(Conflict), desk.database.transaction(desk.municipality.id) as session:
        order(session, desk.municipality.id, "letters.render", {}, desk.first)
        raise Conflict("Not now.")
    assert desk.work() == []
    assert as_owner(desk.database, "SELECT FROM procrastinate.procrastinate_jobs") == []


def test_a_double_click_orders_one(desk: Desk, peopled: Municipality) -> None:
    with ThreadPoolExecutor(4) as clicks:
        made = set(clicks.map(lambda _: desk.order("eligibility.refresh", REFRESH, key="once"), range(8)))
    assert len(made) == 1
    [order_id] = made
    assert desk.work() == ["done"]
    assert desk.order("eligibility.refresh", REFRESH, key="once") == order_id
    assert desk.work() == []
    for arguments, actor in ((REFRESH | {"commit": True}, desk.first), (REFRESH, desk.second), (REFRESH, SYSTEM)):
        with pytest.raises(Conflict, match="another order"):
            desk.order("eligibility.refresh", arguments, actor, "once")
    assert desk.order("eligibility.refresh", REFRESH, key="again") != order_id
    with pytest.raises(Invalid, match="1 to 200"):
        desk.order("eligibility.refresh", REFRESH, key="x" * 201)
    [[ordered]] = as_owner(desk.database, "SELECT count(*) FROM audit_entry WHERE action = 'jobs.order'")
    assert ordered == 2


_KILLED = """
import os, signal, sys
import msgspec
from jobs.orders import ORDERS
from jobs.worker import Worker
from service.database.engine import open_database
from service.settings import load
from service.values import clock
name, calls = sys.argv[1], int(sys.argv[2])
counted = 0
def count(frame, event, _):
    global counted
    if event == "call" and "/service/" in frame.f_code.co_filename:
        counted += 1
        if counted == calls:
            os.kill(os.getpid(), signal.SIGKILL)
def watched(body):
    def run(*arguments):
        sys.setprofile(count)
        try:
            body(*arguments)
        finally:
            sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGKILL)
    return run
clock.pin(load().now)
with open_database(load()) as database:
    [kind] = [kind for kind in ORDERS if kind.name == name]
    kinds = [msgspec.structs.replace(kind, do=msgspec.structs.replace(kind.do, run=watched(kind.do.run)))]
    Worker(database, load(), [], kinds).once()
"""


def _kill_in(desk: Desk, kind: str, calls: int) -> None:
    """Let a worker be killed with -9 in the order, then taken for dead."""
    command = [sys.executable, "-c", _KILLED, kind, str(calls)]
    killed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert killed.returncode == -9, killed.stderr
    [left] = as_owner(desk.database, "SELECT job FROM job_run WHERE state = 'running'")
    assert left.job == kind
    assert desk.work() == []
    age_the_dead(desk.database)


def test_kill_minus_nine(desk: Desk, peopled: Municipality, tmp_path: Path) -> None:
    """In the middle and at the end of an order; the next worker does it, and it is done once."""
    made = write_extract(tmp_path / "new", households=40, on=date(2017, 1, 1), seed=7)
    imported = desk.order_import(population=made.population, income=made.income)
    for calls in (60, 10**9):
        _kill_in(desk, "register.import", calls)
    assert (desk.settings.home / "uploads" / str(imported) / "population.csv").exists()
    assert desk.work() == ["done"]
    run = desk.run(imported)
    assert (run.state, run.attempts) == ("done", 3)
    assert len(as_owner(desk.database, "SELECT FROM register_import")) == 2

    refreshed = desk.order("eligibility.refresh", REFRESH | {"commit": True})
    for calls in (40, 10**9):
        _kill_in(desk, "eligibility.refresh", calls)
    assert desk.work() == ["done"]
    outcome = desk.run(refreshed).outcome
    assert outcome is not None
    assert len(as_owner(desk.database, "SELECT FROM refresh_run")) == 1
    assert len(as_owner(desk.database, "SELECT FROM leisure_pass")) == outcome["passes_issued"] > 5

    rendered = desk.order("letters.render", {})
    for calls in (80, 10**9):
        _kill_in(desk, "letters.render", calls)
    assert desk.work() == ["done"]
    outcome = desk.run(rendered).outcome
    assert outcome is not None
    [[letters]] = as_owner(desk.database, "SELECT count(*) FROM letter WHERE state = 'batched'")
    [[batches]] = as_owner(desk.database, "SELECT count(*) FROM print_batch")
    assert (outcome["letters"], outcome["batches"]) == (letters, batches)


def test_files_that_a_killed_worker_left_go_with_the_next_tick(desk: Desk, tmp_path: Path) -> None:
    made = write_extract(tmp_path, households=10, on=date(2017, 1, 1))
    done = desk.order_import(population=made.population)
    assert desk.work() == ["done"]
    lie = desk.settings.home / "uploads"
    waits, old = desk.order_import(income=made.income), time.time() - 50 * 3600
    for name in (str(done), "incoming-old", "incoming-new", str(uuid4())):
        (lie / name).mkdir()
    for path in (lie / str(waits), lie / "incoming-old"):
        os.utime(path, (old, old))
    tick(desk.database, [])
    left = {path.name for path in lie.iterdir()}
    assert {str(done), "incoming-old"} & left == set()
    assert {str(waits), "incoming-new"} < left
    assert desk.work() == ["done"]


def test_an_order_that_kills_every_worker_has_failed(desk: Desk) -> None:
    order_id = desk.order("letters.render", {})
    as_owner(
        desk.database,
        "UPDATE job_run SET state = 'running', attempts = :most, heartbeat_at = now() - interval '5 minutes'",
        most=ATTEMPTS,
    )
    assert desk.work() == []
    run = desk.run(order_id)
    assert run.state == "failed"
    assert "Tell the operator" in (run.result or "")


def test_an_order_whose_carrier_was_lost_is_done(desk: Desk, peopled: Municipality) -> None:
    desk.order("eligibility.refresh", REFRESH)
    as_owner(desk.database, "TRUNCATE procrastinate.procrastinate_jobs CASCADE")
    assert desk.work() == ["done"]


def test_a_refusal_is_nobodys_alarm(
    desk: Desk, medspiller: Medspiller, caplog: pytest.LogCaptureFixture, at: Callable[[str], None]
) -> None:
    tick(desk.database, TIMETABLE)
    caplog.set_level(logging.INFO)
    said = desk.refused("eligibility.refresh", REFRESH)
    assert "No register extract has been imported yet" in said
    assert {record.levelname for record in caplog.records if record.name == "medspiller.jobs"} == {"INFO"}
    at("2017-01-01T12:00Z")
    with TestClient(app_over(desk.database)) as client:
        assert client.get("/health").json()["jobs"] == {"overdue": [], "failed": []}
        assert "eligibility.refresh" not in client.get("/metrics").text
    assert {job["alarm"] for job in medspiller("jobs", "list", *AT)["jobs"]} == {None}
    [run] = medspiller("jobs", "history", "eligibility.refresh", *AT)["runs"]
    assert (run["job"], run["state"], run["result"]) == ("eligibility.refresh", "failed", said)
    desk.order("eligibility.refresh", REFRESH)
    command = [sys.executable, "-m", "jobs", "--once", "--json"]
    once = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert once.returncode == 0, once.stderr
    assert '"state": "failed"' in once.stdout


def _kinds(body: Callable[[Work], str | Told]) -> list[Kind]:
    return [Kind("letters.render", "A test", Steps(body))]


def test_an_error_is_tried_again(desk: Desk) -> None:
    calls: list[int] = []

    def fail_first(session: Session, work: Work) -> Told:
        probe(session, work)
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("Sigrid Nordahl, Testvej 3")
        return Told("Done.", {"calls": len(calls)})

    order_id = desk.order("letters.render", {})
    worker = Worker(desk.database, desk.settings, [], [Kind("letters.render", "A test", Whole(fail_first))])
    assert [done.state for done in worker.once()] == ["queued"]
    assert "Sigrid" not in (desk.run(order_id).result or "")
    retry_now(desk.database)
    assert [done.state for done in worker.once()] == ["done"]
    run = desk.run(order_id)
    assert (run.result, run.outcome, run.attempts) == ("Done.", {"calls": 2}, 2)
    [[effects]] = as_owner(desk.database, "SELECT count(*) FROM audit_entry WHERE action = 'probe'")
    assert effects == 1


def test_progress_is_seen_while_it_runs(desk: Desk, medspiller: Medspiller) -> None:
    told, seen = threading.Event(), threading.Event()

    def count(work: Work) -> str:
        work.progress.step("Reading")
        for done in range(1, 31):
            work.progress.at("Reading", done, 20)
            time.sleep(0.1)
        told.set()
        assert seen.wait(30)
        return "Done."

    order_id = desk.order("letters.render", {})
    worker = Worker(desk.database, desk.settings, [], _kinds(count))
    with worker.beside():
        assert told.wait(30)
        run = desk.run(order_id)
        [line] = medspiller("jobs", "history", *AT)["runs"]
        seen.set()
        until = time.monotonic() + 30
        while not worker.ran:
            assert time.monotonic() < until
            time.sleep(0.05)
    assert (run.state, run.progress) == ("running", "Reading")
    assert run.progress_done is not None and run.progress_total is not None
    # An estimate that is passed grows.
    assert run.progress_total == max(20, run.progress_done) and run.progress_done > 15
    assert (line["progress"], line["progress_done"]) == ("Reading", run.progress_done)
    run = desk.run(order_id)
    assert (run.state, run.progress, run.progress_done, run.progress_total) == ("done", None, None, None)


def test_wrong_fields_of_a_refusal_are_kept(desk: Desk) -> None:
    def refuse(_: Work) -> str:
        raise Invalid("Wrong.", errors=[FieldError("batch", "is no batch")])

    order_id = desk.order("letters.render", {})
    Worker(desk.database, desk.settings, [], _kinds(refuse)).once()
    assert desk.run(order_id).outcome == {"errors": [{"field": "batch", "message": "is no batch"}]}
