"""The board under several hands: at the same moment, and through any sequence of changes."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.allocation import board
from service.database.engine import Database
from service.errors import Conflict, Refused
from tests.allocation.boards import Boards, Listed
from tests.stays.camp import NOW, Camp

PEOPLE = ("volunteer", "coordinator")


@pytest.fixture
def boards(database: Database, at: Callable[[str], None]) -> Boards:
    at(NOW)
    made = Boards(Camp(database))
    made.add_stay("S1", families=1, beds=6)
    made.add_stay("S2", families=2, beds=7, starts_on=date(2026, 7, 11))
    made.hand_over([Listed("1", 4), Listed("2", 3), Listed("3", 5), Listed("4", 2)])
    return made


def at_once(*calls: Callable[[], None]) -> list[str]:
    """Make calls at the same moment; what each was refused with, or nothing."""
    gate = threading.Barrier(len(calls))

    def one(call: Callable[[], None]) -> str:
        gate.wait()
        try:
            call()
        except Refused as refused:
            return refused.message
        return ""

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(one, calls))


def consistent(boards: Boards) -> None:
    """What holds whatever was done: no stay over-full, and the revision counts the changes."""
    shown = boards.board()
    for column in shown.columns[1:]:
        assert column.families <= column.family_places, column.stay
        assert column.beds <= column.bed_places, column.stay
    [(changes, newest)] = boards.camp.rows(
        boards.camp.organisation, "SELECT count(*), coalesce(max(revision), 0) FROM board_change"
    )
    assert changes == newest == boards.revision()
    assert len(shown.cards) == 4


def test_two_volunteers_move_the_same_family(boards: Boards) -> None:
    said = at_once(
        lambda: boards.move("1", "S1", "volunteer", revision=0),
        lambda: boards.move("1", "S2", "coordinator", revision=0),
    )
    assert said.count("") == 1
    first = PEOPLE[said.index("")]
    assert said[1 - said.index("")].startswith(f"The {first} placed the family at")
    consistent(boards)


def test_two_families_race_for_the_last_place(boards: Boards) -> None:
    said = at_once(
        lambda: boards.move("1", "S1", "volunteer", revision=0),
        lambda: boards.move("2", "S1", "coordinator", revision=0),
    )
    assert said.count("") == 1
    assert "Left there: family places 0, beds" in "".join(said)
    consistent(boards)


def test_two_families_swap_into_beds_that_only_one_of_them_finds(boards: Boards) -> None:
    boards.move("2", "S2")
    said = at_once(
        lambda: boards.move("1", "S2", "volunteer", revision=0),
        lambda: boards.move("3", "S2", "coordinator", revision=0),
        lambda: boards.move("4", "S2", "coordinator", revision=0),
    )
    assert said.count("") == 1
    consistent(boards)


def test_one_change_is_undone_once_however_often_it_is_clicked(boards: Boards) -> None:
    boards.move("4", "S2")
    boards.move("1", "S1")
    with boards.session() as session:
        last = board.last_change(session, boards.season, boards.camp.people["volunteer"][0])
    assert last is not None

    def undo() -> None:
        with boards.session() as session:
            board.undo(session, boards.desk(), last.revision)

    said = at_once(undo, undo, undo)
    assert (said.count(""), boards.at("1"), boards.at("4")) == (1, None, "S2")
    consistent(boards)


def test_undo_races_with_somebody_who_takes_the_place(boards: Boards) -> None:
    boards.move("1", "S1")
    boards.move("1", "S2")
    said = at_once(boards.undo, lambda: boards.move("2", "S1", "coordinator", revision=0))
    assert said.count("") == 1
    assert (boards.at("1"), boards.at("2")) in (("S1", None), ("S2", "S1"))
    consistent(boards)


def test_who_does_not_wait_finds_the_wall_of_the_database(boards: Boards) -> None:
    """A stay is made smaller between the check and the write."""
    with boards.session() as session:
        turn = board._begin(session, boards.desk(), boards.id("1"), 0)
        boards.camp.as_owner("UPDATE stay SET person_places = 5 WHERE code = 'S1'")
        after = board.State(boards.stays["S1"], 4, 4, None, False, "hand", None)
        with pytest.raises(Conflict, match="has changed at this moment"):
            board._write(session, boards.desk(), turn, after, "move")
        session.rollback()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("move", "lock", "undo", "beds")),
        st.sampled_from(PEOPLE),
        st.sampled_from("1234"),
        st.sampled_from((None, "S1", "S2", "R1")),
        st.integers(0, 5),
    ),
    min_size=4,
    max_size=14,
)


@given(steps=STEPS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_changes_keeps_the_places(
    boards: Boards, steps: list[tuple[str, str, str, str | None, int]]
) -> None:
    """Each step is made whole or refused; the oracle is a dictionary of who is where."""
    expected = {key: boards.at(key) for key in "1234"}
    for what, who, key, code, beds in steps:
        before = boards.revision()
        try:
            if what == "undo":
                boards.undo(who)
                expected = {one: boards.at(one) for one in "1234"}
            elif what == "beds":
                with boards.session() as session:
                    board.set_beds(session, boards.desk(who), boards.id(key), boards.card(key).revision, beds)
            else:
                boards.move(key, code, who, lock=what == "lock")
                expected[key] = code
        except Refused:
            assert boards.revision() == before
        assert boards.revision() <= before + 1
    assert {key: boards.at(key) for key in "1234"} == expected
    consistent(boards)
