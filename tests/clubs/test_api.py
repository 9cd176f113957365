"""Clubs in the API: what systems read, what people change, and what anybody may send."""

from typing import Any

import pytest

from tests.callers import token
from tests.calls import every_item, wrong
from tests.clubs.house import (
    ACCOUNTS,
    ADMIN,
    CONTACT,
    FINANCE,
    IBANS,
    MORE_IBANS,
    NUMBERS,
    OTHERS,
    TREASURER,
    WORKER,
    House,
)
from tests.identity.clients import Client

ACTIVITY = {
    "name": "U10",
    "kind": "football",
    "min_age": 8,
    "max_age": 10,
    "season_start": "2026-01-01",
    "season_end": "2026-06-30",
    "fee_ore": 65000,
}


def application(**changes: Any) -> dict[str, Any]:
    return {
        "municipality": "0751",
        "number": NUMBERS["dk"],
        "name": "Fremad",
        "contact_name": "Anna",
        "contact_email": CONTACT,
        "kinds": ["football"],
        "payee": {"kind": "account", "account": ACCOUNTS["dk"]},
        "agreement": 1,
    } | changes


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def test_from_an_application_by_anybody_to_a_club(house: House) -> None:
    with house.browser() as nobody, house.browser(WORKER) as worker, house.browser(FINANCE) as finance:
        assert ok(nobody.call("POST", "/club-applications", application()), 202) == {"received": True}
        assert nobody.call("GET", "/club-applications").status_code == 401
        [waiting] = ok(worker.call("GET", "/club-applications?state=waiting"))["items"]
        one = f"/club-applications/{waiting['id']}"
        shown = ok(worker.call("GET", one))
        assert (shown["account"], shown["registers"][0]["outcome"]) == ("… 6243", "not_asked")
        assert ok(finance.call("GET", one))["account"] == IBANS["dk"]
        assert finance.call("POST", f"{one}/approval").status_code == 403
        ok(worker.call("POST", f"{one}/look-up"))
        made = ok(worker.call("POST", f"{one}/approval", **{"idempotency-key": "a"}))
        assert worker.call("POST", f"{one}/approval", **{"idempotency-key": "a"}).headers["idempotency-replayed"]
        assert worker.call("POST", f"{one}/approval").status_code == 409
        assert (made["state"], made["account_waiting"], made["agreement_current"]) == ("approved", True, True)
        [payee] = made["payees"]
        here = f"/clubs/{made['id']}"
        assert worker.call("POST", f"{here}/payees/{payee['id']}/approval").status_code == 403
        approved = ok(finance.call("POST", f"{here}/payees/{payee['id']}/approval"))
        assert (approved["account"], approved["paid_today"]) == (IBANS["dk"], True)
        assert ok(worker.call("GET", here))["payees"][0]["account"] == "… 6243"
    assert len(house.as_owner("SELECT 1 FROM directory.invitation")) == 1


def test_the_public_call_names_every_wrong_field_and_tells_nothing(house: House) -> None:
    with house.browser() as nobody:
        said = wrong(nobody.call("POST", "/club-applications", {"municipality": "0751", "pass_number": "x"}))
        assert {"number", "name", "contact_name", "contact_email", "kinds", "payee", "agreement"} <= set(said)
        assert "pass_number" in said
        body = application(number="12345678", contact_email="x", payee={"kind": "account", "account": "1"}, agreement=1)
        assert set(wrong(nobody.call("POST", "/club-applications", body))) == {"number", "contact_email", "account"}
        assert set(wrong(nobody.call("POST", "/club-applications", application(agreement=2)))) == {"agreement"}
        assert set(wrong(nobody.call("POST", "/club-applications", application(payee={"kind": "cost_centre"})))) >= {
            "payee"
        }
        assert nobody.call("POST", "/club-applications", application(municipality="9999")).status_code == 404
        assert nobody.call("POST", "/club-applications", application(name="a\x00b")).status_code == 422
    assert house.as_owner("SELECT 1 FROM club_application") == []


def test_staff_add_change_suspend_and_end(house: House) -> None:
    with house.browser(ADMIN) as admin, house.browser(FINANCE) as finance:
        body = {"number": NUMBERS["dk"], "name": "Fremad", "payee": {"kind": "account", "account": ACCOUNTS["dk"]}}
        answer = admin.call("POST", "/clubs", body)
        made = ok(answer, 201)
        here = f"/clubs/{made['id']}"
        assert answer.headers["location"] == f"/api/v1{here}"
        assert admin.call("POST", "/clubs", body).status_code == 409
        assert set(wrong(admin.call("POST", "/clubs", body | {"number": "1", "contact_email": "x"}))) == {
            "number",
            "contact_email",
        }
        payee = made["payees"][0]["id"]
        own = admin.call("POST", f"{here}/payees/{payee}/approval")
        assert (own.status_code, "Somebody else" in own.json()["detail"]) == (403, True)
        assert ok(finance.call("POST", f"{here}/payees/{payee}/rejection", {"reason": "Wrong account"}))["state"] == (
            "rejected"
        )
        centre = ok(admin.call("POST", f"{here}/payees", {"kind": "cost_centre", "cost_centre": "4711"}), 201)
        ok(finance.call("POST", f"{here}/payees/{centre['id']}/approval"))
        assert finance.call("POST", f"{here}/payees/stop").status_code == 409
        changed = ok(admin.call("PATCH", here, {"members": 12, "contact_name": "Bo", "contact_email": "bo@x.example"}))
        assert (changed["members"], changed["contact_name"], changed["name"]) == (12, "Bo", "Fremad")
        assert ok(admin.call("PATCH", here, {"members": None}))["members"] is None
        assert ok(admin.call("PATCH", here, {}))["contact_email"] == "bo@x.example"
        assert ok(admin.call("POST", f"{here}/suspension", {"reason": "Late"}))["suspended_because"] == "Late"
        assert ok(admin.call("POST", f"{here}/reinstatement"))["state"] == "approved"
        assert ok(admin.call("POST", f"{here}/end"))["state"] == "ended"
        assert admin.call("POST", f"{here}/end").status_code == 409
        settings = {"applications_open": True, "account_wait_days": 2, "cache_days": 5}
        assert ok(admin.call("PUT", "/club-settings", settings)) == settings == ok(admin.call("GET", "/club-settings"))
        assert ok(admin.call("PUT", "/club-agreement", {"text": "Nye ord"}))["version"] == 2
        assert finance.call("PUT", "/club-settings", settings).status_code == 403


def test_a_system_reads_and_changes_nothing(house: House) -> None:
    for number, name in zip(("12345674", "12345682", "12345690"), ("Fremad", "Øster", "Vester"), strict=True):
        house.add_club(number=number, name=name, treasurer=False)
    with house.browser() as system:
        system.http.headers.update(token(house.database, "0751", "clubs"))
        listed = every_item(system.http, "/api/v1/clubs")
        assert [one["name"] for one in listed] == ["Fremad", "Øster", "Vester"]
        assert [one["name"] for one in every_item(system.http, "/api/v1/clubs", q="oster")] == ["Øster"]
        assert every_item(system.http, "/api/v1/clubs", state="ended") == []
        assert system.call("GET", "/clubs?state=nonsense").status_code == 422
        here = f"/clubs/{listed[0]['id']}"
        assert ok(system.call("GET", here))["payees"][0]["account"] == "… 6243"
        for method, path, body in (
            ("PATCH", here, {"name": "x"}),
            ("POST", f"{here}/suspension", {"reason": "x"}),
            ("POST", f"{here}/payees", {"kind": "nemkonto"}),
            ("GET", "/club-settings", None),
            ("GET", "/club", None),
        ):
            assert system.call(method, path, body).status_code == 403, path
    assert {row.name for row in house.as_owner("SELECT name FROM club")} == {"Fremad", "Øster", "Vester"}


def test_a_treasurer_s_own_club(house: House) -> None:
    club = house.add_club()
    with house.browser(TREASURER) as treasurer, house.browser(FINANCE) as finance:
        own = ok(treasurer.call("GET", "/club"))
        assert (own["id"], own["payees"][0]["account"]) == (str(club.id), IBANS["dk"])
        assert ok(treasurer.call("PATCH", "/club", {"members": 5}))["members"] == 5
        version = ok(treasurer.call("GET", "/club/agreement"))["version"]
        assert ok(treasurer.call("POST", "/club/agreement", {"version": version}))["agreement_current"]
        assert treasurer.call("POST", "/club/agreement", {"version": 9}).status_code == 422
        made = ok(treasurer.call("POST", "/club/activities", ACTIVITY), 201)
        path = f"/club/activities/{made['id']}"
        assert ok(treasurer.call("PUT", path, ACTIVITY | {"fee_ore": 1}))["fee_ore"] == 1
        assert set(wrong(treasurer.call("PUT", path, ACTIVITY | {"min_age": 11}))) == {"max_age"}
        assert treasurer.call("DELETE", path).status_code == 204
        assert treasurer.call("DELETE", path).status_code == 404
        assert treasurer.call("POST", "/club/payees", {"kind": "cost_centre", "cost_centre": "1"}).status_code == 422
        asked = ok(treasurer.call("POST", "/club/payees", {"kind": "account", "account": MORE_IBANS["dk"]}), 201)
        assert ok(treasurer.call("POST", "/club/payees/withdrawal"))["account_waiting"] is False
        asked = ok(treasurer.call("POST", "/club/payees", {"kind": "account", "account": MORE_IBANS["dk"]}), 201)
        usable = ok(finance.call("POST", f"/clubs/{club.id}/payees/{asked['id']}/approval"))["usable_from"]
        assert usable == "2026-01-17"
        assert ok(treasurer.call("POST", "/club/payees/stop"))["state"] == "stopped"
        invited = ok(treasurer.call("POST", "/club/treasurers", {"email": "bo@x.example", "name": "Bo"}), 201)
        assert invited["organisation_id"] == str(club.id)
        [mine] = ok(treasurer.call("GET", "/club/treasurers"))
        assert treasurer.call("DELETE", f"/club/treasurers/{mine['id']}").status_code == 409
        assert treasurer.call("GET", "/clubs").status_code == 403


def test_a_payee_belongs_to_its_club(house: House) -> None:
    club = house.add_club()
    other = house.add_club(number=OTHERS["dk"], name="Øster", treasurer=False)
    with house.browser(TREASURER) as treasurer, house.browser(FINANCE) as finance:
        asked = ok(treasurer.call("POST", "/club/payees", {"kind": "nemkonto"}), 201)
        for path in (f"/clubs/{other.id}", f"/clubs/{asked['id']}"):
            answer = finance.call("POST", f"{path}/payees/{asked['id']}/approval")
            assert answer.status_code == 404, path
        ok(finance.call("POST", f"/clubs/{club.id}/payees/{asked['id']}/approval"))


@pytest.mark.parametrize("email", [ADMIN, TREASURER])
def test_a_form_of_another_site_changes_nothing(house: House, email: str) -> None:
    house.add_club()

    def forged(client: Client, method: str, path: str) -> int:
        return int(client.call(method, path, {"members": 9}, **{"x-csrftoken": "forged"}).status_code)

    with house.browser(email) as client:
        club = house.as_owner("SELECT id FROM club")[0].id
        assert forged(client, "PATCH", "/club" if email == TREASURER else f"/clubs/{club}") == 403
    assert house.as_owner("SELECT members FROM club")[0].members == 100
