"""Print batches and returned mail in a browser: wide and narrow, and a stack of envelopes without scripts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.database.engine import Database
from service.identity.actions import add_member
from service.identity.sessions import open_session
from service.settings import load
from tests.browser.conftest import Faults
from tests.conftest import Medspiller
from tests.passes.town import Town

CheckAxe = Callable[[Page], None]
SIZES = [(1280, 900), (360, 740)]


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Families with letters that wait, one at a protected address, and one whose address is not known."""
    at("2017-01-15T08:00Z")
    made = Town(medspiller, database, tmp_path)
    made.family("H1", "Ada", "Bo")
    made.family("H2", "Dina")
    made.family("SECRET", "Carl", address_protected=1)
    made.family("LOST", "Eva", street="")
    made.load()
    made.commit()
    return made


@pytest.fixture
def secret(town: Town) -> str:
    """The session of a case worker."""
    tenant = town.municipality.id
    with town.database.transaction(tenant) as session:
        account = add_member(session, tenant, "worker@aarhus.example", "The case worker", "case_worker")
        return open_session(session, account, "provider", "test", strong=True)


def _enter(page: Page, url: str, secret: str) -> None:
    cookies = {"medspiller": secret, "language": "en"}
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


def _work(town: Town) -> None:
    # In a thread of its own: the browser's loop runs in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(Worker(town.database, load(), TIMETABLE[:0]).once).result()


def _numbers(town: Town) -> list[str]:
    rows = town.rows("SELECT number FROM letter WHERE state = 'handed_over' ORDER BY number")
    return [str(number) for (number,) in rows]


@pytest.mark.parametrize("size", SIZES)
def test_letters_are_made_sent_come_back_and_are_sent_again(
    service_url: str,
    secret: str,
    town: Town,
    browser_page: Page,
    check_axe: CheckAxe,
    faults: Faults,
    size: tuple[int, int],
) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    _enter(page, service_url, secret)

    def looks_right() -> None:
        check_axe(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url

    page.goto(f"{service_url}/letters/batches")
    looks_right()
    page.get_by_role("button", name="Make print batches").dblclick()
    expect(page.get_by_text("usually within seconds")).to_be_visible()
    _work(town)
    page.get_by_role("link", name="See the print batches").click()
    looks_right()
    assert town.rows("SELECT count(*) FROM job_run WHERE job = 'letters.render'") == [(1,)]

    page.get_by_role("link", name="see why").click()
    looks_right()
    page.get_by_role("table").get_by_role("link").click()
    looks_right()
    expect(page.get_by_label("City")).to_have_value("Aarhus C")
    page.get_by_role("button", name="Send to this address").click()
    expect(page.get_by_role("link", name="Street and number: Fill this in.")).to_be_visible()
    looks_right()
    page.get_by_role("textbox", name="Street and number").fill("Ny Vej 3")
    page.get_by_role("button", name="Send to this address").click()
    expect(page.get_by_text("Ny Vej 3, 8000 Aarhus C (written here)")).to_be_visible()

    page.goto(f"{service_url}/letters/batches/2")
    looks_right()
    expect(page.get_by_text("Nobody takes the files of this batch here")).to_be_visible()
    page.goto(f"{service_url}/letters/batches/1")
    for name in ("Letters (PDF)", "List of the letters (CSV)"):
        with page.expect_download():
            page.get_by_role("link", name=name).click()
    # For the browser a download is a page that was not opened.
    faults[:] = [fault for fault in faults if "ERR_ABORTED" not in fault]
    page.get_by_text("Hand it over to the print provider").click()
    looks_right()
    page.get_by_role("button", name="Hand over 2 letters").click()
    _work(town)
    expect(page.get_by_text("2 letters of print batch 1 were handed over.")).to_be_visible()

    page.goto(f"{service_url}/letters/returns")
    looks_right()
    first, second = _numbers(town)
    # As a scanner does: digits and Enter into what has the focus, envelope after envelope.
    page.get_by_label("What the post wrote on it").select_option("moved")
    page.get_by_label("Letter number").focus()
    for number, answer in (
        (first, f"Letter {first} is noted"),
        (first, f"{first} was not noted"),
        ("123456789", "123456789 was not noted"),
        (second, f"Letter {second} is noted"),
    ):
        page.keyboard.type(number)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=answer)).to_be_visible()
        expect(page.get_by_label("Letter number")).to_be_focused()
        expect(page.get_by_label("Letter number")).to_have_value("")
        looks_right()
    expect(page.get_by_role("heading", name="2 letters noted today")).to_be_visible()
    returned = "SELECT DISTINCT returned_because, count(*) FROM letter WHERE state = 'returned' GROUP BY 1"
    assert town.rows(returned) == [("moved", 2)]

    page.goto(f"{service_url}/")
    looks_right()
    page.get_by_role("link", name="Returned letters, to be sent again").click()
    looks_right()
    page.get_by_role("link", name=first).click()
    looks_right()
    page.get_by_label("Street and number").fill("Ny Vej 4")
    page.get_by_role("button", name="Send to this address").dblclick()
    expect(page.get_by_role("heading", name="Returned letters to be sent again")).to_be_visible()
    expect(page.get_by_role("link", name=second)).to_be_visible()
    expect(page.get_by_role("link", name=first)).to_have_count(0)
    looks_right()
    again = "SELECT count(*), max(address ->> 'street') FROM letter WHERE replaces_id IS NOT NULL"
    assert town.rows(again) == [(1, "Ny Vej 4")]
    # The second click takes the place of the first, which the browser counts as a request that failed.
    # Numbers that are wrong are answered in place with 422, as wrong forms are.
    wanted = ("ERR_ABORTED", f"422 {service_url}/letters/returns")
    faults[:] = [fault for fault in faults if not any(one in fault for one in wanted)]


def test_a_stack_of_envelopes_without_scripts(service_url: str, secret: str, town: Town, browser: Browser) -> None:
    town.batch()
    town.send()
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    _enter(page, service_url, secret)
    page.goto(f"{service_url}/letters/returns")
    for number in _numbers(town):
        expect(page.get_by_label("Letter number")).to_be_focused()
        page.keyboard.type(number)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=f"Letter {number} is noted")).to_be_visible()
    page.get_by_label("Letter number").fill("12")
    page.get_by_role("button", name="Note as returned").click()
    expect(page.get_by_text("A letter number has at least nine digits.")).to_be_visible()
    page.get_by_role("link", name="To be sent again").click()
    page.get_by_role("table").get_by_role("link").first.click()
    page.get_by_role("button", name="Send to Prøvevej 1, 8000 Aarhus C").click()
    expect(page.get_by_text("is sent again as letter")).to_be_visible()
    context.close()
