"""Signing in and out over HTTP, and everything that somebody might try who should not get in."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any

import pytest
from sqlalchemy import Engine, event

from service.database.engine import Database
from service.values import clock
from tests.identity.signing_in import (
    ADMINISTRATOR,
    CASE_WORKER,
    TREASURER,
    Browser,
    add_club,
    browsing,
    code_of,
    emails,
    furnish,
    link_for,
    secret_on,
    send,
    session_of,
    set_up_second_factor,
    sign_in,
    with_session,
)
from tests.jobs.conftest import as_owner

At = Callable[[str], None]


@pytest.fixture
def known(database: Database) -> Database:
    """A municipality with its people."""
    furnish(database)
    return database


@pytest.fixture
def browser(known: Database) -> Iterator[Browser]:
    with browsing(known) as browser:
        yield browser


def lets_in(browser: Browser, path: str = "/profile") -> bool:
    return browser.get(path).status_code == 200


# Asking for a link.


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that goes to the database meanwhile."""
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def asked(browser: Browser, email: str) -> tuple[Any, list[str]]:
    """The whole answer to somebody who asks for a link, and the statements that it took."""
    browser.cookies.clear()
    browser.get("/sign-in")
    with statements() as seen:
        answer = send(browser, "/sign-in", {"email": email})
    page = browser.get(answer.headers["location"])
    unlike = ("set-cookie", "ratelimit-remaining", "ratelimit-reset")
    headers = {name: value for name, value in answer.headers.items() if name not in unlike}
    text = re.sub(r'value="[0-9a-f]{64,}"|&#34;[0-9a-f]{64,}&#34;', "", page.text)
    return (answer.status_code, headers, answer.content, page.status_code, text), seen


def test_nothing_tells_whether_an_address_has_an_account(browser: Browser, known: Database) -> None:
    asked(browser, "somebody@else.example")
    first, at_known = asked(browser, CASE_WORKER)
    second, at_unknown = asked(browser, "nobody@aarhus.example")
    assert first == second
    assert at_known == at_unknown != []
    assert "on its way" in first[4]
    queued = as_owner(
        known, "SELECT task_name, length(args::text) > 50 AS sealed FROM procrastinate.procrastinate_jobs"
    )
    assert [tuple(row) for row in queued] == [("medspiller.sign_in_link", True)] * 3
    [(to, subject, text)] = emails(known)
    assert (to, subject) == (CASE_WORKER, "Sign in to Medspiller")
    assert "http://127.0.0.1:8000/sign-in/link/" in text


def test_the_link_of_the_e_mail_signs_in_once(browser: Browser, known: Database) -> None:
    send(browser, "/sign-in", {"email": CASE_WORKER.upper()})
    [(_, _, text)] = emails(known)
    found = re.search(r"http://127\.0\.0\.1:8000(/sign-in/link/\S+)", text)
    assert found
    # A program that looks through e-mails opens the address, and more than once.
    for _ in range(2):
        page = browser.get(found[1])
        assert page.status_code == 200
        assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert send(browser, found[1]).headers["location"] == "/"
    with browsing(known) as another:
        again = send(another, found[1])
        assert again.status_code == 404
        assert "has been used or is too old" in again.text
        assert 'href="/sign-in"' in again.text
        assert not session_of(another)


def test_the_e_mail_is_in_the_language_of_the_page(browser: Browser, known: Database) -> None:
    browser.headers["accept-language"] = "da"
    send(browser, "/sign-in", {"email": CASE_WORKER})
    [(_, subject, _)] = emails(known)
    assert subject == "Log ind på Medspiller"


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b", "a b@c.example", "a@b.example\nBcc: x@y.example", "x" * 250 + "@c.example"]
)
def test_what_is_no_address_is_a_fault_of_the_form(browser: Browser, known: Database, email: str) -> None:
    answer = send(browser, "/sign-in", {"email": email})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert as_owner(known, "SELECT 1 FROM procrastinate.procrastinate_jobs") == []


def test_only_so_many_links_for_an_address_and_from_one(browser: Browser, known: Database, at: At) -> None:
    at("2026-11-24T08:00Z")
    for _ in range(5):
        assert send(browser, "/sign-in", {"email": CASE_WORKER}).status_code == 303
    refused = send(browser, "/sign-in", {"email": CASE_WORKER})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "900")
    # Of another nothing has been asked.
    assert send(browser, "/sign-in", {"email": ADMINISTRATOR}).status_code == 303
    answers = [send(browser, "/sign-in", {"email": f"{n}@x.example"}).status_code for n in range(54)]
    assert answers == [303] * 53 + [429]
    at("2026-11-24T08:15Z")
    assert send(browser, "/sign-in", {"email": CASE_WORKER}).status_code == 303


# Links.


@pytest.mark.parametrize(("maker", "last", "late"), [("email", "08:14", "08:15"), ("command", "08:00", "08:01")])
def test_a_link_ends(browser: Browser, known: Database, at: At, maker: str, last: str, late: str) -> None:
    at("2026-11-24T08:00Z" if maker == "email" else "2026-11-23T08:00:30Z")
    first, second = link_for(known, CASE_WORKER, maker), link_for(known, CASE_WORKER, maker)
    at(f"2026-11-24T{last}Z")
    assert send(browser, first).status_code == 303
    at(f"2026-11-24T{late}Z")
    assert send(browser, second).status_code == 404


@pytest.mark.parametrize("secret", ["x", "a" * 43, "a" * 5000, "%00", "%2e%2e%2f"])
def test_a_link_that_was_never_made_is_refused(browser: Browser, secret: str) -> None:
    assert send(browser, f"/sign-in/link/{secret}").status_code == 404
    assert not session_of(browser)


def test_a_secret_opens_only_what_it_was_made_for(browser: Browser, known: Database) -> None:
    """A link to sign in is no invitation and no session, a session no link, whoever tries them."""
    link = link_for(known, CASE_WORKER).rsplit("/", 1)[1]
    with browsing(known) as other:
        sign_in(other, known, ADMINISTRATOR)
        session = session_of(other)
    assert browser.get(f"/invitation/{link}").status_code == 404
    assert send(browser, f"/invitation/{link}", {"name": "Somebody"}).status_code == 404
    for secret in (session, link.swapcase(), link[:-1], f"{link}x"):
        assert send(browser, f"/sign-in/link/{secret}").status_code == 404
    assert with_session(browser, link).headers["location"] == "/sign-in"
    assert not session_of(browser)
    # Of all that nothing was used up.
    assert send(browser, f"/sign-in/link/{link}").status_code == 303


def test_the_link_of_an_account_that_was_closed_signs_nobody_in(browser: Browser, known: Database) -> None:
    link = link_for(known, CASE_WORKER)
    sign_in(browser, known, CASE_WORKER)
    secret = session_of(browser)
    as_owner(known, f"UPDATE directory.account SET disabled_at = now() WHERE email = '{CASE_WORKER}' RETURNING 1")
    assert with_session(browser, secret).headers["location"] == "/sign-in"
    browser.cookies.clear()
    assert send(browser, link).status_code == 404
    assert not session_of(browser)


def test_signing_in_and_the_second_factor_stand_in_the_trail(browser: Browser, known: Database, at: At) -> None:
    at("2026-11-24T08:00Z")
    sign_in(browser, known, CASE_WORKER, "email")
    secret, _ = set_up_second_factor(browser)
    at("2026-11-24T08:01Z")
    send(browser, "/profile/second-factor/codes", {"code": code_of(secret)})
    send(browser, "/profile/sessions/end")
    sign_in(browser, known, CASE_WORKER)
    rows = as_owner(known, "SELECT action, details FROM audit_entry WHERE action LIKE 'identity.s%' ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("identity.sign_in", {"method": "email"}),
        ("identity.second_factor.set", {}),
        ("identity.second_factor.codes", {}),
        ("identity.sign_out.everywhere", {}),
        ("identity.sign_in", {"method": "command"}),
    ]


def test_the_secret_stands_nowhere_in_the_database(browser: Browser, known: Database) -> None:
    path = link_for(known, CASE_WORKER)
    sign_in(browser, known, CASE_WORKER)
    everything = as_owner(known, "SELECT l::text FROM directory.sign_in_link l")
    everything += as_owner(known, "SELECT s::text FROM directory.sign_in_session s")
    assert len(everything) == 3
    for row in everything:
        for secret in (path.rsplit("/", 1)[1], session_of(browser)):
            assert secret not in row[0]
            assert secret.encode().hex() not in row[0]


# The session.


def test_a_session_that_was_planted_is_not_kept(browser: Browser, known: Database) -> None:
    """Session fixation: somebody puts a session into a browser and waits until its owner signs in with it."""
    with browsing(known) as attacker:
        sign_in(attacker, known, ADMINISTRATOR)
        planted = session_of(attacker)
    for secret in ("chosen-by-somebody-else", planted):
        browser.cookies.clear()
        browser.get("/sign-in")
        browser.cookies.set("medspiller", secret)
        answer = send(browser, link_for(known, CASE_WORKER))
        fresh = re.search(r"medspiller=([^;]+)", answer.headers["set-cookie"])
        assert fresh
        assert len(fresh[1]) >= 43
        assert fresh[1] != secret
        assert with_session(browser, secret).status_code == 303
        assert with_session(browser, secret).headers["location"] == "/sign-in"


def test_the_session_of_before_the_second_factor_is_worth_nothing_after_it(browser: Browser, known: Database) -> None:
    sign_in(browser, known, CASE_WORKER, "email")
    before = session_of(browser)
    secret, _ = set_up_second_factor(browser)
    after = session_of(browser)
    assert after != before
    assert lets_in(browser)
    assert with_session(browser, before).headers["location"] == "/sign-in"
    # And so at every later sign-in.
    send(browser, "/sign-out")
    as_owner(known, "UPDATE second_factor SET last_step = NULL RETURNING 1")
    sign_in(browser, known, CASE_WORKER, "email")
    before = session_of(browser)
    assert send(browser, "/sign-in/second-factor", {"code": code_of(secret)}).status_code == 303
    assert session_of(browser) != before
    assert with_session(browser, before).headers["location"] == "/sign-in"


def test_whoever_signs_in_anew_has_left_the_session_of_before(browser: Browser, known: Database) -> None:
    sign_in(browser, known, CASE_WORKER)
    before = session_of(browser)
    sign_in(browser, known, ADMINISTRATOR)
    assert with_session(browser, before).headers["location"] == "/sign-in"
    assert "Leder" in browser.get("/profile").text


def test_signing_out_ends_the_session_on_the_server(browser: Browser, known: Database) -> None:
    sign_in(browser, known, CASE_WORKER)
    secret = session_of(browser)
    assert with_session(browser, secret).status_code == 200
    answer = send(browser, "/sign-out")
    assert answer.headers["location"] == "/sign-in"
    assert not session_of(browser)
    assert with_session(browser, secret).headers["location"] == "/sign-in"
    assert "You are signed out." in browser.get("/sign-in").text


def test_a_session_ends_when_nobody_uses_it(browser: Browser, known: Database, at: At) -> None:
    at("2026-11-24T08:00Z")
    sign_in(browser, known, CASE_WORKER)
    at("2026-11-24T08:59Z")
    assert lets_in(browser)
    at("2026-11-24T09:58:59Z")
    assert lets_in(browser)
    at("2026-11-24T10:59Z")
    assert not lets_in(browser)


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(browser: Browser, known: Database, at: At) -> None:
    at("2026-11-24T08:00Z")
    sign_in(browser, known, CASE_WORKER)
    for hour in range(8, 20):
        for minute in ("10", "50"):
            at(f"2026-11-24T{hour:02}:{minute}Z")
            assert lets_in(browser)
    at("2026-11-24T19:59:59Z")
    assert lets_in(browser)
    at("2026-11-24T20:00Z")
    assert not lets_in(browser)


def test_cookies_are_for_https_and_this_host_alone(known: Database) -> None:
    with browsing(known, "https://medspiller.example") as browser:
        first = browser.get("/sign-in").headers.get_list("set-cookie")
        answer = sign_in(browser, known, CASE_WORKER)
        set_ = first + answer.headers.get_list("set-cookie")
        names = {cookie.split("=")[0] for cookie in set_}
        assert {"__Host-csrf", "__Host-medspiller"} <= names
        for cookie in set_:
            parts = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert cookie.startswith("__Host-")
            assert {"secure", "httponly", "path=/", "samesite=lax"} <= parts
            assert not any(part.startswith("domain") for part in parts)
        assert lets_in(browser)
        assert "max-age=31536000" in answer.headers["strict-transport-security"]


def test_a_form_of_another_site_does_nothing(browser: Browser, known: Database) -> None:
    link = link_for(known, CASE_WORKER, "command")
    for path in ("/sign-in", link):
        assert browser.post(path, data={"email": CASE_WORKER}).status_code == 403
        assert browser.post(path, data={"email": CASE_WORKER, "_csrf_token": "0" * 64}).status_code == 403
    assert not session_of(browser)
    assert send(browser, link).status_code == 303
    for path in ("/sign-out", "/profile", "/profile/sessions/end", "/places", "/sign-in/second-factor"):
        assert browser.post(path, data={"language": "da", "theme": "dark"}).status_code == 403
    assert lets_in(browser)


def test_every_page_forbids_what_it_did_not_bring(browser: Browser, known: Database) -> None:
    paths = ["/sign-in", "/sign-in/sent", link_for(known, CASE_WORKER), "/invitation/unknown", "/sign-in/with/unknown"]
    pages = [browser.get(path) for path in paths]
    sign_in(browser, known, CASE_WORKER)
    pages += [browser.get(path) for path in ("/", "/profile", "/places", "/sign-in/second-factor")]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page.text)


@pytest.mark.parametrize(
    "wanted", ["https://example.org/", "//example.org", "/\\example.org", "/\t/example.org", "javascript:alert(1)", ""]
)
def test_signing_in_leads_nowhere_else(browser: Browser, known: Database, wanted: str) -> None:
    browser.get("/sign-in")
    cookie = SimpleCookie({"wanted": wanted})["wanted"].coded_value
    browser.cookies.set("wanted", cookie)
    assert sign_in(browser, known, CASE_WORKER).headers["location"] == "/"
    browser.cookies.set("wanted", cookie)
    secret = secret_on(browser.get("/sign-in/second-factor").text)
    page = send(browser, "/sign-in/second-factor", {"code": code_of(secret)})
    assert "example.org" not in page.text
    assert "javascript:" not in page.text


def test_signing_in_leads_to_the_page_that_was_wanted(browser: Browser, known: Database) -> None:
    assert browser.get("/profile").headers["location"] == "/sign-in"
    assert sign_in(browser, known, CASE_WORKER).headers["location"] == "/profile"
    send(browser, "/sign-out")
    assert sign_in(browser, known, CASE_WORKER).headers["location"] == "/"


def test_who_is_not_signed_in_is_led_to_it(browser: Browser) -> None:
    for path in ("/", "/profile", "/places", "/sign-in/second-factor", "/profile/second-factor"):
        assert browser.get(path).headers["location"] == "/sign-in"
    assert browser.get("/", headers={"accept": "application/json"}).status_code == 401


# The second factor.


def test_the_second_factor_is_owed_on_every_page(browser: Browser, known: Database) -> None:
    sign_in(browser, known, CASE_WORKER, "email")
    for path in ("/", "/profile", "/places", "/profile/second-factor", "/api/v1/jobs"):
        answer = browser.get(path)
        if path.startswith("/api/"):
            assert answer.status_code == 403
        else:
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/second-factor")
    for path in ("/profile", "/places", "/profile/sessions/end", "/profile/second-factor/remove"):
        assert send(browser, path, {"language": "da", "theme": "dark"}).headers["location"] == "/sign-in/second-factor"
    assert browser.get("/sign-in/second-factor").status_code == 200
    secret, recovery = set_up_second_factor(browser)
    assert len(recovery) == len(set(recovery)) == 10
    assert lets_in(browser)
    # It stands now, and nobody puts another in its place.
    assert browser.get("/sign-in/second-factor").headers["location"] == "/"
    assert secret not in browser.get("/profile/second-factor").text


def test_a_link_alone_lets_a_treasurer_in(known: Database) -> None:
    add_club(known)
    with browsing(known) as browser:
        sign_in(browser, known, TREASURER, "email")
        assert lets_in(browser)
        assert "Badmintonklub" in browser.get("/").text


def test_a_code_counts_once(browser: Browser, known: Database, at: At) -> None:
    at("2026-11-24T08:00Z")
    sign_in(browser, known, CASE_WORKER, "email")
    secret, recovery = set_up_second_factor(browser)
    sign_in(browser, known, CASE_WORKER, "email")
    replayed = send(browser, "/sign-in/second-factor", {"code": code_of(secret)})
    assert replayed.status_code == 422
    assert "has been used" in replayed.text
    at("2026-11-24T08:01Z")
    assert send(browser, "/sign-in/second-factor", {"code": code_of(secret)}).status_code == 303
    sign_in(browser, known, CASE_WORKER, "email")
    assert send(browser, "/sign-in/second-factor", {"code": recovery[0].upper()}).headers["location"] == "/"
    sign_in(browser, known, CASE_WORKER, "email")
    assert send(browser, "/sign-in/second-factor", {"code": recovery[0]}).status_code == 422
    assert send(browser, "/sign-in/second-factor", {"code": recovery[1].replace("-", " ")}).status_code == 303


@pytest.mark.parametrize("code", ["", "x", "abc", "١٢٣٤٥٦", "000000 000000", "ö", "1" * 50])
def test_a_wrong_code_is_a_fault_of_the_form(browser: Browser, known: Database, at: At, code: str) -> None:
    at("2026-11-24T08:00Z")
    sign_in(browser, known, CASE_WORKER, "email")
    secret = secret_on(browser.get("/sign-in/second-factor").text)
    answer = send(browser, "/sign-in/second-factor", {"code": code})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    # What is shown to try again is what will be taken.
    assert secret_on(answer.text) == secret
    set_up_second_factor(browser)
    sign_in(browser, known, CASE_WORKER, "email")
    assert send(browser, "/sign-in/second-factor", {"code": code}).status_code == 422
    assert not lets_in(browser)


def test_guessing_codes_is_slowed_down_for_the_account(browser: Browser, known: Database, at: At) -> None:
    at("2026-11-24T08:00Z")
    sign_in(browser, known, CASE_WORKER, "email")
    secret, recovery = set_up_second_factor(browser)
    sign_in(browser, known, CASE_WORKER, "email")
    for _ in range(6):
        assert send(browser, "/sign-in/second-factor", {"code": "000000"}).status_code == 422
    assert send(browser, "/sign-in/second-factor", {"code": recovery[0]}).status_code == 429
    with browsing(known) as another:
        sign_in(another, known, CASE_WORKER, "email")
        assert send(another, "/sign-in/second-factor", {"code": recovery[0]}).status_code == 429
    at("2026-11-24T08:15Z")
    assert send(browser, "/sign-in/second-factor", {"code": code_of(secret)}).status_code == 303
    assert clock.pinned()


def test_success_forgets_the_wrong_codes_before_it(browser: Browser, known: Database) -> None:
    sign_in(browser, known, CASE_WORKER, "email")
    _, recovery = set_up_second_factor(browser)
    for code in recovery[:3]:
        sign_in(browser, known, CASE_WORKER, "email")
        for _ in range(4):
            assert send(browser, "/sign-in/second-factor", {"code": "000000"}).status_code == 422
        assert send(browser, "/sign-in/second-factor", {"code": code}).status_code == 303
