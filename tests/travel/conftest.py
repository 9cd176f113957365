"""The trip of the tests, before anybody leaves."""

from collections.abc import Callable

import pytest

from service.database.engine import Database
from tests.stays.camp import LATE, NOW, Camp
from tests.travel.trip import Trip


@pytest.fixture
def trip(database: Database, at: Callable[[str], None]) -> Trip:
    at(NOW)
    made = Trip(Camp(database))
    at(LATE)
    return made
