"""A reader of a published report who tries to compute what is hidden: whole numbers, bounds and search, no networks.

It knows every published figure, that totals are sums, and the rules of the house (nobody used what was not issued, a
pass is worth so much). It asks, for a hidden figure, which values still stand in some table that looks the same.
"""

from itertools import product
from math import inf

from service.reporting.disclosure import AT_MOST, MEASURES, Cell, Grid, Table, with_totals

Terms = dict[int, int]
"""A sum over inner cells: the number of a cell and its coefficient."""


class Attacker:
    """Knows a table's published cells; `possible` finds the values that a sum of hidden cells can have."""

    def __init__(self, table: Table, hidden: set[Cell]) -> None:
        self._truth = table
        self._totals = {measure: with_totals(table.values[measure]) for measure in MEASURES}
        self._rows, self._columns = len(table.largest), len(table.largest[0])
        inner = list(product(MEASURES, range(self._rows), range(self._columns)))
        self._cells = {cell: number for number, cell in enumerate(inner)}
        self._true = [table.values[measure][row][column] for measure, row, column in inner]
        self._sums: list[tuple[Terms, int, int | None]] = []
        for measure, row, column in product(MEASURES, range(self._rows + 1), range(self._columns + 1)):
            if (measure, row, column) not in hidden:
                known = self._totals[measure][row][column]
                self._sums.append((self.terms(measure, row, column), known, known))
        for row, column in product(range(self._rows + 1), range(self._columns + 1)):
            for less, more in AT_MOST:
                if self._totals[less][row][column] <= self._totals[more][row][column]:
                    self._at_least(self.terms(more, row, column), self.terms(less, row, column))
            if self._totals["spent"][row][column] <= table.worth * self._totals["used"][row][column]:
                passes = dict.fromkeys(self.terms("used", row, column), table.worth)
                self._at_least(passes, self.terms("spent", row, column))

        wide = [(max(0, true - 40), true + 40) for true in self._true]
        narrowed = _narrow(wide, self._sums)
        assert narrowed is not None, "the true table is possible"
        self._bounds, self._tables = narrowed, [self._true]

    def terms(self, measure: str, row: int, column: int) -> Terms:
        """The inner cells that a cell is the sum of."""
        rows = range(self._rows) if row == self._rows else [row]
        columns = range(self._columns) if column == self._columns else [column]
        return {self._cells[measure, r, c]: 1 for r in rows for c in columns}

    def difference(self, wanted: str, other: str, row: int, column: int) -> Terms:
        return self.terms(wanted, row, column) | dict.fromkeys(self.terms(other, row, column), -1)

    def values_of(self, what: Terms, enough: int, step: int = 1) -> int:
        """How many values, by steps from the true one, are possible; counting ends when there are enough."""
        true = _sum_of(what, self._true)
        found = {value for table in self._tables if ((value := _sum_of(what, table)) - true) % step == 0}
        for k in range(1, enough):
            for value in (true + k * step, true - k * step):
                if len(found) < enough and value not in found and self.is_possible(what, value):
                    found.add(value)
        return min(len(found), enough)

    def is_possible(self, what: Terms, value: int) -> bool:
        """Whether a table that looks like the published one has this sum; the search gives up after many trials."""
        sums = [*self._sums, (what, value, value)]
        self._trials = 300
        table = self._search(self._bounds, sums)
        if table is None:
            return False
        for terms, low, high in sums:
            assert low <= _sum_of(terms, table) <= (inf if high is None else high), "the search is wrong"
        # One table that looks the same answers for all its figures.
        self._tables.append(table)
        return True

    def _at_least(self, more: Terms, less: Terms) -> None:
        self._sums.append((more | dict.fromkeys(less, -1), 0, None))

    def _search(self, bounds: list[tuple[int, int]], sums: list[tuple[Terms, int, int | None]]) -> list[int] | None:
        self._trials -= 1
        narrowed = _narrow(bounds, sums)
        if narrowed is None or self._trials < 0:
            return None
        open_cells = [cell for cell, (low, high) in enumerate(narrowed) if low < high]
        if not open_cells:
            return [low for low, _ in narrowed]
        cell = min(open_cells, key=lambda one: narrowed[one][1] - narrowed[one][0])
        low, high = narrowed[cell]
        middle = min(max(self._true[cell], low), high)
        for part in ((middle, middle), (middle + 1, high), (low, middle - 1)):
            if part[0] <= part[1]:
                found = self._search([*narrowed[:cell], part, *narrowed[cell + 1 :]], sums)
                if found is not None:
                    return found
        return None


def _sum_of(terms: Terms, table: list[int]) -> int:
    return sum(by * table[cell] for cell, by in terms.items())


def _narrow(bounds: list[tuple[int, int]], sums: list[tuple[Terms, int, int | None]]) -> list[tuple[int, int]] | None:
    """Take from each cell's bounds what the sums rule out, until nothing changes; None where nothing is left."""
    bounds = list(bounds)
    changed = True
    while changed:
        changed = False
        for terms, low, high in sums:
            least = sum(by * bounds[cell][0 if by > 0 else 1] for cell, by in terms.items())
            most = sum(by * bounds[cell][1 if by > 0 else 0] for cell, by in terms.items())
            if most < low or (high is not None and least > high):
                return None
            for cell, by in terms.items():
                lower, upper = bounds[cell]
                size = abs(by)
                # What this cell may differ from its end that counts least, and from the one that counts most.
                slack_up = None if high is None else (high - least) // size
                slack_down = (most - low) // size
                if by > 0:
                    new = (max(lower, upper - slack_down), upper if slack_up is None else min(upper, lower + slack_up))
                else:
                    new = (lower if slack_up is None else max(lower, upper - slack_up), min(upper, lower + slack_down))
                if new != (lower, upper):
                    if new[0] > new[1]:
                        return None
                    bounds[cell] = new
                    changed = True
                    least = sum(by * bounds[one][0 if by > 0 else 1] for one, by in terms.items())
                    most = sum(by * bounds[one][1 if by > 0 else 0] for one, by in terms.items())
    return bounds


def grid(rows: int, columns: int) -> Grid:
    return [[0] * columns for _ in range(rows)]
