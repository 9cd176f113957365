"""The organisation of the tests, at a time when services may still refer."""

from collections.abc import Callable

import pytest

from service.database.engine import Database
from tests.stays.camp import NOW, Camp


@pytest.fixture
def camp(database: Database, at: Callable[[str], None]) -> Camp:
    at(NOW)
    return Camp(database)
