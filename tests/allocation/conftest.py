"""The command line without an installation, since allocation on files opens no database; and a season in one."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from service.allocation.files import CONDITIONS, REFERRALS, REFERRALS_OPTIONAL, STAYS, STAYS_OPTIONAL
from service.cli import main
from service.database.engine import Database
from tests.allocation.season import Planning
from tests.stays.camp import NOW, Camp


class Files:
    """A folder with the files of a season, and the command that works on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stays, self.referrals, self.conditions = (folder / f"{name}.csv" for name in ("S", "R", "C"))
        self.plan, self.report = folder / "P.csv", folder / "F.json"

    def write(
        self,
        stays: Sequence[Mapping[str, str]],
        referrals: Sequence[Mapping[str, str]],
        conditions: Sequence[Mapping[str, str]] = (),
    ) -> None:
        write_rows(self.stays, (*STAYS, *STAYS_OPTIONAL), stays)
        write_rows(self.referrals, (*REFERRALS, *REFERRALS_OPTIONAL), referrals)
        write_rows(self.conditions, CONDITIONS, conditions)

    @property
    def inputs(self) -> list[str]:
        named = ["--stays", str(self.stays), "--referrals", str(self.referrals), "--seed", "frø"]
        return [*named, "--conditions", str(self.conditions)] if self.conditions.exists() else named

    def solve(self, *options: object) -> dict[str, Any]:
        """The answer of `solve --json`."""
        return self.run("solve", *self.inputs, "--out", self.plan, "--report", self.report, *options)

    def run(self, *arguments: object) -> dict[str, Any]:
        result = CliRunner().invoke(main, ["allocation", *map(str, arguments), "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    def fails(self, *options: object, code: int = 1) -> str:
        """What `solve` says where it cannot be done; nothing is written."""
        said = self.refused(code, "solve", *self.inputs, "--out", self.plan, *options)
        assert not self.plan.exists()
        return said

    def refused(self, code: int, *arguments: object) -> str:
        """What a command says where it cannot be done: 1 for what was asked, 2 for how."""
        result = CliRunner().invoke(main, ["allocation", *map(str, arguments), "--json"], catch_exceptions=False)
        assert result.exit_code == code, result.output
        assert result.stdout == ""
        return result.stderr

    def rows(self) -> dict[str, dict[str, str]]:
        """The plan by family."""
        with self.plan.open(newline="", encoding="utf-8") as file:
            return {row["family"]: row for row in csv.DictReader(file)}

    def told(self) -> dict[str, Any]:
        """The report."""
        found: dict[str, Any] = json.loads(self.report.read_text())
        return found


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    home = tmp_path / "home"
    monkeypatch.setenv("MEDSPILLER_HOME", str(home))
    yield Files(tmp_path)
    assert not home.exists()


@pytest.fixture
def planning(database: Database, at: Callable[[str], None]) -> Planning:
    """A published season with the stays A1 and A2, at a centre whose rooms are not known."""
    at(NOW)
    camp = Camp(database)
    camp.plan("A1", "A2")
    camp.as_owner("DELETE FROM centre_room")
    return Planning(camp)
