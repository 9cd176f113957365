"""The demo as somebody starts it: on a new home with the embedded database, twice."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    """A home of its own. As root the embedded server runs as another user, who must get in."""
    with TemporaryDirectory(prefix="medspiller-demo-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "home"


def demo(home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], str]:
    for variable in ("MEDSPILLER_DATABASE_URL", "MEDSPILLER_DATABASE_OWNER_URL", "MEDSPILLER_NOW"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MEDSPILLER_HOME", str(home))
    command = [sys.executable, "-c", "from service.cli import main; main()", "demo", "--households", "300", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer, done.stderr


def test_the_demo_ends_with_the_letters_and_goes_on_when_run_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, said = demo(home, monkeypatch)
    letters = first["letters"]
    assert first["passes_issued"] == first["refresh"]["account"]["entitled"] > 20
    assert 0 < letters["letters"] <= first["passes_issued"]
    assert letters["pages"] >= letters["letters"] + first["passes_issued"]
    assert len(letters["files"]) == letters["batches"] >= 1
    for file in map(Path, letters["files"]):
        assert file.parent == home / "letters"
        assert file.read_bytes().startswith(b"%PDF")
        assert file.with_suffix(".csv").exists()
    assert "Traceback" not in said
    bytes_before = {file: Path(file).read_bytes() for file in letters["files"]}

    second, _ = demo(home, monkeypatch)
    assert (second["passes_issued"], second["letters"]) == (0, letters)
    account = second["refresh"]["account"]
    assert (account["new"], account["lost"], account["unchanged"]) == (0, 0, account["children"])
    accepted = ("persons", "incomes", "decisions")
    assert second["import"]["unchanged"] == sum(first["import"][kind] for kind in accepted)
    assert {file: Path(file).read_bytes() for file in letters["files"]} == bytes_before
