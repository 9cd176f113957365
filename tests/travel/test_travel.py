"""Departures, who meets where, and what it costs the municipalities."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, time, timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from service.database.checks import run_checks
from service.errors import Conflict, Invalid, NotFound
from service.stays import seasons
from service.travel import charges, departures, packing, queries
from service.travel.checks import CHECKS
from tests.travel.trip import BERGEN, ON_THE_DAY, OSLO, Trip

At = Callable[[str], None]


def test_seats_are_counted_by_who_comes_along(trip: Trip) -> None:
    trip.accepted("one", 4, stays_home=1)
    trip.accepted("two", 5, "Bergvik")
    trip.accepted("three", 2, point=None)
    trip.accepted("four", 2, state="declined")
    trip.departs(seats=9)
    trip.departs(BERGEN, seats=20)
    points = trip.points()
    assert [(one.name, one.families, one.travellers, one.left) for one in points.values()] == [
        (OSLO, 2, 8, 1),
        (BERGEN, 0, 0, 20),
    ]
    assert not points[OSLO].is_short
    nowhere = [one for one in trip.families() if one.assembly_point is None]
    assert [(one.name, one.phone, len(one.travellers)) for one in nowhere] == [("Family three", "90000000", 2)]
    with trip.camp.session(trip.tenant) as session:
        departures.meet_at(session, trip.tenant, trip.stay_id, nowhere[0].offer_id, OSLO, trip.by)
    assert (trip.points()[OSLO].left, trip.points()[OSLO].is_short) == (-1, True)


def test_where_a_family_meets_is_a_point_of_its_stay(trip: Trip) -> None:
    offer, gone = trip.accepted("one", point=None), trip.accepted("two", state="declined")
    with trip.camp.session(trip.tenant) as session:
        with pytest.raises(Invalid):
            departures.meet_at(session, trip.tenant, trip.stay_id, offer, "Kiel", trip.by)
        with pytest.raises(NotFound):
            departures.meet_at(session, trip.tenant, trip.stay_id, gone, OSLO, trip.by)
        with pytest.raises(NotFound):
            departures.meet_at(session, trip.tenant, trip.camp.stays["B1"], offer, OSLO, trip.by)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("assembly_point", "Kiel"),
        ("seats", 0),
        ("seats", 2001),
        ("cost_ore", -1),
        ("leaves_on", date(2026, 6, 25)),
        ("leaves_on", date(2026, 7, 5)),
    ],
)
def test_a_departure_that_cannot_be_is_told(trip: Trip, field: str, wrong: object) -> None:
    values = {"point": OSLO} | {field if field != "assembly_point" else "point": wrong}
    with pytest.raises(Invalid) as told:
        trip.departs(**values)  # type: ignore[arg-type]
    assert [one.field for one in told.value.errors] == [field if field != "cost_ore" else "cost"]


def test_there_is_one_departure_from_a_point(trip: Trip) -> None:
    made = trip.departs(leaves_on=date(2026, 6, 26), leaves_at=time(22))
    with pytest.raises(Conflict):
        trip.departs()
    trip.change(made, seats=20, cost_ore=None)
    with trip.camp.session(trip.tenant) as session:
        row = queries.find_departure(session, made)
        assert (row.seats, row.cost_ore, row.currency, row.clock) == (20, None, "NOK", "22:00")
        departures.remove_departure(session, trip.tenant, made, trip.by)
    with pytest.raises(NotFound):
        trip.change(made, seats=3)
    assert trip.trail() == ["travel.departure.keep"] * 2 + ["travel.departure.remove"]


def test_nobody_travels_to_a_cancelled_stay(trip: Trip) -> None:
    with trip.camp.session(trip.tenant) as session:
        seasons.cancel_stay(session, trip.tenant, trip.stay_id, "Fire", trip.by)
    with pytest.raises(Conflict):
        trip.departs()


def test_a_cost_is_shared_by_seats_and_fixed_with_the_first_invoice(trip: Trip, at: At) -> None:
    trip.accepted("one", 4)
    trip.accepted("two", 3, "Bergvik")
    trip.accepted("three", 2, "Nabovik", stays_home=1)
    made = trip.departs(cost_ore=1_000_001)
    # Exact: 500,000.5 and 375,000.375 and 125,000.125.
    shared = {"Bergvik": 375_000, "Nabovik": 125_000, "Uvik": 500_001}
    assert trip.amounts() == shared
    with pytest.raises(Conflict, match="left"):
        trip.step("invoice")
    at(ON_THE_DAY)
    assert trip.step("invoice", "Bergvik") == 1
    trip.accepted("four", 5, "Bergvik")
    assert trip.amounts() == shared
    assert {one.municipality: one.state for one in trip.lines()} == {
        "Bergvik": "invoiced",
        "Nabovik": "to_invoice",
        "Uvik": "to_invoice",
    }
    for changes in ({"cost_ore": 5}, {"assembly_point": BERGEN}):
        with pytest.raises(Conflict, match="invoiced"):
            trip.change(made, **changes)
    trip.change(made, note="It waits ten minutes", seats=60)
    with trip.camp.session(trip.tenant) as session, pytest.raises(Conflict, match="invoiced"):
        departures.remove_departure(session, trip.tenant, made, trip.by)
    with pytest.raises(Conflict):
        trip.step("pay", "Uvik")
    assert (trip.step("invoice", "Uvik"), trip.step("pay", "Bergvik")) == (1, 1)
    with pytest.raises(Conflict):
        trip.step("pay", "Bergvik")
    assert trip.amounts() == shared


def test_the_database_itself_changes_no_amount(trip: Trip, at: At) -> None:
    trip.accepted("one", 4)
    trip.accepted("two", 3, "Bergvik")
    trip.departs()
    at(ON_THE_DAY)
    trip.step("invoice")
    for statement in (
        "UPDATE travel_charge SET amount_ore = amount_ore + 1",
        "UPDATE travel_charge SET seats = 9",
        "UPDATE departure SET cost_ore = 1",
        "UPDATE departure SET fixed_at = NULL",
        "UPDATE travel_charge SET state = 'paid', paid_on = '2026-06-27', invoiced_on = '2026-06-27' "
        "WHERE state = 'to_invoice'",
        "DELETE FROM travel_charge",
    ):
        with pytest.raises(DBAPIError), trip.camp.session(trip.tenant) as session:
            session.connection().exec_driver_sql(statement)
    unshared = trip.departs(BERGEN, cost_ore=7)
    with pytest.raises(DBAPIError, match="not its cost"), trip.camp.session(trip.tenant) as session:
        session.connection().exec_driver_sql(f"UPDATE departure SET fixed_at = now() WHERE id = '{unshared}'")


def test_days_of_invoices_and_payments_are_days_that_were(trip: Trip, at: At) -> None:
    trip.accepted("one", 4)
    trip.departs()
    at("2026-07-10T08:00Z")
    with pytest.raises(Invalid, match="cannot be kept"):
        trip.step("invoice", on=date(2026, 7, 11))
    trip.step("invoice", on=date(2026, 7, 9))
    with pytest.raises(Invalid, match="cannot be kept"):
        trip.step("pay", on=date(2026, 7, 8))
    trip.step("pay", on=date(2026, 7, 10))
    [line] = trip.lines()
    assert (line.state, line.invoiced_on, line.paid_on) == ("paid", date(2026, 7, 9), date(2026, 7, 10))
    for seen, stands in (("paid", "invoiced"), ("invoiced", "to_invoice")):
        with trip.camp.session(trip.tenant) as session:
            charges.take_back(
                session, trip.tenant, trip.camp.season, line.municipality_id, line.departure_id, seen, trip.by
            )
            assert charges.lines_of(session, trip.camp.season)[0].state == stands
    with trip.camp.session(trip.tenant) as session, pytest.raises(Conflict):
        charges.take_back(
            session, trip.tenant, trip.camp.season, line.municipality_id, line.departure_id, "paid", trip.by
        )
    [line] = trip.lines()
    assert (line.amount_ore, line.invoiced_on, line.paid_on) == (1_000_000, None, None)


def test_two_who_invoice_at_once_share_one_cost(trip: Trip, at: At) -> None:
    places = ("Uvik", "Bergvik", "Nabovik")
    for number, place in enumerate(places):
        trip.accepted(str(number), 2 + number, place)
    trip.departs(cost_ore=1_000_003)
    at(ON_THE_DAY)
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda place: trip.step("invoice", place), places)) == [1, 1, 1]
    assert sum(one.amount_ore or 0 for one in trip.lines()) == 1_000_003
    assert {one.state for one in trip.lines()} == {"invoiced"}


def test_of_two_clicks_one_invoices(trip: Trip, at: At) -> None:
    trip.accepted("one")
    trip.departs()
    at(ON_THE_DAY)

    def click(_: int) -> bool:
        try:
            return trip.step("invoice") == 1
        except Conflict:
            return False

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(click, range(2))) == [False, True]


def test_an_unknown_cost_is_nobodys_yet(trip: Trip, at: At) -> None:
    trip.accepted("one")
    trip.departs(cost_ore=None)
    at(ON_THE_DAY)
    assert trip.amounts() == {"Uvik": None}
    with pytest.raises(Conflict):
        trip.step("invoice")
    with trip.camp.session(trip.tenant) as session:
        [cost] = charges.costs_of(session, trip.camp.season, date(2026, 6, 27))
        assert (cost.total(), cost.left, cost.seats) == (0, 0, 3)


def test_a_file_has_a_line_for_each_part(trip: Trip) -> None:
    trip.accepted("one", 1)
    trip.accepted("two", 1, "Bergvik")
    trip.departs(cost_ore=1_001)
    lines = charges.as_file(trip.lines()).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("municipality;stay;assembly_point")
    assert lines[1:] == [
        f"Bergvik;A1;{OSLO};2026-06-27;1;5.01;NOK;to_invoice;;",
        f"Uvik;A1;{OSLO};2026-06-27;1;5.00;NOK;to_invoice;;",
    ]


def test_a_copied_season_has_the_departures_and_nobody_of_the_last_one(trip: Trip, at: At) -> None:
    offer = trip.accepted("one", needs={"diet": "no nuts"})
    trip.departs(leaves_on=date(2026, 6, 26), leaves_at=time(22, 15), note="By night")
    at(ON_THE_DAY)
    trip.note(offer, None, "came")
    trip.step("invoice")
    trip.codes()
    with trip.camp.session(trip.tenant) as session:
        packing.keep_texts(session, trip.tenant, trip.stay_id, {"nb": "Regntøy\nStøvler", "da": ""}, trip.by)
        made = seasons.copy_season(session, trip.tenant, trip.camp.season, "Sommer 2027", 1, trip.by)
    rows = trip.camp.rows(
        trip.tenant,
        """SELECT d.assembly_point, d.place, d.leaves_on, d.leaves_at, d.carrier, d.seats, d.cost_ore, d.note,
            d.fixed_at FROM departure d JOIN stay s ON s.id = d.stay_id WHERE s.season_id = :s""",
        s=made,
    )
    day = date(2026, 6, 26) + timedelta(weeks=52)
    assert rows == [(OSLO, "Platform 7", day, time(22, 15), "Fjordbuss", 50, None, "By night", None)]
    texts = "SELECT language, bring FROM packing_text WHERE season_id = :s"
    assert trip.camp.rows(trip.tenant, texts, s=made) == [("nb", "Regntøy\nStøvler")]
    for people in ("offer", "placement", "received_list"):
        assert trip.camp.rows(trip.tenant, f"SELECT count(*) FROM {people} WHERE season_id = :s", s=made) == [(0,)]
    for people in ("opinion_code", "opinion"):
        of_stays = f"SELECT count(*) FROM {people} o JOIN stay s ON s.id = o.stay_id WHERE s.season_id = :s"
        assert trip.camp.rows(trip.tenant, of_stays, s=made) == [(0,)]
    charged = (
        "SELECT count(*) FROM travel_charge c JOIN departure d ON d.id = c.departure_id JOIN stay s ON s.id = d.stay_id"
    )
    assert trip.camp.rows(trip.tenant, f"{charged} WHERE s.season_id = :s", s=made) == [(0,)]


def test_the_lock_is_set_in_days(trip: Trip) -> None:
    with trip.camp.session(trip.tenant) as session:
        assert queries.lock_of(session, trip.camp.season) == date(2026, 8, 29)
        departures.set_lock(session, trip.tenant, 3, trip.by)
        session.flush()
        assert queries.lock_of(session, trip.camp.season) == date(2026, 8, 18)
        with pytest.raises(Invalid):
            departures.set_lock(session, trip.tenant, 181, trip.by)


def test_the_check_finds_parts_that_are_not_the_whole(trip: Trip, at: At) -> None:
    trip.accepted("one")
    trip.departs()
    trip.departs(BERGEN, cost_ore=None)
    at(ON_THE_DAY)
    trip.step("invoice")

    def found() -> list[str]:
        results, _ = run_checks(trip.camp.database.owner_url, CHECKS, lambda _: 0)
        return [line for result in results for line in result.found]

    assert found() == []
    trip.camp.as_owner("ALTER TABLE travel_charge DISABLE TRIGGER unchanged")
    trip.camp.as_owner("UPDATE travel_charge SET amount_ore = amount_ore - 1")
    trip.camp.as_owner("DROP TRIGGER traveller ON attendance")
    wrong, gone, off = found()
    assert "are 999999 øre and not its cost of 1000000" in wrong
    assert [off, gone] == [
        "The trigger unchanged of travel_charge is switched off.",
        "The trigger traveller of attendance is gone.",
    ]
