"""The cases that volunteers know by name, each with what the family is told."""

from typing import Any

import pytest

from service.allocation import repack, solver
from service.allocation.priority import commitment, lot, new_seed
from tests.allocation.conftest import Files
from tests.allocation.rows import condition, family, stay


def told(files: Files, code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in files.told()["families"] if one["family"] == code)
    return found


def places(files: Files) -> dict[str, str]:
    """Who goes where."""
    return {code: row["stay"] for code, row in files.rows().items() if row["outcome"] == "placed"}


def test_a_party_of_five_with_four_beds_left(files: Files) -> None:
    files.write([stay("S1", beds=9)], [family("F1", 5, "S1", 5), family("F2", 5, "S1", 4), family("F3", 4, "S1", 3)])
    files.solve()
    assert places(files) == {"F1": "S1", "F3": "S1"}
    assert files.rows()["F2"] | {"outcome": "waiting", "stay": "", "wish": "", "reason": "beds"} == files.rows()["F2"]
    because = told(files, "F2")["because"]
    assert "There are not enough beds left for the whole family." in because
    assert "S1, its wish 1: 5 more beds would have been needed; 0 are left." in because
    assert "Some who come after it were placed at S1: what was left was enough for them." in because


def test_family_places_full_with_beds_left(files: Files) -> None:
    files.write([stay("S1", places=1, beds=20)], [family("F1", 3, "S1", 5), family("F2", 2, "S1", 4)])
    files.solve()
    assert files.rows()["F2"]["reason"] == "family_places"
    because = told(files, "F2")["because"]
    assert "S1, its wish 1: 1 more family places would have been needed, though 17 beds are left." in because
    assert "Everybody who was placed at S1 by priority comes before it; the last is number 1." in because


def test_siblings_outside_the_age_come_along(files: Files) -> None:
    siblings = family("F1", 1, "S1", birth_dates="2021-01-01|2018-07-01|2008-01-01|1985-01-01")
    a_day_too_young = family("F2", 1, "S1", birth_dates="2018-07-02|1985-01-01")
    files.write([stay("S1")], [siblings, a_day_too_young])
    answer = files.solve()
    assert places(files) == {"F1": "S1"}
    assert answer["persons_placed"] == 4
    assert files.rows()["F2"]["outcome"] == "ineligible"
    assert "S1: no child is from 6 to 13 on its first day." in told(files, "F2")["because"]


def test_a_child_born_on_29_february_has_its_birthday_in_march(files: Files) -> None:
    born = family("F1", 1, "S1|S2", birth_dates="2016-02-29|1985-01-01")
    offered = [
        stay(code, start=start, end="2023-03-05", min_child_age="7")
        for code, start in (("S1", "2023-02-28"), ("S2", "2023-03-01"))
    ]
    files.write(offered, [born])
    files.solve()
    assert places(files) == {"F1": "S2"}
    assert files.rows()["F1"]["wish"] == "2"


def test_a_family_that_grows_after_it_was_placed(files: Files) -> None:
    offered, others = [stay("S1", beds=7)], [family("F2", 3, "S1", 4)]
    files.write(offered, [family("F1", 4, "S1", 5), *others])
    files.solve()
    before = files.folder / "before.csv"
    files.plan.rename(before)
    grown = [family("F1", 5, "S1", 5), *others]
    files.write(offered, grown)
    files.solve()
    sizes = ("--stays", files.stays, "--referrals", files.referrals)
    found = files.run("compare", before, files.plan, *sizes)
    assert found == {
        "gained": [],
        "lost": ["F2"],
        "moved": [],
        "unchanged": 1,
        "persons_before": 8,
        "persons_after": 5,
    }
    # Where both were told already, they are placed by hand, and it is said that this does not go.
    files.plan.unlink()
    files.write(offered, grown, [condition("locked", ["F1", "F2"], "S1")])
    assert "S1: The families placed here by hand need 8 beds; there are 7." in files.fails()


def test_the_grandmother_stays_home(files: Files) -> None:
    waiting = family("F2", 4, "S1", 3)
    files.write([stay("S1", beds=8)], [family("F1", 5, "S1", 5), waiting])
    files.solve()
    assert places(files) == {"F1": "S1"}
    files.write([stay("S1", beds=8)], [family("F1", 4, "S1", 5), waiting])
    files.solve()
    assert places(files) == {"F1": "S1", "F2": "S1"}


def test_a_family_without_wishes_takes_any_stay_of_its_region_the_earliest_first(files: Files) -> None:
    offered = [
        stay("S1", start="2024-07-08", end="2024-07-12"),
        stay("S2", places=1),
        stay("S3", region="Syd", start="2024-06-01"),
    ]
    anywhere = [family(f"F{at}", 3, "", 5 - at, region="Nord") for at in (1, 2)]
    nowhere = [family("F3", 3, "", region="Vest"), family("F4", 3, "")]
    files.write(offered, [*anywhere, *nowhere])
    files.solve()
    rows = files.rows()
    assert places(files) == {"F1": "S2", "F2": "S1"}
    assert (rows["F1"]["wish"], rows["F2"]["wish"]) == ("1", "2")
    assert [rows[code]["reason"] for code in ("F3", "F4")] == ["no_stay_in_region", "no_wishes"]
    assert [rows[code]["outcome"] for code in ("F3", "F4")] == ["ineligible"] * 2


def test_infants_need_no_bed_where_the_list_says_so(files: Files) -> None:
    files.write([stay("S1", beds=6)], [family("F1", 4, "S1", 5, beds="3"), family("F2", 3, "S1")])
    answer = files.solve()
    assert places(files) == {"F1": "S1", "F2": "S1"}
    assert (answer["persons_placed"], answer["beds_filled"], answer["beds"]) == (7, 6, 6)


def test_a_family_takes_a_room_of_its_own(files: Files) -> None:
    offered = [stay("S1", rooms="4|3|6")]
    files.write(offered, [family("F1", 4, "S1", 5), family("F2", 4, "S1", 4), family("F3", 4, "S1", 3)])
    files.solve()
    assert places(files) == {"F1": "S1", "F2": "S1"}
    assert files.rows()["F3"]["reason"] == "rooms"
    assert "S1, its wish 1: one more family room with 4 beds would have been needed." in told(files, "F3")["because"]


def test_a_family_too_large_for_every_stay_waits_and_is_told(files: Files) -> None:
    files.write([stay("S1", beds=6), stay("S2", beds=5)], [family("F1", 7, "S1|S2")])
    files.solve()
    assert files.rows()["F1"]["reason"] == "too_large"
    assert "S2, its wish 2, is too small for the family even when it is empty." in told(files, "F1")["because"]


def test_kept_together_families_go_to_one_stay_in_the_turn_of_the_last(files: Files) -> None:
    offered = [stay("S1", places=2), stay("S2", places=2)]
    friends = [family("F1", 3, "S1|S2", 5), family("F4", 3, "S2|S1", 2)]
    files.write(
        offered, [*friends, family("F2", 3, "S1", 4), family("F3", 3, "S2", 3)], [condition("together", ["F1", "F4"])]
    )
    files.solve()
    assert places(files) == {"F2": "S1", "F3": "S2"}
    assert "Kept together with others: F4." in told(files, "F1")["because"]
    files.write(
        [stay("S1", places=3), offered[1]], [*friends, family("F2", 3, "S1", 4)], [condition("together", ["F1", "F4"])]
    )
    files.solve()
    assert places(files) == {"F1": "S1", "F4": "S1", "F2": "S1"}


def test_families_that_must_not_meet_do_not(files: Files) -> None:
    families = [family("F1", 3, "S1", 5), family("F2", 3, "S1|S2", 4), family("F3", 3, "S1", 3)]
    files.write([stay("S1"), stay("S2")], families, [condition("apart", ["F1", "F2", "F3"])])
    files.solve()
    assert places(files) == {"F1": "S1", "F2": "S2"}
    assert files.rows()["F3"]["reason"] == "apart"
    assert "At S1 was somebody whom it must not meet when its turn came." in told(files, "F2")["because"]
    assert "S1, its wish 1: somebody is there whom it must not meet." in told(files, "F3")["because"]


def test_placed_by_hand_comes_before_priority_and_may_be_no_wish(files: Files) -> None:
    families = [family("F1", 3, "S1", 5), family("F2", 3, "S2", 1)]
    files.write([stay("S1", places=1), stay("S2")], families, [condition("locked", ["F2"], "S1")])
    files.solve("--worse-wishes", 5)
    assert files.rows()["F2"] | {"stay": "S1", "wish": "", "reason": "locked"} == files.rows()["F2"]
    assert files.rows()["F1"]["reason"] == "family_places"
    assert "S1 is none of its wishes." in told(files, "F2")["because"]


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        (
            [condition("locked", ["F1"], "S1"), condition("locked", ["F1"], "S2")],
            "F1: This family is placed by hand at several stays: S1, S2.",
        ),
        (
            [condition("locked", ["F1", "F2", "F3"], "S1")],
            "S1: 3 families are placed here by hand; there are 2 family places.",
        ),
        (
            [condition("locked", ["F1", "F2"], "S1")],
            "S1: The families placed here by hand need 7 beds; there are 6.",
        ),
        (
            [condition("locked", ["F4"], "S1")],
            "F4: This family is placed at S1, but has no child from 6 to 13 on its first day.",
        ),
        (
            [condition("together", ["F1", "F2"]), condition("locked", ["F1"], "S1"), condition("locked", ["F2"], "S2")],
            "F2: This family is placed by hand at S2, and one that it is kept together with at S1.",
        ),
        (
            [condition("together", ["F1", "F3"]), condition("locked", ["F1"], "S1")],
            "F3: This family is kept together with one that is placed by hand at S1, which it does not wish for.",
        ),
        (
            [
                condition("together", ["F1", "F2"]),
                condition("together", ["F2", "F5"]),
                condition("apart", ["F1", "F5"]),
            ],
            "These families are to be kept together and apart",
        ),
        (
            [condition("apart", ["F1", "F5"]), condition("locked", ["F1", "F5"], "S1")],
            "F1, F5: These families are to be kept apart and are all placed by hand at S1.",
        ),
        (
            [condition("together", ["F1", "F3"])],
            "These families are to be kept together, but there is no stay that each of them wishes for",
        ),
        (
            [condition("locked", ["F2", "F5"], "S3")],
            "S3: The families placed here by hand do not fit into its family rooms: one with 4 beds is wanting.",
        ),
    ],
)
def test_what_contradicts_itself_is_said_plainly(files: Files, conditions: list[dict[str, str]], said: str) -> None:
    offered = [stay("S1", places=2, beds=6), stay("S2"), stay("S3", rooms="3|3")]
    families = [
        family("F1", 3, "S1|S2", 5),
        family("F2", 4, "S1|S2", 4),
        family("F3", 2, "S2", 3) | {"wishes": "S3"},
        family("F4", 2, "S1|S2", 2, birth_dates="2005-01-01|1980-01-01"),
        family("F5", 2, "S1|S2", 4, refusals="2"),
    ]
    files.write(offered, families, conditions)
    found = files.fails()
    assert said in found
    assert "What is settled by hand contradicts itself." in found


def test_the_draw_can_be_made_again_by_anybody(files: Files) -> None:
    # printf F1 | openssl dgst -sha256 -hmac frø
    assert lot("frø", "F1") == "e1a5489e71b11e60c9976e814faf700b459116974803323afd96ec058157fddb"
    assert commitment("frø") == "845f9bbe4bed76b574d995b622f22cd767fd2279b59d42cb230f11d6db23c9d4"
    files.write([stay("S1")], [family(f"F{at}", 2, "S1") for at in range(1, 9)])
    answer = files.solve()
    assert list(files.rows()) == sorted(files.rows(), key=lambda code: lot("frø", code))
    assert answer["seed_commitment"] == commitment("frø")
    drawn = files.run("draw")
    assert drawn["commitment"] == commitment(drawn["seed"])
    assert len({new_seed() for _ in range(9)}) == 9
    assert files.run("draw", "--seed", "frø")["commitment"] == commitment("frø")


def test_points_and_who_took_part_lately(files: Files) -> None:
    families = [
        family("never", 2, "S1", 3),
        family("long-ago", 2, "S1", 5, last_participation="2020"),
        family("refused", 2, "S1", 4, last_participation="2019", refusals="1"),
        family("refused-often", 2, "S1", 3, last_participation="2019", refusals="7"),
        family("lately", 2, "S1", 5, last_participation="2021", refusals="2"),
        family("last-year", 2, "S1", 1, last_participation="2023"),
    ]
    files.write([stay("S2", start="2025-01-01", end="2025-01-05"), stay("S1")], families)
    files.solve()
    assert list(files.rows()) == ["never", "long-ago", "refused", "refused-often", "lately", "last-year"] or list(
        files.rows()
    ) == ["long-ago", "never", "refused", "refused-often", "lately", "last-year"]
    points = {one["family"]: (one["points"], one["recent"]) for one in files.told()["families"]}
    assert points == {
        "never": (50, False),
        "long-ago": (50, False),
        "refused": (48, False),
        "refused-often": (46, False),
        "lately": (66, True),
        "last-year": (10, True),
    }
    assert files.told()["season_year"] == 2024


def test_the_weights_are_the_seasons(files: Files) -> None:
    files.write([stay("S1")], [family("F1", 2, "S1", 5, last_participation="2020"), family("F2", 2, "S1", 4)])
    files.solve("--weight", "never=5")
    assert list(files.rows()) == ["F1", "F2"]
    files.solve("--weight", "never=11", "--weight", "recent_years=4")
    assert list(files.rows()) == ["F2", "F1"]
    assert files.told()["weights"] | {"never": 11, "recent_years": 4} == files.told()["weights"]
    for wrong in ("never", "never=x", "nonsense=3", "never=-1"):
        files.plan.unlink(missing_ok=True)
        assert "is no weight and whole number" in files.fails("--weight", wrong, code=2)


CROWDED = [stay("S1", beds=5), stay("S2", beds=4)]
"""By priority alone F1 takes four of the five beds that F2 needs, though four others are free."""
FAMILIES = [family("F1", 4, "S1|S2", 5), family("F2", 5, "S1", 4)]


def test_a_move_to_a_worse_wish_is_made_only_where_it_is_allowed(files: Files) -> None:
    files.write(CROWDED, FAMILIES)
    answer = files.solve("--try-worse-wishes", 2)
    assert places(files) == {"F1": "S1"}
    assert answer["if_worse_wishes_were_allowed"] == [
        {"allowed": allowed, "persons": 5, "families": 1, "moved_to_a_worse_wish": 1} for allowed in (1, 2)
    ]
    answer = files.solve("--worse-wishes", 1)
    assert places(files) == {"F1": "S2", "F2": "S1"}
    assert answer["repack"]["entered"] == ["F2"]
    assert answer["repack"]["to_a_worse_wish"] == ["F1"]
    assert [files.rows()[code]["reason"] for code in ("F1", "F2")] == ["worse_wish", "entered"]
    assert "By priority alone it would have gone to S1." in told(files, "F1")["because"]


def test_families_without_wishes_may_be_moved_within_their_region(files: Files) -> None:
    files.write(
        [CROWDED[0], stay("S2", beds=4, start="2024-07-03")],
        [family("F1", 4, "", 5, region="Nord"), family("F2", 5, "S1", 4)],
    )
    files.solve()
    assert places(files) == {"F1": "S1"}
    answer = files.solve("--move-within-region")
    assert places(files) == {"F1": "S2", "F2": "S1"}
    assert files.rows()["F1"]["reason"] == "within_region"
    assert answer["repack"]["to_a_worse_wish"] == []
    # A family that named the same stays is not moved by that.
    files.write(CROWDED, [family("F1", 4, "S1|S2", 5, region="Nord"), FAMILIES[1]])
    files.solve("--move-within-region")
    assert places(files) == {"F1": "S1"}


def test_a_move_may_give_another_family_its_better_wish(files: Files) -> None:
    offered = [stay("S1", beds=5), stay("S2", beds=5), stay("S3", beds=3)]
    families = [family("F1", 3, "S1|S3", 5), family("F2", 5, "S1|S2", 4), family("F3", 4, "S2", 3)]
    files.write(offered, families)
    files.solve()
    assert places(files) == {"F1": "S1", "F2": "S2"}
    files.solve("--worse-wishes", 1)
    assert places(files) == {"F1": "S3", "F2": "S1", "F3": "S2"}
    assert [files.rows()[code]["reason"] for code in ("F1", "F2", "F3")] == ["worse_wish", "better_wish", "entered"]


def test_of_those_who_bring_as_many_persons_the_first_in_line_enter(files: Files) -> None:
    """Two of two, or one of four: four persons more either way. The first in line is the larger here, then not."""
    offered = [stay("S1", beds=4), stay("S2", beds=4)]
    first = family("F1", 3, "S1|S2", 5)
    small = [family("F3", 2, "S1", 3), family("F4", 2, "S1", 2)]
    files.write(offered, [first, family("F2", 4, "S1", 4), *small])
    files.solve("--worse-wishes", 1)
    assert places(files) == {"F1": "S2", "F2": "S1"}
    files.write(offered, [first, family("F2", 4, "S1", 1), *small])
    files.solve("--worse-wishes", 1)
    assert places(files) == {"F1": "S2", "F3": "S1", "F4": "S1"}


def test_more_persons_come_before_priority_among_those_who_enter(files: Files) -> None:
    """The party of three comes first in line, but two of two are more persons."""
    families = [family("F1", 3, "S1|S2", 5), family("F2", 3, "S1", 4), *(family(f"F{at}", 2, "S1") for at in (3, 4))]
    files.write([stay("S1", beds=4), stay("S2", beds=4)], families)
    files.solve("--worse-wishes", 1)
    assert places(files) == {"F1": "S2", "F3": "S1", "F4": "S1"}


@pytest.mark.parametrize("answered", [(), (0, 2), (1,)], ids=["nobody", "too many in S1", "a worse wish for nothing"])
def test_what_does_not_hold_is_put_aside(
    files: Files, monkeypatch: pytest.MonkeyPatch, answered: tuple[int, ...]
) -> None:
    """Whatever the solver answers, nobody loses by it."""
    files.write(CROWDED, FAMILIES)

    def broken(*_: object, **__: object) -> solver.Answer:
        return solver.Answer(frozenset(answered), True, 1)

    monkeypatch.setattr(repack, "maximise", broken)
    answer = files.solve("--worse-wishes", 1)
    assert places(files) == {"F1": "S1"}
    assert answer["repack"] | {"fallback": True, "proven": False, "persons_more": 0} == answer["repack"]


def test_the_solver_answers_with_what_it_was_given_rather_than_with_what_breaks_a_row() -> None:
    rows = [solver.Row({0: 1, 1: 1}, None, 1)]
    assert solver.maximise(2, rows, {0: 1, 1: 2}, frozenset(), 10).ones == {1}
    assert solver.maximise(2, rows, {}, frozenset({0}), 10).ones <= {0, 1}
    impossible = [*rows, solver.Row({0: 1, 1: 1}, 2, None)]
    answer = solver.maximise(2, impossible, {0: 1, 1: 2}, frozenset({0}), 10)
    assert (set(answer.ones), answer.proven) == ({0}, False)
    with pytest.raises(ValueError, match="too large"):
        solver.maximise(1, [], {0: 2**41}, frozenset(), 10)


def test_stays_below_their_smallest_number_are_told_and_not_closed(files: Files) -> None:
    files.write([stay("S1", min_families="2"), stay("S2")], [family("F1", 3, "S1")])
    files.solve()
    assert places(files) == {"F1": "S1"}
    assert [(one["stay"], one["below_minimum"]) for one in files.told()["stays"]] == [("S1", True), ("S2", False)]


def test_shares_by_size_need_first_time_and_municipality(files: Files) -> None:
    families = [
        family("F1", 3, "S1", 5, municipality="Aarhus"),
        family("F2", 3, "S1", 4, municipality="Odense", last_participation="2010"),
        family("F3", 7, "S1", 3, municipality="Odense"),
        family("F4", 2, "", 3, municipality="Odense"),
    ]
    files.write([stay("S1", beds=6)], families)
    files.solve()
    shares = files.told()["shares"]
    assert shares["family_size"] == [
        {"kind": "3", "families": 2, "families_placed": 2, "persons": 6, "persons_placed": 6},
        {"kind": "7", "families": 1, "families_placed": 0, "persons": 7, "persons_placed": 0},
    ]
    assert [(one["kind"], one["families_placed"]) for one in shares["first_time"]] == [("no", 1), ("yes", 1)]
    assert [(one["kind"], one["families"]) for one in shares["municipality"]] == [("Aarhus", 1), ("Odense", 2)]
    assert [(one["kind"], one["families_placed"]) for one in shares["need"]] == [("3", 0), ("4", 1), ("5", 1)]


WAITING = [family("F1", 4, "S1", 5), family("F2", 4, "S1", 4), family("F3", 2, "", 3, region="Nord")]


def test_what_if_there_were_one_more_stay(files: Files) -> None:
    files.write([stay("S1", beds=4)], WAITING)
    found = files.run("what-if", *files.inputs, "--one-more", "S1")
    assert found["comparison"]["gained"] == ["F2"]
    assert found["comparison"]["lost"] == []
    assert [one["code"] for one in found["changed_stays"]] == ["S1+2"]
    twice = files.run("what-if", *files.inputs, "--one-more", "S1", "--one-more", "S1", "--out", files.plan)
    assert twice["comparison"]["gained"] == ["F2", "F3"]
    assert (twice["as_it_is"]["persons_placed"], twice["as_it_would_be"]["persons_placed"]) == (4, 10)
    assert places(files) == {"F1": "S1", "F2": "S1+2", "F3": "S1+3"}


def test_what_if_two_more_volunteers_came(files: Files) -> None:
    """They take two of the person places; only with places beside them do they bring any."""
    files.write([stay("S1", beds=8)], WAITING)
    fewer = files.run("what-if", *files.inputs, "--change", "S1.volunteers=+2")
    assert fewer["comparison"] | {"lost": ["F2"], "gained": ["F3"]} == fewer["comparison"]
    assert fewer["as_it_would_be"]["beds"] == 6
    more = ("--change", "S1.volunteers=+2", "--change", "S1.person_places=+6")
    assert files.run("what-if", *files.inputs, *more)["comparison"]["gained"] == ["F3"]
    unchanged = files.run("what-if", *files.inputs, "--change", "S1.family_places=+1")
    assert unchanged["comparison"] | {"gained": [], "lost": [], "moved": []} == unchanged["comparison"]
