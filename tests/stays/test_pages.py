"""The coordinator's and the volunteer's pages, each of them opened and used."""

import io
import zipfile
from datetime import date
from typing import Any

import openpyxl
import pytest

from service.identity.actions import add_member
from service.identity.organisations import add_volunteer_organisation
from tests.identity.clients import Client, text_of
from tests.stays.camp import Camp, stay

DATES = {
    "referral_deadline": "2027-05-01",
    "list_deadline": "08.05.2027",
    "planned_on": "2027-05-20",
    "first_day": "2027-06-20",
    "last_day": "2027-08-15",
}
STAY: dict[str, Any] = {"code": "C1", "starts_on": "2026-07-11", "ends_on": "2026-07-18", "family_places": "11"}
STAY |= {"person_places": "48", "volunteers": "8", "min_child_age": "6", "max_child_age": "13", "min_families": "5"}
STAY |= {"region": "", "assembly_points": "Oslo\nBergen", "included": "", "accessibility": ""}


def upload(client: Client, path: str, name: str, content: bytes, **fields: str) -> Any:
    """A form with a file."""
    data = {"_csrf_token": client.http.cookies.get("csrf", "")} | fields
    files = {"file": (name, content, "text/csv")}
    return client.http.post(path, data=data, files=files, headers={"accept": "text/html"}, follow_redirects=False)


def test_a_coordinator_plans_a_season_from_nothing(camp: Camp) -> None:
    with camp.browser("coordinator") as browser:
        assert "No district yet" in text_of(browser.get("/seasons").text)
        wrong = browser.send("/districts/new", {"name": "", "contact_email": "nobody", "criteria": ""})
        assert wrong.status_code == 422
        fields = {"name": "Vest", "contact_name": "Kari", "contact_email": "vest@ferie.example", "criteria": "A\nB"}
        made = browser.send("/districts/new", fields)
        assert made.status_code == 303
        district = made.headers["location"]
        browser.send(f"{district}/municipalities/new", {"name": "Bergvik", "code": "4601"})
        assert "Bergvik" in text_of(browser.get("/districts").text)
        assert browser.send("/centres/new", {"name": "Fjellheim", "rooms": "Rom 1, 4\nRom"}).status_code == 422
        assert browser.send("/centres/new", {"name": "Fjellheim", "rooms": "Rom 1, 4"}).status_code == 303
        centre = browser.call("GET", "/centres").json()["items"][0]
        assert centre["rooms"] == [{"name": "Rom 1", "beds": 4}]
        assert text_of(browser.get(f"/centres/{centre['id']}").text).count("Fjellheim") >= 2
        new = {"key": browser.key("/seasons/new"), "district": district.rpartition("/")[2], "name": "Sommer 2027"}
        bad = browser.send("/seasons/new", new | DATES | {"last_day": "2027-01-01"})
        assert "must not be before the first day" in text_of(bad.text)
        made = browser.send("/seasons/new", new | DATES)
        season = made.headers["location"]
        again = browser.send("/seasons/new", new | DATES)
        assert (again.status_code, again.headers["location"]) == (303, "/seasons")
        refused = browser.send(f"{season}/publish")
        assert "no stays yet" in text_of(refused.text)
        one = STAY | {"centre": centre["id"], "starts_on": "2027-07-03", "ends_on": "2027-07-10"}
        added = browser.send(f"{season}/stays/new", one)
        assert added.status_code == 303
        page = text_of(browser.get(added.headers["location"]).text)
        assert "C1 at Fjellheim" in page
        assert "Oslo, Bergen" in page
        assert browser.send(f"{season}/publish").status_code == 303
        assert "Published" in text_of(browser.get(season).text)
    assert camp.rows(camp.municipality.id, "SELECT name FROM offered_season") == [("Sommer 2027",)]


def test_stays_are_changed_copied_and_cancelled(camp: Camp) -> None:
    season = f"/seasons/{camp.plan('A1')}"
    at = f"/stays/{camp.stays['A1']}"
    with camp.browser("coordinator") as browser:
        for path in (season, f"{season}/edit", f"{season}/copy", f"{season}/import", at, f"{at}/edit", f"{at}/cancel"):
            assert browser.get(path).status_code == 200, path
        fields = STAY | {"code": "A1", "centre": str(camp.centre), "family_places": "9"}
        assert browser.send(f"{at}/edit", fields).status_code == 303
        edited = {"key": "x" * 20, "district": str(camp.district), "name": "Sommer 26"} | DATES
        assert browser.send(f"{season}/edit", edited).status_code == 422
        dates = {"referral_deadline": "2026-05-02", "list_deadline": "2026-05-08", "planned_on": "2026-05-20"}
        dates |= {"first_day": "2026-06-20", "last_day": "2026-08-16"}
        assert browser.send(f"{season}/edit", edited | dates).status_code == 303
        trip = {"key": browser.key(f"{season}/fallbacks/new"), "kind": "day_trip", "name": "Akvariet", "places": "20"}
        trip |= {"starts_on": "2026-07-01", "ends_on": "2026-07-01"}
        assert browser.send(f"{season}/fallbacks/new", trip).status_code == 303
        assert "Akvariet" in text_of(browser.get(season).text)
        copy = {"key": browser.key(f"{season}/copy"), "name": "Sommer 2027", "years": "1"}
        copied = browser.send(f"{season}/copy", copy).headers["location"]
        assert "Akvariet" in text_of(browser.get(copied).text)
        offers = camp.rows(camp.organisation, "SELECT id FROM fallback_offer ORDER BY id")
        assert browser.send(f"/fallbacks/{offers[0][0]}/remove").status_code == 303
        assert (
            browser.send(f"{season}/quotas", {"municipality": str(camp.place("Uvik")), "quota": "4"}).status_code == 303
        )
        assert browser.send(f"{at}/cancel", {"because": ""}).status_code == 422
        assert browser.send(f"{at}/cancel", {"because": "The roof leaks"}).status_code == 303
        assert "The roof leaks" in text_of(browser.get(at).text)
        for step in ("close", "open"):
            assert browser.send(f"{season}/{step}").status_code == 303
            assert browser.send(f"{season}/{step}").status_code == 409


def test_a_volunteer_is_asked_and_confirmed(camp: Camp) -> None:
    camp.plan("A1")
    at = f"/stays/{camp.stays['A1']}"
    with camp.browser("coordinator") as browser:
        browser.send(f"{at}/roles", {"role": "leader"})
        who = browser.send("/volunteers/new", {"name": "Leif", "phone": "90000003", "email": "leif@ferie.example"})
        volunteer = who.headers["location"]
        [(role,)] = camp.rows(camp.organisation, "SELECT id FROM stay_role")
        browser.send(f"/stay-roles/{role}/ask", {"volunteer": volunteer.rpartition("/")[2]})
        page = text_of(browser.get(at).text)
        assert "Asked Leif · 90000003 certificate not seen" in page
        assert browser.send(f"/stay-roles/{role}/confirm").status_code == 409
        assert browser.send(f"{volunteer}/certificate", {"seen_on": "2026-02-20"}).status_code == 303
        assert "Seen 20 Feb 2026" in text_of(browser.get(volunteer).text)
        assert (
            browser.send(volunteer, {"name": "Leif L", "phone": "", "email": "leif@ferie.example"}).status_code == 303
        )
        assert browser.send(f"/stay-roles/{role}/confirm").status_code == 303
        assert "Confirmed Leif L" in text_of(browser.get(at).text)
    with camp.browser("volunteer") as reader:
        for path in ("/seasons", f"/seasons/{camp.season}", at, "/volunteers", "/centres", "/districts"):
            assert reader.get(path).status_code == 200, path
        assert "leif@" not in reader.get("/volunteers").text
        [seen] = reader.call("GET", "/volunteers").json()["items"]
        assert (seen["name"], seen["email"], seen["certificate_seen_on"]) == ("Leif L", None, None)
        assert reader.get("/volunteers/new").status_code == 403
        assert reader.get("/received-lists").status_code == 403
        assert reader.send(f"/stay-roles/{role}/drop").status_code == 403
    with camp.browser("coordinator") as browser:
        assert browser.send(f"/stay-roles/{role}/ask", {"volunteer": ""}).status_code == 303
        assert browser.send(f"/stay-roles/{role}/drop").status_code == 303


def test_a_file_of_stays_tells_what_became_of_each_line(camp: Camp) -> None:
    season = f"/seasons/{camp.plan('A1')}"
    with camp.browser("coordinator") as browser:
        template = browser.get("/seasons/stays.csv")
        assert template.headers["content-disposition"] == 'attachment; filename="stays.csv"'
        content = template.content.decode("utf-8-sig") + "B9;Sjø;;2026-07-04;many;1;2;3;6;13;0;;;\r\n"
        done = upload(browser, f"{season}/import", "stays.csv", content.encode())
        said = text_of(done.text)
        assert done.status_code == 200
        assert "2 A1 Changed" in said
        assert "3 B9 Rejected" in said
        assert "family_places: must be a whole number" not in said
        assert "end: must be a date" in said
        assert upload(browser, f"{season}/import", "stays.csv", b"stay\n").status_code == 422
        assert upload(browser, f"{season}/import", "stays.csv", b"").status_code == 422
        by_api = browser.call("POST", f"{season}/stays/import", {"csv": content}).json()
        assert [one["outcome"] for one in by_api] == ["unchanged", "rejected"]


def test_another_organisation_sees_and_changes_nothing(camp: Camp) -> None:
    season = camp.plan("A1")
    with camp.database.transaction() as session:
        other = add_volunteer_organisation(session, "andre", "Andre", "no").id
        camp.people["stranger"] = add_member(session, other, "stranger@andre.example", "X", "coordinator"), other
    with camp.browser("stranger") as stranger:
        for path in (f"/seasons/{season}", f"/stays/{camp.stays['A1']}", f"/districts/{camp.district}"):
            assert stranger.get(path).status_code == 404, path
        for path in (f"/seasons/{season}/publish", f"/seasons/{season}/close"):
            assert stranger.send(path).status_code == 404
        assert stranger.call("GET", f"/seasons/{season}").status_code == 404
        assert stranger.call("GET", "/seasons").json()["items"] == []
        assert stranger.call("POST", f"/stays/{camp.stays['A1']}/cancellation", {"because": "x"}).status_code == 404


def test_the_api_plans_a_season(camp: Camp) -> None:
    with camp.browser("coordinator") as browser:
        district = browser.call("POST", "/districts", {"name": "Vest", "criteria": ["A", "B"]}).json()
        assert [one["code"] for one in district["criteria"]] == ["c1", "c2"]
        kept = browser.call("PUT", f"/districts/{district['id']}", {"name": "Vest", "criteria": ["C", "B"]}).json()
        assert [(one["code"], one["statement"]) for one in kept["criteria"]] == [("c3", "C"), ("c2", "B")]
        browser.call("POST", f"/districts/{district['id']}/municipalities", {"name": "Uvik"})
        body = {"district_id": district["id"], "name": "S"} | DATES | {"list_deadline": "2027-05-08"}
        key = {"idempotency-key": "once"}
        season, again = (browser.call("POST", "/seasons", body, **key).json() for _ in range(2))
        assert season == again
        at = f"/seasons/{season['id']}"
        centre = browser.call("POST", "/centres", {"name": "F", "rooms": [{"name": "R 1", "beds": 4}]}).json()
        figures = {"centre_id": centre["id"], "code": "A1", "starts_on": "2027-07-03", "ends_on": "2027-07-10"}
        figures |= {"family_places": 10, "person_places": 48, "volunteers": 8}
        made = browser.call("POST", f"{at}/stays", figures)
        assert made.status_code == 201
        wrong = browser.call("POST", f"{at}/stays", figures | {"code": "A2", "ends_on": "2027-07-01"})
        assert [one["field"] for one in wrong.json()["errors"]] == ["ends_on"]
        assert browser.call("POST", f"{at}/stays", figures).status_code == 409
        changed = browser.call("PUT", f"/stays/{made.json()['id']}", figures | {"family_places": 12}).json()
        assert changed["family_places"] == 12
        assert browser.call("POST", f"{at}/publication").json() == {"municipalities": 0}
        [place] = browser.call("GET", f"{at}/municipalities").json()
        quota = f"{at}/municipalities/{place['municipality_id']}"
        assert browser.call("PUT", quota, {"quota": 3}).status_code == 204
        assert browser.call("GET", f"{at}/municipalities").json()[0]["quota"] == 3
        copied = browser.call("POST", f"{at}/copies", {"name": "T", "years": 1}).json()
        assert (copied["first_day"], copied["stays"]) == ("2028-06-18", 1)
        page = browser.call("GET", "/seasons?limit=1").json()
        rest = browser.call("GET", f"/seasons?limit=1&after={page['next']}").json()
        assert [page["items"][0]["name"], rest["items"][0]["name"]] == ["T", "S"]
        assert browser.call("POST", f"/stays/{made.json()['id']}/cancellation", {"because": "x"}).json() == {
            "wished_by": 0
        }


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_the_template_is_a_spreadsheet_that_can_be_taken_over(camp: Camp, kind: str) -> None:
    season = camp.plan("A1", "A2")
    with camp.browser("coordinator") as browser:
        template = browser.get(f"/received-lists/template.{kind}").content
        if kind == "xlsx":
            sheet = openpyxl.load_workbook(io.BytesIO(template)).active
            assert sheet is not None
            assert [cell.value for cell in next(sheet.rows)][:3] == ["family", "name", "birth_date"]
        form = f"/seasons/{season}/lists/import"
        assert browser.get(form).status_code == 200
        done = upload(browser, form, f"list.{kind}", template, municipality=str(camp.place("Uvik")))
        assert done.status_code == 303
        page = text_of(browser.get(done.headers["location"]).text)
        assert "Uvik, version 1" in page
        assert "Yusuf Eksempel (21 Jun 2014)" in page


def workbook_of(*rows: tuple[Any, ...]) -> bytes:
    """A workbook as a municipality makes it: dates as dates, numbers as numbers."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


HEAD = ("family", "name", "birth_date", "phone", "language", "interpreter", "need", "wishes", "last_participation")


def test_a_spreadsheet_with_wrong_lines_is_told_line_by_line(camp: Camp) -> None:
    season = camp.plan("A1", "A2")
    good = (7, "Olga Berg", date(1990, 4, 1), 90000001, "", "no", 4, "A1|A2", 2019), (7, "Ivan Berg", date(2015, 8, 9))
    wrong = (
        (8, "Per Dal", date(1980, 1, 1), "", "", "", 9, "A1|X7", ""),
        (8, "Siri Dal", "a summer's day"),
        (9, "Old Enough", date(1980, 1, 1), "", "", "", 3, "", ""),
        (9, "Too Old", date(2000, 1, 1)),
        ("", "Nobody's", date(2015, 1, 1), "", "", "", 3),
    )
    with camp.browser("coordinator") as browser:
        form, place = f"/seasons/{season}/lists/import", str(camp.place("Uvik"))
        done = upload(browser, form, "l.xlsx", workbook_of(HEAD, *good, *wrong), municipality=place)
        version = done.headers["location"]
        said = text_of(browser.get(version).text)
        for line in (
            "4 need must be 1 to 5",
            "4 wishes names a stay that the season does not have",
            "5 birth_date must be a date of birth",
            "6 family has no child of the age that the stays are for",
            "8 family must be the family's own number or code",
        ):
            assert line in said, line
        assert "Olga Berg (1 Apr 1990), Ivan Berg (9 Aug 2015)" in said
        assert "Dal" not in said
        assert "Per Dal" not in str(camp.as_owner("SELECT rejected FROM received_list"))
        detail = browser.call("GET", version).json()
        assert {(one["line"], one["field"]) for one in detail["rejected_lines"]} >= {(4, "need"), (8, "family")}
        assert detail["families"][0]["last_participation"] == 2019
        # A family with a wrong line keeps what stood before.
        spoiled = (7, "Olga Berg", date(1990, 4, 1), 90000001, "", "no", 9, "A1", 2019), good[1]
        fixed = (8, "Per Dal", date(1980, 1, 1), "", "", "", 5, "A1", ""), (8, "Siri Dal", "17.05.2015")
        done = upload(browser, form, "l.xlsx", workbook_of(HEAD, *spoiled, *fixed), municipality=place)
        newest = browser.call("GET", done.headers["location"]).json()
        assert [(one["key"], one["need"], one["change"]) for one in newest["families"]] == [
            ("8", 5, "added"),
            ("7", 4, None),
        ]
        assert newest["version"]["number"] == 2
        # Consent withdrawn: gone from every version, and counted.
        gone = browser.send(f"{done.headers['location']}/withdrawal", {"family": "8"})
        assert gone.status_code == 303
        last = browser.call("GET", gone.headers["location"]).json()["version"]
        assert (last["number"], last["families"], last["withdrawn"]) == (3, 1, 1)
    assert camp.as_owner("SELECT count(*) FROM received_traveller WHERE name LIKE '%Dal'") == [(0,)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (workbook_of((*HEAD, "income"), (1, "A", "2015-01-01", "", "", "", 3, "", "", 77)), "Not known: income"),
        (b"PK\x03\x04 broken", "cannot be read"),
        (workbook_of(HEAD), "names no family"),
        (workbook_of(HEAD, (1, "A", "x", "", "", "", 3)), "line 2, birth_date: must be a date of birth"),
    ],
)
def test_a_spreadsheet_that_cannot_be_taken_over_is_refused_whole(camp: Camp, content: bytes, said: str) -> None:
    season = camp.plan("A1")
    with camp.browser("coordinator") as browser:
        form = f"/seasons/{season}/lists/import"
        done = upload(browser, form, "l.xlsx", content, municipality=str(camp.place("Uvik")))
        assert done.status_code == 422
        assert said in text_of(done.text)
        theirs = upload(browser, form, "l.xlsx", content, municipality=str(camp.place("Bergvik")))
        assert theirs.status_code in (409, 422)
    assert camp.as_owner("SELECT count(*) FROM received_list") == [(0,)]


def test_a_workbook_that_would_grow_without_end_is_refused(camp: Camp) -> None:
    season = camp.plan("A1")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'
        book.writestr("xl/worksheets/sheet1.xml", bomb)
    with camp.browser("coordinator") as browser:
        form = f"/seasons/{season}/lists/import"
        done = upload(browser, form, "l.xlsx", file.getvalue(), municipality=str(camp.place("Uvik")))
        assert "cannot be read" in text_of(done.text)


def test_a_stay_may_be_added_after_publishing(camp: Camp) -> None:
    camp.plan("A1")
    camp.add(stay("B1", date(2026, 7, 4)))
    assert camp.rows(camp.neighbour.id, "SELECT count(*) FROM offered_stay") == [(2,)]
