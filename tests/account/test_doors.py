"""The account and the report through pages, the API and the command: the same figures, and who may see them."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from service.account import exports
from service.account.report import MEASURES, Report
from service.errors import Invalid
from tests.account.summer import AFTERWARDS, DURING, Summer
from tests.allocation.season import family
from tests.conftest import Medspiller
from tests.identity.clients import text_of

At = Callable[[str], None]


@pytest.fixture
def counted(summer: Summer) -> Summer:
    """Five persons came, seven were refused, and a family declined."""
    summer.lists(
        family("B1", 2, municipality="Bergvik"),
        family("U1", 3),
        family("U2", 4, contact="Second"),
        family("U3", 3, contact="Third"),
        family("U4", 3, contact="Fourth"),
    )
    summer.offer("B1", "A1", municipality="Bergvik")
    summer.offer("U1", "A2")
    summer.offer("U4", "A2", "declined")
    return summer


def test_a_coordinator_closes_the_account_on_pages(counted: Summer, at: At) -> None:
    page = f"/seasons/{counted.season}/account"
    at(DURING)
    with counted.camp.browser("coordinator") as browser:
        assert "account is not closed" not in text_of(browser.get("/").text)
        assert "Account of the season" in browser.get(f"/seasons/{counted.season}").text
        shown = text_of(browser.get(page).text)
        assert "The season lasts until" in shown
        assert "Close the account" not in shown
        assert "Its account is closed after that" in text_of(browser.get(f"{page}/close").text)
        assert browser.send(f"{page}/close", {"key": "a" * 22}).status_code == 409
    at(AFTERWARDS)
    with counted.camp.browser("coordinator") as browser:
        assert "Seasons that are over and whose account is not closed" in text_of(browser.get("/").text)
        asked = text_of(browser.get(f"{page}/close").text)
        for said in ("Persons refused for lack of places 7", "Families that declined 1", "Children who get a credit 2"):
            assert said in asked
        key = browser.key(f"{page}/close")
        assert browser.send(f"{page}/close", {"key": key}).headers["location"] == page
        # A second click of the same form says nothing else, a form of before is refused.
        assert browser.send(f"{page}/close", {"key": key}).headers["location"] == page
        assert browser.send(f"{page}/close", {"key": "b" * 22}).status_code == 409
        assert "closed already" in text_of(browser.get(f"{page}/close").text)
        shown = text_of(browser.get(page).text)
        assert "Persons 5" in shown
        assert "Close the account" not in shown
        assert "account is not closed" not in text_of(browser.get("/").text)
        assert browser.send(page, {"names_kept_days": "12"}).status_code == 422
        assert browser.send(page, {"names_kept_days": "60"}).status_code == 303
        assert "14 October 2026" in browser.get(page).text


def test_the_report_on_the_page_as_csv_and_as_pdf(counted: Summer, at: At) -> None:
    at(AFTERWARDS)
    with counted.camp.browser("coordinator") as browser:
        shown = text_of(browser.get("/holidays-report").text)
        assert "Holidays in 2026" in shown
        assert "Persons: 5" in shown
        assert "Persons refused: 7" in shown
        assert "Not closed" in shown
        assert "No season began in 2031" in text_of(browser.get("/holidays-report?year=2031").text)
        assert browser.get("/holidays-report?year=31").status_code == 422
        table = browser.get("/holidays-report/2026/report.csv")
        pages = browser.get("/holidays-report/2026/report.pdf")
    assert table.headers["content-disposition"] == 'attachment; filename="holidays-2026.csv"'
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert tuple(rows[0]) == exports.COLUMNS
    assert [(row["district"], row["municipality"]) for row in rows] == [
        ("all", "all"),
        ("Vestland", "all"),
        ("Vestland", "Bergvik"),
        ("Vestland", "Nabovik"),
        ("Vestland", "Uvik"),
    ]
    assert {name: rows[0][name] for name in ("stays", "persons", "refused_persons", "declined", "volunteers")} == {
        "stays": "2",
        "persons": "5",
        "refused_persons": "7",
        "declined": "1",
        "volunteers": "0",
    }
    assert (rows[2]["stays"], rows[2]["persons"], rows[2]["volunteers"]) == ("1", "2", "")
    assert pages.content.startswith(b"%PDF-")


def test_a_cell_is_no_formula_and_the_same_report_the_same_pages(counted: Summer) -> None:
    counted.camp.as_owner("UPDATE district SET name = '=HYPERLINK(1)'")
    report: Report = counted.report()
    assert b"'=HYPERLINK(1)" in exports.as_csv(report)
    made = {language: exports.as_pdf(report, language) for language in ("da", "nb", "en")}
    assert len(set(made.values())) == 3
    assert exports.as_pdf(report, "da") == made["da"]
    for year in (1989, 2101):
        with pytest.raises(Invalid):
            counted.report(year)


def test_the_same_through_the_api(counted: Summer, at: At) -> None:
    at(AFTERWARDS)
    path = f"/seasons/{counted.season}/account"
    with counted.camp.browser("coordinator") as client:
        before = client.call("GET", path).json()
        assert (before["closed_at"], before["names_go_on"]) == (None, "2027-02-11")
        assert sum(one["refused_persons"] for one in before["rows"]) == 7
        key = {"idempotency-key": "once"}
        closed = client.call("POST", f"{path}/closing", **key)
        assert (closed.status_code, closed.json()["refused_persons"], closed.json()["credits"]) == (200, 7, 2)
        again = client.call("POST", f"{path}/closing", **key)
        assert (again.json(), again.headers["idempotency-replayed"]) == (closed.json(), "true")
        refused = client.call("POST", f"{path}/closing")
        assert (refused.status_code, "closed already" in refused.json()["detail"]) == (409, True)
        after = client.call("GET", path).json()
        assert (after["rows"], after["closed_at"] is None) == (before["rows"], False)
        wrong = client.call("PUT", f"{path}/settings", {"names_kept_days": 5})
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "names_kept_days")
        assert client.call("PUT", f"{path}/settings", {"names_kept_days": 60}).json()["names_go_on"] == "2026-10-14"
        report = client.call("GET", "/holidays-report?year=2026").json()
        assert report["seasons"] == [
            {"id": str(counted.season), "name": "Sommer 2026", "district": "Vestland", "closed": True}
        ]
        assert report["lines"][0]["now"]["refused_persons"] == 7
        assert report["lines"][-1]["now"]["volunteers"] is None
        # In the year after this one is the year before.
        later = client.call("GET", "/holidays-report?year=2027").json()["lines"][0]
        assert (later["now"]["persons"], later["before"]["persons"]) == (0, 5)
        assert client.call("GET", "/holidays-report?year=7").status_code == 422
        assert client.call("GET", "/holidays-report/report.csv?year=2026").content.startswith(b"\xef\xbb\xbfyear,")
        assert client.call("GET", "/holidays-report/report.pdf?year=2026").content.startswith(b"%PDF-")
        assert client.call("GET", f"/seasons/{counted.tenant}/account").status_code == 404


def test_volunteers_and_municipalities_see_neither(counted: Summer) -> None:
    for name in ("volunteer", "worker"):
        with counted.camp.browser(name) as browser:
            for path in (f"/seasons/{counted.season}/account", "/holidays-report", "/holidays-report/2026/report.csv"):
                assert browser.get(path).status_code == 403, (name, path)


def test_by_command(counted: Summer, at: At, medspiller: Medspiller, tmp_path: Path) -> None:
    at(AFTERWARDS)
    table, pages = tmp_path / "report.csv", tmp_path / "report.pdf"
    of = ("holidays", "report", "--organisation", "ferie", "--year", 2026)
    made = medspiller(*of, "--csv", table, "--pdf", pages)
    assert made["lines"][0]["now"]["refused_persons"] == 7
    assert made["files"] == [str(table), str(pages)]
    assert set(MEASURES) == set(made["lines"][0]["now"])
    assert table.read_bytes().startswith(b"\xef\xbb\xbfyear,")
    assert pages.read_bytes().startswith(b"%PDF-")
    assert "cannot be written" in medspiller.fails(*of, "--csv", tmp_path / "nowhere" / "report.csv")
    assert "no holidays to report" in medspiller.fails(*of[:5], 99)
