"""A report as CSV, one figure a line, and as a workbook for people."""

import csv
from pathlib import Path
from typing import Any

import xlsxwriter

from service.reporting.report import ALL, DEFINITIONS, IN_ORDER, Report

COLUMNS = (
    "period",
    "district",
    "age_group",
    "measure",
    "value",
    "suppressed",
    "value_before",
    "suppressed_before",
)
SHEETS = {
    "Entitled and issued": ("entitled", "issued"),
    "Posted and returned": ("posted", "returned"),
    "Used and spent": ("used", "spent"),
}
HIDDEN = "hidden"
_TOTALS = {ALL: "All districts"}


def write_csv(report: Report, stem: Path) -> Path:
    """Write every figure, totals as `all`; a hidden one is empty and flagged 1. `spent` is in øre."""
    path = stem.with_name(f"{stem.name}.csv")
    part = path.with_name(f".{path.name}.part")
    period = f"{report.period.start}/{report.period.end}"
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for line in report.lines:
            writer.writerow(
                (
                    period,
                    _as_text(line.district),
                    line.age_group,
                    line.measure,
                    line.value,
                    int(line.suppressed),
                    line.before,
                    int(line.before_suppressed),
                )
            )
    part.replace(path)
    return path


def write_workbook(report: Report, stem: Path) -> Path:
    """Write a sheet for each pair of measures, beside the period before, and one that says what they mean."""
    path = stem.with_name(f"{stem.name}.xlsx")
    part = path.with_name(f".{path.name}.part")
    book = xlsxwriter.Workbook(str(part))
    try:
        # Otherwise the clock of the machine would stand in the file.
        book.set_properties({"title": _title(report), "created": report.made_at.replace(tzinfo=None)})
        for name, measures in (("Overview", IN_ORDER), *SHEETS.items()):
            _add_sheet(book, name, measures, report)
        _add_about(book, report)
    finally:
        book.close()
    part.replace(path)
    return path


def _add_sheet(book: Any, name: str, measures: tuple[str, ...], report: Report) -> None:
    """The overview has a row for each district; the others one for each district and age group."""
    formats = {
        "head": book.add_format({"bold": True, "text_wrap": True, "bottom": 1, "valign": "top"}),
        "count": book.add_format({"num_format": "#,##0"}),
        "money": book.add_format({"num_format": "#,##0.00"}),
        "hidden": book.add_format({"italic": True, "font_color": "#595959", "align": "right"}),
    }
    by_age = name != "Overview"
    places = ["District", "Age"] if by_age else ["District"]
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, len(places))
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, len(places) + 2 * len(measures), 14)
    heads = [f"{measure.capitalize()}{', kr' if measure == 'spent' else ''}" for measure in measures]
    titles = [*places, *(title for head in heads for title in (head, f"{head}, period before"))]
    for column, title in enumerate(titles):
        sheet.write_string(0, column, title, formats["head"])
    groups = (*report.age_groups, ALL) if by_age else (ALL,)
    index = {(line.district, line.age_group, line.measure): line for line in report.lines}
    rows = [(district, group) for district in (*report.districts, ALL) for group in groups]
    for row, (district, group) in enumerate(rows, start=1):
        sheet.write_string(row, 0, _TOTALS.get(district, district))
        if by_age:
            sheet.write_string(row, 1, "All ages" if group == ALL else group)
        column = len(places)
        for measure in measures:
            line = index[district, group, measure]
            for value, hidden in ((line.value, line.suppressed), (line.before, line.before_suppressed)):
                _write(sheet, row, column, measure, value, hidden, formats)
                column += 1


def _write(
    sheet: Any, row: int, column: int, measure: str, value: int | None, hidden: bool, formats: dict[str, Any]
) -> None:
    if hidden:
        sheet.write_string(row, column, HIDDEN, formats["hidden"])
    elif value is not None and measure == "spent":
        sheet.write_number(row, column, value / 100, formats["money"])
    elif value is not None:
        sheet.write_number(row, column, value, formats["count"])


def _add_about(book: Any, report: Report) -> None:
    sheet = book.add_worksheet("About")
    bold, wrapped = book.add_format({"bold": True, "valign": "top"}), book.add_format({"text_wrap": True})
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 90)
    rows = {
        "Report": _title(report),
        "Period": f"{report.period.start} to {report.period.end}",
        "Period before": f"{report.before.start} to {report.before.end}",
        "Made at": report.made_at.isoformat(timespec="seconds"),
        "Threshold": str(report.threshold),
        "Hidden figures": (
            f"“{HIDDEN}” stands for a count under {report.threshold}, for one that differs from another by so few, for "
            "money that few children, or one above all, have spent, and for figures those could be computed from."
        ),
    }
    rows |= {name.capitalize(): meaning for name, meaning in DEFINITIONS.items() if name != "period before"}
    rows["Period before"] += f". {DEFINITIONS['period before']}"
    for row, (name, meaning) in enumerate(rows.items()):
        sheet.write_string(row, 0, name, bold)
        sheet.write_string(row, 1, meaning, wrapped)


def _title(report: Report) -> str:
    return f"{report.municipality}: {report.scheme}, {report.period.start} to {report.period.end}"


def _as_text(name: str) -> str:
    """A district's name so that a spreadsheet does not take it for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name
