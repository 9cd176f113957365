"""The page of reports: a period's figures as numbers, charts and tables, and the reports that were kept.

Everything on it is read off the one protected table of the period: a district that is chosen shows a part of that
table, so that a figure which is hidden in one view is hidden in all.
"""

from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from msgspec import Meta
from sqlalchemy import text
from sqlmodel import Session

from service.database.requests import database_of, transactional
from service.errors import N_, NotFound
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.reporting.actions import show_report
from service.reporting.charts import by_age, by_district
from service.reporting.kept import kept_reports, read_kept
from service.reporting.report import ALL, DEFINITIONS, IN_ORDER, UNKNOWN, Report
from service.values.periods import Period
from service.web.charts import Chart
from service.web.formats import day
from service.web.forms import blank, read_form
from service.web.pages import language_of, page

PATH: Final = "/reports"
_READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("reports.read")}
_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "svg": "image/svg+xml",
    "png": "image/png",
}

MEASURES: Final = {
    "entitled": N_("Entitled"),
    "issued": N_("Pass issued"),
    "posted": N_("Pass posted"),
    "returned": N_("Letter returned"),
    "used": N_("Pass used"),
    "spent": N_("Spent"),
}
"""The measures' names."""


class Choice(msgspec.Struct, frozen=True):
    """What is looked at: a scheme, the first day of a period, and a district, or all of them."""

    scheme: Annotated[str | None, Meta(title=N_("Scheme"))] = None
    period: Annotated[date | None, Meta(title=N_("Period"))] = None
    district: Annotated[str | None, Meta(title=N_("District"))] = None


class Figure(msgspec.Struct, frozen=True):
    """A figure beside that of the period before; None is hidden, or unknown where `known_before` is false."""

    measure: str
    value: int | float | None
    before: int | float | None
    known_before: bool


class Cells(msgspec.Struct, frozen=True):
    """A row of a table: the figures of a district or an age group in the order of the measures, and the take-up."""

    name: str
    values: tuple[int | None, ...]
    take_up: float | None


@get(PATH, **_READ)
@transactional
def show_reports(request: AnyRequest, session: Session) -> Response[str]:
    """The figures of a period: without a choice those of the newest."""
    municipality = municipality_of(request)
    known = _periods(session)
    home = database_of(request).home
    kept = kept_reports(home, municipality.code, [*known])
    if not known:
        return page(request, "reporting/none.html")
    asked = read_form(dict(request.query_params), Choice)
    scheme = asked.scheme or next(iter(known))
    periods = known.get(scheme)
    if periods is None:
        raise NotFound("There is no report of this scheme. Choose one of the list.")
    start = asked.period or periods[0].start
    if all(period.start != start for period in periods):
        # The periods of one scheme need not be those of another that was looked at before.
        start = periods[0].start
    report = show_report(session, municipality, scheme, start, actor_of(request))
    district = asked.district or ALL
    if district != ALL and district not in report.districts:
        raise NotFound("This report has no such district. Choose one of the list.")
    return page(
        request,
        "reporting/report.html",
        report=report,
        district=district,
        form=blank(request, Choice, scheme=scheme, period=start, district=asked.district),
        schemes=[(name, name) for name in known],
        periods=[(period.start, _said(request, period)) for period in periods],
        download=urlencode({"scheme": scheme, "period_of": start}),
        kept=kept,
        **_figures(report, district),
    )


@get(f"{PATH}/kept/{{scheme:str}}/{{file:str}}", **_READ)
@transactional
def download_kept(request: AnyRequest, session: Session, scheme: FromPath[str], file: FromPath[str]) -> Response[bytes]:
    """A file of a report that the timetable has kept."""
    code = municipality_of(request).code
    found = read_kept(database_of(request).home, code, [*_periods(session)], scheme, file)
    if found is None:
        raise NotFound("There is no such file of a report.")
    content, ending = found
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return Response(content, media_type=_TYPES[ending], headers=headers)


ROUTES = [show_reports, download_kept]
"""The pages of reports."""


def _figures(report: Report, district: str) -> dict[str, Any]:
    """What the page shows of the report, for all districts or one of them."""
    charts: dict[str, Chart] = {"ages": by_age(report, district)}
    tables = {"ages": _table(report, [(district, group) for group in (*report.age_groups, ALL)], by="age")}
    if district == ALL:
        charts["districts"] = by_district(report)
        tables["districts"] = _table(report, [(name, ALL) for name in (*report.districts, ALL)], by="district")
    return {
        "key_figures": [_figure(report, measure, district) for measure in IN_ORDER],
        "take_up": _take_up_figure(report, district),
        "charts": charts,
        "tables": tables,
        "measures": MEASURES,
        "definitions": DEFINITIONS,
        "ALL": ALL,
        "UNKNOWN": UNKNOWN,
    }


def _figure(report: Report, measure: str, district: str) -> Figure:
    line = report.line(measure, district)
    return Figure(measure, line.value, line.before, line.before is not None or line.before_suppressed)


def _take_up_figure(report: Report, district: str) -> Figure:
    entitled, used = (_figure(report, measure, district) for measure in ("entitled", "used"))
    now, before = _share(used.value, entitled.value), _share(used.before, entitled.before)
    hidden_before = entitled.known_before and (entitled.before is None or used.before is None)
    return Figure("take_up", now, before, before is not None or hidden_before)


def _table(report: Report, places: list[tuple[str, str]], by: str) -> list[Cells]:
    index = {(line.district, line.age_group, line.measure): line.value for line in report.lines}
    rows = []
    for district, group in places:
        values = {measure: index[district, group, measure] for measure in IN_ORDER}
        name = group if by == "age" else district
        rows.append(Cells(name, tuple(values.values()), _share(values["used"], values["entitled"])))
    return rows


def _share(part: int | float | None, whole: int | float | None) -> float | None:
    """What the reader could compute from two figures that are shown; None where one is hidden, or there is nobody."""
    return None if part is None or not whole else part / whole


def _said(request: AnyRequest, period: Period) -> str:
    language = language_of(request)
    return f"{day(period.start, language)} – {day(period.end, language)}"


def _periods(session: Session) -> dict[str, list[Period]]:
    """The periods for which something was determined, the newest first, by scheme."""
    found: dict[str, list[Period]] = {}
    for row in session.execute(text(_PERIODS)):
        found.setdefault(row.name, []).append(Period(row.period_start, row.period_end))
    return found


_PERIODS = """
    SELECT DISTINCT s.name, r.period_start, r.period_end FROM refresh_run r JOIN scheme s ON s.id = r.scheme_id
    WHERE r.state = 'committed' AND EXISTS (SELECT FROM determination d
        WHERE d.scheme_id = r.scheme_id AND d.period_start = r.period_start AND d.ended_at IS NULL)
    ORDER BY s.name, r.period_start DESC
"""
