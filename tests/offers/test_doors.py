"""Offers through their pages and the API, by hand and by wrong hands; the letters; the commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from service.identity.throttle import OFFER_CODES
from service.offers import answers
from service.offers.answers import Yes
from service.offers.letters import print_letters
from service.offers.rules import Needs
from service.values import pass_numbers
from tests.apps import app_over
from tests.conftest import Medspiller
from tests.identity.clients import HTML, Client, text_of
from tests.offers.summer import ALL, Summer
from tests.offers.test_offers import full

At = Callable[[str], None]


def family(summer: Summer) -> Any:
    """The browser of somebody who is not known."""
    return TestClient(app_over(summer.camp.database, requests_a_minute=100_000), raise_server_exceptions=False)


def test_the_page_speaks_the_family_s_language_and_tells_what_became_of_the_offer(summer: Summer, at: At) -> None:
    summer.list("p", wishes="A1", language="dansk")
    summer.list("q", wishes="A1", language="somali")
    summer.hand_over()
    for key in ("p", "q"):
        summer.place(key, "A1")
    summer.offer()
    with family(summer) as http:
        pages = {key: http.get(f"/answer/{summer.secret(key)}", headers=HTML).text for key in ("p", "q")}
        assert '<html lang="da"' in pages["p"]
        assert '<html lang="nb"' in pages["q"]
        http.cookies.set("language", "en", domain="testserver.local")
        client = Client(http)
        link = f"/answer/{summer.secret('p')}"
        assert client.send(f"{link}/no", {"because": "nonsense"}).status_code == 422
        assert client.send(f"{link}/no", {"because": "time", "by": "link"}).status_code == 303
        assert "You have said no" in text_of(client.get(link).text)
        # Said again, or another way, nothing changes.
        assert client.send(link, {"comes": ["0", "1"], "by": "link"}).status_code == 303
        assert client.send(f"{link}/cancel", {}).status_code == 303
        assert client.get(f"{link}/no").status_code == client.get(f"{link}/cancel").status_code == 303
        other = f"/answer/{summer.secret('q')}"
        at("2026-06-05T08:00Z")
        assert "The time to answer is over" in text_of(client.get(other).text)
        with summer.session() as session:
            answers.withdraw(session, summer.desk(), summer.ids("q"))
        assert "no longer there" in text_of(client.get(other).text)
    assert summer.states() == {"p": "declined", "q": "withdrawn"}


def test_wrong_links_and_codes_tell_nothing_and_are_slowed_down(summer: Summer) -> None:
    full(summer)
    with family(summer) as http:
        http.cookies.set("language", "en", domain="testserver.local")
        client = Client(http)
        for secret in ("x" * 43, "y" * 500):
            assert client.get(f"/answer/{secret}").status_code == 404
            assert client.send(f"/answer/{secret}", {"comes": "0"}).status_code == 404
        said = set()
        for code in ("", "AAAA-BBB-CCCC", pass_numbers.generate(), summer.code("p")[:-1] + "Z"):
            answer = client.send("/answer", {"code": code})
            assert answer.status_code == 422
            said.add(text_of(answer.text).count("is not the code of an offer"))
        assert said == {0, 2}
        right = client.send("/answer", {"code": summer.code("p")})
        assert right.headers["location"] == f"/answer/{summer.secret('p')}?by=code"
        for _ in range(OFFER_CODES.times):
            answer = client.send("/answer", {"code": pass_numbers.generate()})
        assert answer.status_code == 429
        assert client.send("/answer", {"code": summer.code("q")}).status_code == 429


def test_a_coordinator_notes_what_families_say(summer: Summer) -> None:
    full(summer)
    with summer.camp.browser("volunteer") as browser:
        at = f"/offers/{summer.ids('p')}"
        assert browser.send(f"{at}/yes", {"comes": "0", "by": "link"}).status_code == 422
        assert browser.send(f"{at}/yes", {"comes": ["0", "1"], "diet": "Vegan", "by": "link"}).status_code == 303
        assert "Vegan" in text_of(browser.get(at).text)
        assert browser.send(f"{at}/no").status_code == 409
        assert browser.send(f"{at}/cancel").status_code == 303
        assert browser.send(f"{at}/cancel").status_code == 409
        assert "Vegan" not in text_of(browser.get(at).text)
        assert browser.send(f"{at}/remind").status_code == 409
        assert browser.send(f"{at}/wait-again").status_code == 303
        assert browser.send(f"{at}/wait-again").status_code == 409
        other = f"/offers/{summer.ids('q')}"
        assert browser.send(f"{other}/remind").status_code == 303
        assert browser.send(f"{other}/withdraw").status_code == 303
        season = f"/seasons/{summer.camp.season}"
        found = text_of(browser.send(f"{season}/offers/search", {"q": "mor P"}).text)
        assert "Mor p" in found
        assert "Mor q" not in found
        assert "Mor" not in text_of(browser.get(f"{season}/offers?state=accepted&stay=A1&sort=deadline").text)
        file = browser.get(f"{season}/waiting-list/file.csv").text
        assert file.splitlines()[1].startswith("1;Uvik;p;2;2;5;no;70;no;A1;A1;")
        assert "Mor" not in file
        assert browser.send(f"{season}/waiting-list/all").status_code == 303
        assert browser.send(f"{season}/offers/letters").status_code == 409
    assert summer.states()["p"] == "open"


def test_who_may_not_sees_nothing(summer: Summer) -> None:
    full(summer)
    for name in ("worker", "nurse"):
        with summer.camp.browser(name) as browser:
            for path in (f"/seasons/{summer.camp.season}/offers", f"/offers/{summer.ids('p')}"):
                assert browser.get(path).status_code == 403
                assert browser.call("GET", path).status_code == 403


def test_the_api(summer: Summer) -> None:
    summer.list("p", need=5, wishes="A1", phone="")
    summer.list("q", need=4, wishes="A1", phone="")
    summer.list("w", need=3, wishes="A1")
    summer.hand_over()
    for key in ("p", "q"):
        summer.place(key, "A1")
    season, uvik = f"/seasons/{summer.camp.season}", str(summer.camp.place("Uvik"))
    with summer.camp.browser("coordinator") as browser:
        one = {"municipality_id": uvik, "family_key": "p"}
        few = browser.call("POST", f"{season}/offers", {"families": [one]})
        assert (few.status_code, "Too few volunteers" in few.text) == (409, True)
        wrong = browser.call("POST", f"{season}/offers", {"families": [one | {"via": "text"}], "even_so": True})
        assert [error["field"] for error in wrong.json()["errors"]] == ["via"]
        wrong = browser.call("POST", f"{season}/offers", {"families": [one | {"via": "email"}], "even_so": True})
        assert [error["field"] for error in wrong.json()["errors"]] == ["email"]
        known = one | {"via": "referrer", "email": "nurse@uvik.example"}
        made = browser.call("POST", f"{season}/offers", {"families": [known], "even_so": True, "days": 7})
        assert made.status_code == 201, made.text
        assert browser.call("POST", f"{season}/offers", {"even_so": True}).json()["offers"] != []
        mail = summer.camp.e_mails()[-1]
        assert mail.to == "nurse@uvik.example"
        assert f"/answer/{summer.secret('p')}" in mail.text
        assert "Mor" not in mail.text
        listed = browser.call("GET", f"{season}/offers?state=open&limit=1").json()
        assert [item["family_key"] for item in listed["items"]] == ["p"]
        assert browser.call("GET", f"{season}/offers?state=nonsense").status_code == 422
        letters = browser.call("POST", f"{season}/offers/letters")
        assert (letters.status_code, letters.content[:5]) == (200, b"%PDF-")
        assert browser.call("POST", f"{season}/offers/letters").status_code == 409
        [offer] = made.json()["offers"]
        wrong = browser.call("POST", f"/offers/{offer}/answer", {"accepts": True, "comes": [7]})
        assert [error["field"] for error in wrong.json()["errors"]] == ["comes"]
        yes = browser.call("POST", f"/offers/{offer}/answer", {"accepts": True, "comes": [0, 1], "access": "A pram"})
        assert yes.json()["state"] == "accepted"
        assert browser.call("POST", f"/offers/{offer}/answer", {"accepts": False}).status_code == 409
        assert browser.call("GET", f"/offers/{offer}").json()["access"] == "A pram"
        assert browser.call("POST", f"/offers/{offer}/withdrawal").json()["state"] == "withdrawn"
        assert browser.call("GET", f"/offers/{offer}").json()["access"] == ""
        [waiting] = browser.call("GET", f"{season}/waiting-list").json()["items"]
        assert (waiting["family_key"], waiting["next_for"]) == ("w", "A1")
        half = browser.call("POST", f"{season}/waiting-list/offers", {"family_key": "w"})
        assert [error["field"] for error in half.json()["errors"]] == ["municipality_id"]
        asked = {"municipality_id": uvik, "family_key": "w", "stay_id": waiting["next_for_id"]}
        assert browser.call("POST", f"{season}/waiting-list/offers", asked).status_code == 201
        assert browser.call("POST", f"{season}/waiting-list/offers", asked).status_code == 409
        back = browser.call("POST", f"/offers/{offer}/return").json()
        assert back["waits_again"] is True
        settings = {"answer_days": 5, "remind_days": 1, "by_itself": True}
        assert browser.call("PUT", f"{season}/offers/settings", settings).json() == settings
        assert browser.call("PUT", f"{season}/offers/settings", {"answer_days": 0}).status_code == 422
        assert browser.call("GET", f"{season}/offers/settings").json() == settings
        assert browser.call("POST", f"{season}/offers/reminders").json() == {"reminders": 0}
        assert browser.call("POST", f"/stays/{summer.camp.stays['A1']}/reoffer").status_code == 409


def test_commands(summer: Summer, medspiller: Medspiller, tmp_path: Path, at: At) -> None:
    summer.list("p", wishes="A1", phone="")
    summer.list("w", need=1, wishes="A1")
    summer.hand_over()
    summer.place("p", "A1")
    of = ("--organisation", "ferie", "--season", "Sommer 2026")
    assert "Too few volunteers" in medspiller.fails("offers", "send", *of)
    assert "no stay X" in medspiller.fails("offers", "send", *of, "--stay", "X")
    assert len(medspiller("offers", "send", *of, "--even-so", "--stay", "A1")["offers"]) == 1
    assert medspiller("offers", "letters", *of, "--out", tmp_path / "o.pdf")["file"].endswith("o.pdf")
    assert (tmp_path / "o.pdf").read_bytes().startswith(b"%PDF-")
    assert medspiller("offers", "remind", *of) == {"reminders": 0}
    [told] = medspiller("offers", "next", *of)["next"]
    assert (told["family"], told["stay"]) == ("w", "A1")
    assert len(medspiller("offers", "next", *of, "--commit")["offers"]) == 1
    at("2026-06-05T08:00Z")
    assert medspiller("offers", "expire", *of) == {"expired": 2, "withdrawn": 0}
    assert summer.states() == {"p": "expired", "w": "expired"}
    assert medspiller("database", "check")


@pytest.mark.parametrize("language", ["dansk", "norsk", "english"])
def test_a_letter_is_the_same_to_the_byte(summer: Summer, language: str) -> None:
    summer.list("p", wishes="A1", phone="", language=language)
    summer.hand_over()
    summer.place("p", "A1")
    summer.offer()
    with summer.session() as session:
        first = print_letters(session, summer.desk(), summer.camp.season)
    with summer.session() as session:
        assert print_letters(session, summer.desk(), summer.camp.season, again=True) == first
    with summer.session() as session:
        answers.accept(session, summer.desk(), summer.ids("p"), Yes((0, 1), None, Needs()), "code")
    assert summer.offers()["p"].sent_at is not None
    assert ALL.comes == (0, 1)
