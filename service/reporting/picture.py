"""Take-up by district as a picture: how many were entitled, got a pass, were sent it and used it."""

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from service.reporting.report import ALL, Report

# Four colours of the Okabe-Ito palette: told apart with every kind of colour vision, and in grey by their lightness.
BARS = {"entitled": "#56B4E9", "issued": "#0072B2", "posted": "#E69F00", "used": "#000000"}
_LABELS = {"entitled": "Entitled", "issued": "Pass issued", "posted": "Pass posted", "used": "Pass used"}
_THICK = 0.2
_MOST_DISTRICTS = 60


def write_pictures(report: Report, stem: Path) -> list[Path]:
    """Write the picture as SVG and PNG; the same report gives the same bytes."""
    paths = []
    with matplotlib.rc_context({"svg.hashsalt": "medspiller", "font.family": "DejaVu Sans", "font.size": 12}):
        figure = _draw(report)
        for kind, metadata in (("svg", {"Date": None, "Title": _title(report)}), ("png", {"Software": None})):
            path = stem.with_name(f"{stem.name}.{kind}")
            part = path.with_name(f".{path.name}.part")
            figure.savefig(part, format=kind, dpi=150, metadata=metadata)
            part.replace(path)
            paths.append(path)
    return paths


def _draw(report: Report) -> Figure:
    districts = report.districts[:_MOST_DISTRICTS]
    layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.12)
    figure = Figure(figsize=(11, 2.6 + 1.15 * len(districts)), layout=layout, facecolor="white")
    axes = figure.subplots()
    _draw_bars(axes, report, districts)
    axes.set_yticks(range(len(districts)), [_short(district) for district in districts])
    axes.set_ylim(len(districts) - 0.5, -0.5)
    axes.set_xlabel("Children")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.suptitle(_title(report), x=0.01, ha="left", fontsize=16, fontweight="bold")
    axes.set_title(_totals(report), loc="left", fontsize=12, pad=42)
    _legend(axes)
    if len(report.districts) > len(districts):
        axes.annotate(f"{len(report.districts) - len(districts)} more districts are in the tables.", (0, 0))
    return figure


def _draw_bars(axes: Axes, report: Report, districts: tuple[str, ...]) -> None:
    lines = {(line.district, line.measure): line for line in report.lines if line.age_group == ALL}
    most = max([lines[district, measure].value or 0 for district in districts for measure in BARS], default=0) or 1
    axes.set_xlim(0, most * 1.12)
    for row, district in enumerate(districts):
        for place, (measure, colour) in enumerate(BARS.items()):
            at = row + (place - 1.5) * _THICK
            value = lines[district, measure].value
            if value is None:
                axes.barh(
                    at, most * 0.05, _THICK * 0.86, color="white", edgecolor="#666666", hatch="////", linewidth=0.8
                )
                axes.text(most * 0.057, at, "hidden", va="center", fontsize=10, color="#444444", style="italic")
            else:
                axes.barh(at, value, _THICK * 0.86, color=colour)
                axes.text(value + most * 0.007, at, f"{value:,}", va="center", fontsize=10)


def _legend(axes: Axes) -> None:
    keys: list[Any] = [Patch(color=colour, label=_LABELS[measure]) for measure, colour in BARS.items()]
    keys.append(Patch(facecolor="white", edgecolor="#666666", hatch="////", label="Hidden"))
    axes.legend(
        handles=keys, loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, fontsize=11, borderpad=0.2
    )


def _title(report: Report) -> str:
    return f"Take-up of {report.scheme} in {report.municipality}, {report.period.start} to {report.period.end}"


def _totals(report: Report) -> str:
    """The whole municipality in a sentence."""
    said = []
    for measure in BARS:
        value = report.line(measure).value
        said.append(f"{_LABELS[measure].lower()}: {'hidden' if value is None else f'{value:,}'}")
    return "In all – " + ", ".join(said)


def _short(district: str) -> str:
    return district if len(district) <= 28 else f"{district[:27]}…"
