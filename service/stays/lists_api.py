"""The lists that have come, in the API, for coordinators."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import Body, FromPath, QueryParameter
from sqlmodel import Session

from schemas.page import Page
from schemas.stay import (
    DoubleChild,
    DoubleVerdict,
    ListedFamilyDetail,
    ListFile,
    ListWithdrawal,
    ReceivedListDetail,
    ReceivedListSummary,
    RejectedListLine,
)
from service.database.requests import transactional
from service.errors import FieldError
from service.identity.access import AnyRequest, actor_of, organisation_of
from service.identity.permissions import may
from service.stays import lists
from service.stays.api import paged
from service.values import clock
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit
from service.web.problems import DOCUMENTED

_LISTS = "/api/v1/received-lists"
_LIST = f"{_LISTS}/{{list_id:uuid}}"
_ROUTE: dict[str, Any] = {
    "sync_to_thread": True,
    "responses": DOCUMENTED,
    "opt": may("lists.receive"),
    "tags": ["received-lists"],
}


def _summary(row: lists.VersionRow) -> ReceivedListSummary:
    counted = {name: len(getattr(row, name)) for name in ("added", "changed", "rejected")}
    known = {name: getattr(row, name) for name in ReceivedListSummary.__struct_fields__ if name not in counted}
    return msgspec.convert(known | counted, ReceivedListSummary)


@get(_LISTS, **_ROUTE)
@transactional
def list_received(
    request: AnyRequest,
    session: Session,
    season_id: Annotated[UUID | None, QueryParameter(description="Only lists of this season.")] = None,
    limit: Limit = PAGE,
    after: After = None,
) -> Page[ReceivedListSummary]:
    """Every version of every list, the newest first."""
    organisation_of(request)
    return paged(lists.list_versions(session, season_id), limit, after, _summary, lambda one: one.id)


@get(_LIST, **_ROUTE)
@transactional
def show_received(request: AnyRequest, session: Session, list_id: FromPath[UUID]) -> ReceivedListDetail:
    """A version with its families; the read is noted in the trail."""
    place = organisation_of(request)
    version, families = lists.read_version(session, place.tenant_id, list_id, actor_of(request))
    return ReceivedListDetail(_summary(version), [_family(one) for one in families], _wrong(version))


def _family(row: lists.FamilyRow) -> ListedFamilyDetail:
    known = msgspec.to_builtins(row.family) | {"place": row.place, "change": row.change}
    return msgspec.convert(known, ListedFamilyDetail)


def _wrong(version: lists.VersionRow) -> list[RejectedListLine]:
    return [
        RejectedListLine(one["line"], one["field"], _said(one["field"], one["template"], one["values"]))
        for one in version.rejected
    ]


def _said(field: str, template: str, values: dict[str, str]) -> str:
    return str(msgspec.convert({"field": field, "template": template, "values": values}, FieldError).message)


@post(f"{_LIST}/confirmation", status_code=200, **_ROUTE)
@transactional
def confirm_received(request: AnyRequest, session: Session, list_id: FromPath[UUID]) -> ReceivedListSummary:
    """Confirm that a version has come; the municipality sees it."""
    lists.confirm_receipt(session, organisation_of(request).tenant_id, list_id, actor_of(request))
    session.expire_all()
    return _summary(lists.find_version(session, list_id))


@post("/api/v1/seasons/{season_id:uuid}/lists", **_ROUTE)
@transactional
@idempotent
def take_list_over(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[ListFile, Body()]
) -> ReceivedListDetail:
    """Take over the whole list of a municipality without Medspiller: its next version, with the wrong lines."""
    place = organisation_of(request)
    today = clock.today(place.time_zone)
    version = lists.take_over(
        session, place.tenant_id, season_id, data.municipality_id, data.csv.encode(), today, actor_of(request)
    )
    families = lists.read_version(session, place.tenant_id, version.id, actor_of(request))[1]
    return ReceivedListDetail(_summary(version), [_family(one) for one in families], _wrong(version))


@post(f"{_LIST}/withdrawals", **_ROUTE)
@transactional
def withdraw_from_list(
    request: AnyRequest, session: Session, list_id: FromPath[UUID], data: Annotated[ListWithdrawal, Body()]
) -> ReceivedListSummary:
    """A family of a spreadsheet has withdrawn its consent: it goes from every version, the next one is without it."""
    place = organisation_of(request)
    return _summary(lists.withdraw_family(session, place.tenant_id, list_id, data.family, actor_of(request)))


@get(f"{_LISTS}/doubles", **_ROUTE)
@transactional
def list_doubles(request: AnyRequest, session: Session) -> list[DoubleChild]:
    """Families that seem to have the same child, undecided ones first."""
    organisation_of(request)
    return [msgspec.convert(one, DoubleChild, from_attributes=True) for one in lists.doubles(session)]


@post(f"{_LISTS}/doubles", status_code=204, **_ROUTE)
@transactional
def decide_double(request: AnyRequest, session: Session, data: Annotated[DoubleVerdict, Body()]) -> None:
    """Say whether two families have the same child."""
    lists.decide_double(
        session,
        organisation_of(request).tenant_id,
        data.season_id,
        (data.first_municipality_id, data.first_key),
        (data.second_municipality_id, data.second_key),
        data.verdict,
        actor_of(request),
    )


ROUTES = [
    list_received,
    show_received,
    confirm_received,
    take_list_over,
    withdraw_from_list,
    list_doubles,
    decide_double,
]
"""The API of lists that have come."""
