"""Passes in the API: looking them up, replacing and revoking them, sending their letters again.

A pass number is searched for in a body and never told whole: it alone lets a club draw on the pass.
"""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlmodel import Session

from schemas.leisure_pass import (
    PassChange,
    PassDetail,
    PassLedgerEntry,
    PassLetterSummary,
    PassReplacement,
    PassResend,
    PassSearch,
    PassSummary,
    ResentLetter,
)
from schemas.page import Page
from service.database.requests import keys_of, transactional
from service.errors import FieldError, Invalid
from service.identity.access import actor_of, municipality_of
from service.identity.permissions import may
from service.passes import actions, queries
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

AnyRequest = Request[Any, Any, State]
_STATES = ("live", "replaced", "revoked", "expired")
# The framework keeps the name `state` of a parameter for itself, and would name another in its errors.
_State = Annotated[str | None, QueryParameter(name="state", enum=_STATES, description="Only passes in this state.")]
_ONE = "/api/v1/passes/{pass_id:uuid}"


@get("/api/v1/passes", sync_to_thread=True, opt=may("passes.read"), tags=["passes"], responses=DOCUMENTED)
@transactional
def list_passes(
    request: AnyRequest,
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    in_state: _State = None,
    district: Annotated[
        str | None, QueryParameter(description="Where the child lived when the pass was determined.")
    ] = None,
    scheme: Annotated[str | None, QueryParameter(description="The scheme's name.")] = None,
    period_start: Annotated[date | None, QueryParameter(description="The first day of the pass.")] = None,
    person_key: Annotated[UUID | None, QueryParameter(description="Only this child's passes.")] = None,
    used: Annotated[bool | None, QueryParameter(description="Whether a club was paid something from it.")] = None,
) -> Page[PassSummary]:
    """The passes, newest first. The read is noted in the audit trail."""
    if in_state is not None and in_state not in _STATES:
        wrong = FieldError("state", "is no state: there are {known}", {"known": ", ".join(_STATES)})
        raise Invalid("Some fields of the request are wrong.", [wrong])
    wanted = queries.Wanted(in_state, district, scheme, period_start, person_key, used)
    found = queries.page_of_passes(
        session,
        municipality_of(request),
        keys_of(request),
        wanted,
        limit,
        decode_cursor(after, UUID),
        actor_of(request),
    )
    return page_of(found, limit, _summary, lambda one: one.id)


@get(_ONE, name="pass", sync_to_thread=True, opt=may("passes.read"), tags=["passes"], responses=DOCUMENTED)
@transactional
def show_pass(request: AnyRequest, session: Session, pass_id: FromPath[UUID]) -> PassDetail:
    """A pass with its ledger and its letters. The read is noted in the audit trail."""
    return _detail(request, session, pass_id)


@post(
    "/api/v1/passes/search",
    sync_to_thread=True,
    opt=may("passes.read"),
    tags=["passes"],
    status_code=200,
    responses=DOCUMENTED,
)
@transactional
def search_pass(request: AnyRequest, session: Session, data: JSONBody[PassSearch]) -> PassDetail:
    """The pass with this number, as `GET /passes/{id}` answers. The read is noted in the audit trail."""
    return _detail(request, session, actions.find_pass(session, keys_of(request), data.number))


@post(f"{_ONE}/replacement", sync_to_thread=True, opt=may("passes.change"), tags=["passes"], responses=DOCUMENTED)
@transactional
@idempotent
def replace_pass(
    request: AnyRequest, session: Session, pass_id: FromPath[UUID], data: JSONBody[PassChange]
) -> Response[PassReplacement]:
    """Give the child a new number for a lost or misused pass. What remains moves over; a letter brings it."""
    municipality, keys, actor = municipality_of(request), keys_of(request), actor_of(request)
    made = actions.replace_pass(session, municipality, keys, pass_id, data.reason, actor)
    return Response(
        PassReplacement(id=made.pass_id, replaces=pass_id, letter_number=made.letter_number),
        headers={"Location": request.app.route_reverse("pass", pass_id=made.pass_id)},
    )


@post(
    f"{_ONE}/revocation",
    sync_to_thread=True,
    opt=may("passes.change"),
    tags=["passes"],
    status_code=200,
    responses=DOCUMENTED,
)
@transactional
@idempotent
def revoke_pass(
    request: AnyRequest, session: Session, pass_id: FromPath[UUID], data: JSONBody[PassChange]
) -> PassDetail:
    """End a pass; what was claimed before stands. The child gets no other in this period by itself."""
    actions.revoke_pass(session, municipality_of(request), pass_id, data.reason, actor_of(request))
    return _detail(request, session, pass_id)


@post(f"{_ONE}/letters", sync_to_thread=True, opt=may("passes.change"), tags=["passes"], responses=DOCUMENTED)
@transactional
@idempotent
def resend_pass(
    request: AnyRequest, session: Session, pass_id: FromPath[UUID], data: JSONBody[PassResend]
) -> ResentLetter:
    """Send the pass once more, where its newest letter came back: with the next print batch.

    The new letter carries all that the returned one did, such as the passes of the child's siblings.
    """
    address = None if data.address is None else msgspec.to_builtins(data.address)
    letter_id = actions.send_pass_again(session, municipality_of(request), pass_id, address, actor_of(request))
    letter = next(one for one in queries.letters_of(session, pass_id) if one.id == letter_id)
    return ResentLetter(id=letter.id, number=letter.number, state=letter.state)


ROUTES = [list_passes, show_pass, search_pass, replace_pass, revoke_pass, resend_pass]
"""The API of passes."""


def _detail(request: AnyRequest, session: Session, pass_id: UUID) -> PassDetail:
    found = queries.pass_by_id(session, municipality_of(request), keys_of(request), pass_id, actor_of(request))
    return PassDetail(
        **msgspec.structs.asdict(found),
        ledger=[_as(PassLedgerEntry, entry) for entry in queries.ledger_of(session, pass_id)],
        letters=[_as(PassLetterSummary, letter) for letter in queries.letters_of(session, pass_id)],
    )


def _summary(found: queries.PassRow) -> PassSummary:
    return PassSummary(**msgspec.structs.asdict(found))


def _as(struct: type[Any], row: msgspec.Struct) -> Any:
    return msgspec.convert(row, struct, from_attributes=True)
