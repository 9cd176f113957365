"""Bars with their figures beside them, as a page draws them. Widths are percent of the picture; text keeps its size."""

from collections.abc import Mapping, Sequence

import msgspec

_MOST_GROUPS = 40
# What remains on the right is for the figure and its name.
_LONGEST = 56.0
_BAR, _HEAD, _GAP = 22, 26, 14


class Bar(msgspec.Struct, frozen=True):
    """A measure of a group: its top in pixels, its width in percent."""

    measure: str
    value: int
    top: int
    width: float


class Group(msgspec.Struct, frozen=True):
    """A district or a reason, and the top of it in pixels."""

    name: str
    top: int
    bars: tuple[Bar, ...]


class Chart(msgspec.Struct, frozen=True):
    """Groups of bars one below the other, `height` pixels in all; `left_out` groups are in the table alone."""

    groups: tuple[Group, ...]
    height: int
    left_out: int


def chart(counts: Mapping[str, Mapping[str, int]], measures: Sequence[str]) -> Chart:
    """The counts of each group by measure; a group in which all are nothing is not drawn."""
    told = {name: found for name, found in counts.items() if any(found.get(measure) for measure in measures)}
    drawn = list(told)[:_MOST_GROUPS]
    most = max((told[name].get(measure, 0) for name in drawn for measure in measures), default=0) or 1
    tall = _HEAD + len(measures) * _BAR + _GAP
    groups = []
    for place, name in enumerate(drawn):
        top = place * tall
        bars = tuple(
            Bar(measure, value, top + _HEAD + number * _BAR, round(value / most * _LONGEST, 2))
            for number, measure in enumerate(measures)
            for value in [told[name].get(measure, 0)]
        )
        groups.append(Group(name, top, bars))
    return Chart(tuple(groups), len(drawn) * tall, len(told) - len(drawn))
