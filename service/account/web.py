"""The pages of a season's account, and of the report of a year's holidays."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.account import closing
from service.account.counting import COUNTS, Row, count_season
from service.account.exports import as_csv, as_pdf
from service.account.report import MEANINGS, MEASURES, Report, read_report, years_of
from service.database.requests import keys_of, transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, organisation_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.stays.queries import SeasonRow, find_season, municipalities_of, stays_of
from service.stays.stays_web import as_file
from service.stays.web import SEASON_PATH, SEASONS
from service.values import clock
from service.web.charts import chart
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import language_of, page, redirect

REPORT: Final = "/holidays-report"
_DRAWN: Final = ("persons", "refused_persons")
CLOSE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("account.close")}
READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("holidays.report")}


class DaysForm(msgspec.Struct, frozen=True):
    """For how many days names are kept."""

    names_kept_days: Annotated[
        int,
        Meta(title=N_("Days after the last day"), ge=closing.FEWEST_DAYS, le=closing.MOST_DAYS),
    ]


class CloseForm(msgspec.Struct, frozen=True):
    """That the account is closed."""

    key: FormKey


class Choice(msgspec.Struct, frozen=True):
    """Which year is reported."""

    year: Annotated[int | None, Meta(title=N_("Year"))] = None


@get(f"{SEASON_PATH}/account", **CLOSE)
@transactional
def show_account(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """A season's account as it was kept, or as it stands now."""
    context = _account(request, session, season_id)
    form = blank(request, DaysForm, names_kept_days=context["state"].names_kept_days)
    return page(request, "account/account.html", form=form, **context)


def _account(request: AnyRequest, session: Session, season_id: UUID) -> dict[str, Any]:
    place, season = organisation_of(request), find_season(session, season_id)
    state = closing.account_state(session, place.tenant_id, season_id)
    _, rows = closing.rows_of(session, season, place.time_zone)
    return {
        "season": season,
        "state": state,
        "over": clock.today(place.time_zone) > season.last_day,
        "total": _sum(rows),
        "stays": _by_stay(session, season, rows),
        "municipalities": _by_municipality(session, season, rows),
        "held": sum(one.municipality_id is None for one in rows),
    }


def _sum(rows: list[Row]) -> Row:
    return Row(None, None, **{name: sum(getattr(one, name) for one in rows) for name in COUNTS})


def _by_stay(session: Session, season: SeasonRow, rows: list[Row]) -> list[tuple[str, Row]]:
    codes = {one.id: one.code for one in stays_of(session, season.id)}
    held = [one.stay_id for one in rows if one.municipality_id is None and one.stay_id is not None]
    found = [(codes[stay], _sum([one for one in rows if one.stay_id == stay])) for stay in held]
    return sorted(found, key=lambda one: one[0])


def _by_municipality(session: Session, season: SeasonRow, rows: list[Row]) -> list[tuple[str, Row]]:
    names = {one.id: one.name for one in municipalities_of(session, season.district_id)}
    places = {one.municipality_id for one in rows if one.municipality_id is not None}
    found = [(names[place], _sum([one for one in rows if one.municipality_id == place])) for place in places]
    return sorted(found, key=lambda one: one[0])


@post(f"{SEASON_PATH}/account", status_code=303, **CLOSE)
@transactional
def keep_days(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Set for how many days after the season its names are kept."""
    place, context = organisation_of(request), _account(request, session, season_id)
    with redisplaying(request, "account/account.html", DaysForm, data, **context):
        asked = read_form(data, DaysForm)
        closing.set_names_kept(session, place.tenant_id, season_id, asked.names_kept_days, actor_of(request))
    return redirect(request, f"{SEASONS}/{season_id}/account", N_("The days are kept; municipalities see them too."))


@get(f"{SEASON_PATH}/account/close", **CLOSE)
@transactional
def ask_to_close(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """What closing the account would keep, before it is done for good."""
    organisation_of(request)
    return page(request, "account/close.html", **_closing(request, session, season_id))


def _closing(request: AnyRequest, session: Session, season_id: UUID) -> dict[str, Any]:
    place, season = organisation_of(request), find_season(session, season_id)
    state = closing.account_state(session, place.tenant_id, season_id)
    context = {
        "season": season,
        "state": state,
        "over": clock.today(place.time_zone) > season.last_day,
        "form": blank(request, CloseForm, key=new_key()),
    }
    if state.closed_at is not None:
        return context | {"total": None, "credits": 0}
    counted = count_season(session, season, place.time_zone)
    credits = closing.credited(keys_of(request).for_tenant(place.tenant_id), season, counted)
    return context | {"total": _sum(counted.rows), "credits": len(credits)}


@post(f"{SEASON_PATH}/account/close", status_code=303, **CLOSE)
@transactional
def close_account(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Close the season's account."""
    place, asked = organisation_of(request), read_form(data, CloseForm)
    path = f"{SEASONS}/{season_id}/account"
    if is_repeated(session, principal_of(request), asked.key):
        return redirect(request, path)
    closing.close_account(session, place.tenant_id, place.time_zone, keys_of(request), season_id, actor_of(request))
    return redirect(request, path, N_("The account is closed. Its figures are kept for good."))


@get(REPORT, **READ)
@transactional
def show_report(request: AnyRequest, session: Session) -> Response[str]:
    """The report of a year: without a choice the newest of which there is a season."""
    organisation_of(request)
    years = years_of(session)
    asked = read_form(dict(request.query_params), Choice)
    year = asked.year or next(iter(years), clock.today(organisation_of(request).time_zone).year)
    report = _report(request, session, year)
    districts = {one.district or "": {name: getattr(one.now, name) for name in _DRAWN} for one in report.districts}
    return page(
        request,
        "account/report.html",
        report=report,
        chart=chart(districts, _DRAWN),
        measures=MEASURES,
        meanings=MEANINGS,
        form=blank(request, Choice, year=year),
        years=[(one, str(one)) for one in sorted({*years, year}, reverse=True)],
    )


def _report(request: AnyRequest, session: Session, year: int) -> Report:
    place = organisation_of(request)
    return read_report(session, place.tenant_id, place.name, place.time_zone, year, actor_of(request))


@get(f"{REPORT}/{{year:int}}/report.csv", **READ)
@transactional
def download_table(request: AnyRequest, session: Session, year: FromPath[int]) -> Response[bytes]:
    """The report as a table."""
    return as_file(as_csv(_report(request, session, year)), f"holidays-{year}.csv", "text/csv; charset=utf-8")


@get(f"{REPORT}/{{year:int}}/report.pdf", **READ)
@transactional
def download_pages(request: AnyRequest, session: Session, year: FromPath[int]) -> Response[bytes]:
    """The report as pages to print, in the reader's language."""
    content = as_pdf(_report(request, session, year), language_of(request))
    return as_file(content, f"holidays-{year}.pdf", "application/pdf")


ROUTES = [
    show_account,
    keep_days,
    ask_to_close,
    close_account,
    show_report,
    download_table,
    download_pages,
]
"""The pages of accounts and of the report."""
