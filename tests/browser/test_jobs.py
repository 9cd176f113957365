"""The pages of the jobs in a browser: the timetable, a run by hand with its progress, pausing, and another time."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import Session

from jobs.timetable import TIMETABLE
from service.database.engine import Database
from service.database.tenancy import act_for
from service.identity.actions import add_member, add_municipality
from service.identity.sessions import open_session
from service.jobs.actions import tick
from tests.browser.conftest import Way, enter, require_accessible, work


def _administrator(session: Session) -> str:
    tenant = add_municipality(session, "0751", "Lillevik Kommune", "dk").id
    act_for(session, tenant)
    account = add_member(session, tenant, "admin@lillevik.example", "The administrator", "administrator")
    return open_session(session, account, "provider", "test", strong=True)


@pytest.fixture
def secret(database: Database) -> str:
    with database.transaction() as session:
        made = _administrator(session)
    tick(database, TIMETABLE)
    return made


def test_an_administrator_runs_pauses_and_moves_jobs(
    service_url: str, secret: str, walker: Page, way: Way, looks_right: Callable[[], None], database: Database
) -> None:
    page = walker
    enter(page, service_url, secret)
    page.goto(f"{service_url}/jobs")
    looks_right()
    page.get_by_role("link", name="Seal of the audit trail").click()
    looks_right()
    page.get_by_role("button", name="Run it now").dblclick()
    expect(page.get_by_text("usually within seconds")).to_be_visible()
    looks_right()
    address = page.url
    work(database, "seal")
    # Where scripts run the page looks again by itself.
    if not way.scripts:
        page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("Entries sealed")).to_be_visible()
    assert page.url == address
    looks_right()

    page.goto(f"{service_url}/jobs/letters")
    page.get_by_text("Run it now").first.click()
    expect(page.get_by_text("It cannot be called back.")).to_be_visible()
    looks_right()
    page.get_by_text("Pause it").first.click()
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_text("The job is paused")).to_be_visible()
    looks_right()
    page.get_by_text("Let it run again").first.click()
    page.get_by_role("button", name="Let it run again").click()
    expect(page.get_by_text("The job runs again")).to_be_visible()
    page.get_by_role("link", name="Change its time").click()
    looks_right()
    page.get_by_label("Time", exact=True).fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Time: Fill this in.")).to_be_visible()
    page.get_by_label("Time", exact=True).fill("22.15")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("From now on it runs every day at 22:15.")).to_be_visible()
    page.get_by_role("button", name="Take the timetable's time again").click()
    expect(page.get_by_text("From now on it runs every day at 06:00.")).to_be_visible()

    page.get_by_role("link", name="Jobs").last.click()
    page.get_by_role("link", name="All runs").click()
    looks_right()
    page.get_by_label("Job", exact=True).select_option("letters")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing found")).to_be_visible()


def test_a_failed_run_says_what_to_do(service_url: str, secret: str, browser_page: Page, database: Database) -> None:
    page = browser_page
    enter(page, service_url, secret)
    page.goto(f"{service_url}/jobs/letters")
    page.get_by_text("Run it now").first.click()
    page.get_by_role("button", name="Run it now").click()
    expect(page.get_by_text("usually within seconds")).to_be_visible()
    with database.transaction() as session:
        act_for(session, session.connection().exec_driver_sql("SELECT id FROM directory.list_tenants()").scalar_one())
        for change in (
            "state = 'running', attempts = 1",
            "state = 'failed', finished_at = now(), result = 'The print provider is away.'",
        ):
            session.connection().exec_driver_sql(f"UPDATE job_run SET {change}")
    expect(page.get_by_role("heading", name="What to do")).to_be_visible()
    require_accessible(page)
    page.goto(f"{service_url}/jobs")
    expect(page.get_by_text("The last run failed.")).to_be_visible()
    require_accessible(page)
    page.get_by_role("link", name="See what to do: Letters to the post").click()
    assert re.search(r"/jobs/runs/[0-9a-f-]{36}$", page.url)
