"""Signing in, the second factor and one's own account, as people do it in a browser."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser, Page, expect

from service.database.engine import Database
from service.identity.actions import add_member, find_municipality
from service.identity.organisations import add_volunteer_organisation
from service.values import clock
from tests.browser.conftest import require_good
from tests.identity.signing_in import (
    ADMINISTRATOR,
    CASE_WORKER,
    TREASURER,
    add_club,
    code_of,
    emails,
    furnish,
    link_for,
)
from tests.identity.test_own_pages import invited, wait


@pytest.fixture(autouse=True)
def people(database: Database) -> None:
    furnish(database)
    add_club(database)


def fine(page: Page) -> None:
    """Every page: for everybody, and no wider than a telephone."""
    require_good(page)
    assert page.locator("main .ds-button[data-variant=primary]:visible").count() <= 1, page.url


@pytest.mark.parametrize("width", [1280, 360])
def test_a_case_worker_signs_in_and_out(browser_page: Page, service_url: str, database: Database, width: int) -> None:
    page = browser_page
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{service_url}/profile")
    expect(page).to_have_title("Sign in – Medspiller")
    fine(page)
    page.get_by_label("E-mail address").fill("nobody")
    page.get_by_role("button", name="Send me a link").click()
    fine(page)
    page.get_by_label("E-mail address").fill(CASE_WORKER)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Look into your e-mail")).to_be_visible()
    fine(page)
    # The browser's own loop runs in this thread; the worker brings another.
    with ThreadPoolExecutor() as threads:
        [(_, _, text)] = threads.submit(emails, database).result()
    page.goto(service_url + next(line for line in text.split() if "/sign-in/link/" in line).partition(":8000")[2])
    fine(page)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    # Led on to the second factor, and afterwards to the page that was wanted.
    expect(page.get_by_role("heading", name="Set up your second factor")).to_be_visible()
    fine(page)
    secret = page.locator("code.key").inner_text().replace(" ", "")
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("link", name="Code: is not right")).to_be_visible()
    fine(page)
    page.get_by_label("Code", exact=True).fill(code_of(secret))
    page.get_by_role("button", name="Set it up").click()
    expect(page.locator(".codes li")).to_have_count(10)
    fine(page)
    page.get_by_role("link", name="I have kept them").click()
    expect(page).to_have_url(f"{service_url}/profile")
    fine(page)
    page.locator(".shell-person summary").click()
    page.get_by_role("button", name="Log ud", exact=True).first.click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")


def enter(page: Page, service_url: str, database: Database, email: str) -> None:
    page.goto(service_url + link_for(database, email, "command"))
    page.locator("main").get_by_role("button").click()
    page.wait_for_url(lambda url: "/link/" not in url)


@pytest.mark.parametrize("width", [1280, 360])
def test_the_profile(browser_page: Page, service_url: str, database: Database, width: int) -> None:
    page = browser_page
    page.set_viewport_size({"width": width, "height": 800})
    enter(page, service_url, database, ADMINISTRATOR)
    expect(page.get_by_text("Intet venter på dig")).to_be_visible()
    fine(page)
    page.goto(f"{service_url}/profile")
    page.get_by_label("Sprog").select_option("en")
    page.get_by_label("Mørk").check()
    page.get_by_role("button", name="Gem").click()
    expect(page.get_by_role("status")).to_have_text("Your choices are kept.")
    fine(page)
    page.get_by_text("Leave", exact=True).click()
    require_good(page)
    page.get_by_role("button", name="Give the role back").click()
    expect(page.get_by_role("group", name="This is the last administrator")).to_be_focused()
    fine(page)
    page.get_by_text("Sign out everywhere", exact=True).click()
    page.get_by_role("button", name="Sign out everywhere now").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out everywhere.")


@pytest.mark.parametrize("width", [1280, 360])
def test_the_pages_that_few_see(browser_page: Page, service_url: str, database: Database, width: int) -> None:
    page = browser_page
    page.set_viewport_size({"width": width, "height": 800})
    with database.transaction() as session:
        municipality = find_municipality(session, "0751")
        made = add_volunteer_organisation(session, "ferie", "Ferie for alle", "dk")
    with database.transaction(made.id) as session:
        add_member(session, made.id, TREASURER, "Kasserer", "coordinator")
    page.goto(service_url + invited(database, municipality, "ny@aarhus.example"))
    fine(page)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", name="Set up your second factor")).to_be_visible()
    page.goto(f"{service_url}/invitation/unknown")
    expect(page.get_by_role("heading", name="This invitation does not work")).to_be_visible()
    fine(page)
    enter(page, service_url, database, TREASURER)
    expect(page.get_by_role("heading", name="For whom do you act?")).to_be_visible()
    fine(page)
    page.get_by_role("button", name="Act for Badmintonklub").click()
    expect(page.get_by_role("heading", name="Velkommen, Kasserer")).to_be_visible()
    fine(page)
    page.goto(f"{service_url}/sign-in/second-factor")
    page.get_by_label("Kode").fill(code_of(page.locator("code.key").inner_text().replace(" ", "")))
    page.get_by_role("button", name="Sæt den op").click()
    expect(page.locator(".codes li")).to_have_count(10)
    page.goto(f"{service_url}/profile/second-factor")
    fine(page)
    wait(database, municipality, clock.now())
    enter(page, service_url, database, CASE_WORKER)
    expect(page.locator(".waiting li")).to_have_count(5)
    fine(page)


def test_without_a_script(browser: Browser, service_url: str, database: Database) -> None:
    with browser.new_context(java_script_enabled=False, locale="en-GB") as context:
        page = context.new_page()
        page.goto(f"{service_url}/sign-in")
        page.get_by_label("E-mail address").fill(TREASURER)
        page.get_by_role("button", name="Send me a link").click()
        expect(page.get_by_role("heading", name="Look into your e-mail")).to_be_visible()
        enter(page, service_url, database, TREASURER)
        page.goto(f"{service_url}/profile")
        page.get_by_label("Sprog").select_option("nb")
        page.get_by_role("button", name="Gem").click()
        expect(page.get_by_role("status")).to_have_text("Valgene dine er lagret.")
        page.get_by_text("Logg ut overalt", exact=True).click()
        page.get_by_role("button", name="Logg ut overalt nå").click()
        expect(page.get_by_role("status")).to_have_text("You are signed out everywhere.")
