"""Shares to the øre, ages, weeks, languages and codes."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.travel.departures import read_clock
from service.travel.rules import age_on, code_of, grouped, language_of, locked_from, read_code, shares, week_of

COSTS, SEATS = st.integers(0, 10**9), st.dictionaries(st.text(max_size=3), st.integers(0, 400), max_size=8)


@given(COSTS, SEATS)
def test_the_parts_are_the_whole_and_each_is_fair(cost: int, seats: dict[str, int]) -> None:
    parts, used = shares(cost, seats), sum(seats.values())
    if not used:
        assert parts == {}
        return
    assert sum(parts.values()) == cost
    assert set(parts) == {whose for whose, number in seats.items() if number}
    # Nobody pays an øre or more beside the exact share.
    assert all(abs(parts[whose] * used - cost * seats[whose]) < used for whose in parts)


@given(COSTS, SEATS.filter(lambda seats: sum(seats.values()) > 0))
def test_who_has_more_seats_never_pays_less(cost: int, seats: dict[str, int]) -> None:
    parts = shares(cost, seats)
    for one in parts:
        for other in parts:
            assert seats[one] <= seats[other] or parts[one] >= parts[other]


def test_equal_remainders_are_settled_by_the_order_given() -> None:
    assert shares(100, {"a": 1, "b": 1, "c": 1}) == {"a": 34, "b": 33, "c": 33}
    assert shares(100, {"c": 1, "b": 1, "a": 1}) == {"c": 34, "b": 33, "a": 33}
    assert shares(1, {"a": 1, "b": 2}) == {"a": 0, "b": 1}


@given(st.dates(date(1930, 1, 1), date(2026, 1, 1)), st.integers(0, 40_000))
def test_an_age_goes_up_on_the_birthday(born: date, days: int) -> None:
    day = date.fromordinal(min(born.toordinal() + days, date(2100, 1, 1).toordinal()))
    birthdays = sum(
        (year, born.month, born.day) <= (day.year, day.month, day.day) for year in range(born.year + 1, day.year + 1)
    )
    assert age_on(born, day) == birthdays


def test_weeks_begin_on_monday_and_the_lock_counts_days() -> None:
    assert {week_of(date(2026, 6, 29) + timedelta(days=more)) for more in range(7)} == {date(2026, 6, 29)}
    assert locked_from(date(2026, 8, 15), 14) == date(2026, 8, 29)


def test_a_family_is_written_to_in_its_language_or_the_countrys() -> None:
    told = {"Norsk": "nb", "nb": "nb", "DANSK": "da", "English": "en", "Somali": "nb", None: "nb", "": "nb"}
    assert {language: language_of(language, "nb") for language in told} == told
    assert language_of("Somali", "da") == "da"


@given(st.binary(min_size=16, max_size=16))
def test_a_code_is_read_as_it_is_printed_however_it_is_typed(digest: bytes) -> None:
    code = code_of(digest)
    assert len(code) == 12
    for typed in (grouped(code), code.lower(), f" {code[:5]} {code[5:]} ", code.replace("0", "O").replace("1", "l")):
        assert read_code(typed) == code


def test_what_is_no_code_is_told_from_one() -> None:
    assert [read_code(one) for one in ("", "ABCD-EFGH", "ABCD-EFGH-JKMN-P", "ABCD-EFGH-JKMU")] == [None] * 4


def test_a_time_is_read_in_the_ways_that_people_write_it() -> None:
    assert {read_clock(one).isoformat() for one in ("8:30", "08:30", "08.30", "0830")} == {"08:30:00"}
    for wrong in ("", "8", "25:00", "08:60", "half past eight", "8:3"):
        try:
            read_clock(wrong)
        except ValueError:
            continue
        raise AssertionError(wrong)
