"""What the Norwegian registers say is kept; where they say nothing that can be used, nobody is held up."""

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from jobs.worker import Worker
from service.clubs import lookups, registers
from service.clubs.lookups import Saying
from service.clubs.registers import Enhetsregisteret, Frivillighetsregisteret, Looked, Register, TryLater
from service.errors import Refused
from service.settings import load
from tests.clubs.house import ADMIN, IBANS, House
from tests.clubs.peer import Peer, Reply
from tests.clubs.peer import registers as serving

NUMBER = "974760673"
UNIT, VOLUNTARY = f"/er/enheter/{NUMBER}", f"/fr/frivillige-organisasjoner/{NUMBER}"
At = Callable[[str], None]


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    with serving() as peer:
        monkeypatch.setenv("MEDSPILLER_ENHETSREGISTERET_URL", f"{peer.url}/er")
        monkeypatch.setenv("MEDSPILLER_FRIVILLIGHETSREGISTERET_URL", f"{peer.url}/fr/")
        peer.says(UNIT, peer.unit(NUMBER))
        peer.says(VOLUNTARY, peer.voluntary(NUMBER))
        yield peer


def unit(peer: Peer) -> Looked:
    return Enhetsregisteret(f"{peer.url}/er").look_up(NUMBER)


def test_what_the_registers_say_is_read(peer: Peer) -> None:
    found = unit(peer)
    assert (found.outcome, found.said.name, found.said.form) == ("found", "FREMAD", "Forening/lag/innretning")
    assert (found.said.municipality, found.said.bankrupt, found.said.ended_on) == ("BERGEN", False, None)
    more = Frivillighetsregisteret(f"{peer.url}/fr").look_up(NUMBER)
    assert (more.outcome, more.said.account, more.said.status) == ("found", IBANS["no"], "AKTIV")
    assert more.said.categories == ["idrett"]
    assert peer.accepted == ["application/json"] * 2


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(404, b'{"status":404}'), "unknown"),
        (Reply(410, b""), "deleted"),
        (Reply(200, b'{"organisasjonsnummer":"974760673","navn":"X","slettedato":"2020-01-01"}'), "deleted"),
        (Reply(200, b'{"organisasjonsnummer":"974760673"}'), "found"),
    ],
)
def test_a_number_that_is_not_there_any_more_is_told_apart(peer: Peer, reply: Reply, outcome: str) -> None:
    peer.says(UNIT, reply)
    assert unit(peer).outcome == outcome


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(500), "answers with 500"),
        (Reply(429), "answers with 429"),
        (Reply(204, b""), "answers with 204"),
        (Reply(200, b"<html>maintenance</html>"), "cannot be read"),
        (Reply(200, b'{"organisasjonsnummer":"9747'), "cannot be read"),
        (Reply(200, b'{"organisasjonsnummer":974760673}'), "cannot be read"),
        (Reply(200, b'{"navn":"X"}'), "cannot be read"),
        (Reply(200, b"[]"), "cannot be read"),
        (Reply(200, b"\xff\xfe"), "cannot be read"),
        (Reply(200, b'{"organisasjonsnummer":"999888704"}'), "another number"),
        (Reply(200, b" " * 1_000_001), "too large"),
        (Reply(302, location="https://elsewhere.example/x"), "another address"),
        (Reply(302, location="//elsewhere.example/x"), "another address"),
        (Reply(302, location=UNIT), "from one address to the next"),
        (Reply(302, location="http://[broken"), "address"),
    ],
)
def test_what_cannot_be_used_is_no_answer(peer: Peer, reply: Reply, why: str) -> None:
    peer.says(UNIT, reply)
    with pytest.raises(TryLater, match=why):
        unit(peer)


def test_a_register_that_moved_within_its_address_is_followed(peer: Peer) -> None:
    peer.says("/old", Reply(301, location=UNIT))
    peer.says(UNIT, Reply(308, location="/er/new"))
    peer.says("/er/new", peer.unit(NUMBER))
    assert unit(peer).outcome == "found"


def test_a_slow_register_is_not_waited_for(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registers, "_TIMEOUT", httpx.Timeout(0.3))
    monkeypatch.setattr(registers, "_PATIENCE", 0.6)
    peer.says(UNIT, Reply(pause=2))
    begun = time.monotonic()
    with pytest.raises(TryLater, match="does not answer: ReadTimeout"):
        unit(peer)
    # A byte now and then resets the time-out of each read, but not the patience.
    peer.says(UNIT, Reply(body=b" " * 100, trickle=0.1))
    with pytest.raises(TryLater, match="takes too long"):
        unit(peer)
    assert time.monotonic() - begun < 3
    with pytest.raises(TryLater, match="does not answer: ConnectError"):
        Enhetsregisteret("http://127.0.0.1:9").look_up(NUMBER)


def says(house: House) -> dict[str, Saying]:
    with house.session() as session:
        return {one.source: one for one in lookups.sayings_of(session, NUMBER, "no")}


def test_an_application_is_looked_up_by_a_worker_and_shown_beside(norwegian: House, peer: Peer) -> None:
    application = norwegian.apply()
    assert {one.outcome for one in says(norwegian).values()} == {"not_asked"}
    assert peer.asked == [], "nobody waits for a register on the page"
    Worker(norwegian.database, load(), []).once()
    assert sorted(peer.asked) == [UNIT, VOLUNTARY]
    assert {source: one.outcome for source, one in says(norwegian).items()} == {
        "enhetsregisteret": "found",
        "frivillighetsregisteret": "found",
    }
    with norwegian.browser(ADMIN) as admin:
        shown = admin.get(f"/clubs/applications/{application}").text
    for said in ("FREMAD", "BERGEN", "AKTIV", "The name is the same", "The account is the same", "idrett"):
        assert said in shown


def test_an_answer_counts_for_a_while_and_is_asked_for_anew_by_hand(norwegian: House, peer: Peer, at: At) -> None:
    worker = Worker(norwegian.database, load(), [])
    application = norwegian.apply()
    worker.once()
    norwegian.apply()
    worker.once()
    assert len(peer.asked) == 2, "the answers of before count"
    peer.says(UNIT, peer.unit(NUMBER, navn="ANOTHER", konkurs=True))
    with norwegian.browser(ADMIN) as admin:
        assert admin.send(f"/clubs/applications/{application}/look-up").status_code == 303
        assert admin.send(f"/clubs/applications/{application}/look-up").status_code == 303, "ordered once is enough"
        worker.once()
        assert len(peer.asked) == 4
        shown = admin.get(f"/clubs/applications/{application}").text
        assert "The name is another" in shown
        assert "Bankrupt" in shown
    at("2026-03-01T08:00Z")
    norwegian.apply()
    worker.once()
    assert len(peer.asked) == 6, "after 30 days they are asked again"


def test_a_register_that_fails_blocks_nothing_and_is_asked_again(
    norwegian: House, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.clubs.PAUSES", (0, 0, 0))
    peer.says(UNIT, Reply(500), Reply(503), peer.unit(NUMBER))
    peer.says(VOLUNTARY, Reply(500))
    application = norwegian.apply()
    worker = Worker(norwegian.database, load(), [])
    for _ in range(6):
        worker.once()
    assert peer.asked.count(UNIT) == 3, "until it answered"
    assert peer.asked.count(VOLUNTARY) == 4, "and then no more"
    assert says(norwegian)["enhetsregisteret"].outcome == "found"
    assert says(norwegian)["frivillighetsregisteret"].outcome == "failed"
    with norwegian.browser(ADMIN) as admin:
        shown = admin.get(f"/clubs/applications/{application}").text
        assert "Not looked up: the register did not answer" in shown
        assert admin.send(f"/clubs/applications/{application}/approval").status_code == 303
    # What it says later takes the place of the failure, and a later failure does not take the place of that.
    peer.says(VOLUNTARY, peer.voluntary(NUMBER), Reply(500))
    asked = registers.registers_of(load())
    lookups.look_up(norwegian.database, asked, norwegian.municipality.id, NUMBER, fresh=False)
    assert says(norwegian)["frivillighetsregisteret"].outcome == "found"
    with pytest.raises(TryLater):
        lookups.look_up(norwegian.database, asked, norwegian.municipality.id, NUMBER, fresh=True)
    assert says(norwegian)["frivillighetsregisteret"].outcome == "found"


def test_without_registers_nothing_is_asked(norwegian: House, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    for register in ("ENHETSREGISTERET", "FRIVILLIGHETSREGISTERET"):
        monkeypatch.setenv(f"MEDSPILLER_{register}_URL", "off")
    norwegian.apply()
    Worker(norwegian.database, load(), []).once()
    assert peer.asked == []
    assert {one.outcome for one in says(norwegian).values()} == {"not_asked"}


def test_a_danish_number_is_never_sent_anywhere(house: House, peer: Peer) -> None:
    house.apply()
    Worker(house.database, load(), []).once()
    assert peer.asked == []


@pytest.mark.parametrize("url", ["http://data.brreg.no/api", "ftp://x", "https://", "https://x/?q=1", "https://a:b@x/"])
def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MEDSPILLER_ENHETSREGISTERET_URL", url)
    with pytest.raises(Refused, match="MEDSPILLER_ENHETSREGISTERET_URL"):
        load()


def test_the_registers_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDSPILLER_ENHETSREGISTERET_URL", raising=False)
    monkeypatch.setenv("MEDSPILLER_FRIVILLIGHETSREGISTERET_URL", "off")
    known: list[Register] = registers.registers_of(load())
    assert [one.source for one in known] == ["enhetsregisteret"]
    assert load().enhetsregisteret_url == "https://data.brreg.no/enhetsregisteret/api"
