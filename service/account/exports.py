"""The report of a year's holidays as a table for a spreadsheet and as pages to print."""

import csv
import io
import json
from pathlib import Path
from typing import Any, Final

import typst

from service.account.report import MEANINGS, MEASURES, Figures, Line, Report
from service.errors import N_
from service.letters.glyphs import font_folders
from service.values.spreadsheets import as_text
from service.web.formats import day, number
from service.web.texts import translator

_TEMPLATES: Final = Path(__file__).parent / "templates"
PLACES: Final = ("year", "district", "municipality")
COLUMNS: Final = (*PLACES, *MEASURES, *(f"{name}_before" for name in MEASURES))


def as_csv(report: Report) -> bytes:
    """A line for all, each district and each municipality; `…_before` is the year before. `all` names a whole."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for line in report.lines:
        places = [as_text(line.district or "all"), as_text(line.municipality or "all")]
        writer.writerow([report.year, *places, *_values(line.now), *_values(line.before)])
    return file.getvalue().encode("utf-8-sig")


def _values(figures: Figures) -> list[int | None]:
    return [getattr(figures, name) for name in MEASURES]


def as_pdf(report: Report, language: str) -> bytes:
    """The same as pages to print: PDF/UA in a language, the same bytes for the same report."""
    made = typst.Compiler(
        _TEMPLATES / "report.typ",
        root=_TEMPLATES,
        font_paths=typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(one) for one in font_folders()]
        ),
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(_view(report, language))},
    ).compile(format="pdf", pdf_standards=["ua-1"], timestamp=report.made_at)
    assert isinstance(made, bytes)
    return made


_LEAD: Final = N_("{organisation}, as it stood on {day}. In brackets the year before.")


def _view(report: Report, language: str) -> dict[str, Any]:
    said = translator(language).gettext
    running = ", ".join(f"{one.name} ({one.district})" for one in report.running)
    return {
        "language": language,
        "title": said(N_("Holidays in {year}"), year=report.year),
        "lead": said(_LEAD, organisation=report.organisation, day=day(report.made_at.date(), language, "long")),
        "running": said(N_("Not closed yet, so that figures may change: {seasons}."), seasons=running)
        if running
        else "",
        "columns": [said(N_("District and municipality")), *(said(name) for name in MEASURES.values())],
        "rows": [_row(line, language, said(N_("The whole organisation"))) for line in report.lines],
        "meanings": [(said(MEASURES[name]), said(meaning)) for name, meaning in MEANINGS.items()],
        "heading": said(N_("What the figures mean")),
    }


def _row(line: Line, language: str, everything: str) -> dict[str, Any]:
    level = 2 if line.municipality else 1 if line.district else 0
    cells = [
        (number(now, language), "" if now is None else f"({number(before, language)})")
        for now, before in zip(_values(line.now), _values(line.before), strict=True)
    ]
    return {"name": line.municipality or line.district or everything, "level": level, "cells": cells}
