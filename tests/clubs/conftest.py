from collections.abc import Callable

import pytest

from service.database.engine import Database
from tests.clubs.house import House


@pytest.fixture
def house(database: Database, at: Callable[[str], None]) -> House:
    """A Danish municipality on 10 January 2026."""
    at("2026-01-10T08:00Z")
    return House(database)


@pytest.fixture
def norwegian(database: Database, at: Callable[[str], None]) -> House:
    """A Norwegian municipality on 10 January 2026."""
    at("2026-01-10T08:00Z")
    return House(database, "no", "4601")
