"""The pages and the API of travel, each of them opened and used."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from service.identity import throttle
from tests.identity.clients import Client, text_of
from tests.travel.trip import AFTERWARDS, BERGEN, LAST_DAY, ON_THE_DAY, OSLO, Trip

At = Callable[[str], None]
DEPARTURE = {
    "assembly_point": OSLO,
    "leaves_on": "27.06.2026",
    "leaves_at": "8.30",
    "seats": "3",
    "place": "Platform 7",
    "carrier": "Fjordbuss",
    "cost": "1000,50",
    "note": "",
}


def fails(client: Client, path: str, fields: dict[str, Any], status: int) -> str:
    answer = client.send(path, fields)
    assert answer.status_code == status, answer.text
    return text_of(answer.text)


def test_a_coordinator_plans_the_way_there(trip: Trip, at: At) -> None:
    offer = trip.accepted("one", 4, point=None)
    base = f"/stays/{trip.stay_id}"
    with trip.camp.browser("coordinator") as browser:
        assert "Family one" in text_of(browser.get(f"{base}/travel").text)
        assert trip.trail() == ["travel.manifest.read"]
        new = f"{base}/departures/new"
        assert "is no time of day" in fails(browser, new, DEPARTURE | {"leaves_at": "early"}, 422)
        assert "is no assembly point" in fails(browser, new, DEPARTURE | {"assembly_point": "Kiel"}, 422)
        made = browser.send(new, DEPARTURE)
        assert (made.status_code, made.headers["location"]) == (303, f"{base}/travel")
        assert "already" in fails(browser, new, DEPARTURE, 409)
        browser.send(f"{base}/travel/points", {"family": str(offer), "point": OSLO})
        shown = text_of(browser.get(f"{base}/travel").text)
        assert f"From {OSLO} 4 travel, and there are 3 seats" in shown
        assert "Departures that have fewer seats" in text_of(browser.get("/").text)
        departure = trip.points()[OSLO].departure
        assert departure is not None
        form = browser.get(f"/departures/{departure.id}/edit").text
        assert all(value in form for value in ('value="08:30"', 'value="1000.50"', "Platform 7"))
        assert browser.send(f"/departures/{departure.id}/edit", DEPARTURE | {"seats": "20"}).status_code == 303
        assert "there are 3 seats" not in text_of(browser.get(f"{base}/travel").text)
        # No name is shown any more, and no read noted.
        assert trip.trail().count("travel.manifest.read") == 1
        costs = f"/seasons/{trip.camp.season}/travel-costs"
        assert "1,000.50" in text_of(browser.get(costs).text)
    at(ON_THE_DAY)
    with trip.camp.browser("coordinator") as browser:
        step = {"municipality": str(trip.camp.place("Uvik")), "step": "invoice", "on": "2026-06-27"}
        assert browser.send(costs, step).status_code == 303
        assert "change any more" in text_of(browser.get(costs).text)
        assert "is left" in fails(browser, costs, step, 409)
        assert browser.send(costs, step | {"step": "pay"}).status_code == 303
        back = step | {"departure": str(departure.id), "seen": "paid"}
        assert browser.send(f"{costs}/back", back).status_code == 303
        file = browser.get(f"{costs}.csv")
        assert (file.headers["content-type"], "1000.50;NOK;invoiced" in file.text) == ("text/csv; charset=utf-8", True)
        assert "invoiced" in fails(browser, f"/departures/{departure.id}/edit", DEPARTURE | {"cost": "5"}, 409)
        assert browser.send(f"/departures/{departure.id}/remove").status_code == 409
        assert browser.send("/travel-settings", {"lock_days": "200"}).status_code == 422
        assert browser.send("/travel-settings", {"lock_days": "30"}).status_code == 303


def test_a_volunteer_ticks_off(trip: Trip, at: At) -> None:
    offer = trip.accepted("one", 3)
    trip.accepted("two", 2, "Bergvik", BERGEN)
    trip.departs()
    at(ON_THE_DAY)
    base = f"/stays/{trip.stay_id}"
    with trip.camp.browser("volunteer") as browser:
        shown = text_of(browser.get(f"{base}/manifest?point={OSLO.replace(' ', '%20')}").text)
        assert ("Family one 3 9 years" in shown, "Family two" in shown) == (True, False)
        form = {"family": str(offer), "place": "0", "state": "came", "seen": "", "point": OSLO}
        answer = browser.send(f"{base}/attendance", form)
        there = f"{base}/manifest?point=Oslo+bussterminal#family-{offer}"
        assert (answer.status_code, answer.headers["location"]) == (303, there)
        assert "Somebody else" in fails(browser, f"{base}/attendance", form | {"state": "not_come"}, 409)
        everybody = {"family": str(offer), "state": "came"}
        assert browser.send(f"{base}/attendance", everybody).headers["location"] == f"{base}/manifest#family-{offer}"
        assert "3 of 5 came" in text_of(browser.get(f"{base}/manifest").text)
        taken_back = form | {"state": "unknown", "seen": "came"}
        assert browser.send(f"{base}/attendance", taken_back).status_code == 303
        assert "2 of 5 came" in text_of(browser.get(f"{base}/manifest").text)
        pdf = browser.get(f"{base}/manifest.pdf")
        assert pdf.content.startswith(b"%PDF")
        assert "lead this stay" in text_of(browser.get(f"{base}/participants").text)
        for path in (f"{base}/departures/new", f"{base}/packing", f"/seasons/{trip.camp.season}/travel-costs"):
            assert browser.get(path).status_code == 403, path


def test_needs_are_shown_until_the_season_is_over(trip: Trip, at: At) -> None:
    trip.accepted("one", needs={"diet": "No pork", "emergency_phone": "90 00 00 77"})
    at(ON_THE_DAY)
    with trip.camp.browser("coordinator") as browser:
        page = browser.get(f"/stays/{trip.stay_id}/participants")
        assert ("No pork" in page.text, 'href="tel:90000077"' in page.text) == (True, True)
    at("2026-09-01T08:00Z")
    with trip.camp.browser("coordinator") as browser:
        closed = browser.get(f"/stays/{trip.stay_id}/participants")
        assert (closed.status_code, "No pork" in closed.text) == (403, False)


def test_packing_letters_from_their_page(trip: Trip, at: At) -> None:
    base = f"/stays/{trip.stay_id}/packing"
    with trip.camp.browser("coordinator") as browser:
        assert "Nobody comes yet" in text_of(browser.get(base).text)
        assert browser.get(f"{base}.pdf").status_code == 409
        trip.accepted("one", language="dansk", point=None)
        assert browser.send(base, {"nb": "Regntøy", "da": "", "en": "y" * 3001}).status_code == 422
        assert browser.send(base, {"nb": "Regntøy", "da": "Regntøj", "en": ""}).status_code == 303
        shown = text_of(browser.get(base).text)
        assert ("Dansk: 1" in shown, "without an assembly point: 1" in shown, "Regntøj" in shown) == (True, True, True)
        assert browser.get(f"{base}.pdf").content.startswith(b"%PDF")
        browser.send(base, {"nb": "", "da": "Regntøj", "en": ""})
        assert trip.camp.rows(trip.tenant, "SELECT language FROM packing_text") == [("da",)]
    at(AFTERWARDS)
    with trip.camp.browser("coordinator") as browser:
        assert "nothing to pack" in text_of(browser.get(base).text)


def test_a_family_says_how_it_was(trip: Trip, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    trip.accepted("one")
    [code] = trip.codes().values()
    with trip.camp.browser("coordinator") as browser:
        browser.http.cookies.delete("medspiller")
        assert "Fill this in" in fails(browser, "/opinion", {"code": ""}, 422)
        assert "last day" in fails(browser, "/opinion", {"code": code}, 409)
        at(LAST_DAY)
        assert "no such code" in fails(browser, "/opinion", {"code": "AAAA-BBBB-CCCC"}, 404)
        asked = browser.send("/opinion", {"code": code})
        assert (asked.status_code, f'value="{code}"' in asked.text) == (200, True)
        answer = {"code": code, "overall": "5", "again": "yes", "children": "", "words": "It was good"}
        assert "Fill this in" in fails(browser, "/opinion/answer", answer | {"overall": ""}, 422)
        assert browser.send("/opinion/answer", answer | {"words": "x" * 501}).status_code == 422
        assert browser.send("/opinion/answer", answer).headers["location"] == "/opinion/thanks"
        assert "used up" in text_of(browser.get("/opinion/thanks").text)
        assert "already" in fails(browser, "/opinion/answer", answer, 409)
        assert "already" in fails(browser, "/opinion", {"code": code}, 409)
        monkeypatch.setattr(throttle, "UNKNOWN_SECRETS", throttle.Limit("few", 2, throttle.UNKNOWN_SECRETS.span))
        tries = [browser.send("/opinion", {"code": "AAAA-BBBB-CCCC"}).status_code for _ in range(3)]
        assert tries == [404, 404, 429]
    assert trip.camp.rows(trip.tenant, "SELECT words FROM opinion") == [("It was good",)]


def test_a_volunteer_says_how_it_was_and_reads_what_enough_have_said(trip: Trip, at: At) -> None:
    base = f"/stays/{trip.stay_id}"
    with trip.camp.browser("volunteer") as browser:
        assert "from its last day on" in text_of(browser.get(f"{base}/opinion").text)
    at(LAST_DAY)
    with trip.camp.browser("volunteer") as browser:
        answer = {"overall": "4", "again": "perhaps", "travel": "2", "words": "Hidden words"}
        assert browser.send(f"{base}/opinion", answer).headers["location"] == f"{base}/opinions"
        shown = text_of(browser.get(f"{base}/opinions").text)
        assert ("Answers: 1" in shown, "Hidden words" in shown) == (True, False)
        assert "already" in fails(browser, f"{base}/opinion", answer, 409)


def test_the_api_does_the_same(trip: Trip, at: At) -> None:
    offer = trip.accepted("one", 2)
    trip.accepted("two", 2, point=None)
    at(ON_THE_DAY)
    body = {"assembly_point": OSLO, "leaves_on": "2026-06-27", "leaves_at": "08:30", "seats": 1, "cost_ore": 999}
    stay, season = f"/stays/{trip.stay_id}", f"/seasons/{trip.camp.season}"
    with trip.camp.browser("coordinator") as browser:
        made = browser.call("POST", f"{stay}/departures", body, **{"Idempotency-Key": "k"})
        again = browser.call("POST", f"{stay}/departures", body, **{"Idempotency-Key": "k"})
        assert (made.status_code, made.json()["currency"]) == (201, "NOK")
        assert again.json() == made.json()
        travel = browser.call("GET", f"{stay}/travel").json()
        assert (travel["points"][0]["seats_left"], travel["families_without_point"]) == (-1, 1)
        changed = browser.call("PUT", f"/departures/{made.json()['id']}", body | {"seats": 9})
        assert changed.json()["seats"] == 9
        assert browser.call("PUT", f"/departures/{made.json()['id']}", body | {"leaves_at": "24:00"}).status_code == 422
        note = {"offer_id": str(offer), "place": 0, "state": "came"}
        assert [browser.call("POST", f"{stay}/attendance", note).status_code for _ in range(2)] == [204, 204]
        assert browser.call("POST", f"{stay}/attendance", note | {"state": "not_come"}).status_code == 409
        assert browser.call("POST", f"{stay}/attendance", note | {"state": None, "seen": "came"}).status_code == 204
        browser.call("POST", f"{stay}/attendance", note)
        [family] = browser.call("GET", f"{stay}/manifest?assembly_point={OSLO}").json()["families"]
        assert [(one["age"], one["state"]) for one in family["travellers"]] == [(38, "came"), (9, None)]
        assert len(browser.call("GET", f"{stay}/manifest").json()["families"]) == 2
        [line] = browser.call("GET", f"{season}/travel-costs").json()["lines"]
        assert (line["amount_ore"], line["fixed"]) == (999, False)
        step = {"municipality_id": line["municipality_id"], "step": "invoice", "on": "2026-06-27"}
        assert browser.call("POST", f"{season}/travel-costs/steps", step).json() == {"lines": 1}
        [line] = browser.call("GET", f"{season}/travel-costs").json()["lines"]
        assert (line["amount_ore"], line["state"]) == (999, "invoiced")


def test_no_link_of_the_pages_leads_nowhere(trip: Trip, at: At) -> None:
    trip.accepted("one")
    trip.departs()
    at(ON_THE_DAY)
    with trip.camp.browser("coordinator") as browser:
        for page in ("travel", "manifest", "participants", "packing", "opinions", "opinion"):
            shown = browser.get(f"/stays/{trip.stay_id}/{page}").text
            for link in set(re.findall(r'href="(/(?:stays|departures|seasons)/[^"#]+)', shown)):
                assert browser.get(link.replace("&amp;", "&")).status_code == 200, (page, link)
