"""What is hidden cannot be computed back: an attacker of another make tries, on many small tables."""

from itertools import combinations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from service.reporting.disclosure import COUNTS, DOMINANCE_PERCENT, MEASURES, Cell, Table, protect, with_totals
from tests.reporting.attacker import Attacker, grid

WORTH = 2


def table_of(counts: dict[str, list[list[int]]], spent: list[list[int]] | None = None) -> Table:
    """A table of which only some measures are given; the others are zero."""
    rows, columns = len(next(iter(counts.values()))), len(next(iter(counts.values()))[0])
    values = {measure: counts.get(measure, grid(rows, columns)) for measure in COUNTS}
    return Table(values=values | {"spent": spent or grid(rows, columns)}, largest=grid(rows, columns), worth=WORTH)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Tables of made-up children: most have a pass, most of those were sent it, some used it."""
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    values = {measure: grid(rows, columns) for measure in MEASURES}
    largest = grid(rows, columns)
    for row, column in product(range(rows), range(columns)):
        entitled = draw(st.integers(0, 14))
        issued = draw(st.one_of(st.just(entitled), st.integers(0, entitled + 1)))
        posted = draw(st.one_of(st.just(issued), st.integers(0, issued)))
        returned = draw(st.one_of(st.just(0), st.integers(0, posted)))
        used = draw(st.integers(0, issued))
        each = [draw(st.integers(1, WORTH)) for _ in range(used)]
        figures = (entitled, used, issued, posted, returned, sum(each))
        for measure, figure in zip(MEASURES, figures, strict=True):
            values[measure][row][column] = figure
        largest[row][column] = max(each, default=0)
    return Table(values=values, largest=largest, worth=WORTH)


def places(table: Table) -> list[tuple[int, int]]:
    return list(product(range(len(table.largest) + 1), range(len(table.largest[0]) + 1)))


@given(tables(), st.integers(2, 5))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_the_attacker_finds_no_hidden_figure(table: Table, threshold: int) -> None:
    hidden = protect(table, threshold)
    attacker = Attacker(table, hidden)
    totals = {measure: with_totals(table.values[measure]) for measure in MEASURES}
    for measure, row, column in sorted(hidden):
        step = WORTH if measure == "spent" else 1
        what = attacker.terms(measure, row, column)
        assert attacker.values_of(what, threshold, step) == threshold, (measure, row, column)
    for row, column in places(table):
        for wanted, other in combinations(COUNTS, 2):
            true = totals[wanted][row][column] - totals[other][row][column]
            if 0 < abs(true) < threshold:
                what = attacker.difference(wanted, other, row, column)
                assert attacker.values_of(what, threshold) == threshold, (wanted, other, row, column)


@given(tables(), st.integers(2, 8))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_nothing_sensitive_is_shown(table: Table, threshold: int) -> None:
    hidden = protect(table, threshold)
    totals = {measure: with_totals(table.values[measure]) for measure in MEASURES}
    for row, column in places(table):
        shown = {measure: totals[measure][row][column] for measure in MEASURES if (measure, row, column) not in hidden}
        counts = [shown[measure] for measure in COUNTS if measure in shown]
        assert not any(0 < count < threshold for count in counts)
        assert not any(0 < abs(one - other) < threshold for one, other in combinations(counts, 2))
        if "spent" in shown:
            assert "used" in shown
            if row < len(table.largest) and column < len(table.largest[0]):
                assert table.largest[row][column] * 100 <= DOMINANCE_PERCENT * shown["spent"]
        empty = not any(totals[measure][row][column] for measure in MEASURES)
        assert not empty or len(shown) == len(MEASURES)


def test_a_large_table_is_shown_whole() -> None:
    table = table_of({"entitled": [[40, 50], [60, 70]], "issued": [[40, 50], [60, 70]], "used": [[10, 20], [30, 7]]})
    assert protect(table, 5) == set()


def test_a_small_cell_takes_companions_in_its_row_and_its_column() -> None:
    table = table_of({"entitled": [[3, 50, 20], [60, 70, 20], [80, 90, 20]]})
    hidden = {(row, column) for measure, row, column in protect(table, 5) if measure == "entitled"}
    assert (0, 0) in hidden
    assert sum(row == 0 for row, _ in hidden) > 1
    assert sum(column == 0 for _, column in hidden) > 1
    assert len(hidden) == 4


def test_a_small_difference_hides_the_less_wanted_measure() -> None:
    everybody = [[40, 50, 30], [60, 70, 30], [40, 40, 40]]
    posted = [[38, 50, 30], [60, 70, 30], [40, 40, 40]]
    hidden = protect(table_of({"entitled": everybody, "issued": everybody, "posted": posted}), 5)
    assert ("posted", 0, 0) in hidden
    assert {measure for measure, _, _ in hidden} == {"posted"}


def test_an_attacker_of_a_table_without_companions_does_find_it() -> None:
    """The attacker is worth its name: with the small cell alone hidden it has one value left."""
    table = table_of({"entitled": [[3, 50], [60, 70]]})
    cell: Cell = ("entitled", 0, 0)
    attacker = Attacker(table, {cell})
    assert [value for value in range(9) if attacker.is_possible(attacker.terms(*cell), value)] == [3]


def test_the_same_table_is_protected_the_same() -> None:
    table = table_of({"entitled": [[3, 3, 9], [9, 9, 3], [1, 30, 9]], "issued": [[3, 3, 8], [9, 9, 3], [1, 29, 9]]})
    assert protect(table, 5) == protect(table, 5)
