"""A club's treasurer at the pages of claims: wide and narrow, with and without scripts."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from service.database.engine import Database
from service.identity.actions import add_member
from service.identity.sessions import open_session
from tests.browser.conftest import Faults, require_good
from tests.claims.clubs import claim, open_club
from tests.conftest import Medspiller
from tests.passes.town import IN_2017, Town

WIDE, NARROW = (1280, 900), (360, 740)
PICTURES = os.environ.get("MEDSPILLER_TEST_PICTURES")
"""A folder for pictures of the pages, to be looked at."""


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Three children with a pass."""
    at("2017-02-01T08:00Z")
    made = Town(medspiller, database, tmp_path)
    made.family("H1", "Anne-Sofie", "Nour")
    made.family("H2", "Søren")
    made.load()
    made.commit(IN_2017)
    return made


@pytest.fixture
def secret(town: Town) -> str:
    """A treasurer's session; the club offers football."""
    club = open_club(town, "Boldklubben Frem af 1908")
    with town.session() as session:
        session.execute(
            text(
                """INSERT INTO club_activity (tenant_id, club_id, name, kind, min_age, max_age, season_start,
                    season_end, fee_ore, made_at)
                VALUES (:tenant, :club, 'Fodbold U10', 'football', 5, 9, '2017-01-01', '2017-06-30', 120000, now())"""
            ),
            {"tenant": town.municipality.id, "club": club},
        )
        tenant = town.municipality.id
        account = add_member(session, tenant, "kasserer@frem.example", "Kirsten Kasserer", "club_treasurer", club)
        return open_session(session, account, "email", "test")


def _enter(page: Page, url: str, secret: str) -> None:
    cookies = {"medspiller": secret, "language": "en"}
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


def _checked(page: Page, name: str) -> None:
    if PICTURES:
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=f"{PICTURES}/{name}-{width}.png", full_page=True)
    require_good(page)


def _season(page: Page) -> None:
    page.get_by_label("Activity").fill("Fodbold U10")
    page.get_by_label("First day of the season").fill("2017-01-10")
    page.get_by_label("Last day of the season").fill("2017-06-30")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_check_reserve_claim_and_withdraw(
    service_url: str, secret: str, browser_page: Page, town: Town, size: tuple[int, int]
) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    _enter(page, service_url, secret)
    page.goto(f"{service_url}/club/claims")
    _checked(page, "empty")
    page.get_by_role("link", name="Check a pass and claim").click()
    _checked(page, "new")
    page.get_by_label("Pass number").fill(town.number("Nour"))
    page.get_by_label("Child's given name").fill("Nora")
    page.get_by_label("Full fee").fill("1200")
    # As one types, without a button.
    expect(page.get_by_text("The name is not the one on this pass.")).to_be_visible()
    page.get_by_label("Child's given name").fill("Nour")
    page.get_by_label("Child's given name").blur()
    expect(page.locator("#share")).to_contain_text("1,000.00 kr")
    expect(page.locator("#share")).to_contain_text("200.00 kr")
    _checked(page, "share")
    page.get_by_role("button", name="Claim the fee").click()
    expect(page.get_by_role("link", name="Activity: Fill this in.")).to_be_visible()
    _checked(page, "wrong")
    _season(page)
    page.get_by_role("button", name="Reserve").dblclick()
    expect(page.get_by_role("heading", name="Reservations", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Claim it")).to_have_count(1)
    _checked(page, "reservations")
    page.get_by_role("link", name="Claim it").click()
    expect(page.get_by_text("The reserved amount goes into this claim.")).to_be_visible()
    page.get_by_label("Pass number").fill(town.number("Nour"))
    _season(page)
    expect(page.locator("#share")).to_contain_text("0.00 kr")
    page.get_by_label("The club, which waives it").check()
    page.get_by_role("button", name="Claim the fee").dblclick()
    expect(page.get_by_role("heading", name="Claim for Nour", level=1)).to_be_visible()
    expect(page.get_by_text("The club, which waives it")).to_be_visible()
    expect(page.get_by_text("15 Feb 2017")).to_be_visible()
    _checked(page, "claim")
    assert town.rows("SELECT state, count(*) FROM claim GROUP BY 1") == [("approved", 1)]
    page.get_by_text("Withdraw the claim").click()
    _checked(page, "withdraw")
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.get_by_text("The claim is withdrawn. Its amount is the child's again.")).to_be_visible()
    page.goto(f"{service_url}/club/claims?state=withdrawn")
    expect(page.get_by_role("rowheader", name="Nour")).to_be_visible()
    _checked(page, "list")
    assert town.sound()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_several_children_and_a_file(
    service_url: str,
    secret: str,
    browser_page: Page,
    faults: Faults,
    town: Town,
    tmp_path: Path,
    size: tuple[int, int],
) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    _enter(page, service_url, secret)
    page.goto(f"{service_url}/club/claims/several")
    _season(page)
    page.get_by_role("button", name="Add a row").click()
    expect(page.get_by_role("group", name="Child 4")).to_be_visible()
    _checked(page, "several")
    for n, (number, name) in enumerate([(town.number("Nour"), "Nour"), ("0000-000-0000", "Søren")], 1):
        group = page.get_by_role("group", name=f"Child {n}")
        group.get_by_label("Pass number").fill(number)
        group.get_by_label("Child's given name").fill(name)
        group.get_by_label("Full fee").fill("600")
    page.get_by_role("button", name="Claim the fees").click()
    expect(page.get_by_text("1 claim was made. 1 row could not be claimed")).to_be_visible()
    _checked(page, "results")
    with page.expect_download() as caught:
        page.get_by_role("link", name="Download the results").click()
    assert len(Path(caught.value.path()).read_text("utf-8-sig").splitlines()) == 3

    page.goto(f"{service_url}/club/claims/file")
    _checked(page, "file")
    with page.expect_download() as caught:
        page.get_by_role("link", name="Download the template").click()
    template = Path(caught.value.path()).read_text("utf-8-sig").splitlines()
    assert template[1] == ";;1200,00;Fodbold U10;2017-01-01;2017-06-30;membership"
    row = f"{town.number('Søren')};Søren{template[1].removeprefix(';')};;;F-9;"
    file = tmp_path / "claims.csv"
    file.write_text("\n".join([template[0], row, row.replace("Søren;", ";", 1)]), encoding="utf-8-sig")
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Claim the fees").click()
    expect(page.get_by_text("1 claim was made. 1 row could not be claimed")).to_be_visible()
    expect(page.get_by_text("Child's given name: Fill this in.")).to_be_visible()
    _checked(page, "file-results")
    # For the browser a download is a page that was not opened.
    faults[:] = [fault for fault in faults if "net::ERR_ABORTED" not in fault]
    assert town.sound()


def test_without_scripts(service_url: str, secret: str, browser: Browser, town: Town) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    _enter(page, service_url, secret)
    page.goto(f"{service_url}/club/claims/new")
    page.get_by_label("Pass number").fill(town.number("Anne-Sofie").lower())
    page.get_by_label("Child's given name").fill("Anne")
    page.get_by_label("Full fee").fill("1250,50")
    page.get_by_role("button", name="Calculate").click()
    expect(page.locator("#share")).to_contain_text("250.50 kr")
    expect(page.get_by_label("Full fee")).to_have_value("1250,50")
    _season(page)
    page.get_by_role("button", name="Claim the fee").click()
    expect(page.get_by_role("heading", name="Claim for Anne", level=1)).to_be_visible()
    page.get_by_text("Withdraw the claim").click()
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.get_by_text("The claim is withdrawn.")).to_be_visible()
    context.close()


def test_a_waiting_and_a_rejected_claim_say_why_in_the_readers_language(
    service_url: str, secret: str, browser_page: Page, town: Town
) -> None:
    page = browser_page
    _enter(page, service_url, secret)
    [(club,)] = town.rows("SELECT id FROM club")
    waits = claim(town, club, "Nour", 60_000, given_name="Nora")
    claim(town, club, "Nour", 60_000, activity="Skak")
    nothing = claim(town, club, "Nour", 60_000, activity="Dans")
    page.goto(f"{service_url}/club/claims/{waits.id}")
    expect(page.get_by_role("heading", name="Why a case worker looks at it")).to_be_visible()
    _checked(page, "waits")
    page.context.add_cookies([{"name": "language", "value": "da", "url": service_url}])
    page.goto(f"{service_url}/club/claims/{nothing.id}")
    expect(page.get_by_text("Der er intet tilbage på passet.")).to_be_visible()
    _checked(page, "rejected")
