"""The trail as people read it: lines in their language, and the file for a family."""

import csv
import io
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from service.audit.queries import Actors, Entry
from service.audit.words import DOORS, SUBJECTS, details_said, what, who
from service.errors import N_, Translate
from service.values.spreadsheets import as_text

_COLUMNS: Final = (
    N_("When"),
    N_("Who"),
    N_("Through"),
    N_("What"),
    N_("To what"),
    N_("Concerned"),
    N_("Why"),
    N_("Details"),
    N_("Sealed"),
)
_ALONE, _AMONG_OTHERS = N_("the family alone"), N_("the family among others")
_YES, _NO = N_("yes"), N_("no")


class Line(msgspec.Struct, frozen=True):
    """An entry in the reader's language. `email` tells two people of the same name apart, empty for a system.

    `alone`: of a family's entries, whether this one concerned the family alone.
    """

    id: UUID
    at: datetime
    who: str
    email: str
    door: str
    said: str
    subject: str
    subject_id: UUID | None
    reason: str | None
    details: list[str]
    sealed: bool
    alone: bool


def lines_of(
    entries: Iterable[Entry], known: Actors, translate: Translate, own: Collection[UUID] = frozenset()
) -> list[Line]:
    """The entries in words; `own` are the subjects that are a family's alone."""
    return [
        Line(
            id=entry.id,
            at=entry.at,
            who=who(entry, known, translate),
            email=_email(entry, known),
            door=translate(DOORS.get(entry.door, entry.door)),
            said=translate(what(entry.action)),
            subject=translate(SUBJECTS.get(entry.subject_kind, entry.subject_kind)),
            subject_id=entry.subject_id,
            reason=entry.reason,
            details=details_said(entry.details, translate),
            sealed=entry.sealed,
            alone=entry.subject_id in own,
        )
        for entry in entries
    ]


def _email(entry: Entry, known: Actors) -> str:
    if entry.account_id is None or "token" in entry.details:
        return ""
    return known.people.get(entry.account_id, ("", ""))[1]


def family_csv(lines: Iterable[Line], time_zone: str, translate: Callable[[str], str]) -> bytes:
    """A family's reads and changes for a spreadsheet, instants as on the clocks of the place.

    It names nobody of the family and has no id of theirs. The byte order mark tells spreadsheets that it is UTF-8.
    """
    zone = ZoneInfo(time_zone)
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";")
    writer.writerow(translate(column) for column in _COLUMNS)
    for line in lines:
        cells = (
            f"{line.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            line.who,
            line.door,
            line.said,
            line.subject,
            translate(_ALONE if line.alone else _AMONG_OTHERS),
            line.reason or "",
            "; ".join(line.details),
            translate(_YES if line.sealed else _NO),
        )
        writer.writerow(as_text(cell) for cell in cells)
    return file.getvalue().encode("utf-8-sig")
