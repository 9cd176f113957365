"""Journeys of travel: a coordinator plans it, a volunteer stands at the assembly point, a family says how it was."""

from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Page, expect

from service.database.engine import Database
from tests.browser.conftest import PHONE, Way, enter
from tests.stays.camp import LATE, NOW, Camp
from tests.travel.trip import BERGEN, LAST_DAY, ON_THE_DAY, OSLO, Trip

NEEDS = {"diet": "No pork", "health": "Asthma", "access": "", "emergency_name": "Anna", "emergency_phone": "90000077"}


@pytest.fixture
def trip(database: Database, at: Callable[[str], None]) -> Trip:
    at(NOW)
    made = Trip(Camp(database))
    at(LATE)
    made.accepted("one", 3, needs=NEEDS)
    made.accepted("two", 2, "Bergvik", BERGEN)
    made.accepted("three", 4, "Nabovik", None)
    return made


def test_a_coordinator_plans_travel(
    service_url: str,
    trip: Trip,
    walker: Page,
    looks_right: Callable[[], None],
    at: Callable[[str], None],
    way: Way,
    tmp_path: Path,
) -> None:
    at(ON_THE_DAY)
    enter(walker, service_url, trip.camp.sign_in("coordinator"))
    walker.goto(service_url)
    walker.get_by_role("link", name="Families that come to a stay and have no assembly point yet").click()
    walker.get_by_role("link", name="Sommer 2026").click()
    walker.get_by_role("link", name="A1").click()
    walker.wait_for_url("**/stays/*")
    looks_right()
    walker.get_by_role("link", name="Travel", exact=True).click()
    walker.wait_for_url("**/travel")
    looks_right()
    walker.get_by_label("Where Family three meets", exact=True).select_option(OSLO)
    walker.get_by_role("button", name="Save where Family three meets").click()
    expect(walker.get_by_text(f"The family meets at {OSLO}.")).to_be_visible()
    walker.get_by_role("link", name="Add a departure").click()
    walker.wait_for_url("**/departures/new")
    looks_right()
    walker.get_by_role("button", name="Save").click()
    expect(walker.get_by_text("Put this right first")).to_have_count(0)
    expect(walker.get_by_text("Some fields are wrong")).to_be_visible()
    looks_right()
    walker.get_by_label("Assembly point").select_option(OSLO)
    walker.get_by_label("Time").fill("08:30")
    walker.get_by_label("Where exactly").fill("Platform 7")
    walker.get_by_label("Carrier").fill("Fjordbuss")
    walker.get_by_label("Seats").fill("5")
    walker.get_by_label("Cost").fill("10000")
    walker.get_by_role("button", name="Save").click()
    expect(walker.get_by_text(f"From {OSLO} 7 travel, and there are 5 seats.")).to_be_visible()
    looks_right()
    walker.get_by_role("link", name="What the municipalities pay for travel").click()
    walker.wait_for_url("**/travel-costs")
    looks_right()
    walker.get_by_role("button", name="Invoiced (1): Uvik").click()
    expect(walker.get_by_text("Lines noted as invoiced: 1.")).to_be_visible()
    walker.get_by_role("button", name="Payment received (1): Uvik").click()
    walker.get_by_role("button", name="Take the step back: Uvik").click()
    expect(walker.get_by_text("The step is taken back.")).to_be_visible()
    looks_right()
    walker.goto(f"{service_url}/stays/{trip.stay_id}/packing")
    looks_right()
    walker.get_by_label("Norsk bokmål").fill("Regntøy\nStøvler")
    walker.get_by_role("button", name="Save the texts").click()
    expect(walker.get_by_text("The texts were saved.")).to_be_visible()
    with walker.expect_download() as download:
        walker.get_by_role("link", name="Print all letters").click()
    file = tmp_path / "letters.pdf"
    download.value.save_as(file)
    assert len(pypdf.PdfReader(file).pages) == 3
    walker.get_by_role("link", name="Needs", exact=True).click()
    expect(walker.get_by_text("Asthma")).to_be_visible()
    looks_right()
    walker.get_by_role("link", name="Change this").click()
    walker.wait_for_url("**/travel-settings")
    looks_right()


def test_a_volunteer_at_the_assembly_point(
    service_url: str,
    trip: Trip,
    walker: Page,
    looks_right: Callable[[], None],
    at: Callable[[str], None],
    way: Way,
) -> None:
    at(ON_THE_DAY)
    trip.departs(note="It waits ten minutes")
    enter(walker, service_url, trip.camp.sign_in("volunteer"))
    walker.goto(f"{service_url}/stays/{trip.stay_id}")
    walker.get_by_role("link", name="Who comes").click()
    walker.wait_for_url("**/manifest")
    looks_right()
    walker.get_by_role("link", name=f"{OSLO} (3)").click()
    expect(walker.get_by_text("It waits ten minutes")).to_be_visible()
    expect(walker.get_by_text("Family two")).to_have_count(0)
    looks_right()
    if way == PHONE:
        came = walker.get_by_role("button", name="Came: Family one 1")
        box = came.bounding_box()
        assert box is not None
        # Large enough for a thumb, and in the window.
        assert (box["height"] >= 44, box["x"] >= 0, box["x"] + box["width"] <= way.width) == (True, True, True)
    walker.get_by_role("button", name="Came: Family one 1").click()
    expect(walker.get_by_text("1 of 3 came")).to_be_visible()
    # Somebody else, on another phone, has just missed a child.
    [family] = trip.families(OSLO)
    trip.note(family.offer_id, 2, "not_come", who="coordinator")
    walker.get_by_role("button", name="Came: Family one 3", exact=True).click()
    expect(walker.get_by_text("Somebody else has noted otherwise meanwhile.")).to_be_visible()
    looks_right()
    walker.go_back()
    walker.reload()
    expect(walker.get_by_text("1 did not come")).to_be_visible()
    walker.get_by_role("button", name="Came: Family one 3", exact=True).click()
    expect(walker.get_by_text("2 of 3 came")).to_be_visible()
    # By keyboard alone, the last one.
    walker.get_by_role("button", name="Came: Family one 2", exact=True).focus()
    walker.keyboard.press("Enter")
    expect(walker.get_by_text("3 of 3 came")).to_be_visible()
    looks_right()
    with walker.expect_download():
        walker.get_by_role("link", name="Print").click()
    walker.get_by_role("link", name="Needs", exact=True).click()
    expect(walker.get_by_text("for those who lead this stay")).to_be_visible()
    looks_right()


def test_families_and_volunteers_say_how_it_was(
    service_url: str, trip: Trip, walker: Page, looks_right: Callable[[], None], at: Callable[[str], None]
) -> None:
    code = next(iter(trip.codes().values()))
    at(LAST_DAY)
    walker.goto(f"{service_url}/opinion")
    looks_right()
    walker.get_by_role("textbox", name="Code").fill("AAAA BBBB CCCC")
    walker.get_by_role("button", name="Go on").click()
    expect(walker.get_by_text("There is no such code.").first).to_be_visible()
    looks_right()
    walker.get_by_role("textbox", name="Code").fill(code.lower())
    walker.get_by_role("button", name="Go on").click()
    expect(walker.get_by_role("heading", name="How was your holiday at Fjellheim?")).to_be_visible()
    looks_right()
    walker.get_by_role("group", name="How was the stay?").get_by_label("5 – very good").check()
    walker.get_by_role("button", name="Send").click()
    expect(walker.get_by_text("Some fields are wrong").first).to_be_visible()
    looks_right()
    walker.get_by_role("group", name="Would you come again?").get_by_label("Yes").check()
    walker.get_by_label("Is there anything that you want to say?").fill("The lake was cold")
    walker.get_by_role("button", name="Send").click()
    expect(walker.get_by_role("heading", name="Thank you")).to_be_visible()
    looks_right()
    enter(walker, service_url, trip.camp.sign_in("volunteer"))
    walker.goto(f"{service_url}/stays/{trip.stay_id}/opinions")
    expect(walker.get_by_text("Answers: 1")).to_be_visible()
    expect(walker.get_by_text("The lake was cold")).to_have_count(0)
    walker.get_by_role("link", name="Say how it was").click()
    walker.wait_for_url("**/opinion")
    looks_right()
    walker.get_by_role("group", name="How was the stay?").get_by_label("4", exact=True).check()
    walker.get_by_role("group", name="Would you come again?").get_by_label("Perhaps").check()
    walker.get_by_role("button", name="Send").click()
    expect(walker.get_by_text("Nobody sees that it was you.")).to_be_visible()
    looks_right()
