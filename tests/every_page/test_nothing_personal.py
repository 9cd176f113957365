"""Nothing personal stands in an address, a log line or the report of an error: every page is walked and read for it."""

import json
import logging
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, NoReturn
from urllib.parse import unquote_plus

import pytest
from httpx import Response
from litestar.testing import TestClient
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from service.app import create_app
from service.web.log import JsonLines, logged
from tests.every_page.pages import PAGES
from tests.every_page.town import FAMILY, PROTECTED, REASON, STREET, EveryPage

HTML = {"accept": "text/html"}
_LED_TO = re.compile(r'(?:href|action|src|hx-get|hx-post|value="/|content)="([^"]*)"')


class Walk:
    """Somebody's browser for every viewer, and every address that was asked for, shown or led to."""

    def __init__(self, client: TestClient[Any], town: EveryPage) -> None:
        self.town, self.addresses, self._client = town, set[str](), client

    def as_(self, viewer: str) -> None:
        self._client.cookies.clear()
        self._client.cookies.set("medspiller", self.town.sessions.get(viewer, ""), domain="testserver.local")
        self._client.get("/health")

    def get(self, address: str) -> Response:
        return self._noted(self._client.get(address, headers=HTML, follow_redirects=False))

    def send(self, address: str, **data: str) -> Response:
        sent = data | {"_csrf_token": self._client.cookies["csrf"]}
        return self._noted(self._client.post(address, data=sent, headers=HTML, follow_redirects=False))

    def _noted(self, answer: Response) -> Response:
        found = [str(answer.request.url), answer.headers.get("location", "")]
        if answer.headers.get("content-type", "").startswith("text/html"):
            found += _LED_TO.findall(unescape(answer.text))
        self.addresses |= {unquote_plus(address) for address in found}
        return answer


@pytest.fixture
def walk(every_page: EveryPage) -> Iterator[Walk]:
    app = create_app(every_page.database, requests_a_minute=10**9)
    with TestClient(logged(app), raise_server_exceptions=False) as client:
        yield Walk(client, every_page)


def told(personal: list[str], lines: list[str] | set[str]) -> list[tuple[str, str]]:
    """Where something personal is said; addresses write to people where a link calls or mails them."""
    lines = [line for line in lines if not line.startswith(("tel:", "mailto:"))]
    return [(word, line) for line in lines for word in personal if word.lower() in line.lower()]


def every_line(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [JsonLines().format(record) for record in caplog.records]


def test_neither_an_address_nor_a_log_line_of_any_page(walk: Walk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    town = walk.town
    shown = {}
    for page in PAGES:
        walk.as_(page.viewer)
        shown[page.path] = walk.get(town.addresses[page.path]).status_code
    assert {path: status for path, status in shown.items() if status != 200} == {}
    walk.as_("staff")
    number, passed = str(town.town.of("Alma0")["person_id"]), town.town.number("Alma0")
    hidden = town.addresses["/households/{household_id:uuid}/hidden"]
    key = walk.get(hidden).text.partition('name="key" value="')[2].partition('"')[0]
    found = [
        walk.send("/search", text=FAMILY),
        walk.get("/search/found"),
        walk.send("/search", text=number),
        walk.send("/search", text=passed),
        walk.send("/search", text="HUS0"),
        walk.send("/persons", identity_number=number),
        walk.send("/passes/search", number=passed),
        walk.send("/on-the-spot", birth_date="2010-05-17", name="Alma"),
        walk.send("/trail/family", identity_number=number),
        walk.send("/review", households="HUS7", standing="waiting"),
        walk.send("/people/search", q="Sanne"),
        walk.send("/households/nothing", text=FAMILY),
        walk.send(hidden, key=key, item="figures", reason=REASON),
    ]
    assert [answer.status_code for answer in found] == [303, 200, *[303] * 5, 200, 303, 200, 200, 405, 200]
    lines = every_line(caplog)
    assert len([line for line in lines if json.loads(line)["event"] == "request"]) > len(PAGES)
    assert told(town.personal(), lines) == []
    assert len(walk.addresses) > 200
    assert told(town.personal(), walk.addresses) == []


def test_no_report_of_an_error_of_any_page(
    walk: Walk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    town, number = walk.town, str(walk.town.town.of("Alma0")["person_id"])
    quoted = f"DETAIL: Failing row contains (Alma0 {FAMILY}, {number}, {STREET}, {PROTECTED}, {REASON})."
    execute, personal = Session.execute, town.personal()

    def fail(self: Session, statement: Any, values: Any = None, **options: Any) -> Any:
        # What says for whom the transaction acts still works: the page's own first question fails.
        if "set_config" in str(statement) or "directory." in str(statement):
            return execute(self, statement, values, **options)
        _raise(statement, quoted)

    monkeypatch.setattr(Session, "execute", fail)
    failed = 0
    for page in PAGES:
        walk.as_(page.viewer)
        answer = walk.get(town.addresses[page.path])
        failed += answer.status_code == 500
        said = answer.text.partition("<main")[2] if answer.status_code >= 500 else ""
        assert told(personal, [said]) == [], page.path
    lines = every_line(caplog)
    incidents = [line for line in lines if json.loads(line)["event"] == "incident"]
    assert len(incidents) >= failed > 30
    assert told(personal, lines) == []


def _raise(statement: object, quoted: str) -> NoReturn:
    raise IntegrityError(str(statement), {"name": FAMILY}, Exception(quoted))
