"""E-mails that leave if and only if the transaction that queues them commits.

The queue is readable to whoever reads the database and its backups, so a mail lies in it sealed, its address too.
"""

from base64 import b64decode, b64encode
from email.errors import MessageError
from email.headerregistry import Address
from hashlib import sha256

import msgspec
from sqlmodel import Session

from service.database.tasks import defer
from service.database.tenancy import INSTALLATION
from service.errors import Invalid
from service.values.secrecy import CannotDecrypt, KeyRing

TASK = "medspiller.email"
# A queue of its own: a link to sign in does not wait for a refresh that takes minutes.
QUEUE = "email"

_LONGEST_ADDRESS = 254
_LONGEST_SUBJECT = 200


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An e-mail in plain text to one address; refused where address or subject could carry another header.

    Letters beyond ASCII may stand in the address's domain, not in its name: few servers take such names.
    """

    to: str
    subject: str
    text: str

    def __post_init__(self) -> None:
        if not is_address(self.to):
            raise Invalid("This is no e-mail address. Write one of the form name@example.org.")
        if not self.subject.strip() or len(self.subject) > _LONGEST_SUBJECT or not self.subject.isprintable():
            raise Invalid("An e-mail's subject is one line of at most {most} characters.", most=_LONGEST_SUBJECT)


def send_email(session: Session, keys: KeyRing, to: str, subject: str, text: str) -> None:
    """Queue an e-mail in this transaction; it is sent within seconds of the commit, and never after a rollback."""
    content = msgspec.json.encode(Message(to, subject, text))
    sealed = keys.for_tenant(INSTALLATION).encrypt_bytes(content)
    defer(session, TASK, queue=QUEUE, sealed=b64encode(sealed).decode())


def unseal(keys: KeyRing, sealed: str) -> Message:
    """The e-mail that lay in the queue; raises CannotDecrypt where it is damaged or its key is retired."""
    content = keys.for_tenant(INSTALLATION).decrypt_bytes(b64decode(sealed))
    try:
        return msgspec.json.decode(content, type=Message)
    except msgspec.DecodeError:
        raise CannotDecrypt("What was sealed is no e-mail.") from None


def mark_of(sealed: str) -> str:
    """What tells a queued e-mail from all others, the same at every attempt."""
    return sha256(sealed.encode()).hexdigest()[:32]


def is_address(text: str) -> bool:
    """Whether an e-mail can be sent to it."""
    return len(text) <= _LONGEST_ADDRESS and text.isprintable() and _is_one_address(text)


def _is_one_address(text: str) -> bool:
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError, MessageError):
        return False
    return bool(address.username and address.domain) and address.addr_spec == text
