"""A case worker's way in a browser: from a name to the household, a note, a colleague's name, and the figures."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from service.database.engine import Database
from tests.audit.people import STREET, Place
from tests.browser.conftest import PLAIN, Faults, watched
from tests.browser.test_audit import sign_in
from tests.conftest import Medspiller


@pytest.fixture
def place(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Place:
    at("2017-01-15T08:00Z")
    return Place(medspiller, database, tmp_path)


def test_a_case_worker_finds_a_family_and_works_on_its_page(
    walker: Page, service_url: str, place: Place, looks_right: Callable[[], None]
) -> None:
    page = walker
    sign_in(page, place, service_url, "case_worker")
    page.goto(service_url)
    page.get_by_role("searchbox", name="Look up a family").fill("PROVE zz")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look up a family")
    expect(page.get_by_text("Nobody found")).to_be_visible()
    looks_right()
    field = page.get_by_label("Name, household, pass number or identity number")
    expect(field).to_have_value("PROVE zz")
    field.fill("prøvesen")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("row")).to_have_count(8)
    assert "vesen" not in page.url
    looks_right()

    for whole in (place.number("Frida"), place.town.number("Frida"), "fattig"):
        page.goto(f"{service_url}/search")
        field.fill(whole)
        page.get_by_role("button", name="Look up").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Household fattig")
        assert whole not in page.url
    page.get_by_role("searchbox", name="Look up a family").fill("prøvesen")
    page.get_by_role("button", name="Look up").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Frida Prøvesen"))
    row.get_by_role("link", name="Household fattig").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Household fattig")
    page.go_back()
    expect(row).to_be_visible()
    row.get_by_role("link", name="Household fattig").click()
    looks_right()
    page.get_by_text("Write a note").click()
    page.get_by_role("textbox", name="Note").fill("Faren ringede.\nDe flytter i marts.")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.get_by_text("The note stands.")).to_be_visible()
    page.get_by_role("link", name="Correct this note").click()
    expect(page.get_by_role("heading", name="Correct the note")).to_be_visible()
    page.get_by_role("textbox", name="Note").fill("I april.")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.get_by_text("Corrects an earlier note")).to_be_visible()

    page.get_by_role("link", name="Name somebody").click()
    looks_right()
    page.get_by_label("Name").fill("Bente")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Phone: ")).to_be_visible()
    page.get_by_label("Phone").fill("89 40 20 00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="89 40 20 00")).to_be_visible()
    looks_right()
    timeline = page.get_by_role("region", name="Timeline")
    timeline.get_by_role("link", name="Passes").click()
    expect(timeline.get_by_role("listitem").filter(has_text="Pass issued")).to_have_count(2)
    expect(timeline.get_by_text("I april.")).to_have_count(0)
    looks_right()

    page.get_by_role("link", name="Show incomes and limits").click()
    looks_right()
    page.get_by_label("The figures").check()
    page.get_by_label("Why you need it").fill("The family has complained.")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("100,000.00").first).to_be_visible()
    looks_right()


def test_a_protected_family_is_found_without_javascript(
    browser: Browser, service_url: str, place: Place, faults: Faults
) -> None:
    with watched(browser, faults, PLAIN) as page:
        sign_in(page, place, service_url, "case_worker")
        page.goto(service_url)
        page.get_by_role("searchbox", name="Look up a family").fill("sofie")
        page.keyboard.press("Enter")
        expect(page.get_by_role("rowheader", name="Sofie Prøvesen")).to_be_visible()
        expect(page.get_by_text("protected")).to_be_visible()
        expect(page.get_by_text(STREET)).to_have_count(0)
        page.get_by_label("Name, household, pass number or identity number").fill("skjult")
        page.get_by_role("button", name="Look up").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Household skjult")
        assert page.url.endswith(f"/households/{place.household('skjult')}")
        expect(page.get_by_text(STREET)).to_have_count(0)
        page.get_by_text("Write a note").click()
        page.get_by_role("textbox", name="Note").fill("Uden JavaScript.")
        page.get_by_role("button", name="Keep the note").click()
        expect(page.get_by_text("Uden JavaScript.")).to_be_visible()
