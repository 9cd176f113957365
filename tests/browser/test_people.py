"""Administration of people, tokens and organisations in a browser, wide and narrow, with and without scripts."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import Session

from service.audit.actions import COMMAND
from service.database.engine import Database
from service.database.tenancy import act_for
from service.identity.actions import add_member, add_municipality
from service.identity.organisations import add_organisation
from service.identity.sessions import open_session
from tests.browser.conftest import Faults, require_accessible, require_good

WIDE, NARROW = (1280, 900), (360, 740)


def _town(session: Session) -> dict[str, str]:
    """A municipality with a service, a club, and people; the secrets of two sessions."""
    tenant = add_municipality(session, "0751", "Lillevik Kommune", "dk").id
    act_for(session, tenant)
    add_organisation(session, tenant, "service", "School health", None, COMMAND)
    club = add_organisation(session, tenant, "club", "Fremad", "12345678", COMMAND).id
    session.flush()
    add_member(session, tenant, "worker@lillevik.example", "The case worker", "case_worker")
    people = {
        "admin": add_member(session, tenant, "admin@lillevik.example", "The administrator", "administrator"),
        "treasurer": add_member(session, tenant, "treasurer@fremad.example", "The treasurer", "club_treasurer", club),
    }
    return {name: open_session(session, account, "command", "test") for name, account in people.items()}


@pytest.fixture
def secrets(database: Database) -> dict[str, str]:
    with database.transaction() as session:
        return _town(session)


def _enter(page: Page, url: str, secret: str) -> None:
    cookies = {"medspiller": secret, "language": "en"}
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


@contextmanager
def _without_scripts(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_an_administrator_invites_reviews_and_ends(
    service_url: str, secrets: dict[str, str], browser_page: Page, size: tuple[int, int]
) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    _enter(page, service_url, secrets["admin"])

    def looks_right() -> None:
        require_good(page)

    page.goto(f"{service_url}/people")
    looks_right()
    page.get_by_role("link", name="Invite", exact=True).click()
    looks_right()
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_role("link", name="E-mail: Fill this in.")).to_be_visible()
    looks_right()
    page.get_by_label("E-mail").fill("new@fremad.example")
    page.get_by_label("Name", exact=True).fill("Somebody new")
    page.get_by_label("Club treasurer").check()
    page.get_by_text("What each role may do").click()
    expect(page.get_by_text("Make and revoke tokens").last).to_be_visible()
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_text("does not belong there")).to_be_visible()
    page.get_by_label("Place").select_option(label="Fremad (club)")
    page.get_by_role("button", name="Send the invitation").dblclick()
    expect(page.get_by_text("The invitation to Somebody new is on its way.")).to_be_visible()
    expect(page.get_by_role("rowheader")).to_have_count(1)
    looks_right()
    page.get_by_role("button", name="Send again: Somebody new").click()
    expect(page.get_by_text("The invitation was sent again.")).to_be_visible()
    page.get_by_role("button", name="Withdraw: Somebody new").click()
    expect(page.get_by_text("No open invitations")).to_be_visible()
    looks_right()

    page.get_by_role("link", name="Access review").click()
    expect(page.get_by_text("0 of 3 reviewed this year")).to_be_visible()
    looks_right()
    page.get_by_label("The role case worker of The case worker is still right").check()
    page.get_by_label("The role administrator of The administrator is still right").check()
    page.get_by_role("button", name="Confirm the ticked roles").click()
    expect(page.get_by_text("2 of 3 reviewed this year")).to_be_visible()
    page.get_by_role("link", name="End: club treasurer, The treasurer").click()
    looks_right()
    page.get_by_role("button", name="End the role").click()
    expect(page.get_by_text("The role of The treasurer has ended.")).to_be_visible()
    expect(page.get_by_role("rowheader")).to_have_count(2)


def test_the_search_answers_as_one_types_and_keeps_names_out_of_addresses(
    service_url: str, secrets: dict[str, str], browser_page: Page, faults: Faults
) -> None:
    page = browser_page
    _enter(page, service_url, secrets["admin"])
    page.goto(f"{service_url}/people")
    page.get_by_label("Name or e-mail").press_sequentially("fremad")
    expect(page.get_by_text("1 of 3 roles")).to_be_visible()
    assert page.url == f"{service_url}/people"
    page.get_by_label("Name or e-mail").fill("")
    expect(page.get_by_text("3 roles")).to_be_visible()
    page.get_by_label("Role", exact=True).select_option("auditor")
    expect(page.get_by_text("Nobody found")).to_be_visible()
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download as CSV").click()
    assert re.fullmatch(r"access-review-\d{4}-\d\d-\d\d\.csv", caught.value.suggested_filename)
    # For the browser a download is a page that was not opened.
    faults[:] = [fault for fault in faults if fault != f"{service_url}/people/file: net::ERR_ABORTED"]


def test_without_scripts_all_of_it_works(service_url: str, secrets: dict[str, str], browser: Browser) -> None:
    with _without_scripts(browser) as page:
        _enter(page, service_url, secrets["admin"])
        page.goto(f"{service_url}/people")
        page.get_by_label("Name or e-mail").fill("WORKER")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_text("1 of 3 roles")).to_be_visible()
        assert page.url == f"{service_url}/people/search"
        page.get_by_label("Name or e-mail").fill("")
        page.get_by_label("Sort by").select_option("reviewed")
        page.get_by_role("button", name="Search").click()
        assert page.url == f"{service_url}/people?sort=reviewed"
        page.get_by_role("link", name="End: case worker, The case worker").click()
        page.get_by_role("button", name="End the role").click()
        expect(page.get_by_text("The role of The case worker has ended.")).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_treasurer_makes_a_token_once_and_revokes_it(
    service_url: str, secrets: dict[str, str], browser_page: Page, size: tuple[int, int]
) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    _enter(page, service_url, secrets["treasurer"])
    page.goto(f"{service_url}/tokens")
    require_accessible(page)
    expect(page.get_by_role("link", name="Users", exact=True)).to_have_count(0)
    page.get_by_role("link", name="New token").click()
    require_good(page)
    page.get_by_label("Name of the system").fill("Cashbook")
    page.get_by_role("button", name="Make the token").click()
    token = page.get_by_label("Token", exact=True).input_value()
    assert token.startswith("medspiller_")
    require_good(page)
    page.reload()
    expect(page.get_by_text("That form made its token already.")).to_be_visible()
    assert token not in page.content()
    expect(page.get_by_role("rowheader")).to_have_count(1)
    require_good(page)
    page.get_by_role("link", name="Revoke: Cashbook").click()
    require_accessible(page)
    page.get_by_role("button", name="Revoke the token").click()
    expect(page.get_by_text("The token was revoked.")).to_be_visible()
    expect(page.get_by_text("Revoked", exact=True)).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_services(service_url: str, secrets: dict[str, str], browser_page: Page, size: tuple[int, int]) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    _enter(page, service_url, secrets["admin"])
    page.goto(f"{service_url}/organisations")
    require_good(page)
    page.get_by_role("link", name="Add a service").click()
    require_good(page)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("link", name="Name: Fill this in.")).to_be_visible()
    page.get_by_label("Name").fill("Child welfare")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("Child welfare was added.")).to_be_visible()
    page.get_by_role("link", name="End: School health").click()
    expect(page.get_by_text("0 roles of its people")).to_be_visible()
    require_good(page)
    page.get_by_role("button", name="End School health").click()
    expect(page.get_by_text("School health has ended.")).to_be_visible()
