"""A browser of the whole service, and people who sign in with it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from typing import Any
from uuid import UUID

import pyotp
from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient

from jobs.worker import Worker
from service.app import LOCAL_URL
from service.audit.actions import COMMAND
from service.database.engine import Database
from service.database.tenancy import act_for
from service.identity.actions import Municipality, add_member, add_municipality, find_municipality
from service.identity.organisations import add_organisation
from service.identity.sessions import find_account, make_link
from service.settings import load
from service.values import clock
from tests.apps import app_over

Browser = TestClient[Litestar]
CODE = "0751"
TREASURER, CASE_WORKER, ADMINISTRATOR = "kasserer@klub.example", "sagsbehandler@aarhus.example", "leder@aarhus.example"


@contextmanager
def browsing(database: Database, public_url: str = LOCAL_URL, **headers: str) -> Iterator[Browser]:
    """A browser with nothing in it yet. It follows redirects only where a test says so."""
    app = app_over(database, public_url)
    with TestClient(app, base_url=public_url, raise_server_exceptions=False) as browser:
        browser.headers.update({"accept": "text/html", "accept-language": "en", "user-agent": "Firefox/140 Linux"})
        browser.headers.update(headers)
        browser.follow_redirects = False
        yield browser


def furnish(database: Database) -> Municipality:
    """A municipality with an administrator and a case worker."""
    with database.transaction() as session:
        made = add_municipality(session, CODE, "Aarhus", "dk")
        act_for(session, made.id)
        add_member(session, made.id, ADMINISTRATOR, "Leder", "administrator")
        add_member(session, made.id, CASE_WORKER, "Sagsbehandler", "case_worker")
    return made


def add_club(database: Database) -> None:
    """A club of the municipality, with a treasurer."""
    with database.transaction() as session:
        municipality = find_municipality(session, CODE)
        act_for(session, municipality.id)
        club = add_organisation(session, municipality.id, "club", "Badmintonklub", "12345678", COMMAND)
        add_member(session, municipality.id, TREASURER, "Kasserer", "club_treasurer", club.id)


def link_for(database: Database, email: str, maker: str = "email") -> str:
    """The path of a fresh link."""
    with database.transaction() as session:
        account = find_account(session, email)
        assert account
        return f"/sign-in/link/{make_link(session, account.id, maker)}"


def send(browser: Browser, path: str, form: dict[str, Any] | None = None) -> Response:
    """Post a form as the page of ours would."""
    if not csrf_of(browser):
        browser.get("/sign-in")
    return browser.post(path, data={"_csrf_token": csrf_of(browser)} | (form or {}))


def csrf_of(browser: Browser) -> str:
    return browser.cookies.get("csrf") or browser.cookies.get("__Host-csrf") or ""


def session_of(browser: Browser) -> str:
    """The secret that the browser holds."""
    return browser.cookies.get("medspiller") or browser.cookies.get("__Host-medspiller") or ""


def sign_in(browser: Browser, database: Database, email: str, maker: str = "command") -> Response:
    """By a link; one from the command line needs no second factor."""
    answer = send(browser, link_for(database, email, maker))
    assert answer.status_code == 303, answer.text
    return answer


def with_session(browser: Browser, secret: str, path: str = "/profile") -> Response:
    """What somebody sees who has this secret and nothing else."""
    name = "__Host-medspiller" if str(browser.base_url).startswith("https") else "medspiller"
    with TestClient(browser.app, base_url=str(browser.base_url), raise_server_exceptions=False) as other:
        other.cookies.set(name, secret)
        return other.get(path, headers={"accept": "text/html"}, follow_redirects=False)


def secret_on(page: str) -> str:
    """The key that the page shows for the authenticator."""
    found = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page)
    assert found, page
    return found[1].replace(" ", "")


def code_of(secret: str) -> str:
    return pyotp.TOTP(secret).at(clock.now())


def set_up_second_factor(browser: Browser) -> tuple[str, list[str]]:
    """As somebody who is signed in: the authenticator's key and the recovery codes."""
    secret = secret_on(browser.get("/sign-in/second-factor").text)
    answer = send(browser, "/sign-in/second-factor", {"code": code_of(secret)})
    assert answer.status_code == 200, answer.text
    return secret, re.findall(r"<li><code>([a-z0-9-]+)</code></li>", answer.text)


def emails(database: Database) -> list[tuple[str, str, str]]:
    """Have a worker do what is queued; what it has sent so far as address, subject and text."""
    Worker(database, load(), []).once()
    found = []
    for file in sorted((database.home / "emails").glob("*.eml")):
        mail = message_from_bytes(file.read_bytes(), policy=default)
        body = mail.get_body()
        assert body
        found.append((str(mail["to"]), str(mail["subject"]), body.get_content()))
    return found


def account_of(database: Database, email: str) -> UUID:
    with database.transaction() as session:
        account = find_account(session, email)
        assert account
        return account.id
