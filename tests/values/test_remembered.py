"""Answers that are remembered: by tenant and by what they rest on, and not for ever."""

from uuid import UUID

import pytest

from service.values.remembered import Remembered

OURS, THEIRS = UUID(int=1), UUID(int=2)


def test_an_answer_holds_for_its_tenant_until_what_it_rests_on_changes() -> None:
    known: Remembered[str] = Remembered(most=2)
    found: list[str] = []

    def answer(what: str) -> str:
        found.append(what)
        return what

    assert known.get(OURS, 1, lambda: answer("first")) == "first"
    assert known.get(OURS, 1, lambda: answer("again")) == "first"
    assert known.get(THEIRS, 1, lambda: answer("theirs")) == "theirs"
    assert known.get(OURS, 2, lambda: answer("changed")) == "changed"
    # The oldest has made room.
    assert known.get(OURS, 1, lambda: answer("first")) == "first"
    assert found == ["first", "theirs", "changed", "first"]


def test_nothing_is_remembered_of_a_failure() -> None:
    known: Remembered[int] = Remembered()
    with pytest.raises(ZeroDivisionError):
        known.get(OURS, 1, lambda: 1 // 0)
    assert known.get(OURS, 1, lambda: 5) == 5
