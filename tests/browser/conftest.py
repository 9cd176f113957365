"""A browser on a real server: every test of it fails on an error of the console, the policy or a request."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from litestar import Litestar
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Playwright, Request, Response, sync_playwright

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.database.engine import Database
from service.settings import load
from service.web import menu
from tests.apps import app_over
from tests.browser.gallery import ENTRIES, gallery_app

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
# Only what is broken is gathered: gathering what is in order as well takes three times as long.
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


@contextmanager
def served(app: Litestar) -> Iterator[str]:
    """Serve an application in a thread; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server stopped before it had started"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def service_url(database: Database) -> Iterator[str]:
    """The whole service on a database of the test's own."""
    with served(app_over(database)) as url:
        yield url


@pytest.fixture
def gallery_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The page of all components, with a menu."""
    monkeypatch.setattr(menu, "MENU", ENTRIES)
    with served(gallery_app()) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a file. Playwright's loop must not outlive it: other tests run loops of their own."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


def launched(playwright: Playwright) -> Browser:
    """The Chromium on the PATH, first the one without windows, which is faster; where there is none, Playwright's."""
    found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    return playwright.chromium.launch(executable_path=found, args=ARGUMENTS)


class Faults(list[str]):
    """What went wrong in the browser. A test that wants a fault clears it."""


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def browser_page(browser: Browser, faults: Faults) -> Iterator[Page]:
    """A new window. The test fails where the browser had anything to complain of."""
    with watched(browser, faults) as page:
        yield page
    assert not faults


class Way(NamedTuple):
    """How somebody works: the size of the window, and whether scripts run."""

    width: int
    height: int
    scripts: bool = True


WIDE, PHONE, PLAIN = Way(1280, 900), Way(360, 740), Way(1280, 900, scripts=False)
WAYS = [pytest.param(WIDE, id="wide"), pytest.param(PHONE, id="phone"), pytest.param(PLAIN, id="plain")]
"""The three ways in which every journey is walked: at a desk, on a phone, and without JavaScript."""


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


@pytest.fixture
def walker(browser: Browser, faults: Faults, way: Way) -> Iterator[Page]:
    """A new window in each of the three ways, where what is unfolded is there at once."""
    with watched(browser, faults, way) as page:
        yield page
    assert not faults


@pytest.fixture
def looks_right(walker: Page, way: Way) -> Callable[[], None]:
    """Fails where the page that is shown is wider than the window or, looked at once for all three ways, not for
    everybody; `tests/every_page` looks at narrow pages too."""

    def look() -> None:
        require_fitting(walker)
        if way == WIDE:
            require_accessible(walker)

    return look


def require_good(page: Page) -> None:
    """Fails where the page is not for everybody, or is wider than the window."""
    require_accessible(page)
    require_fitting(page)


def require_accessible(page: Page) -> None:
    """Fails where the page breaks a rule of accessibility that a program can check."""
    # Evaluated through the debugger's own door, which the page's policy does not close.
    found: dict[str, Any] = ask(page, f"rules => {{ {AXE.read_text()}; return axe.run(document, rules) }}", _RULES)
    broken = [
        f"{violation['id']}: {violation['help']}\n    "
        + "\n    ".join(f"{node['html'][:200]} {node['failureSummary']}" for node in violation["nodes"])
        for violation in found["violations"]
    ]
    assert not broken, "\n".join(broken)


def require_fitting(page: Page) -> None:
    """Fails where the page is wider than the window, with what stands out of it."""
    wider = "document.documentElement.scrollWidth > innerWidth"
    standing_out = ask(page, f"() => {wider} ? {_STANDING_OUT} : null")
    assert standing_out is None, (page.url, standing_out)


_STANDING_OUT = """[...document.querySelectorAll('body *:not(thead *)')]
    .filter(one => one.getBoundingClientRect().right > innerWidth).map(one => one.outerHTML.slice(0, 150))"""


def ask(page: Page, question: str, value: object = None) -> Any:
    """What a function of JavaScript says of the page. Where another page takes the place of the one that was asked, as
    it can while a click is still leading on, that one is asked."""
    for _ in range(_PAGES_ON_THE_WAY):
        page.wait_for_load_state()
        try:
            return page.evaluate(question, value)
        except Error as error:
            if not any(sign in error.message for sign in _REPLACED):
                raise
    return page.evaluate(question, value)


_PAGES_ON_THE_WAY = 3
_REPLACED = ("Execution context was destroyed", "reading 'documentElement'", "Cannot find context")


@contextmanager
def watched(browser: Browser, faults: Faults, way: Way = WIDE, **options: Any) -> Iterator[Page]:
    """A window in which everything that the browser complains of is noted."""
    context = browser.new_context(
        viewport={"width": way.width, "height": way.height},
        java_script_enabled=way.scripts,
        **{"locale": "en-GB", "reduced_motion": "reduce"} | options,
    )
    page = context.new_page()

    def heard(message: ConsoleMessage) -> None:
        # Refusals that answer a form are no faults: the browser reports each status from 400 on.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            faults.append(message.text)

    def answered(response: Response) -> None:
        if response.status >= 500 or (response.status >= 400 and response.request.resource_type != "document"):
            faults.append(f"{response.status} {response.url}")

    def failed(request: Request) -> None:
        # For the browser a download, and the first of two clicks, is a page that was not opened.
        if request.failure != "net::ERR_ABORTED":
            faults.append(f"{request.url}: {request.failure}")

    page.on("console", heard)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", failed)
    page.on("response", answered)
    yield page
    context.close()


def enter(page: Page, url: str, secret: str, language: str = "en") -> None:
    """Give the window a session, in the place of the one it had."""
    page.context.clear_cookies()
    cookies = {"medspiller": secret, "language": language}
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


def work(database: Database, *jobs: str) -> None:
    """Let a worker do what waits; in a thread, since the browser has its own loop in this one."""
    timetable = [one for one in TIMETABLE if one.name in jobs]
    with ThreadPoolExecutor(1) as thread:
        thread.submit(Worker(database, load(), timetable).once).result()


def follow(page: Page, link: str, way: Way) -> None:
    """From the page of a run that is over on to what came of it. The page looks by itself only where scripts run."""
    if not way.scripts:
        page.get_by_role("link", name="Look again").click()
    page.get_by_role("link", name=link).click()
