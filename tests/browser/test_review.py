"""The review queue and passes on the spot in a browser, wide and narrow, with and without scripts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from service.database.engine import Database
from service.identity.actions import add_member
from service.identity.sessions import open_session
from tests.browser.conftest import Faults
from tests.conftest import Medspiller
from tests.passes.town import IN_2017, Town

CheckAxe = Callable[[Page], None]
WIDE, NARROW = (1280, 900), (360, 740)


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Twenty-five undecided children, one who is entitled, and two case workers."""
    at(f"{IN_2017}T08:00Z")
    made = Town(medspiller, database, tmp_path)
    for household in range(12):
        made.family(f"H{household}", f"Ada{household}", f"Bo{household}", income=None, district="midt")
    made.family("N", "Carl", income=None, district="nord")
    made.family("E", "Dora")
    made.load()
    made.commit()
    return made


@pytest.fixture
def secrets(town: Town) -> dict[str, str]:
    with town.database.transaction(town.municipality.id) as session:
        people = {
            name: add_member(session, town.municipality.id, f"{name}@lillevik.example", name, "case_worker")
            for name in ("anna", "bent")
        }
        return {
            name: open_session(session, account, "provider", "test", strong=True) for name, account in people.items()
        }


def _enter(page: Page, url: str, secret: str) -> None:
    cookies = {"medspiller": secret, "language": "en"}
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


@contextmanager
def _without_scripts(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    yield context.new_page()
    context.close()


def _checked(page: Page, check_axe: CheckAxe) -> None:
    check_axe(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_yes_invite_and_leave(
    service_url: str, secrets: dict[str, str], browser_page: Page, check_axe: CheckAxe, size: tuple[int, int]
) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    _enter(page, service_url, secrets["anna"])
    page.goto(f"{service_url}/")
    page.get_by_role("link", name="Children whose case needs a review").click()
    expect(page.get_by_role("heading", name="Review queue", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Waiting (25)")).to_be_visible()
    _checked(page, check_axe)
    page.get_by_role("button", name="Say yes").click()
    expect(page.get_by_text("Tick at least one child first.")).to_be_visible()

    page.get_by_label("Choose Carl Prøvesen").check()
    page.get_by_role("button", name="Say yes").click()
    expect(page.get_by_text("1 child gets a pass of 1,000.00 kr: 1,000.00 kr.")).to_be_visible()
    expect(page.get_by_text("Carl Prøvesen")).to_be_visible()
    _checked(page, check_axe)
    page.get_by_role("button", name="Say yes to 1 child").click()
    expect(page.get_by_role("link", name="Reason: Fill this in.")).to_be_visible()
    _checked(page, check_axe)
    page.get_by_label("Evidence", exact=True).select_option("income_statement")
    page.get_by_label("Reason").fill("Seen at the counter")
    page.get_by_role("button", name="Say yes to 1 child").dblclick()
    expect(page.get_by_role("link", name="Waiting (24)")).to_be_visible()

    page.get_by_label("Choose Ada1 Prøvesen").check()
    page.get_by_label("Choose Bo1 Prøvesen").check()
    page.get_by_role("button", name="Invite to apply").click()
    _checked(page, check_axe)
    page.get_by_label("Reason").fill("No income is known")
    page.get_by_role("button", name="Invite to apply").click()
    expect(page.get_by_text("Children invited: 2. Letters for the next print batch: 1.")).to_be_visible()

    page.get_by_label("Choose Ada2 Prøvesen").check()
    page.get_by_role("button", name="Leave aside").click()
    _checked(page, check_axe)
    page.get_by_label("Until").fill("2017-03-01")
    page.get_by_label("Reason").fill("A paper is awaited")
    page.get_by_role("button", name="Leave aside").click()
    expect(page.get_by_text("Children left aside: 1.")).to_be_visible()
    page.get_by_role("link", name="Left aside (1)").click()
    _checked(page, check_axe)
    page.get_by_label("Choose Ada2 Prøvesen").check()
    page.get_by_role("button", name="Let them wait again").click()
    page.get_by_role("link", name="Invited to apply (2)").click()
    _checked(page, check_axe)
    expect(page.get_by_role("button", name="Invite to apply")).to_have_count(0)


def test_many_with_a_filter_and_a_second_person_without_scripts(
    service_url: str, secrets: dict[str, str], browser: Browser, town: Town
) -> None:
    with _without_scripts(browser) as page:
        _enter(page, service_url, secrets["anna"])
        page.goto(f"{service_url}/review")
        page.get_by_text("Filter", exact=True).first.click()
        page.get_by_label("District").select_option("midt")
        page.get_by_role("button", name="Filter").click()
        expect(page.get_by_role("rowheader", name="Carl Prøvesen")).to_have_count(0)
        page.get_by_label("All that the filter finds").check()
        page.get_by_role("button", name="Say yes").click()
        expect(page.get_by_text("24 children get a pass of 1,000.00 kr each: 24,000.00 kr.")).to_be_visible()
        page.get_by_label("Evidence", exact=True).select_option("introduction_benefit")
        page.get_by_label("Reason").fill("Introduction benefit")
        page.get_by_role("button", name="Say yes to 24 children").click()
        expect(page.get_by_text("The decision about 24 children waits for a second person.")).to_be_visible()
        expect(page.get_by_text("You decided this: another person must approve it.")).to_be_visible()
        assert town.listed()[1:] == []
    with _without_scripts(browser) as page:
        _enter(page, service_url, secrets["bent"])
        page.goto(f"{service_url}/review/held")
        page.get_by_role("button", name="Approve and issue 24 passes").click()
        expect(page.get_by_text("Children decided: 24. Passes issued: 24.")).to_be_visible()
    assert len(town.listed()) == 25


def test_pasted_households_and_the_file(
    service_url: str, secrets: dict[str, str], browser_page: Page, check_axe: CheckAxe, faults: Faults
) -> None:
    page = browser_page
    _enter(page, service_url, secrets["anna"])
    page.goto(f"{service_url}/review")
    page.get_by_text("Filter", exact=True).first.click()
    _checked(page, check_axe)
    page.get_by_label("Household numbers").fill("H3\nH4")
    page.get_by_role("button", name="Show these households").click()
    assert page.url == f"{service_url}/review"
    expect(page.get_by_role("checkbox", name="Choose")).to_have_count(4)
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download as CSV").click()
    assert caught.value.suggested_filename == "review-2017-01-15.csv"
    assert len(Path(caught.value.path()).read_text().splitlines()) == 5
    # For the browser a download is a page that was not opened.
    faults[:] = [fault for fault in faults if fault != f"{service_url}/review/file: net::ERR_ABORTED"]


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_pass_at_the_counter(
    service_url: str,
    secrets: dict[str, str],
    browser_page: Page,
    check_axe: CheckAxe,
    town: Town,
    size: tuple[int, int],
) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    _enter(page, service_url, secrets["anna"])
    page.goto(f"{service_url}/on-the-spot")
    _checked(page, check_axe)
    page.get_by_label("Identity number").fill(str(town.of("Carl")["person_id"]))
    page.get_by_role("button", name="Find the child").click()
    assert page.url == f"{service_url}/on-the-spot"
    _checked(page, check_axe)
    page.get_by_role("link", name="Choose Carl").click()
    _checked(page, check_axe)
    page.get_by_label("Evidence", exact=True).select_option("conversation")
    page.get_by_label("Reason").fill("Home visit")
    page.get_by_role("button", name="Issue the pass").click()
    number = town.number("Carl")
    expect(page.get_by_text("Read the number out. It is shown this once.")).to_be_visible()
    assert page.locator(".codes").inner_text().replace("-", "") == number
    _checked(page, check_axe)
    page.reload()
    expect(page.get_by_text("The pass was issued already")).to_be_visible()
    assert number[:4] not in page.content()
    _checked(page, check_axe)
    answer = page.request.post(
        f"{page.url}/letter", form={"_csrf_token": page.locator("input[name=_csrf_token]").first.input_value()}
    )
    assert (answer.status, answer.body()[:4]) == (200, b"%PDF")
    page.reload()
    expect(page.get_by_text("The letter was printed here.")).to_be_visible()
    page.get_by_role("link", name="Next child").click()
    page.get_by_label("Household number").fill("E")
    page.get_by_role("button", name="Find the child").click()
    expect(page.get_by_text("a lost one is replaced")).to_be_visible()
    expect(page.get_by_role("link", name="Choose Dora")).to_have_count(0)
    _checked(page, check_axe)
