"""CPR numbers and fødselsnumre: dates, kinds, check digits, and nothing that gives a number away.

Ordinary Danish numbers here belong to dates in the 1850s and 2050s, so that none is a living person's.
"""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.values.identity_numbers import NO_MODULUS_11, Country, IdentityNumber, mask, parse

DK, NO = Country.DENMARK, Country.NORWAY

FNR_WEIGHTS_1 = (3, 7, 6, 1, 8, 9, 4, 5, 2)
FNR_WEIGHTS_2 = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def norwegian(nine: str, remainder: int = 0) -> str | None:
    """The number that begins so and leaves this remainder in the first check, where there is one."""
    first = (remainder - weighted(nine, FNR_WEIGHTS_1)) % 11
    second = -weighted(f"{nine}{first}"[:10], FNR_WEIGHTS_2) % 11
    return f"{nine}{first}{second}" if first < 10 and second < 10 else None


def some_norwegian(six: str, individuals: range, remainder: int = 0) -> str:
    numbers = (norwegian(f"{six}{individual:03}", remainder) for individual in individuals)
    return next(number for number in numbers if number is not None)


@pytest.mark.parametrize(
    ("number", "birth_date", "kind"),
    [
        ("21818297804", date(1982, 1, 21), "synthetic"),
        ("13527248013", date(1972, 12, 13), "synthetic"),
        ("41010199946", date(2001, 1, 1), "d_number"),
        ("02013299997", date(2032, 1, 2), "fnr"),
    ],
)
def test_published_norwegian_test_numbers(number: str, birth_date: date, kind: str) -> None:
    assert parse(number, NO) == IdentityNumber(number, birth_date, kind)


@pytest.mark.parametrize(
    ("yy", "individuals", "year"),
    [
        ("00", range(500), 1900),
        ("99", range(500), 1999),
        ("54", range(500, 750), 1854),
        ("99", range(500, 750), 1899),
        ("00", range(500, 750), 2000),
        ("39", range(500, 750), 2039),
        ("39", range(750, 900), 2039),
        ("39", range(900, 1000), 2039),
        ("40", range(900, 1000), 1940),
        ("99", range(900, 1000), 1999),
        ("53", range(500, 750), None),
        ("40", range(750, 900), None),
    ],
)
def test_norwegian_century(yy: str, individuals: range, year: int | None) -> None:
    for edge in (individuals, individuals[::-1]):
        number = some_norwegian(f"0381{yy}", edge)
        assert parse(number, NO).birth_date == (year and date(year, 1, 3))


@pytest.mark.parametrize(("six", "kind"), [("038101", "synthetic"), ("434101", "synthetic_d_number")])
@pytest.mark.parametrize("remainder", [1, 2, 3])
def test_the_rule_from_2032_tells_no_birth_date(six: str, kind: str, remainder: int) -> None:
    number = some_norwegian(six, range(1000), remainder)
    assert parse(number, NO) == IdentityNumber(number, None, kind)


@pytest.mark.parametrize("remainder", range(4, 11))
def test_other_remainders_are_wrong(remainder: int) -> None:
    with pytest.raises(ValueError, match="check digits"):
        parse(some_norwegian("038101", range(1000), remainder), NO)


@given(st.integers(0, 999), st.integers(0, 10), st.integers(1, 9))
def test_a_wrong_digit_in_a_norwegian_number_is_found(individual: int, at: int, by: int) -> None:
    number = some_norwegian("158210", range(individual, 1000 + individual))
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    with pytest.raises(ValueError):
        parse(wrong, NO)


@pytest.mark.parametrize("six", ["328101", "009101", "319102", "298201", "729101", "038001", "039301"])
def test_norwegian_numbers_that_begin_with_no_date(six: str) -> None:
    with pytest.raises(ValueError, match="date"):
        parse(some_norwegian(six, range(1000)), NO)


def test_29_february_2000_in_norway() -> None:
    assert parse(some_norwegian("298200", range(500, 750)), NO).birth_date == date(2000, 2, 29)
    assert parse(some_norwegian("298200", range(500)), NO).birth_date is None


@pytest.mark.parametrize(
    ("yy", "seventh", "year"),
    [
        ("00", "0", 1900),
        ("99", "3", 1999),
        ("00", "4", 2000),
        ("36", "4", 2036),
        ("37", "4", 1937),
        ("99", "4", 1999),
        ("00", "5", 2000),
        ("57", "8", 2057),
        ("58", "5", 1858),
        ("99", "8", 1899),
        ("36", "9", 2036),
        ("37", "9", 1937),
    ],
)
def test_cpr_century(yy: str, seventh: str, year: int) -> None:
    number = f"6303{yy}{seventh}000"
    assert parse(number, DK) == IdentityNumber(number, date(year, 3, 3), "cpr_replacement")


@given(st.dates(date(1858, 1, 1), date(1899, 12, 31)), st.integers(5000, 8999))
def test_cpr_modulus_11_only_warns(birth: date, serial: int) -> None:
    number = f"{birth:%d%m%y}{serial}"
    holds = weighted(number, (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    expected = IdentityNumber(number, birth, "cpr", () if holds else (NO_MODULUS_11,))
    assert parse(number, DK) == expected
    replacement = f"{birth.day + 60}{number[2:]}"
    assert parse(replacement, DK) == IdentityNumber(replacement, birth, "cpr_replacement")


def test_both_sides_of_modulus_11_occur() -> None:
    warned = [bool(parse(f"010158{serial}", DK).warnings) for serial in range(5000, 5100)]
    assert 5 <= warned.count(False) <= 13


@pytest.mark.parametrize(
    "number",
    ["9201015000", "6113015000", "6100015000", "0001015000", "9102015000", "4501015000", "8902000000"],
)
def test_cpr_numbers_that_begin_with_no_date(number: str) -> None:
    with pytest.raises(ValueError, match="date"):
        parse(number, DK)


def test_29_february_2000_in_denmark() -> None:
    assert parse("8902004000", DK).birth_date == date(2000, 2, 29)


@pytest.mark.parametrize(
    "text",
    ["610101-4000", "610101 4000", " 6101014000\n", "610101\u00a04000"],
)
def test_ways_to_write_a_number(text: str) -> None:
    assert parse(text, DK).number == "6101014000"
    assert parse(text, DK) == parse("6101014000", DK)


@pytest.mark.parametrize("country", [DK, NO])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "610101400",
        "61010140000000",
        "6101-014000",
        "610101--4000",
        "٦١٠١٠١٤٠٠٠",
        "61010140²0",
        "Jens Hansen",
    ],
)
def test_what_is_no_number(text: str, country: Country) -> None:
    with pytest.raises(ValueError):
        parse(text, country)


def test_a_lost_leading_zero_is_named() -> None:
    with pytest.raises(ValueError, match="leading zero"):
        parse("101584000", DK)


spelled = st.tuples(st.integers(0, 10**11), st.sampled_from(["", "-", " "])).map(
    lambda drawn: f"{drawn[0]:010}"[:6] + drawn[1] + f"{drawn[0]:010}"[6:]
)


@given(st.text(max_size=20) | spelled, st.sampled_from(Country))
def test_errors_never_hold_the_number(text: str, country: Country) -> None:
    try:
        found = parse(text, country)
    except ValueError as error:
        shown = f"{error}{error.__context__ or ''}"
        assert str(error).endswith(".")
        assert len(text.strip()) < 6 or text.strip() not in shown
    else:
        assert found.number not in repr(found)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("6101014000", "********00"),
        (" 610101-4017 ", "********17"),
        ("21818297804", "*********04"),
        ("1234", "****"),
        ("Jens Holm", "*********"),
        ("", ""),
        ("A street and its number 12", "************…"),
    ],
)
def test_mask(text: str, masked: str) -> None:
    assert mask(text) == masked


@given(st.text())
def test_a_mask_shows_two_digits_at_most(text: str) -> None:
    shown = mask(text).strip("*…")
    assert shown == "" or (len(shown) == 2 and shown.isdigit())
