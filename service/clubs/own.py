"""The club of a treasurer who is signed in, and its people."""

from uuid import UUID

from sqlmodel import Session

from service.clubs.desk import Desk, mail_invitation
from service.clubs.queries import Club, club_of
from service.errors import Conflict, Forbidden, NotFound
from service.identity import members
from service.identity.access import AnyRequest, principal_of
from service.identity.members import Invited, Member


def own_club(request: AnyRequest, session: Session) -> Club:
    """The club for which whoever asks acts."""
    place = principal_of(request).place
    if place is None or place.organisation_kind != "club" or place.organisation_id is None:
        raise Forbidden("This is done for a club. Choose one under your name first.")
    return club_of(session, place.organisation_id)


def treasurers_of(session: Session, club_id: UUID) -> list[Member]:
    """The people of a club, by name."""
    return [one for one in members.list_members(session) if one.organisation_id == club_id]


def invited_of(session: Session, club_id: UUID) -> list[Invited]:
    """Who is invited to a club, the oldest invitation first."""
    return [one for one in members.list_invitations(session) if one.organisation_id == club_id]


def invite_treasurer(session: Session, desk: Desk, club: Club, email: str, name: str) -> UUID:
    """Invite somebody as treasurer of a club; gives the invitation's id."""
    if club.state == "ended":
        raise Conflict("{name} has ended.", name=club.name)
    sent = members.invite(session, desk.municipality.id, email, name, "club_treasurer", club.id, desk.actor)
    mail_invitation(session, desk, sent)
    return sent.id


def end_treasurer(session: Session, desk: Desk, club_id: UUID, membership_id: UUID) -> Member:
    """Take the role from a treasurer of this club; the last one cannot, since nobody could invite another."""
    people = treasurers_of(session, club_id)
    found = find_treasurer(people, membership_id)
    if len(people) == 1:
        raise Conflict("This is the club's last treasurer. Invite another one first.")
    members.end_membership(session, desk.municipality.id, membership_id, desk.actor)
    return found


def find_treasurer(people: list[Member], membership_id: UUID) -> Member:
    """That one of a club's people."""
    for one in people:
        if one.id == membership_id:
            return one
    raise NotFound("The club has no such treasurer.")


def withdraw_invitation(session: Session, desk: Desk, club_id: UUID, invitation_id: UUID) -> None:
    """Take back an invitation to this club."""
    if all(one.id != invitation_id for one in invited_of(session, club_id)):
        raise NotFound("There is no such open invitation.")
    members.withdraw_invitation(session, desk.municipality.id, invitation_id, desk.actor)
