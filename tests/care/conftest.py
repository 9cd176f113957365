from collections.abc import Callable
from pathlib import Path

import pytest

from service.database.engine import Database
from tests.conftest import Medspiller
from tests.passes.town import HIGH, Town


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """A rich, a poor and a doubtful family on 15 January 2017, determined for that year and written to."""
    at("2017-01-15T08:00Z")
    made = Town(medspiller, database, tmp_path)
    made.family("rig", "Rikke", income=HIGH)
    made.family("fattig", "Frida", "Finn")
    made.family("tvivl", "Tove", income=None)
    made.load()
    made.commit()
    made.batch()
    made.send()
    return made
