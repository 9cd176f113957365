"""The pages of print batches, held-back letters and returned mail, over the whole application."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from httpx import Response

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.database.engine import Database
from service.identity.actions import find_municipality
from service.letters.words import held_words
from service.settings import load
from tests.calls import Callers, Client, callers_of
from tests.conftest import Medspiller
from tests.passes.town import Town

HTML = {"accept": "text/html"}


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Two families with a letter that waits, one at a protected address, and one whose address is not known."""
    at("2017-01-15T08:00Z")
    made = Town(medspiller, database, tmp_path)
    made.family("H1", "Ada", "Bo")
    made.family("H2", "Dina")
    made.family("SECRET", "Carl", address_protected=1, street="Skjulvej 9")
    made.family("LOST", "Eva", street="")
    made.load()
    made.commit()
    return made


@pytest.fixture
def callers(town: Town) -> Iterator[Callers]:
    with callers_of(town.database, town.municipality) as made:
        yield made


@pytest.fixture
def worker(callers: Callers) -> Client:
    return _english(callers.person("case_worker"))


def _english(client: Client) -> Client:
    client.cookies.set("language", "en", domain="testserver.local")
    return client


def get(client: Client, address: str, status: int = 200) -> str:
    answer: Response = client.get(address, headers=HTML, follow_redirects=False)
    assert answer.status_code == status, answer.text
    return answer.text


def send(client: Client, address: str, **fields: object) -> Response:
    return client.post(address, data=fields, headers=HTML, follow_redirects=False)


def said(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


def key_of(html: str) -> str:
    found: str = re.findall(r'name="key" value="([^"]+)"', html)[0]
    return found


def letter_of(town: Town, household: str) -> tuple[str, str]:
    """The id and the number of a household's newest letter."""
    [*_, (id_, number)] = town.rows(
        "SELECT l.id, l.number FROM letter l JOIN household h ON h.id = l.household_id"
        " WHERE h.reference = :household ORDER BY l.id",
        household=household,
    )
    return str(id_), str(number)


def work(town: Town) -> None:
    Worker(town.database, load(), TIMETABLE[:0]).once()


def test_batches_are_made_looked_at_and_handed_over(town: Town, worker: Client) -> None:
    before = get(worker, "/letters/batches")
    assert "Letters that wait for a print batch 4" in said(before)
    key = key_of(before)
    first, second = (send(worker, "/letters/batches", key=key) for _ in range(2))
    assert first.status_code == 303
    assert first.headers["location"] == second.headers["location"], "a double click orders once"
    work(town)
    assert "See the print batches" in get(worker, first.headers["location"])
    after = said(get(worker, "/letters/batches"))
    assert "Letters held back 1" in after
    assert "Batch 2 protected addresses ready to hand over 1" in after
    assert "Batch 1 ready to hand over 2" in after

    shown = get(worker, "/letters/batches/1")
    assert letter_of(town, "H1")[1] in shown
    assert worker.get("/letters/batches/1/file.pdf").content.startswith(b"%PDF")
    assert "letter_number" in worker.get("/letters/batches/1/manifest.csv").text
    taken = "SELECT count(*) FROM audit_entry WHERE action = 'letters.download' AND door = 'page'"
    assert town.rows(taken) == [(2,)]

    given = send(worker, "/letters/batches/1/hand-over", key=key_of(shown))
    work(town)
    assert "2 letters of print batch 1 were handed over" in said(get(worker, given.headers["location"]))
    done = said(get(worker, "/letters/batches/1"))
    assert "Its files are not kept here any more" in done
    assert "Hand over" not in done
    assert send(worker, "/letters/batches/1/hand-over", key=key_of(before)).status_code == 409
    get(worker, "/letters/batches/1/file.pdf", 404)


def test_the_files_of_protected_letters_are_nobodys(town: Town, worker: Client) -> None:
    send(worker, "/letters/batches", key=key_of(get(worker, "/letters/batches")))
    work(town)
    shown = said(get(worker, "/letters/batches/2"))
    assert "Nobody takes the files of this batch here" in shown
    assert "Letters (PDF)" not in shown
    assert "Hand over 1 letters" in shown
    get(worker, "/letters/batches/2/file.pdf", 403)
    carl = get(worker, f"/letters/{letter_of(town, 'SECRET')[0]}")
    assert "SECRETs mor" in carl
    assert "Skjulvej" not in carl


def test_a_letter_held_back_goes_to_the_address_written_into_it(town: Town, worker: Client) -> None:
    town.batch()
    held = said(get(worker, "/letters/held"))
    assert "LOST The register has no full address. Write the address into the letter" in held
    letter, _ = letter_of(town, "LOST")
    form = get(worker, f"/letters/{letter}")
    wrong = send(worker, f"/letters/{letter}/address", street="Ny Vej 3", postcode="", city="Aarhus", key=key_of(form))
    assert wrong.status_code == 422
    assert "Ny Vej 3" in wrong.text
    given = {"street": "Ny Vej 3", "postcode": "8000", "city": "Aarhus C", "key": key_of(form)}
    assert send(worker, f"/letters/{letter}/address", **given).status_code == 303
    assert "Ny Vej 3, 8000 Aarhus C (written here)" in said(get(worker, f"/letters/{letter}"))
    assert "No letter is held back" in get(worker, "/letters/held")
    town.batch()
    assert town.letters()[letter_of(town, "LOST")[1]].recipient[-2:] == ("Ny Vej 3", "8000 Aarhus C")
    late = send(worker, f"/letters/{letter}/address", **given)
    assert late.status_code == 409
    assert "in a print batch" in said(late.text)


def test_each_reason_for_which_letters_are_held_back_has_words() -> None:
    for because in (
        "The register has no full address.",
        "A child has left the household. To send its pass to where it lives, replace the pass.",
        "The register has no name for the child.",
    ):
        assert "operator" not in held_words(because).do
    assert held_words("There are no words for the reason x.").because == "There are no words for the reason x."


def test_returned_mail_is_noted_number_after_number(town: Town, worker: Client) -> None:
    town.batch()
    town.send()
    _, first = letter_of(town, "H1")
    _, second = letter_of(town, "H2")
    assert "None so far" in get(worker, "/letters/returns")
    noted = send(worker, "/letters/returns", number=f"{first[:3]} {first[3:]}", reason="moved")
    assert noted.status_code == 200
    assert f"Letter {first} is noted" in noted.text
    assert '<option value="moved" selected>' in noted.text
    assert "1 letter noted today" in noted.text
    again = send(worker, "/letters/returns", number=first)
    assert (again.status_code, "was noted as returned before" in again.text) == (422, True)
    mistyped = f"{int(second) + 1:09}"
    for number, sentence in (
        (mistyped, "is a digit mistyped?"),
        ("12", "at least nine digits"),
        ("", "at least nine digits"),
        ("000999974", "There is no letter 000999974"),
    ):
        refused = send(worker, "/letters/returns", number=number)
        assert (refused.status_code, sentence in said(refused.text)) == (422, True), said(refused.text)
    assert send(worker, "/letters/returns", number=second).status_code == 200
    listed = said(get(worker, "/letters/returns"))
    assert "2 letters noted today" in listed
    assert listed.index(second) < listed.index(first)
    assert town.rows("SELECT number, returned_because FROM letter WHERE state = 'returned' ORDER BY number") == [
        (first, "moved"),
        (second, None),
    ]
    assert town.sound()


def test_a_returned_letter_is_sent_again_once(town: Town, worker: Client) -> None:
    town.batch()
    town.send()
    letter, number = letter_of(town, "H1")
    send(worker, "/letters/returns", number=number, reason="moved")
    assert "Returned letters, to be sent again" in get(worker, "/")
    assert number in get(worker, "/letters/returned")
    form = get(worker, f"/letters/{letter}")
    assert "H1s mor" in form
    assert "Prøvevej 1, 8000 Aarhus C" in said(form)
    given = {"street": "Ny Vej 3", "postcode": "8000", "city": "Aarhus C", "key": key_of(form)}
    assert send(worker, f"/letters/{letter}/again", **given).headers["location"] == "/letters/returned"
    send(worker, f"/letters/{letter}/again", **given)
    assert town.rows("SELECT count(*) FROM letter WHERE replaces_id IS NOT NULL") == [(1,)]
    assert number not in said(get(worker, "/letters/returned"))[:400]
    assert "Returned letters, to be sent again" not in get(worker, "/")
    assert "It was sent again as letter" in get(worker, f"/letters/{letter}")
    town.batch()
    assert town.letters()[letter_of(town, "H1")[1]].recipient[-2:] == ("Ny Vej 3", "8000 Aarhus C")


def test_to_the_register_address_where_that_was_put_right(town: Town, worker: Client) -> None:
    town.batch()
    town.send()
    letter, number = letter_of(town, "H2")
    send(worker, "/letters/returns", number=number)
    town.of("Dina")["street"] = "Rigtig Vej 8"
    town.load()
    form = get(worker, f"/letters/{letter}")
    assert "Send to Rigtig Vej 8, 8000 Aarhus C" in said(form)
    assert send(worker, f"/letters/{letter}/again", to="register", key=key_of(form)).status_code == 303
    town.batch()
    assert town.letters()[letter_of(town, "H2")[1]].recipient[-2:] == ("Rigtig Vej 8", "8000 Aarhus C")


def test_what_has_nothing_to_say_any_more_does_not_wait(town: Town, worker: Client) -> None:
    town.batch()
    town.send()
    letter, number = letter_of(town, "H2")
    send(worker, "/letters/returns", number=number)
    town.say("passes", "revoke", town.number("Dina"), "--reason", "no")
    assert "No returned letter waits" in get(worker, "/letters/returned")
    assert "There is nothing to send again" in get(worker, f"/letters/{letter}")


def test_where_the_child_has_left_replacing_the_pass_is_the_way(town: Town, worker: Client) -> None:
    town.batch()
    town.send()
    letter, number = letter_of(town, "H2")
    send(worker, "/letters/returns", number=number)
    town.of("Dina")["household_id"] = "H1"
    town.load()
    shown = said(get(worker, f"/letters/{letter}"))
    assert "The child has left the household" in shown
    assert "Send to this address" not in shown


def test_of_another_municipality_nothing_is_seen(town: Town, callers: Callers) -> None:
    letter, number = letter_of(town, "H1")
    town.batch()
    town.send()
    town.run("municipality", "add", "0101", "Storby", "--country", "dk")
    with town.database.transaction() as session:
        other = find_municipality(session, "0101")
    stranger = _english(callers.person("case_worker", "other@example.org", other))
    get(stranger, f"/letters/{letter}", 404)
    get(stranger, "/letters/batches/1", 404)
    assert "There is no letter" in send(stranger, "/letters/returns", number=number).text
    assert town.rows("SELECT count(*) FROM letter WHERE state = 'returned'") == [(0,)]


def test_the_api_reads_corrects_and_sends_one_letter(town: Town, callers: Callers) -> None:
    system = callers.system("letters")
    town.batch()
    held, _ = letter_of(town, "LOST")
    address = {"street": "Ny Vej 3", "postcode": "8000", "city": "Aarhus C"}
    corrected = system.put(f"/api/v1/letters/{held}/address", json={"address": address})
    assert (corrected.status_code, corrected.json()["state"], corrected.json()["corrected"]) == (200, "queued", address)
    hidden = system.get(f"/api/v1/letters/{letter_of(town, 'SECRET')[0]}").json()
    assert (hidden["protected"], hidden["address"], hidden["registered"]) == (True, None, None)
    town.send()
    letter, number = letter_of(town, "H1")
    assert system.get(f"/api/v1/letters/{letter}").json()["address"] == ["Prøvevej 1", "8000 Aarhus C"]
    system.post("/api/v1/letters/returns", json={"letter_number": number})
    [waiting] = system.get("/api/v1/letters/returned").json()["items"]
    assert waiting["number"] == number
    sent = system.post(f"/api/v1/letters/{letter}/again", json={"address": address})
    assert (sent.status_code, sent.json()["state"]) == (201, "queued")
    assert system.get(f"/api/v1/letters/{letter}").json()["again_number"] == sent.json()["number"]
    assert system.get("/api/v1/letters/returned").json()["items"] == []
    assert system.post(f"/api/v1/letters/{letter}/again", json={}).status_code == 409
