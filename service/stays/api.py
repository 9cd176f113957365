"""Seasons and stays in the API, for coordinators; volunteers read them."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from litestar import delete, get, post, put
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath
from sqlmodel import Session

from schemas.page import Page
from schemas.season import (
    NewSeason,
    SeasonChange,
    SeasonCopy,
    SeasonDetail,
    SeasonMunicipalityDetail,
    SeasonPublished,
    SeasonQuota,
)
from schemas.stay import (
    FallbackDetail,
    NewFallback,
    NewStayRole,
    StayAnswer,
    StayCancellation,
    StayCancelled,
    StayChange,
    StayDetail,
    StayFile,
    StayLine,
    StayRoleChange,
    StayRoleDetail,
    WrongValue,
)
from service.database.requests import transactional
from service.identity.access import AnyRequest, actor_of, organisation_of
from service.identity.permissions import may
from service.stays import queries, seasons, volunteers
from service.stays.importing import LineResult, import_stays
from service.stays.rules import SeasonDates, StayFigures
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

READ: dict[str, Any] = {"sync_to_thread": True, "responses": DOCUMENTED, "opt": may("stays.read")}
CHANGE: dict[str, Any] = {"sync_to_thread": True, "responses": DOCUMENTED, "opt": may("stays.change")}
_SEASONS = "/api/v1/seasons"
_SEASON = f"{_SEASONS}/{{season_id:uuid}}"
_STAY = "/api/v1/stays/{stay_id:uuid}"
_ROLE = "/api/v1/stay-roles/{role_id:uuid}"
Row = TypeVar("Row")
Item = TypeVar("Item")
_DATES = {"referral_deadline": "2026-05-01", "list_deadline": "2026-05-08", "planned_on": "2026-05-20"}
_DATES |= {"first_day": "2026-06-20", "last_day": "2026-08-15"}


def paged(
    rows: Sequence[Row], limit: int, after: str | None, show: Callable[[Row], Item], id_of: Callable[[Row], UUID]
) -> Page[Item]:
    """A page of rows that are few enough to be read at once."""
    last = decode_cursor(after, UUID)
    start = next((at + 1 for at, row in enumerate(rows) if id_of(row) == last), 0) if last else 0
    return page_of(rows[start : start + limit + 1], limit, show, id_of)


def season_detail(row: queries.SeasonRow) -> SeasonDetail:
    return msgspec.convert(row, SeasonDetail, from_attributes=True)


def _stay_detail(row: queries.StayRow) -> StayDetail:
    return msgspec.convert(row, StayDetail, from_attributes=True)


def _figures(data: StayChange) -> StayFigures:
    return msgspec.convert(data, StayFigures, from_attributes=True)


@get(_SEASONS, tags=["seasons"], **READ)
@transactional
def list_seasons(request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None) -> Page[SeasonDetail]:
    """The organisation's seasons, the newest first."""
    organisation_of(request)
    return paged(queries.list_seasons(session), limit, after, season_detail, lambda one: one.id)


@post(_SEASONS, tags=["seasons"], **CHANGE)
@transactional
@idempotent
def add_season(
    request: AnyRequest,
    session: Session,
    data: Annotated[
        NewSeason, Body(examples=[Example(value={"name": "Sommer 2026", "district_id": str(UUID(int=1))} | _DATES)])
    ],
) -> SeasonDetail:
    """Plan a season of a district, for all the municipalities that the district has now."""
    place, dates = organisation_of(request), msgspec.convert(data, SeasonDates, from_attributes=True)
    made = seasons.add_season(session, place.tenant_id, data.district_id, data.name, dates, actor_of(request))
    return season_detail(queries.find_season(session, made))


@get(_SEASON, tags=["seasons"], **READ)
@transactional
def show_season(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> SeasonDetail:
    """A season."""
    organisation_of(request)
    return season_detail(queries.find_season(session, season_id))


@put(_SEASON, tags=["seasons"], **CHANGE)
@transactional
def change_season(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[SeasonChange, Body()]
) -> SeasonDetail:
    """Change a season's name and dates. Of a published season municipalities see it at once."""
    place, dates = organisation_of(request), msgspec.convert(data, SeasonDates, from_attributes=True)
    seasons.change_season(session, place.tenant_id, season_id, data.name, dates, actor_of(request))
    return season_detail(queries.find_season(session, season_id))


@post(f"{_SEASON}/copies", tags=["seasons"], **CHANGE)
@transactional
@idempotent
def copy_season(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[SeasonCopy, Body()]
) -> SeasonDetail:
    """Plan the next season as this one was; no family and no volunteer comes along."""
    place = organisation_of(request)
    made = seasons.copy_season(session, place.tenant_id, season_id, data.name, data.years, actor_of(request))
    return season_detail(queries.find_season(session, made))


@post(f"{_SEASON}/publication", status_code=200, tags=["seasons"], **CHANGE)
@transactional
def publish_season(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> SeasonPublished:
    """Offer a season to its municipalities."""
    place = organisation_of(request)
    return SeasonPublished(seasons.publish_season(session, place.tenant_id, season_id, actor_of(request)))


@post(f"{_SEASON}/closing", status_code=200, tags=["seasons"], **CHANGE)
@transactional
def close_season(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> SeasonDetail:
    """Take no more referrals."""
    seasons.close_season(session, organisation_of(request).tenant_id, season_id, actor_of(request))
    return season_detail(queries.find_season(session, season_id))


@post(f"{_SEASON}/opening", status_code=200, tags=["seasons"], **CHANGE)
@transactional
def open_season(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> SeasonDetail:
    """Take referrals again."""
    seasons.close_season(session, organisation_of(request).tenant_id, season_id, actor_of(request), again=True)
    return season_detail(queries.find_season(session, season_id))


@get(f"{_SEASON}/municipalities", tags=["seasons"], **READ)
@transactional
def list_season_municipalities(
    request: AnyRequest, session: Session, season_id: FromPath[UUID]
) -> list[SeasonMunicipalityDetail]:
    """The municipalities of a season with their quotas and newest lists."""
    organisation_of(request)
    queries.find_season(session, season_id)
    found = queries.places_of_season(session, season_id)
    return [msgspec.convert(one, SeasonMunicipalityDetail, from_attributes=True) for one in found]


@put(f"{_SEASON}/municipalities/{{municipality_id:uuid}}", status_code=204, tags=["seasons"], **CHANGE)
@transactional
def set_season_quota(
    request: AnyRequest,
    session: Session,
    season_id: FromPath[UUID],
    municipality_id: FromPath[UUID],
    data: Annotated[SeasonQuota, Body()],
) -> None:
    """Let a municipality of the district take part, for so many families."""
    place = organisation_of(request)
    seasons.set_quota(session, place.tenant_id, season_id, municipality_id, data.quota, actor_of(request))


@get(f"{_SEASON}/stays", tags=["stays"], **READ)
@transactional
def list_stays(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], limit: Limit = PAGE, after: After = None
) -> Page[StayDetail]:
    """The stays of a season, the earliest first; cancelled ones too."""
    organisation_of(request)
    queries.find_season(session, season_id)
    return paged(queries.stays_of(session, season_id), limit, after, _stay_detail, lambda one: one.id)


@post(f"{_SEASON}/stays", tags=["stays"], **CHANGE)
@transactional
@idempotent
def add_stay(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[StayChange, Body()]
) -> StayDetail:
    """Add a stay to a season."""
    place = organisation_of(request)
    made = seasons.keep_stay(
        session, place.tenant_id, season_id, None, data.centre_id, _figures(data), actor_of(request)
    )
    return _stay_detail(queries.find_stay(session, made))


@post(f"{_SEASON}/stays/import", status_code=200, tags=["stays"], **CHANGE)
@transactional
def import_season_stays(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[StayFile, Body()]
) -> list[StayLine]:
    """Add the stays of a file, and change those whose code stands already; a result for every line."""
    place = organisation_of(request)
    results = import_stays(session, place.tenant_id, season_id, data.csv.encode(), actor_of(request))
    return [_line(one) for one in results]


def _line(result: LineResult) -> StayLine:
    errors = [WrongValue(one.field, one.message) for one in result.errors]
    return msgspec.convert(
        {"line": result.line, "stay": result.stay, "outcome": result.outcome, "errors": errors},
        StayLine,
        from_attributes=True,
    )


@get(_STAY, tags=["stays"], **READ)
@transactional
def show_stay(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> StayDetail:
    """A stay."""
    organisation_of(request)
    return _stay_detail(queries.find_stay(session, stay_id))


@put(_STAY, tags=["stays"], **CHANGE)
@transactional
def change_stay(
    request: AnyRequest, session: Session, stay_id: FromPath[UUID], data: Annotated[StayChange, Body()]
) -> StayDetail:
    """Change a stay."""
    place, stay = organisation_of(request), queries.find_stay(session, stay_id)
    seasons.keep_stay(
        session, place.tenant_id, stay.season_id, stay_id, data.centre_id, _figures(data), actor_of(request)
    )
    return _stay_detail(queries.find_stay(session, stay_id))


@post(f"{_STAY}/cancellation", status_code=200, tags=["stays"], **CHANGE)
@transactional
def cancel_stay(
    request: AnyRequest, session: Session, stay_id: FromPath[UUID], data: Annotated[StayCancellation, Body()]
) -> StayCancelled:
    """Cancel a stay for good."""
    place = organisation_of(request)
    return StayCancelled(seasons.cancel_stay(session, place.tenant_id, stay_id, data.because, actor_of(request)))


@get(f"{_SEASON}/fallbacks", tags=["stays"], **READ)
@transactional
def list_fallbacks(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> list[FallbackDetail]:
    """The fall-back offers of a season."""
    organisation_of(request)
    queries.find_season(session, season_id)
    found = queries.fallbacks_of(session, season_id)
    return [msgspec.convert(one, FallbackDetail, from_attributes=True) for one in found]


@post(f"{_SEASON}/fallbacks", tags=["stays"], **CHANGE)
@transactional
@idempotent
def add_fallback(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[NewFallback, Body()]
) -> StayAnswer:
    """Add a fall-back offer."""
    place, offer = organisation_of(request), msgspec.convert(data, seasons.Fallback, from_attributes=True)
    return StayAnswer(seasons.add_fallback(session, place.tenant_id, season_id, offer, actor_of(request)))


@delete("/api/v1/fallbacks/{fallback_id:uuid}", tags=["stays"], **CHANGE)
@transactional
def remove_fallback(request: AnyRequest, session: Session, fallback_id: FromPath[UUID]) -> None:
    """Take a fall-back offer back."""
    seasons.remove_fallback(session, organisation_of(request).tenant_id, fallback_id, actor_of(request))


@get(f"{_STAY}/roles", tags=["stays"], **READ)
@transactional
def list_roles(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> list[StayRoleDetail]:
    """The roles of a stay."""
    organisation_of(request)
    queries.find_stay(session, stay_id)
    return [msgspec.convert(one, StayRoleDetail, from_attributes=True) for one in queries.roles_of(session, stay_id)]


@post(f"{_STAY}/roles", tags=["stays"], **CHANGE)
@transactional
@idempotent
def need_role(
    request: AnyRequest, session: Session, stay_id: FromPath[UUID], data: Annotated[NewStayRole, Body()]
) -> StayAnswer:
    """A role is needed on a stay."""
    place = organisation_of(request)
    return StayAnswer(volunteers.need_role(session, place.tenant_id, stay_id, data.role, actor_of(request)))


@put(_ROLE, status_code=204, tags=["stays"], **CHANGE)
@transactional
def ask_for_role(
    request: AnyRequest, session: Session, role_id: FromPath[UUID], data: Annotated[StayRoleChange, Body()]
) -> None:
    """Ask a volunteer for a role, or let it be needed again."""
    place = organisation_of(request)
    volunteers.ask_for_role(session, place.tenant_id, role_id, data.volunteer_id, actor_of(request))


@post(f"{_ROLE}/confirmation", status_code=204, tags=["stays"], **CHANGE)
@transactional
def confirm_role(request: AnyRequest, session: Session, role_id: FromPath[UUID]) -> None:
    """Whoever was asked has said yes; their police certificate must have been seen."""
    volunteers.confirm_role(session, organisation_of(request).tenant_id, role_id, actor_of(request))


@delete(_ROLE, tags=["stays"], **CHANGE)
@transactional
def drop_role(request: AnyRequest, session: Session, role_id: FromPath[UUID]) -> None:
    """A role is not needed any more."""
    volunteers.drop_role(session, organisation_of(request).tenant_id, role_id, actor_of(request))


ROUTES = [
    list_seasons,
    add_season,
    show_season,
    change_season,
    copy_season,
    publish_season,
    close_season,
    open_season,
    list_season_municipalities,
    set_season_quota,
    list_stays,
    add_stay,
    import_season_stays,
    show_stay,
    change_stay,
    cancel_stay,
    list_fallbacks,
    add_fallback,
    remove_fallback,
    list_roles,
    need_role,
    ask_for_role,
    confirm_role,
    drop_role,
]
"""The API of seasons and stays."""
