"""Applications of clubs in the API: sent by anybody, decided about by the municipality's people."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, JSONBody, QueryParameter
from sqlmodel import Session

from schemas.club import (
    ClubApplicationDetail,
    ClubApplicationReceived,
    ClubApplicationSummary,
    ClubDetail,
    ClubReason,
    NewClubApplication,
    RegisterSaying,
)
from schemas.page import Page
from service.clubs import applications
from service.clubs.actions import ClubData
from service.clubs.applications import Application, Applied
from service.clubs.apply_web import municipality_at, take
from service.clubs.desk import desk_of
from service.clubs.lookups import Saying, compare, order_look_up
from service.clubs.payees import NewPayee
from service.clubs.rules import APPLICATION_STATES
from service.clubs.shown import detail_of
from service.database.requests import transactional
from service.errors import FieldError, Invalid
from service.identity.access import AnyRequest, municipality_of, principal_of
from service.identity.permissions import PUBLIC, may
from service.values.accounts import mask_account
from service.web.idempotency import idempotent
from service.web.pages import language_of
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED, TOO_MANY

_ALL: Final = "/api/v1/club-applications"
_ONE: Final = f"{_ALL}/{{application_id:uuid}}"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "tags": ["clubs"], "responses": DOCUMENTED}
_CHANGE: Final[dict[str, Any]] = _OPEN | {"opt": may("clubs.change")}
_State = Annotated[str | None, QueryParameter(name="state", enum=APPLICATION_STATES, description="Only in this state.")]
_Number = Annotated[str | None, QueryParameter(description="Only with this organisation number.", max_length=20)]
_ASKED: Final = {
    "municipality": "0751",
    "number": "12345674",
    "name": "Fremad",
    "contact_name": "The treasurer",
    "contact_email": "treasurer@fremad.example",
    "kinds": ["football"],
    "payee": {"kind": "account", "account": "0040 0440116243"},
    "agreement": 1,
}


# Takes no Idempotency-Key: whoever sends it is nobody to whom a key could belong.
@post(
    _ALL,
    status_code=202,
    sync_to_thread=True,
    tags=["clubs"],
    responses=DOCUMENTED | TOO_MANY,
    opt=PUBLIC,
    security=[{}],
)
@transactional
def apply(
    request: AnyRequest, session: Session, data: Annotated[NewClubApplication, Body(examples=[Example(value=_ASKED)])]
) -> ClubApplicationReceived:
    """Apply for a club. The answer is the same whether the municipality has such a club or not."""
    municipality = municipality_at(session, data.municipality)
    told = ClubData(data.name, data.contact_name, data.contact_email, data.contact_phone, data.members)
    payee = NewPayee(data.payee.kind, data.payee.account, data.payee.cost_centre)
    applied = Applied(data.number, told, list(data.kinds), payee, data.agreement, language_of(request))
    take(request, session, municipality, applied)
    return ClubApplicationReceived(received=True)


@get(_ALL, opt=may("clubs.read"), **_OPEN)
@transactional
def list_applications(
    request: AnyRequest,
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    in_state: _State = None,
    number: _Number = None,
) -> Page[ClubApplicationSummary]:
    """The applications, the oldest first."""
    municipality_of(request)
    if in_state is not None and in_state not in APPLICATION_STATES:
        wrong = FieldError("state", "is no state: there are {known}", {"known": ", ".join(APPLICATION_STATES)})
        raise Invalid("Some fields of the request are wrong.", [wrong])
    found = applications.page_of_applications(session, in_state, number, limit, decode_cursor(after, UUID))
    return page_of(found, limit, _summary, lambda one: one.id)


@get(_ONE, opt=may("clubs.read"), **_OPEN)
@transactional
def show_application(request: AnyRequest, session: Session, application_id: FromPath[UUID]) -> ClubApplicationDetail:
    """What was written, beside what the registers say."""
    return _detail(request, session, applications.find_application(session, application_id))


@post(f"{_ONE}/approval", status_code=200, **_CHANGE)
@transactional
@idempotent
def approve(request: AnyRequest, session: Session, application_id: FromPath[UUID]) -> ClubDetail:
    """Make a club of it and invite its contact as treasurer.

    Its account is approved as well where whoever approves may approve accounts; else it waits for somebody who may.
    """
    may_approve = principal_of(request).may("clubs.approve_account")
    made = applications.approve_application(session, desk_of(request), application_id, with_account=may_approve)
    return detail_of(request, session, made.id)


@post(f"{_ONE}/rejection", status_code=200, **_CHANGE)
@transactional
@idempotent
def reject(
    request: AnyRequest, session: Session, application_id: FromPath[UUID], data: JSONBody[ClubReason]
) -> ClubApplicationDetail:
    """Say no; the contact is told why."""
    done = applications.reject_application(session, desk_of(request), application_id, data.reason)
    return _detail(request, session, done)


@post(f"{_ONE}/look-up", status_code=200, **_CHANGE)
@transactional
@idempotent
def look_up(request: AnyRequest, session: Session, application_id: FromPath[UUID]) -> ClubApplicationDetail:
    """Let a worker ask the registers again. The answer shows what they said so far."""
    one, municipality = applications.find_application(session, application_id), municipality_of(request)
    order_look_up(session, municipality.id, one.number, municipality.country, fresh=True)
    return _detail(request, session, one)


ROUTES = [apply, list_applications, show_application, approve, reject, look_up]
"""The API of applications."""


def _summary(one: Application) -> ClubApplicationSummary:
    return msgspec.convert(one, ClubApplicationSummary, from_attributes=True)


def _detail(request: AnyRequest, session: Session, one: Application) -> ClubApplicationDetail:
    compared = compare(session, municipality_of(request).country, one.number, one.name, one.account)
    whole = principal_of(request).may("clubs.approve_account")
    named = set(ClubApplicationDetail.__struct_fields__) - {"account", "registers"}
    told = {name: getattr(one, name) for name in named if hasattr(one, name)}
    return ClubApplicationDetail(
        **told,
        account=one.account if whole or one.account is None else mask_account(one.account),
        registers=[_saying(saying, whole=whole) for saying in compared.sayings],
        same_name=compared.same_name,
        same_account=compared.same_account,
        stands_already=compared.stands_already,
    )


def _saying(saying: Saying, *, whole: bool) -> RegisterSaying:
    said = msgspec.structs.asdict(saying.said)
    if saying.said.account is not None and not whole:
        said["account"] = mask_account(saying.said.account)
    return RegisterSaying(register=saying.source, outcome=saying.outcome, looked_up_at=saying.looked_up_at, **said)
