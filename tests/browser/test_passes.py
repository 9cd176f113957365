"""Passes in a browser: found, replaced and revoked."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.claims.reservations import reserve
from service.database.engine import Database
from service.identity.actions import add_member
from service.identity.sessions import open_session
from tests.browser.conftest import enter
from tests.claims.clubs import claim, desk, open_club
from tests.conftest import Medspiller
from tests.passes.town import Town


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Children with passes for fee and equipment; a club has reserved on Ada's and claimed."""
    at("2017-01-15T08:00Z")
    made = Town(medspiller, database, tmp_path)
    made.parameters("equipment=300")
    made.family("H1", "Ada", "Bo", district="Centrum")
    made.family("H2", "Dina", "Erik", district="Havnen")
    made.load()
    made.commit()
    club = open_club(made)
    with desk(made, club) as here:
        held = reserve(here, made.number("Ada"), "Ada", 40_000, "Fodbold")
    claim(made, club, "Ada", 40_000, reservation=held.id)
    return made


@pytest.fixture
def secret(town: Town) -> str:
    """The session of a case worker."""
    tenant = town.municipality.id
    with town.database.transaction(tenant) as session:
        account = add_member(session, tenant, "worker@aarhus.example", "The case worker", "case_worker")
        return open_session(session, account, "provider", "test", strong=True)


def _states(town: Town, child: str) -> list[str]:
    rows = town.rows(
        "SELECT p.state FROM leisure_pass p JOIN person c ON c.id = p.person_id WHERE c.given_name = :name ORDER BY 1",
        name=child,
    )
    return [str(state) for (state,) in rows]


def test_a_pass_is_found_replaced_and_another_revoked(
    service_url: str, secret: str, town: Town, walker: Page, looks_right: Callable[[], None]
) -> None:
    page = walker
    enter(page, service_url, secret)
    page.goto(f"{service_url}/passes")
    looks_right()
    page.get_by_label("Use", exact=True).select_option("no")
    page.get_by_label("District").fill("Centrum")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("1 pass on this page")).to_be_visible()
    looks_right()
    with page.expect_download():
        page.get_by_role("button", name="Download as CSV").click()
    page.get_by_label("District").fill("Nowhere")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    looks_right()

    page.get_by_label("Pass number").fill("ABC")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("group", name="A pass number has")).to_be_visible()
    looks_right()
    number = town.number("Ada")
    page.get_by_role("textbox", name="Pass number").fill(number.lower())
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", name="The pass of Ada")).to_be_visible()
    assert number not in page.url.upper()
    assert number not in page.content()
    looks_right()
    page.get_by_role("link", name="Replace it").click()
    looks_right()
    page.get_by_role("button", name="Replace it").click()
    expect(page.get_by_role("link", name="Reason: Fill this in.")).to_be_visible()
    looks_right()
    page.get_by_label("Reason").fill("lost")
    page.get_by_role("button", name="Replace it").dblclick()
    expect(page.get_by_role("link", name="the pass before")).to_be_visible()
    looks_right()
    assert _states(town, "Ada") == ["live", "replaced"]
    page.get_by_role("link", name="the pass before").click()
    expect(page.get_by_text("This number is dead.")).to_be_visible()
    looks_right()
    page.goto(f"{page.url}/replacement")
    expect(page.get_by_text("Only a pass that is in force can be replaced.")).to_be_visible()

    page.goto(f"{service_url}/passes")
    page.get_by_role("row", name="Erik").get_by_role("link").click()
    page.get_by_role("link", name="revoke the pass").click()
    looks_right()
    page.get_by_label("Reason").fill("the family has said no")
    page.get_by_role("button", name="Revoke it").dblclick()
    expect(page.get_by_text(": the family has said no")).to_be_visible()
    looks_right()
    assert _states(town, "Erik") == ["revoked"]
