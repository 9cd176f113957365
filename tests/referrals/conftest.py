"""The organisation, the municipalities and a published season, at a time when services may still refer."""

import pytest

from tests.referrals.office import Office
from tests.stays.camp import Camp
from tests.stays.conftest import camp

__all__ = ["camp"]


@pytest.fixture
def office(camp: Camp) -> Office:
    camp.plan("A1", "A2")
    return Office(camp)
