"""A season whose places are allocated, and whose offers can be made."""

from collections.abc import Callable

import pytest

from service.database.engine import Database
from tests.offers.summer import PLANNED, Summer
from tests.stays.camp import NOW, Camp, stay


@pytest.fixture
def summer(database: Database, at: Callable[[str], None]) -> Summer:
    """Two stays: A1 with room for two families, A2 for ten."""
    at(NOW)
    camp = Camp(database)
    camp.plan("A2", published=False)
    camp.add(stay("A1", family_places=2, person_places=8, volunteers=2, min_families=1))
    at(PLANNED)
    return Summer(camp)
