"""A call with a key has its effect once, whatever happens in between."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import record
from service.console import keys
from service.database.engine import Database, open_database
from service.database.requests import transactional
from service.errors import Conflict
from service.identity.access import actor_of, municipality_of
from service.identity.permissions import may
from service.jobs.uploads import Upload, receive
from service.settings import load
from service.web.idempotency import REPLAYED, idempotent
from tests.callers import calling, serving, token
from tests.conftest import Medspiller

AnyRequest = Request[Any, Any, State]
Headers = dict[str, str]
CODE, OTHER = "0751", "0101"


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    says: str
    fault: bool = False
    seconds: float = 0
    dies: bool = False


class Noted(msgspec.Struct, frozen=True):
    says: str
    number: int


def _note(request: AnyRequest, session: Session, says: str) -> Noted:
    tenant_id = municipality_of(request).id
    record(session, tenant_id, actor_of(request), "test.note", ("tenant", tenant_id), reason=says)
    session.flush()
    number = session.execute(text("SELECT count(*) FROM audit_entry WHERE action = 'test.note'")).scalar_one()
    return Noted(says, number)


@post("/api/v1/test/notes/{place:str}", sync_to_thread=True, opt=may("passes.change"))
@transactional
@idempotent
def add_note(
    request: AnyRequest, session: Session, place: FromPath[str], data: JSONBody[Note], colour: FromQuery[str] = "red"
) -> Response[Noted]:
    noted = _note(request, session, data.says)
    if data.fault:
        raise Conflict("Not now.")
    if data.dies:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": data.seconds})
    return Response(noted, headers={"Location": f"/notes/{noted.number}"})


@post("/api/v1/test/plain", sync_to_thread=True, opt=may("passes.change"), status_code=202)
@transactional
@idempotent
def add_plain(request: AnyRequest, session: Session) -> Noted:
    return _note(request, session, "plain")


@post("/api/v1/test/returned", sync_to_thread=True, opt=may("passes.change"))
@transactional
@idempotent
def returned(request: AnyRequest, session: Session) -> Response[Noted]:
    return Response(_note(request, session, "returned"), status_code=409)


async def _receive(request: AnyRequest) -> Upload:
    return await receive(request, ("population", "income"))


@post("/api/v1/test/files", sync_to_thread=True, opt=may("passes.change"), dependencies={"upload": Provide(_receive)})
@transactional
@idempotent
def add_files(request: AnyRequest, session: Session, upload: NamedDependency[Upload]) -> Noted:
    upload.drop()
    return _note(request, session, ",".join(upload.files))


ROUTES = (add_note, add_plain, returned, add_files)
NOTES = "/api/v1/test/notes/a"


@pytest.fixture
def five(installation: Path, medspiller: Medspiller, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database with five connections and two municipalities."""
    for code in (CODE, OTHER):
        medspiller("municipality", "add", code, f"By {code}", "--country", "dk")
    monkeypatch.setenv("MEDSPILLER_POOL_SIZE", "5")
    with open_database(load()) as opened:
        yield opened


@pytest.fixture
def system(five: Database) -> Headers:
    return token(five, CODE, "passes")


def key(system: Headers, key: str = "a1") -> Headers:
    return system | {"Idempotency-Key": key}


def notes(database: Database, system: Headers) -> int:
    """How many notes the system's municipality has, but for the one that asking makes."""
    with calling(database, system, ROUTES) as client:
        return int(client.post(NOTES, json={"says": "how many"}).json()["number"]) - 1


def test_the_same_call_twice(five: Database, system: Headers) -> None:
    with calling(five, key(system), ROUTES) as client:
        first = client.post(f"{NOTES}?colour=blue", json={"says": "Sørine", "seconds": 0})
        # The same, written otherwise.
        again = client.post(f"{NOTES}?colour=blue", content=b'{"seconds": 0.0,\n "says": "S\\u00f8rine"}')
    assert (first.status_code, first.json(), first.headers["location"]) == (
        201,
        {"says": "Sørine", "number": 1},
        "/notes/1",
    )
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers[REPLAYED] == "true"
    assert _told(again) == _told(first) | {REPLAYED.lower(): "true"}
    assert notes(five, system) == 1


def _told(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if not name.startswith("ratelimit")}


def test_a_value_is_kept_with_the_status_of_its_route(five: Database, system: Headers) -> None:
    with calling(five, key(system), ROUTES) as client:
        answers = [client.post("/api/v1/test/plain") for _ in range(2)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, '{"says":"plain","number":1}')}
    assert [answer.headers["content-type"] for answer in answers] == ["application/json"] * 2


def test_without_a_key_every_call_counts(five: Database, system: Headers) -> None:
    with calling(five, system, ROUTES) as client:
        numbers = [client.post(NOTES, json={"says": "x"}).json()["number"] for _ in range(3)]
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize(
    ("path", "body"),
    [(NOTES, {"says": "y"}), (f"{NOTES}?colour=blue", {"says": "x"}), (NOTES, {"says": "x", "seconds": 0.01})],
)
def test_another_call_with_the_same_key(five: Database, system: Headers, path: str, body: dict[str, Any]) -> None:
    with calling(five, key(system), ROUTES) as client:
        client.post(NOTES, json={"says": "x"})
        answer = client.post(path, json=body)
        assert answer.status_code == 409
        assert "another call" in answer.json()["detail"]
        assert client.post(NOTES, json={"says": "x"}).headers[REPLAYED] == "true"
    assert notes(five, system) == 1


def test_a_key_belongs_to_its_token_its_address_and_its_municipality(five: Database, system: Headers) -> None:
    callers = [system, token(five, CODE, "passes"), token(five, OTHER, "passes")]
    numbers = []
    for caller in callers:
        with calling(five, key(caller), ROUTES) as client:
            numbers.append(client.post(NOTES, json={"says": "x"}).json()["number"])
            numbers.append(client.post("/api/v1/test/notes/b", json={"says": "x"}).json()["number"])
            numbers.append(client.post("/api/v1/test/plain").json()["number"])
    assert numbers == [1, 2, 3, 4, 5, 6, 1, 2, 3]


@pytest.mark.parametrize("wrong", ["", "a" * 201, "nøgle", "a\tb"])
def test_a_wrong_key(five: Database, system: Headers, wrong: str) -> None:
    with serving(five, ROUTES) as client:
        headers = [(name.encode(), value.encode()) for name, value in system.items()]
        headers.append((b"Idempotency-Key", wrong.encode("latin-1")))
        answer = client.post(NOTES, json={"says": "x"}, headers=headers)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]
    assert notes(five, system) == 0


@pytest.mark.parametrize("right", ["a" * 200, "a b ~!", "0"])
def test_a_right_key(five: Database, system: Headers, right: str) -> None:
    with calling(five, key(system, right), ROUTES) as client:
        assert client.post(NOTES, json={"says": "x"}).status_code == 201
        assert client.post(NOTES, json={"says": "x"}).headers[REPLAYED] == "true"


def test_what_was_refused_is_not_kept(five: Database, system: Headers) -> None:
    with calling(five, key(system), ROUTES) as client:
        for _ in range(2):
            refused = client.post(NOTES, json={"says": "x", "fault": True})
            assert (refused.status_code, REPLAYED in refused.headers) == (409, False)
        assert client.post(NOTES, json={"says": "x"}).json()["number"] == 1
        assert client.post("/api/v1/test/returned").status_code == 500
    assert notes(five, system) == 1


def test_twenty_at_once(five: Database, system: Headers) -> None:
    with serving(five, ROUTES) as client, ThreadPoolExecutor(20) as crowd:
        body = {"says": "x", "seconds": 0.3}
        answers = list(crowd.map(lambda _: client.post(NOTES, json=body, headers=key(system)), range(20)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, '{"says":"x","number":1}')}
    assert sum(REPLAYED in answer.headers for answer in answers) == 19
    assert notes(five, system) == 1


def test_when_the_first_of_many_is_refused_another_is_made(five: Database, system: Headers) -> None:
    # Bodies differ, so whichever comes first decides; the refused ones leave the key to the others.
    with serving(five, ROUTES) as client, ThreadPoolExecutor(20) as crowd:
        bodies = [{"says": "x", "fault": at % 2 == 0} for at in range(20)]
        answers = list(crowd.map(lambda body: client.post(NOTES, json=body, headers=key(system)), bodies))
    assert {answer.status_code for answer in answers[::2]} == {409}
    assert {(answer.status_code, answer.text) for answer in answers[1::2]} == {(201, '{"says":"x","number":1}')}
    assert notes(five, system) == 1


def test_a_lost_connection_to_the_database_leaves_the_key_free(five: Database, system: Headers) -> None:
    with calling(five, key(system), ROUTES) as client:
        assert client.post(NOTES, json={"says": "x", "dies": True}).status_code == 503
        answer = client.post(NOTES, json={"says": "x"})
    assert (answer.status_code, answer.json()["number"], REPLAYED in answer.headers) == (201, 1, False)


_KILLED = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from service.database.engine import open_database
from service.settings import load
from tests.callers import calling
from tests.web.test_idempotency import NOTES, ROUTES

when, authorization, key = sys.argv[1:]

def die(connection):
    noted = connection.exec_driver_sql("SELECT count(*) FROM audit_entry WHERE action = 'test.note'").scalar()
    if noted and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    if noted:
        connection.connection.driver_connection.commit()
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "commit", die)
with open_database(load()) as database:
    headers = {"Authorization": authorization, "Idempotency-Key": key}
    with calling(database, headers, ROUTES) as client:
        client.post(NOTES, json={"says": "x"})
"""


@pytest.mark.parametrize(("when", "replayed"), [("before", False), ("after", True)])
def test_a_process_killed_around_its_commit(five: Database, system: Headers, when: str, replayed: bool) -> None:
    arguments = [sys.executable, "-c", _KILLED, when, system["Authorization"], "a1"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    died = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert died.returncode == -9, died.stderr
    with calling(five, key(system), ROUTES) as client:
        answer = client.post(NOTES, json={"says": "x"})
    assert (answer.status_code, answer.json()) == (201, {"says": "x", "number": 1})
    assert (REPLAYED in answer.headers) == replayed
    assert notes(five, system) == 1


def test_after_48_hours_the_key_is_new(five: Database, at: Callable[[str], None]) -> None:
    at("2017-01-15T08:00Z")
    system = token(five, CODE, "passes")
    seen = []
    for instant in ("2017-01-15T08:00Z", "2017-01-17T07:59:59Z", "2017-01-17T08:00Z", "2017-01-18T08:00Z"):
        at(instant)
        with calling(five, key(system), ROUTES) as client:
            seen.append(client.post(NOTES, json={"says": "x"}).json()["number"])
    assert seen == [1, 1, 2, 2]


def test_nothing_of_the_answer_the_body_or_the_key_stands_readable(five: Database, system: Headers) -> None:
    with calling(five, key(system, "Sorine-key"), ROUTES) as client:
        client.post(NOTES, json={"says": "Sorine"})
    with five.transaction() as session:
        tenant_id = session.execute(
            text("SELECT id FROM directory.find_tenant('municipality', :code)"), {"code": CODE}
        ).scalar_one()
    with five.transaction(tenant_id) as session:
        row = session.execute(text("SELECT call, said, answer FROM kept_answer")).one()
    assert not any(b"Sorine" in bytes(value) for value in row)
    assert b"Sorine" in keys(five).for_tenant(tenant_id).decrypt_bytes(bytes(row.answer))


def test_uploads(five: Database, system: Headers) -> None:
    def send(**files: bytes) -> tuple[int, bool]:
        with calling(five, key(system), ROUTES) as client:
            sent = {name: (f"{name}.csv", content) for name, content in files.items()}
            answer = client.post("/api/v1/test/files", files=sent)
        return answer.status_code, REPLAYED in answer.headers

    assert send(population=b"a\n", income=b"b\n") == (201, False)
    assert send(population=b"a\n", income=b"b\n") == (201, True)
    assert send(population=b"a\n", income=b"c\n") == (409, False)
    assert send(population=b"b\n", income=b"a\n") == (409, False)
    assert send(population=b"a\n") == (409, False)
    assert notes(five, system) == 1
    assert list((five.home / "uploads").iterdir()) == []


def test_the_key_is_described(five: Database) -> None:
    with calling(five, more=ROUTES) as client:
        operation = client.app.openapi_schema.to_schema()["paths"]["/api/v1/test/notes/{place}"]["post"]
    found = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert set(found) == {"place", "colour", "Idempotency-Key"}
    assert found["Idempotency-Key"]["in"] == "header"
    assert "48 hours" in found["Idempotency-Key"]["description"]


@pytest.mark.parametrize("wrong", [lambda session: None, lambda request: None])
def test_only_a_function_with_request_and_session(wrong: Callable[..., None]) -> None:
    with pytest.raises(TypeError, match="request"):
        idempotent(wrong)
