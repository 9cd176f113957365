"""The review queue and passes on the spot in a browser, wide and narrow, with and without scripts."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.database.engine import Database
from service.identity.actions import add_member
from service.identity.sessions import open_session
from tests.browser.conftest import enter
from tests.conftest import Medspiller
from tests.passes.town import IN_2017, Town

Look = Callable[[], None]


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


def test_yes_invite_and_leave(service_url: str, secrets: dict[str, str], walker: Page, looks_right: Look) -> None:
    page = walker
    enter(page, service_url, secrets["anna"])
    page.goto(f"{service_url}/")
    page.get_by_role("link", name="Children whose case needs a review").click()
    expect(page.get_by_role("heading", name="Review queue", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Waiting (25)")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Say yes").click()
    expect(page.get_by_text("Tick at least one child first.")).to_be_visible()

    page.get_by_label("Choose Carl Prøvesen").check()
    page.get_by_role("button", name="Say yes").click()
    expect(page.get_by_text("1 child gets a pass of 1,000.00 kr: 1,000.00 kr.")).to_be_visible()
    expect(page.get_by_text("Carl Prøvesen")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Say yes to 1 child").click()
    expect(page.get_by_role("link", name="Reason: Fill this in.")).to_be_visible()
    looks_right()
    page.get_by_label("Evidence", exact=True).select_option("income_statement")
    page.get_by_label("Reason").fill("Seen at the counter")
    page.get_by_role("button", name="Say yes to 1 child").dblclick()
    expect(page.get_by_role("link", name="Waiting (24)")).to_be_visible()

    page.get_by_label("Choose Ada1 Prøvesen").check()
    page.get_by_label("Choose Bo1 Prøvesen").check()
    page.get_by_role("button", name="Invite to apply").click()
    looks_right()
    page.get_by_label("Reason").fill("No income is known")
    page.get_by_role("button", name="Invite to apply").click()
    expect(page.get_by_text("Children invited: 2. Letters for the next print batch: 1.")).to_be_visible()

    page.get_by_label("Choose Ada2 Prøvesen").check()
    page.get_by_role("button", name="Leave aside").click()
    looks_right()
    page.get_by_label("Until").fill("2017-03-01")
    page.get_by_label("Reason").fill("A paper is awaited")
    page.get_by_role("button", name="Leave aside").click()
    expect(page.get_by_text("Children left aside: 1.")).to_be_visible()
    page.get_by_role("link", name="Left aside (1)").click()
    looks_right()
    page.get_by_label("Choose Ada2 Prøvesen").check()
    page.get_by_role("button", name="Let them wait again").click()
    page.get_by_role("link", name="Invited to apply (2)").click()
    looks_right()
    expect(page.get_by_role("button", name="Invite to apply")).to_have_count(0)


def test_many_with_a_filter_and_a_second_person(
    service_url: str, secrets: dict[str, str], walker: Page, looks_right: Look, town: Town
) -> None:
    page = walker
    enter(page, service_url, secrets["anna"])
    page.goto(f"{service_url}/review")
    page.get_by_text("Filter", exact=True).first.click()
    page.get_by_label("District").select_option("midt")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("rowheader", name="Carl Prøvesen")).to_have_count(0)
    page.get_by_label("All that the filter finds").check()
    page.get_by_role("button", name="Say yes").click()
    expect(page.get_by_text("24 children get a pass of 1,000.00 kr each: 24,000.00 kr.")).to_be_visible()
    looks_right()
    page.get_by_label("Evidence", exact=True).select_option("introduction_benefit")
    page.get_by_label("Reason").fill("Introduction benefit")
    page.get_by_role("button", name="Say yes to 24 children").dblclick()
    expect(page.get_by_text("You decided this: another person must approve it.")).to_be_visible()
    looks_right()
    assert town.listed()[1:] == []
    enter(page, service_url, secrets["bent"])
    page.goto(service_url)
    page.get_by_role("link", name="Decisions about many children, to be approved").click()
    looks_right()
    page.get_by_role("button", name="Approve and issue 24 passes").dblclick()
    expect(page.get_by_role("button", name="Approve and issue 24 passes")).to_have_count(0)
    assert len(town.listed()) == 25


def test_pasted_households_and_the_file(
    service_url: str, secrets: dict[str, str], walker: Page, looks_right: Look
) -> None:
    page = walker
    enter(page, service_url, secrets["anna"])
    page.goto(f"{service_url}/review")
    page.get_by_text("Filter", exact=True).first.click()
    looks_right()
    page.get_by_label("Household numbers").fill("H3\nH4")
    page.get_by_role("button", name="Show these households").click()
    assert page.url == f"{service_url}/review"
    expect(page.get_by_role("checkbox", name="Choose")).to_have_count(4)
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download as CSV").click()
    assert caught.value.suggested_filename == "review-2017-01-15.csv"
    assert len(Path(caught.value.path()).read_text().splitlines()) == 5


def test_a_pass_at_the_counter(
    service_url: str,
    secrets: dict[str, str],
    walker: Page,
    looks_right: Look,
    town: Town,
    at: Callable[[str], None],
) -> None:
    page = walker
    enter(page, service_url, secrets["anna"])
    page.goto(f"{service_url}/on-the-spot")
    looks_right()
    page.get_by_label("Identity number").fill(str(town.of("Carl")["person_id"]))
    page.get_by_role("button", name="Find the child").click()
    assert page.url == f"{service_url}/on-the-spot"
    looks_right()
    page.get_by_role("link", name="Choose Carl").click()
    looks_right()
    page.get_by_label("Evidence", exact=True).select_option("conversation")
    page.get_by_label("Reason").fill("Home visit")
    page.get_by_role("button", name="Issue the pass").dblclick()
    # Of two clicks only the second answer is seen: it has the number too.
    expect(page.get_by_text("Read the number out. It is shown this once.")).to_be_visible()
    number = town.number("Carl")
    assert page.locator(".codes").inner_text().replace("-", "") == number
    looks_right()
    at(f"{IN_2017}T08:01Z")
    page.reload()
    expect(page.get_by_text("The pass was issued already")).to_be_visible()
    assert number[:4] not in page.content()
    looks_right()
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
    looks_right()
