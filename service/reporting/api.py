"""Reports in the API: the figures of a period with disclosure control, as JSON, tables and a picture.

Whole periods alone are reported, and by the municipality's own threshold: figures of two overlapping spans, or by two
thresholds, would tell together what each of them hides.
"""

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlmodel import Session

from schemas.job import Accepted
from schemas.report import ReportFigure, ReportFigures, ReportPeriod, ReportRequest, ReportThreshold
from service.database.requests import database_of, transactional
from service.eligibility import schemes
from service.errors import NotFound
from service.identity.access import actor_of, municipality_of
from service.identity.permissions import may
from service.jobs.orders import order
from service.jobs.queries import run_by_id
from service.reporting import actions
from service.reporting.queries import threshold_of
from service.reporting.report import Report
from service.values import clock
from service.web.accepted import accepted
from service.web.idempotency import idempotent
from service.web.problems import DOCUMENTED

AnyRequest = Request[Any, Any, State]
Scheme = Annotated[str, QueryParameter(description="The scheme's name, such as fritidspas.")]
PeriodOf = Annotated[date | None, QueryParameter(description="A date in the period; without one the running period.")]

_REPORTS: Final = "/api/v1/reports"
_TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "svg": "image/svg+xml",
    "png": "image/png",
}


@get(_REPORTS, sync_to_thread=True, opt=may("reports.read"), tags=["reports"], responses=DOCUMENTED)
@transactional
def show_figures(request: AnyRequest, session: Session, scheme: Scheme, period_of: PeriodOf = None) -> ReportFigures:
    """The figures of a scheme's period as they stand now, beside the period before. Small numbers are hidden."""
    report = _report(request, session, scheme, period_of)
    return ReportFigures(
        municipality=report.municipality,
        scheme=report.scheme,
        period=_period(report.period),
        period_before=_period(report.before),
        threshold=report.threshold,
        made_at=report.made_at,
        districts=list(report.districts),
        age_groups=list(report.age_groups),
        suppressed=report.suppressed,
        figures=[msgspec.convert(line, ReportFigure, from_attributes=True) for line in report.lines],
    )


@get(
    f"{_REPORTS}/figures.csv",
    sync_to_thread=True,
    opt=may("reports.read"),
    tags=["reports"],
    media_type="text/csv",
    responses=DOCUMENTED,
)
@transactional
def download_csv(request: AnyRequest, session: Session, scheme: Scheme, period_of: PeriodOf = None) -> Response[bytes]:
    """The same figures as CSV, one a line; a hidden one is empty and flagged 1."""
    return _figures(request, session, scheme, period_of, "csv")


@get(
    f"{_REPORTS}/figures.xlsx",
    sync_to_thread=True,
    opt=may("reports.read"),
    tags=["reports"],
    media_type=_TYPES["xlsx"],
    responses=DOCUMENTED,
)
@transactional
def download_workbook(
    request: AnyRequest, session: Session, scheme: Scheme, period_of: PeriodOf = None
) -> Response[bytes]:
    """The same figures as a workbook, with a sheet that says what they mean."""
    return _figures(request, session, scheme, period_of, "xlsx")


@get(
    f"{_REPORTS}/figures.svg",
    sync_to_thread=True,
    opt=may("reports.read"),
    tags=["reports"],
    media_type=_TYPES["svg"],
    responses=DOCUMENTED,
)
@transactional
def download_picture(
    request: AnyRequest, session: Session, scheme: Scheme, period_of: PeriodOf = None
) -> Response[bytes]:
    """The take-up by district as a picture."""
    return _figures(request, session, scheme, period_of, "svg")


@post(_REPORTS, sync_to_thread=True, opt=may("reports.read"), tags=["reports"], status_code=202, responses=DOCUMENTED)
@transactional
@idempotent
def order_report(request: AnyRequest, session: Session, data: JSONBody[ReportRequest]) -> Response[Accepted]:
    """Make a report and keep its files, as the figures stand then; the run's outcome names them."""
    municipality = municipality_of(request)
    schemes.find_scheme(session, municipality, data.scheme)
    asked = msgspec.to_builtins(data)
    return accepted(request, order(session, municipality.id, "report.make", asked, actor_of(request)))


@get(
    f"{_REPORTS}/{{order_id:uuid}}/{{file:str}}",
    sync_to_thread=True,
    opt=may("reports.read"),
    tags=["reports"],
    media_type="application/octet-stream",
    responses=DOCUMENTED,
)
@transactional
def download_kept(
    request: AnyRequest, session: Session, order_id: FromPath[UUID], file: FromPath[str]
) -> Response[bytes]:
    """A file of a report that was ordered: `report.csv`, `report.xlsx`, `report.svg` or `report.png`."""
    name, _, ending = file.partition(".")
    if run_by_id(session, order_id).job != "report.make" or name != "report" or ending not in _TYPES:
        raise NotFound("There is no such file of a report.")
    folder = database_of(request).home / "reports" / municipality_of(request).code / "orders" / str(order_id)
    try:
        content = (folder / file).read_bytes()
    except FileNotFoundError:
        raise NotFound("The report is not made yet. Ask for its run: GET /api/v1/jobs/runs/ID.") from None
    return _file(content, file, ending)


@get(f"{_REPORTS}/settings", sync_to_thread=True, opt=may("reports.read"), tags=["reports"], responses=DOCUMENTED)
@transactional
def show_settings(session: Session) -> ReportThreshold:
    """Under which count the municipality's reports hide a figure."""
    return ReportThreshold(threshold_of(session))


@put(f"{_REPORTS}/settings", sync_to_thread=True, opt=may("reports.change"), tags=["reports"], responses=DOCUMENTED)
@transactional
def change_settings(request: AnyRequest, session: Session, data: JSONBody[ReportThreshold]) -> ReportThreshold:
    """Set under which count every report from now on hides a figure."""
    actions.set_threshold(session, municipality_of(request), data.threshold, actor_of(request))
    return data


ROUTES = [
    show_figures,
    download_csv,
    download_workbook,
    download_picture,
    order_report,
    download_kept,
    show_settings,
    change_settings,
]
"""The API of reports."""


def _report(request: AnyRequest, session: Session, scheme: str, period_of: date | None) -> Report:
    municipality = municipality_of(request)
    on = period_of or clock.today(municipality.time_zone)
    return actions.show_report(session, municipality, scheme, on, actor_of(request))


def _period(period: Any) -> ReportPeriod:
    return ReportPeriod(period.start, period.end)


def _figures(
    request: AnyRequest, session: Session, scheme: str, period_of: date | None, ending: str
) -> Response[bytes]:
    report = _report(request, session, scheme, period_of)
    name = f"{report.scheme}-{report.period.start}.{ending}"
    return _file(actions.file_of(report, ending), name, ending)


def _file(content: bytes, name: str, ending: str) -> Response[bytes]:
    # A picture is to be seen, a table to be kept.
    where = "inline" if ending in ("svg", "png") else "attachment"
    headers = {"Content-Disposition": f'{where}; filename="{name}"'}
    return Response(content, media_type=_TYPES[ending], headers=headers)
