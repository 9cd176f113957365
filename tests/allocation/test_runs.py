"""Runs of a season in the database: the draw committed to, what is settled, confirmed once, and explained."""

import hashlib
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.allocation import draw, runs
from service.allocation.conflicts import Contradiction
from service.allocation.models import RefusalCredit
from service.allocation.planning import child_hash, read_plan
from service.allocation.problem import Weights
from service.allocation.today import WAITING
from service.allocation.what_if import Change
from service.errors import Conflict
from service.stays.families import Traveller
from service.stays.queries import find_season
from tests.allocation.season import ADULT, AFTER, CHILD, GRANDMOTHER, Planning, family
from tests.stays.camp import DATES, TODAY, stay


def points(planning: Planning, weights: Weights, today: date = TODAY) -> None:
    with planning.camp.session(planning.tenant) as session:
        draw.publish_weights(session, planning.tenant, planning.season, weights, today, planning.by)


def shown(planning: Planning) -> draw.Draw | None:
    with planning.camp.session(planning.tenant) as session:
        return draw.draw_of(session, planning.secrets, planning.tenant, planning.season)


def test_the_seed_is_committed_to_before_the_lists_close_and_shown_with_the_first_run(planning: Planning) -> None:
    stays = planning.camp.stays
    planning.lists(*(family(f"F{number}", 3, stays["A1"]) for number in range(12)))
    committed = planning.commit()
    before = shown(planning)
    assert before is not None
    assert (before.commitment, before.in_time, before.seed) == (committed, True, None)
    assert planning.commit() == committed
    planning.confirm(planning.run())
    after = shown(planning)
    assert after is not None
    assert after.seed is not None
    assert hashlib.sha256(after.seed.encode()).hexdigest() == committed
    told = planning.told(planning.run())
    lots = {key: hmac.digest(after.seed.encode(), f"Uvik/{key}".encode(), "sha256").hex() for key in told}
    assert sorted(told, key=lambda key: told[key].rank) == sorted(told, key=lots.__getitem__)


def test_a_draw_is_never_changed(planning: Planning) -> None:
    planning.commit()
    for change in ("commitment = repeat('0', 64)", "in_time = false", "committed_at = now()"):
        with pytest.raises(DBAPIError, match="never changed"):
            planning.camp.as_owner(f"UPDATE season_draw SET {change}")


def test_a_late_draw_says_so(planning: Planning) -> None:
    planning.commit(AFTER)
    found = shown(planning)
    assert found is not None
    assert not found.in_time


def test_points_are_published_until_the_lists_close(planning: Planning) -> None:
    stays = planning.camp.stays
    planning.lists(family("poor", 3, stays["A1"], need=5, last=2010), family("new", 3, stays["A1"], need=1))
    planning.commit()
    points(planning, Weights(need=10, never=100))
    with pytest.raises(Conflict, match="The lists closed on 2026-05-08"):
        points(planning, Weights(), AFTER)
    points(planning, Weights(need=10, never=20), DATES.list_deadline)
    points(planning, Weights(need=1, never=100), DATES.list_deadline)
    assert planning.told(planning.run())["new"].rank == 1
    with planning.camp.session(planning.tenant) as session:
        assert [one.never for one in draw.published(session, planning.season)] == [100, 20, 100]


def test_nothing_is_allocated_before_its_time(planning: Planning) -> None:
    with pytest.raises(Conflict, match="Lists are handed over until 2026-05-08"):
        planning.run(today=DATES.list_deadline)
    with pytest.raises(Conflict, match="There is no draw"):
        planning.run()
    planning.commit()
    with pytest.raises(Conflict, match="No family is on a list"):
        planning.run()


def test_a_confirmed_run_is_the_plan_and_another_one_replaces_it(planning: Planning) -> None:
    stays = planning.camp.stays
    planning.lists(
        *(family(f"F{number:02}", 4, stays["A1"], stays["A2"], need=1 + number % 5) for number in range(15)),
        family("late", 3, stays["A2"], need=5, late=True),
        family("whole region", 4),
    )
    planning.commit()
    first = planning.run()
    assert planning.placed() == dict.fromkeys(planning.placed())
    assert planning.confirm(first) == 16
    told = planning.told(first)
    assert planning.placed() == {key: one.stay for key, one in told.items()} | {"late": None}
    assert told["whole region"].stay in ("A1", "A2")
    with pytest.raises(Conflict, match="already"):
        planning.confirm(first)
    second = planning.run(runs.Options(late=True))
    assert planning.told(second)["late"].rank <= 4
    planning.confirm(second)
    assert planning.placed() == {key: one.stay for key, one in planning.told(second).items()}
    assert planning.placed()["late"] is not None
    assert [planning.row(one).state for one in (first, second)] == ["replaced", "confirmed"]
    planning.confirm(first)
    assert planning.placed()["late"] is None
    with planning.camp.session(planning.tenant) as session:
        found = runs.compare_runs(session, planning.secrets, first, second)
    assert (found.gained, found.lost) == (["Uvik/late"], [])
    assert found.persons_after == (found.persons_before or 0) + 3


def test_the_same_season_and_choices_give_the_same_bytes(planning: Planning) -> None:
    stays = planning.camp.stays
    planning.lists(
        *(family(f"F{number}", 2 + number % 5, stays["A1"], stays["A2"]) for number in range(25)), family("R")
    )
    planning.commit()
    options = runs.Options(worse_wishes=3, within_region=True)
    first, second = planning.run(options), planning.run(options)
    assert planning.told(first) == planning.told(second)
    assert planning.row(first).digest == planning.row(second).digest
    assert planning.row(first).totals == planning.row(second).totals


def test_a_run_is_not_confirmed_when_something_has_changed_since(planning: Planning) -> None:
    stays = planning.camp.stays
    both = [family("F1", 3, stays["A1"]), family("F2", 3, stays["A1"])]
    planning.lists(*both)
    planning.commit()
    made = planning.run()
    planning.lists(*both, family("F3", 3, stays["A2"], municipality="Bergvik"))
    with pytest.raises(Conflict, match="Make a new run"):
        planning.confirm(made)
    made = planning.run()
    planning.lock("F1", "A2")
    with pytest.raises(Conflict, match="Make a new run"):
        planning.confirm(made)
    made = planning.run()
    planning.camp.as_owner("UPDATE stay SET family_places = 9 WHERE code = 'A1'")
    with pytest.raises(Conflict, match="Make a new run"):
        planning.confirm(made)
    planning.confirm(planning.run())
    assert planning.placed() == {"F1": "A2", "F2": "A1", "F3": "A2"}


def test_what_is_placed_by_hand_or_offered_stands(planning: Planning) -> None:
    stays = planning.camp.stays
    planning.lists(*(family(f"F{number}", 3, stays["A1"], need=number) for number in range(1, 6)))
    planning.lock("F1", "A2")
    planning.commit()
    planning.confirm(planning.run())
    assert planning.placed() == {"F1": "A2"} | dict.fromkeys(("F2", "F3", "F4", "F5"), "A1")
    planning.camp.as_owner(
        """INSERT INTO offer (tenant_id, season_id, municipality_id, family_key, stay_id, state, via, deadline, made_at)
        SELECT tenant_id, season_id, municipality_id, family_key, stay_id, 'open', 'letter', now(), now()
        FROM placement WHERE family_key = 'F2'"""
    )
    planning.camp.as_owner("UPDATE stay SET family_places = 2, min_families = 0 WHERE code = 'A1'")
    planning.confirm(planning.run())
    assert planning.placed() == {"F1": "A2", "F2": "A1", "F3": None, "F4": None, "F5": "A1"}
    told = planning.told(planning.run())
    assert (told["F2"].reason, told["F4"].reason) == ("locked", "family_places")


def test_contradicting_locks_are_said_with_the_families_names(planning: Planning) -> None:
    planning.lists(family("baby", births=[ADULT, GRANDMOTHER], contact="Nora Nybakt"), family("F2"))
    planning.lock("baby", "A1", persons=2)
    planning.commit()
    with pytest.raises(Contradiction) as refused:
        planning.run()
    [found] = refused.value.errors
    assert found.field == "Nora Nybakt"
    assert "A1" in found.message


def test_a_party_of_five_with_four_beds_left_waits_and_is_told_why(planning: Planning) -> None:
    planning.camp.as_owner("UPDATE stay SET state = 'cancelled', cancelled_at = now() WHERE code = 'A2'")
    planning.camp.as_owner("UPDATE stay SET person_places = 8 + 10")
    stays = planning.camp.stays
    planning.lists(
        family("six", 6, stays["A1"], need=5), family("five", 5, stays["A1"], need=4), family("four", 4, stays["A1"])
    )
    planning.commit()
    told = planning.told(planning.run())
    assert [told[key].outcome for key in ("six", "five", "four")] == ["placed", "waiting", "placed"]
    assert told["five"].reason == "beds"
    assert "A1, its wish 1: 5 more beds would have been needed; 0 are left." in [
        str(one) for one in told["five"].because
    ]


def test_family_places_full_with_beds_left(planning: Planning) -> None:
    planning.camp.as_owner("UPDATE stay SET family_places = 1, min_families = 0")
    stays = planning.camp.stays
    planning.lists(family("first", 3, stays["A1"], need=5), family("second", 3, stays["A1"], need=4))
    planning.commit()
    told = planning.told(planning.run())
    assert (told["first"].outcome, told["second"].reason) == ("placed", "family_places")


def test_siblings_outside_the_age_come_along_and_a_family_without_a_child_of_age_does_not(planning: Planning) -> None:
    stays = planning.camp.stays
    planning.lists(
        family("siblings", 0, stays["A1"], births=[ADULT, CHILD, date(2025, 12, 24), date(2009, 1, 1)]),
        family("grown", 0, stays["A1"], births=[ADULT, date(2009, 1, 1)]),
    )
    planning.commit()
    told = planning.told(planning.run())
    assert (told["siblings"].stay, told["siblings"].persons, told["siblings"].beds) == ("A1", 4, 4)
    assert told["grown"].reason == "no_child_of_age"


def test_an_infant_without_a_bed_and_a_family_that_grew(planning: Planning) -> None:
    stays = planning.camp.stays
    planning.lists(family("F1", 4, stays["A1"]))
    planning.commit()
    planning.confirm(planning.run())
    planning.camp.as_owner("UPDATE placement SET beds_needed = 3")
    assert planning.told(planning.run())["F1"].beds == 3
    planning.lists(family("F1", 6, stays["A1"]))
    planning.camp.as_owner("UPDATE placement SET beds_needed = NULL")
    planning.confirm(planning.run())
    [held] = planning.camp.rows(planning.tenant, "SELECT persons, beds FROM placement")
    assert held == (6, 6)


def test_whoever_left_the_list_leaves_the_stay_with_the_next_plan(planning: Planning) -> None:
    stays = planning.camp.stays
    planning.lists(family("F1", 3, stays["A1"]), family("F2", 3, stays["A1"]))
    planning.commit()
    planning.confirm(planning.run())
    planning.lists(family("F2", 3, stays["A1"]))
    assert planning.placed() == {"F1": "A1", "F2": "A1"}
    planning.confirm(planning.run())
    assert planning.placed() == {"F2": "A1"}


def test_earlier_refusals_count_for_the_child_wherever_it_is_referred(planning: Planning) -> None:
    stays = planning.camp.stays
    planning.lists(family("again", 3, stays["A1"]), family("first", 3, stays["A1"]))
    [(before,)] = planning.camp.as_owner(
        """INSERT INTO season SELECT (s2).* FROM (SELECT (jsonb_populate_record(s, jsonb_build_object('id', uuidv7(),
            'name', 'Sommer 2025', 'first_day', '2025-06-20', 'last_day', '2025-08-15', 'referral_deadline',
            '2025-05-01', 'list_deadline', '2025-05-08', 'planned_on', '2025-05-20'))) AS s2 FROM season s) AS copied
            RETURNING id"""
    )
    # Another municipality, another key, and the name in capitals: the child is the same.
    child = Traveller("AGAIN 3", CHILD)
    with planning.camp.session(planning.tenant) as session:
        credit = RefusalCredit(tenant_id=planning.tenant, season_id=before, child=child_hash(planning.secrets, child))
        credit.given_at = (
            read_plan(session, find_season(session, planning.season)).season.published_at or credit.given_at
        )
        session.add(credit)
    planning.commit()
    told = planning.told(planning.run())
    assert (told["again"].refusal_points, told["first"].refusal_points) == (8, 0)
    assert (told["again"].rank, told["first"].rank) == (1, 2)


def test_two_runs_at_once_have_numbers_of_their_own_and_one_plan_is_confirmed(planning: Planning) -> None:
    stays = planning.camp.stays
    planning.lists(*(family(f"F{number}", 3, stays["A1"]) for number in range(8)))
    planning.commit()
    barrier = Barrier(4)

    def make() -> object:
        barrier.wait()
        return planning.run()

    with ThreadPoolExecutor(4) as pool:
        made = [one.result() for one in [pool.submit(make) for _ in range(4)]]
    assert sorted(planning.row(one).number for one in made) == [1, 2, 3, 4]  # type: ignore[arg-type]

    def confirm(one: object) -> int:
        barrier.wait()
        return planning.confirm(one)  # type: ignore[arg-type]

    with ThreadPoolExecutor(4) as pool:
        assert [one.result() for one in [pool.submit(confirm, one) for one in made]] == [8] * 4
    states = sorted(planning.row(one).state for one in made)  # type: ignore[arg-type]
    assert states == ["confirmed", "replaced", "replaced", "replaced"]


def test_the_database_itself_refuses_an_overfull_stay(planning: Planning) -> None:
    planning.camp.as_owner("UPDATE stay SET family_places = 1, min_families = 0 WHERE code = 'A1'")
    planning.lock("F1", "A1")
    with pytest.raises(DBAPIError, match="no room"):
        planning.lock("F2", "A1")
    with pytest.raises(DBAPIError, match="no room"):
        planning.camp.as_owner("UPDATE placement SET beds = 41, persons = 41")
    planning.camp.as_owner("UPDATE stay SET state = 'cancelled', cancelled_at = now() WHERE code = 'A2'")
    with pytest.raises(DBAPIError, match="cancelled"):
        planning.lock("F3", "A2")


def test_what_if_keeps_nothing(planning: Planning) -> None:
    planning.camp.as_owner("UPDATE stay SET family_places = 2, min_families = 0 WHERE code = 'A1'")
    stays = planning.camp.stays
    planning.lists(*(family(f"F{number}", 3, stays["A1"]) for number in range(5)))
    planning.commit()
    made = planning.run()
    with planning.camp.session(planning.tenant) as session:
        more = runs.try_out(session, planning.secrets, made, ["A1"], [])
        places = runs.try_out(session, planning.secrets, made, [], [Change("A1", "family_places", 1)])
    assert (len(more.comparison.gained), len(places.comparison.gained)) == (2, 1)
    assert planning.row(made).totals.totals.placed == 2
    [(stored,)] = planning.camp.rows(planning.tenant, "SELECT family_places FROM stay WHERE code = 'A1'")
    assert stored == 2


def test_totals_hold_nobody(planning: Planning) -> None:
    planning.lists(family("F1", 3, planning.camp.stays["A1"], contact="Nora Nybakt"))
    planning.commit()
    made = planning.run()
    [(totals, problem, plan)] = planning.camp.rows(
        planning.tenant, "SELECT totals::text, problem, plan FROM allocation_run WHERE id = :id", id=made
    )
    for said in (totals.encode(), bytes(problem), bytes(plan)):
        assert b"Nora" not in said
        assert b"F1" not in said
    assert msgspec.json.decode(totals)["totals"]["placed"] == 1


def test_a_new_stay_comes_into_the_next_run(planning: Planning) -> None:
    planning.lists(family("F1"), family("F2"))
    planning.camp.as_owner("UPDATE stay SET family_places = 1, min_families = 0")
    planning.camp.as_owner("UPDATE stay SET state = 'cancelled', cancelled_at = now() WHERE code = 'A2'")
    planning.commit()
    assert sorted(one.outcome for one in planning.told(planning.run()).values()) == ["placed", "waiting"]
    planning.camp.add(stay("A3"))
    assert {one.outcome for one in planning.told(planning.run()).values()} == {"placed"}


def test_the_trail_tells_of_draw_run_and_plan(planning: Planning) -> None:
    planning.lists(family("F1"))
    planning.commit()
    points(planning, Weights())
    planning.confirm(planning.run())
    with planning.camp.session(planning.tenant) as session:
        found = session.execute(text("SELECT action FROM audit_entry WHERE action LIKE 'allocation.%' ORDER BY id"))
        assert list(found.scalars()) == [
            "allocation.draw.commit",
            "allocation.weights",
            "allocation.run.make",
            "allocation.run.confirm",
        ]


def test_what_waits_for_a_coordinator(planning: Planning, at: Callable[[str], None]) -> None:
    def waits() -> list[int]:
        with planning.camp.session(planning.tenant) as session:
            return [one.look(session).count for one in WAITING if one.look]

    planning.lists(family("F1"))
    assert waits() == [1, 0]
    planning.commit()
    assert waits() == [0, 0]
    at("2026-05-20T08:00Z")
    assert waits() == [0, 1]
    planning.confirm(planning.run())
    assert waits() == [0, 0]
