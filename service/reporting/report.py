"""A report: a period's figures beside those of the period before, with what is not shown taken out."""

from datetime import datetime

import msgspec

from service.errors import N_
from service.reporting.disclosure import protect, with_totals
from service.reporting.queries import AgeGroup, Figures
from service.values.periods import Period

ALL = "all"
UNKNOWN = "unknown"
# As a reader follows a pass: given, sent, come back, used.
IN_ORDER = ("entitled", "issued", "posted", "returned", "used", "spent")

DEFINITIONS = {
    "entitled": N_("Children whose determination in force says that they are entitled."),
    "issued": N_("Children who have a pass of the period, whatever became of it."),
    "posted": N_("Children whose pass was handed over to the post, whether or not the letter came back."),
    "returned": N_("Children to whom every letter with the pass came back, and none is under way again."),
    "used": N_("Children for whom a club was paid something from the pass."),
    "spent": N_("What was paid to clubs from passes, less what was taken back. In kroner; øre in the CSV file."),
    "district": N_("The child's district as it was last determined."),
    "age": N_(
        "Whole years on the period's first day; the youngest group also has those who reach it within the period."
    ),
    "period before": N_("As it stands now, over its whole length."),
}


class Line(msgspec.Struct, frozen=True):
    """One figure: `district` and `age_group` are `all` in totals; a value that is hidden, or is not known, is None."""

    district: str
    age_group: str
    measure: str
    value: int | None
    suppressed: bool
    before: int | None
    before_suppressed: bool


class Report(msgspec.Struct, frozen=True):
    """What may be published. `spent` is in øre; `before` has no figures where nothing was determined in it."""

    municipality: str
    scheme: str
    period: Period
    before: Period
    threshold: int
    made_at: datetime
    districts: tuple[str, ...]
    age_groups: tuple[str, ...]
    lines: tuple[Line, ...]
    files: tuple[str, ...] = ()

    def line(self, measure: str, district: str = ALL, age_group: str = ALL) -> Line:
        """The figure of a measure, by default for the whole municipality."""
        wanted = (district, age_group, measure)
        return next(line for line in self.lines if (line.district, line.age_group, line.measure) == wanted)

    @property
    def suppressed(self) -> int:
        """How many figures of the period are hidden."""
        return sum(line.suppressed for line in self.lines)


Shown = dict[tuple[str, str, str], int | None]


def group_name(group: AgeGroup) -> str:
    return f"{group[0]}–{group[1]}" if group[0] < group[1] else str(group[0])


def shown(figures: Figures | None, groups: tuple[AgeGroup, ...], threshold: int) -> Shown:
    """Every figure with totals by district, age group and measure; None where it is hidden.

    A period is protected by its own figures alone, so that it is shown the same in every report it stands in.
    """
    if figures is None:
        return {}
    hidden = protect(figures.table, threshold)
    rows = [*(name or UNKNOWN for name in figures.districts), ALL]
    columns = [*map(group_name, groups), ALL]
    return {
        (district, group, measure): None if (measure, row, column) in hidden else value
        for measure in IN_ORDER
        for row, (district, values) in enumerate(zip(rows, with_totals(figures.table.values[measure]), strict=True))
        for column, (group, value) in enumerate(zip(columns, values, strict=True))
    }


def lines_of(now: Shown, before: Shown, districts: tuple[str, ...], groups: tuple[str, ...]) -> tuple[Line, ...]:
    """The lines of a report, district by district; a district that only one period knows is zero in the other."""
    return tuple(
        Line(
            district=district,
            age_group=group,
            measure=measure,
            value=now.get((district, group, measure), 0),
            suppressed=now.get((district, group, measure), 0) is None,
            before=before.get((district, group, measure), 0) if before else None,
            before_suppressed=bool(before) and before.get((district, group, measure), 0) is None,
        )
        for district in (*districts, ALL)
        for group in (*groups, ALL)
        for measure in IN_ORDER
    )
