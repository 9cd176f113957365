"""Bars of a report for its page: what is drawn comes from the lines of the report alone, which hide what is hidden.

Widths are percent of the picture, so that it fits a phone and a sheet of paper; text keeps its size.
"""

import msgspec

from service.reporting.report import ALL, Line, Report

DRAWN = ("entitled", "issued", "posted", "used")
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
    """A district or an age group: its name and the top of it in pixels."""

    name: str
    top: int
    bars: tuple[Bar, ...]


class Chart(msgspec.Struct, frozen=True):
    """Groups of bars one below the other, `height` pixels in all; `left_out` groups are in the table alone."""

    groups: tuple[Group, ...]
    height: int
    left_out: int


def by_district(report: Report) -> Chart:
    """The districts' children, of all ages."""
    lines = {(line.district, line.measure): line for line in report.lines if line.age_group == ALL}
    return _chart(report.districts, lines)


def by_age(report: Report, district: str = ALL) -> Chart:
    """The age groups' children, of all districts or of one."""
    lines = {(line.age_group, line.measure): line for line in report.lines if line.district == district}
    return _chart(report.age_groups, lines)


def _chart(names: tuple[str, ...], lines: dict[tuple[str, str], Line]) -> Chart:
    drawn = names[:_MOST_GROUPS]
    most = max((lines[name, measure].value or 0 for name in drawn for measure in DRAWN), default=0) or 1
    tall = _HEAD + len(DRAWN) * _BAR + _GAP
    groups = []
    for place, name in enumerate(drawn):
        top = place * tall
        bars = tuple(
            _bar(lines[name, measure], top + _HEAD + number * _BAR, most) for number, measure in enumerate(DRAWN)
        )
        groups.append(Group(name, top, bars))
    return Chart(tuple(groups), len(drawn) * tall, len(names) - len(drawn))


def _bar(line: Line, top: int, most: int) -> Bar:
    width = _STUB if line.value is None else round(line.value / most * _LONGEST, 2)
    return Bar(line.measure, line.value, top, width)
