"""A household's case on one page: whole, in order, masked; what is noted stands, and whoever looked is in the trail."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from service.database.engine import Database
from service.values.identity_numbers import mask
from tests.audit.people import STREET, Place
from tests.callers import calling, token
from tests.conftest import Medspiller
from tests.identity.clients import Client, text_of

REASON = "The family has complained."
NOTE = "Faren ringede: de flytter i marts."
At = Callable[[str], None]


@pytest.fixture
def place(medspiller: Medspiller, database: Database, tmp_path: Path, at: At) -> Place:
    at("2017-01-15T08:00Z")
    return Place(medspiller, database, tmp_path)


def address_of(place: Place, reference: str = "fattig") -> str:
    return f"/households/{place.household(reference)}"


def note(worker: Client, address: str, text: str = NOTE, **more: Any) -> Any:
    """What the form of a household's page answers."""
    return worker.send(f"{address}/notes", {"text": text, "key": worker.key(address)} | more)


def events(worker: Client, address: str, **asked: Any) -> list[dict[str, Any]]:
    """Every event of a timeline as the API pages it, two at a time."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        page = worker.call("GET", f"{address}?limit=2&{query}{after}").json()["timeline"]
        found += page["items"]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


def test_the_page_shows_the_case_masked_and_the_trail_has_the_read(place: Place) -> None:
    with place.browser("case_worker") as worker:
        page = worker.get(address_of(place))
        said = text_of(page.text)
    for expected in (
        "Household fattig",
        "fattigs mor Prøvesen",
        "provider",
        "17 May 2010",
        "Prøvevej 1, 8000 Aarhus C (midt)",
        "the income is within the limit",
        "Pass issued",
        "Letter sent",
        "Nobody is named.",
        mask(place.number("Frida")),
    ):
        assert expected in said
    assert re.search(r"Frida Prøvesen child 6 ", said)
    assert place.number("Frida") not in page.text
    assert "100.000" not in said.replace(",", ".")
    for id_ in (place.person("Frida"), place.person("Finn")):
        assert f'href="/persons/{id_}"' in page.text
    for table, path in (("determination", "/eligibility/determinations"), ("leisure_pass", "/passes")):
        [(found,)] = place.town.rows(
            f"SELECT t.id FROM {table} t JOIN person p ON p.id = t.person_id WHERE p.given_name = 'Frida'"
        )
        assert f'href="{path}/{found}"' in page.text
    assert place.entries("households.read") == [(place.household("fattig"), None, {})]


def test_the_timeline_is_complete_and_ordered(place: Place, at: At) -> None:
    at("2017-02-01T08:00Z")
    place.town.say("passes", "replace", place.town.number("Finn"), "--reason", "lost in the swimming hall")
    at("2017-02-02T08:00Z")
    place.town.batch()
    place.town.send()
    at("2017-02-03T08:00Z")
    [(number,)] = place.town.rows(
        "SELECT number FROM letter WHERE household_id = :h ORDER BY id DESC LIMIT 1", h=place.household("fattig")
    )
    place.town.run("letters", "returned", number, "--because", "moved", "--municipality", "0751")
    at("2017-02-04T08:00Z")
    place.town.say("passes", "revoke", place.town.number("Frida"), "--reason", "the family said no")
    at("2017-02-05T08:00Z")
    with place.town.session() as session:
        session.connection().exec_driver_sql("UPDATE print_batch SET handed_over_at = created_at + interval '1 hour'")
    address = address_of(place)
    with place.browser("case_worker") as worker:
        note(worker, address)
        found = events(worker, address)
        said = text_of(worker.get(address).text)
        by_kind = {kind: events(worker, address, kind=kind) for kind in ("determination", "pass", "letter", "note")}
        shown = text_of(worker.get(f"{address}?kind=pass").text)
    happened = [(one["what"], one["given_name"]) for one in found if one["kind"] in ("pass", "note")]
    assert happened[:4] == [("noted", None), ("revoked", "Frida"), ("replaced", "Finn"), ("issued", "Finn")]
    assert sorted(happened[4:]) == [("issued", "Finn"), ("issued", "Frida")]
    assert [one["what"] for one in found if one["kind"] == "letter"] == [
        "returned",
        "sent",
        "queued",
        "sent",
        "queued",
    ]
    # Each row of the household's case that the database has, once for all that happened to it.
    persons = [place.person(name) for name in ("Frida", "Finn", "fattigs mor")]
    for table, kind in (("determination", "determination"), ("leisure_pass", "pass")):
        ids = {str(id_) for (id_,) in place.town.rows(f"SELECT id FROM {table} WHERE person_id = ANY (:p)", p=persons)}
        assert {one["id"] for one in by_kind[kind]} == ids
    # Newest first, and at one instant the effect before its cause.
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    first = [one["what"] for one in found if one["at"].startswith("2017-01-15")]
    assert first.index("queued") < first.index("issued") < first.index("determined")
    assert sorted(map(str, found)) == sorted(str(one) for kind in by_kind.values() for one in kind)
    assert len({(one["id"], one["what"]) for one in found}) == len(found)
    for expected in ("lost in the swimming hall", "moved", "the family said no", NOTE):
        assert expected in said
    assert "the family said no" in shown
    assert NOTE not in shown


def test_a_note_stands_for_good_and_another_corrects_it(place: Place) -> None:
    address = address_of(place)
    with place.browser("case_worker") as worker:
        assert note(worker, address).status_code == 303
        [first] = events(worker, address, kind="note")
        page = worker.get(f"{address}?correct={first['id']}")
        assert "Correct the note" in text_of(page.text)
        assert note(worker, address, "De flytter i april.", corrects=first["id"]).status_code == 303
        both = events(worker, address, kind="note")
        assert [(one["what"], one["says"], one["corrects"]) for one in both] == [
            ("corrected", "De flytter i april.", first["id"]),
            ("noted", NOTE, None),
        ]
        assert "The case_worker" in text_of(worker.get(address).text)
        # Another household's note corrects nothing here.
        other = note(worker, address_of(place, "rig"), "x", corrects=first["id"])
        assert (other.status_code, events(worker, address_of(place, "rig"), kind="note")) == (404, [])
        for empty in ("", "   "):
            answer = note(worker, address, empty)
            assert answer.status_code == 422
            assert "Frida" in answer.text
    for statement in ("UPDATE household_note SET text = 'x'", "UPDATE household_note SET made_by = NULL"):
        with pytest.raises(DBAPIError, match="permission denied"):
            place.town.rows(statement)
    assert NOTE not in str(place.town.rows("SELECT details, reason FROM audit_entry"))
    assert [subject for subject, _, _ in place.entries("households.note")] == [place.household("fattig")] * 2


def test_a_double_click_notes_once_and_two_colleagues_note_both(place: Place) -> None:
    address = address_of(place)
    with place.browser("case_worker") as worker:
        form = {"text": NOTE, "key": worker.key(address)}
        with ThreadPoolExecutor(2) as clicks:
            answers = list(clicks.map(lambda _: worker.send(f"{address}/notes", form), range(2)))
        assert [one.status_code for one in answers] == [303, 303]
        assert len(events(worker, address, kind="note")) == 1
        forms = [{"text": f"note {number}", "key": worker.key(address)} for number in range(2)]
        with ThreadPoolExecutor(2) as colleagues:
            list(colleagues.map(lambda one: worker.send(f"{address}/notes", one), forms))
        assert {one["says"] for one in events(worker, address, kind="note")} == {NOTE, "note 0", "note 1"}
        body, key = {"text": "by a script"}, {"idempotency-key": "once"}
        made = [worker.call("POST", f"{address}/notes", body, **key).json() for _ in range(2)]
        assert made[0] == made[1]
        assert len(events(worker, address, kind="note")) == 4
        assert worker.call("POST", f"{address}/notes", {"text": " "}).status_code in (400, 422)


def test_a_colleague_who_follows_the_family_is_named_changed_and_taken_off(place: Place, at: At) -> None:
    address = address_of(place)
    with place.browser("case_worker") as worker:
        missing = worker.send(f"{address}/contact", {"name": "Bente", "phone": "", "email": "", "until": ""})
        assert missing.status_code == 422
        assert "Phone: " in text_of(missing.text)
        asked = {"name": "Bente", "phone": "89 40 20 00", "email": "", "until": "2017-01-16"}
        assert worker.send(f"{address}/contact", asked).status_code == 303
        page = worker.get(address).text
        assert 'href="tel:89402000"' in page
        assert "Bente (until 16 Jan 2017)" in text_of(page)
        assert 'value="Bente"' in worker.get(f"{address}/contact").text
    at("2017-01-17T08:00Z")
    with place.browser("case_worker") as worker:
        assert "until 16 Jan 2017, over" in text_of(worker.get(address).text)
        answer = worker.call("PUT", f"{address}/contact", {"name": "Carl", "email": "carl@by.example"})
        assert (answer.status_code, answer.json()["until"]) == (200, None)
        assert worker.call("GET", address).json()["contact"]["name"] == "Carl"
        assert worker.call("PUT", f"{address}/contact", {"name": "Carl"}).status_code == 422
        assert [worker.send(f"{address}/contact/end").status_code for _ in range(2)] == [303, 303]
        assert worker.call("DELETE", f"{address}/contact").status_code == 204
        assert worker.call("GET", address).json()["contact"] is None
    assert len(place.entries("households.contact.set")) == 2
    assert len(place.entries("households.contact.end")) == 1


@pytest.mark.parametrize(("item", "secret"), [("figures", "100,000.00"), ("address", STREET)])
def test_what_is_hidden_is_shown_once_for_a_reason(place: Place, item: str, secret: str) -> None:
    address = f"{address_of(place, 'skjult')}/hidden"
    with place.browser("case_worker") as worker:
        assert secret not in worker.get(address).text + worker.get(address_of(place, "skjult")).text
        short = worker.send(address, {"item": item, "reason": "short", "key": worker.key(address)})
        assert short.status_code == 422
        assert secret not in short.text
        form = {"item": item, "reason": REASON, "key": worker.key(address)}
        shown = worker.send(address, form)
        assert secret in text_of(shown.text)
        assert shown.headers["cache-control"] == "no-store"
        again = worker.send(address, form)
        assert (again.status_code, again.headers["location"]) == (303, address)
        assert secret not in worker.get(address).text
    household = place.household("skjult")
    assert place.entries("households.unmask") == [(household, REASON, {"item": item})]


def test_the_api_shows_figures_for_a_reason(place: Place) -> None:
    address = address_of(place)
    with place.browser("case_worker") as worker:
        answer = worker.call("POST", f"{address}/unmask", {"item": "figures", "reason": REASON}).json()
        assert worker.call("POST", f"{address}/unmask", {"item": "figures", "reason": "no"}).status_code in (400, 422)
    assert answer["addresses"] is None
    assert {(one["given_name"], one["income_ore"], one["limit_ore"] is None) for one in answer["figures"]} == {
        ("Frida", 10_000_000, False),
        ("Finn", 10_000_000, False),
    }
    assert {(one["given_name"], one["amount_ore"]) for one in answer["incomes"]} == {("fattigs mor", 10_000_000)}


def test_other_roles_see_change_and_unmask_nothing(place: Place) -> None:
    address = address_of(place)
    key = {"key": "k" * 30}
    with place.browser("case_worker") as worker:
        note(worker, address)
    with place.browser("administrator") as administrator:
        page = text_of(administrator.get(address).text)
        assert NOTE in page
        assert "Write a note" not in page
        assert administrator.send(f"{address}/notes", {"text": "x"} | key).status_code == 403
        assert administrator.send(f"{address}/hidden", {"item": "figures", "reason": REASON} | key).status_code == 403
    with place.browser("auditor") as auditor:
        assert auditor.get(address).status_code == 403
        assert auditor.call("GET", address).status_code == 403
    with calling(place.database, token(place.database, "0751", "eligibility")) as system:
        answer = system.get(f"/api/v1{address}").json()
        assert {one["kind"] for one in answer["timeline"]["items"]} == {"determination"}
        assert answer["residents"][0]["has_pass"] is None
        assert system.post(f"/api/v1{address}/notes", json={"text": "x"}).status_code == 403
        assert system.post(f"/api/v1{address}/unmask", json={"item": "figures", "reason": REASON}).status_code == 403


def test_a_neighbour_s_household_is_not_there(place: Place) -> None:
    place.town.run("municipality", "add", "0101", "København", "--country", "dk")
    address = address_of(place)
    with place.browser("case_worker", "0101") as neighbour:
        for path in (address, f"{address}/contact", f"{address}/hidden"):
            assert neighbour.get(path).status_code == 404
        key = {"key": "k" * 30}
        assert neighbour.send(f"{address}/notes", {"text": NOTE} | key).status_code == 404
        assert neighbour.send(f"{address}/contact", {"name": "B", "phone": "1"}).status_code == 404
        assert neighbour.send(f"{address}/contact/end").status_code == 404
        assert neighbour.send(f"{address}/hidden", {"item": "figures", "reason": REASON} | key).status_code == 404
        for method, path, body in (
            ("GET", address, None),
            ("POST", f"{address}/notes", {"text": NOTE}),
            ("PUT", f"{address}/contact", {"name": "B", "phone": "1"}),
            ("DELETE", f"{address}/contact", None),
            ("POST", f"{address}/unmask", {"item": "figures", "reason": REASON}),
        ):
            assert neighbour.call(method, path, body).status_code == 404, path
    assert place.town.rows("SELECT count(*) FROM household_note") == [(0,)]


def test_what_a_family_s_file_and_retention_make_of_it(place: Place, at: At) -> None:
    address = address_of(place, "rig")
    with place.browser("case_worker") as worker:
        note(worker, address)
        worker.send(f"{address}/contact", {"name": "Bente", "phone": "1", "email": "", "until": "2017-06-01"})
    with place.browser("auditor") as auditor:
        answer = auditor.send("/trail/family", {"household": "rig"})
        said = text_of(auditor.get(answer.headers["location"]).text)
    for expected in ("Saw a household's page", "Noted something on a household", "Named who follows a household"):
        assert expected in said
    assert NOTE not in said

    def kept(at_: str) -> tuple[int, int]:
        at(at_)
        place.town.say("retention", "run", "--commit")
        [(notes, contacts)] = place.town.rows(
            "SELECT (SELECT count(*) FROM household_note), (SELECT count(*) FROM household_contact)"
        )
        return notes, contacts

    assert kept("2017-08-31T08:00Z") == (1, 1)
    assert kept("2017-09-01T08:00Z") == (1, 0)
    assert kept("2022-01-14T08:00Z") == (1, 0)
    assert kept("2022-01-15T08:00Z") == (0, 0)


def test_with_the_household_go_its_notes_and_its_contact(place: Place, at: At) -> None:
    place.town.people = [row for row in place.town.people if row["household_id"] != "rig"]
    place.town.incomes.pop("rig")
    place.town.load()
    address = address_of(place, "rig")
    at("2021-12-01T08:00Z")
    with place.browser("case_worker") as worker:
        page = text_of(worker.get(address).text)
        assert "has not named this household since" in page
        assert "Rikke" in page
        note(worker, address)
        worker.call("PUT", f"{address}/contact", {"name": "Bente", "phone": "1"})
    at("2023-01-15T08:00Z")
    place.town.say("retention", "run", "--commit")
    assert place.town.rows("SELECT 1 FROM household_note UNION ALL SELECT 2 FROM household_contact") == []
    with place.browser("case_worker") as worker:
        page = text_of(worker.get(address).text)
        assert "Anonymised household" in page
        assert "Nobody is left" in page
        assert "Rikke" not in page
