"""What keeping a refresh would bring about, in the API."""

from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath
from sqlmodel import Session

from schemas.refresh import RefreshForecast
from service.database.requests import transactional
from service.eligibility.differences import dry_run, plan_of_dry_run, plan_of_held
from service.identity.access import AnyRequest, municipality_of
from service.identity.permissions import may
from service.passes.forecast import forecast
from service.web.problems import DOCUMENTED


@get(
    "/api/v1/eligibility/dry-runs/{order_id:uuid}/forecast",
    sync_to_thread=True,
    opt=may("eligibility.read"),
    tags=["eligibility"],
    responses=DOCUMENTED,
)
@transactional
def forecast_dry_run(request: AnyRequest, session: Session, order_id: FromPath[UUID]) -> RefreshForecast:
    """The passes and letters that follow if a dry run, named by its order's run, is kept."""
    plan = plan_of_dry_run(session, municipality_of(request), dry_run(session, order_id))
    return msgspec.convert(forecast(session, plan), RefreshForecast, from_attributes=True)


@get(
    "/api/v1/eligibility/refreshes/{run_id:uuid}/forecast",
    sync_to_thread=True,
    opt=may("eligibility.read"),
    tags=["eligibility"],
    responses=DOCUMENTED,
)
@transactional
def forecast_held(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> RefreshForecast:
    """The passes and letters that follow if a refresh that is held is approved."""
    plan = plan_of_held(session, municipality_of(request), run_id)
    return msgspec.convert(forecast(session, plan), RefreshForecast, from_attributes=True)


ROUTES = [forecast_dry_run, forecast_held]
"""The API of what follows from a refresh."""
