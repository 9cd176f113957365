"""Bars with their figures beside them, as `ui.bars` draws them.

Widths are percent of the picture, so that it fits a phone and a sheet of paper; text keeps its size.
"""

from collections.abc import Mapping, Sequence

import msgspec

_MOST_GROUPS = 60
# What remains on the right is for the figure and its name.
_LONGEST = 56.0
_STUB = 4.0
_BAR, _HEAD, _GAP = 22, 26, 14


class Bar(msgspec.Struct, frozen=True):
    """A measure of a group: its top in pixels, its width in percent; `value` is None where it is hidden."""

    measure: str
    value: int | None
    top: int
    width: float


class Group(msgspec.Struct, frozen=True):
    """A district, a reason or an age group, and the top of it in pixels."""

    name: str
    top: int
    bars: tuple[Bar, ...]


class Chart(msgspec.Struct, frozen=True):
    """Groups of bars one below the other, `height` pixels in all; `left_out` groups are in the table alone."""

    groups: tuple[Group, ...]
    height: int
    left_out: int


def chart(counts: Mapping[str, Mapping[str, int | None]], measures: Sequence[str], *, whole: bool = False) -> Chart:
    """The counts of each group by measure, None for one that is hidden.

    A group in which all are nothing is drawn only where the picture is to be `whole`.
    """
    found = {name: [of.get(measure, 0) for measure in measures] for name, of in counts.items()}
    told = {name: values for name, values in found.items() if whole or any(value != 0 for value in values)}
    drawn = list(told.items())[:_MOST_GROUPS]
    most = max((value or 0 for _, values in drawn for value in values), default=0) or 1
    tall = _HEAD + len(measures) * _BAR + _GAP
    groups = []
    for place, (name, values) in enumerate(drawn):
        top = place * tall
        bars = tuple(
            Bar(measure, value, top + _HEAD + number * _BAR, _width(value, most))
            for number, (measure, value) in enumerate(zip(measures, values, strict=True))
        )
        groups.append(Group(name, top, bars))
    return Chart(tuple(groups), len(drawn) * tall, len(told) - len(drawn))


def _width(value: int | None, most: int) -> float:
    return _STUB if value is None else round(value / most * _LONGEST, 2)
