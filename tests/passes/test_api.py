"""Passes through the API, as a system with a real token."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.passes.api import ROUTES
from service.values import pass_numbers
from tests.callers import calling, token
from tests.claims.clubs import claim, open_club
from tests.passes.town import Town
from tests.signed_in import signed_in

Client = TestClient[Litestar]
PASSES = "/api/v1/passes"


@pytest.fixture
def families(town: Town) -> Town:
    """Three children with a pass, two of them siblings, in two districts; their letters are sent."""
    town.family("H1", "Ada", "Bo")
    town.family("H2", "Carl", district="nord", address_protected=1, street="Skjulvej 9")
    town.load()
    town.commit()
    town.batch()
    town.send()
    return town


@pytest.fixture
def client(families: Town) -> Iterator[Client]:
    with calling(families.database, token(families.database, "0751", "passes")) as made:
        yield made


@pytest.fixture
def stranger(families: Town) -> Iterator[Client]:
    """A system of another municipality."""
    families.run("municipality", "add", "0101", "Storby", "--country", "dk")
    with calling(families.database, token(families.database, "0101", "passes")) as made:
        yield made


def listed(client: Client, **wanted: object) -> list[dict[str, Any]]:
    answer = client.get(PASSES, params={name: str(value) for name, value in wanted.items()})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def of(client: Client, name: str) -> dict[str, Any]:
    return next(one for one in listed(client) if one["given_name"] == name and one["state"] == "live")


def trail(town: Town, action: str) -> list[tuple[Any, ...]]:
    query = "SELECT subject_id, door, details->>'token' IS NOT NULL, details FROM audit_entry WHERE action = :action"
    return town.rows(f"{query} ORDER BY id", action=action)


def test_a_pass_as_it_is_listed(families: Town, client: Client) -> None:
    ada = of(client, "Ada")
    number = families.number("Ada")
    assert ada["number_ending"] == number[-4:]
    expected = {
        "given_name": "Ada",
        "birth_date": "2010-05-17",
        "district": "midt",
        "scheme": "fritidspas",
        "valid_from": "2017-01-01",
        "valid_to": "2017-12-31",
        "amount_ore": 100_000,
        "remaining_ore": 100_000,
        "equipment_ore": 0,
        "state": "live",
        "issued_at": "2017-01-15T08:00:00Z",
        "ended_at": None,
        "replaces": None,
    }
    assert expected.items() <= ada.items()
    assert families.rows("SELECT given_name FROM person WHERE id = :id", id=UUID(ada["person_key"])) == [("Ada",)]
    subject, door, by_token, details = trail(families, "passes.list")[-2]
    assert (subject, door, by_token, details["rows"]) == (None, "api", True, 3)


def test_no_answer_holds_a_number_an_identity_number_or_an_address(families: Town, client: Client) -> None:
    said = client.get(PASSES).text
    for one in listed(client):
        said += client.get(f"{PASSES}/{one['id']}").text
    said += client.post(f"{PASSES}/search", json={"number": families.number("Carl")}).text
    for row in families.listed():
        assert row["pass_number"] not in said
    for person in families.people:
        assert person["person_id"] not in said
    assert "Skjulvej" not in said and "nord" not in said and "Prøvevej" not in said and "Prøvesen" not in said


def test_page_by_page(client: Client) -> None:
    newest = [one["id"] for one in listed(client)]
    assert newest == sorted(newest, reverse=True)
    first = client.get(PASSES, params={"limit": 2}).json()
    rest = client.get(PASSES, params={"limit": 2, "after": first["next"]}).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == newest
    assert (len(first["items"]), rest["next"]) == (2, None)


def test_filters(families: Town, client: Client, at: Callable[[str], None]) -> None:
    def names(**wanted: object) -> set[str]:
        return {one["given_name"] for one in listed(client, **wanted)}

    families.say("passes", "revoke", families.number("Bo"), "--reason", "moved")
    families.say("passes", "replace", families.number("Ada"), "--reason", "lost")
    assert names(district="midt") == {"Ada", "Bo"}
    # A protected address: the district is not told either.
    assert names(district="nord") == set()
    assert of(client, "Carl")["district"] is None
    assert names(state="live") == {"Ada", "Carl"}
    assert names(state="revoked") == {"Bo"}
    assert [one["ended_because"] for one in listed(client, state="replaced")] == ["lost"]
    assert names(state="expired") == set()
    assert names(scheme="fritidspas", period_start="2017-01-01") == {"Ada", "Bo", "Carl"}
    assert names(period_start="2016-01-01") == names(scheme="andet") == set()
    carl = of(client, "Carl")["person_key"]
    assert names(person_key=carl) == {"Carl"}
    assert names(person_key=carl, state="revoked") == set()
    at("2018-01-01T08:00Z")
    assert names(state="expired") == {"Ada", "Carl"}
    assert names(state="live") == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "lost"},
        {"period_start": "2017"},
        {"person_key": "1"},
        {"limit": 0},
        {"limit": 201},
        {"after": "x"},
    ],
)
def test_a_wrong_filter(client: Client, wrong: dict[str, Any]) -> None:
    answer = client.get(PASSES, params=wrong)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == list(wrong)


def test_a_pass_with_its_ledger_and_letters(families: Town, client: Client) -> None:
    claim(families, open_club(families), "Ada", 40_000)
    ada = of(client, "Ada")
    found = client.get(f"{PASSES}/{ada['id']}").json()
    assert {name: found[name] for name in ada} == ada
    assert found["remaining_ore"] == 60_000
    entries = [(entry["kind"], entry["fund"], entry["amount_ore"]) for entry in found["ledger"]]
    assert entries == [("grant", "membership", 100_000), ("settle", "membership", -40_000)]
    [letter] = found["letters"]
    assert (letter["state"], letter["batch"], letter["returned_at"]) == ("handed_over", 1, None)
    assert families.rows("SELECT number FROM letter WHERE id = :id", id=UUID(letter["id"])) == [(letter["number"],)]
    assert [str(entry[0]) for entry in trail(families, "passes.read")] == [ada["id"]]


def test_a_pass_is_found_by_its_number(families: Town, client: Client) -> None:
    number = families.number("Ada")
    ada = of(client, "Ada")["id"]
    for written in (number, pass_numbers.grouped(number).lower(), f" {number} "):
        assert client.post(f"{PASSES}/search", json={"number": written}).json()["id"] == ada
    assert [str(entry[0]) for entry in trail(families, "passes.read")] == [ada] * 3
    unknown = client.post(f"{PASSES}/search", json={"number": pass_numbers.generate()})
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "No pass of this municipality has this number.")
    swapped = number[1] + number[0] + number[2:] if number[0] != number[1] else number[:-1]
    assert client.post(f"{PASSES}/search", json={"number": swapped}).status_code == 422


def test_a_replacement(families: Town, client: Client) -> None:
    old = of(client, "Ada")["id"]
    key = {"Idempotency-Key": "counter-1"}
    made, again = (client.post(f"{PASSES}/{old}/replacement", json={"reason": "lost"}, headers=key) for _ in range(2))
    assert (made.status_code, again.status_code) == (201, 201)
    assert again.json() == made.json()
    new = of(client, "Ada")
    assert (made.json()["id"], made.json()["replaces"], new["replaces"]) == (new["id"], old, old)
    assert made.headers["location"] == again.headers["location"] == f"{PASSES}/{new['id']}"
    [letter] = client.get(f"{PASSES}/{new['id']}").json()["letters"]
    assert (letter["number"], letter["state"]) == (made.json()["letter_number"], "queued")
    refused = client.post(f"{PASSES}/{old}/replacement", json={"reason": "lost"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "The pass is replaced already.")
    [entry] = families.rows("SELECT door, reason FROM audit_entry WHERE action = 'passes.replace'")
    assert entry == ("api", "lost")
    assert families.sound()


def test_a_revocation(families: Town, client: Client) -> None:
    bo = of(client, "Bo")["id"]
    key = {"Idempotency-Key": "counter-2"}
    answers = [client.post(f"{PASSES}/{bo}/revocation", json={"reason": "moved"}, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["state"], answers[0].json()["ended_because"]) == ("revoked", "moved")
    refused = client.post(f"{PASSES}/{bo}/revocation", json={"reason": "moved"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "The pass is revoked already.")
    assert families.rows("SELECT count(*) FROM audit_entry WHERE action = 'passes.revoke'") == [(1,)]
    assert families.sound()


def returned(town: Town, client: Client, name: str) -> tuple[str, str]:
    """The id of a child's pass, whose letter came back, and the letter's number."""
    one = of(client, name)["id"]
    number = client.get(f"{PASSES}/{one}").json()["letters"][-1]["number"]
    town.say("letters", "returned", number, "--because", "moved")
    return one, number


def test_a_returned_pass_is_sent_again(families: Town, client: Client) -> None:
    ada, _ = returned(families, client, "Ada")
    address = {"street": "Nygade 2", "postcode": "8000", "city": "Aarhus C"}
    key = {"Idempotency-Key": "again"}
    answers = [client.post(f"{PASSES}/{ada}/letters", json={"address": address}, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    sent = answers[0].json()
    assert sent["state"] == "queued"
    families.batch()
    letter = families.letters()[sent["number"]]
    assert letter.recipient[-2:] == ("Nygade 2", "8000 Aarhus C")
    assert [sheet.child_name for sheet in letter.passes] == ["Ada Prøvesen", "Bo Prøvesen"]
    for name in ("Ada", "Bo"):
        letters = client.get(f"{PASSES}/{of(client, name)['id']}").json()["letters"]
        assert [one["state"] for one in letters] == ["returned", "batched"]
    waiting = client.post(f"{PASSES}/{ada}/letters", json={})
    assert (waiting.status_code, "in a print batch" in waiting.json()["detail"]) == (409, True)


def test_a_pass_is_sent_again_to_the_address_of_the_register(families: Town, client: Client) -> None:
    carl, _ = returned(families, client, "Carl")
    sent = client.post(f"{PASSES}/{carl}/letters", json={}).json()
    families.batch()
    assert families.letters()[sent["number"]].recipient[-2] == "Skjulvej 9"
    assert "Skjulvej" not in str(sent)


def test_what_is_not_sent_again(families: Town, client: Client, at: Callable[[str], None]) -> None:
    ada = of(client, "Ada")["id"]
    on_its_way = client.post(f"{PASSES}/{ada}/letters", json={})
    assert (on_its_way.status_code, "on its way" in on_its_way.json()["detail"]) == (409, True)
    carl, _ = returned(families, client, "Carl")
    at("2018-01-01T08:00Z")
    assert "expired" in client.post(f"{PASSES}/{carl}/letters", json={}).json()["detail"]
    at("2017-01-15T08:00Z")
    client.post(f"{PASSES}/{carl}/revocation", json={"reason": "moved"})
    assert "revoked already" in client.post(f"{PASSES}/{carl}/letters", json={}).json()["detail"]


WRONG = [
    ("replacement", {}, "reason"),
    ("replacement", {"reason": "  "}, "reason"),
    ("replacement", {"reason": "x" * 501}, "reason"),
    ("replacement", {"reason": "x", "number": "y"}, "number"),
    ("revocation", {"reason": ""}, "reason"),
    ("revocation", {"reason": 7}, "reason"),
    ("letters", {"address": {"street": "x", "postcode": "8000"}}, "address.city"),
    ("letters", {"address": {"street": " ", "postcode": "8000", "city": "x"}}, "address.street"),
    ("letters", {"to": "x"}, "to"),
]


@pytest.mark.parametrize(("door", "body", "field"), WRONG)
def test_a_wrong_body(client: Client, door: str, body: dict[str, Any], field: str) -> None:
    answer = client.post(f"{PASSES}/{of(client, 'Ada')['id']}/{door}", json=body)
    assert answer.status_code == 422
    assert field.partition(".")[0] in {error["field"].partition(".")[0] for error in answer.json()["errors"]}
    assert of(client, "Ada")["state"] == "live"


DOORS = [("GET", ""), ("POST", "/replacement"), ("POST", "/revocation"), ("POST", "/letters")]


@pytest.mark.parametrize(("method", "door"), DOORS)
def test_a_pass_of_another_municipality_is_not_there(
    families: Town, client: Client, stranger: Client, method: str, door: str
) -> None:
    ada, _ = returned(families, client, "Ada")
    body = None if method == "GET" else {} if door == "/letters" else {"reason": "x"}
    for one in (ada, UUID(int=7)):
        answer = stranger.request(method, f"{PASSES}/{one}{door}", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (404, f"There is no pass {one}.")
    assert listed(stranger) == []
    assert stranger.post(f"{PASSES}/search", json={"number": families.number("Ada")}).status_code == 404
    assert of(client, "Ada")["id"] == ada


EVERYTHING = [("GET", ""), ("POST", "/search"), *((method, f"/{UUID(int=7)}{door}") for method, door in DOORS)]


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_who_may(families: Town, method: str, path: str) -> None:
    with calling(families.database) as nobody:
        assert nobody.request(method, PASSES + path).status_code == 401
        headers = {"Authorization": "Bearer medspiller_unknown"}
        assert nobody.request(method, PASSES + path, headers=headers).status_code == 401
    with calling(families.database, token(families.database, "0751", "letters", "reports")) as other:
        assert other.request(method, PASSES + path).status_code == 403
    with signed_in(families.database, "finance_officer", ROUTES) as finance:
        assert finance.request(method, PASSES + path).status_code == 403


def test_every_route_is_described(families: Town) -> None:
    with calling(families.database) as client:
        paths = client.app.openapi_schema.to_schema()["paths"]
    found = {path: set(paths[path]) for path in paths if path.startswith(PASSES)}
    assert found == {
        PASSES: {"get"},
        f"{PASSES}/on-the-spot": {"post"},
        f"{PASSES}/on-the-spot/{{act_id}}/letter": {"post"},
        f"{PASSES}/search": {"post"},
        f"{PASSES}/{{pass_id}}": {"get"},
        f"{PASSES}/{{pass_id}}/letters": {"post"},
        f"{PASSES}/{{pass_id}}/replacement": {"post"},
        f"{PASSES}/{{pass_id}}/revocation": {"post"},
    }
    for path, methods in found.items():
        for method in methods:
            assert {"401", "403", "404", "409", "422"} <= set(paths[path][method]["responses"])
