"""Pictures of the main pages, made by walking through them as a case worker and an administrator do."""

import io
from collections.abc import Callable

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import PHONE, WIDE, Way, launched
from tests.pictures.files import write
from tests.pictures.town import DemoTown, served

_WAIT = 60_000


def draw() -> None:
    """Every picture of a page, in the order in which the year goes."""
    with served() as town, sync_playwright() as playwright:
        browser = launched(playwright)
        page = _signed_in(browser, town, "case_worker")
        for walk in (_register, _dry_run, _what_if, _review, _reports, _letters, _pass, _family, _on_the_spot, _today):
            walk(page, town)
        _jobs(_signed_in(browser, town, "administrator"), town)
        browser.close()


def _signed_in(browser: Browser, town: DemoTown, role: str) -> Page:
    context = browser.new_context(
        viewport={"width": WIDE.width, "height": WIDE.height}, locale="en-GB", reduced_motion="reduce"
    )
    context.add_cookies([{"name": "language", "value": "en", "url": town.url}])
    page = context.new_page()
    page.set_default_timeout(_WAIT)
    page.goto(town.links[role])
    page.locator("main form button").first.click()
    page.wait_for_url(f"{town.url}/")
    return page


def _picture(page: Page, name: str, way: Way = WIDE, *, dark: bool = False) -> None:
    """What the window shows of the page, in one of the ways."""
    page.set_viewport_size({"width": way.width, "height": way.height})
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)")
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        write(shot, name)
    page.set_viewport_size({"width": WIDE.width, "height": WIDE.height})
    page.emulate_media(color_scheme="light")


def _ordered(page: Page, order: Callable[[], None], link: str) -> None:
    """Order something and go on to what came of it, once the worker is done."""
    order()
    page.get_by_role("link", name=link).click(timeout=_WAIT)


def _register(page: Page, town: DemoTown) -> None:
    page.goto(f"{town.url}/register/upload")
    page.locator("#population").set_input_files(town.population)
    page.locator("#income").set_input_files(town.income)
    _ordered(page, page.get_by_role("button", name="Upload").click, "See the import")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _picture(page, "register-import")


def _dry_run(page: Page, town: DemoTown) -> None:
    page.goto(f"{town.url}/eligibility/dry-runs")
    _ordered(page, page.get_by_role("button", name="Make the dry run").click, "See what would change")
    chart = page.get_by_role("img", name="New and lost children by district")
    expect(chart).to_be_visible()
    _picture(page, "dry-run")


def _what_if(page: Page, town: DemoTown) -> None:
    page.goto(f"{town.url}/eligibility/what-if")
    page.get_by_label("Income limit").fill("230000")
    page.get_by_label("Income limit").press("Tab")
    expect(page.locator("#found").get_by_role("img", name="by district")).to_be_visible()
    _picture(page, "what-if")


def _review(page: Page, town: DemoTown) -> None:
    page.goto(f"{town.url}/review")
    for box in page.get_by_role("checkbox", name="Choose").all()[:3]:
        box.check()
    _picture(page, "review-queue")
    page.get_by_role("button", name="Say yes").click()
    _picture(page, "review-yes-phone", PHONE)


def _letters(page: Page, town: DemoTown) -> None:
    page.goto(f"{town.url}/letters/batches/1")
    numbers = page.get_by_role("table", name="Letters in this batch").get_by_role("link").all_inner_texts()[:3]
    page.get_by_text("Hand it over to the print provider").click()
    page.get_by_role("button", name="Hand over").click()
    expect(page.get_by_text("were handed over")).to_be_visible(timeout=_WAIT)
    page.goto(f"{town.url}/letters/batches")
    _picture(page, "print-batches")
    page.goto(f"{town.url}/letters/returns")
    page.get_by_label("What the post wrote on it").select_option("moved")
    for number in numbers:
        page.get_by_label("Letter number").fill(number)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=f"Letter {number} is noted")).to_be_visible()
    _picture(page, "returned-mail")


def _pass(page: Page, town: DemoTown) -> None:
    page.goto(f"{town.url}/passes")
    page.get_by_role("table").get_by_role("link").first.click()
    page.get_by_role("link", name="Replace it").click()
    page.get_by_label("Reason").fill("lost in the swimming hall")
    page.get_by_role("button", name="Replace it").click()
    expect(page.get_by_role("heading", name="Ledger")).to_be_visible()
    _picture(page, "pass")


def _family(page: Page, town: DemoTown) -> None:
    page.goto(f"{town.url}/search")
    page.get_by_role("searchbox").fill("sofie jen")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("table")).to_be_visible()
    _picture(page, "search")
    # A family with passes.
    page.goto(f"{town.url}/passes")
    page.get_by_role("table").get_by_role("link").nth(4).click()
    page.get_by_role("main").locator("a[href^='/persons/']").first.click()
    page.get_by_role("main").locator("a[href^='/households/']").first.click()
    page.get_by_role("link", name="Name somebody").click()
    page.get_by_label("Name").fill("Kirsten Kontakt")
    page.get_by_label("Phone").fill("89 00 00 01")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Write a note").click()
    page.get_by_role("textbox", name="Note").fill("The mother rang: they move in March.")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.get_by_text("The note stands.")).to_be_visible()
    page.reload()
    _picture(page, "household")
    _picture(page, "household-dark", dark=True)
    _picture(page, "household-phone", PHONE)


def _reports(page: Page, town: DemoTown) -> None:
    page.goto(f"{town.url}/reports")
    _picture(page, "report")


def _on_the_spot(page: Page, town: DemoTown) -> None:
    page.goto(f"{town.url}/review")
    page.get_by_role("table", name="Children in the queue").get_by_role("link", name="H0").first.click()
    household = page.get_by_role("heading", level=1).inner_text().split()[-1]
    page.goto(f"{town.url}/on-the-spot")
    page.get_by_label("Household number").fill(household)
    page.get_by_role("button", name="Find the child").click()
    page.get_by_role("link", name="Choose").first.click()
    page.get_by_label("Evidence", exact=True).select_option("conversation")
    page.get_by_label("Reason").fill("Home visit")
    page.get_by_role("button", name="Issue the pass").click()
    expect(page.get_by_text("Read the number out.")).to_be_visible()
    _picture(page, "on-the-spot-phone", PHONE)


def _today(page: Page, town: DemoTown) -> None:
    page.goto(town.url)
    _picture(page, "today")
    _picture(page, "today-phone", PHONE)


def _jobs(page: Page, town: DemoTown) -> None:
    page.goto(f"{town.url}/jobs")
    _picture(page, "jobs")
