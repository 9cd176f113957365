"""The demo as a town of its own, and the extract that is uploaded to it: some incomes changed, some rows are bad."""

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import msgspec

from service.eligibility.parameters import PRESETS
from service.register.made_up import write_extract

HOUSEHOLDS = 2000
_POOR, _RICH = "90000.00", "900000.00"


class DemoTown(msgspec.Struct, frozen=True):
    """Where it is served, a sign-in link by role, and the files of the next extract."""

    url: str
    links: dict[str, str]
    population: Path
    income: Path


@contextmanager
def served() -> Iterator[DemoTown]:
    """Serve a new demo town with its worker for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="medspiller-pictures-") as name:
        folder = Path(name)
        # As root the database runs as a user who must get in.
        folder.chmod(0o755)
        program = "from service.cli import main; main()"
        arguments = ["demo", "--households", str(HOUSEHOLDS), "--port", "0", "--json"]
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(
                [sys.executable, "-c", program, *arguments],
                env=os.environ | {"MEDSPILLER_HOME": str(folder / "home")},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            try:
                yield _town(process, folder)
            finally:
                process.terminate()
                process.wait(30)


def _town(process: subprocess.Popen[str], folder: Path) -> DemoTown:
    """What the demo prints, line by line: its account, the links, and at last where it serves."""
    said: dict[str, object] = {}
    assert process.stdout is not None
    while "url" not in said:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the demo did not start: {(folder / 'log').read_text()}")
        said |= json.loads(line)
    links = msgspec.convert(said["sign_in_links"], list[dict[str, str]])
    population, income = _extract(folder)
    return DemoTown(str(said["url"]), {link["role"]: link["url"] for link in links}, population, income)


def _extract(folder: Path) -> tuple[Path, Path]:
    """The extract of which the demo was made, a little later."""
    on = date(PRESETS["dk"][-1].year, 1, 15)
    made = write_extract(folder / "extract", households=HOUSEHOLDS, on=on)
    lines = made.population.read_text(encoding="utf-8").splitlines()
    for at in (40, 400):
        lines[at] = lines[at].replace(",child,", ",uncle,").replace(",provider,", ",uncle,")
    lines[1200] = lines[1200].rsplit(",", 1)[0]
    made.population.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with made.income.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    amount = head.index("amount")
    for at, row in enumerate(rows):
        if at % 23 == 0:
            row[amount] = _POOR if float(row[amount]) > float(_POOR) else _RICH
    with made.income.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return made.population, made.income
