"""Statistics of a scheme's period, with the numbers hidden by which children could be made out."""

from datetime import date, datetime
from typing import Annotated

import msgspec


class ReportPeriod(msgspec.Struct, frozen=True):
    """The days from `start` to `end`, both included."""

    start: date
    end: date


class ReportFigure(msgspec.Struct, frozen=True):
    """One figure of a period, and of the period before.

    `measure` is `entitled`, `issued`, `posted`, `returned` or `used` (children), or `spent` (øre). In totals
    `district` or `age_group` is `all`. A value that is hidden is null and flagged `suppressed`; `before` is also null
    where nothing was determined in that period.
    """

    district: str
    age_group: str
    measure: str
    value: int | None
    suppressed: bool
    before: int | None
    before_suppressed: bool


class ReportFigures(msgspec.Struct, frozen=True):
    """What may be published of a period as it stands now; counts under `threshold` are hidden.

    With them is hidden what they could be computed from.
    """

    municipality: str
    scheme: str
    period: ReportPeriod
    period_before: ReportPeriod
    threshold: int
    made_at: datetime
    districts: list[str]
    age_groups: list[str]
    suppressed: int
    figures: list[ReportFigure]


class ReportRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Report the scheme's period in which `period_of` lies, and keep the files."""

    scheme: Annotated[str, msgspec.Meta(max_length=40, examples=["fritidspas"])]
    period_of: date


class ReportThreshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Under which count no report of the municipality shows a figure."""

    threshold: Annotated[int, msgspec.Meta(ge=2, le=100, examples=[5])]
