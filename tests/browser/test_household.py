"""A case worker's way in a browser: from a name to the household, a note, a colleague's name, and the figures."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.database.engine import Database
from tests.audit.people import STREET, Place
from tests.browser.test_audit import sign_in
from tests.conftest import Medspiller

Check = Callable[[Page], None]
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 780}


@pytest.fixture
def place(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Place:
    at("2017-01-15T08:00Z")
    return Place(medspiller, database, tmp_path)


def holds(page: Page, check_axe: Check) -> None:
    """The page is right for everybody, and nothing of it stands outside the window."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    check_axe(page)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_case_worker_finds_a_family_and_works_on_its_page(
    browser_page: Page, service_url: str, place: Place, check_axe: Check, size: dict[str, int], tmp_path: Path
) -> None:
    page = browser_page
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    sign_in(page, place, service_url, "case_worker")
    page.goto(service_url)
    page.get_by_role("searchbox", name="Look up a family").fill("PROVE zz")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look up a family")
    expect(page.get_by_text("Nobody found")).to_be_visible()
    holds(page, check_axe)
    field = page.get_by_label("Name, household, pass number or identity number")
    expect(field).to_have_value("PROVE zz")
    field.fill("prøvesen")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("row")).to_have_count(8)
    assert "vesen" not in page.url
    holds(page, check_axe)
    page.screenshot(path=tmp_path / f"search-{size['width']}.png", full_page=True)

    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Frida Prøvesen"))
    row.get_by_role("link", name="Household fattig").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Household fattig")
    holds(page, check_axe)
    page.get_by_role("textbox", name="Note").fill("Faren ringede.\nDe flytter i marts.")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.get_by_text("The note stands.")).to_be_visible()
    page.get_by_role("link", name="Correct this note").click()
    expect(page.get_by_role("heading", name="Correct the note")).to_be_visible()
    page.get_by_role("textbox", name="Note").fill("I april.")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.get_by_text("Corrects an earlier note")).to_be_visible()

    page.get_by_role("link", name="Name somebody").click()
    holds(page, check_axe)
    page.get_by_label("Name").fill("Bente")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Phone: ")).to_be_visible()
    page.get_by_label("Phone").fill("89 40 20 00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="89 40 20 00")).to_be_visible()
    holds(page, check_axe)
    page.screenshot(path=tmp_path / f"household-{size['width']}.png", full_page=True)
    timeline = page.get_by_role("region", name="Timeline")
    timeline.get_by_role("link", name="Passes").click()
    expect(timeline.get_by_role("listitem").filter(has_text="Pass issued")).to_have_count(2)
    expect(timeline.get_by_text("I april.")).to_have_count(0)
    holds(page, check_axe)

    page.get_by_role("link", name="Show incomes and limits").click()
    holds(page, check_axe)
    page.get_by_label("The figures").check()
    page.get_by_label("Why you need it").fill("The family has complained.")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("100,000.00").first).to_be_visible()
    holds(page, check_axe)
    page.screenshot(path=tmp_path / f"figures-{size['width']}.png", full_page=True)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_search_works_without_javascript(
    browser_page: Page, service_url: str, place: Place, size: dict[str, int]
) -> None:
    browser = browser_page.context.browser
    assert browser is not None
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": size["width"], "height": size["height"]}
    )
    page = context.new_page()
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
    page.get_by_role("textbox", name="Note").fill("Uden JavaScript.")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.get_by_text("Uden JavaScript.")).to_be_visible()
    context.close()
