"""Journeys on the board: two volunteers at once, by keys alone, on a tablet with a finger, and without scripts."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from service.allocation.groups import add_group
from service.database.engine import Database
from tests.allocation.boards import Boards, Listed
from tests.browser.conftest import WIDE, Faults, Way, enter, require_accessible, require_fitting, watched
from tests.stays.camp import NOW, Camp

PHONE_PLAIN = Way(360, 740, scripts=False)
TABLET = Way(820, 1100)


@pytest.fixture
def boards(database: Database, at: Callable[[str], None]) -> Boards:
    at(NOW)
    made = Boards(Camp(database))
    made.add_stay("S1")
    made.add_stay("S2", starts_on=date(2026, 7, 11))
    made.hand_over([Listed("1", 4, "S1|S2", 5), Listed("2", 3, "S2"), Listed("3", 5), Listed("4", 4, "S1", 1)])
    return made


@pytest.fixture
def opened(browser: Browser, faults: Faults, service_url: str, boards: Boards) -> Iterator[Callable[..., Page]]:
    """Opens the board in a window of somebody's own."""
    windows = []

    def open_(name: str = "volunteer", way: Way | None = None, **options: Any) -> Page:
        window = watched(browser, faults, way or WIDE, **options)
        page = window.__enter__()
        windows.append(window)
        page.set_default_timeout(8000)
        enter(page, service_url, boards.camp.sign_in(name))
        page.goto(f"{service_url}/seasons/{boards.season}/board")
        return page

    yield open_
    for window in windows:
        window.__exit__(None, None, None)
    assert not faults


def card(page: Page, name: str) -> Locator:
    return page.locator(".board-card").filter(has=page.get_by_role("heading", name=name, exact=True))


def column(page: Page, code: str) -> Locator:
    return page.locator(f'.board-column[data-name="{code}"]')


def drag(page: Page, name: str, code: str) -> None:
    """By mouse, in steps as a hand does it."""
    page.locator(".board-columns").evaluate("one => one.scrollIntoView()")
    start, end = card(page, name).get_by_role("heading").bounding_box(), column(page, code).bounding_box()
    assert start and end
    page.mouse.move(start["x"] + 20, start["y"] + 8)
    page.mouse.down()
    page.mouse.move(start["x"] + 40, start["y"] + 20, steps=4)
    page.mouse.move(end["x"] + 60, end["y"] + 260, steps=12)
    page.mouse.up()


def test_two_volunteers_at_once(opened: Callable[..., Page], boards: Boards) -> None:
    with boards.session() as session:
        add_group(session, boards.desk("coordinator"), "together", [boards.id("1"), boards.id("4")])
    one, two = opened("volunteer"), opened("coordinator")
    require_accessible(one)
    drag(one, "Amina Ali", "S1")
    expect(column(one, "S1").get_by_role("heading", name="Amina Ali")).to_be_visible()
    expect(column(one, "S1")).to_contain_text("Beds 4 of 12")
    expect(one.locator("#board-top")).to_contain_text("They are to be kept together, and are not at one stay.")
    expect(one.get_by_role("button", name="Undo the move of Amina Ali")).to_be_visible()
    # The other sees it without loading the page again, and keeps what was open.
    card(two, "Berit Berg").get_by_text("Change").click()
    expect(column(two, "S1").get_by_role("heading", name="Amina Ali")).to_be_visible(timeout=9000)
    expect(card(two, "Berit Berg").get_by_role("button", name="Move", exact=True)).to_be_visible()
    assert "S1: Family places left: 2, beds left: 8" in card(two, "Berit Berg").get_by_label("Stay").inner_text()
    # Who acts on an older board is told who was there, and sees the board as it is.
    boards.move("2", "S2", "volunteer")
    card(two, "Berit Berg").get_by_role("button", name="Move", exact=True).click()
    expect(two.get_by_role("alert")).to_contain_text("Berit Berg: The volunteer placed the family at S2")
    expect(column(two, "S2").get_by_role("heading", name="Berit Berg")).to_be_visible()
    one.get_by_role("button", name="Undo the move of Berit Berg").click()
    expect(column(one, "Waiting").get_by_role("heading", name="Berit Berg")).to_be_visible()
    require_accessible(one)
    require_accessible(two)
    require_fitting(one)
    assert (boards.at("1"), boards.at("2")) == ("S1", None)


def test_a_drag_that_finds_no_room_goes_back_and_says_what_is_lacking(
    opened: Callable[..., Page], boards: Boards
) -> None:
    boards.move("1", "S1")
    boards.move("4", "S1")
    page = opened()
    drag(page, "Carla Cruz", "S1")
    expect(page.get_by_role("alert")).to_contain_text(
        "Carla Cruz: S1 has no room for it: the family needs 5 beds. Left there: family places 1, beds 4."
    )
    expect(column(page, "Waiting").get_by_role("heading", name="Carla Cruz")).to_be_visible()
    assert page.locator(".board-card").count() == 4
    require_accessible(page)


def test_by_keys_alone(opened: Callable[..., Page], boards: Boards) -> None:
    page = opened()
    live, keys = page.locator("#board-live"), page.keyboard
    page.get_by_role("button", name="Move Amina Ali with the keys").focus()
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    keys.press("Space")
    expect(live).to_contain_text("Amina Ali picked up.")
    keys.press("ArrowRight")
    expect(live).to_contain_text("R1. Family places left: 10, beds left: 40")
    keys.press("Escape")
    expect(live).to_contain_text("Amina Ali stays where it was.")
    assert boards.at("1") is None
    keys.press("Space")
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    keys.press("Space")
    expect(live).to_contain_text("Amina Ali is at S1 now.")
    # The hand is still on the card.
    expect(page.get_by_role("button", name="Move Amina Ali with the keys")).to_be_focused()
    expect(column(page, "S1").get_by_role("heading", name="Amina Ali")).to_be_visible()
    # The form beside it locks.
    keys.press("Tab")
    keys.press("Enter")
    page.get_by_role("button", name="Lock here").focus()
    keys.press("Enter")
    expect(card(page, "Amina Ali").get_by_text("Locked", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo the lock of Amina Ali").focus()
    keys.press("Enter")
    expect(card(page, "Amina Ali").get_by_text("Locked", exact=True)).to_have_count(0)
    assert (boards.at("1"), boards.card("1").locked) == ("S1", False)


def test_a_move_that_is_not_answered_is_said_and_the_card_goes_back(
    opened: Callable[..., Page], boards: Boards, faults: Faults
) -> None:
    page = opened()
    page.context.set_offline(True)
    drag(page, "Amina Ali", "S1")
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached. Nothing was changed; try again.")
    page.context.set_offline(False)
    expect(column(page, "Waiting").get_by_role("heading", name="Amina Ali")).to_be_visible(timeout=9000)
    assert boards.at("1") is None
    faults.clear()


def test_those_who_wait_are_narrowed_down(opened: Callable[..., Page]) -> None:
    page = opened()
    waiting = column(page, "Waiting").locator(".board-card:visible")
    expect(waiting).to_have_count(4)
    page.get_by_label("Name").fill("ber")
    expect(waiting).to_have_count(1)
    page.get_by_label("Name").fill("")
    page.get_by_label("Persons").select_option("4")
    expect(waiting).to_have_count(2)
    page.get_by_label("Need").select_option("5")
    expect(waiting).to_have_count(1)
    drag(page, "Amina Ali", "S1")
    expect(column(page, "S1").get_by_role("heading", name="Amina Ali")).to_be_visible()
    expect(waiting).to_have_count(0)


def test_on_a_tablet_with_a_finger(opened: Callable[..., Page], boards: Boards) -> None:
    page = opened("volunteer", TABLET, has_touch=True)
    page.locator(".board-columns").evaluate("one => one.scrollIntoView()")
    start, end = card(page, "Berit Berg").get_by_role("heading").bounding_box(), column(page, "S1").bounding_box()
    assert start and end
    hand = page.context.new_cdp_session(page)

    def touch(kind: str, x: float = 0, y: float = 0) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = start["x"] + 20, start["y"] + 8
    touch("touchStart", x, y)
    page.wait_for_timeout(400)
    for step in range(1, 11):
        touch("touchMove", x + (end["x"] + 60 - x) * step / 10, y + (end["y"] + 260 - y) * step / 10)
        page.wait_for_timeout(20)
    touch("touchEnd")
    expect(column(page, "S1").get_by_role("heading", name="Berit Berg")).to_be_visible()
    require_accessible(page)
    require_fitting(page)
    assert boards.at("2") == "S1"


def test_on_a_phone_without_scripts(opened: Callable[..., Page], boards: Boards) -> None:
    page = opened("volunteer", PHONE_PLAIN)
    require_fitting(page)
    one = card(page, "Amina Ali")
    one.get_by_text("Change").click()
    one.get_by_label("Stay").select_option(label="S1: Family places left: 3, beds left: 12")
    one.get_by_role("button", name="Move and lock").click()
    expect(page.get_by_text("It is kept.")).to_be_visible()
    assert (boards.at("1"), boards.card("1").locked) == ("S1", True)
    one.get_by_text("Change").click()
    one.get_by_role("button", name="Release").click()
    one.get_by_text("Change").click()
    one.get_by_role("button", name="Back to waiting").click()
    assert boards.at("1") is None
    boards.move("1", "S1")
    boards.move("4", "S1")
    other = card(page, "Carla Cruz")
    other.get_by_text("Change").click()
    other.get_by_label("Stay").select_option(label="S1: Family places left: 3, beds left: 12")
    other.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("the family needs 5 beds")
    page.get_by_role("button", name="Undo the move of Dina Dahl").click()
    expect(page.get_by_role("button", name="Undo the move of Amina Ali")).to_be_visible()
    page.get_by_label("Name").fill("ber")
    page.get_by_role("button", name="Show").click()
    expect(column(page, "Waiting").locator(".board-card:visible")).to_have_count(1)
    page.get_by_text("Keep two families together or apart").click()
    page.get_by_label("First family").select_option(label="Amina Ali, Uvik")
    page.get_by_label("Second family").select_option(label="Dina Dahl, Uvik")
    page.get_by_role("button", name="Keep them together").click()
    expect(page.get_by_text("They are to be kept together, and are not at one stay.").first).to_be_visible()
    page.get_by_role("button", name="Remove: Amina Ali, Dina Dahl").click()
    expect(page.get_by_text("They are to be kept together")).to_have_count(0)
    require_fitting(page)
