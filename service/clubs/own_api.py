"""The club of a treasurer who is signed in, in the API. Systems of clubs have a scope of their own, for claims."""

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post, put
from litestar.params import FromPath, JSONBody
from sqlmodel import Session

from schemas.club import (
    AcceptedAgreement,
    ClubActivity,
    ClubAgreement,
    ClubChange,
    ClubDetail,
    ClubPayee,
    NewClubActivity,
    NewClubPayee,
    NewTreasurer,
)
from schemas.member import InvitationSummary, MemberSummary
from service.clubs import actions, own, payees
from service.clubs.actions import NewActivity
from service.clubs.desk import desk_of
from service.clubs.own import own_club
from service.clubs.payees import NewPayee
from service.clubs.settings import agreement_of
from service.clubs.shown import activity_of, detail_of, line_of, merged
from service.database.requests import transactional
from service.errors import NotFound
from service.identity.access import AnyRequest, municipality_of
from service.identity.permissions import may
from service.web.idempotency import idempotent
from service.web.problems import DOCUMENTED

_CLUB: Final = "/api/v1/club"
_ACTIVITY: Final = f"{_CLUB}/activities/{{activity_id:uuid}}"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "tags": ["club"], "responses": DOCUMENTED}
_OWN: Final[dict[str, Any]] = _OPEN | {"opt": may("club.own")}
_CHANGE: Final[dict[str, Any]] = _OPEN | {"opt": may("club.change")}


@get(_CLUB, **_OWN)
@transactional
def show_own(request: AnyRequest, session: Session) -> ClubDetail:
    """The own club with what it offers and where its money goes."""
    return detail_of(request, session, own_club(request, session).id)


@patch(_CLUB, **_CHANGE)
@transactional
@idempotent
def change_own(request: AnyRequest, session: Session, data: JSONBody[ClubChange]) -> ClubDetail:
    """Change the club's name, contact or members. A contact that was is told."""
    club = own_club(request, session)
    actions.change_club(session, desk_of(request), club.id, merged(club, data))
    return detail_of(request, session, club.id)


@get(f"{_CLUB}/agreement", **_OWN)
@transactional
def read_agreement(request: AnyRequest, session: Session) -> ClubAgreement:
    """What clubs agree to now."""
    found = agreement_of(session, municipality_of(request))
    return msgspec.convert(found, ClubAgreement, from_attributes=True)


@post(f"{_CLUB}/agreement", status_code=200, **_CHANGE)
@transactional
@idempotent
def accept_agreement(request: AnyRequest, session: Session, data: JSONBody[AcceptedAgreement]) -> ClubDetail:
    """Accept the version that was read; refused where there is a newer one by now."""
    club = own_club(request, session)
    actions.accept_agreement(session, desk_of(request), club.id, data.version)
    return detail_of(request, session, club.id)


@post(f"{_CLUB}/activities", **_CHANGE)
@transactional
@idempotent
def add_activity(request: AnyRequest, session: Session, data: JSONBody[NewClubActivity]) -> ClubActivity:
    """Add something that the club offers."""
    club = own_club(request, session)
    return activity_of(actions.add_activity(session, desk_of(request), club.id, _activity(data)))


@put(_ACTIVITY, **_CHANGE)
@transactional
@idempotent
def change_activity(
    request: AnyRequest, session: Session, activity_id: FromPath[UUID], data: JSONBody[NewClubActivity]
) -> ClubActivity:
    """Change something that the club offers."""
    club = own_club(request, session)
    return activity_of(actions.change_activity(session, desk_of(request), club.id, activity_id, _activity(data)))


@delete(_ACTIVITY, **_CHANGE)
@transactional
def end_activity(request: AnyRequest, session: Session, activity_id: FromPath[UUID]) -> None:
    """Take something off what the club offers."""
    actions.end_activity(session, desk_of(request), own_club(request, session).id, activity_id)


@post(f"{_CLUB}/payees", **_CHANGE)
@transactional
@idempotent
def propose_payee(request: AnyRequest, session: Session, data: JSONBody[NewClubPayee]) -> ClubPayee:
    """Propose where the club's money shall go; the municipality approves it. One that waits is withdrawn by it."""
    club, written = own_club(request, session), NewPayee(data.kind, data.account, data.cost_centre)
    return line_of(request, session, payees.propose_payee(session, desk_of(request), club.id, written, by_club=True))


@post(f"{_CLUB}/payees/withdrawal", status_code=200, **_CHANGE)
@transactional
@idempotent
def withdraw_payee(request: AnyRequest, session: Session) -> ClubDetail:
    """Take back an account that waits for approval."""
    club = own_club(request, session)
    payees.withdraw_payee(session, desk_of(request), club.id)
    return detail_of(request, session, club.id)


@post(f"{_CLUB}/payees/stop", status_code=200, **_CHANGE)
@transactional
@idempotent
def stop_payee(request: AnyRequest, session: Session) -> ClubPayee:
    """Stop an account that is approved, before its day."""
    return line_of(request, session, payees.stop_payee(session, desk_of(request), own_club(request, session).id))


@get(f"{_CLUB}/treasurers", **_OWN)
@transactional
def list_treasurers(request: AnyRequest, session: Session) -> list[MemberSummary]:
    """The club's treasurers, by name."""
    found = own.treasurers_of(session, own_club(request, session).id)
    return [msgspec.convert(one, MemberSummary, from_attributes=True) for one in found]


@post(f"{_CLUB}/treasurers", **_CHANGE)
@transactional
@idempotent
def invite_treasurer(request: AnyRequest, session: Session, data: JSONBody[NewTreasurer]) -> InvitationSummary:
    """Invite another treasurer by e-mail."""
    club = own_club(request, session)
    made = own.invite_treasurer(session, desk_of(request), club, data.email, data.name)
    for one in own.invited_of(session, club.id):
        if one.id == made:
            return msgspec.convert(one, InvitationSummary, from_attributes=True)
    raise NotFound("There is no such open invitation.")


@delete(f"{_CLUB}/treasurers/{{membership_id:uuid}}", **_CHANGE)
@transactional
def end_treasurer(request: AnyRequest, session: Session, membership_id: FromPath[UUID]) -> None:
    """End a treasurer's role. The last one's is refused with 409."""
    own.end_treasurer(session, desk_of(request), own_club(request, session).id, membership_id)


ROUTES = [
    show_own,
    change_own,
    read_agreement,
    accept_agreement,
    add_activity,
    change_activity,
    end_activity,
    propose_payee,
    withdraw_payee,
    stop_payee,
    list_treasurers,
    invite_treasurer,
    end_treasurer,
]
"""The API of the own club."""


def _activity(asked: NewClubActivity) -> NewActivity:
    return msgspec.convert(asked, NewActivity, from_attributes=True)
