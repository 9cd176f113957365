"""Tokens: who makes and revokes them, that each is shown once, and what one opens as long as it is in force."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from litestar.testing import TestClient
from sqlalchemy import text

from service.audit.actions import COMMAND
from service.identity.organisations import end_organisation
from service.identity.permissions import CLUB_SCOPES, MUNICIPAL_SCOPES, PERMISSIONS
from service.identity.tokens import PREFIX, system_behind
from service.identity.tokens_web import SCOPE_NAMES
from service.values.random_secrets import digest, draw
from tests.apps import app_over
from tests.identity.clients import Client, as_owner, browser_of, text_of
from tests.identity.conftest import ADMIN, TREASURER, WORKER, World

NEIGHBOUR = "other@neighbour.example"
At = Callable[[str], None]


@pytest.fixture
def admin(world: World) -> Iterator[Client]:
    with browser_of(world, ADMIN) as client:
        yield client


def made(client: Client, **fields: Any) -> Any:
    asked = {"key": client.key("/tokens/new"), "name": "Case system", "scopes": "jobs", "last_day": ""}
    return client.send("/tokens", asked | fields)


def token_in(answer: Any) -> str:
    found = re.search(rf'value="({PREFIX}[^"]+)"', answer.text)
    assert found
    return found[1]


def kept(world: World) -> list[Any]:
    return list(as_owner(world, "SELECT * FROM directory.api_token ORDER BY created_at, id"))


def asked_with(world: World, token: str, path: str = "/api/v1/jobs/runs") -> int:
    with TestClient(app_over(world.database)) as http:
        return int(http.get(path, headers={"authorization": f"Bearer {token}"}).status_code)


SOME = uuid4()
PAGES = [
    ("GET", "/tokens"),
    ("GET", "/tokens/new"),
    ("POST", "/tokens"),
    ("GET", f"/tokens/{SOME}/revoke"),
    ("POST", f"/tokens/{SOME}/revoke"),
]


def test_who_may_and_who_may_not(world: World) -> None:
    for who, status in ((WORKER, 403), (None, 303)):
        with browser_of(world, who) as client:
            for method, path in PAGES:
                answer = client.get(path) if method == "GET" else client.send(path)
                assert answer.status_code == status, path
    for who in (ADMIN, TREASURER):
        with browser_of(world, who) as client:
            assert client.get("/tokens").status_code == client.get("/tokens/new").status_code == 200
            assert client.send("/tokens", token="forged").status_code == 403


def test_every_scope_has_its_words() -> None:
    assert set(SCOPE_NAMES) == {*MUNICIPAL_SCOPES, *CLUB_SCOPES}


def test_a_token_is_shown_once_and_kept_as_its_hash(world: World, admin: Client) -> None:
    answer = made(admin)
    token = token_in(answer)
    assert answer.status_code == 200
    assert "It is not shown again" in text_of(answer.text)
    assert answer.headers["cache-control"] == "no-store"
    assert token not in str(answer.headers)
    assert token not in str(dict(admin.http.cookies))
    [row] = kept(world)
    assert bytes(row.hash) == digest(token)
    dump = str(as_owner(world, "SELECT to_jsonb(k) FROM directory.api_token k"))
    dump += str(as_owner(world, "SELECT to_jsonb(e) FROM audit_entry e"))
    dump += str(as_owner(world, "SELECT to_jsonb(j) FROM procrastinate.procrastinate_jobs j"))
    assert token not in dump
    assert token[len(PREFIX) :] not in dump
    assert token not in admin.get("/tokens").text
    assert asked_with(world, token) == 200


def test_a_reload_or_a_second_click_makes_no_second_token_and_shows_none(world: World, admin: Client) -> None:
    key = admin.key("/tokens/new")
    token = token_in(made(admin, key=key))
    again = made(admin, key=key)
    assert (again.status_code, again.headers["location"]) == (303, "/tokens")
    followed = admin.get("/tokens")
    assert "made its token already" in followed.text
    assert token not in again.text + followed.text + str(again.headers)
    assert len(kept(world)) == 1
    key = admin.key("/tokens/new")
    with ThreadPoolExecutor(4) as crowd:
        answers = list(crowd.map(lambda _: made(admin, key=key).status_code, range(6)))
    assert sorted(answers) == [200, *[303] * 5]
    assert len(kept(world)) == 2


def test_a_refused_form_may_be_sent_again(world: World, admin: Client) -> None:
    key = admin.key("/tokens/new")
    wrong_ones: list[dict[str, Any]] = [
        {"name": ""},
        {"scopes": "people"},
        {"scopes": []},
        {"last_day": "1.1.2020"},
    ]
    for wrong in wrong_ones:
        answer = made(admin, key=key, **wrong)
        assert answer.status_code == 422
        assert PREFIX not in answer.text
    assert made(admin, key="short").status_code == 422
    assert kept(world) == []
    assert made(admin, key=key).status_code == 200


def test_more_fields_than_the_form_has_do_nothing(world: World, admin: Client) -> None:
    more = {"tenant_id": world.neighbour, "organisation_id": world.club, "hash": "x", "created_by": SOME, "id": SOME}
    made(admin, **more)
    [row] = kept(world)
    assert (row.tenant_id, row.organisation_id, row.created_by) == (world.by, None, world.accounts[ADMIN])
    assert row.id != SOME


def test_a_token_opens_its_scope_alone(world: World, admin: Client) -> None:
    token = token_in(made(admin, scopes=["jobs"]))
    assert asked_with(world, token) == 200
    assert asked_with(world, token, "/people") == 403
    assert asked_with(world, token, "/tokens") == 403
    assert asked_with(world, token_in(made(admin, scopes=["reports"]))) == 403
    assert asked_with(world, PREFIX + "x" * 43) == 401


def test_a_token_opens_nothing_that_there_is_not_in_its_kind_of_place(world: World) -> None:
    """Whatever scopes stand on it: a club's opens nothing of the municipality's, and the other way about."""
    everything = [*MUNICIPAL_SCOPES, *CLUB_SCOPES]
    held = {}
    for club in (None, world.club):
        token = PREFIX + draw()
        with world.database.transaction(world.by) as session:
            session.execute(
                text("SELECT directory.add_token(:hash, :club, 'system', :scopes, NULL, now(), NULL)"),
                {"hash": digest(token), "club": club, "scopes": everything},
            )
            found = system_behind(session, token)
        assert found is not None
        held[club] = found.permissions
        assert asked_with(world, token, "/api/v1/passes") == (200 if club is None else 403)
    for club, kind in ((world.club, "club"), (None, "municipality")):
        assert held[club] == {name for name, one in PERMISSIONS.items() if one.scope and kind in one.places}
    assert "claims.make" in held[world.club] - held[None]


def test_its_last_use_is_noted(world: World, at: At) -> None:
    at("2026-03-02T12:00Z")
    with browser_of(world, ADMIN) as admin:
        token = token_in(made(admin))
        assert "never" in text_of(admin.get("/tokens").text)
        at("2026-03-02T12:30Z")
        asked_with(world, token)
        assert "2 Mar 2026 13:30" in text_of(admin.get("/tokens").text)


def test_revoked_it_is_refused_at_once(world: World, admin: Client) -> None:
    token = token_in(made(admin))
    [row] = kept(world)
    path = f"/tokens/{row.id}/revoke"
    assert "Revoke the token of Case system?" in text_of(admin.get(path).text)
    assert asked_with(world, token) == 200
    assert admin.send(path).status_code == 303
    assert asked_with(world, token) == 401
    assert admin.send(path).status_code == admin.get(path).status_code == 404
    assert kept(world)[0].revoked_by == world.accounts[ADMIN]
    assert "Revoked" in text_of(admin.get("/tokens").text)
    actions = as_owner(world, "SELECT action FROM audit_entry WHERE action LIKE 'identity.token.%' ORDER BY at, id")
    assert [one.action for one in actions] == ["identity.token.make", "identity.token.revoke"]


def test_it_is_in_force_through_its_last_day_where_the_place_is(world: World, at: At) -> None:
    at("2026-03-02T12:00Z")
    with browser_of(world, ADMIN) as admin:
        token = token_in(made(admin, last_day="31.03.2026"))
        # Danish summer time began on the 29th.
        at("2026-03-31T21:59Z")
        assert asked_with(world, token) == 200
        at("2026-03-31T22:00Z")
        assert asked_with(world, token) == 401
    with browser_of(world, ADMIN) as admin:
        assert "Expired" in text_of(admin.get("/tokens").text)
        assert made(admin, last_day="31.12.2030").status_code == 422


def test_a_club_sees_and_revokes_its_own_alone(world: World, admin: Client) -> None:
    made(admin)
    [of_municipality] = kept(world)
    with browser_of(world, TREASURER) as treasurer, browser_of(world, NEIGHBOUR) as neighbour:
        made(treasurer, name="Cashbook", scopes="claims")
        [of_club] = [row for row in kept(world) if row.id != of_municipality.id]
        assert (of_club.tenant_id, of_club.organisation_id, of_club.scopes) == (world.by, world.club, ["claims"])
        assert made(treasurer, scopes="register").status_code == 422
        assert "Case system" not in treasurer.get("/tokens").text
        assert "Cashbook" not in admin.get("/tokens").text
        for client, row in ((treasurer, of_municipality), (admin, of_club), (neighbour, of_club)):
            assert client.get(f"/tokens/{row.id}/revoke").status_code == 404
            assert client.send(f"/tokens/{row.id}/revoke").status_code == 404
        assert "Cashbook" not in neighbour.get("/tokens").text
    assert [row.revoked_at for row in kept(world)] == [None, None]


def test_with_the_end_of_the_club_its_tokens_end(world: World) -> None:
    with browser_of(world, TREASURER) as treasurer:
        token = token_in(made(treasurer, scopes="claims"))
    # Let in, and not allowed what is not the club's.
    assert asked_with(world, token) == 403
    with world.database.transaction(world.by) as session:
        end_organisation(session, world.by, world.club, COMMAND)
    assert asked_with(world, token) == 401
    # The token's own end apart: an ended club opens nothing.
    as_owner(world, "UPDATE directory.api_token SET revoked_at = NULL, revoked_by = NULL")
    assert asked_with(world, token) == 401
