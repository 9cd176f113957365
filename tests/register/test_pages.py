"""The pages of the register: what an upload orders, what a page says of an import, and who may confirm what is held."""

import csv
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from httpx import Response

from jobs.worker import Worker
from service.database.engine import Database
from service.identity.actions import add_municipality, find_municipality
from service.register.columns import FILES
from service.register.made_up import Extract, write_extract
from service.register.rules import DECISIONS, INCOME, INCOME_OPTIONAL, POPULATION
from service.settings import load
from tests.calls import Callers, Client, callers_of
from tests.conftest import Medspiller
from tests.identity.clients import HTML, text_of

UPLOAD = "/register/upload"
HEADER = "person_id,year,amount\n"


@pytest.fixture
def callers(database: Database, medspiller: Medspiller, at: Callable[[str], None]) -> Iterator[Callers]:
    at("2017-01-15T08:00Z")
    medspiller("municipality", "add", "0751", "Medby", "--country", "dk")
    with database.transaction() as session:
        municipality = find_municipality(session, "0751")
    with callers_of(database, municipality) as found:
        yield found


@pytest.fixture
def worker(callers: Callers) -> Client:
    return person(callers, "case_worker")


@pytest.fixture
def extract(tmp_path: Path) -> Extract:
    return write_extract(tmp_path, households=60, on=date(2017, 1, 1))


def person(callers: Callers, role: str, email: str | None = None) -> Client:
    """The browser of somebody: it proves itself by the hidden field of a form alone."""
    client = callers.person(role, email)
    del client.headers["x-csrftoken"]
    client.headers.update(HTML)
    client.cookies.set("language", "en", domain="testserver.local")
    client.follow_redirects = False
    return client


def key_of(client: Client) -> str:
    found = re.search(r'name="key" value="([^"]+)"', client.get(UPLOAD).text)
    assert found
    return found[1]


def send(client: Client, key: str, **files: str | bytes) -> Response:
    form = {"key": key, "_csrf_token": client.cookies["csrf"]}
    return client.post(UPLOAD, data=form, files={name: (f"{name}.csv", content) for name, content in files.items()})


def imported(client: Client, database: Database, **files: str | bytes) -> str:
    """Upload files and let a worker import them; gives the address of the import."""
    ordered = send(client, key_of(client), **files)
    assert ordered.status_code == 303, text_of(ordered.text)
    Worker(database, load(), []).once()
    onward = re.search(r'href="(/register/imports/[^"]+)"', client.get(ordered.headers["location"]).text)
    assert onward, text_of(client.get(ordered.headers["location"]).text)
    return onward[1]


def post(client: Client, path: str) -> Response:
    return client.post(path, data={"_csrf_token": client.cookies["csrf"]})


def uploads(installation: Path) -> list[str]:
    folder = installation / "uploads"
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def torn(extract: Extract) -> str:
    lines = extract.population.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(lines[: len(lines) // 2])


def test_what_the_page_says_of_the_columns_is_what_an_import_reads(worker: Client) -> None:
    said = {file.kind: [(column.name, column.optional) for column in file.columns] for file in FILES}
    assert said == {
        "population": [(name, False) for name in POPULATION],
        "income": [(name, False) for name in INCOME] + [(name, True) for name in INCOME_OPTIONAL],
        "decisions": [(name, False) for name in DECISIONS],
    }
    for file in FILES:
        answer = worker.get(f"/register/templates/{file.kind}.csv")
        assert answer.content.decode("utf-8-sig") == ";".join(name for name, _ in said[file.kind]) + "\r\n"
    assert worker.get("/register/templates/persons.csv").status_code == 404


def test_a_template_is_a_file_that_can_be_imported(worker: Client, database: Database) -> None:
    files = {file.kind: worker.get(f"/register/templates/{file.kind}.csv").content for file in FILES}
    assert "no row was rejected" in text_of(worker.get(imported(worker, database, **files)).text)


def test_a_double_click_orders_one_import_and_another_file_another(
    worker: Client, database: Database, installation: Path
) -> None:
    key = key_of(worker)
    first = send(worker, key, income=HEADER)
    assert first.status_code == 303
    assert send(worker, key, income=HEADER).headers["location"] == first.headers["location"]
    other = send(worker, key, income=HEADER + "x,2017,1\n")
    assert other.headers["location"] != first.headers["location"]
    assert len(uploads(installation)) == 2
    Worker(database, load(), []).once()
    # The second click may come when the first one's order has ended: it must leave no file behind.
    assert send(worker, key, income=HEADER).headers["location"] == first.headers["location"]
    assert uploads(installation) == []


def test_clicks_at_once_order_one_import(worker: Client, installation: Path) -> None:
    key = key_of(worker)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: send(worker, key, income=HEADER), range(4)))
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(uploads(installation)) == 1


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "Upload at least one file"),
        ({"income": ""}, "Income: income.csv does not begin with a header: it is empty."),
        ({"income": "person_id,year\n"}, "Income: The header of income.csv lacks column amount."),
        ({"income": b"PK\x03\x04\x14\x00"}, "Income: income.csv is a spreadsheet, not CSV."),
        ({"income": (HEADER * 2).encode("utf-16")}, "Income: income.csv is not UTF-8 but looks like UTF-16."),
        ({"income": "person_id,ground,percent,valid_from,valid_to\n"}, "Income: This is decisions.csv"),
        ({"income": "1", "decisions": "2"}, "Awards made elsewhere: The first line of decisions.csv is no header."),
        ({"incomes": HEADER}, "is no file that is taken here"),
    ],
)
def test_a_wrong_upload_is_said_at_its_field_and_leaves_nothing(
    worker: Client, installation: Path, files: dict[str, str | bytes], said: str
) -> None:
    answer = send(worker, key_of(worker), **files)
    assert answer.status_code == 422
    assert said in text_of(answer.text)
    assert 'type="file"' in answer.text
    assert uploads(installation) == []


def test_an_upload_without_key_or_token_or_too_large_leaves_nothing(
    worker: Client, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send(worker, "", income=HEADER).status_code == 422
    files = {"income": ("income.csv", HEADER)}
    for form in ({"key": key_of(worker)}, {"key": key_of(worker), "_csrf_token": "x"}):
        assert worker.post(UPLOAD, data=form, files=files).status_code == 403
    monkeypatch.setenv("MEDSPILLER_MAX_UPLOAD_MB", "1")
    # A little too large is read to its end and refused on the form; far too large is not read at all.
    for size in (1_100_000, 2_100_000):
        answer = send(worker, key_of(worker), income=b"x" * size)
        assert answer.status_code == 413, size
        assert ("Upload the files one at a time" in text_of(answer.text)) is (size < 2_000_000)
    assert uploads(installation) == []


def test_the_history_is_filtered_and_paged(worker: Client, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nothing has been imported yet" in text_of(worker.get("/register").text)
    addresses = [imported(worker, database, income=HEADER) for _ in range(3)]
    monkeypatch.setattr("service.register.web.IMPORTS_PER_PAGE", 2)
    first = worker.get("/register").text
    assert [address for address in addresses if address in first] == addresses[1:]
    onward = re.search(r'href="([^"]+)" rel="next"|rel="next"[^>]*href="([^"]+)"', first)
    onward = onward or re.search(r'href="(/register\?[^"]+)"', first)
    assert onward
    second = worker.get((onward[1] or onward[2]).replace("&amp;", "&")).text
    assert [address for address in addresses if address in second] == addresses[:1]
    assert "No import is in this state." in text_of(worker.get("/register", params={"state": "held"}).text)
    assert worker.get("/register", params={"state": "lost"}).status_code == 422
    assert worker.get("/register/imports").headers["location"] == "/register"


def test_rejected_rows_are_found_by_file_line_and_reason_in_the_readers_language(
    worker: Client, database: Database
) -> None:
    rows = ["6101017777,2017,-+1,annual", "1,2017,10,annual", "2,16,12,annual", "=1+1,2017,10,weekly", "x,2017"]
    page = imported(worker, database, income="person_id,year,amount,basis\n" + "\n".join(rows) + "\n")
    said = text_of(worker.get(page).text)
    assert "Taken over, but 5 rows were rejected" in said
    address = f"{page}/rejections"
    everything = text_of(worker.get(address).text)
    assert "5 rows on this page" in everything and "basis is none of annual, final, advance, month_x12" in everything
    one = text_of(worker.get(address, params={"line": "3", "file": "income.csv", "kind": "rejected"}).text)
    assert "1 row on this page" in one and "has 10 digits and this has 1" in one
    assert "Nothing found" in text_of(worker.get(address, params={"kind": "warnings"}).text)
    assert worker.get(address, params={"line": "0"}).status_code == 422

    key = re.search(r"why=([0-9a-f]{12})", worker.get(page).text)
    assert key
    assert "1 row on this page" in text_of(worker.get(address, params={"why": key[1]}).text)
    worker.cookies.set("language", "da", domain="testserver.local")
    file = worker.get(f"{address}.csv").text
    found = list(csv.DictReader(StringIO(file)))
    assert [row["line"] for row in found] == ["2", "3", "4", "5", "6"]
    assert found[4]["reason"] == "linjen har 2 felter, hvor overskriftslinjen har 4"
    # What a spreadsheet would take for a formula begins with an apostrophe.
    assert found[0]["value"] == "'-+1"
    narrowed = list(csv.DictReader(StringIO(worker.get(f"{address}.csv", params={"line": "6"}).text)))
    assert narrowed == found[4:]


def test_what_changed_is_counted(callers: Callers, worker: Client, database: Database) -> None:
    header = ",".join(POPULATION)

    def row(household: str, number: str, street: str, relation: str = "provider") -> str:
        return f"{household},{number},{relation},1980-01-01,A,B,{street},8000,Aarhus C,Midt,0,"

    numbers = [f"610180-{serial:04}" for serial in range(1, 7)]
    stays, moves, leaves, comes, unread, returns = numbers
    first = [
        row("H1", stays, "Vej 1"),
        row("H1", moves, "Vej 1"),
        row("H2", leaves, "Vej 2"),
        row("H3", unread, "Vej 3"),
    ]
    page = text_of(worker.get(imported(worker, database, population="\n".join([header, *first, ""]))).text)
    assert "It was the first of its kind" in page
    second = [
        row("H1", stays, "Vej 1"),
        row("H4", moves, "Vej 4"),
        row("H5", comes, "Vej 5"),
        # Rejected: this person stays as before.
        row("H3", unread, "Vej 9", "uncle"),
    ]
    address = imported(worker, database, population="\n".join([header, *second, ""]))
    page = text_of(worker.get(address).text)
    for said in ("Persons who have come 1", "Persons who have moved 1", "Persons who have left 1"):
        assert said in page
    third = [*second[:3], row("H2", leaves, "Vej 2"), row("H3", unread, "Vej 3"), row("H6", returns, "Vej 6")]
    address = imported(worker, database, population="\n".join([header, *third, ""]))
    summary = callers.system("register").get(f"/api/v1{address}").json()
    assert (summary["new_persons"], summary["moved_persons"], summary["left_persons"]) == (2, 0, 0)
    assert summary["files"] == ["population"] and summary["changed_incomes"] is None
    again = text_of(worker.get(imported(worker, database, population="\n".join([header, *third, ""]))).text)
    assert "All rows said what was known already." in again


def test_what_is_held_says_why_and_is_confirmed_once_by_a_second_person(
    callers: Callers, worker: Client, extract: Extract, database: Database
) -> None:
    imported(worker, database, population=extract.population.read_bytes())
    page = imported(worker, database, population=torn(extract))
    said = text_of(worker.get(page).text)
    assert "Held: nothing has changed yet" in said and "a second person must" in said
    assert f"{page}/confirmation" not in worker.get(page).text
    refused = post(worker, f"{page}/confirmation")
    assert refused.headers["location"] == page

    colleagues = [person(callers, "case_worker", f"colleague{number}@example.org") for number in range(3)]
    assert "Imports held, to be confirmed" in text_of(colleagues[0].get("/").text)
    assert f"{page}/confirmation" in colleagues[0].get(page).text
    asked = text_of(colleagues[0].get(f"{page}/confirmation").text)
    assert re.search(r"Persons who have left: [1-9]", asked) and "until the next refresh" in asked
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda colleague: post(colleague, f"{page}/confirmation"), colleagues))
    [run] = {answer.headers["location"] for answer in answers}
    assert run.startswith("/jobs/runs/")
    assert "is being taken over now" in text_of(colleagues[1].get(page).text)
    assert "is being taken over now" in text_of(colleagues[1].get(f"{page}/confirmation").text)
    api = callers.person("case_worker", "fourth@example.org")
    assert "already" in api.post(f"/api/v1{page}/confirmation").json()["detail"]
    Worker(database, load(), []).once()
    assert "Confirmed by" in text_of(worker.get(page).text)
    assert post(colleagues[0], f"{page}/confirmation").headers["location"] == page
    assert "not held any more" in text_of(colleagues[0].get(f"{page}/confirmation").text)


def test_a_held_file_that_a_newer_one_overtook_cannot_be_confirmed(
    callers: Callers, worker: Client, extract: Extract, database: Database, at: Callable[[str], None]
) -> None:
    imported(worker, database, population=extract.population.read_bytes())
    held = imported(worker, database, population=torn(extract))
    at("2017-01-15T08:10Z")
    imported(worker, database, population=extract.population.read_bytes())
    colleague = person(callers, "case_worker", "colleague@example.org")
    assert "A newer file was merged" in text_of(colleague.get(held).text)
    assert "A newer file was merged" in text_of(colleague.get(f"{held}/confirmation").text)


def test_who_may_not_sees_nothing(callers: Callers, worker: Client, database: Database) -> None:
    page = imported(worker, database, income=HEADER)
    finance = person(callers, "finance_officer")
    for path in ("/register", UPLOAD, page, f"{page}/rejections", f"{page}/rejections.csv", f"{page}/confirmation"):
        assert finance.get(path).status_code == 403
    assert post(finance, f"{page}/confirmation").status_code == 403
    assert 'href="/register"' not in finance.get("/").text
    with database.transaction() as session:
        other = add_municipality(session, "0101", "Storby", "dk")
    neighbour = callers.person("case_worker", "neighbour@example.org", other)
    for path in (page, f"{page}/rejections", f"{page}/rejections.csv", f"{page}/confirmation"):
        assert neighbour.get(path).status_code == 404
    assert neighbour.post(f"{page}/confirmation").status_code == 404
    assert worker.get(f"/register/imports/{uuid4()}").status_code == 404
