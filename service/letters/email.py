"""The port by which e-mails leave: a mail server, or without one a folder of files.

Neither the error that is raised nor what is logged of it holds an address: servers quote them in their answers.
"""

import secrets
import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from urllib.parse import unquote, urlsplit

from service.database.cluster import write
from service.identity.messages import Message
from service.settings import Settings
from service.values import clock

FOLDER = "emails"

_SECONDS = 30
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class TryLater(Exception):
    """The mail did not leave and may later: the server is gone, busy, or not set up as it should be."""


class Undeliverable(Exception):
    """The server will never take this mail, such as one to an address that does not exist."""


def deliver(settings: Settings, message: Message, mark: str | None = None) -> None:
    """Hand a mail to the mail server of the settings or, without one, put it into HOME/emails as a file.

    `mark` is the same for every attempt at one mail: it becomes the Message-ID, by which receivers know a mail that
    comes twice. Raises TryLater or Undeliverable.
    """
    made = _compose(settings.email_from, message, mark)
    if settings.smtp_url is None:
        _put_down(settings, made)
    else:
        _send(settings.smtp_url, settings.email_from, made)


def _compose(sender: str, message: Message, mark: str | None) -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    domain = sender.rpartition("@")[2]
    made["From"] = Address(addr_spec=sender)
    made["To"] = Address(addr_spec=_spelled(message.to))
    made["Subject"] = message.subject
    made["Date"] = format_datetime(clock.now())
    made["Message-ID"] = f"<{mark}@{domain}>" if mark else make_msgid(domain=domain)
    # Holiday notices and the like are not to answer it.
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(message.text, cte="quoted-printable")
    return made


def _spelled(address: str) -> str:
    """The address with its domain as the network spells it: letters beyond ASCII as `xn--…`."""
    name, _, domain = address.rpartition("@")
    try:
        return f"{name}@{domain.encode('idna').decode()}"
    except UnicodeError:
        raise Undeliverable("There cannot be a domain of this name.") from None


def _put_down(settings: Settings, made: EmailMessage) -> None:
    """Files sort by time; where the clock is stopped by the order in which they came."""
    name = f"{clock.now():%Y%m%dT%H%M%S.%fZ}-{time.time_ns():016x}-{secrets.token_hex(2)}.eml"
    folder = settings.home / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write(folder / name, made.as_bytes(), mode=0o600)
    except OSError as error:
        raise TryLater(f"The folder of e-mails cannot be written: {error.strerror}.") from None


def _send(url: str, sender: str, made: EmailMessage) -> None:
    try:
        with _connected(url) as server:
            server.send_message(made, from_addr=sender)
    except smtplib.SMTPRecipientsRefused as refused:
        codes = [code for code, _ in refused.recipients.values()]
        if all(_is_final(code) for code in codes):
            raise Undeliverable(f"The mail server refuses the address ({codes[0]}).") from None
        raise TryLater(f"The mail server does not take the address at the moment ({codes[0]}).") from None
    except smtplib.SMTPDataError as refused:
        if _is_final(refused.smtp_code):
            raise Undeliverable(f"The mail server refuses the mail ({refused.smtp_code}).") from None
        raise TryLater(f"The mail server does not take the mail at the moment ({refused.smtp_code}).") from None
    except smtplib.SMTPResponseException as refused:
        # Its greeting, our password or the sender: a person may set that right, and the mail then leaves.
        raise TryLater(f"The mail server refuses us: {type(refused).__name__} ({refused.smtp_code}).") from None
    except smtplib.SMTPNotSupportedError:
        raise TryLater("The mail server offers no encryption or no sign-in.") from None
    except (smtplib.SMTPException, OSError) as error:
        raise TryLater(f"The mail server does not answer: {type(error).__name__}.") from None


def _is_final(code: int) -> bool:
    return 500 <= code < 600


@contextmanager
def _connected(url: str) -> Iterator[smtplib.SMTP]:
    """A mail server that is encrypted, unless it is on this machine, and knows us where the URL names a user."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    trusted = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=_SECONDS, context=trusted)
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=_SECONDS)
    try:
        if parts.scheme == "smtp" and host not in _LOCAL:
            server.starttls(context=trusted)
        if parts.username is not None:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        yield server
        # The server has the mail: however the goodbye goes, it must not be sent again.
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        server.close()
