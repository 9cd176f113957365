from collections.abc import Callable
from pathlib import Path

import pytest

from service.database.engine import Database
from tests.audit.people import Place
from tests.conftest import Medspiller


@pytest.fixture
def place(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Place:
    """A town on 15 January 2017, determined for that year and written to."""
    at("2017-01-15T08:00Z")
    return Place(medspiller, database, tmp_path)
