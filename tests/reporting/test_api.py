"""Reports through the API: the figures of the command, hidden as there, in each form."""

import csv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import openpyxl
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.database.engine import Database
from service.reporting.api import ROUTES as REPORTS
from service.settings import load
from tests.callers import calling, token
from tests.conftest import Medspiller
from tests.passes.town import CODE, Town
from tests.signed_in import signed_in

Client = TestClient[Litestar]
API = "/api/v1/reports"
IN_2017 = {"scheme": "fritidspas", "period_of": "2017-03-01"}


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Twelve children with a pass in one district, seven in another, and three in a third."""
    at("2017-01-15T08:00Z")
    made = Town(medspiller, database, tmp_path)
    for district, children in (("midt", 12), ("nord", 7), ("syd", 3)):
        for child in range(children):
            made.family(f"{district}{child}", f"{district}s {child}", district=district)
    made.load()
    made.commit()
    return made


@pytest.fixture
def client(town: Town) -> Iterator[Client]:
    with calling(town.database, token(town.database, CODE, "reports")) as made:
        yield made


@pytest.fixture
def command(town: Town) -> Path:
    """The folder with the files that the command writes."""
    asked = ("--scheme", "fritidspas", "--period-of", "2017-03-01", "--out", town.folder / "made")
    town.say("report", "make", *asked)
    return town.folder / "made"


def figure(report: dict[str, Any], measure: str, district: str = "all", age_group: str = "all") -> dict[str, Any]:
    wanted = {"district": district, "age_group": age_group, "measure": measure}
    return next(one for one in report["figures"] if wanted.items() <= one.items())


def test_the_figures(town: Town, client: Client) -> None:
    report = client.get(API, params=IN_2017).json()
    assert (report["municipality"], report["scheme"], report["threshold"]) == ("Aarhus", "fritidspas", 5)
    assert report["period"] == {"start": "2017-01-01", "end": "2017-12-31"}
    assert report["period_before"] == {"start": "2016-01-01", "end": "2016-12-31"}
    assert report["made_at"] == "2017-01-15T08:00:00Z"
    assert report["districts"] == ["midt", "nord", "syd"]
    assert figure(report, "issued")["value"] == 22
    # Three are too few, and with the total they could be told from the others: so another is hidden too.
    hidden = figure(report, "issued", "syd")
    assert (hidden["value"], hidden["suppressed"], hidden["before"]) == (None, True, None)
    assert sum(figure(report, "issued", district)["suppressed"] for district in report["districts"]) == 2
    assert report["suppressed"] == sum(one["suppressed"] for one in report["figures"]) > 2
    assert all((one["value"] is None) == one["suppressed"] for one in report["figures"])


def test_without_a_date_the_running_period(town: Town, client: Client) -> None:
    assert client.get(API, params={"scheme": "fritidspas"}).json()["period"]["start"] == "2017-01-01"


def test_json_csv_workbook_and_picture_tell_the_same_as_the_command(town: Town, client: Client, command: Path) -> None:
    report = client.get(API, params=IN_2017).json()
    table = client.get(f"{API}/figures.csv", params=IN_2017)
    assert table.content == (command / "report.csv").read_bytes()
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"] == 'attachment; filename="fritidspas-2017-01-01.csv"'
    lines = list(csv.DictReader(StringIO(table.text)))
    assert [
        (one["district"], one["age_group"], one["measure"], "" if one["value"] is None else str(one["value"]))
        for one in report["figures"]
    ] == [(line["district"], line["age_group"], line["measure"], line["value"]) for line in lines]

    book = client.get(f"{API}/figures.xlsx", params=IN_2017)
    ours, theirs = openpyxl.load_workbook(BytesIO(book.content)), openpyxl.load_workbook(command / "report.xlsx")
    assert book.headers["content-type"].endswith("spreadsheetml.sheet")
    assert [list(sheet.values) for sheet in ours] == [list(sheet.values) for sheet in theirs]

    picture = client.get(f"{API}/figures.svg", params=IN_2017)
    assert picture.content == (command / "report.svg").read_bytes()
    assert picture.headers["content-type"] == "image/svg+xml"
    assert ElementTree.fromstring(picture.text).tag.endswith("svg")


def test_many_pictures_at_once(town: Town, client: Client, command: Path) -> None:
    with ThreadPoolExecutor(4) as crowd:
        pictures = list(crowd.map(lambda _: client.get(f"{API}/figures.svg", params=IN_2017).content, range(8)))
    assert set(pictures) == {(command / "report.svg").read_bytes()}


def test_whoever_reads_is_noted(town: Town, client: Client) -> None:
    client.get(API, params=IN_2017)
    client.get(f"{API}/figures.csv", params=IN_2017)
    query = "SELECT door, details->>'period', details->>'token' IS NOT NULL FROM audit_entry WHERE action = :action"
    assert town.rows(query, action="reporting.report") == [("api", "2017-01-01", True)] * 2


def test_a_report_that_is_kept(town: Town, client: Client, at: Callable[[str], None]) -> None:
    answers = [client.post(API, json=IN_2017, headers={"Idempotency-Key": "march"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].text == answers[1].text
    ordered = answers[0].json()
    waiting = client.get(f"{API}/{ordered['id']}/report.csv")
    assert (waiting.status_code, "not made yet" in waiting.json()["detail"]) == (404, True)
    Worker(town.database, load(), TIMETABLE[:0]).once()
    run = client.get(ordered["progress"]).json()
    assert (run["state"], run["outcome"]["threshold"]) == ("done", 5)
    then = client.get(f"{API}/figures.csv", params=IN_2017).content
    town.family("new", "Ny", district="midt")
    town.load()
    town.commit()
    assert client.get(f"{API}/figures.csv", params=IN_2017).content != then
    for name, kind in zip(
        run["outcome"]["files"], ("text/csv", "application/vnd", "image/svg", "image/png"), strict=True
    ):
        file = client.get(f"{API}/{ordered['id']}/{name}")
        assert (file.status_code, file.headers["content-type"].startswith(kind)) == (200, True)
        assert name != "report.csv" or file.content == then
    for name in ("report.txt", "other.csv", "report", "..%2Freport.csv"):
        assert client.get(f"{API}/{ordered['id']}/{name}").status_code == 404


@pytest.mark.parametrize("path", ["", "/figures.csv", "/figures.xlsx", "/figures.svg"])
@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 422),
        ({"scheme": "andet"}, 404),
        (IN_2017 | {"period_of": "2017"}, 422),
        (IN_2017 | {"period_of": "2016-05-01"}, 422),
    ],
)
def test_what_cannot_be_reported(town: Town, client: Client, path: str, asked: dict[str, str], status: int) -> None:
    assert client.get(API + path, params=asked).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"scheme": "fritidspas"}, 422),
        ({"scheme": "x" * 41, "period_of": "2017-03-01"}, 422),
        (IN_2017 | {"period_of": "soon"}, 422),
        (IN_2017 | {"threshold": 2}, 422),
        (IN_2017 | {"scheme": "andet"}, 404),
    ],
)
def test_what_cannot_be_ordered(town: Town, client: Client, body: dict[str, str], status: int) -> None:
    assert client.post(API, json=body).status_code == status
    assert town.rows("SELECT FROM job_run WHERE arguments IS NOT NULL") == []


def test_the_threshold_is_the_administrators(town: Town, client: Client) -> None:
    settings = f"{API}/settings"
    assert client.get(settings).json() == {"threshold": 5}
    # No token has it in its scopes.
    assert client.put(settings, json={"threshold": 2}).status_code == 403
    for role in ("case_worker", "finance_officer", "auditor"):
        with signed_in(town.database, role, REPORTS) as person:
            assert person.get(settings).json() == {"threshold": 5}
            assert person.put(settings, json={"threshold": 2}).status_code == 403
    with signed_in(town.database, "administrator", REPORTS) as person:
        for wrong in ({}, {"threshold": 1}, {"threshold": 101}, {"threshold": "few"}, {"threshold": 9, "x": 1}):
            assert person.put(settings, json=wrong).status_code == 422
        assert person.put(settings, json={"threshold": 10}).json() == {"threshold": 10}
        assert person.get(settings).json() == {"threshold": 10}
    report = client.get(API, params=IN_2017).json()
    assert (report["threshold"], figure(report, "issued", "nord")["suppressed"]) == (10, True)
    [entry] = town.rows("SELECT details->>'threshold' FROM audit_entry WHERE action = 'reporting.settings'")
    assert entry == ("10",)
    # A reader cannot ask for a lower one: what two thresholds show would tell what each hides.
    assert client.get(API, params=IN_2017 | {"threshold": "2"}).json() == report


def test_nothing_of_another_municipality(town: Town, client: Client) -> None:
    ordered = client.post(API, json=IN_2017).json()
    Worker(town.database, load(), TIMETABLE[:0]).once()
    town.run("municipality", "add", "0101", "Storby", "--country", "dk")
    with calling(town.database, token(town.database, "0101", "reports")) as stranger:
        for path in ("", "/figures.csv", "/figures.xlsx", "/figures.svg"):
            answer = stranger.get(API + path, params=IN_2017)
            assert (answer.status_code, "Nothing has been determined" in answer.json()["detail"]) == (422, True)
        for order_id in (ordered["id"], UUID(int=7)):
            assert stranger.get(f"{API}/{order_id}/report.csv").status_code == 404
        assert stranger.get(f"{API}/settings").json() == {"threshold": 5}
    assert client.get(f"{API}/{ordered['id']}/report.csv").status_code == 200


EVERYTHING = [
    ("GET", ""),
    ("GET", "/figures.csv"),
    ("GET", "/figures.xlsx"),
    ("GET", "/figures.svg"),
    ("POST", ""),
    ("GET", f"/{UUID(int=7)}/report.csv"),
    ("GET", "/settings"),
    ("PUT", "/settings"),
]


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_who_may(town: Town, method: str, path: str) -> None:
    with calling(town.database) as nobody:
        assert nobody.request(method, API + path).status_code == 401
    with calling(town.database, token(town.database, CODE, "passes", "letters")) as other:
        assert other.request(method, API + path).status_code == 403
    with signed_in(town.database, None, REPORTS) as nobody:
        assert nobody.request(method, API + path).status_code == 401
    with signed_in(town.database, "club_treasurer", REPORTS) as treasurer:
        assert treasurer.request(method, API + path).status_code == 403


def test_every_route_is_described(town: Town) -> None:
    with calling(town.database) as client:
        paths = client.app.openapi_schema.to_schema()["paths"]
    described = {(method.upper(), path) for path in paths if path.startswith(API) for method in paths[path]}
    templates = [path if "report.csv" not in path else "/{order_id}/{file}" for _, path in EVERYTHING]
    assert described == {(method, API + path) for (method, _), path in zip(EVERYTHING, templates, strict=True)}
    for method, path in described:
        assert {"401", "403", "404", "409", "422"} <= set(paths[path][method.lower()]["responses"])
