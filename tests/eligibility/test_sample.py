"""The sample extract through the command line, held against its published answers, row for row."""

import csv
import gzip
from pathlib import Path

import pytest

from tests.conftest import Medspiller

SAMPLE = Path(__file__).parent / "sample"


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    for name in ("population", "income"):
        (tmp_path / f"{name}.csv").write_bytes(gzip.decompress((SAMPLE / f"{name}.csv.gz").read_bytes()))
    return tmp_path


def test_every_row_of_the_sample(medspiller: Medspiller, extract: Path) -> None:
    medspiller("municipality", "add", "0751", "Aarhus", "--country", "dk")
    files = ("--population", extract / "population.csv", "--income", extract / "income.csv")
    imported = medspiller("register", "import", "--municipality", "0751", *files)
    assert (imported["persons"], imported["households"], imported["incomes"]) == (7056, 2000, 3462)
    refresh = ("eligibility", "refresh", "--municipality", "0751", "--scheme", "fritidspas", "--on", "2017-01-15")
    first = medspiller(*refresh, "--commit")
    assert (first["new"], first["lost"], first["state"]) == (first["entitled"], 0, "committed")
    again = medspiller(*refresh, "--commit")
    assert (again["new"], again["lost"], again["unchanged"]) == (0, 0, again["children"])

    out = extract / "out.csv"
    export = ("eligibility", "export", "--municipality", "0751", "--scheme", "fritidspas", "--out", out)
    medspiller(*export, "--reason", "the sample's answers")
    with out.open(encoding="utf-8", newline="") as file:
        found = sorted(_answer(row) for row in csv.DictReader(file))
    with gzip.open(SAMPLE / "expected.csv.gz", "rt", encoding="utf-8-sig", newline="") as file:
        births = _births(extract / "population.csv")
        expected = sorted(_answer(row | births[row["person_id"]]) for row in csv.DictReader(file))
    assert found == expected


def _births(population: Path) -> dict[str, dict[str, str]]:
    with population.open(encoding="utf-8-sig", newline="") as file:
        return {row["person_id"]: row for row in csv.DictReader(file)}


def _answer(row: dict[str, str]) -> tuple[str, ...]:
    columns = ("household_id", "birth_date", "given_name", "outcome", "reason", "income_ore", "limit_ore")
    return tuple(row[column] for column in (*columns, "children", "providers"))
