"""Journeys of the allocation: a coordinator from the draw to the plan, and a volunteer who looks up why, on a phone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.allocation.conftest import planning
from tests.allocation.season import Planning, family
from tests.browser.conftest import Faults, require_good
from tests.browser.test_holidays import PHONE, WIDE, _enter, _phone_without_scripts, _sized

__all__ = ["planning"]

CLOSED = "2026-05-15T08:00Z"


@pytest.fixture
def listed(planning: Planning) -> Iterator[Planning]:
    """Twelve families for two stays with three places each; one of them is large, one came late."""
    planning.camp.as_owner("UPDATE stay SET family_places = 3, person_places = 20, min_families = 0")
    first, second = planning.camp.stays["A1"], planning.camp.stays["A2"]
    wishes: list[tuple[UUID, ...]] = [(first,), (first, second), (second,), ()]
    planning.lists(
        *(
            family(
                f"F{number:02}", 2 + number % 3, *wishes[number % 4], need=1 + number % 5, contact=f"Family {number}"
            )
            for number in range(10)
        ),
        family("large", 7, first, need=5, contact="Large Family"),
        family("late", 3, second, need=5, contact="Late Family", late=True),
    )
    yield planning


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_from_the_draw_to_the_plan(
    listed: Planning,
    service_url: str,
    browser_page: Page,
    faults: Faults,
    at: Callable[[str], None],
    size: tuple[int, int],
) -> None:
    page = browser_page
    _sized(page, size)
    _enter(page, service_url, listed.camp.sign_in("coordinator"))
    page.goto(f"{service_url}/seasons/{listed.season}")
    page.get_by_role("link", name="Allocation", exact=True).click()
    page.get_by_role("link", name="Change the points").click()
    page.get_by_label("Points for never having taken part").fill("30")
    require_good(page)
    page.get_by_role("button", name="Publish the points").click()
    page.get_by_role("button", name="Commit to the draw").click()
    expect(page.get_by_text("shown when the first run is made")).to_be_visible()
    expect(page.get_by_role("button", name="Make a run")).to_have_count(0)
    require_good(page)

    at(CLOSED)
    _enter(page, service_url, listed.camp.sign_in("coordinator"))
    page.goto(f"{service_url}/seasons/{listed.season}/allocation")
    page.get_by_role("button", name="Make a run").dblclick()
    expect(page.get_by_role("heading", name="Sommer 2026, run 1")).to_be_visible()
    require_good(page)
    page.get_by_role("link", name="on the waiting list").click()
    row = page.get_by_role("table", name="Families").get_by_role("row").nth(1)
    row.get_by_role("group").click()
    expect(row.get_by_text("would have been needed", exact=False).first).to_be_visible()
    require_good(page)
    page.get_by_role("searchbox").fill("large")
    expect(page.get_by_text("Families found: 1")).to_be_visible()

    page.get_by_role("link", name="What if?").click()
    page.get_by_label("Stay", exact=True).select_option("A1")
    page.get_by_label("One more stay like this one").check()
    page.get_by_role("button", name="Try it out").click()
    expect(page.get_by_role("heading", name="What it would come to")).to_be_visible()
    require_good(page)

    page.goto(f"{service_url}/seasons/{listed.season}/allocation")
    page.get_by_label("With families that were referred after the deadline").check()
    page.get_by_role("button", name="Make a run").click()
    page.get_by_role("link", name="Compare with another run").click()
    expect(page.get_by_text("From run 1 to run 2.")).to_be_visible()
    require_good(page)
    page.get_by_role("link", name="Run 2", exact=True).click()
    page.get_by_text("Make this run the season's plan").click()
    page.get_by_role("button", name="Make it the plan").dblclick()
    expect(page.get_by_text("the season's plan", exact=True)).to_be_visible()
    require_good(page)
    with page.expect_download() as caught:
        page.get_by_role("link", name="Families as CSV").click()
    assert "Late Family" in Path(caught.value.path()).read_text(encoding="utf-8-sig")
    assert len([one for one in listed.placed().values() if one]) == 6
    faults.clear()


def test_a_volunteer_looks_up_why_without_scripts(
    listed: Planning, service_url: str, browser: Browser, at: Callable[[str], None]
) -> None:
    listed.commit()
    at(CLOSED)
    made = listed.run()
    with _phone_without_scripts(browser) as page:
        _enter(page, service_url, listed.camp.sign_in("volunteer"))
        page.goto(f"{service_url}/seasons/{listed.season}/allocation")
        page.get_by_role("link", name="Run 1").click()
        assert page.url == f"{service_url}/allocation-runs/{made}"
        expect(page.get_by_text("Make this run the season's plan")).to_have_count(0)
        page.get_by_role("searchbox").fill("large family")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_text("Families found: 1")).to_be_visible()
        page.get_by_role("row").last.get_by_role("group").click()
        expect(
            page.get_by_text("Number 1 of 11", exact=False).or_(page.get_by_text("of 11 with", exact=False)).first
        ).to_be_visible()


def test_contradictions_are_said_on_the_page(
    listed: Planning,
    service_url: str,
    browser_page: Page,
    faults: Faults,
    at: Callable[[str], None],
) -> None:
    page = browser_page
    listed.commit()
    listed.camp.as_owner("UPDATE stay SET family_places = 1, person_places = 12 WHERE code = 'A1'")
    listed.lock("large", "A1", persons=4)
    at(CLOSED)
    _enter(page, service_url, listed.camp.sign_in("coordinator"))
    page.goto(f"{service_url}/seasons/{listed.season}/allocation")
    page.get_by_role("button", name="Make a run").click()
    expect(page.get_by_text("The families placed here by hand need 7 beds; there are 4.")).to_be_visible()
    require_good(page)
    faults.clear()
