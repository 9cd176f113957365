"""The page of reports in a browser: on a screen, on paper, and for those who see little."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from service.database.engine import Database
from service.identity.actions import add_member
from service.identity.sessions import open_session
from tests.browser.conftest import Way, enter, require_accessible, work
from tests.claims.clubs import claim_on, open_club
from tests.conftest import Medspiller
from tests.passes.town import IN_2016, Town

CHILDREN = {"Centrum": 61, "Havnen": 37, "Nordby": 24, "Sydmarken": 3}


@pytest.fixture
def secret(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> str:
    """An auditor of a town with two years of passes, some of them used; a report was kept at the end of January."""
    at("2017-01-15T08:00Z")
    town = Town(medspiller, database, tmp_path)
    for district, children in CHILDREN.items():
        for child in range(children):
            born = ("2009-05-17", "2003-02-11")[child % 2]
            town.family(f"{district}{child}", f"{district}s {child}", born=born, district=district)
    town.load()
    town.commit(IN_2016)
    town.commit()
    club = open_club(town)
    for row in town.listed():
        if row["valid_from"] == "2017-01-01" and UUID(row["person_key"]).bytes[15] % 3 > 0:
            claim_on(town, club, row["pass_number"], row["given_name"], 40_000)
    at("2017-01-31T21:30Z")
    with database.transaction(town.municipality.id) as session:
        account = add_member(session, town.municipality.id, "auditor@aarhus.example", "The auditor", "auditor")
        secret = open_session(session, account, "provider", "test", strong=True)
    work(database, "report")
    return secret


def test_an_auditor_reads_a_report(
    service_url: str, secret: str, walker: Page, way: Way, looks_right: Callable[[], None]
) -> None:
    page = walker
    enter(page, service_url, secret)
    page.goto(f"{service_url}/reports")
    looks_right()
    expect(page.get_by_role("img", name="Children by district")).to_be_visible()
    expect(page.get_by_text("Why some figures are hidden")).to_be_visible()
    for bar in page.locator("svg.bars text").all():
        box, frame = bar.bounding_box(), page.locator("main").bounding_box()
        assert box is not None and frame is not None and box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
    page.get_by_label("District", exact=True).select_option("Centrum")
    page.get_by_role("button", name="Show").click()
    assert page.url.endswith("?period=2017-01-01&district=Centrum")
    expect(page.get_by_role("heading", name="Centrum")).to_be_visible()
    expect(page.get_by_role("img", name="Children by district")).to_have_count(0)
    looks_right()
    page.get_by_label("Period").select_option(index=1)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("1 January 2016 to 31 December 2016")).to_be_visible()
    for name in ("Spreadsheet (XLSX)", "CSV 2017-01 fritidspas"):
        with page.expect_download():
            page.get_by_role("link", name=name).click()


def test_on_paper_it_is_the_report_alone(service_url: str, secret: str, browser_page: Page) -> None:
    page = browser_page
    enter(page, service_url, secret)
    page.goto(f"{service_url}/reports")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Show")).to_be_hidden()
    expect(page.get_by_role("navigation").first).to_be_hidden()
    expect(page.get_by_role("img", name="Children by district")).to_be_visible()
    expect(page.get_by_role("table", name="Figures by age")).to_be_visible()


def test_in_forced_colours_and_in_the_dark_the_bars_stand_out(
    service_url: str, secret: str, browser_page: Page
) -> None:
    page = browser_page
    enter(page, service_url, secret)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, forced_colors="active" if scheme == "light" else "none")
        page.goto(f"{service_url}/reports")
        require_accessible(page)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        bar = page.locator("rect.bars-used").first
        assert bar.evaluate("bar => getComputedStyle(bar).fill") != ground
        assert bar.evaluate("bar => getComputedStyle(bar).stroke") != ground
