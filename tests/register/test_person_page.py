"""A case worker finds one person; what is protected is shown once, for a reason, and whatever was shown is logged."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.database.engine import Database
from service.values.identity_numbers import mask
from service.web.log import JsonLines
from tests.audit.people import STREET, Place
from tests.callers import calling, token
from tests.conftest import Medspiller
from tests.identity.clients import Client, text_of

REASON = "The family has complained."


@pytest.fixture
def place(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Place:
    at("2017-01-15T08:00Z")
    return Place(medspiller, database, tmp_path)


def key_of(html: str) -> str:
    """The key of the form on a page."""
    found = re.search(r'name="key" value="([^"]+)"', html)
    assert found
    return found[1]


def show(worker: Client, address: str, item: str, reason: str = REASON) -> Any:
    """What the form on a person's page answers."""
    form = {"item": item, "reason": reason, "key": key_of(worker.get(address).text)}
    return worker.send(address, form)


def test_a_person_is_found_by_the_number_and_the_page_is_masked_and_logged(place: Place) -> None:
    frida = place.person("Frida")
    with place.browser("case_worker") as worker:
        assert 'href="/persons"' in worker.get("/").text
        answer = worker.send("/persons", {"identity_number": place.number("Frida")})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/persons/{frida}")
        page = worker.get(f"/persons/{frida}")
        said = text_of(page.text)
        for expected in (
            "Frida Prøvesen",
            "17 May 2010",
            "fattigs mor",
            "Finn",
            "Prøvevej 1, 8000 Aarhus C",
            "entitled",
        ):
            assert expected in said
        assert "the income is within the limit" in said
        assert mask(place.number("Frida")) in said
        assert place.number("Frida") not in page.text
        assert f"… {place.town.number('Frida')[-4:]}" in said
        assert place.town.number("Frida") not in page.text
        assert "handed over" in said
        assert page.headers["cache-control"] == "no-store"
        assert place.entries("register.person.read") == [(frida, None, {})]


def test_a_number_that_is_wrong_or_unknown_is_said(place: Place) -> None:
    with place.browser("case_worker") as worker:
        wrong = worker.send("/persons", {"identity_number": "123"})
        assert wrong.status_code == 422
        assert "Identity number: is no identity number" in text_of(wrong.text)
        unknown = worker.send("/persons", {"identity_number": place.number("Frida")[:-1] + "9"})
        assert unknown.status_code == 404
        assert "Nobody in the register" in unknown.text
        assert worker.call("POST", "/persons/search", {"identity_number": "123"}).status_code == 422
        assert worker.send("/persons").status_code == 422


def test_a_protected_address_stands_nowhere_without_a_reason(place: Place) -> None:
    sofie = place.person("Sofie")
    with place.browser("case_worker") as worker:
        page = worker.get(f"/persons/{sofie}")
        assert "protected" in text_of(page.text)
        found = worker.call("POST", "/persons/search", {"identity_number": place.number("Sofie")})
        shown = worker.call("GET", f"/persons/{sofie}")
        assert found.json() == shown.json()
        assert shown.json()["homes"][0]["address"] is None
        for answer in (page, found, shown):
            for hidden in (STREET, "8000", "Aarhus C", "midt", place.number("Sofie")):
                assert hidden not in text_of(answer.text)


def test_who_lives_with_somebody_protected_or_has_another_home_that_is_is_protected_too(place: Place) -> None:
    town = place.town
    town.family("halv", "Hans", street="Halvvej 3")
    town.of("Hans")["address_protected"] = 0
    town.of("halvs mor")["address_protected"] = 1
    town.people.append(town.of("Rikke") | {"household_id": "skjult", "street": STREET, "address_protected": 1})
    town.load()
    with place.browser("case_worker") as worker:
        for name in ("Hans", "Rikke"):
            page = worker.get(f"/persons/{place.person(name)}").text
            assert not {street for street in ("Halvvej", "Prøvevej", STREET) if street in page}


@pytest.mark.parametrize(
    ("item", "expected"),
    [("identity_number", "number"), ("address", STREET), ("incomes", "100,000.00")],
)
def test_one_thing_is_shown_once_and_logged_with_its_reason(place: Place, item: str, expected: str) -> None:
    sofie = place.person("Sofie")
    secret = place.number("Sofie") if expected == "number" else expected
    address = f"/persons/{sofie}"
    with place.browser("case_worker") as worker:
        before = worker.get(address).text
        assert secret not in before
        form = {"item": item, "reason": REASON, "key": key_of(before)}
        answer = worker.send(address, form)
        assert answer.status_code == 200
        assert secret in text_of(answer.text)
        assert answer.headers["cache-control"] == "no-store"
        assert place.entries("register.person.unmask") == [(sofie, REASON, {"item": item})]
        # Neither the page alone nor the form sent again by a reload shows it once more.
        assert secret not in worker.get(address).text
        again = worker.send(address, form)
        assert (again.status_code, again.headers["location"]) == (303, address)
        after = worker.get(address).text
        assert "hidden again" in after
        assert secret not in after
        assert len(place.entries("register.person.unmask")) == 1


@pytest.mark.parametrize("reason", ["", "   ", "too short", "          "])
def test_without_a_reason_nothing_is_shown_and_the_form_names_what_is_missing(place: Place, reason: str) -> None:
    sofie = place.person("Sofie")
    with place.browser("case_worker") as worker:
        seen = len(place.entries("register.person.read"))
        answer = show(worker, f"/persons/{sofie}", "address", reason)
        assert answer.status_code == 422
        assert "Why you need it: " in text_of(answer.text)
        assert 'id="reason-error"' in answer.text
        assert STREET not in answer.text
        assert place.entries("register.person.unmask") == []
        # The masked page stands around the form: that it was seen is logged though the form was wrong.
        assert len(place.entries("register.person.read")) == seen + 2
        called = worker.call("POST", f"/persons/{sofie}/unmask", {"item": "address", "reason": reason})
        assert called.status_code == 422
        assert [error["field"] for error in called.json()["errors"]] == ["reason"]
        assert STREET not in called.text


def test_nothing_to_show_is_chosen_or_known(place: Place) -> None:
    sofie = place.person("Sofie")
    with place.browser("case_worker") as worker:
        assert "Show: " in text_of(show(worker, f"/persons/{sofie}", "everything").text)
        body = {"item": "everything", "reason": REASON}
        assert worker.call("POST", f"/persons/{sofie}/unmask", body).status_code == 422


def test_the_api_shows_one_thing_for_a_reason(place: Place) -> None:
    sofie = place.person("Sofie")
    with place.browser("case_worker") as worker:
        answer = worker.call("POST", f"/persons/{sofie}/unmask", {"item": "identity_number", "reason": REASON})
        assert answer.json() == {
            "item": "identity_number",
            "identity_number": place.number("Sofie"),
            "addresses": None,
            "incomes": None,
        }
        answer = worker.call("POST", f"/persons/{sofie}/unmask", {"item": "address", "reason": REASON})
        assert [one["street"] for one in answer.json()["addresses"]] == [STREET]
        answer = worker.call("POST", f"/persons/{sofie}/unmask", {"item": "incomes", "reason": REASON})
        assert {(one["given_name"], one["amount_ore"]) for one in answer.json()["incomes"]} == {
            ("skjults mor", 10_000_000)
        }
        assert [details["item"] for _, _, details in place.entries("register.person.unmask")] == [
            "identity_number",
            "address",
            "incomes",
        ]


def test_what_could_not_be_shown_is_not_logged(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry belongs to the transaction that made the page: a page that fails has shown nobody anything."""
    address = f"/persons/{place.person('Sofie')}"
    with place.browser("case_worker") as worker:
        form = {"item": "address", "reason": REASON, "key": key_of(worker.get(address).text)}

        def fails(*_: object, **__: object) -> None:
            raise RuntimeError(STREET)

        with monkeypatch.context() as patched:
            patched.setattr("service.passes.persons_web.page", fails)
            answer = worker.send(address, form)
        assert answer.status_code == 500
        assert STREET not in answer.text
        assert place.entries("register.person.unmask") == []
        # The key was not used up either: the worker sends the form again.
        assert STREET in worker.send(address, form).text


@pytest.mark.parametrize("action", ["register.person.read", "register.person.unmask"])
def test_what_cannot_be_logged_is_not_shown(place: Place, action: str) -> None:
    """The page is made before the entry is committed, and leaves after: an entry that fails takes the page along."""
    sofie = place.person("Sofie")
    with place.browser("case_worker") as worker:
        key = key_of(worker.get(f"/persons/{sofie}").text)
        with place.town.owner() as owner:
            sql = f"ALTER TABLE audit_entry ADD CONSTRAINT refused CHECK (action <> '{action}') NOT VALID"
            owner.connection().exec_driver_sql(sql)
        page = worker.send(f"/persons/{sofie}", {"item": "address", "reason": REASON, "key": key})
        called = worker.call("POST", f"/persons/{sofie}/unmask", {"item": "address", "reason": REASON})
        assert page.status_code == 500
        assert called.status_code == (500 if action == "register.person.unmask" else 200)
        assert STREET not in page.text
        assert (STREET in called.text) == (action == "register.person.read")
        if action == "register.person.read":
            assert worker.call("GET", f"/persons/{sofie}").status_code == 500


def test_neither_addresses_nor_log_lines_tell_anything_personal(
    place: Place, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    sofie, answers = place.person("Sofie"), []
    with place.browser("case_worker") as worker:
        answers.append(worker.send("/persons", {"identity_number": place.number("Sofie")}))
        answers.append(show(worker, f"/persons/{sofie}", "address"))
        answers.append(show(worker, f"/persons/{sofie}", "identity_number"))
        answers.append(worker.call("POST", "/persons/search", {"identity_number": place.number("Sofie")}))

        def fails(*_: object, **__: object) -> None:
            raise RuntimeError(f"{STREET} {place.number('Sofie')}")

        monkeypatch.setattr("service.passes.persons_web.page", fails)
        answers.append(worker.get(f"/persons/{sofie}"))
    with place.browser("auditor") as auditor:
        answers.append(auditor.send("/trail/family", {"identity_number": place.number("Sofie")}))
    lines = [JsonLines().format(record) for record in caplog.records]
    assert [answer.status_code for answer in answers] == [303, 200, 200, 200, 500, 303]
    assert any('"event": "incident"' in line for line in lines)
    addresses = [str(answer.request.url) + answer.headers.get("location", "") for answer in answers]
    for hidden in (STREET, place.number("Sofie"), "Sofie", "Prøvesen", REASON):
        assert not [line for line in [*lines, *addresses] if hidden in line]


def test_other_roles_see_nobody(place: Place) -> None:
    sofie = place.person("Sofie")
    body, number = {"item": "address", "reason": REASON}, {"identity_number": place.number("Sofie")}
    for role in ("auditor", "finance_officer"):
        with place.browser(role) as somebody:
            assert {somebody.get(path).status_code for path in ("/persons", f"/persons/{sofie}")} == {403}
            assert somebody.send("/persons", number).status_code == 403
            assert somebody.send(f"/persons/{sofie}", body).status_code == 403
            assert somebody.call("GET", f"/persons/{sofie}").status_code == 403
            assert somebody.call("POST", "/persons/search", number).status_code == 403
            assert somebody.call("POST", f"/persons/{sofie}/unmask", body).status_code == 403
    # An administrator sees the masked page and is not offered more.
    with place.browser("administrator") as administrator:
        page = administrator.get(f"/persons/{sofie}")
        assert page.status_code == 200
        assert "Why you need it" not in page.text
        assert administrator.send(f"/persons/{sofie}", body | {"key": "x" * 20}).status_code == 403
        assert administrator.call("POST", f"/persons/{sofie}/unmask", body).status_code == 403


def test_a_system_sees_no_more_than_its_token_is_for_and_unmasks_nothing(place: Place) -> None:
    frida = place.person("Frida")
    with calling(place.database, token(place.database, "0751", "eligibility")) as system:
        answer = system.get(f"/api/v1/persons/{frida}").json()
        assert (answer["passes"], answer["letters"]) == (None, None)
        assert [one["reason"] for one in answer["determinations"]] == ["income_within_limit"]
        body = {"item": "address", "reason": REASON}
        assert system.post(f"/api/v1/persons/{frida}/unmask", json=body).status_code == 403
        assert system.get("/api/v1/trail").status_code == 403
    with calling(place.database, token(place.database, "0751", "eligibility", "passes", "letters")) as system:
        answer = system.get(f"/api/v1/persons/{frida}").json()
        assert (len(answer["passes"]), len(answer["letters"])) == (1, 1)
    with calling(place.database, token(place.database, "0751", "passes")) as system:
        assert system.get(f"/api/v1/persons/{frida}").status_code == 403


def test_a_neighbour_s_person_is_not_there(place: Place) -> None:
    place.town.run("municipality", "add", "0101", "København", "--country", "dk")
    sofie = place.person("Sofie")
    with place.browser("case_worker", "0101") as neighbour:
        assert neighbour.get(f"/persons/{sofie}").status_code == 404
        assert neighbour.send(f"/persons/{sofie}", {"item": "address", "reason": REASON}).status_code == 404
        assert neighbour.send("/persons", {"identity_number": place.number("Sofie")}).status_code == 404
        assert neighbour.call("GET", f"/persons/{sofie}").status_code == 404
        body = {"item": "address", "reason": REASON}
        assert neighbour.call("POST", f"/persons/{sofie}/unmask", body).status_code == 404


def test_an_anonymised_person_keeps_only_what_is_left(place: Place) -> None:
    frida = place.person("Frida")
    with place.town.session() as session:
        session.connection().exec_driver_sql(
            f"""UPDATE person SET given_name = '', family_name = '', identity_cipher = '', ended_at = now(),
                birth_date = '2010-01-01', identity_hash = uuid_send(gen_random_uuid()), anonymised_at = now()
            WHERE id = '{frida}'"""
        )
    with place.browser("case_worker") as worker:
        page = text_of(worker.get(f"/persons/{frida}").text)
        assert "Anonymised person" in page
        assert "were erased on" in page
        assert show(worker, f"/persons/{frida}", "identity_number").status_code == 409
