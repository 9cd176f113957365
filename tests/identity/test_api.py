"""Administration through the API: the same rules as on the pages, for people who are signed in alone."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from service.audit.actions import COMMAND
from service.identity.members import accept_invitation
from service.identity.permissions import MUNICIPAL_SCOPES
from service.identity.sessions import person_behind
from service.identity.tokens import make_token
from service.values import clock
from service.values.random_secrets import digest
from tests.identity.clients import Client, as_owner, browser_of, e_mails, invitation_secret, membership_of
from tests.identity.conftest import ADMIN, TREASURER, WORKER, World

NEIGHBOUR = "other@neighbour.example"
SOME = uuid4()
CALLS: list[tuple[str, str, Any]] = [
    ("GET", "/organisations", None),
    ("POST", "/organisations", {"name": "Child welfare"}),
    ("DELETE", f"/organisations/{SOME}", None),
    ("GET", "/members", None),
    ("DELETE", f"/members/{SOME}", None),
    ("GET", "/invitations", None),
    ("POST", "/invitations", {"email": "new@by.example", "name": "New", "role": "auditor"}),
    ("DELETE", f"/invitations/{SOME}", None),
    ("GET", "/tokens", None),
    ("POST", "/tokens", {"name": "Case system", "scopes": ["jobs"]}),
    ("DELETE", f"/tokens/{SOME}", None),
]
TOKENS = [call for call in CALLS if call[1].startswith("/tokens")]


@pytest.fixture
def admin(world: World) -> Iterator[Client]:
    with browser_of(world, ADMIN) as client:
        yield client


def state(world: World) -> list[Any]:
    tables = ("organisation", "membership", "invitation", "api_token")
    return [list(as_owner(world, f"SELECT * FROM directory.{table} ORDER BY id")) for table in tables]


def test_who_may_not(world: World) -> None:
    before = state(world)
    allowed = {WORKER: [], TREASURER: TOKENS, None: []}
    for who, may in allowed.items():
        with browser_of(world, who) as client:
            for call in CALLS:
                if call not in may:
                    answer = client.call(*call)
                    assert answer.status_code == (401 if who is None else 403), (who, call)
                    assert answer.headers["content-type"] == "application/problem+json"
    assert state(world) == before


def test_no_token_may_whatever_its_scopes(world: World, admin: Client) -> None:
    with world.database.transaction() as session:
        place = person_behind(session, world.sign_in(ADMIN)).place  # type: ignore[union-attr]
    assert place is not None
    with world.database.transaction(world.by) as session:
        token = make_token(session, place, "Everything", MUNICIPAL_SCOPES, COMMAND).token
    before = state(world)
    admin.http.cookies.delete("medspiller")
    for method, path, body in CALLS:
        answer = admin.call(method, path, body, authorization=f"Bearer {token}")
        assert answer.status_code == 403, path
    after = state(world)
    assert after[:3] == before[:3]
    assert len(after[3]) == 1


def test_a_session_needs_the_header_against_forgery(world: World, admin: Client) -> None:
    before = state(world)
    for method, path, body in CALLS:
        if method != "GET":
            assert admin.call(method, path, body, **{"x-csrftoken": "forged"}).status_code == 403, path
    assert state(world) == before


def test_organisations(world: World, admin: Client) -> None:
    answer = admin.call("POST", "/organisations", {"name": "Child welfare"})
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["kind"], answer.json()["ended_at"]) == (
        "Child welfare",
        "service",
        None,
    )
    assert admin.call("POST", "/organisations", {"name": "child WELFARE"}).status_code == 409
    names = [one["name"] for one in admin.call("GET", "/organisations").json()["items"]]
    assert names == ["School health", "Fremad", "Child welfare"]
    path = f"/organisations/{answer.json()['id']}"
    assert admin.call("DELETE", path).status_code == 204
    assert admin.call("DELETE", path).status_code == 404
    wrong = admin.call("POST", "/organisations", {"kind": "club", "name": "", "number": "1"})
    assert wrong.status_code == 422
    assert {error["field"] for error in wrong.json()["errors"]} == {"kind", "number"}
    assert admin.call("POST", "/organisations", {"name": " "}).status_code == 422
    ended = admin.call("DELETE", f"/organisations/{world.club}")
    assert (ended.status_code, "Clubs are added and ended under Clubs" in ended.text) == (409, True)


def test_members_page_by_page_and_their_end(world: World, admin: Client) -> None:
    seen: list[Any] = []
    after = ""
    while True:
        page = admin.call("GET", f"/members?limit=2{after}").json()
        seen += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert [one["email"] for one in seen] == [ADMIN, WORKER, TREASURER]
    assert (seen[2]["organisation_name"], seen[2]["role"], seen[2]["origin"]) == ("Fremad", "club_treasurer", "command")
    [treasurer] = admin.call("GET", f"/members?organisation={world.club}").json()["items"]
    assert admin.call("GET", "/members?role=club_treasurer").json()["items"] == [treasurer]
    with browser_of(world, TREASURER) as club:
        assert club.call("GET", "/tokens").status_code == 200
        assert admin.call("DELETE", f"/members/{treasurer['id']}").status_code == 204
        assert club.call("GET", "/tokens").status_code == 403
    assert admin.call("DELETE", f"/members/{treasurer['id']}").status_code == 404
    assert admin.call("DELETE", f"/members/{membership_of(world, ADMIN)}").status_code == 409


def test_invitations(world: World, admin: Client) -> None:
    body = {"email": "new@by.example", "name": "New", "role": "referrer", "organisation_id": str(world.service)}
    answer = admin.call("POST", "/invitations", body)
    assert answer.status_code == 201
    [message] = e_mails(world)
    secret = invitation_secret(message)
    assert secret not in answer.text
    assert admin.call("GET", "/invitations").json()["items"] == [answer.json()]
    assert admin.call("POST", "/invitations", body).status_code == 409
    for unfitting in ({"role": "case_worker"}, {"role": "referrer", "organisation_id": None}):
        assert admin.call("POST", "/invitations", body | {"email": "x@by.example"} | unfitting).status_code == 422
    assert admin.call("DELETE", f"/invitations/{answer.json()['id']}").status_code == 204
    assert admin.call("DELETE", f"/invitations/{answer.json()['id']}").status_code == 404
    with pytest.raises(Exception, match="withdrawn"), world.database.transaction() as session:
        accept_invitation(session, secret, "New", "test")
    assert len(e_mails(world)) == 1


def test_the_same_key_invites_and_adds_once(world: World, admin: Client) -> None:
    for path, body in ((call[1], call[2]) for call in CALLS if call[0] == "POST" and call not in TOKENS):
        first, second = (admin.call("POST", path, body, **{"idempotency-key": "k"}) for _ in range(2))
        assert first.status_code == second.status_code == 201
        assert first.json() == second.json()
        assert second.headers["idempotency-replayed"] == "true"
    assert len(e_mails(world)) == 1


def test_tokens_are_answered_once_and_no_key_keeps_them(world: World, admin: Client) -> None:
    soon = (clock.now() + timedelta(days=30)).isoformat()
    body = {"name": "Case system", "scopes": ["jobs"], "expires_at": soon}
    answers = [admin.call("POST", "/tokens", body, **{"idempotency-key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    made = [answer.json() for answer in answers]
    assert made[0]["token"] != made[1]["token"]
    assert set(made[0]) == {"id", "token"}
    assert as_owner(world, "SELECT FROM kept_answer") == []
    listed = admin.call("GET", "/tokens")
    assert {one["id"] for one in listed.json()["items"]} == {one["id"] for one in made}
    assert made[0]["token"] not in listed.text
    rows = as_owner(world, "SELECT hash FROM directory.api_token")
    assert {bytes(row.hash) for row in rows} == {digest(one["token"]) for one in made}
    using = {"authorization": f"Bearer {made[0]['token']}"}
    assert admin.call("GET", "/jobs/runs", **using).status_code == 200
    assert admin.call("DELETE", f"/tokens/{made[0]['id']}").status_code == 204
    assert admin.call("GET", "/jobs/runs", **using).status_code == 401
    assert admin.call("DELETE", f"/tokens/{made[0]['id']}").status_code == 404
    wrong = admin.call("POST", "/tokens", {"name": "", "scopes": ["people"], "expires_at": "2020-01-01T00:00:00Z"})
    assert wrong.status_code == 422
    assert {error["field"] for error in wrong.json()["errors"]} == {"name", "scopes", "expires_at"}


def test_a_club_has_its_own_tokens(world: World, admin: Client) -> None:
    with browser_of(world, TREASURER) as treasurer:
        made = treasurer.call("POST", "/tokens", {"name": "Cashbook", "scopes": ["claims"]}).json()
        assert [one["name"] for one in treasurer.call("GET", "/tokens").json()["items"]] == ["Cashbook"]
        assert admin.call("GET", "/tokens").json()["items"] == []
        assert admin.call("DELETE", f"/tokens/{made['id']}").status_code == 404
        assert treasurer.call("DELETE", f"/tokens/{made['id']}").status_code == 204


def test_what_is_a_neighbours_is_not_there(world: World, admin: Client) -> None:
    admin.call("POST", "/invitations", {"email": "new@by.example", "name": "New", "role": "auditor"})
    made = admin.call("POST", "/tokens", {"name": "Case system", "scopes": ["jobs"]}).json()
    [invited] = admin.call("GET", "/invitations").json()["items"]
    before = state(world)
    paths = [
        f"/organisations/{world.club}",
        f"/members/{membership_of(world, WORKER)}",
        f"/invitations/{invited['id']}",
        f"/tokens/{made['id']}",
    ]
    with browser_of(world, NEIGHBOUR) as neighbour:
        for path in paths:
            assert neighbour.call("DELETE", path).status_code == 404, path
        body = {"email": "x@x.example", "name": "X", "role": "club_treasurer", "organisation_id": str(world.club)}
        assert neighbour.call("POST", "/invitations", body).status_code == 404
        for path in ("/organisations", "/members", "/invitations", "/tokens"):
            assert "by.example" not in neighbour.call("GET", path).text
            assert "Fremad" not in neighbour.call("GET", path).text
    assert state(world) == before


@pytest.mark.parametrize(("path", "body"), [(path, body) for method, path, body in CALLS if method == "POST"])
@pytest.mark.parametrize("more", [{"tenant_id": str(SOME)}, {"id": str(SOME)}, {"created_by": str(SOME)}])
def test_fields_that_the_body_does_not_have_are_refused(
    world: World, admin: Client, path: str, body: dict[str, Any], more: dict[str, Any]
) -> None:
    before = state(world)
    answer = admin.call("POST", path, body | more)
    assert answer.status_code == 422
    assert next(iter(more)) in answer.text
    assert state(world) == before
