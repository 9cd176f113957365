"""Journeys of free holidays: a nurse on a phone, a case worker, and a coordinator, with and without scripts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from service.database.engine import Database
from tests.browser.conftest import Faults, require_good
from tests.referrals.office import FATHER, Office
from tests.referrals.test_lists import OTHERS
from tests.stays.camp import NOW, Camp
from tests.stays.test_pages import HEAD, workbook_of

WIDE, PHONE = (1280, 900), (360, 740)
TYPED = "Amina Ali, 02.03.1985\nYusuf Ali 21.06.2016"


@pytest.fixture
def office(database: Database, at: Callable[[str], None]) -> Office:
    at(NOW)
    camp = Camp(database)
    camp.plan("A1", "A2")
    return Office(camp)


def _enter(page: Page, url: str, secret: str) -> None:
    page.context.clear_cookies()
    cookies = {"medspiller": secret, "language": "en"}
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


def _sized(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


@contextmanager
def _phone_without_scripts(browser: Browser) -> Iterator[Page]:
    viewport = {"width": PHONE[0], "height": PHONE[1]}
    context = browser.new_context(java_script_enabled=False, locale="en-GB", viewport=viewport)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def _fill(page: Page) -> None:
    page.get_by_label("Who travels").fill(TYPED)
    page.get_by_label("The family's phone").fill("90000009")
    page.get_by_label("Wish 1").select_option(index=2)
    page.get_by_label("The family's language").fill("Somali")
    page.get_by_label("The family needs an interpreter").check()
    page.get_by_label("The family has lived in the country").check()
    page.get_by_label("Why this family").fill("No holiday in years.")
    page.get_by_label("In a conversation", exact=True).check()


def test_a_nurse_refers_a_family_on_a_phone(service_url: str, office: Office, browser_page: Page) -> None:
    page = browser_page
    _sized(page, PHONE)
    _enter(page, service_url, office.camp.sign_in("nurse"))
    page.goto(f"{service_url}/referrals")
    require_good(page)
    page.get_by_role("link", name="Refer a family").click()
    require_good(page)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Refer a family")).to_be_visible()
    require_good(page)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Who travels: are missing: the family names who travels")).to_be_visible()
    require_good(page)
    _fill(page)
    page.get_by_role("button", name="Keep as a draft").click()
    expect(page.get_by_text("The draft is kept.")).to_be_visible()
    page.get_by_role("link", name="Amina Ali").click()
    require_good(page)
    page.get_by_role("button", name="Send").dblclick()
    expect(page.get_by_text("With the municipality")).to_be_visible()
    expect(page.get_by_text("Yusuf Ali is 10 on 27 June 2026")).to_be_visible()
    require_good(page)
    page.get_by_role("link", name="Referrals").first.click()
    require_good(page)
    expect(page.get_by_role("rowheader", name="Amina Ali")).to_have_count(1)


def test_a_nurse_refers_and_withdraws_without_scripts(service_url: str, office: Office, browser: Browser) -> None:
    with _phone_without_scripts(browser) as page:
        _enter(page, service_url, office.camp.sign_in("nurse"))
        page.goto(f"{service_url}/referrals/new")
        page.get_by_role("button", name="Go on").click()
        _fill(page)
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_text("The referral is sent.")).to_be_visible()
        page.get_by_role("link", name="Change", exact=True).click()
        page.get_by_label("The family's phone").fill("90000010")
        page.get_by_role("button", name="Keep the change").click()
        expect(page.get_by_text("90000010")).to_be_visible()
        page.get_by_text("The family has withdrawn its consent").click()
        page.get_by_role("button", name="The consent is withdrawn").click()
        expect(page.get_by_text("What was said of the family is erased.")).to_be_visible()
        expect(page.get_by_text("Amina")).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_a_case_worker_ranks_and_hands_over(
    service_url: str, office: Office, browser_page: Page, size: tuple[int, int]
) -> None:
    office.refer("nurse", wishes=("A1",))
    office.refer("welfare", *OTHERS)
    shared = office.refer("welfare", FATHER, office.content().travellers[1])
    page = browser_page
    _sized(page, size)
    _enter(page, service_url, office.camp.sign_in("worker"))
    page.goto(service_url)
    page.get_by_role("link", name="Cases that share somebody").click()
    require_good(page)
    page.get_by_role("button", name="Two families").click()
    expect(page.get_by_text("No case shares anybody")).to_be_visible()
    page.get_by_role("link", name="Families", exact=True).click()
    page.get_by_text("What the need bands mean").click()
    require_good(page)
    page.get_by_role("link", name="Hassan Omar").click()
    require_good(page)
    page.get_by_text("Send back with a question: Barnevernet").click()
    page.get_by_label("Question to the service").fill("Who travels along?")
    page.get_by_role("button", name="Send the question").click()
    expect(page.get_by_text("Sent back with a question").first).to_be_visible()
    assert office.own("welfare", shared).question == "Who travels along?"
    page.get_by_role("link", name="Free holidays").first.click()
    page.get_by_label("Choose Amina Yusuf Ali").check()
    page.get_by_label("Choose Olga Berg").check()
    page.get_by_label("Need of Amina Yusuf Ali").select_option("5")
    page.get_by_label("Need of Olga Berg").select_option("3")
    page.get_by_role("button", name="Approve the chosen").click()
    expect(page.get_by_text("Families decided about: 2.")).to_be_visible()
    require_good(page)
    page.get_by_role("link", name="To the list").click()
    require_good(page)
    page.get_by_role("button", name="Hand over version 1").click()
    expect(page.get_by_text("Version 1 is handed over to Ferie for alle: 2 families, 5 persons.")).to_be_visible()
    require_good(page)


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_a_coordinator_plans_and_receives(
    service_url: str,
    office: Office,
    browser_page: Page,
    size: tuple[int, int],
    tmp_path: Path,
    faults: Faults,
) -> None:
    office.approve(office.refer("nurse", wishes=("A1",)))
    office.hand_over()
    page = browser_page
    _sized(page, size)
    _enter(page, service_url, office.camp.sign_in("coordinator"))
    page.goto(service_url)
    page.get_by_role("link", name="Lists of families whose receipt is to be confirmed").click()
    require_good(page)
    page.get_by_role("link", name="Bergvik, 1").click()
    expect(page.get_by_text("Yusuf Ali (21 Jun 2016)")).to_be_visible()
    require_good(page)
    page.get_by_role("button", name="Confirm receipt").click()
    expect(page.get_by_text("The municipality sees that its list has come.")).to_be_visible()
    page.goto(f"{service_url}/seasons")
    require_good(page)
    page.get_by_role("link", name="Sommer 2026").click()
    require_good(page)
    page.get_by_role("link", name="Add a stay").click()
    require_good(page)
    page.get_by_label("Code").fill("B1")
    page.get_by_label("Centre").select_option(label="Fjellheim")
    page.get_by_label("First day").fill("2026-07-04")
    page.get_by_label("Last day").fill("2026-07-11")
    page.get_by_label("Places for families").fill("10")
    page.get_by_label("Places for persons").fill("48")
    page.get_by_label("Volunteers", exact=True).fill("8")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="B1 at Fjellheim")).to_be_visible()
    page.get_by_label("Role that is needed").select_option("leader")
    page.get_by_role("button", name="Add the role").click()
    require_good(page)
    page.goto(f"{service_url}/volunteers/new")
    page.get_by_label("Name").fill("Leif Leder")
    page.get_by_role("button", name="Save").click()
    require_good(page)
    page.get_by_role("button", name="I have seen it").click()
    page.goto(f"{service_url}/volunteers")
    require_good(page)
    page.goto(f"{service_url}/seasons/{office.camp.season}")
    page.get_by_role("link", name="B1").click()
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_role("button", name="Confirm: Leif Leder").click()
    expect(page.get_by_text("The role is confirmed.")).to_be_visible()
    page.get_by_role("link", name="Cancel this stay").click()
    require_good(page)
    page.get_by_label("Why").fill("The roof leaks")
    page.get_by_role("button", name="Cancel this stay").click()
    page.get_by_role("link", name="Take over a spreadsheet of families").click()
    require_good(page)
    file = tmp_path / "list.xlsx"
    file.write_bytes(workbook_of(HEAD, (1, "Per Dal", "1980-01-01", "", "", "", 9), (1, "Siri Dal", "2015-05-17")))
    page.get_by_label("Municipality").select_option(label="Uvik")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Take over").click()
    expect(page.get_by_text("line 2, need: must be 1 to 5")).to_be_visible()
    require_good(page)
    for path in ("/districts", f"/districts/{office.camp.district}", "/centres", f"/centres/{office.camp.centre}"):
        page.goto(f"{service_url}{path}")
        require_good(page)
    page.goto(f"{service_url}/received-lists/doubles")
    require_good(page)
    # The icon of a page that was left before it had come.
    faults[:] = [fault for fault in faults if not fault.endswith("icon.svg: net::ERR_ABORTED")]
