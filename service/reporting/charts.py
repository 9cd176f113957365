"""A report as bars: what is drawn comes from the lines of the report alone, which hide what is hidden."""

from collections.abc import Iterable

from service.reporting.report import ALL, Line, Report
from service.web.charts import Chart, chart

DRAWN = ("entitled", "issued", "posted", "used")


def by_district(report: Report) -> Chart:
    """The districts' children, of all ages."""
    return _drawn(report.districts, ((line.district, line) for line in report.lines if line.age_group == ALL))


def by_age(report: Report, district: str = ALL) -> Chart:
    """The age groups' children, of all districts or of one."""
    return _drawn(report.age_groups, ((line.age_group, line) for line in report.lines if line.district == district))


def _drawn(names: tuple[str, ...], lines: Iterable[tuple[str, Line]]) -> Chart:
    values = {(name, line.measure): line.value for name, line in lines}
    return chart({name: {measure: values[name, measure] for measure in DRAWN} for name in names}, DRAWN, whole=True)
