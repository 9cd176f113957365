"""Disclosure control: which cells of a report are not shown, so that no small group can be read or computed from it.

A table is districts × age groups with totals, one for each measure. *Sensitive* is a count of 1 to threshold − 1, a
difference of that size between two measures of one cell (entitled but without a pass), and money that few children, or
one above all, have spent. Those cells are hidden, and then as many others as it takes.

How much is enough is shown by witnesses: whoever has the report cannot tell the true table from any other that shows
the same published figures. Moving k children along a ring of hidden cells, up in one and down in the next, leaves
every published figure and total as it is; a set of measures may move together (a child who is entitled, has a pass and
was sent it). The totals are cells of the same ring: a table with its totals is a network, and a move is a circulation
in it. How far a cell can move is a maximum flow, in whole children. A hidden cell, and a hidden difference, must have
at least `threshold` possible values; where it has fewer the cheapest ring that gives it so many is hidden as well. The
ring through a cell's three totals always does, so the search ends. Hiding more never takes a witness away.

Witnesses respect what a reader may take for granted: no negative counts, nobody used what was not issued, nobody spends
more than passes are worth. Each such rule binds wherever it holds in the true table.

A zero is shown: it speaks of nobody, and in a scheme's first weeks nearly every cell of use is zero. It is hidden only
as a companion of another cell, so a hidden cell may be zero; where a cell has no children at all it is never hidden,
since that may be known (ages that the scheme does not cover) and would protect nothing.
"""

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import combinations
from math import inf, sqrt

import msgspec

COUNTS = ("entitled", "used", "issued", "posted", "returned")
"""The measures that count children, the most wanted first: of two that betray each other the later is hidden."""

MEASURES = (*COUNTS, "spent")

DOMINANCE_PERCENT = 60
"""Money is sensitive where one child has spent more than this share of a cell."""

AT_MOST = (
    ("issued", "entitled"),
    ("posted", "entitled"),
    ("used", "entitled"),
    ("returned", "entitled"),
    ("posted", "issued"),
    ("used", "issued"),
    ("returned", "issued"),
    ("used", "posted"),
    ("returned", "posted"),
)
"""Which count a reader takes to be at most which other."""

Grid = list[list[int]]
Cell = tuple[str, int, int]
"""A measure, a row and a column; the row after the last district and the column after the last age group are totals."""

# How sorely a figure is missed. Where it can be chosen, those entitled and those who used their pass stay.
_WEIGHTS = {"entitled": 20, "used": 12, "issued": 4, "posted": 3, "returned": 2, "spent": 3}
_BIT = {measure: 1 << place for place, measure in enumerate(MEASURES)}
_SPENT, _USED = _BIT["spent"], _BIT["used"]
_MOVES = tuple(sorted(range(1, 1 << len(MEASURES)), key=lambda move: (move.bit_count(), move)))


class Table(msgspec.Struct, frozen=True):
    """What stands in a period's report, without totals: a grid of districts × age groups for each measure.

    `spent` is in øre, as are `largest`, what one child has spent at most in each cell, and `worth`, that of a pass.
    """

    values: dict[str, Grid]
    largest: Grid
    worth: int


class _Item(msgspec.Struct, frozen=True):
    """What must stay uncertain at a place: a measure (`plus`), or the difference of two (`plus` − `minus`)."""

    row: int
    column: int
    plus: int
    minus: int = 0


def with_totals(grid: Grid) -> Grid:
    """A grid with a column and a row of totals."""
    rows = [[*row, sum(row)] for row in grid]
    return [*rows, [sum(column) for column in zip(*rows, strict=True)]]


def protect(table: Table, threshold: int) -> set[Cell]:
    """The cells to hide, totals included. It follows from the table and the threshold alone: the same for the same."""
    protection = _Protection(table, threshold)
    queue = deque(protection.sensitive())
    while queue:
        item = queue.popleft()
        ranges = protection.ranges(item)
        if sum(ranges) < threshold - 1:
            queue.extend(protection.hide_ring(item, ranges))
    return protection.hidden_cells()


class _Protection:
    """A table in which cells are hidden one after the other. Amounts move in steps: a child, or the worth of a pass."""

    def __init__(self, table: Table, threshold: int) -> None:
        self._grids = {measure: with_totals(table.values[measure]) for measure in MEASURES}
        self._step = dict.fromkeys(COUNTS, 1) | {"spent": max(table.worth, 1)}
        self._threshold = threshold
        self._rows, self._columns = len(self._grids["entitled"]), len(self._grids["entitled"][0])
        self._largest = [[*row, max(row, default=0)] for row in table.largest]
        self._largest.append([max(column) for column in zip(*self._largest, strict=True)])
        self._hidden = [[0] * self._columns for _ in range(self._rows)]
        self._places = [
            (row, column)
            for row in range(self._rows)
            for column in range(self._columns)
            if any(self._grids[measure][row][column] for measure in MEASURES)
        ]
        self._slacks = {place: self._slacks_of(*place) for place in self._places}
        self._room: dict[tuple[int, int, int], tuple[float, float]] = {}

    def hidden_cells(self) -> set[Cell]:
        return {
            (measure, row, column)
            for row, column in self._places
            for measure in MEASURES
            if self._hidden[row][column] & _BIT[measure]
        }

    def sensitive(self) -> list[_Item]:
        """Hide what is sensitive in itself; returns everything that must stay uncertain."""
        items: list[_Item] = []
        for row, column in self._places:
            of = {measure: self._grids[measure][row][column] for measure in MEASURES}
            small = sum(_BIT[measure] for measure in COUNTS if 0 < of[measure] < self._threshold)
            items += self._hide(row, column, small)
            for wanted, other in combinations(COUNTS, 2):
                if 0 < abs(of[wanted] - of[other]) < self._threshold:
                    if not self._hidden[row][column] & (_BIT[wanted] | _BIT[other]):
                        items += self._hide(row, column, _BIT[other])
                    items.append(_Item(row, column, _BIT[wanted], _BIT[other]))
            if self._largest[row][column] * 100 > DOMINANCE_PERCENT * of["spent"]:
                items += self._hide(row, column, _SPENT)
        return items

    def ranges(self, item: _Item) -> tuple[int, int]:
        """How many steps an item can be shown to move up and down, each as far as it has to."""
        enough = self._threshold - 1
        up = down = 0
        for move, is_up in _moves_of(item):
            if self._hidden[item.row][item.column] & move != move:
                continue
            for upwards in (True, False):
                raises = upwards == is_up
                reached = up if raises else down
                if reached < enough - (down if raises else up):
                    reached = max(reached, self._flow(move, item.row, item.column, upwards, enough))
                    up, down = (reached, down) if raises else (up, reached)
            if up + down >= enough:
                break
        return up, down

    def hide_ring(self, item: _Item, ranges: tuple[int, int]) -> list[_Item]:
        """Hide the cheapest ring along which the item moves as far as it has to; returns what is newly hidden."""
        up, down = ranges
        best: tuple[float, list[tuple[int, int]], int] | None = None
        for move, is_up in _moves_of(item):
            for upwards in (True, False):
                need = self._threshold - 1 - (down if upwards == is_up else up)
                ring = self._cheapest_ring(move, item.row, item.column, upwards, need, best[0] if best else inf)
                if ring is not None:
                    best = (*ring, move)
        assert best is not None, "the ring through the totals is always there"
        _, places, move = best
        return [new for row, column in places for new in self._hide(row, column, move)]

    def _hide(self, row: int, column: int, measures: int) -> list[_Item]:
        if measures & _USED:
            # Money tells how many passes it takes at least.
            measures |= _SPENT
        new = measures & ~self._hidden[row][column]
        self._hidden[row][column] |= new
        return [_Item(row, column, bit) for bit in _BIT.values() if bit & new]

    def _slacks_of(self, row: int, column: int) -> list[tuple[int, int, int]]:
        """The rules that hold at a place: the lesser measure, the greater, and the steps between them."""
        of = {measure: self._grids[measure][row][column] for measure in MEASURES}
        rules = [(_BIT[less], _BIT[more], of[more] - of[less]) for less, more in AT_MOST]
        worth = self._step["spent"]
        rules.append((_SPENT, _USED, (of["used"] * worth - of["spent"]) // worth))
        return [rule for rule in rules if rule[2] >= 0]

    def _room_for(self, move: int, row: int, column: int) -> tuple[float, float]:
        """How many steps the measures of a move can go up together at a place, and down, all others unmoved."""
        key = (move, row, column)
        if key not in self._room:
            up, down = inf, inf
            for less, more, slack in self._slacks[row, column]:
                if move & less and not move & more:
                    up = min(up, slack)
                if move & more and not move & less:
                    down = min(down, slack)
            for measure, bit in _BIT.items():
                if move & bit:
                    down = min(down, self._grids[measure][row][column] // self._step[measure])
            self._room[key] = (up, down)
        return self._room[key]

    def _arc(self, row: int, column: int) -> tuple[int, int]:
        """From which node to which a cell's value flows: rows first, then columns; those of totals run back."""
        is_total = (row == self._rows - 1) != (column == self._columns - 1)
        ends = (row, self._rows + column)
        return (ends[1], ends[0]) if is_total else ends

    def _flow(self, move: int, row: int, column: int, upwards: bool, enough: int) -> int:
        """How many steps (at most `enough`) a cell can move along rings of cells in which the whole move is hidden."""
        limit = min(self._room_for(move, row, column)[0 if upwards else 1], enough)
        left: dict[int, dict[int, float]] = {}
        for other in self._places:
            if other == (row, column) or self._hidden[other[0]][other[1]] & move != move:
                continue
            tail, head = self._arc(*other)
            up, down = self._room_for(move, *other)
            left.setdefault(tail, {})[head] = up
            left.setdefault(head, {})[tail] = down
        goal, start = self._arc(row, column) if upwards else self._arc(row, column)[::-1]
        moved = 0
        while moved < limit and (path := _path(left, start, goal)):
            pushed = min(limit - moved, min(left[a][b] for a, b in path))
            for a, b in path:
                left[a][b] -= pushed
                left[b][a] += pushed
            moved += int(pushed)
        return moved

    def _cheapest_ring(
        self, move: int, row: int, column: int, upwards: bool, need: int, most: float
    ) -> tuple[float, list[tuple[int, int]]] | None:
        """The ring for a move of `need` steps whose hiding costs least, and less than `most`."""
        cost = self._cost(move, row, column)
        if cost >= most or self._room_for(move, row, column)[0 if upwards else 1] < need:
            return None
        arcs: dict[int, list[tuple[int, float, tuple[int, int]]]] = {}
        for other in self._places:
            if other == (row, column):
                continue
            tail, head = self._arc(*other)
            up, down = self._room_for(move, *other)
            if up >= need:
                arcs.setdefault(tail, []).append((head, self._cost(move, *other), other))
            if down >= need:
                arcs.setdefault(head, []).append((tail, self._cost(move, *other), other))
        goal, start = self._arc(row, column) if upwards else self._arc(row, column)[::-1]
        heap: list[tuple[float, int, list[tuple[int, int]]]] = [(cost, start, [(row, column)])]
        done: set[int] = set()
        while heap:
            cost, node, ring = heappop(heap)
            if node == goal:
                return cost, ring
            if node in done:
                continue
            done.add(node)
            for onward, price, place in arcs.get(node, []):
                if onward not in done and cost + price < most:
                    heappush(heap, (cost + price, onward, [*ring, place]))
        return None

    def _cost(self, move: int, row: int, column: int) -> float:
        """What is lost by hiding a move's measures at a place, where they are not hidden yet.

        By the children entitled, whatever the measure: they change little from month to month, and so
        do the companions.
        """
        totals = (row == self._rows - 1) + (column == self._columns - 1)
        new = move & ~self._hidden[row][column]
        wanted = sum(weight for measure, weight in _WEIGHTS.items() if new & _BIT[measure])
        # Every cell costs a little even if hidden already, so that rings are short.
        return 0.001 + wanted * (20 + sqrt(self._grids["entitled"][row][column])) * (1, 10, 100)[totals]


def _moves_of(item: _Item) -> Iterator[tuple[int, bool]]:
    """The moves that change an item, and whether it goes the same way as they do."""
    for move in _MOVES:
        if bool(move & item.plus) != bool(move & item.minus):
            yield move, bool(move & item.plus)


def _path(left: dict[int, dict[int, float]], start: int, goal: int) -> list[tuple[int, int]]:
    """A shortest path of arcs that have room left; empty where there is none."""
    came: dict[int, int] = {start: start}
    queue = deque([start])
    while queue and goal not in came:
        node = queue.popleft()
        for onward, room in left.get(node, {}).items():
            if room > 0 and onward not in came:
                came[onward] = node
                queue.append(onward)
    if goal not in came:
        return []
    path, node = [], goal
    while node != start:
        path.append((came[node], node))
        node = came[node]
    return path
