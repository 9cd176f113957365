"""Every component in a browser: readable for everybody, by keyboard, without a script, on a telephone."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from service.web import menu
from tests.browser.conftest import Faults, require_accessible, require_fitting, served
from tests.browser.gallery import ENTRIES, gallery_app


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_everybody_can_use_every_component(browser_page: Page, gallery_url: str, width: int, scheme: str) -> None:
    browser_page.set_viewport_size({"width": width, "height": 900})
    browser_page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    browser_page.goto(f"{gallery_url}/gallery")
    background = browser_page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (min(map(int, re.findall(r"\d+", background))) < 60) == (scheme == "dark")
    for details in browser_page.locator("main details").all():
        details.locator("summary").click()
    require_accessible(browser_page)
    require_fitting(browser_page)
    browser_page.get_by_role("button", name="Save").click()
    expect(browser_page.get_by_role("group", name="Nogle felter er forkerte")).to_be_focused()
    require_accessible(browser_page)
    require_fitting(browser_page)


@pytest.mark.parametrize("path", ["refused", "error", "progress"])
def test_everybody_can_use_the_pages_of_the_shell(
    browser_page: Page, gallery_url: str, faults: Faults, path: str
) -> None:
    browser_page.goto(f"{gallery_url}/{path}")
    require_accessible(browser_page)
    assert faults == ([f"500 {gallery_url}/error"] if path == "error" else [])
    faults.clear()


def test_a_form_is_put_right_by_keyboard(browser_page: Page, gallery_url: str) -> None:
    browser_page.goto(f"{gallery_url}/gallery")
    browser_page.keyboard.press("Tab")
    expect(browser_page.locator(".ds-skip-link")).to_be_focused()
    browser_page.keyboard.press("Enter")
    expect(browser_page.locator("main")).to_be_focused()
    browser_page.get_by_label("Club name", exact=True).fill("Taken")
    browser_page.keyboard.press("Enter")
    expect(browser_page).to_have_title(re.compile("^Fejl: "))
    browser_page.keyboard.press("Tab")
    browser_page.keyboard.press("Enter")
    expect(browser_page.get_by_label("How many members")).to_be_focused()
    browser_page.keyboard.type("12")
    browser_page.get_by_label("Member since").fill("2026-07-04")
    browser_page.get_by_label("Sport").check()
    browser_page.get_by_label("Monday").check()
    browser_page.get_by_role("button", name="Save").click()
    expect(browser_page.get_by_text("There is a club Taken already.")).to_be_visible()
    expect(browser_page.get_by_label("Monday")).to_be_checked()
    browser_page.get_by_label("Club name", exact=True).fill("Svømmeklub")
    browser_page.get_by_role("button", name="Save").click()
    expect(browser_page.get_by_role("status").filter(has_text="Svømmeklub stands in the gallery.")).to_be_visible()
    browser_page.reload()
    expect(browser_page.get_by_text("stands in the gallery")).to_have_count(0)


def test_progress_is_followed_until_it_is_done(browser_page: Page, gallery_url: str) -> None:
    browser_page.goto(f"{gallery_url}/gallery")
    expect(browser_page.locator("#progress")).to_contain_text("1.200 af 5.000")
    expect(browser_page.locator("#progress")).to_contain_text("Færdig.", timeout=10_000)
    assert not browser_page.locator("#progress").get_attribute("hx-get")


def test_a_search_goes_on_while_one_types_and_stands_in_no_address(browser_page: Page, gallery_url: str) -> None:
    browser_page.goto(f"{gallery_url}/gallery")
    browser_page.get_by_role("searchbox", name="Search for a club").press_sequentially("Musik")
    expect(browser_page.locator("main tbody tr")).to_have_count(1)
    expect(browser_page.get_by_role("searchbox", name="Search for a club")).to_be_focused()
    assert browser_page.url == f"{gallery_url}/gallery"
    browser_page.get_by_role("searchbox", name="Search for a club").fill("nothing of the kind")
    expect(browser_page.locator("main tbody tr")).to_have_count(0)


def test_the_menu_opens_on_a_telephone(browser_page: Page, gallery_url: str) -> None:
    browser_page.set_viewport_size({"width": 320, "height": 640})
    browser_page.goto(f"{gallery_url}/gallery")
    expect(browser_page.get_by_role("link", name="Passes and their ledgers")).to_be_hidden()
    browser_page.get_by_text("Menu", exact=True).click()
    expect(browser_page.get_by_role("link", name="Passes and their ledgers")).to_be_visible()
    current = browser_page.locator('[aria-current="page"]:visible').filter(has_text="Gallery")
    expect(current.first).to_be_visible()


def test_everything_works_without_a_script(browser: Browser, gallery_url: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{gallery_url}/gallery")
    page.get_by_text("Case worker").click()
    expect(page.get_by_role("button", name="Log ud")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Days of the week: Vælg mindst én.")).to_be_visible()
    page.get_by_role("searchbox", name="Search for a club").fill("Musik")
    page.get_by_role("button", name="Søg").click()
    expect(page.locator("main tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Se igen").first.click()
    expect(page.get_by_text("Færdig.")).to_be_visible()
    context.close()


def test_a_stranger_chooses_a_language(browser_page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(menu, "MENU", ENTRIES)
    with served(gallery_app(None)) as url:
        browser_page.goto(f"{url}/progress")
        expect(browser_page.get_by_role("link", name="Sign in")).to_be_visible()
        require_accessible(browser_page)
        browser_page.get_by_role("button", name="Dansk").click()
        expect(browser_page.get_by_role("link", name="Log ind")).to_be_visible()
        assert browser_page.url == f"{url}/progress"
        # The server waits for connections that the browser keeps open.
        browser_page.goto("about:blank")


def test_a_picture_of_the_page_with_high_contrast_shows_where_one_is(browser_page: Page, gallery_url: str) -> None:
    browser_page.emulate_media(forced_colors="active")
    browser_page.goto(f"{gallery_url}/gallery")
    width = "element => getComputedStyle(element).borderTopWidth"
    here, other = browser_page.locator(".shell-menu a").nth(0), browser_page.locator(".shell-menu a").nth(1)
    assert (here.evaluate(width), other.evaluate(width)) == ("2px", "0px")


def test_print_has_the_content_alone(browser_page: Page, gallery_url: str) -> None:
    browser_page.goto(f"{gallery_url}/gallery")
    browser_page.emulate_media(media="print")
    expect(browser_page.locator("main table")).to_be_visible()
    for part in (".shell-menu", ".shell-person", ".shell-footer"):
        expect(browser_page.locator(part)).to_be_hidden()


def test_the_tests_of_pages_see_what_is_wrong(browser_page: Page, gallery_url: str, faults: Faults) -> None:
    browser_page.goto(f"{gallery_url}/broken")
    assert any("Content Security Policy" in fault for fault in faults)
    assert any("/nothing.png" in fault for fault in faults)
    faults.clear()
    with pytest.raises(AssertionError, match="image-alt"):
        require_accessible(browser_page)


def test_a_double_click_sends_a_form_once(browser_page: Page, gallery_url: str) -> None:
    browser_page.goto(f"{gallery_url}/gallery")
    sent: list[str] = []
    browser_page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    browser_page.get_by_role("button", name="Save").dblclick()
    expect(browser_page.get_by_role("group", name="Nogle felter er forkerte")).to_be_focused()
    assert sent == [f"{gallery_url}/gallery"]
