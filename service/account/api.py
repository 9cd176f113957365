"""The account of a season and the report of a year's holidays in the API, for coordinators."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import Body, FromPath, QueryParameter
from sqlmodel import Session

from schemas.account import AccountClosed, AccountDetail, HolidayReport, NamesKept
from service.account import closing
from service.account.exports import as_csv, as_pdf
from service.account.report import Report, read_report
from service.database.requests import keys_of, transactional
from service.identity.access import AnyRequest, actor_of, organisation_of
from service.identity.permissions import may
from service.stays.queries import find_season
from service.stays.stays_web import as_file
from service.web.idempotency import idempotent
from service.web.pages import language_of
from service.web.problems import DOCUMENTED

CLOSE: Final[dict[str, Any]] = {"sync_to_thread": True, "responses": DOCUMENTED, "opt": may("account.close")}
READ: Final[dict[str, Any]] = {"sync_to_thread": True, "responses": DOCUMENTED, "opt": may("holidays.report")}
_ACCOUNT: Final = "/api/v1/seasons/{season_id:uuid}/account"
_REPORT: Final = "/api/v1/holidays-report"
Year = Annotated[int, QueryParameter(description="The year in which the seasons begin, such as 2026.")]


@get(_ACCOUNT, tags=["seasons"], **CLOSE)
@transactional
def show_account(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> AccountDetail:
    """A season's account: as it was kept, or as it stands now while it is not closed."""
    return _detail(request, session, season_id)


def _detail(request: AnyRequest, session: Session, season_id: UUID) -> AccountDetail:
    place, season = organisation_of(request), find_season(session, season_id)
    state = closing.account_state(session, place.tenant_id, season_id)
    _, rows = closing.rows_of(session, season, place.time_zone)
    ordered = sorted(rows, key=lambda one: (str(one.municipality_id or ""), str(one.stay_id or "")))
    known = msgspec.structs.asdict(state)
    shown = [msgspec.structs.asdict(one) for one in ordered]
    return msgspec.convert({"season_id": season_id, "rows": shown} | known, AccountDetail)


@post(f"{_ACCOUNT}/closing", status_code=200, tags=["seasons"], **CLOSE)
@transactional
@idempotent
def close_account(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> AccountClosed:
    """Close the account of a season that is over, once and for good: figures are kept, refused families get credit."""
    place, by = organisation_of(request), actor_of(request)
    closed = closing.close_account(session, place.tenant_id, place.time_zone, keys_of(request), season_id, by)
    return msgspec.convert(closed, AccountClosed, from_attributes=True)


@put(f"{_ACCOUNT}/settings", tags=["seasons"], **CLOSE)
@transactional
def keep_days(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[NamesKept, Body()]
) -> AccountDetail:
    """Set for how many days after the season's last one its names are kept, here and with its municipalities."""
    place = organisation_of(request)
    closing.set_names_kept(session, place.tenant_id, season_id, data.names_kept_days, actor_of(request))
    return _detail(request, session, season_id)


def _report(request: AnyRequest, session: Session, year: int) -> Report:
    place = organisation_of(request)
    return read_report(session, place.tenant_id, place.name, place.time_zone, year, actor_of(request))


@get(_REPORT, tags=["reports"], **READ)
@transactional
def show_report(request: AnyRequest, session: Session, year: Year) -> HolidayReport:
    """The report of a year's holidays beside the year before: closed seasons as kept, others as they stand now."""
    return msgspec.convert(_report(request, session, year), HolidayReport, from_attributes=True)


@get(f"{_REPORT}/report.csv", tags=["reports"], media_type="text/csv", **READ)
@transactional
def download_table(request: AnyRequest, session: Session, year: Year) -> Response[bytes]:
    """The same report as CSV: a line for all, each district and each municipality."""
    return as_file(as_csv(_report(request, session, year)), f"holidays-{year}.csv", "text/csv; charset=utf-8")


@get(f"{_REPORT}/report.pdf", tags=["reports"], media_type="application/pdf", **READ)
@transactional
def download_pages(request: AnyRequest, session: Session, year: Year) -> Response[bytes]:
    """The same report as pages to print (PDF/UA), in the reader's language."""
    content = as_pdf(_report(request, session, year), language_of(request))
    return as_file(content, f"holidays-{year}.pdf", "application/pdf")


ROUTES = [
    show_account,
    close_account,
    keep_days,
    show_report,
    download_table,
    download_pages,
]
"""The API of accounts and of the report."""
