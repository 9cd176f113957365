"""A season's allocation in the API."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import Body, FromPath, QueryParameter
from sqlmodel import Session

from schemas.allocation import (
    AllocatedFamily,
    AllocationRunDetail,
    NewAllocationRun,
    RunComparison,
    RunConfirmed,
    SeasonAllocation,
    SeasonDrawDetail,
    SeasonPoints,
    WhatIfAnswer,
    WhatIfQuestion,
)
from schemas.page import Page
from service.allocation import draw, runs
from service.allocation.compare import Comparison
from service.allocation.figures import totals
from service.allocation.planning import read_families, weights_of
from service.allocation.problem import Weights
from service.allocation.runs_web import secrets_of
from service.allocation.what_if import Change
from service.database.requests import transactional
from service.errors import Refused
from service.identity.access import AnyRequest, actor_of, organisation_of
from service.identity.permissions import may
from service.stays.api import paged
from service.stays.queries import find_season
from service.values import clock
from service.values.secrecy import TenantSecrets
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

READ: dict[str, Any] = {
    "sync_to_thread": True,
    "responses": DOCUMENTED,
    "opt": may("places.allocate"),
    "tags": ["allocation-runs"],
}
SETTLE: dict[str, Any] = READ | {"opt": may("places.settle")}
_SEASON = "/api/v1/seasons/{season_id:uuid}"
_RUN = "/api/v1/allocation-runs/{run_id:uuid}"


def _detail(session: Session, secrets: TenantSecrets, run: runs.RunRow) -> AllocationRunDetail:
    known = {name: getattr(run, name) for name in ("id", "season_id", "number", "state", "digest")}
    known |= {"made_at": run.made_at, "confirmed_at": run.confirmed_at, "options": msgspec.to_builtins(run.options)}
    current = run.state == "confirmed" or runs.is_current(session, secrets, run)
    return msgspec.convert(known | {"current": current, "totals": msgspec.to_builtins(run.totals)}, AllocationRunDetail)


def _compared(found: Comparison) -> RunComparison:
    return msgspec.convert(msgspec.to_builtins(found), RunComparison)


@get(f"{_SEASON}/allocation", **READ)
@transactional
def show_allocation(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> SeasonAllocation:
    """The points and the draw of a season, and how many families are on its lists."""
    place, season = organisation_of(request), find_season(session, season_id)
    families = [one.listed for one in read_families(session, season_id) if one.listed]
    found = draw.draw_of(session, secrets_of(request), place.tenant_id, season_id)
    published = draw.published(session, season_id)
    return SeasonAllocation(
        points=msgspec.convert(weights_of(session, season_id), SeasonPoints, from_attributes=True),
        published_at=published[0].published_at if published else None,
        draw=msgspec.convert(found, SeasonDrawDetail, from_attributes=True) if found else None,
        closed=draw.closed(season, clock.today(place.time_zone)),
        families=len(families),
        persons=sum(len(one.travellers) for one in families),
        late_families=sum(one.late for one in families),
    )


@put(f"{_SEASON}/points", **SETTLE)
@transactional
def publish_points(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[SeasonPoints, Body()]
) -> SeasonPoints:
    """Publish the points of a season, with today's date. Refused once its lists are closed."""
    place, weights = organisation_of(request), msgspec.convert(data, Weights, from_attributes=True)
    today = clock.today(place.time_zone)
    draw.publish_weights(session, place.tenant_id, season_id, weights, today, actor_of(request))
    return data


@put(f"{_SEASON}/draw", **SETTLE)
@transactional
def commit_draw(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> SeasonDrawDetail:
    """Choose the seed of a season's draw; what commits to it is shown. A second time nothing changes."""
    place, secrets = organisation_of(request), secrets_of(request)
    today = clock.today(place.time_zone)
    draw.commit_draw(session, secrets, place.tenant_id, season_id, today, actor_of(request))
    found = draw.draw_of(session, secrets, place.tenant_id, season_id)
    return msgspec.convert(found, SeasonDrawDetail, from_attributes=True)


@get(f"{_SEASON}/allocation-runs", **READ)
@transactional
def list_runs(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], limit: Limit = PAGE, after: After = None
) -> Page[AllocationRunDetail]:
    """The runs of a season, the newest first."""
    secrets = secrets_of(request)
    find_season(session, season_id)
    found = runs.runs_of(session, season_id)
    return paged(found, limit, after, lambda one: _detail(session, secrets, one), lambda one: one.id)


@post(f"{_SEASON}/allocation-runs", **READ)
@transactional
@idempotent
def make_run(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[NewAllocationRun, Body()]
) -> AllocationRunDetail:
    """Allocate the places of a season as it is now. Nothing is settled by it; the seed is shown from the first on."""
    place, secrets = organisation_of(request), secrets_of(request)
    options = msgspec.convert(data, runs.Options, from_attributes=True)
    today = clock.today(place.time_zone)
    made = runs.make_run(session, secrets, place.tenant_id, season_id, options, today, actor_of(request))
    return _detail(session, secrets, runs.find_run(session, made))


@get(_RUN, **READ)
@transactional
def show_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> AllocationRunDetail:
    """A run with its figures."""
    return _detail(session, secrets_of(request), runs.find_run(session, run_id))


@get(f"{_RUN}/families", **READ)
@transactional
def list_families(
    request: AnyRequest,
    session: Session,
    run_id: FromPath[UUID],
    outcome: Annotated[
        str | None, QueryParameter(description="Only families that are `placed`, `waiting` or `ineligible`.")
    ] = None,
    limit: Limit = PAGE,
    after: After = None,
) -> Page[AllocatedFamily]:
    """The families of a run in their places in line, and why each has a place or none."""
    place, secrets, run = organisation_of(request), secrets_of(request), runs.find_run(session, run_id)
    names = runs.names_of(session, run.season_id)
    families = runs.families_of_run(session, secrets, run_id)
    by_code = {one.code: names[one.id] for one in families if one.id in names}
    last = decode_cursor(after, int) or 0
    found = [one for one in families if one.rank > last and outcome in (None, one.outcome)]
    runs.note_read(session, place.tenant_id, run_id, actor_of(request))

    def shown(one: runs.Told) -> AllocatedFamily:
        known = {name: getattr(one, name) for name in ("rank", "persons", "beds", "outcome", "stay", "wish", "reason")}
        return AllocatedFamily(
            **known,
            family=one.code,
            municipality_id=one.id.municipality_id,
            key=one.id.key,
            contact=names.get(one.id),
            points=one.points,
            because=[str(runs.with_names(text, by_code)) for text in one.because],
        )

    return page_of(found[: limit + 1], limit, shown, lambda one: one.rank)


@post(f"{_RUN}/confirmation", status_code=200, **SETTLE)
@transactional
def confirm_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> RunConfirmed:
    """Make a run the season's plan. Refused with 409 where the season is not any more as it was."""
    place = organisation_of(request)
    placed = runs.confirm_run(session, secrets_of(request), place.tenant_id, run_id, actor_of(request))
    return RunConfirmed(placed)


@get(f"{_RUN}/comparison", **READ)
@transactional
def compare_runs(
    request: AnyRequest,
    session: Session,
    run_id: FromPath[UUID],
    with_run: Annotated[UUID, QueryParameter(description="The run that it is compared with: the one before.")],
) -> RunComparison:
    """From another run of the season to this one: who gains a place, who loses one, who goes elsewhere."""
    place = organisation_of(request)
    found = runs.compare_runs(session, secrets_of(request), with_run, run_id)
    runs.note_read(session, place.tenant_id, run_id, actor_of(request))
    return _compared(found)


@post(f"{_RUN}/what-if", status_code=200, **READ)
@transactional
def try_what_if(
    request: AnyRequest, session: Session, run_id: FromPath[UUID], data: Annotated[WhatIfQuestion, Body()]
) -> WhatIfAnswer:
    """What a run would have come to with one more stay, or with other places. Nothing is kept."""
    if not data.one_more and not data.changes:
        raise Refused("Say what would be different: one more stay, or more places.")
    place = organisation_of(request)
    changes = [Change(one.stay, one.what, one.by) for one in data.changes]
    found = runs.try_out(session, secrets_of(request), run_id, data.one_more, changes)
    runs.note_read(session, place.tenant_id, run_id, actor_of(request))
    return WhatIfAnswer(
        msgspec.to_builtins(totals(found.as_it_is)),
        msgspec.to_builtins(totals(found.as_it_would_be)),
        _compared(found.comparison),
    )


ROUTES = [
    show_allocation,
    publish_points,
    commit_draw,
    list_runs,
    make_run,
    show_run,
    list_families,
    confirm_run,
    compare_runs,
    try_what_if,
]
"""The routes of the allocation."""
