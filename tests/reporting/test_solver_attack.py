"""What is hidden in a report of a town's size cannot be computed back, by whoever computes all that can be."""

import random
from itertools import combinations, product

import pytest

from service.reporting.disclosure import COUNTS, MEASURES, Table, protect, with_totals
from tests.reporting.attacker import grid

solver = pytest.importorskip("tests.reporting.solver", reason="the solver comes with the allocation of places")

THRESHOLD, WORTH = 5, 1_000


def _town(districts: int, groups: int, seed: int) -> Table:
    """A town of some large and many small districts; most have a pass, few letters come back, some passes are used."""
    random_ = random.Random(seed)
    values = {measure: grid(districts, groups) for measure in MEASURES}
    largest = grid(districts, groups)
    for row, column in product(range(districts), range(groups)):
        entitled = int(random_.expovariate(1 / random_.choice((1, 6, 15, 40))))
        issued = entitled - random_.choice((0, 0, 0, min(entitled, 1), min(entitled, 2)))
        posted = issued - random_.choice((0, 0, min(issued, 3)))
        used = random_.choice((0, random_.randint(0, posted)))
        each = [random_.randint(1, WORTH) for _ in range(used)]
        figures = (entitled, used, issued, posted, random_.choice((0, min(posted, 2))), sum(each))
        for measure, figure in zip(MEASURES, figures, strict=True):
            values[measure][row][column] = figure
        largest[row][column] = max(each, default=0)
    return Table(values=values, largest=largest, worth=WORTH)


@pytest.mark.parametrize(("districts", "groups", "seed"), [(3, 3, 1), (4, 3, 3)])
def test_a_solver_learns_no_hidden_figure(districts: int, groups: int, seed: int) -> None:
    table = _town(districts, groups, seed)
    hidden = protect(table, THRESHOLD)
    assert len(hidden) > 20
    attack = solver.Solver(table, hidden)
    for measure, row, column in sorted(hidden):
        least, most = attack.learns(attack.terms(measure, row, column))
        step = WORTH if measure == "spent" else 1
        assert (most - least) // step >= THRESHOLD - 1, (measure, row, column)
    totals = {measure: with_totals(table.values[measure]) for measure in COUNTS}
    for row, column in product(range(districts + 1), range(groups + 1)):
        for wanted, other in combinations(COUNTS, 2):
            if 0 < abs(totals[wanted][row][column] - totals[other][row][column]) < THRESHOLD:
                least, most = attack.learns(attack.difference(wanted, other, row, column))
                assert most - least >= THRESHOLD - 1, (wanted, other, row, column)


def test_the_solver_is_worth_its_name() -> None:
    """With one companion too few it learns the small figure to the child."""
    table = _town(3, 3, 1)
    hidden = protect(table, THRESHOLD)
    small = next(
        (row, column)
        for row, column in product(range(3), range(3))
        if 0 < table.values["entitled"][row][column] < THRESHOLD
    )
    alone = {cell for cell in hidden if cell[0] != "entitled"} | {("entitled", *small)}
    attack = solver.Solver(table, alone)
    true = table.values["entitled"][small[0]][small[1]]
    assert attack.learns(attack.terms("entitled", *small)) == (true, true)
