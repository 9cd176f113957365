"""One town for all tests of the folder, which only look at it, and somebody's browser for every page."""

from collections.abc import Iterator

import pytest

from service.app import create_app
from service.database.engine import open_database
from service.settings import load
from service.values import clock
from tests.browser.conftest import browser, served
from tests.conftest import CommandLine, Server, new_installation
from tests.every_page.town import EveryPage

__all__ = ["browser"]

NOW = "2017-01-20T08:00Z"


@pytest.fixture(scope="package")
def every_page(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EveryPage]:
    """The town with an address of every page."""
    folder = tmp_path_factory.mktemp("every-page")
    with pytest.MonkeyPatch.context() as patch, new_installation(server, folder / "home", patch):
        patch.setenv("MEDSPILLER_NOW", NOW)
        clock.pin(load().now)
        with open_database(load()) as database:
            yield EveryPage(CommandLine(), database, folder)


@pytest.fixture(scope="package")
def every_page_url(every_page: EveryPage) -> Iterator[str]:
    """Where the town's pages are served."""
    with served(create_app(every_page.database, requests_a_minute=10**9)) as url:
        yield url
