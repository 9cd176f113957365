"""The waiting list as CSV: keys, points and reasons, and no names."""

import csv
import io
from typing import Final

from service.offers.waiting import Line
from service.values.spreadsheets import as_text

COLUMNS: Final = (
    "place",
    "municipality",
    "family",
    "persons",
    "beds",
    "need",
    "late",
    "points",
    "took_part_lately",
    "wishes",
    "next_for",
    "lacks",
)


def as_csv(line: Line) -> bytes:
    """A line for each waiting family in the order of the turns. `lacks` is `stay:reason` for each of its stays."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";")
    writer.writerow(COLUMNS)
    for one in line.waiters:
        listed = one.family.listed
        assert listed is not None
        cells = (
            one.place,
            one.family.municipality,
            one.family.id.key,
            one.family.persons,
            one.family.beds,
            listed.need,
            "yes" if listed.late else "no",
            one.score.points,
            "yes" if one.score.recent else "no",
            "|".join(one.options),
            one.goes or "",
            "|".join(f"{lack.stay}:{lack.reason}" for lack in one.lacks),
        )
        writer.writerow([as_text(str(cell)) for cell in cells])
    return file.getvalue().encode("utf-8-sig")
