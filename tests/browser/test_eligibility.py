"""The pages of eligibility in a browser: from a dry run to passes, an approval, an explanation, schemes and what-if."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.database.engine import Database
from service.identity.actions import add_member
from service.identity.sessions import open_session
from tests.browser.conftest import Faults, Way, enter, follow, work
from tests.conftest import Medspiller
from tests.passes.town import HIGH, Town

Look = Callable[[], None]
CHILDREN = {"Centrum": 14, "Havnen": 7, "Sydmarken": 2}


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Poor families in three districts, two rich ones, and one whose income is not known."""
    at("2017-01-15T08:00Z")
    made = Town(medspiller, database, tmp_path)
    for district, children in CHILDREN.items():
        for child in range(children):
            made.family(f"{district}{child}", f"{district}s {child}", district=district)
    made.family("R1", "rig", income=HIGH, district="Havnen")
    made.family("R2", "riger", income=HIGH, district="Centrum")
    made.family("U", "uvis", income=None, district="Havnen")
    made.load()
    return made


def secret(database: Database, town: Town, role: str, email: str) -> str:
    with database.transaction(town.municipality.id) as session:
        account = add_member(session, town.municipality.id, email, f"The {role.replace('_', ' ')}", role)
        return open_session(session, account, "provider", "test", strong=True)


def test_a_case_worker_determines_the_year(
    service_url: str, town: Town, database: Database, walker: Page, way: Way, looks_right: Look
) -> None:
    page = walker
    enter(page, service_url, secret(database, town, "case_worker", "cw@aarhus.example"))
    page.goto(f"{service_url}/eligibility")
    looks_right()
    page.get_by_role("link", name="Dry run", exact=True).click()
    looks_right()
    expect(page.get_by_label("Income year")).to_have_value("2017")
    page.get_by_role("button", name="Make the dry run").dblclick()
    expect(page.get_by_text("usually within seconds")).to_be_visible()
    work(database)
    follow(page, "See what would change", way)
    looks_right()
    expect(page.get_by_role("img", name="New and lost children by district")).to_be_visible()
    page.get_by_role("link", name="7", exact=True).click()
    expect(page.get_by_role("link", name="Havnens 3 Prøvesen")).to_be_visible()
    expect(page.get_by_role("link", name="Centrums 3 Prøvesen")).to_have_count(0)
    looks_right()
    page.get_by_role("link", name="Now: calculation for Havnens 3").click()
    expect(page.get_by_text("Entitled: the income is within the limit.")).to_be_visible()
    looks_right()
    page.go_back()
    page.get_by_role("link", name="Numbers").click()
    page.get_by_role("link", name="Keep it …").click()
    expect(page.get_by_text("23 children get a pass")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Keep it and issue the passes").dblclick()
    expect(page.get_by_text("usually within seconds")).to_be_visible()
    work(database)
    follow(page, "See the refresh", way)
    looks_right()
    assert town.rows("SELECT count(*) FROM leisure_pass") == [(23,)]
    page.get_by_role("link", name="Children whose determination changed").click()
    looks_right()
    page.get_by_label("Outcome").select_option("not entitled")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Calculation for riger", exact=True).click()
    expect(page.get_by_text("Not entitled: the known income is over the limit.")).to_be_visible()
    looks_right()
    page.get_by_label("Why you need it").fill("The family has complained about it.")
    page.get_by_role("button", name="Show the amounts").click()
    expect(page.get_by_text("The amounts, shown once")).to_be_visible()
    looks_right()
    page.goto(f"{service_url}/eligibility")
    expect(page.get_by_text("Kept", exact=True)).to_be_visible()
    looks_right()


def test_a_refresh_that_is_held(
    service_url: str, town: Town, database: Database, walker: Page, way: Way, looks_right: Look
) -> None:
    town.commit()
    for household in list(town.incomes):
        town.incomes[household] = HIGH
    town.load()
    page = walker
    first = secret(database, town, "case_worker", "cw@aarhus.example")
    second = secret(database, town, "case_worker", "second@aarhus.example")
    enter(page, service_url, first)
    page.goto(f"{service_url}/eligibility/dry-runs")
    page.get_by_role("button", name="Make the dry run").click()
    page.wait_for_url("**/jobs/runs/*")
    work(database)
    follow(page, "See what would change", way)
    page.get_by_role("link", name="Keep it …").click()
    page.get_by_role("button", name="Keep it and issue the passes").click()
    page.wait_for_url("**/jobs/runs/*")
    work(database)
    follow(page, "See the refresh", way)
    expect(page.get_by_text("You made it, so a colleague must approve it.")).to_be_visible()
    expect(page.get_by_role("link", name="Look at the approval …")).to_have_count(0)
    looks_right()
    enter(page, service_url, second)
    page.goto(service_url)
    page.get_by_role("link", name="Refreshes held, to be approved").click()
    page.get_by_role("main").get_by_role("table", name="Refreshes").get_by_role("link").first.click()
    page.get_by_role("link", name="Look at the approval …").click()
    looks_right()
    page.get_by_role("button", name="Approve it and issue the passes").dblclick()
    page.wait_for_url("**/jobs/runs/*")
    work(database)
    follow(page, "See the refresh", way)
    expect(page.get_by_text("Approved by")).to_be_visible()
    assert town.rows("SELECT state, count(*) FROM refresh_run GROUP BY 1") == [("committed", 2)]


def test_what_if_and_a_new_years_version(
    service_url: str,
    town: Town,
    database: Database,
    walker: Page,
    way: Way,
    looks_right: Look,
    faults: Faults,
) -> None:
    page = walker
    enter(page, service_url, secret(database, town, "administrator", "admin@aarhus.example"))

    def try_it(label: str, value: str) -> None:
        """Without the button where scripts run: the page answers what was changed."""
        page.get_by_label(label).fill(value)
        if way.scripts:
            page.get_by_label(label).press("Tab")
        else:
            page.get_by_role("button", name="Show what it would mean").click()

    page.goto(f"{service_url}/eligibility/what-if")
    looks_right()
    try_it("Income limit", "1000000")
    expect(page.get_by_label("Income limit")).to_have_value("1000000")
    expect(page.locator("#found").get_by_role("img", name="by district")).to_be_visible()
    expect(page.locator("#found")).to_contain_text("Would gain it")
    looks_right()
    try_it("Oldest age", "99")
    expect(page.get_by_text("Oldest age: It must be at most 18.").first).to_be_visible()
    # That answer was wanted.
    faults[:] = [fault for fault in faults if not fault.startswith("422 ")]
    page.goto(f"{service_url}/schemes")
    looks_right()
    page.get_by_role("link", name="New year's draft").click()
    looks_right()
    page.get_by_label("First day").fill("2018-01-01")
    page.get_by_label("Last day").fill("2018-12-31")
    page.get_by_role("button", name="Look at it once more").click()
    expect(page.get_by_role("link", name="Where the figures are from")).to_be_visible()
    looks_right()
    page.get_by_label("Where the figures are from").fill("Byrådets beslutning")
    page.get_by_label("Income limit").fill("195000")
    page.get_by_role("button", name="Look at it once more").click()
    expect(page.get_by_text("never changed or removed")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Back to the form").click()
    page.get_by_role("button", name="Look at it once more").click()
    page.get_by_role("button", name="Keep the version").dblclick()
    expect(page.get_by_text("Version 5 of fritidspas is kept.")).to_be_visible()
    page.get_by_role("link", name="1 Jan 2018").click()
    looks_right()
    assert town.rows("SELECT count(*) FROM parameter_version") == [(5,)]
