"""The coordinator closes an account and reads the report, at a desk and on a phone, with and without scripts."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from service.database.engine import Database
from tests.account.summer import AFTERWARDS, Summer
from tests.allocation.season import family
from tests.browser.conftest import require_good
from tests.stays.camp import NOW, Camp


@pytest.fixture
def over(database: Database, at: Callable[[str], None]) -> Summer:
    """A season that is over: a family came, two were refused, one declined."""
    at(NOW)
    camp = Camp(database)
    camp.plan("A1", "A2")
    summer = Summer(camp)
    summer.lists(
        family("B1", 4, municipality="Bergvik"),
        family("U1", 3, contact="One"),
        family("U2", 4, contact="Two"),
        family("U3", 3, contact="Three"),
    )
    summer.offer("B1", "A1", municipality="Bergvik")
    summer.offer("U3", "A2", "declined")
    at(AFTERWARDS)
    return summer


def test_a_coordinator_closes_the_account_and_reads_the_report(
    service_url: str, over: Summer, walker: Page, request: pytest.FixtureRequest
) -> None:
    page, scripts = walker, "plain" not in request.node.name
    cookies = {"medspiller": over.camp.sign_in("coordinator"), "language": "en"}
    page.context.add_cookies([{"name": name, "value": value, "url": service_url} for name, value in cookies.items()])

    def look() -> None:
        if scripts:
            require_good(page)

    page.goto(service_url)
    page.get_by_role("link", name="Seasons that are over and whose account is not closed").click()
    page.get_by_role("link", name="Sommer 2026").click()
    page.get_by_role("link", name="Account of the season").click()
    expect(page.get_by_text("Not closed", exact=True)).to_be_visible()
    look()
    page.get_by_label("Days after the last day").fill("7")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("must be").first).to_be_visible()
    look()
    page.get_by_label("Days after the last day").fill("90")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("On 13 November 2026 the names of families")).to_be_visible()
    page.get_by_role("link", name="Close the account").click()
    expect(page.get_by_role("heading", name="Close the account of Sommer 2026")).to_be_visible()
    look()
    page.get_by_role("button", name="Close the account for good").click()
    expect(page.get_by_text("The account is closed. Its figures are kept for good.")).to_be_visible()
    look()
    page.goto(f"{service_url}/holidays-report")
    expect(page.get_by_role("heading", name="Holidays in 2026")).to_be_visible()
    expect(page.get_by_role("img", name="Persons who came and persons refused, by district")).to_be_visible()
    look()
    with page.expect_download() as download:
        page.get_by_role("link", name="Report (PDF)").click()
    assert download.value.suggested_filename == "holidays-2026.pdf"
    page.get_by_label("Year").select_option("2026")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Not closed", exact=True)).to_have_count(0)
