"""Every error is a problem detail that says what the person needs and nothing of the inside."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import pytest
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.testing import TestClient
from sqlalchemy import text
from sqlmodel import Session

from service.database.engine import Database
from service.database.requests import transactional
from service.errors import FieldError, Forbidden, Invalid, NotFound
from service.identity.permissions import PUBLIC
from service.web.log import JsonLines
from tests.apps import app_over

OPEN = PUBLIC | {"exclude_from_csrf": True}
SECRET = "Sigrid Nordahl, Testvej 7"


class Season(msgspec.Struct, forbid_unknown_fields=True):
    start: int
    end: int


class Fee(msgspec.Struct, forbid_unknown_fields=True):
    activity: str
    fee_ore: Annotated[int, msgspec.Meta(ge=0)]
    seasons: list[Season] = []
    reference: str | None = None


@post("/fees", sync_to_thread=True, opt=OPEN)
@transactional
def add_fee(session: Session, data: JSONBody[Fee], limit: FromQuery[int] = 1) -> None:
    session.execute(text("SELECT 1"))


@get("/refused/{kind:str}", sync_to_thread=False, opt=OPEN)
def refuse(kind: FromPath[str]) -> None:
    if kind == "fields":
        raise Invalid("Two fields are wrong.", [FieldError("a", "is missing"), FieldError("b", "is too long")])
    raise {"missing": NotFound("There is no such claim."), "role": Forbidden("It takes a role.")}[kind]


@get("/faults/{kind:str}", sync_to_thread=True, opt=OPEN)
@transactional
def fail(session: Session, kind: FromPath[str]) -> None:
    if kind == "database":
        session.execute(text("SELECT CAST(:value AS int)"), {"value": SECRET})
    if kind == "timeout":
        session.execute(text("SET LOCAL statement_timeout = 1"))
        session.execute(text("SELECT pg_sleep(1)"))
    raise ValueError(SECRET)


@pytest.fixture
def client(database: Database) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(database, more=(add_fee, refuse, fail)), raise_server_exceptions=False) as client:
        yield client


def problem(answer: Any) -> dict[str, Any]:
    assert answer.headers["content-type"].partition(";")[0] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert {"type", "title", "detail"} <= body.keys()
    return body


def test_refusals(client: TestClient[Any]) -> None:
    fields = problem(client.get("/refused/fields"))
    assert (fields["status"], fields["type"]) == (422, "urn:medspiller:problem:invalid")
    assert fields["errors"] == [
        {"field": "a", "message": "is missing"},
        {"field": "b", "message": "is too long"},
    ]
    missing = problem(client.get("/refused/missing"))
    assert (missing["status"], missing["detail"]) == (404, "There is no such claim.")
    assert "errors" not in missing
    assert problem(client.get("/refused/role"))["status"] == 403


def test_no_such_address_and_wrong_method(client: TestClient[Any]) -> None:
    for address in ("/nothing/here", "/schema/nothing", "/schema/nothing.json"):
        assert problem(client.get(address))["status"] == 404
    wrong = client.delete("/fees")
    assert problem(wrong)["status"] == 405
    assert "POST" in wrong.headers["allow"]


def test_all_wrong_fields_of_a_body(client: TestClient[Any]) -> None:
    body = {"fee_ore": -1, "seasons": [{"start": 1, "end": 2}, {"start": "x", "more": 1}], "unknown": 1}
    found = problem(client.post("/fees", json=body, params={"limit": "many"}))
    assert found["status"] == 422
    assert {error["field"]: error["message"] for error in found["errors"]} == {
        "activity": "is missing",
        "fee_ore": "expected `int` >= 0",
        "seasons[1].start": "expected `int`, got `str`",
        "seasons[1].end": "is missing",
        "seasons[1].more": "is not known here",
        "unknown": "is not known here",
        "limit": found["errors"][-1]["message"],
    }
    right = {"activity": "football", "fee_ore": 40000, "seasons": [{"start": 1, "end": 2}]}
    assert client.post("/fees", json=right).status_code == 201


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"text"'])
def test_a_body_that_is_no_object(client: TestClient[Any], body: str) -> None:
    answer = client.post("/fees", content=body, headers={"Content-Type": "application/json"})
    assert problem(answer)["status"] in (400, 422)


@pytest.mark.parametrize(("kind", "status"), [("code", 500), ("database", 500), ("timeout", 503)])
def test_a_fault_shows_nothing_of_the_inside(
    client: TestClient[Any], caplog: pytest.LogCaptureFixture, kind: str, status: int
) -> None:
    with caplog.at_level(logging.INFO):
        answer = client.get(f"/faults/{kind}", params={"name": SECRET})
    found = problem(answer)
    assert found["status"] == status
    for word in ("Sigrid", "Testvej", "ValueError", "Traceback", "psycopg", "SELECT"):
        assert word not in answer.text
    line = json.loads(JsonLines().format(next(r for r in caplog.records if r.getMessage() == "incident")))
    assert line["incident"] == found["instance"]
    assert (line["route"], line["level"]) == ("/faults/{kind}", "error")
    assert any(place.endswith(" fail") for place in line["places"])
    assert "Sigrid" not in json.dumps(line)


def test_the_reference_loads_nothing_from_elsewhere(client: TestClient[Any]) -> None:
    schema = client.get("/schema/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    assert {"/health", "/fees"} <= schema["paths"].keys()
    page = client.get("/schema").text
    assert "POST /fees" in page
    assert "seasons" in page
    assert set(re.findall(r'(?:src|href)="([^"#]*)"', page)) >= {"/schema/openapi.json", "/sign-in"}
    assert not re.search(r'(?:src|href|action)="(?!/|#|")', page)
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page)
