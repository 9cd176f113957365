"""The jobs through the API: the timetable, its runs page by page, what was ordered, and uploads."""

import stat
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery
from sqlmodel import Session

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from schemas.job import Accepted
from service.audit.actions import Actor
from service.database.engine import Database
from service.database.requests import transactional
from service.errors import Conflict
from service.identity.access import actor_of, municipality_of
from service.identity.actions import Municipality, find_municipality
from service.identity.permissions import may
from service.jobs import uploads
from service.jobs.actions import tick
from service.jobs.api import ROUTES
from service.jobs.orders import order
from service.jobs.uploads import Upload
from service.register.made_up import write_extract
from service.settings import Settings
from service.web.accepted import accepted
from tests.conftest import Medspiller
from tests.jobs.conftest import as_owner
from tests.signed_in import principal_with, signed_in

RUNS = "/api/v1/jobs/runs"
ACCOUNT, TOKEN = UUID("01900000-0000-7000-8000-00000000000a"), UUID("01900000-0000-7000-8000-00000000000b")
At = Callable[[str], None]


def _order(database: Database, municipality: Municipality, actor: Actor, kind: str = "letters.render") -> UUID:
    arguments = {"letters.render": {}, "eligibility.refresh": {"scheme": "fritidspas", "on": "2017-01-15"}}
    with database.transaction(municipality.id) as session:
        return order(session, municipality.id, kind, arguments[kind], actor)


def test_the_timetable(municipality: Municipality, database: Database, at: At, now_settings: Settings) -> None:
    at("2017-01-01T12:00Z")
    tick(database, TIMETABLE)
    with signed_in(database, "case_worker", ROUTES) as client:
        entries = {entry["job"]: entry for entry in client.get("/api/v1/jobs").json()}
    assert set(entries) == {job.name for job in TIMETABLE if job.kind == "municipality"}
    assert entries["letters"] == {
        "job": "letters",
        "says": "Hand letters over to the print provider",
        "when": "every day at 06:00",
        "paused": False,
        "next_at": "2017-01-02T05:00:00Z",
        "alarm": None,
        "last": None,
    }


def test_who_may(municipality: Municipality, database: Database) -> None:
    with signed_in(database, None, ROUTES) as client:
        for path in ("/api/v1/jobs", RUNS, f"{RUNS}/{uuid4()}"):
            assert client.get(path).status_code == 401
    with signed_in(database, "auditor", ROUTES) as client:
        assert client.get("/api/v1/jobs").status_code == client.get(RUNS).status_code == 403
    with signed_in(database, "case_worker", ROUTES) as client:
        assert client.get(RUNS).json() == {"items": [], "next": None}
        for path in ("letters/runs", "letters/pause", "letters/resume"):
            assert client.post(f"/api/v1/jobs/{path}").status_code == 403
        assert client.put("/api/v1/jobs/letters/time", json={"at": "22:15"}).status_code == 403
    assert as_owner(database, "SELECT FROM job_run") == as_owner(database, "SELECT FROM job_time") == []


def test_runs_page_by_page(municipality: Municipality, database: Database) -> None:
    made = [_order(database, municipality, Actor(door="page", account_id=ACCOUNT)) for _ in range(5)]
    other = _order(database, municipality, Actor(door="page", account_id=ACCOUNT), "eligibility.refresh")
    newest = [str(run) for run in [other, *reversed(made)]]
    with signed_in(database, "finance_officer", ROUTES) as client:
        seen: list[str] = []
        after = None
        while after is not None or not seen:
            page = client.get(RUNS, params={"limit": 2} | ({"after": after} if after else {})).json()
            assert len(page["items"]) == 2
            seen += [run["id"] for run in page["items"]]
            after = page["next"]
        assert seen == newest
        assert client.get(RUNS, params={"limit": 6}).json()["next"] is None
        of_kind = client.get(RUNS, params={"job": "letters.render", "limit": 4}).json()
        assert [run["id"] for run in of_kind["items"]] == newest[1:5]
        rest = client.get(RUNS, params={"job": "letters.render", "after": of_kind["next"]}).json()
        assert [run["id"] for run in rest["items"]] == newest[5:]
        assert client.get(RUNS, params={"state": "done"}).json()["items"] == []
        [first] = client.get(RUNS, params={"limit": 1}).json()["items"]
    assert (first["ordered"], first["state"], first["period"], first["progress"]) == (True, "queued", first["id"], None)
    assert "arguments" not in first


@pytest.mark.parametrize(
    "parameters", [{"after": "x"}, {"after": "æ"}, {"after": "ImEi"}, {"limit": 0}, {"limit": 201}, {"state": "lost"}]
)
def test_a_wrong_page(municipality: Municipality, database: Database, parameters: dict[str, Any]) -> None:
    with signed_in(database, "administrator", ROUTES) as client:
        answer = client.get(RUNS, params=parameters)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == list(parameters)


def test_a_run_is_shown_to_whoever_ordered_it(
    municipality: Municipality, database: Database, now_settings: Settings, medspiller: Medspiller
) -> None:
    medspiller("municipality", "add", "0101", "Storby", "--country", "dk")
    with database.transaction() as session:
        elsewhere = find_municipality(session, "0101")
    nothing = frozenset[str]()
    person = principal_with(municipality, "auditor", account_id=ACCOUNT)
    system = principal_with(municipality, token_id=TOKEN, permissions=nothing)
    by_person = _order(database, municipality, Actor(door="page", account_id=ACCOUNT), "eligibility.refresh")
    by_system = _order(database, municipality, Actor(door="api", token_id=TOKEN))
    Worker(database, now_settings, []).once()
    may_see = [
        (person, {by_person}),
        (system, {by_system}),
        (principal_with(municipality, "case_worker", account_id=uuid4()), {by_person, by_system}),
        (principal_with(municipality, "auditor", account_id=uuid4()), set()),
        (principal_with(municipality, token_id=uuid4(), permissions=nothing), set()),
        (principal_with(municipality, permissions=nothing), set()),
        (principal_with(elsewhere, "administrator", account_id=ACCOUNT), set()),
    ]
    for who, seen in may_see:
        with signed_in(database, who, ROUTES) as client:
            for run in (by_person, by_system):
                assert client.get(f"{RUNS}/{run}").status_code == (200 if run in seen else 404), (who, run)
    with signed_in(database, person, ROUTES) as client:
        shown = client.get(f"{RUNS}/{by_person}").json()
        assert client.get(f"{RUNS}/{uuid4()}").status_code == 404
    assert (shown["job"], shown["state"], shown["attempts"]) == ("eligibility.refresh", "failed", 1)
    assert shown["arguments"] == {"scheme": "fritidspas", "on": "2017-01-15", "income_year": None, "commit": False}
    assert "No register extract" in shown["result"]


def test_run_a_job_now(municipality: Municipality, database: Database, now_settings: Settings) -> None:
    with signed_in(database, "administrator", ROUTES) as client:
        answer = client.post("/api/v1/jobs/seal/runs")
        assert answer.status_code == 202
        again = client.post("/api/v1/jobs/seal/runs")
        assert again.json() == answer.json()
        assert answer.headers["Location"] == answer.json()["progress"] == f"{RUNS}/{answer.json()['id']}"
        assert client.get(answer.headers["Location"]).json()["state"] == answer.json()["state"] == "queued"
        assert [done.job for done in Worker(database, now_settings, TIMETABLE).once()] == ["seal"]
        shown = client.get(answer.headers["Location"]).json()
        assert (shown["state"], shown["ordered"], shown["attempts"]) == ("done", False, 1)
        refused = client.post("/api/v1/jobs/seal/runs")
        assert refused.status_code == 409
        assert refused.json()["detail"].startswith("seal of 2017-01-01 is done already.")
        for name in ("check", "nothing", "letters.render"):
            assert "There are refresh-year, " in client.post(f"/api/v1/jobs/{name}/runs").json()["detail"]


def test_own_times_and_a_pause(municipality: Municipality, database: Database) -> None:
    with signed_in(database, "administrator", ROUTES) as client:
        path = "/api/v1/jobs/letters"
        changed = client.put(f"{path}/time", json={"at": "22:15"}).json()
        assert (changed["when"], changed["next_at"]) == ("every day at 22:15", "2017-01-01T21:15:00Z")
        yearly = client.put("/api/v1/jobs/refresh-year/time", json={"at": "01:00", "day": 31, "month": 7})
        assert yearly.json()["when"] == "on 31 July at 01:00"
        for body in (
            {"at": "25:00"},
            {},
            {"at": "01:00", "hour": 1},
            {"at": None, "day": 1},
            {"at": "01:00", "day": 1},
        ):
            assert client.put(f"{path}/time", json=body).status_code == 422, body
        both = client.put(f"{path}/time", json={"at": "25:00", "day": 32}).json()["errors"]
        assert [error["field"] for error in both] == ["at", "day"]
        paused = client.post(f"{path}/pause")
        assert (paused.status_code, paused.json()["paused"], paused.json()["next_at"]) == (200, True, None)
        assert client.post(f"{path}/resume").json()["paused"] is False
        assert client.put(f"{path}/time", json={"at": None}).json()["when"] == "every day at 06:00"
    acts = as_owner(database, "SELECT action, door FROM audit_entry WHERE subject_kind = 'job' ORDER BY id")
    assert [act.action for act in acts] == ["jobs.set", "jobs.set", "jobs.pause", "jobs.resume", "jobs.set"]
    assert {act.door for act in acts} == {"api"}


async def _receive(request: Request[Any, Any, Any]) -> Upload:
    return await uploads.receive(request, ("population", "income"))


async def _read_before(request: Request[Any, Any, Any]) -> Upload:
    """As where a page's hidden token was looked for in the form."""
    await request.form()
    return await uploads.receive(request, ("population", "income"))


def _take(request: Request[Any, Any, State], session: Session, upload: Upload, fault: bool) -> Response[Accepted]:
    tenant = municipality_of(request).id
    arguments = {"files": list(upload.files)}
    made = order(session, tenant, "register.import", arguments, actor_of(request), upload.fields.get("key"))
    upload.attach(made)
    if fault:
        raise Conflict("Not this one.")
    return accepted(request, made)


_WAYS: dict[str, Any] = {"opt": may("register.import"), "status_code": 202, "request_max_body_size": None}


@post("/stream", sync_to_thread=True, dependencies={"upload": Provide(_receive)}, **_WAYS)
@transactional
def stream(
    request: Request[Any, Any, State], session: Session, upload: NamedDependency[Upload], fault: FromQuery[bool] = False
) -> Response[Accepted]:
    return _take(request, session, upload, fault)


@post("/form", sync_to_thread=True, dependencies={"upload": Provide(_read_before)}, **_WAYS)
@transactional
def form(
    request: Request[Any, Any, State], session: Session, upload: NamedDependency[Upload], fault: FromQuery[bool] = False
) -> Response[Accepted]:
    return _take(request, session, upload, fault)


UPLOADS = [*ROUTES, stream, form]
DOORS = pytest.mark.parametrize("door", ["/stream", "/form"])


def _lying(home: Path) -> list[Path]:
    return sorted(path for path in (home / "uploads").rglob("*") if path.is_file())


@DOORS
def test_an_upload_is_imported(
    municipality: Municipality,
    database: Database,
    installation: Path,
    now_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    door: str,
) -> None:
    monkeypatch.setattr(uploads, "_MEGABYTE", 1000)
    made = write_extract(tmp_path, households=30, on=date(2017, 1, 1))
    files = {"population": made.population.read_bytes(), "income": made.income.read_bytes()}
    with signed_in(database, "case_worker", UPLOADS) as client:
        answer = client.post(door, files={name: (f"{name}.txt", data) for name, data in files.items()})
        assert answer.status_code == 202, answer.text
        lying = _lying(installation)
        folder = installation / "uploads" / answer.json()["id"]
        assert lying == [folder / "income.csv", folder / "population.csv"]
        assert {path.stem: path.read_bytes() for path in lying} == files
        assert {stat.S_IMODE(path.stat().st_mode) for path in lying} == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [done.state for done in Worker(database, now_settings, []).once()] == ["done"]
        shown = client.get(answer.headers["Location"]).json()
    assert (shown["outcome"]["households"], shown["outcome"]["incomes"]) == (30, made.incomes)
    assert list((installation / "uploads").iterdir()) == []


@DOORS
def test_an_upload_that_is_sent_twice_is_one_order(
    municipality: Municipality, database: Database, installation: Path, door: str
) -> None:
    with signed_in(database, "case_worker", UPLOADS) as client:
        sent = [
            client.post(door, data={"key": "k"}, files={"income": ("income.csv", text.encode())}).json()["id"]
            for text in ("first", "second")
        ]
    assert sent[0] == sent[1]
    [left] = _lying(installation)
    assert left.read_text() == "first"


@DOORS
def test_wrong_uploads_leave_nothing(
    municipality: Municipality, database: Database, installation: Path, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDSPILLER_MAX_UPLOAD_MB", "1")
    income = ("income", ("income.csv", b"x"))
    cases: list[tuple[list[Any], int, str]] = [
        ([("other", ("o.csv", b"x"))], 422, "is no file that is taken here: there are population, income"),
        ([income, income], 422, "comes twice"),
        ([("../income", ("../../income.csv", b"x"))], 422, "is no file"),
        ([("income", ("", b""))], 422, "Upload at least one file"),
        ([income, ("note", (None, b"x" * 10_001))], 422, "is too long"),
        ([("income", ("income.csv", b"x" * 1_100_000))], 413, "More than 1 megabytes"),
    ]
    with signed_in(database, "case_worker", UPLOADS) as client:
        for files, status, said in cases:
            answer = client.post(door, files=files)
            assert (answer.status_code, said in answer.text) == (status, True), answer.text
        # Without a length announced it is counted as it comes.
        assert client.post(door, content=_chunked(1_500_000), headers=_MULTIPART).status_code == 413
        broken = client.post(door, content=_chunked(1000, whole=False), headers=_MULTIPART)
        assert broken.status_code == (422 if door == "/stream" else 400)
        assert client.post(door, json={}).status_code == 422
        assert client.post(door, params={"fault": True}, files=[income]).status_code == 409
    assert as_owner(database, "SELECT FROM job_run") == []
    # Of an order that was rolled back the file is left to the sweep.
    assert len(_lying(installation)) == 1


_MULTIPART = {"Content-Type": "multipart/form-data; boundary=xyz"}


def _chunked(size: int, *, whole: bool = True) -> Iterator[bytes]:
    yield b'--xyz\r\nContent-Disposition: form-data; name="income"; filename="income.csv"\r\n\r\n'
    for _ in range(size // 1000):
        yield b"x" * 1000
    if whole:
        yield b"\r\n--xyz--\r\n"


def test_who_may_not_upload_leaves_nothing(municipality: Municipality, database: Database, installation: Path) -> None:
    with signed_in(database, "finance_officer", UPLOADS) as client:
        assert client.post("/stream", files={"income": ("income.csv", b"x")}).status_code == 403
    assert not (installation / "uploads").exists()


def test_the_description(municipality: Municipality, database: Database) -> None:
    with signed_in(database, "administrator", ROUTES) as client:
        described = client.app.openapi_schema.to_schema()
    operation = described["paths"][RUNS]["get"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["limit", "after", "job", "state"]
    assert "202" in described["paths"]["/api/v1/jobs/{job}/runs"]["post"]["responses"]
    names = set(described["components"]["schemas"])
    assert {"Accepted", "JobRunDetail", "JobRunSummary", "JobTime", "TimetableEntry"} < names
    assert not [name for name in names if name.startswith("schemas_")], names
