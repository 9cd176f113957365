"""Ordering refreshes and approvals, through the API and the pages alike: what can be seen to be wrong is refused."""

from uuid import UUID

import msgspec
from sqlmodel import Session

from schemas.refresh import RefreshRequest
from service.audit.actions import Actor
from service.eligibility.actions import require_approvable, require_refreshable
from service.errors import Forbidden
from service.identity.actions import Municipality
from service.jobs.orders import order


def order_refresh(
    session: Session, municipality: Municipality, asked: RefreshRequest, actor: Actor, once_key: str | None = None
) -> UUID:
    """Order a refresh, dry or to be kept; gives the order's id. `once_key`: see `jobs.orders.order`."""
    require_refreshable(session, municipality, asked.scheme, asked.on, asked.income_year)
    return order(session, municipality.id, "eligibility.refresh", msgspec.to_builtins(asked), actor, once_key)


def order_approval(
    session: Session, municipality: Municipality, run_id: UUID, actor: Actor, once_key: str | None = None
) -> UUID:
    """Order the approval of a refresh that is held, by a person other than who made it; gives the order's id."""
    if actor.account_id is None:
        raise Forbidden("A person must approve a refresh; a system may not.")
    require_approvable(session, municipality, run_id, actor.account_id)
    return order(session, municipality.id, "eligibility.approve", {"run": str(run_id)}, actor, once_key)
