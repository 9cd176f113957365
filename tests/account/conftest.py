from collections.abc import Callable

import pytest

from service.database.engine import Database
from tests.account.summer import Summer
from tests.stays.camp import NOW, Camp


@pytest.fixture
def camp(database: Database, at: Callable[[str], None]) -> Camp:
    at(NOW)
    return Camp(database)


@pytest.fixture
def summer(camp: Camp) -> Summer:
    """A published season of two stays in a row, with an account to come."""
    camp.plan("A1", "A2")
    return Summer(camp)
