"""Progress of long work, told at most once a second."""

import sys
import time
from collections.abc import Callable


def silent(_: str) -> None:
    """For callers that have nobody to tell."""


class Progress:
    """Tells `say` about a step's count, at most once a second; short work stays silent."""

    def __init__(self, say: Callable[[str], None] = silent) -> None:
        self._say = say
        self._next = time.monotonic() + 1

    def at(self, step: str, done: int, of: int | None = None) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 1
        self.tell(step, done, of)

    def step(self, text: str) -> None:
        """Name a step of long set-based work as it begins."""
        self._next = time.monotonic() + 1
        self.tell(text)

    def tell(self, step: str, done: int | None = None, of: int | None = None) -> None:
        """Say it at once: the step, and where it is counted how much is done of how much."""
        self._say(step if done is None else f"{step}: {done:,}" + (f" of {of:,}" if of else ""))


def to_standard_error(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
