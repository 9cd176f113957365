"""What every answer carries, who may change something, how much is read, and how often anybody may ask."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from litestar import Litestar, get, post
from litestar.testing import RequestFactory, TestClient
from sqlmodel import Session

from service.audit.actions import COMMAND
from service.database.engine import Database
from service.database.requests import transactional
from service.errors import Conflict
from service.identity.access import AnyRequest, Place, actor_of
from service.identity.actions import find_tenant
from service.identity.authentication import address_of
from service.identity.permissions import KNOWN, PUBLIC, SIGNED_IN, may
from service.identity.tokens import make_token
from service.web import security
from service.web.security import BODY_BYTES, Counts
from tests.apps import app_over
from tests.conftest import Medspiller
from tests.identity.conftest import ADMIN, WORKER, World


@get("/fault", sync_to_thread=False, opt=PUBLIC)
def fault() -> None:
    raise ValueError


@get("/refusal", sync_to_thread=False, opt=PUBLIC)
def refusal() -> None:
    raise Conflict("Not now.")


@post("/change", sync_to_thread=True, opt=SIGNED_IN)
@transactional
def change(request: AnyRequest, session: Session) -> dict[str, str]:
    return {"door": actor_of(request).door}


@post("/api/v1/change", sync_to_thread=True, opt=KNOWN)
@transactional
def api_change(request: AnyRequest, session: Session) -> dict[str, str]:
    return {"door": actor_of(request).door}


@post("/read", opt=KNOWN)
async def read(request: AnyRequest) -> int:
    return len(await request.body())


@get("/forgotten", sync_to_thread=False)
def forgotten() -> str:
    return "secret"


@get("/elsewhere", sync_to_thread=False, opt={"permission": "no.such"})
def elsewhere() -> str:
    return "secret"


@get("/staff", sync_to_thread=False, opt=may("register.read"))
def staff() -> str:
    return "secret"


@contextmanager
def client_of(database: Database, **settings: Any) -> Iterator[TestClient[Litestar]]:
    more = (fault, refusal, change, api_change, read, forgotten, elsewhere, staff)
    app = app_over(database, more=more, **settings)
    https = str(settings.get("public_url", "")).startswith("https")
    base = "https://testserver.local" if https else "http://testserver.local"
    with TestClient(app, base_url=base, raise_server_exceptions=False) as client:
        yield client


def sign_in(world: World, client: TestClient[Litestar], email: str = WORKER) -> None:
    client.cookies.set("medspiller", world.sign_in(email), domain="testserver.local")


def token_of(world: World, *scopes: str) -> dict[str, str]:
    with world.database.transaction(world.by) as session:
        found = find_tenant(session, "municipality", "0751")
        place = Place(found.id, found.kind, found.code, found.name, found.country, found.time_zone, found.language)
        return {"authorization": f"Bearer {make_token(session, place, 'system', scopes, COMMAND).token}"}


@pytest.mark.parametrize(
    "path", ["/health", "/fault", "/refusal", "/nothing/here", "/schema", "/schema/openapi.json", "/staff", "/sign-in"]
)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_every_answer_says_what_a_browser_may_do_with_it(world: World, path: str, accept: str) -> None:
    with client_of(world.database) as client:
        headers = client.get(path, headers={"accept": accept}, follow_redirects=False).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers


def test_over_https_cookies_are_for_https_and_this_host_alone(world: World) -> None:
    with client_of(world.database, public_url="https://medspiller.example") as client:
        answer = client.get("/sign-in", headers={"accept": "text/html"})
    assert "max-age" in answer.headers["strict-transport-security"]
    cookies = answer.headers.get_list("set-cookie")
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        assert {"secure", "httponly", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
        assert "samesite=lax" in cookie.lower()
        assert "domain" not in cookie.lower()


def test_a_form_proves_where_it_comes_from(world: World) -> None:
    with client_of(world.database) as client:
        client.get("/health")
        sign_in(world, client)
        csrf = client.cookies["csrf"]
        assert client.post("/change").status_code == 403
        assert client.post("/change", data={"_csrf_token": "0" * len(csrf)}).status_code == 403
        assert client.post("/change", data={"_csrf_token": csrf}).json() == {"door": "page"}
        assert client.post("/api/v1/change", headers={"x-csrftoken": csrf}).json() == {"door": "api"}
        client.cookies.delete("csrf")
        assert client.post("/change", data={"_csrf_token": csrf}).status_code == 403


def test_a_token_needs_no_such_proof_and_a_cookie_beside_it_counts_for_nothing(world: World) -> None:
    with client_of(world.database) as client:
        token = token_of(world, "register")
        assert client.post("/api/v1/change", headers=token).json() == {"door": "api"}
        assert client.get("/staff", headers=token).status_code == 200
        assert client.get("/staff", headers=token_of(world, "jobs")).status_code == 403
        sign_in(world, client, ADMIN)
        assert client.get("/staff", headers=token_of(world, "jobs")).status_code == 403
        assert client.post("/change", headers=token).status_code == 403
        for wrong in (
            "Bearer nothing",
            "Bearer ",
            "Basic YTpi",
            "Bearer medspiller_" + "x" * 43,
            "Bearer " + "x" * 5000,
        ):
            answer = client.get("/health", headers={"authorization": wrong})
            assert answer.status_code == 401, wrong
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/forgotten", "/elsewhere"])
def test_what_names_no_permission_is_refused_to_everybody(world: World, path: str) -> None:
    with client_of(world.database) as client:
        assert client.get(path).status_code == 401
        assert client.get(path, headers=token_of(world, "register")).status_code == 403
        sign_in(world, client, ADMIN)
        answer = client.get(path)
    assert (answer.status_code, "secret" in answer.text) == (403, False)


def test_who_is_not_signed_in_is_led_to_the_sign_in_and_a_program_is_told(world: World) -> None:
    with client_of(world.database) as client:
        page = client.get("/staff", headers={"accept": "text/html"}, follow_redirects=False)
        assert (page.status_code, page.headers["location"]) == (303, "/sign-in")
        part = client.get("/staff", headers={"accept": "text/html", "hx-request": "true"})
        assert (part.status_code, part.headers["hx-redirect"]) == (204, "/sign-in")
        program = client.get("/staff")
    assert (program.status_code, program.json()["status"]) == (401, 401)
    assert program.headers["www-authenticate"] == "Bearer"


def test_a_large_body_is_not_read(world: World) -> None:
    with client_of(world.database) as client:
        token = token_of(world, "register")
        assert client.post("/read", content=b"x" * BODY_BYTES, headers=token).json() == BODY_BYTES
        answer = client.post("/read", content=b"x" * (BODY_BYTES + 1), headers=token)
        assert answer.status_code == 413
        assert "too large" in answer.json()["detail"]
        form = b"_csrf_token=" + b"x" * BODY_BYTES
        kind = {"content-type": "application/x-www-form-urlencoded"}
        # Nobody's form is not even read; somebody's only to the limit.
        assert client.post("/change", content=form, headers=kind).status_code == 401
        sign_in(world, client)
        assert client.post("/change", content=form, headers=kind).status_code == 413


def test_whoever_asks_too_often_is_told_when_there_may_be_more(world: World) -> None:
    with client_of(world.database, requests_a_minute=5) as client:
        answers = [client.get("/refusal").status_code for _ in range(7)]
        assert answers == [409] * 5 + [429] * 2
        told = client.get("/refusal")
        assert 0 <= int(told.headers["ratelimit-reset"]) <= 60
        # Somebody else is not held up by it, nor is the probe of the operator.
        assert client.get("/refusal", headers=token_of(world, "jobs")).status_code == 409
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_who_has_a_whole_network_counts_once(one: str, other: str, same: bool) -> None:
    requests = [RequestFactory().get("/") for _ in range(2)]
    for request, address in zip(requests, (one, other), strict=True):
        request.scope["client"] = (address, 1)
    first, second = map(address_of, requests)
    assert (first == second) is same


def test_a_crowd_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "SWEPT_EVERY", 100)

    async def crowd() -> int:
        counts = Counts()
        for number in range(1000):
            await counts.set(f"of {number}", b"1", expires_in=60 if number == 7 else -1)
        return sum([await counts.exists(f"of {number}") for number in range(1000)])

    assert asyncio.run(crowd()) == 1


def test_guessing_tokens_is_slowed_down(world: World) -> None:
    with client_of(world.database, requests_a_minute=10_000) as client:
        answers = [client.get("/staff", headers={"authorization": f"Bearer {n}"}).status_code for n in range(62)]
        assert answers == [401] * 60 + [429] * 2
        # A token that is in force is not held up by others' guesses.
        assert client.get("/staff", headers=token_of(world, "register")).status_code == 200


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("https://medspiller.example", False),
        ("http://localhost:8000", False),
        ("http://medspiller.example", True),
        ("https://user@medspiller.example", True),
        ("https://medspiller.example/path", True),
        ("medspiller.example", True),
    ],
)
def test_the_public_address_is_https(
    medspiller: Medspiller, monkeypatch: pytest.MonkeyPatch, url: str, refused: bool
) -> None:
    monkeypatch.setenv("MEDSPILLER_PUBLIC_URL", url)
    if refused:
        assert "MEDSPILLER_PUBLIC_URL must be" in medspiller.fails("keys", "status")
    else:
        medspiller("keys", "status")


def test_nothing_is_served_to_others_without_a_public_address(medspiller: Medspiller) -> None:
    assert "MEDSPILLER_PUBLIC_URL" in medspiller.fails("serve", "--host", "0.0.0.0", "--port", "0")
