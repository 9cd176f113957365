"""The pages of the lists that have come: versions with their differences, spreadsheets, and children on two lists."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, organisation_of
from service.identity.permissions import may
from service.stays import lists, queries
from service.stays.sheets import COLUMNS, EXAMPLES, as_csv, as_workbook
from service.stays.stays_web import as_file, content_of
from service.stays.web import SEASON_PATH
from service.stays.words import CHANGES, SOURCES, VERDICTS
from service.values import clock
from service.web.forms import FormData, UploadData, blank, read_form, redisplaying
from service.web.pages import page, redirect, said

LISTS: Final = "/received-lists"
DOUBLES: Final = f"{LISTS}/doubles"
_LIST: Final = f"{LISTS}/{{list_id:uuid}}"
_PAGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("lists.receive")}
WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv; charset=utf-8"


class ListForm(msgspec.Struct, frozen=True):
    """The spreadsheet of a municipality without Medspiller."""

    municipality: Annotated[UUID, Meta(title=N_("Municipality"))]
    file: Annotated[UploadFile, Meta(title=N_("File"))]


class KeyForm(msgspec.Struct, frozen=True):
    """Which family has withdrawn its consent, as its municipality names it."""

    family: Annotated[str, Meta(title=N_("Family"), max_length=40)]


class DoubleForm(msgspec.Struct, frozen=True):
    """What somebody says of two families that seem to have the same child."""

    season: Annotated[UUID, Meta(title=N_("Season"))]
    first_municipality: Annotated[UUID, Meta(title=N_("Municipality"))]
    first_family: Annotated[str, Meta(title=N_("Family"), max_length=40)]
    second_municipality: Annotated[UUID, Meta(title=N_("Municipality"))]
    second_family: Annotated[str, Meta(title=N_("Family"), max_length=40)]
    verdict: Annotated[Literal["same", "different"], Meta(title=N_("Decision"))]


@get(LISTS, **_PAGE)
@transactional
def show_lists(request: AnyRequest, session: Session) -> Response[str]:
    """Every version of every list, the newest first."""
    organisation_of(request)
    return page(
        request,
        "stays/lists.html",
        lists=lists.list_versions(session),
        undecided=sum(one.verdict is None for one in lists.doubles(session)),
        sources=SOURCES,
    )


@get(_LIST, **_PAGE)
@transactional
def show_list(request: AnyRequest, session: Session, list_id: FromPath[UUID]) -> Response[str]:
    """A version with its families, and how it differs from the one before."""
    version, families = lists.read_version(session, organisation_of(request).tenant_id, list_id, actor_of(request))
    return page(
        request,
        "stays/list.html",
        version=version,
        families=families,
        codes=lists.codes_of(session, version.season_id),
        wrong=[
            (one["line"], one["field"], said(request, one["template"], **one["values"])) for one in version.rejected
        ],
        changes=CHANGES,
        sources=SOURCES,
    )


@post(f"{_LIST}/confirmation", status_code=303, **_PAGE)
@transactional
def confirm_list(request: AnyRequest, session: Session, list_id: FromPath[UUID]) -> Redirect:
    """Confirm that a version has come."""
    lists.confirm_receipt(session, organisation_of(request).tenant_id, list_id, actor_of(request))
    return redirect(request, f"{LISTS}/{list_id}", N_("The municipality sees that its list has come."))


@post(f"{_LIST}/withdrawal", status_code=303, **_PAGE)
@transactional
def withdraw_family(request: AnyRequest, data: FormData, session: Session, list_id: FromPath[UUID]) -> Redirect:
    """A family of a spreadsheet has withdrawn its consent."""
    place, asked = organisation_of(request), read_form(data, KeyForm)
    made = lists.withdraw_family(session, place.tenant_id, list_id, asked.family, actor_of(request))
    said_ = N_("The family is gone from every version; this one is without it.")
    return redirect(request, f"{LISTS}/{made.id}", said_)


@get(f"{SEASON_PATH}/lists/import", **_PAGE)
@transactional
def ask_for_list(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The form for a municipality's spreadsheet, with its columns."""
    organisation_of(request)
    return page(request, "stays/list_import.html", form=blank(request, ListForm), **_import(session, season_id))


def _import(session: Session, season_id: UUID) -> dict[str, Any]:
    without = [one for one in queries.places_of_season(session, season_id) if one.code is None]
    return {
        "season": queries.find_season(session, season_id),
        "municipalities": [(one.municipality_id, one.name) for one in without],
        "columns": COLUMNS,
    }


@post(f"{SEASON_PATH}/lists/import", status_code=303, request_max_body_size=4_000_000, **_PAGE)
@transactional
def take_list(request: AnyRequest, data: UploadData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Take a spreadsheet over; its page tells every line that was wrong."""
    place = organisation_of(request)
    with redisplaying(request, "stays/list_import.html", ListForm, data, **_import(session, season_id)):
        asked = read_form(data, ListForm)
        made = lists.take_over(
            session,
            place.tenant_id,
            season_id,
            asked.municipality,
            content_of(asked.file),
            clock.today(place.time_zone),
            actor_of(request),
        )
    kind = "warning" if made.rejected else "success"
    said_ = N_("Version {number} stands with {families} families; lines that were not taken over: {wrong}.")
    values = {"number": made.number, "families": made.families, "wrong": len(made.rejected)}
    return redirect(request, f"{LISTS}/{made.id}", said_, kind, **values)


@get(f"{LISTS}/template.xlsx", **_PAGE)
def list_template(request: AnyRequest) -> Response[bytes]:
    """An empty spreadsheet with an example, to be sent to a municipality."""
    organisation_of(request)
    return as_file(as_workbook(EXAMPLES), "families.xlsx", WORKBOOK)


@get(f"{LISTS}/template.csv", **_PAGE)
def list_template_csv(request: AnyRequest) -> Response[bytes]:
    """The same as CSV."""
    organisation_of(request)
    return as_file(as_csv(EXAMPLES), "families.csv", CSV)


@get(DOUBLES, **_PAGE)
@transactional
def show_doubles(request: AnyRequest, session: Session) -> Response[str]:
    """Families that seem to have the same child."""
    organisation_of(request)
    return page(request, "stays/doubles.html", doubles=lists.doubles(session), verdicts=VERDICTS)


@post(DOUBLES, status_code=303, **_PAGE)
@transactional
def decide_double(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Say whether two families have the same child."""
    place, asked = organisation_of(request), read_form(data, DoubleForm)
    lists.decide_double(
        session,
        place.tenant_id,
        asked.season,
        (asked.first_municipality, asked.first_family),
        (asked.second_municipality, asked.second_family),
        asked.verdict,
        actor_of(request),
    )
    return redirect(request, DOUBLES, N_("Your decision stands. No list was changed."))


ROUTES = [
    show_lists,
    show_list,
    confirm_list,
    withdraw_family,
    ask_for_list,
    take_list,
    list_template,
    list_template_csv,
    show_doubles,
    decide_double,
]
"""The pages of lists that have come."""
