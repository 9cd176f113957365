"""Who is next: the policy of the waiting list against a plain walk through it, and the rules of answers."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.allocation.problem import Conditions, Family, Problem, Stay
from service.allocation.season import Season
from service.offers.order import Held, line_up, passed_over
from service.offers.rules import deadline_of, language_of, mobile, read_code, wrong_party
from service.stays.families import Traveller
from service.values import pass_numbers

START = date(2026, 6, 27)
CODES = ("A", "B", "C")


@st.composite
def lines(draw: st.DrawFn) -> tuple[Season, dict[str, Held], list[str], list[str], list[str]]:
    """A few stays and families, some of which hold a place, wait, or were referred late."""
    stays = tuple(
        Stay(
            code,
            "Vest",
            START,
            START + timedelta(days=7),
            draw(st.integers(1, 4)),
            draw(st.integers(3, 14)),
            2,
            6,
            13,
            0,
        )
        for code in CODES
    )
    count = draw(st.integers(1, 9))
    families = []
    for number in range(count):
        persons = draw(st.integers(1, 6))
        wishes = tuple(draw(st.permutations(CODES))[: draw(st.integers(0, 3))])
        born = (date(2016, 1, 1), *(date(1985, 1, 1),) * (persons - 1))
        families.append(Family(f"f{number}", born, wishes, draw(st.integers(1, 5)), None, 0, persons))
    names = [one.code for one in families]
    apart = (tuple(draw(st.permutations(names))[:2]),) if count > 1 and draw(st.booleans()) else ()
    season = Season(Problem(stays, tuple(families), "seed", Conditions(apart=apart)))
    held, waiting = {}, []
    for one in families:
        if draw(st.booleans()):
            held[one.code] = Held(draw(st.sampled_from(CODES)), draw(st.integers(0, one.persons)))
        elif draw(st.booleans()):
            waiting.append(one.code)
    late = [code for code in waiting if draw(st.booleans())]
    return season, held, waiting, late, draw(st.lists(st.sampled_from(CODES), unique=True))


@given(lines())
def test_the_line_is_what_a_plain_walk_finds(
    drawn: tuple[Season, dict[str, Held], list[str], list[str], list[str]],
) -> None:
    season, held, waiting, late, open_ = drawn
    turns = line_up(season, held, waiting, late, open_)
    assert sorted(code for turn in turns for code in turn.unit.codes) == sorted(waiting)
    at = {code: [one for one in held if held[one].stay == code] for code in CODES}
    beds = {code: season.stays[code].beds - sum(held[one].beds for one in at[code]) for code in CODES}
    expected = {}
    for code in sorted(waiting, key=lambda one: (one in late, season.rank[one])):
        family = season.families[code]
        for wish in family.wishes:
            fits = len(at[wish]) < season.stays[wish].family_places and family.beds <= beds[wish]
            if wish in open_ and fits and not season.apart.get(code, frozenset()) & set(at[wish]):
                expected[code] = wish
                at[wish].append(code)
                beds[wish] -= family.beds
                break
    assert {turn.unit.codes[0]: turn.goes for turn in turns if turn.goes} == expected
    for place, turn in enumerate(turns):
        if turn.goes:
            over = {family.code for family, _ in passed_over(turns, turn)}
            assert over == {
                one.unit.codes[0]
                for one in turns[:place]
                if turn.goes in one.options
                and (one.goes is None or one.options.index(one.goes) > one.options.index(turn.goes))
            }


def test_families_kept_together_have_one_turn_and_wait_for_the_stay_of_those_placed() -> None:
    born = (date(1985, 1, 1), date(2016, 1, 1))
    stays = tuple(Stay(code, "Vest", START, START + timedelta(days=7), 2, 10, 2, 6, 13, 0) for code in "AB")
    families = tuple(Family(code, born, ("A", "B"), need, None, 0, 2) for code, need in (("x", 5), ("y", 1), ("z", 3)))
    season = Season(Problem(stays, families, "seed", Conditions(together=(("x", "y"),))))
    turns = line_up(season, {}, ["x", "y", "z"], [], ["A", "B"])
    assert [(turn.unit.codes, turn.goes) for turn in turns] == [(("z",), "A"), (("x", "y"), "B")]
    turns = line_up(season, {"x": Held("B", 2)}, ["y", "z"], [], ["A", "B"])
    assert [(turn.unit.codes, turn.options, turn.goes) for turn in turns] == [
        (("z",), ("A", "B"), "A"),
        (("y",), ("B",), "B"),
    ]


@pytest.mark.parametrize(
    ("days", "starts_on", "until"),
    [
        (14, START, "2026-06-04T23:59:59"),
        (60, START, "2026-06-26T23:59:59"),
        (14, date(2026, 5, 22), "2026-05-21T23:59:59"),
    ],
)
def test_an_offer_ends_before_its_stay_begins(days: int, starts_on: date, until: str) -> None:
    zone = ZoneInfo("Europe/Oslo")
    assert deadline_of(date(2026, 5, 21), days, starts_on, "Europe/Oslo") == datetime.fromisoformat(until).replace(
        tzinfo=zone
    )
    assert deadline_of(starts_on, days, starts_on, "Europe/Oslo") is None


def test_numbers_languages_and_codes_as_people_write_them() -> None:
    assert [
        mobile(one) for one in ("90 00 00 09", "+47 900 00 009", "0045 22334455", "123", "", "+49 151 1234567")
    ] == [
        "90000009",
        "+4790000009",
        "004522334455",
        None,
        None,
        None,
    ]
    said = ("Dansk", "norsk (bokmål)", "English", "Somali", "", "svensk")
    assert [language_of(one, "no") for one in said] == ["da", "nb", "en", "nb", "nb", "da"]
    code = pass_numbers.generate()
    assert read_code(f" {pass_numbers.grouped(code).lower()} ") == code
    assert [read_code(one) for one in ("", "ABCD", "ÆØÅ", "1" * 11)] == [None] * 4


def test_who_must_come() -> None:
    mother, baby, child = (Traveller(str(born), date(born, 1, 1)) for born in (1985, 2025, 2016))

    def wrong(*comes: int, party: tuple[Traveller, ...] = (mother, baby, child)) -> list[str]:
        return [one.message for one in wrong_party(party, comes, START, (6, 13))]

    assert wrong(0, 2) == wrong(0, 1, 2) == []
    assert wrong() == ["must name who comes"]
    assert wrong(0, 1) == ["must name a child of 6 to 13 years"]
    assert wrong(1, 2) == ["must name a grown-up"]
    assert wrong(2, party=(baby, mother, child)) == ["must name a grown-up"]
    assert wrong(0, party=(child, baby)) == []
    assert wrong(3) == wrong(-1) == ["names somebody who is not on the list"]
