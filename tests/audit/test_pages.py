"""The auditor searches the trail, lists the reads of one family and takes them as a file."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.audit.actions import COMMAND, record
from service.identity.organisations import add_volunteer_organisation
from tests.audit.people import Place
from tests.callers import calling, token
from tests.identity.clients import Client, text_of

At = Callable[[str], None]


def family_page(auditor: Client, **named: str) -> str:
    """The address of the page that a look-up leads to."""
    answer = auditor.send("/trail/family", named)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def file_of(auditor: Client, page: str) -> list[dict[str, str]]:
    """The rows of a family's file."""
    answer = auditor.send(f"{page}/file")
    assert answer.status_code == 200
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))


def test_it_is_searched_by_day_person_action_door_and_subject(place: Place, at: At) -> None:
    at("2017-02-01T23:30Z")
    with place.browser("case_worker") as worker:
        assert worker.get(f"/persons/{place.person('Frida')}").status_code == 200
    with place.browser("auditor") as auditor:
        everything = text_of(auditor.get("/trail").text)
        assert "Imported a register extract" in everything
        assert "The case_worker case_worker@0751.example through a page Saw a person's page" in everything
        assert "the operator through the command line Issued the passes" in everything
        # The municipality's day, not that of UTC.
        day = text_of(auditor.get("/trail?start=2017-02-02&end=2017-02-02").text)
        assert "1 Feb" not in day
        found = auditor.get("/trail?start=2017-02-02&end=2017-02-02&action=register.person.read").text
        assert text_of(found).count("Saw a person's page person") == 1
        assert "Nothing found" in auditor.get("/trail?end=2017-01-14").text
        assert "Next page" not in everything
        [(account,)] = place.town.rows(
            "SELECT id FROM directory.account_names() WHERE email = 'case_worker@0751.example'"
        )
        assert "Saw a person" in rows_of(auditor.get(f"/trail?account={account}").text)
        assert "Imported" not in rows_of(auditor.get(f"/trail?account={account}").text)
        assert "Imported" not in rows_of(auditor.get("/trail?door=page").text)
        assert "Imported" in rows_of(auditor.get("/trail?door=command").text)
        assert "Saw a person" in rows_of(auditor.get(f"/trail?subject={place.person('Frida')}").text)
        assert "Nothing found" in auditor.get(f"/trail?subject={place.person('Finn')}").text


def rows_of(html: str) -> str:
    """What stands in the table of entries."""
    found = re.search(r"<tbody.*</tbody>", html, re.DOTALL)
    return text_of(found[0]) if found else ""


def test_wrong_fields_of_the_search_are_named(place: Place) -> None:
    with place.browser("auditor") as auditor:
        answer = auditor.get("/trail?start=2017-02-02&end=2017-01-01")
        assert answer.status_code == 422
        assert "must not be before the first day" in answer.text
        assert "Up to this day" in text_of(answer.text)
        two = auditor.get("/trail?subject=x&start=yesterday").text
        assert two.count("ds-validation-message") == 2
        assert "To what: Write the id as it stands in an entry." in text_of(two)
        assert auditor.get("/trail?after=nonsense").status_code == 422
        assert auditor.call("GET", "/trail?start=2017-02-02&end=2017-01-01").status_code == 422


def test_pages_and_lists_go_on_where_the_one_before_ended(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.audit.web.ENTRIES_PER_PAGE", 2)
    with place.browser("auditor") as auditor:
        path, said = "/trail?end=2017-01-15", []
        while path:
            html = auditor.get(path).text
            said += re.findall(r"Imported a register extract|Issued the passes of a refresh", rows_of(html))
            following = re.search(r'href="(/trail[^"]*after=[^"]*)"', html)
            path = following[1].replace("&amp;", "&") if following else ""
        assert sorted(said) == ["Imported a register extract", "Issued the passes of a refresh"]
        ids, after = [], ""
        while after is not None:
            answer = auditor.call("GET", f"/trail?limit=3&action=register{after and f'&after={after}'}").json()
            ids += [entry["id"] for entry in answer["items"]]
            after = answer["next"]
        assert ids == sorted(ids, reverse=True)
        assert len(ids) == len(place.entries("register.import"))


def test_the_search_is_logged_and_sealed_entries_say_so(place: Place) -> None:
    with place.browser("auditor") as auditor:
        assert text_of(auditor.get("/trail?door=api").text)
        [(_, _, details)] = place.entries("audit.list")
        assert details == {"entries": 0, "door": "api"}
        entries = auditor.call("GET", "/trail?action=register").json()["items"]
        assert [entry["sealed"] for entry in entries] == [False]
        assert "not yet" in rows_of(auditor.get("/trail?action=register.import").text)
        place.town.say("audit", "seal")
        entries = auditor.call("GET", "/trail?action=register").json()["items"]
        assert [(entry["sealed"], entry["said"]) for entry in entries] == [(True, "Imported a register extract")]
        assert "not yet" not in rows_of(auditor.get("/trail?action=register.import").text)


@pytest.mark.parametrize("way", ["identity_number", "household", "pass_number", "mother"])
def test_a_family_is_found_by_what_is_typed_and_nothing_more_is_told(place: Place, way: str) -> None:
    typed = {
        "identity_number": ("identity_number", place.number("Frida")),
        "mother": ("identity_number", place.number("fattigs mor")),
        "household": ("household", "fattig"),
        "pass_number": ("pass_number", place.town.number("Finn")),
    }[way]
    with place.browser("auditor") as auditor:
        page = family_page(auditor, **dict([typed]))
        assert page == f"/trail/family/{place.household('fattig')}"
        html = auditor.get(page).text
        assert "A household of 3 persons." in html
        said = rows_of(html)
        for sentence in ("Imported a register extract", "Determined the children", "Issued the passes"):
            assert f"{sentence}" in said
        for hidden in ("Frida", "Finn", "Prøvesen", "Prøvevej", *map(place.number, ("Frida", "Finn"))):
            assert hidden not in html
        assert [details for _, _, details in place.entries("audit.family.find")] == [{"by": typed[0]}]
        assert [subject for subject, _, _ in place.entries("audit.family.read")] == [place.household("fattig")]


def test_a_family_that_cannot_be_found_is_said_and_the_attempt_is_logged(place: Place) -> None:
    with place.browser("auditor") as auditor:
        unknown = place.number("Frida")[:-1] + "9"
        answer = auditor.send("/trail/family", {"identity_number": unknown})
        assert (answer.status_code, place.entries("audit.family.find")) == (
            404,
            [(None, None, {"by": "identity_number", "found": False})],
        )
        assert "Nobody in the register" in answer.text
        answer = auditor.send("/trail/family", {"identity_number": "12"})
        assert answer.status_code == 422
        assert "Identity number of a member: is no identity number" in text_of(answer.text)
        both = auditor.send("/trail/family", {"household": "rig", "pass_number": "ABC"})
        assert both.status_code == 422
        assert "must be the only one of the three" in both.text
        assert auditor.send("/trail/family").status_code == 422
        assert auditor.get(f"/trail/family/{uuid4()}").status_code == 404


def test_a_child_of_two_households_is_not_to_tell_one_of_the_other(place: Place) -> None:
    place.town.people.append(place.town.of("Frida") | {"household_id": "rig"})
    place.town.load()
    with place.browser("auditor") as auditor:
        answer = auditor.send("/trail/family", {"identity_number": place.number("Frida")})
        assert answer.status_code == 409
        assert "stands in several households" in answer.text
        assert place.entries("audit.family.find") == [(None, None, {"by": "identity_number", "found": False})]
        assert family_page(auditor, household="rig") == f"/trail/family/{place.household('rig')}"


def test_the_file_has_reads_by_person_by_export_and_by_token(place: Place, at: At) -> None:
    town, frida = place.town, place.person("Frida")
    with place.browser("case_worker") as worker:
        worker.get(f"/persons/{frida}")
        worker.get(f"/persons/{place.person('Rikke')}")
        reason = {"item": "incomes", "reason": '=HYPERLINK("x") to decide'}
        assert worker.call("POST", f"/persons/{frida}/unmask", reason).status_code == 200
    town.say("passes", "list", "--out", town.folder / "p.csv")
    asked = ("--scheme", "fritidspas", "--out", town.folder / "e.csv", "--reason", "the yearly audit")
    town.say("eligibility", "export", *asked)
    town.say("passes", "replace", town.number("Finn"), "--reason", "lost")
    with calling(place.database, token(place.database, "0751", "eligibility")) as system:
        assert system.get(f"/api/v1/persons/{place.person('Finn')}").status_code == 200
    with place.browser("auditor") as auditor:
        page = family_page(auditor, household="fattig")
        rows = file_of(auditor, page)
        found = [(row["Who"], row["What"], row["Why"], row["Concerned"]) for row in rows]
        alone, shared, operator = "the family alone", "the family among others", "the operator"
        assert found[0][1] == "Looked a family up in the audit trail"
        for expected in (
            ("The case_worker", "Saw a person's page", "", alone),
            ("The case_worker", "Had something protected of a person shown", '\'=HYPERLINK("x") to decide', alone),
            ("the system journal", "Saw a person's page", "", alone),
            (operator, "Saw a list of passes, or took it as a file", "", shared),
            (operator, "Took the determinations as a file", "the yearly audit", shared),
            (operator, "Replaced a pass", "lost", alone),
            (operator, "Imported a register extract", "", shared),
            (operator, "Determined the children by a refresh", "", shared),
        ):
            assert found.count(expected) >= 1, expected
        # One of the two persons whose page was seen is another family's.
        assert [row["Who"] for row in rows].count("The case_worker") == 2
        assert "shown: incomes" in {row["Details"] for row in rows}
        assert {row["When"][:10] for row in rows} == {"2017-01-15"}
        text = auditor.send(f"{page}/file").text
        for hidden in ("Frida", "Finn", "Prøvesen", str(frida), place.number("Frida")):
            assert hidden not in text
        assert [subject for subject, _, _ in place.entries("audit.family.export")] == [place.household("fattig")] * 2
        assert "the system journal" in text_of(auditor.get("/trail?door=api").text)


def test_who_had_no_pass_was_on_no_list_of_passes(place: Place) -> None:
    place.town.say("passes", "list", "--out", place.town.folder / "p.csv")
    with place.browser("auditor") as auditor:
        said = rows_of(auditor.get(family_page(auditor, household="rig")).text)
        assert "Saw a list of passes" not in said
        assert "Issued the passes" in said
        assert "Determined the children" in said


def test_a_page_of_a_list_counts_where_it_may_have_held_the_family(place: Place) -> None:
    town, tenant = place.town, place.town.municipality.id
    frida, rikke = str(place.person("Frida")), str(place.person("Rikke"))
    [(run, scheme)] = town.rows("SELECT DISTINCT run_id, scheme_id FROM determination")
    passes, read = "passes.list", "eligibility.determinations.read"
    lists: list[tuple[str, str, UUID | None, dict[str, Any], bool]] = [
        ("all passes", passes, None, {"rows": 50}, True),
        ("hers", passes, None, {"person_key": frida}, True),
        ("another child's", passes, None, {"person_key": rikke}, False),
        ("all determinations", read, None, {"filters": {}}, True),
        ("of the scheme", read, scheme, {"filters": {"scheme": "fritidspas"}}, True),
        ("of another scheme", read, uuid4(), {"filters": {"scheme": "ferie"}}, False),
        ("of the run", read, scheme, {"filters": {"run": str(run)}}, True),
        ("of another run", read, scheme, {"filters": {"run": str(uuid4())}}, False),
    ]
    with town.session() as session:
        for reason, action, subject, details, _ in lists:
            record(session, tenant, COMMAND, action, ("scheme", subject), reason=reason, details=details)
    with place.browser("auditor") as auditor:
        rows = file_of(auditor, family_page(auditor, household="fattig"))
    assert {row["Why"] for row in rows if row["Why"]} == {reason for reason, *_, counts in lists if counts}


def test_an_export_of_another_period_and_an_older_import_are_not_the_family_s(place: Place, at: At) -> None:
    place.town.say("eligibility", "export", "--scheme", "fritidspas", "--out", place.town.folder / "e.csv")
    at("2017-03-01T08:00Z")
    place.town.family("ny", "Nora")
    place.town.load()
    with place.browser("auditor") as auditor:
        rows = file_of(auditor, family_page(auditor, household="ny"))
        assert [row["What"] for row in rows if row["Through"] == "the command line"] == ["Imported a register extract"]
        assert rows[-1]["When"].startswith("2017-03-01")


def test_the_api_answers_page_by_page(place: Place) -> None:
    with place.browser("auditor") as auditor:
        found, after = [], None
        while True:
            body = {"household": "fattig", "limit": 2} | ({"after": after} if after else {})
            answer = auditor.call("POST", "/trail/family", body)
            assert answer.status_code == 200, answer.text
            found += [entry for entry in answer.json()["items"] if not entry["action"].startswith("audit.")]
            after = answer.json()["next"]
            if after is None:
                break
        assert [entry["action"] for entry in found][-1] == "register.import"
        assert {entry["alone"] for entry in found} == {False}
        assert len({entry["id"] for entry in found}) == len(found)
        assert auditor.call("POST", "/trail/family", {}).status_code == 422
        assert auditor.call("POST", "/trail/family", {"household": "x"}).status_code == 404


@pytest.mark.parametrize("role", ("administrator", "case_worker", "finance_officer"))
def test_nobody_else_may(place: Place, role: str) -> None:
    with place.browser(role) as somebody:
        for path in ("/trail", "/trail/family", f"/trail/family/{place.household('rig')}"):
            assert somebody.get(path).status_code == 403
        assert somebody.send("/trail/family", {"household": "rig"}).status_code == 403
        assert somebody.send(f"/trail/family/{place.household('rig')}/file").status_code == 403
        assert somebody.call("GET", "/trail").status_code == 403
        assert somebody.call("POST", "/trail/family", {"household": "rig"}).status_code == 403
        assert 'href="/trail"' not in somebody.get("/").text


def test_an_organisation_s_auditor_has_its_own_trail_and_no_families(place: Place) -> None:
    with place.database.transaction() as session:
        add_volunteer_organisation(session, "rk", "Red Cross", "no")
    with place.browser("auditor", "rk", "organisation") as auditor:
        page = auditor.get("/trail")
        assert page.status_code == 200
        assert "Imported" not in rows_of(page.text)
        assert "One family" not in page.text
        assert auditor.send("/trail/family", {"household": "fattig"}).status_code == 403


def test_a_neighbour_s_auditor_finds_none_of_it(place: Place) -> None:
    place.town.run("municipality", "add", "0101", "København", "--country", "dk")
    with place.browser("auditor", "0101") as neighbour:
        assert neighbour.get(f"/trail/family/{place.household('rig')}").status_code == 404
        assert neighbour.send("/trail/family", {"identity_number": place.number("Frida")}).status_code == 404
        assert neighbour.send("/trail/family", {"pass_number": place.town.number("Finn")}).status_code == 404
        assert "Imported" not in neighbour.get("/trail").text.split("<tbody")[1]
