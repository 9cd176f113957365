"""A town with passes and clubs."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from service.database.engine import Database
from tests.claims.clubs import NUMBERS, open_club
from tests.conftest import Medspiller
from tests.passes.town import IN_2017, Town


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Families with passes of 2017, and a day in that year."""
    at("2017-02-01T08:00Z")
    made = Town(medspiller, database, tmp_path)
    made.family("H1", "Anne-Sofie", "Nour")
    made.family("H2", "Søren")
    made.load()
    made.commit(IN_2017)
    return made


@pytest.fixture
def club(town: Town) -> UUID:
    """A club that may claim."""
    return open_club(town)


@pytest.fixture
def other_club(town: Town) -> UUID:
    """Another one."""
    return open_club(town, "Svømmeklubben", NUMBERS[1])
