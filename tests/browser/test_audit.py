"""The auditor's and the case worker's ways in a browser: the trail, one family, one person."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect

from service.database.engine import Database
from service.identity.actions import add_member, find_municipality
from service.identity.sessions import open_session
from tests.audit.people import STREET, Place
from tests.browser.conftest import Faults, require_accessible, require_good
from tests.conftest import Medspiller


@pytest.fixture
def place(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Place:
    at("2017-01-15T08:00Z")
    return Place(medspiller, database, tmp_path)


def sign_in(page: Page, place: Place, url: str, role: str) -> None:
    """Give the browser a session of somebody with this role."""
    with place.database.transaction() as session:
        tenant = find_municipality(session, "0751").id
    with place.database.transaction(tenant) as session:
        account = add_member(session, tenant, f"{role}@by.example", f"The {role}", role)
        secret = open_session(session, account, "provider", "a browser", strong=True)
    page.context.clear_cookies()
    cookies = {"medspiller": secret, "language": "en"}
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


def narrow(page: Page) -> None:
    """The page holds at 320 px too, and goes back."""
    page.set_viewport_size({"width": 320, "height": 800})
    require_good(page)
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_case_worker_finds_a_person_and_has_the_address_shown_once(
    browser_page: Page, service_url: str, place: Place, faults: Faults
) -> None:
    page = browser_page
    sign_in(page, place, service_url, "case_worker")
    page.goto(f"{service_url}/persons")
    require_accessible(page)
    page.get_by_label("Identity number").fill(place.number("Sofie"))
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sofie Prøvesen")
    assert place.number("Sofie") not in page.url
    require_accessible(page)
    narrow(page)

    page.get_by_label("The address").check()
    page.get_by_label("Why you need it").fill("short")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Why you need it: Write at least 10 characters.")).to_be_visible()
    expect(page.get_by_label("The address")).to_be_checked()
    expect(page.get_by_text(STREET)).to_have_count(0)
    require_accessible(page)

    page.get_by_label("Why you need it").fill("The letter came back.")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text(STREET)).to_be_visible()
    require_accessible(page)
    narrow(page)
    # The browser sends the form again.
    page.reload()
    expect(page.get_by_text("What was shown is hidden again.")).to_be_visible()
    expect(page.get_by_text(STREET)).to_have_count(0)
    # Nor has it kept the page for whoever goes back.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()
    faults[:] = [fault for fault in faults if "ERR_CACHE_MISS" not in fault]
    assert [reason for _, reason, _ in place.entries("register.person.unmask")] == ["The letter came back."]


def test_an_auditor_searches_the_trail_and_takes_a_family_s_file(
    browser_page: Page, service_url: str, place: Place, faults: Faults
) -> None:
    page = browser_page
    place.town.say("passes", "replace", place.town.number("Finn"), "--reason", "lost in the swimming hall")
    sign_in(page, place, service_url, "auditor")
    page.goto(service_url)
    page.get_by_role("navigation").get_by_role("link", name="Audit trail").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit trail")
    require_accessible(page)
    narrow(page)
    page.get_by_label("What was done").select_option(label="Replaced a pass")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("row").filter(has_text="lost in the swimming hall")).to_have_count(1)
    expect(page.get_by_label("What was done")).to_have_value("passes.replace")
    page.get_by_label("Up to this day").fill("2016-01-01")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    require_accessible(page)

    page.get_by_role("link", name="One family").click()
    require_accessible(page)
    page.get_by_label("Identity number of a member").fill(place.number("Finn"))
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Reads and changes")
    assert place.number("Finn") not in page.url + page.content()
    expect(page.get_by_role("row").filter(has_text="Replaced a pass")).to_contain_text("this family")
    require_accessible(page)
    narrow(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert download.value.suggested_filename == "family-2017-01-15.csv"
    # The browser gives up loading a page where a file comes instead.
    faults[:] = [fault for fault in faults if "ERR_ABORTED" not in fault]


def test_it_works_without_javascript(browser_page: Page, service_url: str, place: Place) -> None:
    browser = browser_page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, place, service_url, "auditor")
    page.goto(f"{service_url}/trail")
    page.get_by_label("Through").select_option(label="the command line")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("row").filter(has_text="Imported a register extract")).to_have_count(1)
    page.goto(f"{service_url}/trail/family")
    page.get_by_label("Household").fill("fattig")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Reads and changes")
    context.close()
