"""A family is found by a name however written, or exactly by a number; nobody else's is, and no address is told."""

import importlib
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from service.audit.actions import Actor
from service.care.queries import subjects_of_household
from service.console import keys
from service.database.engine import Database
from service.passes.search import Found, search
from tests.audit.people import STREET, Place
from tests.callers import calling, token
from tests.conftest import Medspiller
from tests.identity.clients import Client, text_of
from tests.passes.town import Town

PEOPLE = (
    ("Åse", "Sørensen"),
    ("Aase", "Soerensen"),
    ("Søren", "Ågård-Nielsen"),
    ("André", "Müller"),
    ("Anne-Marie", "Ångström"),
    ("Zoë", "Zwolle"),
    ("Łukasz", "Żółć"),
    ("Æmilie", "Ærø"),
    ("Amila", "Čaušević"),
    ("D'Arcy", "O’Brien"),
    ("Bo", "Å"),
    ("Jens Jørgen", "Jensen"),
    ("Jens", "Olsen"),
    ("İpek", "Yılmaz"),
    ("Weiß", "Groß"),
    ("محمد", "حسن"),
    ("Анна", "Ким"),
    ("Anna", "Annesen"),
)


@pytest.fixture
def named(town: Town) -> Town:
    """A town of people with odd names, each child the second of a household."""
    for number, (given_name, family_name) in enumerate(PEOPLE):
        town.family(f"H{number}", given_name, family_name=family_name)
    town.load()
    return town


def sought(town: Town, written: str, limit: int = 100, after: UUID | None = None) -> Found:
    with town.session() as session:
        actor = Actor(door="page", account_id=None)
        return search(session, town.municipality, keys(town.database), written, limit, after, actor)


def names(found: Found) -> set[tuple[str, str]]:
    return {(one.given_name, one.family_name) for one in found.persons}


# The comparison once more, letter by letter and in no hurry.
ALIKE = {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "ħ": "h"}


def words(written: str) -> list[str]:
    for mark in "'’‘ʼ`´":
        written = written.replace(mark, "")
    plain = "".join(c for c in unicodedata.normalize("NFKD", written) if not "\u0300" <= c <= "\u036f").casefold()
    plain = "".join(ALIKE.get(c, c) for c in plain)
    for pair in ("aa", "ae", "oe"):
        plain = plain.replace(pair, pair[0])
    found = [""]
    for c in plain:
        if c.isalnum():
            found[-1] += c
        else:
            found.append("")
    return [word for word in found if word]


def fits(person: tuple[str, str], written: str) -> bool:
    """Whether every word is a beginning of one of the person's; a letter alone is a whole name."""
    wanted, has = words(written), words(" ".join(person))
    if max(map(len, wanted)) == 1 and max(wanted) not in has:
        return False
    return all(any(one.startswith(word) for one in has) for word in wanted)


def spellings() -> st.SearchStrategy[str]:
    """What people write who look for somebody: beginnings of names in any order, with or without accents."""
    parts = [part for person in PEOPLE for name in person for part in re.split(r"[\s-]", name)]
    word = st.tuples(st.sampled_from(parts), st.integers(1, 12)).map(lambda drawn: drawn[0][: drawn[1]])
    odd = st.text("aåæeoøäöénsjNSÅØZ-' ", min_size=1, max_size=4)
    ways: list[Callable[[str], str]] = [
        str.upper,
        str.lower,
        str,
        lambda word: unicodedata.normalize("NFD", word),
        lambda word: word.replace("ø", "oe"),
    ]
    changed = st.sampled_from(ways)
    one = st.tuples(st.one_of(word, word, odd), changed).map(lambda drawn: drawn[1](drawn[0]))
    return st.lists(one, min_size=1, max_size=3).map(" ".join)


def test_names_are_found_as_the_plain_comparison_says(named: Town) -> None:
    mothers = {(f"H{number}s mor", family_name) for number, (_, family_name) in enumerate(PEOPLE)}
    everybody = {*PEOPLE, *mothers}
    seen = set()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(spellings())
    def check(written: str) -> None:
        if not words(written):
            return
        expected = {person for person in everybody if fits(person, written)}
        seen.add(len(expected))
        assert names(sought(named, written)) == expected, words(written)

    check()
    assert {0, 1, 2} <= seen


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("sørensen åse", {("Åse", "Sørensen"), ("Aase", "Soerensen")}),
        ("nielsen", {("Søren", "Ågård-Nielsen")}),
        ("ANDRE MULLER", {("André", "Müller")}),
        ("obrien", {("D'Arcy", "O’Brien")}),
        ("lukasz", {("Łukasz", "Żółć")}),
        ("gross", {("Weiß", "Groß")}),
        ("мар", set()),
        ("анн", {("Анна", "Ким")}),
        ("حسن", {("محمد", "حسن")}),
        ("å", {("Bo", "Å")}),
    ],
)
def test_a_child_is_found_however_the_name_is_written(
    named: Town, written: str, expected: set[tuple[str, str]]
) -> None:
    assert {one for one in names(sought(named, written)) if not one[0].endswith(" mor")} == expected


def test_pages_hold_everybody_once_and_lead_on(named: Town) -> None:
    whole = [one.person_key for one in sought(named, "an").persons]
    assert len(whole) == len(set(whole)) > 4
    paged: list[UUID] = []
    after = None
    while True:
        found = sought(named, "an", limit=2, after=after)
        paged += [one.person_key for one in found.persons]
        if not found.more:
            break
        after = paged[-1]
    assert paged == whole


def test_what_an_import_changes_is_found_by_its_new_name_alone(named: Town) -> None:
    named.of("Zoë").update(given_name="Ylva", family_name="Quist")
    named.load()
    assert names(sought(named, "zo zwolle")) == set()
    assert names(sought(named, "zwolle")) == {("H5s mor", "Zwolle")}
    assert names(sought(named, "ylva quist")) == {("Ylva", "Quist")}
    assert_as_filled_anew(named)


def assert_as_filled_anew(town: Town) -> None:
    """What imports kept is what the migration makes of the register's names."""
    kept = set(town.rows("SELECT token, person_id FROM name_token"))
    fill = importlib.import_module("service.database.migrations.versions.0010_households").FILL
    with town.owner() as owner:
        owner.connection().exec_driver_sql("DELETE FROM name_token")
        owner.connection().exec_driver_sql(fill)
    assert kept == set(town.rows("SELECT token, person_id FROM name_token")) != set()


def test_who_left_is_found_until_retention_erases_the_name(named: Town, at: Callable[[str], None]) -> None:
    gone = [row for row in named.people if row["household_id"] == "H11"]
    named.people = [row for row in named.people if row not in gone]
    named.incomes.pop("H11")
    named.load()
    found = sought(named, "jens jørgen")
    assert [(one.given_name, one.homes, one.district) for one in found.persons] == [("Jens Jørgen", [], None)]
    at("2023-01-20T08:00Z")
    done = named.say("retention", "run", "--commit")
    rows = {rule["what"]: rule["rows"] for rule in done["rules"]}["ended_persons"]
    assert (rows["person"], rows["name_token"]) == (2, 6)
    assert names(sought(named, "jens jørgen")) == set()
    assert names(sought(named, "jens ols")) == {("Jens", "Olsen")}
    assert named.rows(
        "SELECT count(*) FROM name_token t JOIN person p ON p.id = t.person_id WHERE p.given_name = ''"
    ) == [(0,)]


@pytest.fixture
def place(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Place:
    at("2017-01-15T08:00Z")
    return Place(medspiller, database, tmp_path)


def found(worker: Client, written: str) -> Any:
    """The page on which those are who were found."""
    answer = worker.send("/search", {"text": written})
    assert (answer.status_code, answer.headers["location"]) == (303, "/search/found")
    return worker.get("/search/found")


def test_an_exact_search_leads_straight_to_the_household(place: Place) -> None:
    household = f"/households/{place.household('fattig')}"
    number = place.number("Frida")
    with place.browser("case_worker") as worker:
        for written in ("fattig", place.town.number("Frida"), number, f"{number[:6]}-{number[6:]}"):
            answer = worker.send("/search", {"text": written})
            assert (answer.status_code, answer.headers["location"]) == (303, household), written
    details = [details for _, _, details in place.entries("households.search")]
    assert [one["by"] for one in details] == ["household", "pass_number", "identity_number", "identity_number"]
    assert [one["found"] for one in details] == [3, 1, 1, 1]
    kept = str(place.town.rows("SELECT details, reason FROM audit_entry"))
    assert number not in kept
    assert place.town.number("Frida") not in kept


def test_a_name_lists_persons_with_their_household_and_pass(place: Place) -> None:
    with place.browser("case_worker") as worker:
        answer = found(worker, "prøvesen FRI")
        assert answer.status_code == 200
        said = text_of(answer.text)
        for expected in (
            "Frida Prøvesen",
            "17 May 2010",
            "midt",
            "Household fattig",
            "Finn",
            "fattigs mor",
            "in force",
        ):
            assert expected in said
        assert "Rikke" not in said
        assert f'href="/households/{place.household("fattig")}"' in answer.text
        assert "Nobody found" in text_of(found(worker, "nobody of this name").text)
        assert worker.send("/search", {"text": " - "}).status_code == 422
        assert worker.send("/search", {"text": ""}).status_code == 422
    first, *_ = place.entries("households.search")
    assert first[2] == {"by": "name", "found": 1, "shown": [str(place.person("Frida"))]}


def test_one_goes_back_to_those_who_were_found_in_the_same_session_alone(place: Place) -> None:
    with place.browser("case_worker") as worker:
        assert worker.get("/search/found").headers["location"] == "/search"
        sought = worker.send("/search", {"text": "prøvesen FRI"}).headers["set-cookie"]
        assert "HttpOnly" in sought and "Max-Age=900" in sought and "FRI" not in sought
        for _ in range(2):
            again = worker.get("/search/found")
            assert "Frida Prøvesen" in text_of(again.text) and 'value="prøvesen FRI"' in again.text
        kept = sought.partition("sought=")[2].partition(";")[0]
    for cookie in (kept, kept[:-8] + "AAAAAAA=", "nothing"):
        with place.browser("case_worker") as other:
            other.http.cookies.set("sought", cookie, domain="testserver.local")
            assert other.get("/search/found").headers["location"] == "/search"
    assert len(place.entries("households.search")) == 2


def test_a_protected_address_is_nowhere_nor_is_its_district(place: Place) -> None:
    place.town.of("Sofie")["district"] = "hemmeligt distrikt"
    place.town.load()
    with place.browser("case_worker") as worker:
        page = found(worker, "sofie").text
        called = worker.call("POST", "/search", {"text": "sofie"})
        household = worker.get(f"/households/{place.household('skjult')}").text
        api = worker.call("GET", f"/households/{place.household('skjult')}").text
    assert "protected" in text_of(page)
    assert called.json()["items"][0]["district"] is None
    for answer in (page, called.text, household, api):
        assert STREET not in answer
        assert "hemmeligt distrikt" not in answer


def test_the_api_pages_and_refuses_as_the_page_does(place: Place) -> None:
    with place.browser("case_worker") as worker:
        first = worker.call("POST", "/search", {"text": "prøvesen", "limit": 4}).json()
        second = worker.call("POST", "/search", {"text": "prøvesen", "limit": 4, "after": first["next"]}).json()
        assert (first["by"], len(first["items"]), len(second["items"]), second["next"]) == ("name", 4, 3, None)
        exact = worker.call("POST", "/search", {"text": "fattig"}).json()
        assert (exact["by"], exact["household"]) == ("household", str(place.household("fattig")))
        for body in (
            {},
            {"text": ""},
            {"text": "x", "limit": 0},
            {"text": "x", "after": "?"},
            {"text": "x", "more": 1},
        ):
            assert worker.call("POST", "/search", body).status_code in (400, 422), body
        # Another list's cursor: the person has no such name.
        assert worker.call("POST", "/search", {"text": "quist", "after": first["next"]}).status_code == 422


def test_who_may_not_see_determinations_searches_nobody(place: Place) -> None:
    with place.browser("auditor") as auditor:
        assert 'action="/search"' not in auditor.get("/").text
        assert auditor.send("/search", {"text": "frida"}).status_code == 403
        assert auditor.call("POST", "/search", {"text": "frida"}).status_code == 403
    with calling(place.database, token(place.database, "0751", "eligibility")) as system:
        item: dict[str, Any] = system.post("/api/v1/search", json={"text": "frida"}).json()["items"][0]
        assert (item["given_name"], item["has_pass"]) == ("Frida", None)
    with calling(place.database, token(place.database, "0751", "letters")) as system:
        assert system.post("/api/v1/search", json={"text": "frida"}).status_code == 403


def test_a_neighbour_finds_nobody_here(place: Place) -> None:
    place.town.run("municipality", "add", "0101", "København", "--country", "dk")
    with place.browser("case_worker", "0101") as neighbour:
        for written in ("frida", "fattig", place.town.number("Frida"), place.number("Frida")):
            answer = neighbour.call("POST", "/search", {"text": written}).json()
            assert (answer["items"], answer["household"]) == ([], None)


def test_a_family_that_asks_is_told_of_the_searches_that_showed_it(place: Place) -> None:
    with place.browser("case_worker") as worker:
        found(worker, "frida")
        found(worker, "rikke")
    with place.browser("auditor") as auditor:
        answer = auditor.send("/trail/family", {"household": "fattig"})
        page = text_of(auditor.get(answer.headers["location"]).text)
    assert page.count("Looked for a family") == 1
    assert str(place.person("Frida")) not in page
    with place.town.session() as session:
        assert place.person("Frida") in subjects_of_household(session, "fattig")


def test_a_search_uses_the_index_under_row_level_security(named: Town) -> None:
    with named.session() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(
            session.execute(
                text("EXPLAIN SELECT person_id FROM name_token WHERE token >= 'jens' AND token < 'jent'")
            ).scalars()
        )
    condition = next(line for line in plan.splitlines() if "Index Cond" in line)
    assert "token >= 'jens'" in condition
    assert "token < 'jent'" in condition
