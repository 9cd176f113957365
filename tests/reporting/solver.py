"""A reader of a published report who has a solver of integer programs, and so finds all that can be computed.

Of a hidden figure it learns the least and the greatest value that any table can have which shows what is published and
keeps to the rules of the house.
"""

from itertools import product

import highspy

from service.reporting.disclosure import AT_MOST, MEASURES, Cell, Table, with_totals

# More than any of the tables has: where not even a total is shown a figure would be without a greatest value.
_CHILDREN = 10_000

Terms = dict[int, float]
"""A sum over inner cells: the number of a cell and its coefficient."""


class Solver:
    """Knows a table's published cells, that totals are sums, and what is at most what."""

    def __init__(self, table: Table, hidden: set[Cell]) -> None:
        self._rows, self._columns = len(table.largest), len(table.largest[0])
        totals = {measure: with_totals(table.values[measure]) for measure in MEASURES}
        inner = list(product(MEASURES, range(self._rows), range(self._columns)))
        self._cells = {cell: number for number, cell in enumerate(inner)}
        self._model = highspy.Highs()  # type: ignore[no-untyped-call]
        self._model.setOptionValue("output_flag", False)
        self._model.setOptionValue("threads", 1)
        for (measure, _, _), number in self._cells.items():
            self._model.addVar(0, _CHILDREN * (table.worth if measure == "spent" else 1))
            if measure != "spent":
                self._model.changeColIntegrality(number, highspy.HighsVarType.kInteger)
        for measure, row, column in product(MEASURES, range(self._rows + 1), range(self._columns + 1)):
            if (measure, row, column) not in hidden:
                known = totals[measure][row][column]
                self._require(self.terms(measure, row, column), known, known)
        for row, column in product(range(self._rows + 1), range(self._columns + 1)):
            for less, more in AT_MOST:
                if totals[less][row][column] <= totals[more][row][column]:
                    self._require(self.difference(more, less, row, column), 0, highspy.kHighsInf)
            if totals["spent"][row][column] <= table.worth * totals["used"][row][column]:
                passes = dict.fromkeys(self.terms("used", row, column), float(table.worth))
                spent = dict.fromkeys(self.terms("spent", row, column), -1.0)
                self._require(passes | spent, 0, highspy.kHighsInf)

    def terms(self, measure: str, row: int, column: int) -> Terms:
        """The inner cells that a cell is the sum of."""
        rows = range(self._rows) if row == self._rows else [row]
        columns = range(self._columns) if column == self._columns else [column]
        return {self._cells[measure, r, c]: 1.0 for r in rows for c in columns}

    def difference(self, wanted: str, other: str, row: int, column: int) -> Terms:
        return self.terms(wanted, row, column) | dict.fromkeys(self.terms(other, row, column), -1.0)

    def learns(self, what: Terms) -> tuple[int, int]:
        """The least and the greatest value that a sum of cells can have."""
        return self._extreme(what, 1), self._extreme(what, -1)

    def _require(self, what: Terms, least: float, most: float) -> None:
        self._model.addRow(least, most, len(what), list(what), list(what.values()))

    def _extreme(self, what: Terms, sense: int) -> int:
        for number in self._cells.values():
            self._model.changeColCost(number, sense * what.get(number, 0.0))
        self._model.run()
        assert self._model.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return round(sense * self._model.getInfo().objective_function_value)
