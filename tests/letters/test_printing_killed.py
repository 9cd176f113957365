"""Processes killed at the worst moments: afterwards every pass is in one letter and every letter is sent once."""

import os
import signal
import traceback
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from service.cli import main
from service.database.engine import Database
from service.letters import printing
from tests.conftest import Medspiller
from tests.letters.test_printing import manifest, printed
from tests.passes.town import CODE, IN_2017, Town


@pytest.fixture
def town(
    medspiller: Medspiller,
    database: Database,
    tmp_path: Path,
    at: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Town:
    """Four households, one at a protected address, in batches of two letters."""
    at("2017-01-15T08:00Z")
    monkeypatch.setattr(printing, "LETTERS_PER_BATCH", 2)
    made = Town(medspiller, database, tmp_path)
    for household in ("H1", "H2", "H3"):
        made.family(household, f"Ada{household}")
    made.family("H4", "Bo", "Carl", address_protected=1)
    made.load()
    return made


def kill_after(place: str, calls: int, *command: object) -> None:
    """Run a command in a process of its own that is killed when `place` has returned for that many times."""
    child = os.fork()
    if child == 0:
        try:
            _set_trap(place, calls)
            main([*map(str, command), "--json"], standalone_mode=False)
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"nothing came to {place} for {calls} times"


def _set_trap(place: str, calls: int) -> None:
    module, path = place.split(":")
    holder: Any = import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        holder = getattr(holder, part)
    real, called = getattr(holder, name), count(1)

    def trap(*given: Any, **named: Any) -> Any:
        result = real(*given, **named)
        if next(called) == calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(holder, name, trap)


def test_passes_and_letters_agree_whenever_a_process_is_killed(town: Town, tmp_path: Path, installation: Path) -> None:
    asked = ("--municipality", CODE, "--scheme", "fritidspas", "--on", IN_2017, "--commit")
    for step in ("issue:_number", "issue:queue_letters", "actions:record"):
        kill_after(f"service.passes.{step}", 1, "eligibility", "refresh", *asked)
        assert town.rows("SELECT count(*) FROM leisure_pass") == town.rows("SELECT count(*) FROM letter") == [(0,)]
    town.commit()
    numbers = sorted(row["pass_number"] for row in town.listed())

    out = tmp_path / "print"
    render = ("letters", "render", "--municipality", CODE, "--out", out)
    for place, calls in (
        ("service.passes.compose:_keep_codes", 2),
        ("service.letters.printing:_make_batch", 2),
        ("service.letters.printing:_note_pages", 1),
        ("service.letters.printing:_write_manifest", 2),
        ("service.letters.printing:record", 3),
    ):
        kill_after(place, calls, *render)
        assert town.sound()
    assert town.say("letters", "render", "--out", out)["letters"] == 4
    assert sorted(printed(out)) == numbers
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []

    outbox = installation / "outbox" / "print" / CODE
    taken: Counter[str] = Counter()
    for place, calls in (
        ("service.letters.outbox:_sync", 1),
        ("service.letters.outbox:Outbox.deliver", 1),
        ("service.letters.printing:_deliver", 2),
    ):
        kill_after(place, calls, "letters", "hand-over", "--municipality", CODE)
        assert town.sound()
        taken.update(_taken(outbox))
    town.say("letters", "hand-over")
    taken.update(_taken(outbox))
    assert taken == Counter(number for (number,) in town.rows("SELECT number FROM letter"))
    assert town.rows("SELECT DISTINCT state FROM letter") == [("handed_over",)]
    assert town.sound()


def _taken(outbox: Path) -> list[str]:
    """The letters in finished batches, which somebody takes out to print them."""
    found = []
    for path in outbox.glob("batch-*.csv"):
        found += [row["letter_number"] for row in manifest(path)]
        path.unlink()
        path.with_suffix(".pdf").unlink()
    return found
