"""Claims in the API for case workers."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from tests.calls import Callers, Client, callers_of, every_item, wrong
from tests.claims.clubs import claim, ledger
from tests.claims.staff import state_of, waiting
from tests.passes.town import Town

API = "/api/v1/claims"


@pytest.fixture
def callers(town: Town) -> Iterator[Callers]:
    with callers_of(town.database, town.municipality) as made:
        yield made


@pytest.fixture
def worker(callers: Callers) -> Client:
    return callers.person("case_worker")


def test_what_waits_is_listed_the_oldest_first(town: Town, club: UUID, other_club: UUID, worker: Client) -> None:
    claims = [waiting(town, club, fee_ore=1_000, activity=f"Hold {n}") for n in range(3)]
    other = waiting(town, other_club, fee_ore=1_000)
    claim(town, club, "Søren")
    found = every_item(worker, f"{API}/waiting")
    assert [one["id"] for one in found] == [str(one) for one in (*claims, other)]
    assert {one["given_name"] for one in found} == {None}
    assert [one["id"] for one in every_item(worker, f"{API}/waiting", club=other_club)] == [str(other)]
    assert len(every_item(worker, f"{API}/waiting", reason="name_differs", year=2017)) == 4
    assert every_item(worker, f"{API}/waiting", reason="many_members") == []
    assert worker.get(f"{API}/waiting", params={"club": "x"}).status_code in (400, 422)


def test_a_case(town: Town, club: UUID, callers: Callers, worker: Client) -> None:
    one = waiting(town, club)
    found = worker.get(f"{API}/{one}/case").json()
    assert (found["written_name"], found["child_name"], found["age"]) == ("Nora", "Nour Prøvesen", 6)
    assert (found["claim"]["id"], found["claim"]["given_name"]) == (str(one), None)
    assert [reason["code"] for reason in found["claim"]["reasons"]] == ["name_differs"]
    assert (found["remaining_ore"], found["club_children"], found["budget_level"]) == (40_000, 1, "none")
    officer = callers.person("finance_officer").get(f"{API}/{one}/case").json()
    assert (officer["written_name"], officer["child_name"]) == (None, None)
    assert callers.system("claims").get(f"{API}/{one}/case").status_code == 403
    assert worker.get(f"{API}/{uuid4()}/case").status_code == 404


def test_a_decision_counts_once(town: Town, club: UUID, callers: Callers, worker: Client) -> None:
    first, second = (waiting(town, club, fee_ore=50_000, activity=name) for name in ("Fodbold", "Skak"))
    approve, once = (
        {"decision": "approve", "covered_ore": 30_000, "note": "Kun forårets del."},
        {"Idempotency-Key": "a"},
    )
    made = worker.post(f"{API}/{first}/decision", json=approve, headers=once)
    assert made.status_code == 200, made.text
    assert (made.json()["state"], made.json()["covered_ore"], made.json()["note"]) == (
        "approved",
        30_000,
        "Kun forårets del.",
    )
    assert worker.post(f"{API}/{first}/decision", json=approve, headers=once).json() == made.json()
    assert worker.post(f"{API}/{first}/decision", json=approve).status_code == 409
    reject = {"decision": "reject", "reason": "not_a_member", "note": "Meld barnet ind først."}
    made = worker.post(f"{API}/{second}/decision", json=reject)
    assert [reason["code"] for reason in made.json()["reasons"]] == ["not_a_member"]
    assert made.json()["covered_ore"] == 0
    assert worker.post(f"{API}/{uuid4()}/decision", json=reject).status_code == 404
    for role in ("finance_officer", "auditor"):
        assert callers.person(role).post(f"{API}/{second}/decision", json=reject).status_code == 403
    assert sum(ore for _, ore in ledger(town, "Nour")) == 70_000
    assert town.sound()


def test_every_wrong_field_is_told(town: Town, club: UUID, worker: Client) -> None:
    one = waiting(town, club)
    for body, fields in (
        ({}, {"decision"}),
        ({"decision": "maybe", "more": 1}, {"decision", "more"}),
        ({"decision": "reject"}, {"reason", "note"}),
        ({"decision": "reject", "reason": "name_differs", "note": "x"}, {"reason"}),
        ({"decision": "reject", "reason": "double", "note": "x", "covered_ore": 5}, {"covered_ore"}),
        ({"decision": "reject", "reason": "double", "note": " "}, {"note"}),
        ({"decision": "approve", "reason": "double"}, {"reason"}),
        ({"decision": "approve", "covered_ore": 0, "note": ""}, {"covered_ore", "note"}),
        ({"decision": "approve", "covered_ore": 60_001}, {"covered_ore"}),
        ({"decision": "approve", "covered_ore": 50_000}, {"note"}),
    ):
        assert wrong(worker.post(f"{API}/{one}/decision", json=body)).keys() == fields, body
    assert state_of(town, one) == "submitted"


def test_several_are_approved_each_by_itself(town: Town, club: UUID, worker: Client) -> None:
    first, second = (waiting(town, club, fee_ore=1_000, activity=name) for name in ("Fodbold", "Skak"))
    approved = claim(town, club, "Søren").id
    unknown = uuid4()
    made = worker.post(f"{API}/approvals", json={"claims": [str(one) for one in (first, approved, unknown, second)]})
    assert made.status_code == 200, made.text
    assert set(made.json()["approved"]) == {str(first), str(second)}
    assert {one["claim"]: one["detail"].split(":")[0].split(".")[0] for one in made.json()["left"]} == {
        str(approved): "The claim has been decided or withdrawn meanwhile, or is being paid",
        str(unknown): "There is no such claim",
    }
    assert wrong(worker.post(f"{API}/approvals", json={"claims": []})).keys() == {"claims"}
    assert worker.post(f"{API}/approvals", json={"claims": [str(uuid4())] * 201}).status_code == 422
    days = worker.get(f"{API}/decision-days").json()["items"]
    assert [(one["name"] if one["club"] else None, one["claims"]) for one in days] == [(None, 3), ("Boldklubben", 3)]
    assert town.sound()
