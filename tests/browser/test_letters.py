"""Print batches and returned mail in a browser: made, handed over, come back, and sent again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.database.engine import Database
from service.identity.actions import add_member
from service.identity.sessions import open_session
from tests.browser.conftest import Faults, Way, enter, follow, work
from tests.conftest import Medspiller
from tests.passes.town import Town


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


def _numbers(town: Town) -> list[str]:
    rows = town.rows("SELECT number FROM letter WHERE state = 'handed_over' ORDER BY number")
    return [str(number) for (number,) in rows]


def test_letters_are_made_sent_come_back_and_are_sent_again(
    service_url: str,
    secret: str,
    town: Town,
    walker: Page,
    way: Way,
    looks_right: Callable[[], None],
    faults: Faults,
) -> None:
    page = walker
    enter(page, service_url, secret)
    page.goto(f"{service_url}/letters/batches")
    looks_right()
    page.get_by_role("button", name="Make print batches").dblclick()
    expect(page.get_by_text("usually within seconds")).to_be_visible()
    work(town.database)
    follow(page, "See the print batches", way)
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
    page.get_by_text("Hand it over to the print provider").click()
    looks_right()
    page.get_by_role("button", name="Hand over 2 letters").dblclick()
    expect(page.get_by_text("usually within seconds")).to_be_visible()
    work(town.database)
    if not way.scripts:
        page.get_by_role("link", name="Look again").click()
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
    # Numbers that are wrong are answered in place with 422, as wrong forms are.
    faults[:] = [fault for fault in faults if fault != f"422 {service_url}/letters/returns"]
