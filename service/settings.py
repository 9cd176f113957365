"""The settings of an installation, read once from the environment."""

import os
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from service.errors import Refused


class Settings(msgspec.Struct, frozen=True):
    """Where this installation keeps its things and how large it may grow.

    `home` holds the embedded database, the keys and the outboxes; two homes never meet. Where `database_url` and
    `database_owner_url` are set, that PostgreSQL is used in place of the embedded one. E-mails leave
    through the server of `smtp_url`, from `email_from`; without a server they are put into a folder of `home`.
    `max_upload_mb`: how many megabytes one upload may have, all its files together. Norwegian clubs are looked up in
    the registers whose APIs begin with `enhetsregisteret_url` and `frivillighetsregisteret_url`, where there are such.
    """

    home: Path
    database_url: str | None
    database_owner_url: str | None
    pool_size: int
    now: datetime | None
    public_url: str | None = None
    requests_per_minute: int = 600
    smtp_url: str | None = None
    email_from: str = "medspiller@localhost"
    max_upload_mb: int = 500
    enhetsregisteret_url: str | None = None
    frivillighetsregisteret_url: str | None = None


def load() -> Settings:
    """Read the `MEDSPILLER_*` variables; refuses a half-set or unreadable one with the variable's name."""
    app, owner = os.environ.get("MEDSPILLER_DATABASE_URL"), os.environ.get("MEDSPILLER_DATABASE_OWNER_URL")
    if bool(app) != bool(owner):
        raise Refused("Set both MEDSPILLER_DATABASE_URL and MEDSPILLER_DATABASE_OWNER_URL, or neither.")
    return Settings(
        home=Path(os.environ.get("MEDSPILLER_HOME") or "var").absolute(),
        database_url=app or None,
        database_owner_url=owner or None,
        pool_size=_positive("MEDSPILLER_POOL_SIZE", 10),
        now=_instant("MEDSPILLER_NOW"),
        public_url=_public_url(),
        requests_per_minute=_positive("MEDSPILLER_REQUESTS_PER_MINUTE", 600),
        smtp_url=_mail_server(),
        email_from=_sender(),
        max_upload_mb=_positive("MEDSPILLER_MAX_UPLOAD_MB", 500),
        enhetsregisteret_url=_register("MEDSPILLER_ENHETSREGISTERET_URL", "enhetsregisteret"),
        frivillighetsregisteret_url=_register("MEDSPILLER_FRIVILLIGHETSREGISTERET_URL", "frivillighetsregisteret"),
    )


def is_local(host: str | None) -> bool:
    """Whether a host is this very machine, where plain HTTP may do."""
    return host in ("localhost", "127.0.0.1", "::1")


def _public_url() -> str | None:
    url = os.environ.get("MEDSPILLER_PUBLIC_URL")
    if not url:
        return None
    try:
        parts = urlsplit(url)
        bare = (
            bool(parts.hostname) and parts.port != 0 and parts.path in ("", "/") and not (parts.query or parts.fragment)
        )
        whole = bare and parts.username is None and url.isprintable()
        secure = parts.scheme == "https" or (parts.scheme == "http" and is_local(parts.hostname))
    except ValueError:
        whole = secure = False
    if not (whole and secure):
        raise Refused(
            "MEDSPILLER_PUBLIC_URL must be an address such as https://fritidspas.kommune.example, with https."
        )
    return url.rstrip("/")


def _register(name: str, register: str) -> str | None:
    url = os.environ.get(name) or f"https://data.brreg.no/{register}/api"
    if url == "off":
        return None
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0 and not (parts.query or parts.fragment or parts.username)
        secure = parts.scheme == "https" or (parts.scheme == "http" and is_local(parts.hostname))
    except ValueError:
        whole = secure = False
    if not (whole and secure and url.isprintable()):
        raise Refused("{name} must be an address with https such as {example}, or off.", name=name, example=_EXAMPLE)
    return url.rstrip("/")


_EXAMPLE = "https://data.brreg.no/enhetsregisteret/api"


def _mail_server() -> str | None:
    url = os.environ.get("MEDSPILLER_SMTP_URL")
    if not url:
        return None
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0 and not parts.path
    except ValueError:
        whole = False
    if not whole:
        # It is not quoted: it may hold a password.
        raise Refused("MEDSPILLER_SMTP_URL must be of the form smtp://USER:PASSWORD@HOST:PORT, or begin with smtps://.")
    if not os.environ.get("MEDSPILLER_EMAIL_FROM"):
        raise Refused("Set MEDSPILLER_EMAIL_FROM, the address that e-mails come from, beside MEDSPILLER_SMTP_URL.")
    return url


def _sender() -> str:
    sender = os.environ.get("MEDSPILLER_EMAIL_FROM") or "medspiller@localhost"
    try:
        whole = Address(addr_spec=sender).addr_spec == sender and sender.isascii() and sender.isprintable()
    except (ValueError, IndexError, MessageError):
        whole = False
    if not whole or "@" not in sender:
        raise Refused("MEDSPILLER_EMAIL_FROM must be an e-mail address such as medspiller@kommune.example.")
    return sender


def _positive(name: str, default: int) -> int:
    text = os.environ.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise Refused("{name} must be a whole number of at least 1, not {text!r}.", name=name, text=text)
    return int(text)


def _instant(name: str) -> datetime | None:
    text = os.environ.get(name)
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            "{name} must be a date or an instant such as 2017-01-15T08:00Z, not {text!r}.", name=name, text=text
        ) from None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
