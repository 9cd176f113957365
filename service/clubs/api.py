"""Clubs in the API, for the municipality's people and systems: reading, adding, changing, suspending, ending.

A token reads; whatever changes a club or where its money goes a person does who is signed in.
"""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, patch, post, put
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, JSONBody, QueryParameter
from sqlmodel import Session

from schemas.club import (
    ClubAgreement,
    ClubChange,
    ClubDetail,
    ClubPayee,
    ClubReason,
    ClubSettings,
    ClubSummary,
    NewClub,
    NewClubAgreement,
    NewClubPayee,
)
from schemas.page import Page
from service.clubs import actions, payees, queries, settings
from service.clubs.desk import desk_of
from service.clubs.payees import NewPayee
from service.clubs.queries import Wanted
from service.clubs.rules import CLUB_STATES
from service.clubs.shown import detail_of, line_of, merged, summary_of
from service.database.requests import transactional
from service.errors import FieldError, Invalid, NotFound
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

_CLUBS: Final = "/api/v1/clubs"
_ONE: Final = f"{_CLUBS}/{{club_id:uuid}}"
_PAYEE: Final = f"{_ONE}/payees/{{payee_id:uuid}}"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "tags": ["clubs"], "responses": DOCUMENTED}
_CHANGE: Final[dict[str, Any]] = _OPEN | {"opt": may("clubs.change")}
_APPROVE: Final[dict[str, Any]] = _OPEN | {"opt": may("clubs.approve_account")}
# The framework keeps the name `state` of a parameter for itself.
_State = Annotated[str | None, QueryParameter(name="state", enum=CLUB_STATES, description="Only clubs in this state.")]
_Q = Annotated[
    str | None, QueryParameter(description="The beginning of words of the name, or of the number.", max_length=200)
]
_ASKED: Final = {"number": "12345674", "name": "Fremad", "payee": {"kind": "account", "account": "0040 0440116243"}}


@get(_CLUBS, opt=may("clubs.read"), **_OPEN)
@transactional
def list_clubs(
    request: AnyRequest,
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    in_state: _State = None,
    q: _Q = None,
) -> Page[ClubSummary]:
    """The municipality's clubs, those that have ended too; the oldest first."""
    municipality_of(request)
    if in_state is not None and in_state not in CLUB_STATES:
        wrong = FieldError("state", "is no state: there are {known}", {"known": ", ".join(CLUB_STATES)})
        raise Invalid("Some fields of the request are wrong.", [wrong])
    wanted = Wanted(q=q, state=in_state)  # type: ignore[arg-type]
    found = queries.page_of_clubs(session, wanted, limit, decode_cursor(after, UUID))
    return page_of(found, limit, summary_of, lambda one: one.id)


@post(_CLUBS, **_CHANGE)
@transactional
@idempotent
def add_club(
    request: AnyRequest, session: Session, data: Annotated[NewClub, Body(examples=[Example(value=_ASKED)])]
) -> Response[ClubDetail]:
    """Add a club, approved. Its account waits for another person's approval."""
    told = actions.ClubData(data.name, data.contact_name, data.contact_email, data.contact_phone, data.members)
    payee = None if data.payee is None else _written(data.payee)
    made = actions.add_club(session, desk_of(request), data.number, told, payee, account_approved=False)
    where = request.app.route_reverse("club", club_id=made.id)
    return Response(detail_of(request, session, made.id), headers={"Location": where})


@get(_ONE, name="club", opt=may("clubs.read"), **_OPEN)
@transactional
def show_club(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> ClubDetail:
    """A club with what it offers and its payees. Accounts are whole for people who approve them, masked for others."""
    return detail_of(request, session, club_id)


@patch(_ONE, **_CHANGE)
@transactional
@idempotent
def change_club(
    request: AnyRequest, session: Session, club_id: FromPath[UUID], data: JSONBody[ClubChange]
) -> ClubDetail:
    """Change a club's name, contact or members. A contact that was is told."""
    actions.change_club(session, desk_of(request), club_id, merged(queries.club_of(session, club_id), data))
    return detail_of(request, session, club_id)


@post(f"{_ONE}/suspension", status_code=200, **_CHANGE)
@transactional
@idempotent
def suspend_club(
    request: AnyRequest, session: Session, club_id: FromPath[UUID], data: JSONBody[ClubReason]
) -> ClubDetail:
    """Let a club take no passes until that is lifted; what is owed to it stays owed. The club is told why."""
    actions.suspend_club(session, desk_of(request), club_id, data.reason)
    return detail_of(request, session, club_id)


@post(f"{_ONE}/reinstatement", status_code=200, **_CHANGE)
@transactional
@idempotent
def reinstate_club(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> ClubDetail:
    """Lift a suspension."""
    actions.reinstate_club(session, desk_of(request), club_id)
    return detail_of(request, session, club_id)


@post(f"{_ONE}/end", status_code=200, **_CHANGE)
@transactional
@idempotent
def end_club(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> ClubDetail:
    """End a club with its people's roles, open invitations and tokens; what is owed to it stays owed."""
    actions.end_club(session, desk_of(request), club_id)
    return detail_of(request, session, club_id)


@post(f"{_ONE}/payees", **_CHANGE)
@transactional
@idempotent
def propose_payee(
    request: AnyRequest, session: Session, club_id: FromPath[UUID], data: JSONBody[NewClubPayee]
) -> ClubPayee:
    """Propose where a club's money shall go; another person approves it. The club is told."""
    made = payees.propose_payee(session, desk_of(request), club_id, _written(data), by_club=False)
    return line_of(request, session, made)


@post(f"{_PAYEE}/approval", status_code=200, **_APPROVE)
@transactional
@idempotent
def approve_payee(
    request: AnyRequest, session: Session, club_id: FromPath[UUID], payee_id: FromPath[UUID]
) -> ClubPayee:
    """Approve an account that somebody else proposed. Money goes there after the days of waiting."""
    _belongs(session, club_id, payee_id)
    return line_of(request, session, payees.approve_payee(session, desk_of(request), payee_id))


@post(f"{_PAYEE}/rejection", status_code=200, **_APPROVE)
@transactional
@idempotent
def reject_payee(
    request: AnyRequest,
    session: Session,
    club_id: FromPath[UUID],
    payee_id: FromPath[UUID],
    data: JSONBody[ClubReason],
) -> ClubPayee:
    """Say no to an account; the club is told why."""
    _belongs(session, club_id, payee_id)
    return line_of(request, session, payees.reject_payee(session, desk_of(request), payee_id, data.reason))


@post(f"{_ONE}/payees/stop", status_code=200, **_APPROVE)
@transactional
@idempotent
def stop_payee(request: AnyRequest, session: Session, club_id: FromPath[UUID]) -> ClubPayee:
    """Stop an account that is approved, before its day: money goes on to where it went."""
    return line_of(request, session, payees.stop_payee(session, desk_of(request), club_id))


@get("/api/v1/club-settings", opt=may("clubs.settings"), **_OPEN)
@transactional
def show_settings(request: AnyRequest, session: Session) -> ClubSettings:
    """How the municipality deals with clubs."""
    municipality_of(request)
    return msgspec.convert(settings.settings_of(session), ClubSettings, from_attributes=True)


@put("/api/v1/club-settings", opt=may("clubs.settings"), **_OPEN)
@transactional
@idempotent
def set_settings(request: AnyRequest, session: Session, data: JSONBody[ClubSettings]) -> ClubSettings:
    """Set all of it."""
    changed = msgspec.convert(data, settings.Settings, from_attributes=True)
    settings.set_settings(session, municipality_of(request).id, changed, actor_of(request))
    return data


@put("/api/v1/club-agreement", opt=may("clubs.settings"), **_OPEN)
@transactional
@idempotent
def set_agreement(request: AnyRequest, session: Session, data: JSONBody[NewClubAgreement]) -> ClubAgreement:
    """Give the agreement other words: a new version, which every club is asked to accept."""
    made = settings.set_agreement(session, municipality_of(request), data.text, actor_of(request))
    return msgspec.convert(made, ClubAgreement, from_attributes=True)


@get("/api/v1/club-agreement", opt=may("clubs.read"), **_OPEN)
@transactional
def show_agreement(request: AnyRequest, session: Session) -> ClubAgreement:
    """What clubs agree to now."""
    found = settings.agreement_of(session, municipality_of(request))
    return msgspec.convert(found, ClubAgreement, from_attributes=True)


ROUTES = [
    list_clubs,
    add_club,
    show_club,
    change_club,
    suspend_club,
    reinstate_club,
    end_club,
    propose_payee,
    approve_payee,
    reject_payee,
    stop_payee,
    show_settings,
    set_settings,
    set_agreement,
    show_agreement,
]
"""The API of clubs."""


def _written(asked: NewClubPayee) -> NewPayee:
    return NewPayee(asked.kind, asked.account, asked.cost_centre)


def _belongs(session: Session, club_id: UUID, payee_id: UUID) -> None:
    queries.club_of(session, club_id)
    if queries.find_payee(session, payee_id).club_id != club_id:
        raise NotFound("There is no such account.")
