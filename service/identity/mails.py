"""What the sign-in e-mails say, and ordering a link.

Whether an address has an account must show neither in the answer nor in the time it takes: asking for a link only
queues the address, sealed. A worker looks it up, and writes to it if it is somebody's.
"""

from base64 import b64decode, b64encode

import msgspec
from sqlmodel import Session

from service.database.tasks import defer
from service.database.tenancy import INSTALLATION
from service.errors import N_, Text, Translate
from service.identity.members import Invitation
from service.identity.messages import QUEUE, send_email
from service.identity.sessions import find_account, make_link
from service.values.secrecy import KeyRing

TASK = "medspiller.sign_in_link"

_LINK_SUBJECT = N_("Sign in to Medspiller")
_LINK_TEXT = N_(
    """Hello {name}

Open this address to sign in. It works once, and for 15 minutes.

{url}

If you did not ask for it you can delete this e-mail: nobody gets in without the address above.
"""
)
_INVITATION_SUBJECT = N_("Invitation to {place} in Medspiller")
_INVITATION_TEXT = N_(
    """Hello {name}

{inviter} invites you to Medspiller as {role} of {place}.

Open this address to accept. It works once, and for 14 days.

{url}

If you did not expect this you can delete this e-mail.
"""
)
ROLE_NAMES = {
    "administrator": N_("administrator"),
    "case_worker": N_("case worker"),
    "finance_officer": N_("finance officer"),
    "referrer": N_("referrer"),
    "club_treasurer": N_("club treasurer"),
    "coordinator": N_("coordinator"),
    "volunteer": N_("volunteer"),
    "auditor": N_("auditor"),
}


class Asked(msgspec.Struct, frozen=True):
    """Who asked for a link, where the pages stand, and in which language the person was reading."""

    email: str
    public_url: str
    language: str


def order_link(session: Session, keys: KeyRing, asked: Asked) -> None:
    """Queue the wish for a link; the same work whoever asks."""
    sealed = keys.for_tenant(INSTALLATION).encrypt_bytes(msgspec.json.encode(asked))
    defer(session, TASK, queue=QUEUE, sealed=b64encode(sealed).decode())


def unseal_asked(keys: KeyRing, sealed: str) -> Asked:
    """What lay in the queue; raises CannotDecrypt where it is damaged."""
    return msgspec.json.decode(keys.for_tenant(INSTALLATION).decrypt_bytes(b64decode(sealed)), type=Asked)


def language_of(session: Session, asked: Asked) -> str:
    """In which language to write: the account's own, else that of the page."""
    account = find_account(session, asked.email)
    return (account.language if account else None) or asked.language


def send_link(session: Session, keys: KeyRing, asked: Asked, translate: Translate) -> None:
    """Write to the address with a link to sign in, if an account has it."""
    account = find_account(session, asked.email)
    if account is None:
        return
    url = link_address(asked.public_url, make_link(session, account.id, "email"))
    said = Text(_LINK_TEXT, {"name": account.name, "url": url}).said(translate)
    send_email(session, keys, account.email, translate(_LINK_SUBJECT), said)


def send_invitation(session: Session, keys: KeyRing, invitation: Invitation, url: str, translate: Translate) -> None:
    """Write to whoever is invited, in the place's language."""
    place = invitation.organisation_name or invitation.tenant_name
    role = translate(ROLE_NAMES[invitation.role])
    subject = Text(_INVITATION_SUBJECT, {"place": place}).said(translate)
    said = Text(
        _INVITATION_TEXT,
        {"name": invitation.name, "inviter": invitation.invited_by, "place": place, "role": role, "url": url},
    ).said(translate)
    send_email(session, keys, invitation.email, subject, said)


def link_address(public_url: str, secret: str) -> str:
    """The address of a sign-in link."""
    return f"{public_url}/sign-in/link/{secret}"


def invitation_address(public_url: str, secret: str) -> str:
    """The address of an invitation."""
    return f"{public_url}/invitation/{secret}"
