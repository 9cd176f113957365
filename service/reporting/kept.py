"""The reports that the timetable has kept: files in the home, one set for each scheme and month."""

import re
from pathlib import Path

import msgspec

_NAME = re.compile(r"report-(\d{4}-(?:0[1-9]|1[0-2]))\.(csv|xlsx|svg|png)")
_ENDINGS = ("csv", "xlsx", "svg", "png")


class Kept(msgspec.Struct, frozen=True):
    """A report of a month (`2017-03`) with the endings of its files."""

    scheme: str
    month: str
    endings: tuple[str, ...]


def kept_reports(home: Path, code: str, schemes: list[str]) -> list[Kept]:
    """The reports of a municipality's schemes, the newest first."""
    found = []
    for scheme in schemes:
        months: dict[str, set[str]] = {}
        for path in (home / "reports" / code / scheme).glob("report-*"):
            if match := _NAME.fullmatch(path.name):
                months.setdefault(match[1], set()).add(match[2])
        for month, endings in months.items():
            found.append(Kept(scheme, month, tuple(ending for ending in _ENDINGS if ending in endings)))
    return sorted(found, key=lambda one: (one.month, one.scheme), reverse=True)


def read_kept(home: Path, code: str, schemes: list[str], scheme: str, name: str) -> tuple[bytes, str] | None:
    """A file of a kept report with its ending; None where there is none of this name."""
    match = _NAME.fullmatch(name)
    if match is None or scheme not in schemes:
        return None
    try:
        return (home / "reports" / code / scheme / name).read_bytes(), match[2]
    except FileNotFoundError:
        return None
