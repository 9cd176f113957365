"""Lines of a file: numbered, whole, and in bounded memory, wherever its blocks and halves are cut."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import Invalid
from service.register import extracts
from service.register.extracts import LONGEST_LINE, Layout

COLUMNS = ("a", "b", "c")


def lines(path: Path, *part: int) -> list[tuple[int, str]]:
    layout = Layout(delimiter=",", positions=(0, 1, 2), width=3)
    return [
        (number, text)
        for first, block in extracts.read_blocks(path, *part)
        for number, text, _, _ in extracts.records_of(first, block, layout)
    ]


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.lists(st.sampled_from(["x", "æ,1", "", '"', '"a,b"', "1,2,3", "\r"]), max_size=30).map("\n".join))
def test_lines_keep_their_numbers_wherever_blocks_and_halves_are_cut(
    tmp_path: Path, monkeypatch: Any, block: int, content: str
) -> None:
    monkeypatch.setattr(extracts, "_BLOCK", block)
    path = tmp_path / "file.csv"
    path.write_bytes(f"head\n{content}".encode())
    whole = [(number, text.rstrip("\r")) for number, text in enumerate(content.split("\n"), 2) if text.strip("\r")]
    assert [(number, text.rstrip("\r")) for number, text in lines(path) if text.strip("\r")] == whole
    middle = extracts.middle_of(path)
    halves = lines(path, 0, middle) + lines(path, middle)
    assert [(number, text.rstrip("\r")) for number, text in halves if text.strip("\r")] == whole


def test_of_an_overlong_line_only_a_little_is_kept(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(extracts, "_BLOCK", 1000)
    path = tmp_path / "file.csv"
    path.write_bytes(b"head\n" + b"x" * 1_000_000 + b"\nlast")
    (long, last) = lines(path)
    assert LONGEST_LINE < len(long[1]) < 5 * LONGEST_LINE
    assert last == (3, "last")


@pytest.mark.parametrize(
    ("header", "delimiter", "positions"),
    [
        ("a,b,c", ",", (0, 1, 2, -1)),
        ('\ufeff"C" ; A;b;d\r', ";", (1, 2, 0, 3)),
    ],
)
def test_the_layout_is_found_in_the_header(
    tmp_path: Path, header: str, delimiter: str, positions: tuple[int, ...]
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(f"{header}\n1,2,3\n", encoding="utf-8")
    layout = extracts.read_layout(path, COLUMNS, ("d",))
    assert (layout.delimiter, layout.positions) == (delimiter, positions)


def test_every_fault_of_a_header_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("a,b,b,shoe,size\n")
    with pytest.raises(Invalid) as refusal:
        extracts.read_layout(path, COLUMNS)
    assert refusal.value.message == (
        "The header of file.csv lacks column c; it has the unknown columns 'shoe', 'size'; it repeats column b. "
        "Expected: a,b,c."
    )
