"""The whole service in a browser."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import require_accessible


def test_an_address_that_does_not_exist_is_a_page(browser_page: Page, service_url: str) -> None:
    answer = browser_page.goto(f"{service_url}/nothing")
    assert answer is not None
    assert answer.status == 404
    expect(browser_page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    require_accessible(browser_page)
    browser_page.get_by_role("button", name="Norsk bokmål").click()
    expect(browser_page.get_by_role("heading", level=1)).to_have_text("Siden finnes ikke")
