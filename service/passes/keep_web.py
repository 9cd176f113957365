"""Keeping a dry run, and approving a refresh that is held: what will follow is said before it is confirmed."""

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy import text
from sqlmodel import Session

from schemas.refresh import RefreshRequest
from service.audit.queries import actors
from service.database.requests import transactional
from service.eligibility import lists
from service.eligibility.differences import dry_run, plan_of_dry_run, plan_of_held
from service.eligibility.ordering import order_approval, order_refresh
from service.errors import N_, Conflict
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.permissions import may
from service.passes.forecast import forecast
from service.web.menu import run_path
from service.web.pages import page, redirect

_DRY_RUN: Final = "/eligibility/dry-runs/{order_id:uuid}/keep"
_APPROVAL: Final = "/eligibility/refreshes/{run_id:uuid}/approval"
_KEEP: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("eligibility.refresh")}
_APPROVE: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "include_in_schema": False,
    "opt": may("eligibility.approve"),
}
_BY_ANOTHER: Final = N_("A colleague has ordered it already.")


@get(_DRY_RUN, **_KEEP)
@transactional
def confirm_keeping(request: AnyRequest, session: Session, order_id: FromPath[UUID]) -> Response[str]:
    """What keeping a dry run brings about, as things stand now."""
    run = dry_run(session, order_id)
    plan = plan_of_dry_run(session, municipality_of(request), run)
    kept = _standing(session, "eligibility.refresh", _key(session, "eligibility.refresh", f"keep {order_id}"))
    return page(request, "passes/keep.html", run=run, follows=forecast(session, plan), kept=kept and run_path(kept))


@post(_DRY_RUN, status_code=303, **_KEEP)
@transactional
def keep(request: AnyRequest, session: Session, order_id: FromPath[UUID]) -> Redirect:
    """Let a worker keep what a dry run has counted; a dry run is kept once, however often this is sent."""
    run = dry_run(session, order_id)
    key = _key(session, "eligibility.refresh", f"keep {order_id}")
    standing = _standing(session, "eligibility.refresh", key)
    if standing is not None:
        return redirect(request, run_path(standing), N_("This dry run is being kept, or has been, already."), "info")
    asked = RefreshRequest(run.scheme, run.on, run.income_year, commit=True)
    try:
        made = order_refresh(session, municipality_of(request), asked, actor_of(request), once_key=key)
    except Conflict:
        return redirect(request, f"/eligibility/dry-runs/{order_id}", _BY_ANOTHER, "info")
    return redirect(request, run_path(made))


@get(_APPROVAL, **_APPROVE)
@transactional
def confirm_approval(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[str]:
    """What approving a held refresh brings about; to who made it, that another must."""
    run = lists.refresh_by_id(session, run_id)
    plan = plan_of_held(session, municipality_of(request), run_id)
    own = run.created_by is not None and run.created_by == principal_of(request).account_id
    who = actors(session).people.get(run.created_by) if run.created_by else None
    return page(
        request, "passes/approve_refresh.html", run=run, follows=forecast(session, plan), own=own, who=who and who[0]
    )


@post(_APPROVAL, status_code=303, **_APPROVE)
@transactional
def approve(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Redirect:
    """Let a worker commit a refresh exactly as it was shown; of two who approve at once one does."""
    key = _key(session, "eligibility.approve", f"approve {run_id}")
    standing = _standing(session, "eligibility.approve", key)
    if standing is not None:
        return redirect(request, run_path(standing), _BY_ANOTHER, "info")
    try:
        made = order_approval(session, municipality_of(request), run_id, actor_of(request), once_key=key)
    except Conflict as refusal:
        if _standing(session, "eligibility.approve", key) is None:
            raise refusal
        return redirect(request, f"/eligibility/refreshes/{run_id}", _BY_ANOTHER, "info")
    return redirect(request, run_path(made))


ROUTES = [confirm_keeping, keep, confirm_approval, approve]
"""The pages of keeping a refresh."""


def _key(session: Session, job: str, what: str) -> str:
    """The key under which something is ordered once, and once more after each time that it failed."""
    failed = session.execute(
        text("SELECT count(*) FROM job_run WHERE job = :job AND state = 'failed' AND starts_with(once_key, :what)"),
        {"job": job, "what": what},
    ).scalar_one()
    return f"{what} {failed}"


def _standing(session: Session, job: str, key: str) -> UUID | None:
    found: UUID | None = session.execute(
        text("SELECT id FROM job_run WHERE job = :job AND once_key = :key"), {"job": job, "key": key}
    ).scalar()
    return found
