"""From the numbers of a refresh to its children: lists, the same as a file, and a child's calculation beforehand."""

from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import transactional
from service.eligibility import lists, queries, schemes, words
from service.eligibility.account import Account, Plan
from service.eligibility.determinations_web import steps_of
from service.eligibility.differences import (
    Change,
    Moved,
    Wanted,
    as_csv,
    dry_run,
    plan_of_dry_run,
    plan_of_held,
    read_children,
)
from service.eligibility.lists import Determined
from service.eligibility.web import DRY_RUNS, REFRESHES
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.values import clock
from service.web.forms import FormData, blank, read_form
from service.web.pages import page
from service.web.paging import decode_cursor, encode_cursor

_LIST: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "include_in_schema": False,
    "opt": may("determinations.read"),
}
_ROWS: Final = 50
_DRY: Final = f"{DRY_RUNS}/{{order_id:uuid}}/children"
_HELD: Final = f"{REFRESHES}/{{run_id:uuid}}/children"


class ChildrenForm(msgspec.Struct, frozen=True):
    """Which children of a dry run or of a held refresh are listed."""

    change: Annotated[Change, Meta(title=N_("Children"))] = "new"
    reason: Annotated[str | None, Meta(title=N_("Reason"), max_length=40)] = None
    district: Annotated[str | None, Meta(title=N_("District"), max_length=200)] = None


class DeterminedForm(msgspec.Struct, frozen=True):
    """Which determinations of a refresh are listed."""

    outcome: Annotated[Literal["entitled", "not_entitled", "needs_review"] | None, Meta(title=N_("Outcome"))] = None
    reason: Annotated[str | None, Meta(title=N_("Reason"), max_length=40)] = None
    district: Annotated[str | None, Meta(title=N_("District"), max_length=200)] = None


@get(_DRY, **_LIST)
@transactional
def list_of_dry_run(request: AnyRequest, session: Session, order_id: FromPath[UUID]) -> Response[str]:
    """Who is new, lost or for a person to decide by a dry run, in the register as it is now."""
    run = dry_run(session, order_id)
    plan = plan_of_dry_run(session, municipality_of(request), run)
    return _children(request, session, plan, f"{DRY_RUNS}/{order_id}", run.account, lasting=run.lasting)


@post(f"{_DRY}/file", status_code=200, **_LIST)
@transactional
def file_of_dry_run(request: AnyRequest, data: FormData, session: Session, order_id: FromPath[UUID]) -> Response[str]:
    """The listed children of a dry run for a spreadsheet."""
    plan = plan_of_dry_run(session, municipality_of(request), dry_run(session, order_id))
    return _file(request, session, plan, read_form(data, ChildrenForm))


@get(f"{_DRY}/{{person_key:uuid}}", **_LIST)
@transactional
def explain_in_dry_run(
    request: AnyRequest, session: Session, order_id: FromPath[UUID], person_key: FromPath[UUID]
) -> Response[str]:
    """What a dry run says of one child, line by line."""
    plan = plan_of_dry_run(session, municipality_of(request), dry_run(session, order_id))
    return _explained(request, session, plan, person_key, f"{DRY_RUNS}/{order_id}")


@get(_HELD, **_LIST)
@transactional
def list_of_refresh(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[str]:
    """Who a held refresh would change; of one that was kept, what it determined."""
    run = lists.refresh_by_id(session, run_id)
    address = f"{REFRESHES}/{run_id}"
    if run.state == "held":
        plan = plan_of_held(session, municipality_of(request), run_id)
        return _children(request, session, plan, address, run.counts, lasting=True)
    form = read_form(dict(request.query_params), DeterminedForm)
    asked = lists.Wanted(outcome=form.outcome, reason=form.reason, district=form.district, run=run_id, in_force=False)
    after = decode_cursor(request.query_params.get("after"), UUID)
    found = lists.read_determinations(session, municipality_of(request), asked, _ROWS, after, actor_of(request))
    return page(
        request,
        "eligibility/determined.html",
        run=run,
        children=found[:_ROWS],
        form=blank(request, DeterminedForm, **msgspec.structs.asdict(form)),
        **_frame(address, form, run.counts, found),
    )


@post(f"{_HELD}/file", status_code=200, **_LIST)
@transactional
def file_of_held(request: AnyRequest, data: FormData, session: Session, run_id: FromPath[UUID]) -> Response[str]:
    """The listed children of a held refresh for a spreadsheet."""
    plan = plan_of_held(session, municipality_of(request), run_id)
    return _file(request, session, plan, read_form(data, ChildrenForm))


@get(f"{_HELD}/{{person_key:uuid}}", **_LIST)
@transactional
def explain_in_held(
    request: AnyRequest, session: Session, run_id: FromPath[UUID], person_key: FromPath[UUID]
) -> Response[str]:
    """What a held refresh says of one child, line by line."""
    plan = plan_of_held(session, municipality_of(request), run_id)
    return _explained(request, session, plan, person_key, f"{REFRESHES}/{run_id}")


ROUTES = [
    list_of_dry_run,
    file_of_dry_run,
    explain_in_dry_run,
    list_of_refresh,
    file_of_held,
    explain_in_held,
]
"""The pages of a refresh's children."""


def _children(
    request: AnyRequest, session: Session, plan: Plan, address: str, account: Account, *, lasting: bool
) -> Response[str]:
    form = read_form(dict(request.query_params), ChildrenForm)
    wanted = Wanted(form.change, form.reason, form.district)
    after = decode_cursor(request.query_params.get("after"), UUID)
    counts = {"new": account.new, "lost": account.lost, "needs_review": account.needs_review}
    found: list[Moved] = []
    # Where it was counted that there is nobody, and nothing has changed since, a whole municipality is not read again.
    if counts[form.change] or not lasting:
        found = read_children(session, municipality_of(request), plan, wanted, actor_of(request), _ROWS, after)
    tabs = [(change, count, f"{address}/children?change={change}") for change, count in counts.items()]
    return page(
        request,
        "eligibility/children.html",
        children=found[:_ROWS],
        asked=form,
        form=blank(request, ChildrenForm, **msgspec.structs.asdict(form)),
        tabs=tabs,
        lasting=lasting,
        changes=words.CHANGES,
        **_frame(address, form, account, found),
    )


def _frame(
    address: str, form: ChildrenForm | DeterminedForm, account: Account, found: list[Moved] | list[Determined]
) -> dict[str, Any]:
    """What stands around a list of children: the choices of its filter, and the addresses of its pages."""
    asked = {name: value for name, value in msgspec.structs.asdict(form).items() if value is not None}
    more, here = len(found) > _ROWS, f"{address}/children"
    last = found[_ROWS - 1] if more else None
    place = None if last is None else last.person_key if isinstance(last, Moved) else last.id
    return {
        "address": address,
        "hidden": asked,
        "next": None if place is None else f"{here}?{urlencode(asked | {'after': encode_cursor(place)})}",
        "first": f"{here}?{urlencode(asked)}",
        "filtered": form.reason is not None or form.district is not None,
        "reason_codes": [*account.reasons, *(name for name in account.moves_by_reason if name not in account.reasons)],
        "districts": sorted({*account.districts, *account.moves_by_district} - {""}),
        "outcomes": words.OUTCOMES,
        "reasons": words.REASONS,
    }


def _file(request: AnyRequest, session: Session, plan: Plan, form: ChildrenForm) -> Response[str]:
    municipality = municipality_of(request)
    wanted = Wanted(form.change, form.reason, form.district)
    found = read_children(session, municipality, plan, wanted, actor_of(request))
    name = f"{form.change.replace('_', '-')}-{clock.today(municipality.time_zone)}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(f"\ufeff{as_csv(found)}", media_type="text/csv; charset=utf-8", headers=headers)


def _explained(request: AnyRequest, session: Session, plan: Plan, person_key: UUID, address: str) -> Response[str]:
    municipality = municipality_of(request)
    child = queries.explain_planned(session, municipality, plan, person_key, actor_of(request))
    return page(
        request,
        "eligibility/planned.html",
        child=child,
        scheme=schemes.name_of(session, plan.version.scheme_id),
        address=address,
        **steps_of(request, child),
    )
