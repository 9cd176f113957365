"""The account of a season: who came, who was refused, who let a place go; closed once, with credit for the refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from sqlalchemy.exc import DBAPIError

from service.account import closing
from service.allocation.planning import read_plan, refusals_of
from service.errors import Conflict, Invalid
from service.stays import seasons, volunteers
from service.stays.queries import find_season, stays_of
from tests.account.summer import AFTERWARDS, DURING, ZONE, Summer, in_order, total
from tests.allocation.season import ADULT, CHILD, family
from tests.stays.camp import stay

At = Callable[[str], None]
ALLOCATED = "2026-05-20T08:00Z"
SIZES = (2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6)
"""Twelve families of 51 persons."""


def test_twelve_families_of_51_persons_are_refused_and_three_decline(summer: Summer, at: At) -> None:
    """Next year's season is a copy of this one, and there the twelve come earlier; the three and who came do not."""
    assert (len(SIZES), sum(SIZES)) == (12, 51)
    refused = [family(f"R{number}", size, contact=f"Refused{number}") for number, size in enumerate(SIZES)]
    others = [family(f"D{number}", 4, contact=f"Declining{number}") for number in range(3)]
    came = [family("C0", 4, contact="Coming"), family("C1", 3, contact="Happy", last=2020, municipality="Bergvik")]
    summer.lists(*refused, *others, *came)
    for number, state in enumerate(("declined", "expired", "cancelled")):
        summer.offer(f"D{number}", "A1", state)
    summer.offer("C0", "A1")
    summer.offer("C1", "A2", stay_at_home=1, municipality="Bergvik")
    at(AFTERWARDS)
    closed = summer.close()
    # The children of each of these families have one first name and birthday: they are known again as one.
    assert (closed.refused_families, closed.refused_persons, closed.credits) == (12, 51, 12)
    line = summer.report().all
    assert (line.now.refused_persons, line.now.refused_families, line.now.declined) == (51, 12, 3)
    assert (line.now.families, line.now.persons, line.now.first_timers) == (2, 6, 1)
    with summer.camp.session(summer.tenant) as session:
        made = seasons.copy_season(session, summer.tenant, summer.season, "Sommer 2027", 1, summer.by)
        assert [one.code for one in stays_of(session, made)] == ["A1", "A2"]
    following = Summer(summer.camp, made)
    following.lists(*refused, *others, *came)
    with summer.camp.session(summer.tenant) as session:
        planned = read_plan(session, find_season(session, made))
        credit = {id_.key: count for id_, count in refusals_of(session, summer.secrets, planned).items()}
    assert credit == {f"R{number}": 1 for number in range(12)}


def test_the_figures_by_municipality_and_stay(summer: Summer) -> None:
    summer.lists(
        family("B1", 4, municipality="Bergvik"), family("U1", 3), family("U2", 2, births=[ADULT, ADULT]), family("U3")
    )
    summer.offer("B1", "A1", municipality="Bergvik")
    summer.offer("U1", "A1", stay_at_home=1)
    summer.offer("U3", "A2", "open")
    with summer.camp.session(summer.tenant) as session:
        for number in range(2):
            role = volunteers.need_role(session, summer.tenant, summer.stay("A1"), "helper", summer.by)
            email = f"{number}@ferie.example"
            who = volunteers.keep_volunteer(session, summer.tenant, None, f"V{number}", "", email, summer.by)
            volunteers.note_certificate(session, summer.tenant, who, date(2026, 2, 1), date(2026, 3, 1), summer.by)
            volunteers.ask_for_role(session, summer.tenant, role, who, summer.by)
            if number:
                volunteers.confirm_role(session, summer.tenant, role, summer.by)
    found = {(one.municipality_id, one.stay_id): one for one in summer.counted().rows}
    bergvik, uvik = summer.camp.place("Bergvik"), summer.camp.place("Uvik")
    assert set(found) == {
        (None, summer.stay("A1")),
        (None, summer.stay("A2")),
        *((summer.camp.place(name), None) for name in ("Bergvik", "Nabovik", "Uvik")),
        (bergvik, summer.stay("A1")),
        (uvik, summer.stay("A1")),
    }
    assert total([found[None, summer.stay("A1")]]) == {"volunteers": 1}
    ours = {"families": 1, "persons": 2, "children": 1, "adults": 1, "first_timers": 1}
    assert total([found[uvik, summer.stay("A1")]]) == ours
    # Two adults alone could go to no stay, and who has not answered is neither refused nor there.
    assert total([found[uvik, None]]) == {}


@pytest.mark.parametrize(
    ("states", "became"),
    [
        ((), "refused"),
        (("stay_cancelled",), "refused"),
        (("withdrawn",), "refused"),
        (("stay_cancelled", "declined"), "declined"),
        (("stay_cancelled", "accepted"), "families"),
        (("declined", "accepted"), "families"),
        (("expired", "withdrawn"), "declined"),
        (("open",), None),
    ],
)
def test_only_offers_that_the_family_let_go_are_no_refusal(
    summer: Summer, at: At, states: tuple[str, ...], became: str | None
) -> None:
    at(ALLOCATED)
    summer.lists(family("F1", 4))
    for state in states:
        summer.offer("F1", "A1", state)
    summer.camp.as_owner(
        "UPDATE placement SET stay_id = NULL WHERE NOT EXISTS (SELECT FROM offer WHERE state IN ('open', 'accepted'))"
    )
    found = total(summer.counted().rows)
    wanted = {"refused": {"refused_families": 1, "refused_persons": 4}, "declined": {"declined": 1}}
    came = {"families": 1, "persons": 4, "children": 2, "adults": 2, "first_timers": 1}
    assert found == (came if became == "families" else wanted.get(str(became), {}))


def test_nobody_is_refused_before_the_day_on_which_places_are_allocated(summer: Summer, at: At) -> None:
    summer.lists(family("F1", 4))
    at("2026-05-19T21:59Z")
    assert total(summer.counted().rows) == {}
    at("2026-05-19T22:01Z")
    assert total(summer.counted().rows) == {"refused_families": 1, "refused_persons": 4}


def test_whose_only_stay_was_cancelled_is_refused_and_whose_place_was_moved_is_not(summer: Summer, at: At) -> None:
    at(ALLOCATED)
    wished = summer.stay("A2")
    summer.lists(family("F1", 3, wished), family("F2", 3, wished), family("F3", 3, wished))
    summer.offer("F2", "A2")
    summer.offer("F3", "A2")
    summer.cancel("A2")
    summer.place_at("F3", "A1")
    assert total(summer.counted().rows) == {"refused_families": 2, "refused_persons": 6}


def test_a_family_referred_late_counts_where_a_stay_began_after_its_list_came(summer: Summer, at: At) -> None:
    summer.camp.add(stay("B1", date(2026, 7, 11)))
    early, late = summer.stay("A1"), summer.stay("B1")
    in_time = family("F0", 3, early)
    # A1 begins on 27 June: by the clock in Oslo the list of the evening before has come on that day.
    for instant, counts in (("2026-06-26T21:00Z", 2), ("2026-06-26T23:00Z", 1)):
        at(instant)
        summer.camp.as_owner(
            """DELETE FROM received_wish; DELETE FROM received_traveller; DELETE FROM received_family;
            DELETE FROM received_list"""
        )
        summer.lists(in_time, family("F1", 3, early, late=True))
        assert total(summer.counted().rows)["refused_families"] == counts
        at("2026-07-20T08:00Z")
        # The next version says again what the first said: it is the first that counts.
        summer.lists(in_time, family("F1", 3, early, late=True))
        assert total(summer.counted().rows)["refused_families"] == counts
    summer.lists(in_time, family("F1", 3, early, late=True), family("F2", 3, late, late=True))
    assert total(summer.counted().rows)["refused_families"] == 1


def test_who_is_on_no_list_any_more_is_not_refused_but_counts_where_they_came(summer: Summer) -> None:
    summer.lists(family("F1", 3), family("F2", 3), family("F3", 3))
    summer.offer("F1", "A1")
    summer.offer("F2", "A1", "withdrawn")
    summer.lists(family("F9", 2, births=[ADULT, ADULT]))
    assert total(summer.counted().rows) == {
        "families": 1,
        "persons": 3,
        "children": 1,
        "adults": 2,
        "first_timers": 1,
    }


def test_no_credit_for_a_child_that_was_offered_a_place_with_another_family(summer: Summer, at: At) -> None:
    births = [ADULT, CHILD]
    summer.lists(
        family("F1", births=births, contact="Same"), family("F2", births=births, contact="Same", municipality="Bergvik")
    )
    summer.offer("F2", "A1", municipality="Bergvik")
    at(AFTERWARDS)
    closed = summer.close()
    assert (closed.refused_families, closed.credits, summer.credits()) == (1, 0, 0)


def test_an_account_is_closed_once_and_never_changed(summer: Summer, at: At) -> None:
    summer.lists(family("F1", 3))
    at(DURING)
    with pytest.raises(Conflict, match="lasts until 2026-08-15"):
        summer.close()
    at("2026-08-15T21:00Z")
    with pytest.raises(Conflict, match="lasts until"):
        summer.close()
    at(AFTERWARDS)
    live = summer.counted().rows
    assert summer.kept()[0] is False
    summer.close()
    with pytest.raises(Conflict, match="closed already"):
        summer.close()
    closed, kept = summer.kept()
    assert (closed, in_order(kept)) == (True, in_order(live))
    # What comes afterwards changes nothing.
    summer.offer("F1", "A1")
    assert summer.kept() == (closed, kept)
    assert total(summer.counted().rows) != total(kept)
    for statement, because in (
        ("UPDATE season_account SET refused_persons = 0", "permission denied"),
        ("DELETE FROM season_closing", "permission denied"),
        (
            """INSERT INTO season_account (tenant_id, season_id, stay_id, families, persons, children, adults,
                first_timers, volunteers, refused_families, refused_persons, declined)
            SELECT tenant_id, season_id, stay_id, 0, 0, 0, 0, 0, 0, 0, 9, 0 FROM season_account
            WHERE municipality_id IS NULL LIMIT 1""",
            "account of the season is closed",
        ),
    ):
        with pytest.raises(DBAPIError, match=because):
            summer.camp.rows(summer.tenant, statement)
    with pytest.raises(DBAPIError, match="append-only"):
        summer.camp.as_owner("UPDATE season_account SET refused_persons = 0")
    told = summer.camp.rows(summer.tenant, "SELECT details FROM audit_entry WHERE action = 'account.close'")
    assert told == [({"counts": {"families": 0, "refused_families": 1, "refused_persons": 3}},)]


def test_two_who_close_at_once_close_it_once(summer: Summer, at: At) -> None:
    summer.lists(family("F1", 3), family("F2", 4))
    at(AFTERWARDS)
    both = Barrier(4)

    def close(_: int) -> str:
        both.wait()
        try:
            return f"{summer.close().refused_families} refused"
        except Conflict:
            return "closed already"

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(close, range(4))) == ["2 refused", *["closed already"] * 3]
    assert summer.credits() == 2
    assert total(summer.kept()[1]) == {"refused_families": 2, "refused_persons": 7}


def test_the_days_that_names_are_kept_are_the_seasons_and_reach_its_municipalities(summer: Summer) -> None:
    def days(tenant: object, table: str) -> int:
        [(found,)] = summer.camp.rows(tenant, f"SELECT names_kept_days FROM {table}")  # type: ignore[arg-type]
        return int(found)

    municipality = summer.camp.municipality.id
    assert (days(summer.tenant, "season"), days(municipality, "offered_season")) == (180, 180)
    with summer.camp.session(summer.tenant) as session:
        closing.set_names_kept(session, summer.tenant, summer.season, 90, summer.by)
    assert (days(summer.tenant, "season"), days(municipality, "offered_season")) == (90, 90)
    with summer.camp.session(summer.tenant) as session:
        for wrong in (29, 731):
            with pytest.raises(Invalid) as found:
                closing.set_names_kept(session, summer.tenant, summer.season, wrong, summer.by)
            assert [error.message for error in found.value.errors] == ["must be 30 to 730 days"]
        state = closing.account_state(session, summer.tenant, summer.season)
        made = seasons.copy_season(session, summer.tenant, summer.season, "Sommer 2027", 1, summer.by)
        assert closing.account_state(session, summer.tenant, made).names_kept_days == 90
    assert state.names_go_on == date(2026, 11, 13)
    assert summer.organisation.time_zone == ZONE


def test_who_was_noted_as_not_come_is_counted_and_stays_in_the_account(summer: Summer, at: At) -> None:
    summer.lists(family("F1", 4), family("F2", 3))
    summer.offer("F1", "A1", stay_at_home=1)
    summer.offer("F2", "A1")
    summer.camp.as_owner(
        """INSERT INTO attendance (tenant_id, offer_id, place, state, noted_at)
        SELECT t.tenant_id, t.offer_id, t.place, CASE WHEN o.family_key = 'F1' THEN 'not_come' ELSE 'came' END, now()
        FROM offer_traveller t JOIN offer o ON o.id = t.offer_id WHERE t.comes"""
    )
    at("2026-08-16T08:00Z")
    summer.close()
    counted = total(summer.kept()[1])
    assert (counted["persons"], counted["no_shows"]) == (6, 3)
