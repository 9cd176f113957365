"""A browser of somebody who is signed in, on the whole application."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import unescape
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import NullPool, create_engine, text

from service.identity.messages import Message, unseal
from tests.apps import app_over
from tests.identity.conftest import World

HTML = {"accept": "text/html"}


class Client:
    """Somebody's browser: pages with `get` and `send`, the API with `call`."""

    def __init__(self, http: TestClient[Litestar]) -> None:
        self.http = http

    def get(self, path: str) -> Response:
        """A page."""
        return self.http.get(path, headers=HTML, follow_redirects=False)

    def send(self, path: str, fields: dict[str, Any] | None = None, *, token: str | None = None) -> Response:
        """A form, with the token against forgery that the browser has, unless another is given."""
        known = self.http.cookies.get("csrf", "") if token is None else token
        body = urlencode({"_csrf_token": known} | (fields or {}), doseq=True)
        headers = HTML | {"content-type": "application/x-www-form-urlencoded"}
        return self.http.post(path, content=body, headers=headers, follow_redirects=False)

    def key(self, path: str) -> str:
        """The key of the form on a page."""
        found = re.search(r'name="key" value="([^"]+)"', self.get(path).text)
        assert found, path
        return found[1]

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """The API, as a script of our own pages calls it."""
        known = {"x-csrftoken": self.http.cookies.get("csrf") or "", **headers}
        return self.http.request(method, f"/api/v1{path}", json=body, headers=known)


@contextmanager
def browser_of(world: World, email: str | None) -> Iterator[Client]:
    """The browser of somebody who is signed in, or of nobody."""
    with TestClient(app_over(world.database, requests_a_minute=10_000)) as http:
        http.cookies.set("language", "en")
        if email is not None:
            http.cookies.set("medspiller", world.sign_in(email))
        # Any page gives the cookie against forgery.
        http.get("/", headers=HTML, follow_redirects=False)
        yield Client(http)


def as_owner(world: World, statement: str, **values: Any) -> Sequence[Any]:
    """Rows as the owner of the database sees them, who sees every tenant's and the directory's."""
    with create_engine(world.database.owner_url, poolclass=NullPool).begin() as connection:
        result = connection.execute(text(statement), values)
        return result.all() if result.returns_rows else []


def e_mails(world: World) -> list[Message]:
    """The e-mails that wait to be sent, the oldest first."""
    rows = as_owner(
        world, "SELECT args FROM procrastinate.procrastinate_jobs WHERE task_name = 'medspiller.email' ORDER BY id"
    )
    return [unseal(world.keys, row.args["sealed"]) for row in rows]


def invitation_secret(message: Message) -> str:
    """The secret in the link of an invitation."""
    found = re.search(r"/invitation/(\S+)", message.text)
    assert found
    return found[1]


def text_of(html: str) -> str:
    """What a reader sees of a page, its white space as one blank."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def membership_of(world: World, email: str, tenant: UUID | None = None) -> UUID:
    """The live membership of somebody."""
    [row] = as_owner(
        world,
        """SELECT m.id FROM directory.membership m JOIN directory.account a ON a.id = m.account_id
        WHERE a.email = :email AND m.ended_at IS NULL AND (CAST(:tenant AS uuid) IS NULL OR m.tenant_id = :tenant)""",
        email=email,
        tenant=tenant,
    )
    found: UUID = row.id
    return found
