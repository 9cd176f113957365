"""A club's way in a browser: it applies, is approved, tells what it offers, and changes its account."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from service.database.engine import Database
from tests.apps import app_over
from tests.browser.conftest import require_good, served
from tests.clubs.house import ADMIN, CONTACT, FINANCE, MORE_IBANS, House
from tests.identity.clients import invitation_secret

WIDE, NARROW = (1280, 900), (360, 740)


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


@pytest.fixture
def service_url(database: Database, house: House) -> Iterator[str]:
    """The whole service on the house's database."""
    with served(app_over(database)) as url:
        yield url


def _enter(page: Page, url: str, secret: str | None = None) -> None:
    page.context.clear_cookies()
    cookies = {"language": "en"} | ({"medspiller": secret} if secret else {})
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


@contextmanager
def _without_scripts(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    yield context.new_page()
    context.close()


def _apply(page: Page, looks_right: Callable[[], None]) -> None:
    """Fill the public form in, wrong at first."""
    page.get_by_role("link", name="For clubs: take the leisure pass").click()
    looks_right()
    page.get_by_role("link", name="By 0751").click()
    looks_right()
    page.get_by_label("Organisation number").fill("12345678")
    page.get_by_label("The club's name").fill("Fremad")
    page.get_by_label("Contact", exact=True).fill("Anna")
    page.get_by_label("The contact's e-mail").fill(CONTACT)
    page.get_by_label("Football").check()
    page.get_by_label("Bank account").check()
    page.get_by_role("button", name="Send the application").click()
    expect(page.get_by_role("link", name="Organisation number: has a wrong check digit")).to_be_visible()
    expect(page.get_by_role("link", name="Account number: is missing")).to_be_visible()
    expect(page.get_by_role("link", name="Agreement: must be accepted")).to_be_visible()
    expect(page.get_by_label("Football")).to_be_checked()
    looks_right()
    page.get_by_label("Organisation number").fill("12 34 56 74")
    page.get_by_label("Account number").fill("0040 440116243")
    page.get_by_label("Our club agrees to this").check()
    page.get_by_role("button", name="Send the application").click()
    expect(page.get_by_role("heading", name="Your application is sent")).to_be_visible()
    looks_right()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_club_applies_is_approved_and_looks_after_itself(
    service_url: str, house: House, browser_page: Page, size: tuple[int, int]
) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})

    def looks_right() -> None:
        require_good(page)

    _enter(page, service_url)
    page.goto(f"{service_url}/sign-in")
    looks_right()
    _apply(page, looks_right)

    _enter(page, service_url, house.sign_in(ADMIN))
    page.goto(service_url)
    page.get_by_role("link", name="Clubs that have applied").click()
    looks_right()
    page.get_by_role("link", name="Fremad").click()
    looks_right()
    page.get_by_role("button", name="Reject the application").click()
    expect(page.get_by_role("link", name="Reason: Fill this in.")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Approve the club").click()
    expect(page.get_by_text("Fremad is approved.")).to_be_visible()
    looks_right()

    _enter(page, service_url)
    page.goto(f"{service_url}/invitation/{invitation_secret(house.mails()[-1])}")
    page.get_by_role("button", name="Accept").click()
    page.goto(f"{service_url}/club")
    looks_right()
    page.get_by_role("link", name="Tell what your club offers").click()
    looks_right()
    page.get_by_label("Name of the activity").fill("U10 girls")
    page.get_by_label("Kind").select_option("football")
    page.get_by_label("From age").fill("10")
    page.get_by_label("To age").fill("8")
    page.get_by_label("First day of the season").fill("2026-01-01")
    page.get_by_label("Last day of the season").fill("2026-06-30")
    page.get_by_label("Full fee for the season").fill("650")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="not under the youngest")).to_be_visible()
    looks_right()
    page.get_by_label("To age").fill("12")
    page.get_by_role("button", name="Save").dblclick()
    expect(page.get_by_text("U10 girls was added.")).to_be_visible()
    expect(page.get_by_role("rowheader", name="U10 girls")).to_have_count(1)
    looks_right()
    page.get_by_role("link", name="Read the agreement").click()
    looks_right()
    page.goto(f"{service_url}/club")
    page.get_by_role("link", name="Propose another account").click()
    looks_right()
    page.get_by_label("Bank account").check()
    page.get_by_label("Account number").fill(MORE_IBANS["dk"])
    page.get_by_role("button", name="Propose the account").click()
    expect(page.get_by_text("An account waits for the municipality's approval")).to_be_visible()
    looks_right()
    page.get_by_role("link", name="Change the data").click()
    looks_right()
    page.get_by_label("Members in all").fill("120")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The changes are kept.")).to_be_visible()
    page.get_by_role("link", name="Invite another treasurer").click()
    looks_right()
    page.get_by_label("E-mail").fill("bo@fremad.example")
    page.get_by_label("Name").fill("Bo")
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_text("The invitation to Bo is on its way.")).to_be_visible()
    looks_right()

    _enter(page, service_url, house.sign_in(FINANCE))
    page.goto(f"{service_url}/clubs/accounts")
    looks_right()
    page.get_by_role("link", name="Fremad").click()
    looks_right()
    page.get_by_role("button", name="Approve the account").click()
    expect(page.get_by_text("The account is approved. Money goes there from")).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_staff_look_after_clubs(service_url: str, house: House, browser_page: Page, size: tuple[int, int]) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    house.add_club()
    _enter(page, service_url, house.sign_in(ADMIN))

    def looks_right() -> None:
        require_good(page)

    page.goto(f"{service_url}/clubs")
    looks_right()
    page.get_by_label("Name or number").fill("frem")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Fremad").click()
    looks_right()
    page.get_by_role("link", name="Suspend").click()
    looks_right()
    page.get_by_label("Reason").fill("The accounts are missing.")
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_text("The accounts are missing.")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Lift the suspension").click()
    expect(page.get_by_text("The suspension of Fremad is lifted.")).to_be_visible()
    page.get_by_role("link", name="Propose another account").click()
    looks_right()
    page.goto(f"{service_url}/clubs/new")
    looks_right()
    page.goto(f"{service_url}/clubs/settings")
    looks_right()
    page.goto(f"{service_url}/clubs")
    page.get_by_role("link", name="Fremad").click()
    page.get_by_role("link", name="End", exact=True).click()
    looks_right()
    page.get_by_role("button", name="End Fremad").click()
    expect(page.get_by_text("Fremad has ended.")).to_be_visible()


def test_without_scripts_a_club_applies_and_its_treasurer_works(
    service_url: str, house: House, browser: Browser
) -> None:
    with _without_scripts(browser) as page:
        _enter(page, service_url)
        page.goto(f"{service_url}/sign-in")
        _apply(page, lambda: None)
        _enter(page, service_url, house.sign_in(ADMIN))
        page.goto(f"{service_url}/clubs/applications")
        page.get_by_role("link", name="Fremad").click()
        page.get_by_role("button", name="Approve the club").click()
        expect(page.get_by_text(re.compile("Fremad is approved"))).to_be_visible()
        _enter(page, service_url)
        page.goto(f"{service_url}/invitation/{invitation_secret(house.mails()[-1])}")
        page.get_by_role("button", name="Accept").click()
        page.goto(f"{service_url}/club/account")
        page.get_by_label("NemKonto").check()
        page.get_by_role("button", name="Propose the account").click()
        page.get_by_role("button", name="Withdraw it").click()
        expect(page.get_by_text("The account is withdrawn.")).to_be_visible()
