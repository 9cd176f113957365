"""Journeys of offers: a family by its link and by the code of its letter, on a phone without scripts; a coordinator."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from service.database.engine import Database
from service.values import pass_numbers
from tests.browser.conftest import Faults, Way, enter, require_accessible, require_fitting, watched
from tests.offers.listed import Listed
from tests.offers.summer import PLANNED, Summer
from tests.stays.camp import NOW, Camp, stay

PHONE = Way(320, 640, scripts=False)


@pytest.fixture
def summer(database: Database, at: Callable[[str], None]) -> Summer:
    at(NOW)
    camp = Camp(database)
    camp.plan("A2", published=False)
    camp.add(
        stay(
            "A1",
            family_places=2,
            person_places=8,
            volunteers=2,
            min_families=1,
            assembly_points=("Oslo bussterminal", "Bergen stasjon"),
        )
    )
    at(PLANNED)
    made = Summer(camp)
    made.list("p", need=5, children=2, wishes="A1", language="english")
    made.list("q", need=5, wishes="A1", phone="", language="english")
    made.list("w1", children=4, need=4, wishes="A1", phone="")
    made.list("w2", need=3, wishes="A1", phone="")
    made.hand_over()
    made.place("p", "A1")
    made.place("q", "A1")
    return made


@contextmanager
def _phone(browser: Browser, faults: Faults) -> Iterator[Page]:
    with watched(browser, faults, PHONE) as page:
        yield page
    assert not faults


def test_a_family_answers_by_its_link_without_scripts(
    service_url: str, summer: Summer, browser: Browser, faults: Faults
) -> None:
    summer.offer()
    with _phone(browser, faults) as page:
        page.goto(f"{service_url}/answer/{summer.secret('p')}")
        expect(page.get_by_role("heading", name="A free holiday for your family")).to_be_visible()
        require_fitting(page)
        for name in ("Barn0 p", "Mor p"):
            page.get_by_label(name).uncheck()
        page.get_by_label("Where you join the journey").select_option("Bergen stasjon")
        page.get_by_role("button", name="Yes, we come").click()
        expect(page.get_by_text("Who comes along: must name a grown-up")).to_be_visible()
        require_fitting(page)
        page.get_by_label("Mor p").check()
        page.get_by_label("Food: allergies").fill("No nuts")
        page.get_by_role("button", name="Yes, we come").click()
        expect(page.get_by_role("heading", name="You have said yes")).to_be_visible()
        expect(page.get_by_text("Mor p, Barn1 p")).to_be_visible()
        expect(page.get_by_text("Bergen stasjon", exact=True)).to_be_visible()
        require_fitting(page)
        page.reload()
        page.get_by_role("link", name="We cannot come after all").click()
        require_fitting(page)
        page.get_by_role("button", name="We cannot come").click()
        expect(page.get_by_role("heading", name="You have said that you cannot come")).to_be_visible()
    assert summer.states()["p"] == "cancelled"


def test_a_family_answers_by_the_code_of_its_letter(
    service_url: str, summer: Summer, browser: Browser, faults: Faults
) -> None:
    summer.offer()
    code = pass_numbers.grouped(summer.code("q"))
    with _phone(browser, faults) as page:
        page.goto(f"{service_url}/answer")
        require_fitting(page)
        page.get_by_label("The code of your letter").fill("0000-000-0000")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("link", name="is not the code of an offer")).to_be_visible()
        page.get_by_label("The code of your letter").fill(code.lower().replace("0", "o"))
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_label("Mor q")).to_be_checked()
        page.get_by_role("link", name="No, thank you").click()
        require_fitting(page)
        page.get_by_label("The journey is too difficult").check()
        page.get_by_role("button", name="No, we do not come").click()
        expect(page.get_by_role("heading", name="You have said no")).to_be_visible()
    row = summer.offers()["q"]
    assert (row.state, row.answered_how, row.declined_because) == ("declined", "code", "travel")


def test_the_pages_of_a_family_are_for_everybody(service_url: str, summer: Summer, browser_page: Page) -> None:
    summer.offer()
    at = f"{service_url}/answer/{summer.secret('p')}"
    page = browser_page
    for address in (f"{service_url}/answer", at, f"{at}/no"):
        page.goto(address)
        require_accessible(page)
    page.goto(at)
    page.get_by_label("Where you join the journey").select_option("Oslo bussterminal")
    page.get_by_role("button", name="Yes, we come").dblclick()
    expect(page.get_by_role("heading", name="You have said yes")).to_be_visible()
    require_accessible(page)
    page.goto(f"{at}/cancel")
    require_accessible(page)


def test_a_nurse_tells_a_family_of_its_offer_and_answers_for_it(
    service_url: str, database: Database, at: Callable[[str], None], walker: Page, looks_right: Callable[[], None]
) -> None:
    at(NOW)
    listed = Listed(Camp(database), at)
    listed.make("referrer")
    page = walker
    enter(page, service_url, listed.camp.sign_in("nurse"))
    page.goto(service_url)
    page.get_by_role("link", name="Families whose offer waits for an answer").click()
    expect(page.get_by_text("Has an offer")).to_be_visible()
    looks_right()
    page.get_by_role("link", name="Amina Yusuf Ali").click()
    expect(page.get_by_text("The organisation asks you to tell the family.")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Make a link for the family").click()
    expect(page.get_by_label("Address", exact=True)).to_have_value(re.compile("/answer/"))
    looks_right()
    address = page.get_by_label("Address", exact=True).input_value()
    page.goto(service_url + urlsplit(address).path)
    expect(page.get_by_role("heading", name="A free holiday for your family")).to_be_visible()
    page.get_by_role("button", name="Yes, we come").click()
    expect(page.get_by_role("heading", name="You have said yes")).to_be_visible()
    page.goto(f"{service_url}/referrals/{listed.referral}")
    expect(page.get_by_text("Comes")).to_be_visible()
    looks_right()


def test_a_coordinator_offers_follows_and_finds_the_next(
    service_url: str, summer: Summer, walker: Page, looks_right: Callable[[], None], way: Way
) -> None:
    page = walker
    enter(page, service_url, summer.camp.sign_in("coordinator"))
    page.goto(f"{service_url}/seasons/{summer.camp.season}/offers")
    looks_right()
    page.get_by_role("link", name="Make offers").click()
    page.wait_for_url("**/offers/new")
    looks_right()
    page.get_by_role("link", name="Offer to Mor p by e-mail").click()
    page.wait_for_url("**/offers/one**")
    looks_right()
    page.get_by_label("E-mail", exact=True).check()
    page.get_by_role("button", name="Make the offer").click()
    expect(page.get_by_text("Too few volunteers have confirmed for A1.").first).to_be_visible()
    page.get_by_label("E-mail (optional)").fill("mor@familie.example")
    page.get_by_label("Offer though too few").check()
    page.get_by_role("button", name="Make the offer").click()
    expect(page.get_by_text("Offers made: 1.")).to_be_visible()
    page.get_by_role("link", name="Make offers").click()
    page.wait_for_url("**/offers/new")
    page.get_by_label("Offer though too few").check()
    page.get_by_role("button", name="Make the offers").click()
    expect(page.get_by_text("Offers made: 1.")).to_be_visible()
    looks_right()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the letters").click()
    assert download.value.suggested_filename == "offers.pdf"
    page.get_by_role("link", name="Mor q").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Mor q")
    looks_right()
    page.get_by_text("Give the family more time").click()
    page.get_by_label("Answer by", exact=True).fill("2026-06-10")
    looks_right()
    page.get_by_role("button", name="Give more time").click()
    expect(page.get_by_text("The family has more time.")).to_be_visible()
    expect(page.get_by_text("10 Jun 2026 23:59")).to_be_visible()
    page.get_by_text("The family says no").first.click()
    page.get_by_role("button", name="The family says no").click()
    expect(page.get_by_text("The family's no is noted")).to_be_visible()
    looks_right()
    page.goto(f"{service_url}/seasons/{summer.camp.season}/waiting-list")
    expect(page.get_by_text("Next for A1")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Offer A1 to Mor w2").click()
    expect(page.get_by_text("Offers made: 1.")).to_be_visible()
    expect(page.get_by_text("beds that are wanting: 2, free: 3").first).to_be_visible()
    looks_right()
    page.get_by_role("link", name="How offers go out").first.click()
    page.wait_for_url("**/offers/settings")
    looks_right()
    page.get_by_label("Days to answer").fill("10")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Deadlines that were given stand.")).to_be_visible()
    assert summer.states() == {"p": "open", "q": "declined", "w2": "open"}
