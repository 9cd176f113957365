"""The pages of the municipality's list: what the next version would hold, handing it over, and what was handed over."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.audit.actions import record
from service.database.requests import keys_of, transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.permissions import may
from service.referrals import cases, lists, queries
from service.referrals.outcomes import outcomes_of, told_of
from service.referrals.web import sayer
from service.referrals.words import OUTCOME_COLORS, OUTCOMES
from service.stays.sheets import as_csv, as_workbook, rows_of
from service.web.forms import FormData, read_form
from service.web.pages import page, redirect

LISTS: Final = "/referral-lists"
_LIST: Final = f"{LISTS}/{{list_id:uuid}}"
_READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("referrals.read")}
_DECIDE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("referrals.decide")}
_WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class SeasonWanted(msgspec.Struct, frozen=True):
    """Of which season."""

    season: Annotated[UUID | None, Meta(title=N_("Season"))] = None


class HandOverForm(msgspec.Struct, frozen=True):
    """Of which season the list is handed over."""

    season: Annotated[UUID, Meta(title=N_("Season"))]


@get(LISTS, **_READ)
@transactional
def show_lists(request: AnyRequest, session: Session) -> Response[str]:
    """What the next version would hold and how it differs, and the versions that were handed over."""
    asked = read_form(dict(request.query_params), SeasonWanted)
    season = cases.newest_season(session, asked.season)
    if season is None:
        return page(request, "referrals/cases_none.html")
    planned = lists.plan_list(session, season.season_id)
    names = {one.key: one.contact_name for one in planned.families}
    before = lists.entries_of(session, planned.last.id) if planned.last else []
    names |= {one.key: one.contact_name for one in before if one.key not in names}
    return page(
        request,
        "referrals/lists.html",
        season=season,
        seasons=queries.list_seasons(session),
        planned=planned,
        persons=sum(len(one.travellers) for one in planned.families),
        names=names,
        versions=lists.list_versions(session, season.season_id),
        told=told_of(before, outcomes_of(session, season.season_id)),
        outcomes=OUTCOMES,
        may_decide=principal_of(request).may("referrals.decide"),
        said=sayer(request),
    )


@post(f"{LISTS}/hand-over", status_code=303, **_DECIDE)
@transactional
def hand_over(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Hand the next version over; clicked twice, one version is made."""
    asked = read_form(data, HandOverForm)
    made = lists.hand_over(session, municipality_of(request), keys_of(request), asked.season, actor_of(request))
    said = N_("Version {number} is handed over to {organisation}: {families} families, {persons} persons.")
    values: dict[str, Any] = {"number": made.number, "organisation": made.organisation}
    values |= {"families": made.families, "persons": made.persons}
    return redirect(request, f"{LISTS}/{made.id}", said, **values)


@get(_LIST, **_READ)
@transactional
def show_list(request: AnyRequest, session: Session, list_id: FromPath[UUID]) -> Response[str]:
    """A version as it was handed over."""
    version, families = lists.read_version(session, municipality_of(request), list_id, actor_of(request))
    codes = {str(key): code for key, code in queries.find_season(session, version.season_id).codes.items()}
    told = {str(key): one for key, one in outcomes_of(session, version.season_id).items()}
    words: dict[str, Any] = {"outcomes": OUTCOMES, "outcome_colors": OUTCOME_COLORS}
    return page(request, "referrals/list.html", version=version, families=families, codes=codes, told=told, **words)


@get(f"{_LIST}/families.xlsx", **_READ)
@transactional
def list_workbook(request: AnyRequest, session: Session, list_id: FromPath[UUID]) -> Response[bytes]:
    """A version as a spreadsheet, for an organisation that takes no other."""
    rows, number = _rows(request, session, list_id)
    return _file(as_workbook(rows), f"families-{number}.xlsx", _WORKBOOK)


@get(f"{_LIST}/families.csv", **_READ)
@transactional
def list_csv(request: AnyRequest, session: Session, list_id: FromPath[UUID]) -> Response[bytes]:
    """A version as CSV."""
    rows, number = _rows(request, session, list_id)
    return _file(as_csv(rows), f"families-{number}.csv", "text/csv; charset=utf-8")


def _rows(request: AnyRequest, session: Session, list_id: UUID) -> tuple[list[tuple[str, ...]], int]:
    municipality, actor = municipality_of(request), actor_of(request)
    version = lists.find_version(session, list_id)
    codes = {str(key): code for key, code in queries.find_season(session, version.season_id).codes.items()}
    record(session, municipality.id, actor, "referrals.list.export", ("referral_list", list_id))
    return rows_of(lists.entries_of(session, list_id), codes), version.number


def _file(content: bytes, name: str, kind: str) -> Response[bytes]:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)


ROUTES = [show_lists, hand_over, show_list, list_workbook, list_csv]
"""The pages of the municipality's lists."""
