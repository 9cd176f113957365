from collections.abc import Callable
from pathlib import Path

import pytest

from service.database.engine import Database
from tests.conftest import Medspiller
from tests.passes.town import Town


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """An empty municipality on 15 January 2017."""
    at("2017-01-15T08:00Z")
    return Town(medspiller, database, tmp_path)
