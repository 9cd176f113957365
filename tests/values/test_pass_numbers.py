"""Pass numbers: every single wrong character and every swap of neighbours is found."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.values.pass_numbers import ALPHABET, generate, generate_from, grouped, parse

bits = st.integers(0, 2**50 - 1)


@given(bits)
def test_round_trip(value: int) -> None:
    number = generate_from(value)
    assert len(number) == 11
    assert sum(ALPHABET.index(character) << 45 - 5 * at for at, character in enumerate(number[:10])) == value
    assert parse(number) == number
    assert parse(grouped(number)) == number
    assert parse(f" {grouped(number).lower().replace('-', ' . ')}\n") == number


@given(bits, st.integers(0, 10), st.integers(1, 31))
def test_a_wrong_character_is_found(value: int, at: int, by: int) -> None:
    number = generate_from(value)
    other = ALPHABET[(ALPHABET.index(number[at]) + by) % 32]
    with pytest.raises(ValueError, match="mistyped"):
        parse(number[:at] + other + number[at + 1 :])


@given(bits, st.integers(0, 10), st.integers(0, 10))
def test_a_swap_is_found(value: int, one: int, other: int) -> None:
    number = generate_from(value)
    characters = list(number)
    characters[one], characters[other] = characters[other], characters[one]
    swapped = "".join(characters)
    if swapped == number:
        assert parse(swapped) == number
    else:
        with pytest.raises(ValueError, match="mistyped"):
            parse(swapped)


def test_each_pair_of_neighbours() -> None:
    number = generate_from(0b10101_00111_11000_00001_11011_01010_10000_00010_11111_01101)
    assert all(left != right for left, right in pairwise(number))
    for at in range(10):
        with pytest.raises(ValueError, match="mistyped"):
            parse(number[:at] + number[at + 1] + number[at] + number[at + 2 :])


@given(bits)
def test_confusable_letters_are_read_as_meant(value: int) -> None:
    number = generate_from(value)
    for meant, written in (("0", "Oo"), ("1", "IiLl"), ("V", "Uu")):
        for letter in written:
            assert parse(number.replace(meant, letter)) == number


def test_a_known_number_stays_the_same() -> None:
    # Printed letters outlive releases: the code must never change.
    assert generate_from(0) == "00000000000"
    assert generate_from(1) == "00000000012"
    assert generate_from(0b00001 << 45)[:10] == "1000000000"


@pytest.mark.parametrize("text", ["", "ABC", "0" * 10, "0" * 12])
def test_wrong_length(text: str) -> None:
    with pytest.raises(ValueError, match=f"11 characters and this has {len(text)}"):
        parse(text)


@pytest.mark.parametrize("text", ["0000000000Æ", "0000000000*", "0000000000ı", "٠" * 11])
def test_characters_that_a_pass_number_cannot_hold(text: str) -> None:
    with pytest.raises(ValueError, match="letters A to Z and digits"):
        parse(text)


@pytest.mark.parametrize("value", [-1, 2**50])
def test_bits_out_of_range(value: int) -> None:
    with pytest.raises(ValueError, match="50 bits"):
        generate_from(value)


def test_generate_uses_all_the_bits_it_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def randbits(count: int) -> int:
        drawn.append(count)
        return (1 << count) - 1

    monkeypatch.setattr("secrets.randbits", randbits)
    assert generate()[:10] == "Z" * 10
    assert drawn == [50]


def test_grouped() -> None:
    assert grouped("ABCDEFGHJKM") == "ABCD-EFG-HJKM"
