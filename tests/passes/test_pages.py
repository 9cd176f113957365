"""The pages of passes: the list with its filter and file, search, a pass with its ledger, replacing, revoking."""

import csv
import re
from collections.abc import Callable, Iterator
from html import unescape
from io import StringIO

import pytest
from httpx import Response

from service.claims.reservations import reserve
from service.identity.actions import find_municipality
from service.identity.form_keys import new_key
from service.passes.models import ENTRIES as KINDS
from service.passes.web import ENTRIES
from tests.calls import Callers, Client, callers_of
from tests.claims.clubs import claim, desk, open_club
from tests.passes.town import Town

HTML = {"accept": "text/html"}


@pytest.fixture
def peopled(town: Town, at: Callable[[str], None]) -> Town:
    """Three children with a pass; a club has claimed from Ada's, and reserves on Bo's."""
    town.parameters("equipment=300")
    town.family("H1", "Ada", "Bo")
    town.family("H2", "=Dina", district="nord")
    town.load()
    town.commit()
    at("2017-01-16T10:00Z")
    club = open_club(town)
    claim(town, club, "Ada", 40_000)
    with desk(town, club) as here:
        reserve(here, town.number("Bo"), "Bo", 10_000, "Fodbold")
    at("2017-01-15T08:00Z")
    return town


@pytest.fixture
def callers(peopled: Town) -> Iterator[Callers]:
    with callers_of(peopled.database, peopled.municipality) as made:
        yield made


@pytest.fixture
def worker(callers: Callers) -> Client:
    return english(callers.person("case_worker"))


def english(client: Client) -> Client:
    client.cookies.set("language", "en", domain="testserver.local")
    return client


def pass_of(town: Town, child: str) -> str:
    """The id of a child's newest pass."""
    [*_, (found,)] = town.rows(
        "SELECT p.id FROM leisure_pass p JOIN person c ON c.id = p.person_id WHERE c.given_name = :child ORDER BY p.id",
        child=child,
    )
    return str(found)


def get(client: Client, address: str, status: int = 200) -> str:
    answer: Response = client.get(address, headers=HTML, follow_redirects=False)
    assert answer.status_code == status, answer.text
    return answer.text


def send(client: Client, address: str, **fields: object) -> Response:
    return client.post(address, data=fields, headers=HTML, follow_redirects=False)


def said(html: str) -> str:
    main = html[html.index("<main") :] if "<main" in html else html
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main))).replace("\u00a0", " ").strip()


def key_of(html: str) -> str:
    found: str = re.findall(r'name="key" value="([^"]+)"', html)[0]
    return found


def test_the_list_is_filtered_and_noted(peopled: Town, worker: Client) -> None:
    every = said(get(worker, "/passes"))
    assert all(name in every for name in ("Ada", "Bo", "=Dina"))
    assert "3 passes on this page" in every
    assert "1,300.00 kr" in every
    for asked, names in (
        ("used=yes", {"Ada"}),
        ("used=no", {"Bo", "=Dina"}),
        ("district=nord", {"=Dina"}),
        ("state=live&period=2017-01-01", {"Ada", "Bo", "=Dina"}),
        ("state=revoked", set()),
        ("period=2016-01-01", set()),
    ):
        found = said(get(worker, f"/passes?{asked}"))
        assert {name for name in ("Ada", "Bo", "=Dina") if name in found} == names, asked
        assert ("Nothing found" in found) == (not names)
    assert peopled.number("Ada") not in get(worker, "/passes").replace("-", "")
    noted = """SELECT details ->> 'used', details ->> 'rows' FROM audit_entry
        WHERE action = 'passes.list' AND door = 'page' ORDER BY id"""
    assert peopled.rows(noted)[1] == ("true", "1")


def test_the_file_is_safe_filtered_and_noted(peopled: Town, worker: Client) -> None:
    answer = send(worker, "/passes/file", used="no")
    assert answer.headers["content-disposition"] == 'attachment; filename="passes-2017-01-15.csv"'
    rows = list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"))))
    assert {row["given_name"] for row in rows} == {"Bo", "'=Dina"}
    bo = next(row for row in rows if row["given_name"] == "Bo")
    assert (bo["amount"], bo["remaining"], bo["equipment"], bo["state"]) == ("1000.00", "900.00", "300.00", "live")
    assert bo["number_ending"] == peopled.number("Bo")[-4:]
    assert peopled.number("Bo") not in answer.text
    [(last,)] = peopled.rows("SELECT details FROM audit_entry WHERE action = 'passes.list' AND details ? 'file'")
    assert (last["file"], last["rows"], last["used"]) == ("csv", 2, False)


def test_a_pass_is_found_by_its_number_which_stands_in_no_address(peopled: Town, worker: Client) -> None:
    number = peopled.number("Ada")
    found = send(worker, "/passes/search", number=f"{number[:4]}-{number[4:7]}-{number[7:]}".lower())
    assert found.headers["location"] == f"/passes/{pass_of(peopled, 'Ada')}"
    mistyped = send(worker, "/passes/search", number="ABCD")
    assert mistyped.status_code == 422
    assert 'value="ABCD"' in mistyped.text


def test_a_pass_shows_its_ledger_in_words_with_what_was_left(peopled: Town, worker: Client) -> None:
    ada = said(get(worker, f"/passes/{pass_of(peopled, 'Ada')}"))
    assert f"… {peopled.number('Ada')[-4:]}" in ada
    assert "Left for membership 600.00 kr of 1,000.00 kr" in ada
    assert re.search(r"Claimed by a club see the claim 16 Jan 2017 11:00 Membership fee -400.00 kr 600.00 kr", ada), ada
    assert re.search(r"Granted .* Equipment \+300.00 kr 300.00 kr", ada), ada
    bo = said(get(worker, f"/passes/{pass_of(peopled, 'Bo')}"))
    assert "Held for a club" in bo
    assert ENTRIES.keys() == set(KINDS)
    assert peopled.rows("SELECT count(*) FROM audit_entry WHERE action = 'passes.read' AND door = 'page'") == [(2,)]


def test_a_pass_is_replaced_once_for_a_reason(peopled: Town, worker: Client) -> None:
    old, dead = pass_of(peopled, "Ada"), peopled.number("Ada")
    asked = get(worker, f"/passes/{old}/replacement")
    assert "What is left moves to the new pass: 900.00 kr" in said(asked)
    without = send(worker, f"/passes/{old}/replacement", reason=" ", key=key_of(asked))
    assert without.status_code == 422
    assert peopled.number("Ada") == dead
    first = send(worker, f"/passes/{old}/replacement", reason="lost", key=key_of(without.text))
    second = send(worker, f"/passes/{old}/replacement", reason="lost", key=key_of(without.text))
    new = pass_of(peopled, "Ada")
    assert first.headers["location"] == second.headers["location"] == f"/passes/{new}"
    assert "waiting for a print batch" in said(get(worker, f"/passes/{new}"))
    gone = said(get(worker, f"/passes/{old}"))
    assert "This number is dead" in gone
    assert ": lost" in gone
    assert "Replace it" not in gone
    late = send(worker, f"/passes/{old}/replacement", reason="lost", key=key_of(asked))
    assert (late.status_code, "The pass is replaced already." in late.text) == (409, True)
    assert len([row for row in peopled.listed() if row["given_name"] == "Ada"]) == 2
    assert peopled.sound()


def test_an_expired_pass_is_not_half_replaced(peopled: Town, callers: Callers, at: Callable[[str], None]) -> None:
    old = pass_of(peopled, "Bo")
    at("2018-01-01T08:00Z")
    worker = english(callers.person("case_worker"))
    answer = send(worker, f"/passes/{old}/replacement", reason="lost", key=new_key())
    assert answer.status_code == 409
    assert peopled.rows("SELECT state FROM leisure_pass WHERE id = :id", id=old) == [("live",)]


def test_a_pass_is_revoked_once_for_a_reason(peopled: Town, worker: Client) -> None:
    bo = pass_of(peopled, "Bo")
    asked = get(worker, f"/passes/{bo}/revocation")
    assert "until 31 December 2017" in said(asked)
    assert send(worker, f"/passes/{bo}/revocation", reason="", key=key_of(asked)).status_code == 422
    for _ in range(2):
        answer = send(worker, f"/passes/{bo}/revocation", reason="the family said no", key=key_of(asked))
        assert answer.headers["location"] == f"/passes/{bo}"
    assert "revoked" in said(get(worker, f"/passes/{bo}"))
    assert peopled.rows("SELECT count(*) FROM audit_entry WHERE action = 'passes.revoke'") == [(1,)]
    assert "Only a pass that is in force can be replaced" in said(get(worker, f"/passes/{bo}/replacement"))


def test_of_another_municipality_nothing_is_seen(peopled: Town, callers: Callers) -> None:
    peopled.run("municipality", "add", "0101", "Storby", "--country", "dk")
    with peopled.database.transaction() as session:
        other = find_municipality(session, "0101")
    stranger = english(callers.person("case_worker", "other@example.org", other))
    get(stranger, f"/passes/{pass_of(peopled, 'Ada')}", 404)
    assert "No passes yet" in get(stranger, "/passes")
    assert send(stranger, "/passes/search", number=peopled.number("Ada")).status_code == 404


def test_the_api_lists_by_use(peopled: Town, callers: Callers) -> None:
    system = callers.system("passes")
    used = system.get("/api/v1/passes", params={"used": "true"}).json()["items"]
    assert [one["given_name"] for one in used] == ["Ada"]
