"""Letters through the API, as a system with a real token; orders are done by the real worker."""

import csv
import hashlib
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.database.engine import Database
from service.letters.api import ROUTES as LETTERS
from service.passes.letters_api import ROUTES as SINGLE_LETTERS
from service.settings import load
from tests.callers import calling, token
from tests.conftest import Medspiller
from tests.passes.town import Town
from tests.signed_in import signed_in

Client = TestClient[Litestar]
ROUTES = (*LETTERS, *SINGLE_LETTERS)
API = "/api/v1/letters"


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Three families with a queued letter, one at a protected address, and one whose address is not known."""
    at("2017-01-15T08:00Z")
    made = Town(medspiller, database, tmp_path)
    made.family("H1", "Ada", "Bo")
    made.family("H2", "Dina")
    made.family("SECRET", "Carl", address_protected=1, street="Skjulvej 9")
    made.family("LOST", "Eva", street="")
    made.load()
    made.commit()
    return made


@pytest.fixture
def client(town: Town) -> Iterator[Client]:
    with calling(town.database, token(town.database, "0751", "letters")) as made:
        yield made


@pytest.fixture
def stranger(town: Town) -> Iterator[Client]:
    """A system of another municipality."""
    town.run("municipality", "add", "0101", "Storby", "--country", "dk")
    with calling(town.database, token(town.database, "0101", "letters")) as made:
        yield made


def work(town: Town) -> None:
    Worker(town.database, load(), TIMETABLE[:0]).once()


def done(town: Town, client: Client, path: str) -> dict[str, Any]:
    """The outcome of what is ordered by a POST, after the worker has done it."""
    answer = client.post(API + path)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["progress"]
    work(town)
    run = client.get(answer.headers["location"]).json()
    assert run["state"] == "done", run
    outcome: dict[str, Any] = run["outcome"]
    return outcome


def items(client: Client, path: str = "", **wanted: object) -> list[dict[str, Any]]:
    answer = client.get(API + path, params={name: str(value) for name, value in wanted.items()})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_batches_are_made_rendered_and_handed_over(town: Town, client: Client, installation: Path) -> None:
    made = done(town, client, "/batches")
    assert (made["letters"], made["batches"], made["held_back"]) == (3, 2, 1)
    second, first = items(client, "/batches")
    assert (first["number"], first["protected"], first["letters"], first["files"]) == (1, False, 2, True)
    assert (second["number"], second["protected"], second["letters"], second["files"]) == (2, True, 1, False)
    assert client.get(f"{API}/batches/1").json() == first
    assert first["handed_over_at"] is None

    pdf = client.get(f"{API}/batches/1/file.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["content-disposition"] == 'attachment; filename="batch-00001.pdf"'
    assert pdf.headers["cache-control"] == "no-store"
    assert hashlib.sha256(pdf.content).hexdigest() == first["sha256"]
    with pypdfium2.PdfDocument(pdf.content) as document:
        assert len(document) == first["pages"]
    table = client.get(f"{API}/batches/1/manifest.csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    manifest = list(csv.DictReader(StringIO(table.text)))
    assert sum(int(row["pages"]) for row in manifest) == first["pages"]
    assert {number for row in manifest for number in row["passes"].split("|")} == {
        town.number(name) for name in ("Ada", "Bo", "Dina")
    }
    query = "SELECT door, details->>'file', details->>'token' IS NOT NULL FROM audit_entry WHERE action = :action"
    taken = town.rows(f"{query} ORDER BY id", action="letters.download")
    assert taken == [("api", "pdf", True), ("api", "csv", True)]

    assert done(town, client, "/batches/1/hand-over") == {"batch": 1, "letters": 2}
    [held] = items(client, "/batches", limit=1, after="Mg")
    assert (held["number"], held["files"]) == (1, False)
    assert held["handed_over_at"] == "2017-01-15T08:00:00Z"
    assert client.get(f"{API}/batches/1/file.pdf").status_code == 404
    # What was taken away was delivered; the other batch waits.
    assert sorted(path.name for path in (installation / "outbox/print/0751").glob("[!.]*")) == [
        "batch-00001.csv",
        "batch-00001.pdf",
    ]
    assert sorted(path.name for path in (installation / "print/0751").iterdir()) == [
        "batch-00002-protected.csv",
        "batch-00002-protected.pdf",
    ]
    for door in ("hand-over", "rendering"):
        again = client.post(f"{API}/batches/1/{door}")
        assert (again.status_code, again.json()["detail"]) == (409, "Batch 1 is handed over already.")
    assert town.sound()


def test_the_files_of_a_protected_batch_are_not_to_be_had(town: Town, client: Client) -> None:
    done(town, client, "/batches")
    for file in ("file.pdf", "manifest.csv"):
        refused = client.get(f"{API}/batches/2/{file}")
        assert refused.status_code == 403
        assert "protected addresses" in refused.json()["detail"]
    assert done(town, client, "/batches/2/hand-over") == {"batch": 2, "letters": 1}
    assert town.rows("SELECT FROM audit_entry WHERE action = 'letters.download'") == []


def test_a_batch_that_is_not_rendered_or_not_this_one(town: Town, client: Client, installation: Path) -> None:
    town.batch()
    for file in ("file.pdf", "manifest.csv"):
        answer = client.get(f"{API}/batches/1/{file}")
        assert (answer.status_code, "Order its rendering" in answer.json()["detail"]) == (404, True)
    assert done(town, client, "/batches/1/rendering")["files"] == ["batch-00001.pdf"]
    assert client.get(f"{API}/batches/1/file.pdf").status_code == 200
    (installation / "print/0751/batch-00001.pdf").write_bytes(b"of another batch")
    for file in ("file.pdf", "manifest.csv"):
        assert client.get(f"{API}/batches/1/{file}").status_code == 404


def test_the_same_order_twice(town: Town, client: Client) -> None:
    key = {"Idempotency-Key": "monday"}
    answers = [client.post(f"{API}/batches", headers=key) for _ in range(3)]
    assert len({answer.text for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true", "true"]
    assert {answer.headers["location"] for answer in answers} == {answers[0].json()["progress"]}
    assert town.rows("SELECT job FROM job_run WHERE arguments IS NOT NULL") == [("letters.render",)]


def test_a_hand_over_that_the_timetable_did_first(town: Town, client: Client) -> None:
    done(town, client, "/batches")
    ordered = client.post(f"{API}/batches/1/hand-over")
    town.say("letters", "hand-over")
    work(town)
    run = client.get(ordered.headers["location"]).json()
    assert (run["state"], run["outcome"]) == ("done", {"batch": 1, "letters": 0})


def test_letters_are_listed_without_addresses_and_names(town: Town, client: Client) -> None:
    done(town, client, "/batches")
    answer = client.get(API)
    letters = answer.json()["items"]
    assert [letter["id"] for letter in letters] == sorted((letter["id"] for letter in letters), reverse=True)
    assert sorted((letter["state"], letter["batch"]) for letter in letters if letter["batch"]) == [
        ("batched", 1),
        ("batched", 1),
        ("batched", 2),
    ]
    held = client.get(f"{API}/held")
    for name in ("Ada", "Prøvesen", "mor", "vej"):
        assert name not in answer.text + held.text
    first = client.get(API, params={"limit": 3}).json()
    rest = client.get(API, params={"limit": 3, "after": first["next"]}).json()
    assert (first["items"] + rest["items"], rest["next"]) == (letters, None)


def test_filters(town: Town, client: Client) -> None:
    assert len(items(client, state="queued")) == 4
    done(town, client, "/batches")
    assert len(items(client, state="batched")) == len(items(client, state="batched", kind="pass")) == 3
    assert items(client, state="queued") == items(client, kind="ended") == items(client, batch=3) == []
    assert [letter["batch"] for letter in items(client, batch=2)] == [2]
    [held] = items(client, state="held_back")
    assert held["held_because"] == "The register has no full address."


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("", {"state": "lost"}),
        ("", {"kind": "bill"}),
        ("", {"batch": 0}),
        ("", {"limit": 0}),
        ("", {"after": "x"}),
        ("/held", {"limit": 201}),
        ("/held", {"after": "Mg"}),
        ("/batches", {"limit": "many"}),
        ("/batches", {"after": "x"}),
    ],
)
def test_a_wrong_filter(client: Client, path: str, wrong: dict[str, Any]) -> None:
    answer = client.get(API + path, params=wrong)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == list(wrong)


def test_letters_that_are_held_back(town: Town, client: Client) -> None:
    assert items(client, "/held") == []
    town.batch()
    [held] = items(client, "/held")
    assert (held["household_id"], held["because"]) == ("LOST", "The register has no full address.")
    assert [held["number"]] == [one["number"] for one in town.say("letters", "held")["held_back"]]
    town.of("Dina")["street"] = ""
    town.of("H2s mor")["street"] = ""
    town.family("LOST2", "Finn", "Gry", street="")
    town.load()
    town.commit()
    town.batch()
    first = client.get(f"{API}/held", params={"limit": 1}).json()
    rest = client.get(f"{API}/held", params={"limit": 1, "after": first["next"]}).json()
    assert [one["household_id"] for one in first["items"] + rest["items"]] == ["LOST", "LOST2"]
    assert rest["next"] is None


def test_a_letter_came_back(town: Town, client: Client) -> None:
    town.batch()
    number = items(client, batch=1)[0]["number"]
    wrong = client.post(f"{API}/returns", json={"letter_number": number, "reason": "moved"})
    assert (wrong.status_code, "print batch that is not handed over" in wrong.json()["detail"]) == (409, True)
    town.send()
    written = f"{number[:3]} {number[3:]}"
    key = {"Idempotency-Key": "post-1"}
    body = {"letter_number": written, "reason": " moved "}
    answers = [client.post(f"{API}/returns", json=body, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    letter = answers[0].json()
    assert (answers[1].json(), letter["number"], letter["state"]) == (letter, number, "returned")
    assert (letter["returned_because"], letter["returned_at"]) == ("moved", "2017-01-15T08:00:00Z")
    other = items(client, batch=1)[1]["number"]
    assert client.post(f"{API}/returns", json={"letter_number": other}).json()["returned_because"] is None
    assert {one["number"] for one in items(client, state="returned")} == {number, other}
    again = client.post(f"{API}/returns", json={"letter_number": number})
    assert (again.status_code, "was noted as returned before" in again.json()["detail"]) == (409, True)
    assert town.rows("SELECT door, count(*) FROM audit_entry WHERE action = 'letters.returned' GROUP BY 1") == [
        ("api", 2)
    ]
    assert town.sound()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"letter_number": 7}, 422),
        ({"letter_number": "000000123"}, 422),
        ({"letter_number": "1"}, 422),
        ({"letter_number": "1" * 41}, 422),
        ({"letter_number": "000000195", "reason": "x" * 501}, 422),
        ({"letter_number": "000000195", "name": "x"}, 422),
        ({"letter_number": "000099911"}, 404),
    ],
)
def test_a_wrong_return(client: Client, body: dict[str, Any], status: int) -> None:
    answer = client.post(f"{API}/returns", json=body)
    assert answer.status_code == status, answer.text


ON_A_BATCH = [
    ("GET", ""),
    ("POST", "/rendering"),
    ("POST", "/hand-over"),
    ("GET", "/file.pdf"),
    ("GET", "/manifest.csv"),
]


@pytest.mark.parametrize(("method", "door"), ON_A_BATCH)
def test_a_batch_of_another_municipality_is_not_there(
    town: Town, client: Client, stranger: Client, method: str, door: str
) -> None:
    done(town, client, "/batches")
    for number in (1, 99, 10**30):
        answer = stranger.request(method, f"{API}/batches/{number}{door}")
        assert (answer.status_code, answer.json()["detail"]) == (404, f"There is no batch {number}.")


def test_letters_of_another_municipality_are_not_there(town: Town, client: Client, stranger: Client) -> None:
    done(town, client, "/batches")
    town.send()
    assert items(stranger) == items(stranger, "/held") == items(stranger, "/batches") == []
    number = items(client, batch=1)[0]["number"]
    assert stranger.post(f"{API}/returns", json={"letter_number": number}).status_code == 404
    assert done(town, stranger, "/batches")["letters"] == 0
    assert items(client, state="returned") == []


SOME = "01a20ddd-d98e-77e5-b830-5330d13c0000"
EVERYTHING = [
    ("GET", ""),
    ("GET", "/held"),
    ("POST", "/returns"),
    ("GET", "/returned"),
    ("GET", f"/{SOME}"),
    ("PUT", f"/{SOME}/address"),
    ("POST", f"/{SOME}/again"),
    ("GET", "/batches"),
    ("POST", "/batches"),
    *((method, f"/batches/1{door}") for method, door in ON_A_BATCH),
]


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_who_may(town: Town, method: str, path: str) -> None:
    with calling(town.database) as nobody:
        assert nobody.request(method, API + path).status_code == 401
    with calling(town.database, token(town.database, "0751", "passes", "reports")) as other:
        assert other.request(method, API + path).status_code == 403
    with signed_in(town.database, "auditor", ROUTES) as auditor:
        assert auditor.request(method, API + path).status_code == 403


def test_every_route_is_described(town: Town) -> None:
    with calling(town.database) as client:
        paths = client.app.openapi_schema.to_schema()["paths"]
    described = {(method.upper(), path) for path in paths if path.startswith(API) for method in paths[path]}
    assert described == {
        (method, API + path.replace(SOME, "{letter_id}").replace("/1", "/{number}")) for method, path in EVERYTHING
    }
    for method, path in described:
        assert {"401", "403", "404", "409", "422"} <= set(paths[path][method.lower()]["responses"])
