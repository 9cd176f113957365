"""Bars of a report for its page: persons who came and persons refused, by district.

Widths are percent of the picture, so that it fits a phone and a sheet of paper; text keeps its size.
"""

from typing import Final

import msgspec

from service.account.report import Report

DRAWN: Final = ("persons", "refused_persons")
_LONGEST: Final = 52.0
_HEAD, _BAR, _GAP = 26, 22, 14


class Bar(msgspec.Struct, frozen=True):
    """A measure: its top in pixels, its width in percent."""

    measure: str
    value: int
    top: int
    width: float


class Group(msgspec.Struct, frozen=True):
    """A district: its name and the top of it in pixels."""

    name: str
    top: int
    bars: tuple[Bar, ...]


class Chart(msgspec.Struct, frozen=True):
    """Groups one below the other, `height` pixels in all."""

    groups: tuple[Group, ...]
    height: int


def by_district(report: Report) -> Chart:
    """The districts' persons."""
    most = max((getattr(one.now, name) for one in report.districts for name in DRAWN), default=0) or 1
    tall = _HEAD + len(DRAWN) * _BAR + _GAP
    groups = []
    for place, line in enumerate(report.districts):
        top = place * tall
        bars = tuple(
            Bar(
                name,
                getattr(line.now, name),
                top + _HEAD + at * _BAR,
                round(getattr(line.now, name) / most * _LONGEST, 2),
            )
            for at, name in enumerate(DRAWN)
        )
        groups.append(Group(line.district or "", top, bars))
    return Chart(tuple(groups), len(groups) * tall)
