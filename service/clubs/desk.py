"""What it takes to decide about a club and to tell it."""

import msgspec
from sqlmodel import Session

from service.audit.actions import Actor
from service.database.requests import keys_of
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.actions import Municipality
from service.identity.mails import invitation_address, send_invitation
from service.identity.members import SentInvitation, find_invitation
from service.values.secrecy import KeyRing
from service.web.texts import translator


class Desk(msgspec.Struct, frozen=True):
    """The municipality, the keys that seal its e-mails, where the pages are, and who acts."""

    municipality: Municipality
    keys: KeyRing
    public_url: str
    actor: Actor


def desk_of(request: AnyRequest) -> Desk:
    """The desk of whoever is signed in; a club's people act for their municipality."""
    return Desk(
        municipality=municipality_of(request),
        keys=keys_of(request),
        public_url=request.app.state.public_url,
        actor=actor_of(request),
    )


def mail_invitation(session: Session, desk: Desk, sent: SentInvitation) -> None:
    """Write to whoever is invited, with the link, in the municipality's language."""
    invitation = find_invitation(session, sent.secret)
    url = invitation_address(desk.public_url, sent.secret)
    send_invitation(session, desk.keys, invitation, url, translator(invitation.language).gettext)
