"""Claims in the API, called by a club's own system."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from service.audit.actions import COMMAND
from service.claims.decisions import reject_claim
from service.claims.reservations import expire_reservations
from service.claims.terms import set_habits, set_terms
from service.identity.throttle import PASS_NUMBERS
from service.values import clock
from tests.calls import Callers, Client, callers_of, every_item, wrong
from tests.claims.clubs import claim, ledger, system_of
from tests.passes.town import IN_2016, Town

API = "/api/v1"
At = Callable[[str], None]


@pytest.fixture
def callers(town: Town) -> Iterator[Callers]:
    with callers_of(town.database, town.municipality) as made:
        yield made


@pytest.fixture
def system(callers: Callers, town: Town, club: UUID) -> Client:
    """The club's own system."""
    return system_of(callers, town, club)


def asked(town: Town, child: str = "Nour", **changes: Any) -> dict[str, Any]:
    body = {
        "pass_number": changes.pop("pass_number", None) or town.number(child),
        "given_name": child,
        "fee_ore": 60_000,
        "activity": "Fodbold",
        "season_start": "2017-01-10",
        "season_end": "2017-06-30",
    }
    return body | changes


def made(client: Client, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = client.post(f"{API}/claims", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_coverage_then_a_claim_and_what_becomes_of_it(town: Town, system: Client) -> None:
    number = town.number("Nour")
    question = {"pass_number": number, "given_name": "Nour", "fee_ore": 120_000}
    answer = system.post(f"{API}/coverage", json=question)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "valid": True,
            "name_matches": True,
            "remaining_ore": 100_000,
            "covered_ore": 100_000,
            "family_share_ore": 20_000,
            "valid_to": "2017-12-31",
        },
    )
    # Named differently it is a fund of its own, and another season one that the pass does not cover.
    nothing = {"remaining_ore": 0, "covered_ore": 0, "family_share_ore": 120_000}
    answer = system.post(f"{API}/coverage", json=question | {"kind": "equipment"})
    assert answer.json() == {"valid": True, "name_matches": True, "valid_to": "2017-12-31"} | nothing
    answer = system.post(f"{API}/coverage", json=question | {"season_start": "2018-01-10"})
    assert answer.json() == {"valid": False, "name_matches": False, "valid_to": None} | nothing

    body = asked(town, fee_ore=120_000, reference="F-1", sessions=20, family_share_paid_by="club")
    first = made(system, body)
    claim_id = first.pop("id")
    assert first == {
        "state": "approved",
        "fee_ore": 120_000,
        "covered_ore": 100_000,
        "family_share_ore": 20_000,
        "expected_payment_date": "2017-02-15",
        "reasons": [],
    }
    shown = system.get(f"{API}/claims/{claim_id}").json()
    assert shown == {
        **first,
        "id": claim_id,
        "club_number": "10203058",
        "club_name": "Boldklubben",
        "given_name": "Nour",
        "kind": "membership",
        "activity": "Fodbold",
        "season_start": "2017-01-10",
        "season_end": "2017-06-30",
        "sessions": 20,
        "family_share_paid_by": "club",
        "reference": "F-1",
        "note": None,
        "submitted_at": "2017-02-01T08:00:00Z",
        "decided_at": "2017-02-01T08:00:00Z",
        "days_to_decision": 0,
        "paid_at": None,
    }
    # The same reference again: told, nothing doubled.
    answer = system.post(f"{API}/claims", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (409, "This was claimed before under the reference F-1.")
    rejected = made(system, asked(town, activity="Skak"))
    assert (rejected["state"], rejected["covered_ore"], rejected["expected_payment_date"]) == ("rejected", 0, None)
    assert rejected["reasons"] == [
        {
            "code": "nothing_left",
            "text": "Nothing is left on the pass.",
            "what_to_do": "The family pays the fee, unless the club or a fund does.",
        }
    ]
    answer = system.post(f"{API}/claims/{claim_id}/withdrawal")
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
    assert system.post(f"{API}/claims/{claim_id}/withdrawal").status_code == 409
    assert made(system, body)["covered_ore"] == 100_000
    assert town.sound()


def test_a_reservation_is_claimed_or_given_back(town: Town, system: Client, callers: Callers, other_club: UUID) -> None:
    body = {"pass_number": town.number("Nour"), "given_name": "Nour", "fee_ore": 70_000, "activity": "Fodbold"}
    answer = system.post(f"{API}/reservations", json=body, headers={"Idempotency-Key": "r-1"})
    assert answer.status_code == 201, answer.text
    held = answer.json()
    assert held == {
        "id": held["id"],
        "state": "held",
        "fee_ore": 70_000,
        "reserved_ore": 70_000,
        "family_share_ore": 0,
        "until": "2017-02-15",
    }
    again = system.post(f"{API}/reservations", json=body, headers={"Idempotency-Key": "r-1"})
    assert (again.json(), again.headers["idempotency-replayed"]) == (held, "true")
    second = system.post(f"{API}/reservations", json=body | {"activity": "Skak"}).json()
    assert (second["reserved_ore"], second["family_share_ore"]) == (30_000, 40_000)
    refused = system.post(f"{API}/reservations", json=body)
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "The pass does not pay for this: Nothing is left on the pass.",
    )
    # Another club reaches neither the money nor the reservation.
    stranger = system_of(callers, town, other_club)
    assert stranger.post(f"{API}/reservations/{held['id']}/release").status_code == 404
    assert wrong(stranger.post(f"{API}/claims", json=asked(town, reservation=held["id"]))) == {
        "reservation": "is no reservation of the club for this child"
    }
    assert wrong(system.post(f"{API}/claims", json=asked(town, "Søren", reservation=held["id"]))) == {
        "reservation": "is no reservation of the club for this child"
    }
    claimed = made(system, asked(town, fee_ore=50_000, reservation=held["id"]))
    assert (claimed["state"], claimed["covered_ore"]) == ("approved", 50_000)
    assert wrong(system.post(f"{API}/claims", json=asked(town, activity="Dans", reservation=held["id"]))) == {
        "reservation": "has ended: claim without it"
    }
    assert system.post(f"{API}/reservations/{second['id']}/release").status_code == 204
    assert system.post(f"{API}/reservations/{second['id']}/release").status_code == 409
    listed = every_item(system, f"{API}/reservations", limit=1)
    assert [(one["id"], one["state"], one["given_name"]) for one in listed] == [
        (second["id"], "released", "Nour"),
        (held["id"], "claimed", "Nour"),
    ]
    assert every_item(system, f"{API}/reservations", held="true") == []
    assert every_item(stranger, f"{API}/reservations") == []
    assert town.sound()


def test_every_wrong_field_is_named(town: Town, system: Client) -> None:
    found = wrong(system.post(f"{API}/claims", json={"fee_ore": 0, "season_start": "soon", "colour": "red"}))
    assert set(found) == {
        "pass_number",
        "given_name",
        "fee_ore",
        "activity",
        "season_start",
        "season_end",
        "colour",
    }
    backwards = asked(town, season_start="2017-06-30", season_end="2017-01-10", activity="a\u0007b")
    assert set(wrong(system.post(f"{API}/claims", json=backwards))) == {"season_end", "activity"}
    for field, value in {
        "fee_ore": 100_000_001,
        "kind": "camp",
        "sessions": -1,
        "reservation": "R",
        "reference": " ",
        "family_share_paid_by": "nobody",
        "given_name": "x" * 101,
        "activity": "",
    }.items():
        assert set(wrong(system.post(f"{API}/claims", json=asked(town) | {field: value}))) == {field}
    assert set(wrong(system.post(f"{API}/coverage", json={"fee_ore": -1, "season_start": "2017-13-01"}))) == {
        "pass_number",
        "given_name",
        "fee_ore",
        "season_start",
    }
    assert set(wrong(system.post(f"{API}/reservations", json={"fee_ore": "much"}))) == {
        "pass_number",
        "given_name",
        "fee_ore",
        "activity",
    }
    assert set(wrong(system.get(f"{API}/claims", params={"state": "lost"}))) == {"state"}
    assert system.get(f"{API}/claims", params={"since": "soon"}).status_code == 422
    assert system.get(f"{API}/claims/{uuid4()}").status_code == 404
    assert system.post(f"{API}/claims/{uuid4()}/withdrawal").status_code == 404
    assert town.rows("SELECT count(*) FROM claim") == [(0,)]


def test_misses_are_answered_alike_and_slowed_down(
    town: Town, system: Client, callers: Callers, other_club: UUID
) -> None:
    number = town.number("Nour")
    mistyped = number[:-1] + ("0" if number[-1] != "0" else "1")
    answers = [
        system.post(f"{API}/coverage", json={"pass_number": tried, "given_name": "Nour", "fee_ore": 100})
        for tried in ("0000-000-0000", mistyped, "what is this")
    ]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    refused = [
        system.post(f"{API}/claims", json=asked(town, pass_number=tried)) for tried in ("0000-000-0000", mistyped)
    ]
    assert [wrong(answer) for answer in refused] == [
        {"pass_number": "is no pass that can be used: compare it with the pass"}
    ] * 2
    # A name that is not the child's tells no more than that, and counts as well.
    named = system.post(f"{API}/coverage", json={"pass_number": number, "given_name": "Nora", "fee_ore": 100})
    assert named.json() == {
        "valid": True,
        "name_matches": False,
        "remaining_ore": 0,
        "covered_ore": 0,
        "family_share_ore": 100,
        "valid_to": None,
    }
    assert wrong(
        system.post(
            f"{API}/reservations",
            json={"pass_number": number, "given_name": "Nora", "fee_ore": 100, "activity": "Fodbold"},
        )
    ) == {"given_name": "is not the name on this pass: compare it with the pass"}
    for _ in range(PASS_NUMBERS.times - 7):
        system.post(f"{API}/coverage", json={"pass_number": "0000-000-0000", "given_name": "Nour", "fee_ore": 100})
    slowed = system.post(f"{API}/claims", json=asked(town))
    assert (slowed.status_code, slowed.headers["retry-after"]) == (429, "900")
    assert slowed.json()["detail"] == "That was tried too often. Try again in 15 minutes."
    assert made(system_of(callers, town, other_club), asked(town))["state"] == "approved"
    assert number not in str(town.rows("SELECT details::text FROM audit_entry"))


def test_a_key_has_its_effect_once(town: Town, system: Client) -> None:
    first = made(system, asked(town), **{"Idempotency-Key": "k-1"})
    assert made(system, asked(town), **{"Idempotency-Key": "k-1"}) == first
    other = system.post(f"{API}/claims", json=asked(town, fee_ore=1), headers={"Idempotency-Key": "k-1"})
    assert other.status_code == 409
    assert ledger(town, "Nour") == [("grant", 100_000), ("settle", -60_000)]


def test_a_season_is_paid_from_the_pass_of_its_first_day(town: Town, club: UUID, system: Client, at: At) -> None:
    town.commit(IN_2016)
    numbers = {
        row["valid_from"][:4]: row["pass_number"]
        for row in town.listed()
        if row["given_name"] == "Nour" and row["state"] in ("live", "expired")
    }
    autumn = {"season_start": "2016-08-15", "season_end": "2016-12-15"}
    at("2017-01-20T08:00Z")
    late = made(system, asked(town, pass_number=numbers["2017"], **autumn))
    assert (late["state"], late["covered_ore"]) == ("approved", 60_000)
    late = made(system, asked(town, pass_number=numbers["2016"], activity="Skak", **autumn))
    assert (late["state"], late["covered_ore"]) == ("approved", 40_000)
    # Last year's number never reaches this year's pass.
    early = made(system, asked(town, pass_number=numbers["2016"]))
    assert (early["state"], early["reasons"][0]["code"]) == ("rejected", "no_pass_for_season")
    assert town.rows(
        "SELECT remaining_ore FROM leisure_pass WHERE person_id IN (SELECT id FROM person WHERE given_name = 'Nour') "
        "ORDER BY valid_from"
    ) == [(0,), (100_000,)]
    at("2017-03-15T08:00Z")
    over = made(system, asked(town, "Søren", pass_number=None, **autumn))
    assert over["reasons"][0]["code"] == "too_late"
    assert town.sound()


def test_who_sees_what(town: Town, club: UUID, other_club: UUID, system: Client, callers: Callers, at: At) -> None:
    mine, theirs = claim(town, club, "Nour", reference="F-1"), claim(town, other_club, "Søren")
    waiting = claim(town, club, "Søren", 10_000, given_name="Sara")
    assert [one["id"] for one in every_item(system, f"{API}/claims")] == [str(waiting.id), str(mine.id)]
    assert [one["id"] for one in every_item(system, f"{API}/claims", state="submitted")] == [str(waiting.id)]
    assert [one["id"] for one in every_item(system, f"{API}/claims", reference="F-1")] == [str(mine.id)]
    assert every_item(system, f"{API}/claims", since="2017-02-02") == []
    assert len(every_item(system, f"{API}/claims", until="2017-02-01", state="submitted,approved")) == 2
    assert system.get(f"{API}/claims/{theirs.id}").status_code == 404
    assert system.post(f"{API}/claims/{theirs.id}/withdrawal").status_code == 404
    for who in (callers.system("claims"), callers.person("finance_officer")):
        shown = every_item(who, f"{API}/claims")
        assert [(one["id"], one["given_name"]) for one in shown] == [
            (str(one.id), None) for one in (waiting, theirs, mine)
        ]
        assert who.get(f"{API}/claims/{mine.id}").json()["club_name"] == "Boldklubben"
        assert who.post(f"{API}/claims", json=asked(town)).status_code == 403
        assert who.get(f"{API}/reservations").status_code == 403
        assert who.post(f"{API}/claims/batch", content=b"{}").status_code == 403
    assert callers.person("auditor").get(f"{API}/claims").status_code == 403
    assert callers.nobody().get(f"{API}/claims").status_code == 401
    # Rejected with a reason in words; the name goes when the days for questions are over.
    with town.session() as session:
        reject_claim(session, town.municipality, waiting.id, "not_a_member", "Meld barnet ind først.", COMMAND)
        set_habits(session, town.municipality, {"names_days": 30}, COMMAND)
    shown = system.get(f"{API}/claims/{waiting.id}").json()
    assert (shown["state"], shown["note"], shown["given_name"]) == ("rejected", "Meld barnet ind først.", "Sara")
    assert shown["reasons"][0]["text"] == "The child was no member in this season."
    at("2017-03-10T08:00Z")
    listed = every_item(system, f"{API}/claims")
    assert [one["given_name"] for one in listed] == [None, "Nour"]


def test_a_revoked_token_and_a_suspended_club_are_refused_at_once(town: Town, club: UUID, system: Client) -> None:
    assert made(system, asked(town))["state"] == "approved"
    with town.owner() as session:
        session.execute(text("UPDATE club SET agreement_accepted_at = NULL, agreement_version = NULL"))
    answer = system.post(f"{API}/claims", json=asked(town))
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "Accept the municipality's agreement first, on the club's page.",
    )
    with town.owner() as session:
        session.execute(text("UPDATE club SET state = 'suspended', suspended_because = 'asked'"))
    assert "has suspended it" in system.post(f"{API}/claims", json=asked(town)).json()["detail"]
    with town.owner() as session:
        session.execute(text("UPDATE directory.api_token SET revoked_at = now()"))
    answer = system.post(f"{API}/claims", json=asked(town))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert system.get(f"{API}/claims").status_code == 401


def test_terms_decide_with_reasons(town: Town, club: UUID, system: Client) -> None:
    changes = {"min_sessions": 6, "excluded_kinds": ("fitness",)}
    with town.session() as session:
        set_terms(session, town.municipality, "fritidspas", clock.today("UTC").replace(month=1), "x", changes, COMMAND)
    told: list[dict[str, Any]] = [{"sessions": 5}, {}, {"sessions": 6}]
    codes = {
        number: [reason["code"] for reason in made(system, asked(town, activity=f"A{number}", **more))["reasons"]]
        for number, more in enumerate(told)
    }
    assert codes == {
        0: ["too_few_sessions"],
        1: ["sessions_unknown", "activity_unknown"],
        2: ["activity_unknown"],
    }


def test_an_expired_reservation_is_not_claimed(town: Town, system: Client, at: At) -> None:
    body = {"pass_number": town.number("Nour"), "given_name": "Nour", "fee_ore": 70_000, "activity": "Fodbold"}
    held = system.post(f"{API}/reservations", json=body).json()
    at("2017-02-16T08:00Z")
    late = asked(town, reservation=held["id"])
    assert wrong(system.post(f"{API}/claims", json=late)) == {"reservation": "has ended: claim without it"}
    with town.session() as session:
        expire_reservations(session, town.municipality, clock.today("Europe/Copenhagen"), COMMAND)
    assert every_item(system, f"{API}/reservations")[0]["state"] == "expired"
    assert made(system, asked(town))["covered_ore"] == 60_000
