"""Answers that take long and hold until what they rest on changes. Each process has its own, in memory."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from uuid import UUID

Answer = TypeVar("Answer")


class Remembered(Generic[Answer]):
    """The last answers by tenant and by what they rest on; the oldest goes where there are more than `most`.

    What they rest on is a stamp that costs little to ask for and is never the same for two states, such as the newest
    ids. Whoever asks while an answer is being found waits for nobody and finds it as well.
    """

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, tenant: UUID, rests_on: Hashable, find: Callable[[], Answer]) -> Answer:
        """The answer that is remembered, or the one that is found now."""
        key = (tenant, rests_on)
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        found = find()
        with self._lock:
            self._answers[key] = found
            if len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return found
