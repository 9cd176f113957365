"""Every page is for everybody: in one variant of language, colours and width here, in all of them by `make matrix`.

The variants go round the pages, so that each is looked at in one and every variant at some pages.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from litestar.routes import HTTPRoute
from playwright.sync_api import Browser
from playwright.sync_api import Page as Window

from service.app import create_app
from tests.browser.conftest import PHONE, Faults, enter, require_good, watched
from tests.every_page.pages import NO_PAGES, PAGES, Page
from tests.every_page.town import EveryPage

COLOURS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "forced_colors": "none", "contrast": "no-preference"},
    "dark": {"color_scheme": "dark", "forced_colors": "none", "contrast": "no-preference"},
    "high contrast": {"color_scheme": "light", "forced_colors": "active", "contrast": "more"},
}
VARIANTS = list(product(("da", "nb", "en"), COLOURS, (320, 768, 1280)))

Variant = tuple[str, str, int]


def variants_of(page: Page, *, every: bool) -> list[Variant]:
    """All of them, or the one whose turn it is. What describes the API is for programmers, in English alone."""
    possible = [variant for variant in VARIANTS if page.path != "/schema" or variant[0] == "en"]
    return possible if every else [possible[PAGES.index(page) * 5 % len(possible)]]


@pytest.fixture
def window(browser: Browser) -> Iterator[tuple[Window, Faults]]:
    faults = Faults()
    with watched(browser, faults, PHONE) as page:
        yield page, faults


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_page_is_for_everybody(
    page: Page,
    every_page: EveryPage,
    every_page_url: str,
    window: tuple[Window, Faults],
    pytestconfig: pytest.Config,
) -> None:
    shown, faults = window
    before: tuple[str, str] | None = None
    for variant in variants_of(page, every=pytestconfig.getoption("--matrix")):
        language, colours, width = variant
        shown.set_viewport_size({"width": width, "height": 800})
        if (language, colours) != before:
            before = (language, colours)
            enter(shown, every_page_url, every_page.sessions.get(page.viewer, ""), language)
            shown.emulate_media(**COLOURS[colours])
            answer = shown.goto(every_page_url + every_page.addresses[page.path])
            assert answer is not None and (answer.status, faults) == (200, []), page.path
            assert answer.request.redirected_from is None, f"leads to {answer.url}: say so in NO_PAGES"
            assert answer.headers["content-type"].startswith("text/html"), "say in NO_PAGES what it is instead"
            assert shown.locator("html").get_attribute("lang") == language
        try:
            require_good(shown)
        except AssertionError as broken:
            raise AssertionError(f"{variant}: {broken}") from None


def test_no_page_is_forgotten(every_page: EveryPage) -> None:
    app = create_app(every_page.database)
    read = {route.path for route in app.routes if isinstance(route, HTTPRoute) and "GET" in route.route_handler_map}
    pages = {page.path for page in PAGES}
    known = pages | set(NO_PAGES)
    assert sorted(path for path in read - known if not path.startswith("/api/")) == []
    assert sorted(known - read) == []
    assert sorted(pages - set(every_page.addresses)) == []
    seen = {variants_of(page, every=False)[0] for page in PAGES}
    assert len(seen) == len(VARIANTS)
