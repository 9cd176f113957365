"""People with a session and systems with a token who call the whole application, and what they are answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient

from jobs.worker import Worker
from service.database.engine import Database
from service.identity.actions import Municipality, add_member
from service.identity.sessions import open_session
from service.settings import load
from tests.apps import app_over
from tests.callers import token

Client = TestClient[Litestar]


class Callers:
    """Who calls an application over a database. Each has a client of their own."""

    def __init__(self, app: Litestar, database: Database, municipality: Municipality) -> None:
        self._app, self.database, self._municipality = app, database, municipality

    def nobody(self) -> Client:
        return TestClient(self._app, raise_server_exceptions=False)

    def system(self, *scopes: str, municipality: Municipality | None = None) -> Client:
        """A system of the municipality whose token has these scopes."""
        client = self.nobody()
        client.headers.update(token(self.database, (municipality or self._municipality).code, *scopes))
        return client

    def person(self, role: str, email: str | None = None, municipality: Municipality | None = None) -> Client:
        """A person with this role who is signed in."""
        at, email = municipality or self._municipality, email or f"{role}@example.org"
        with self.database.transaction(at.id) as session:
            account = add_member(session, at.id, email, "Somebody", role)
            secret = open_session(session, account, "provider", "a browser", strong=True)
        client = self.nobody()
        client.cookies.set("medspiller", secret, domain="testserver.local")
        # What proves that a form or script is of our own pages.
        client.get("/health")
        client.headers["x-csrftoken"] = client.cookies["csrf"]
        return client


@contextmanager
def callers_of(database: Database, municipality: Municipality) -> Iterator[Callers]:
    """Who calls the whole application for as long as the block runs."""
    app = app_over(database)
    with TestClient(app):
        yield Callers(app, database, municipality)


def done(database: Database, client: Client, answer: Response) -> dict[str, Any]:
    """Let a worker do what was ordered; gives the outcome that is read at the address in the answer."""
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["progress"]
    assert client.get(answer.json()["progress"]).json()["state"] == "queued"
    Worker(database, load(), []).once()
    run = client.get(answer.json()["progress"]).json()
    assert run["state"] == "done", run
    outcome: dict[str, Any] = run["outcome"]
    return outcome


def wrong(answer: Response) -> dict[str, str]:
    """What a refusal of wrong fields says of each."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def every_item(client: Client, address: str, **wanted: object) -> list[dict[str, Any]]:
    """The items of a list, read page by page."""
    asked: dict[str, Any] = {"limit": 2} | wanted
    found: list[dict[str, Any]] = []
    while True:
        answer = client.get(address, params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) == asked["limit"] or page["next"] is None
        found += page["items"]
        if page["next"] is None:
            return found
        asked["after"] = page["next"]
