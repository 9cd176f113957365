"""HiGHS, held so that the same model always gives the same answer: one thread, a fixed seed, no clock.

Everything here is whole numbers: each variable is 0 or 1, coefficients and weights are integers. So a bound less
than 1 above what was found proves it the best. Weights stay small: HiGHS takes 0.999999 for 1.
"""

from collections.abc import Mapping, Sequence

import highspy
import msgspec

# The class that highspy wraps. The wrapper prints on standard output when it is made; this one can be kept silent.
from highspy._core import _Highs

LARGEST_OBJECTIVE = 2**40
_SEED = 20130706
_TOLERANCE = 1e-7
_OPTIONS: dict[str, bool | float | int | str] = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "random_seed": _SEED,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.9,
    "mip_feasibility_tolerance": _TOLERANCE,
}
_WITHOUT_HEURISTICS: dict[str, bool | float | int | str] = {
    "mip_heuristic_effort": 0.0,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
    "mip_allow_restart": False,
}


class Row(msgspec.Struct, frozen=True):
    """`least` ≤ the sum of the coefficients of the variables that are 1 ≤ `most`."""

    coefficients: dict[int, int]
    least: int | None
    most: int | None


class Answer(msgspec.Struct, frozen=True):
    """The variables that are 1, whether it is proven that nothing is better, and the iterations that it took."""

    ones: frozenset[int]
    proven: bool
    iterations: int


def maximise(
    variables: int,
    rows: Sequence[Row],
    weights: Mapping[int, int],
    start: frozenset[int],
    node_limit: int,
    *,
    to_prove: bool = False,
) -> Answer:
    """The choice of greatest weight among those that meet all rows.

    `start` meets them; it is what is improved on, and the answer where nothing better was found. What HiGHS answers is
    reckoned anew in whole numbers before it is believed. `to_prove`: it is expected that there is nothing better.
    """
    if not variables:
        return Answer(start, True, 0)
    highs = _Highs()
    options = {**_OPTIONS, "mip_max_nodes": node_limit} | (_WITHOUT_HEURISTICS if to_prove else {})
    for option, value in options.items():
        _must(highs.setOptionValue(option, value))
    _must(highs.passModel(_model(variables, rows, weights)))
    _must(highs.setSolution(len(start), sorted(start), [1.0] * len(start)))
    _must(highs.run())
    iterations = max(0, int(highs.getInfo().simplex_iteration_count))
    proven = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    values = list(highs.getSolution().col_value)
    ones = frozenset(at for at, value in enumerate(values) if value > 0.5)
    if len(values) != variables or not meets(rows, ones) or weight(weights, ones) < weight(weights, start):
        return Answer(start, False, iterations)
    return Answer(ones, proven, iterations)


def meets(rows: Sequence[Row], ones: frozenset[int]) -> bool:
    """Whether a choice meets every row, in whole numbers."""
    for row in rows:
        total = weight(row.coefficients, ones)
        if (row.least is not None and total < row.least) or (row.most is not None and total > row.most):
            return False
    return True


def weight(weights: Mapping[int, int], ones: frozenset[int]) -> int:
    """The sum of the weights of the variables that are 1."""
    return sum(value for at, value in weights.items() if at in ones)


def _model(variables: int, rows: Sequence[Row], weights: Mapping[int, int]) -> highspy.HighsLp:
    if sum(abs(value) for value in weights.values()) > LARGEST_OBJECTIVE:
        raise ValueError("The weights are too large to be told apart.")
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = variables, len(rows)
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_ = [float(weights.get(at, 0)) for at in range(variables)]
    lp.col_lower_, lp.col_upper_ = [0.0] * variables, [1.0] * variables
    lp.integrality_ = [highspy.HighsVarType.kInteger] * variables
    lp.row_lower_ = [-highspy.kHighsInf if row.least is None else float(row.least) for row in rows]
    lp.row_upper_ = [highspy.kHighsInf if row.most is None else float(row.most) for row in rows]
    starts: list[int] = [0]
    indices: list[int] = []
    values: list[float] = []
    for row in rows:
        indices += row.coefficients
        values += [float(value) for value in row.coefficients.values()]
        starts.append(len(indices))
    matrix = lp.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.start_, matrix.index_, matrix.value_ = starts, indices, values
    return lp


def _must(status: highspy.HighsStatus) -> None:
    if status == highspy.HighsStatus.kError:
        raise RuntimeError("HiGHS refused the model.")
