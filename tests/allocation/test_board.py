"""What volunteers change on the board, on a real database."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text

from service.allocation import board
from service.allocation.groups import add_group, remove_group
from service.allocation.planning import FamilyId
from service.database.engine import Database
from service.errors import Conflict, NotFound, Refused
from service.stays import seasons
from tests.allocation.boards import Boards, Listed
from tests.stays.camp import NOW, Camp, stay


@pytest.fixture
def boards(database: Database, at: Callable[[str], None]) -> Boards:
    at(NOW)
    made = Boards(Camp(database))
    made.add_stay("S1")
    made.add_stay("S2", starts_on=date(2026, 7, 11))
    made.hand_over([Listed("1", 4, "S1|S2", 5), Listed("2", 3, "S2"), Listed("3", 5), Listed("4", 4, "S1", 1)])
    return made


def test_a_family_is_placed_moved_and_let_wait(boards: Boards) -> None:
    assert [card.name for card in boards.column(None).cards] == ["Amina Ali", "Berit Berg", "Carla Cruz", "Dina Dahl"]
    boards.move("1", "S1")
    assert (boards.at("1"), boards.card("1").wish, boards.card("1").held) == ("S1", 1, (4, 4))
    column = boards.column("S1")
    assert (column.families, column.beds, column.families_left, column.beds_left) == (1, 4, 2, 8)
    boards.move("1", "S2", lock=True)
    assert (boards.at("1"), boards.card("1").locked, boards.card("1").wish) == ("S2", True, 2)
    with pytest.raises(Conflict, match=r"locked at S2\. Release it first"):
        boards.move("1", "S1")
    with pytest.raises(Conflict, match="locked at S2"):
        boards.move("1", None)
    boards.move("1", "S2", lock=False)
    boards.move("1", None)
    assert boards.at("1") is None
    what = boards.camp.rows(boards.camp.organisation, "SELECT what FROM board_change ORDER BY revision")
    assert [one for (one,) in what] == ["move", "move", "unlock", "move"]
    assert boards.revision() == 4
    trail = boards.camp.rows(
        boards.camp.organisation,
        """SELECT details ->> 'from', details ->> 'to' FROM audit_entry
        WHERE action = 'allocation.board.move' ORDER BY id""",
    )
    assert trail == [(None, "S1"), ("S1", "S2"), ("S2", None)]


def test_what_changes_nothing_is_no_change(boards: Boards) -> None:
    boards.move("1", None)
    boards.move("1", "S1")
    boards.move("1", "S1")
    assert boards.revision() == 1


def test_a_party_of_five_with_four_beds_left_is_refused_plainly(boards: Boards) -> None:
    boards.move("1", "S1")
    boards.move("4", "S1")
    with pytest.raises(Conflict) as refused:
        boards.move("3", "S1")
    assert refused.value.message == (
        "S1 has no room for it: the family needs 5 beds. Left there: family places 1, beds 4."
    )
    assert boards.at("3") is None
    # One of them is an infant who sleeps with its mother.
    with boards.session() as session:
        board.set_beds(session, boards.desk(), boards.id("3"), 0, 4)
    boards.move("3", "S1")
    assert (boards.at("3"), boards.column("S1").beds_left, boards.card("3").held) == ("S1", 0, (5, 4))
    with pytest.raises(Conflict, match="needs 5 beds"), boards.session() as session:
        board.set_beds(session, boards.desk(), boards.id("3"), boards.card("3").revision, 5)
    with pytest.raises(Refused, match="from 0 to 5 beds, not 6"), boards.session() as session:
        board.set_beds(session, boards.desk(), boards.id("3"), boards.card("3").revision, 6)


def test_family_places_count_beside_beds(boards: Boards) -> None:
    boards.add_stay("T1", families=1, beds=20)
    boards.move("1", "T1")
    with pytest.raises(Conflict, match="Left there: family places 0, beds 16"):
        boards.move("2", "T1")


def test_each_family_has_a_room_of_its_own_where_rooms_are_known(boards: Boards) -> None:
    boards.move("3", "R1")
    boards.move("1", "R1")
    with pytest.raises(Conflict, match="R1 has no family room left with 3 beds"):
        boards.move("2", "R1")


def test_who_saw_an_older_board_is_told_who_moved_the_family(boards: Boards) -> None:
    boards.move("1", "S1", "coordinator")
    with pytest.raises(Conflict) as refused:
        boards.move("1", "S2", "volunteer", revision=0)
    assert refused.value.message == (
        "The coordinator placed the family at S1 on 2026-03-01 at 09:00. Look at the board again."
    )
    boards.move("1", None, "coordinator")
    with pytest.raises(Conflict, match="The coordinator let the family wait on"):
        boards.move("1", "S2", "volunteer", revision=1)


def test_the_size_grows_after_placement(boards: Boards) -> None:
    boards.move("2", "S1")
    boards.move("1", "S1")
    boards.hand_over([Listed("1", 4), Listed("2", 4), Listed("3", 5), Listed("4", 4)])
    assert "The newest list has another size: persons 4, beds 4. Held are persons 3, beds 3." in boards.said()
    assert boards.column("S1").beds == 7
    with boards.session() as session:
        board.take_size(session, boards.desk(), boards.id("2"), boards.card("2").revision)
    assert (boards.card("2").held, boards.column("S1").beds, boards.said()) == ((4, 4), 8, [])
    boards.hand_over([Listed("1", 4), Listed("2", 9), Listed("3", 5), Listed("4", 4)])
    with (
        pytest.raises(Conflict, match=r"needs 9 beds\. Left there: family places 2, beds 8"),
        boards.session() as session,
    ):
        board.take_size(session, boards.desk(), boards.id("2"), boards.card("2").revision)


def test_grandmother_stays_home_and_her_bed_is_free_for_others(boards: Boards) -> None:
    boards.move("3", "S1")
    boards.move("1", "S1")
    boards.hand_over([Listed("1", 4), Listed("2", 4), Listed("3", 4), Listed("4", 4)])
    with pytest.raises(Conflict, match=r"needs 4 beds\. Left there: family places 1, beds 3"):
        boards.move("2", "S1")
    with boards.session() as session:
        board.take_size(session, boards.desk(), boards.id("3"), boards.card("3").revision)
    boards.move("2", "S1")
    assert (boards.column("S1").beds_left, boards.said()) == (0, [])


def test_a_family_without_wishes_may_take_any_stay_of_the_region(boards: Boards) -> None:
    boards.move("3", "S2")
    card = boards.card("3")
    assert (card.wishes, [str(one.text) for one in card.notices]) == ((), [])
    boards.move("2", "S1")
    assert [str(one.text) for one in boards.card("2").notices] == ["It did not wish for S1."]


def test_a_family_on_no_list_any_more_can_only_be_freed(boards: Boards) -> None:
    boards.move("1", "S1", lock=True)
    boards.hand_over([Listed("2", 3), Listed("3", 5), Listed("4", 4)])
    assert "It is on no list any more and still holds a place. Free it." in boards.said()
    assert boards.column("S1").beds == 4
    with pytest.raises(Conflict, match="on no list any more"):
        boards.move("1", "S2")
    boards.move("1", None)
    assert (boards.board().card(boards.id("1")), boards.column("S1").beds, boards.said()) == (None, 0, [])
    with pytest.raises(NotFound):
        boards.move("1", "S1", revision=2)
    with pytest.raises(NotFound):
        boards.undo()


def test_undo_takes_back_ones_own_newest_change_and_then_the_one_before(boards: Boards) -> None:
    boards.move("1", "S1")
    boards.move("2", "S2", "coordinator")
    boards.move("1", "S2", lock=True)
    boards.undo()
    assert (boards.at("1"), boards.card("1").locked, boards.at("2")) == ("S1", False, "S2")
    boards.undo()
    assert boards.at("1") is None
    with pytest.raises(Conflict, match="no change of yours to undo"):
        boards.undo()
    boards.undo("coordinator")
    assert boards.at("2") is None


def test_undo_is_refused_where_somebody_else_was_there_since(boards: Boards) -> None:
    boards.move("1", "S1")
    boards.move("1", "S2", "coordinator")
    with pytest.raises(Conflict, match="The coordinator placed the family at S2"):
        boards.undo()
    # Also where it stands again as it did.
    boards.move("1", "S1", "coordinator")
    with pytest.raises(Conflict, match="The coordinator placed the family at S1"):
        boards.undo()


def test_undo_is_refused_where_the_old_place_is_taken(boards: Boards) -> None:
    boards.add_stay("T1", families=1, beds=10)
    boards.move("1", "T1")
    boards.move("1", "S1")
    boards.move("2", "T1", "coordinator")
    with pytest.raises(Conflict, match="T1 has no room for it"):
        boards.undo()
    assert (boards.at("1"), boards.at("2")) == ("S1", "T1")


def test_undo_gives_back_beds_locks_and_sizes(boards: Boards) -> None:
    boards.move("3", "S1")
    with boards.session() as session:
        board.set_beds(session, boards.desk(), boards.id("3"), 1, 3)
    boards.move("3", "S1", lock=True)
    boards.undo()
    assert boards.card("3").locked is False
    boards.undo()
    assert (boards.card("3").held, boards.card("3").beds) == ((5, 5), 5)


def offer(boards: Boards, key: str, state: str = "open") -> None:
    with boards.session() as session:
        session.execute(
            text(
                """INSERT INTO offer (tenant_id, season_id, municipality_id, family_key, stay_id, state, via, deadline,
                    made_at) SELECT tenant_id, season_id, municipality_id, family_key, stay_id, :state, 'letter', now(),
                    now() FROM placement WHERE family_key = :key"""
            ),
            {"key": key, "state": state},
        )


@pytest.mark.parametrize("state", ["open", "accepted"])
def test_a_place_that_is_offered_is_not_moved(boards: Boards, state: str) -> None:
    boards.move("1", "S1")
    offer(boards, "1", state)
    assert boards.card("1").offer == state
    for code in ("S2", None):
        with pytest.raises(Conflict, match=r"Its place at S1 is offered to the family\. Withdraw the offer first"):
            boards.move("1", code)
    with pytest.raises(Conflict, match="offered to the family"):
        boards.undo()
    boards.move("1", "S1", lock=True)
    assert boards.card("1").locked


def test_a_cancelled_stay_and_one_made_smaller_show_at_once(boards: Boards) -> None:
    camp, by = boards.camp, boards.camp.actor("coordinator")
    boards.move("1", "S1", lock=True)
    boards.move("2", "S2")
    boards.move("3", "S2")
    before = boards.board().stamp
    with boards.session() as session:
        session.execute(text("UPDATE stay SET person_places = 8 WHERE id = :id"), {"id": boards.stays["S2"]})
        seasons.cancel_stay(session, camp.organisation, boards.stays["S1"], "The roof leaks", by)
    assert boards.board().stamp != before
    assert boards.said() == ["Its stay is cancelled. Choose another.", "S2 is over-full: 8 beds are held of 6."]
    assert (boards.at("1"), boards.column("S2").beds_left) == (None, 0)
    with pytest.raises(Conflict, match="S2 has no room for it"):
        boards.move("1", "S2")
    with pytest.raises(Conflict, match="The stay is cancelled, or none of this season"):
        boards.move("4", "S1")
    # Whoever is there may be locked, which takes no room.
    boards.move("2", "S2", lock=True)
    boards.move("1", None)
    assert boards.card("1").held is None


def test_no_child_of_the_age_shows_on_the_card(boards: Boards) -> None:
    boards.camp.add(stay("K1", date(2026, 7, 4), min_child_age=12, max_child_age=13, min_families=0))
    boards.move("1", "K1", lock=True)
    assert boards.said() == ["It has no child from 12 to 13 years on the first day of K1."]


def test_together_and_apart_and_locks_that_contradict_each_other(boards: Boards) -> None:
    one, two, three = (boards.id(key) for key in "123")
    with boards.session() as session:
        group = add_group(session, boards.desk(), "together", [one, two])
    with pytest.raises(Conflict, match="said of these families already"), boards.session() as session:
        add_group(session, boards.desk(), "together", [two, one])
    with pytest.raises(Refused, match="two families or more"), boards.session() as session:
        add_group(session, boards.desk(), "apart", [one, one])
    with pytest.raises(NotFound), boards.session() as session:
        add_group(session, boards.desk(), "apart", [one, FamilyId(boards.uvik, "99")])
    assert boards.said() == []
    boards.move("1", "S1", lock=True)
    assert "They are to be kept together, and are not at one stay." in boards.said()
    boards.move("2", "S2", lock=True)
    assert [one for one in boards.said() if "placed by hand" in one] == [
        "This family is placed by hand at S2, and one that it is kept together with at S1."
    ]
    with boards.session() as session:
        add_group(session, boards.desk(), "apart", [one, two])
        add_group(session, boards.desk(), "apart", [two, three])
    assert any("kept together and apart" in one for one in boards.said())
    with pytest.raises(Conflict, match="kept apart from Berit Berg, at S2"):
        boards.move("3", "S2")
    with boards.session() as session:
        remove_group(session, boards.desk(), group)
    assert boards.said() == []
    with pytest.raises(NotFound), boards.session() as session:
        remove_group(session, boards.desk(), group)


def test_those_who_met_before_they_were_to_be_kept_apart(boards: Boards) -> None:
    boards.move("1", "S1")
    boards.move("2", "S1")
    with boards.session() as session:
        add_group(session, boards.desk(), "apart", [boards.id("1"), boards.id("2")])
    assert boards.said() == ["They are to be kept apart, and are both at S1."]


def test_the_same_child_on_two_lists_shows_on_both_cards(boards: Boards) -> None:
    rows = [Listed("1", 2)]
    boards.hand_over([Listed("1", 2), Listed("5", 2)])
    boards.hand_over(rows)
    assert boards.said() == []
    boards.camp.as_owner("UPDATE district_municipality SET code = NULL WHERE name = 'Nabovik'")
    boards.hand_over(rows, "Nabovik")
    assert boards.said() == ["The same child seems to be in both families."]


def test_few_families_and_volunteers_are_good_to_know(boards: Boards) -> None:
    said = [str(one.text) for one in boards.board().notices if one.severity == "info"]
    assert "S1 has 0 families so far; it is held with 2 or more." in said
    assert "S1 has 0 of 2 volunteers confirmed." in said


def test_another_organisation_sees_and_moves_nothing(boards: Boards) -> None:
    boards.move("1", "S1")
    with pytest.raises(NotFound), boards.camp.session(boards.camp.municipality.id) as session:
        board.move(session, boards.desk(), boards.id("1"), 1, None)
    with pytest.raises(NotFound), boards.session() as session:
        board.move(session, boards.desk(), FamilyId(UUID(int=1), "1"), 0, boards.stays["S1"])
    assert boards.at("1") == "S1"
