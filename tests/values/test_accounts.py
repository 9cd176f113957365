"""Accounts and organisation numbers as people write them, in one form, and what is none of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban
from stdnum.dk import cvr
from stdnum.no import kontonr, orgnr

from service.errors import Unreadable
from service.values.accounts import domestic, mask_account, read_account, show_account
from service.values.organisation_numbers import read_organisation_number

DANISH, NORWEGIAN = "DK5000400440116243", "NO9386011117947"


@pytest.mark.parametrize(
    ("written", "country", "known"),
    [
        ("DK5000400440116243", "dk", DANISH),
        ("dk50 0040 0440 1162 43", "dk", DANISH),
        ("0040 0440116243", "dk", DANISH),
        ("0040-440116243", "dk", DANISH),
        ("0040440116243", "dk", DANISH),
        (" 0040 0440 1162 43 ", "dk", DANISH),
        ("NO93 8601 1117 947", "no", NORWEGIAN),
        ("8601 11 17947", "no", NORWEGIAN),
        ("8601.11.17947", "no", NORWEGIAN),
        ("86011117947", "no", NORWEGIAN),
    ],
)
def test_an_account_is_read_however_it_is_written(written: str, country: str, known: str) -> None:
    assert read_account(written, country) == known


@pytest.mark.parametrize(
    ("written", "country", "why"),
    [
        ("", "dk", "registration number"),
        ("0040", "dk", "registration number"),
        ("0040 0000000000", "dk", "registration number"),
        ("0040 04401162431", "dk", "registration number"),
        # A registration number that lost its noughts would make another account of it.
        ("40 440116243", "dk", "registration number"),
        ("0040 04401x6243", "dk", "registration number"),
        ("٠٠٤٠ ٤٤٠١١٦٢٤٣", "dk", "registration number"),
        ("DK5100400440116243", "dk", "check digit"),
        ("DK500040044011624", "dk", "registration number"),
        (NORWEGIAN, "dk", "own country"),
        ("GB82 WEST 1234 5698 7654 32", "no", "own country"),
        ("8601 11 17948", "no", "check digit"),
        ("8601 11 1794", "no", "11 digits"),
        ("NO9386011117948", "no", "check digit"),
        # The IBAN's own check digits are right, those of the account in it are not.
        (f"NO{iban.calc_check_digits('NO0086011117948')}86011117948", "no", "check digit"),
    ],
)
def test_what_is_no_account_says_why(written: str, country: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_account(written, country)


@given(st.integers(0, 9999), st.integers(1, 9_999_999_999))
def test_every_danish_account_survives_its_own_spellings(bank: int, number: int) -> None:
    known = read_account(f"{bank:04} {number}", "dk")
    assert iban.is_valid(known)
    assert domestic(known) == (f"{bank:04}", f"{number:010}")
    for written in (known, show_account(known), f"{bank:04}{number:010}"):
        assert read_account(written, "dk") == known


@given(st.integers(0, 9_999_999_999))
def test_every_norwegian_account_survives_its_own_spellings(number: int) -> None:
    digit = str(kontonr._calc_check_digit(f"{number:010}"))
    whole = f"{number:010}{digit}"
    if not kontonr.is_valid(whole):
        with pytest.raises(Unreadable):
            read_account(whole, "no")
        return
    known = read_account(whole, "no")
    assert iban.is_valid(known)
    for written in (known, show_account(known), whole):
        assert read_account(written, "no") == known
    assert len(mask_account(known)) == 6
    assert whole[:6] not in mask_account(known)


@given(st.integers(0, 99_999_999))
def test_a_danish_number_is_one_by_its_check_digit(number: int) -> None:
    written = f"{number:08}"
    if cvr.is_valid(written):
        assert read_organisation_number(f" DK {written[:4]} {written[4:]} ", "dk") == written
    else:
        with pytest.raises(Unreadable, match="check digit"):
            read_organisation_number(written, "dk")


@given(st.integers(0, 999_999_999))
def test_a_norwegian_number_is_one_by_its_check_digit(number: int) -> None:
    written = f"{number:09}"
    if orgnr.is_valid(written):
        assert read_organisation_number(f"{written[:3]} {written[3:6]} {written[6:]}", "no") == written
    else:
        with pytest.raises(Unreadable, match="check digit"):
            read_organisation_number(written, "no")


@pytest.mark.parametrize(
    ("written", "country"), [("1234567", "dk"), ("123456789", "dk"), ("12345674", "no"), ("", "no")]
)
def test_a_number_of_another_length_says_how_long_it_is(written: str, country: str) -> None:
    with pytest.raises(Unreadable, match="8 digits" if country == "dk" else "9 digits"):
        read_organisation_number(written, country)
