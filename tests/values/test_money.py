"""Amounts in kroner are read exactly or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.values.money import format_kroner, parse_kroner


@pytest.mark.parametrize(
    ("text", "ore"),
    [
        ("192714", 19271400),
        ("192714.00", 19271400),
        ("0,5", 50),
        ("0.05", 5),
        ("-0,01", -1),
        ("+12,34", 1234),
        (" 1000\n", 100000),
        ("-0", 0),
        ("007", 700),
        ("9999999999999,99", 999_999_999_999_999),
    ],
)
def test_amounts(text: str, ore: int) -> None:
    assert parse_kroner(text) == ore


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "-",
            ".",
            ",",
            ",5",
            "5,",
            "1,234",
            "1.000",
            "1.000,00",
            "1 000",
            "1_000",
            "1e3",
            "nan",
            "inf",
        ),
        *("--1", "1-", "- 1", "0x10", "١٢", "1²", "10 kr", "12345678901234", "1,2,3", "1\n2"),
    ],
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="An amount is digits"):
        parse_kroner(text)


@given(st.integers(-999_999_999_999_999, 999_999_999_999_999))
def test_every_amount_is_read_exactly(ore: int) -> None:
    sign, (kroner, rest) = "-" if ore < 0 else "", divmod(abs(ore), 100)
    assert parse_kroner(f"{sign}{kroner}.{rest:02}") == ore
    shown = format_kroner(ore, "en").removesuffix(" kr").replace(",", "")
    assert parse_kroner(shown) == ore


@pytest.mark.parametrize(
    ("ore", "language", "shown"),
    [
        (100000, "da", "1.000 kr"),
        (100000, "nb", "1\u00a0000 kr"),
        (100000, "en", "1,000 kr"),
        (123456789, "da", "1.234.567,89 kr"),
        (123456789, "nb", "1\u00a0234\u00a0567,89 kr"),
        (123456789, "en", "1,234,567.89 kr"),
        (5, "da", "0,05 kr"),
        (0, "da", "0 kr"),
        (-150, "da", "-1,50 kr"),
        (-100000, "nb", "-1\u00a0000 kr"),
    ],
)
def test_shown(ore: int, language: str, shown: str) -> None:
    assert format_kroner(ore, language) == shown


def test_danish_is_the_default() -> None:
    assert format_kroner(100050) == "1.000,50 kr"


def test_another_language() -> None:
    with pytest.raises(ValueError, match="da, nb, en"):
        format_kroner(100, "de")
