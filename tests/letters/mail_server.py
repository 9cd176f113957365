"""A real mail server on this machine that takes, refuses or breaks off, as a test says."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from service.values import clock

USER, PASSWORD = "medspiller@kommune.example", "pass: /word%"


class Taken(msgspec.Struct, frozen=True):
    """A mail that the server took, with the envelope it came in."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    encrypted: bool


class MailServer:
    """`says` answers a command (MAIL, RCPT, DATA, QUIT) in place of what is right; None breaks the connection off."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[Taken] = []
        self.says: dict[str, str | None] = {}

    async def handle_MAIL(self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return await self._say(server, "MAIL")

    async def handle_RCPT(self, server: SMTP, _: Session, envelope: Envelope, address: str, __: list[str]) -> str:
        said = await self._say(server, "RCPT")
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        said = await self._say(server, "DATA")
        if said.startswith("250"):
            assert isinstance(envelope.content, bytes)
            message = message_from_bytes(envelope.content, policy=default)
            self.taken.append(Taken(str(envelope.mail_from), envelope.rcpt_tos, message, session.ssl is not None))
        return said

    async def handle_QUIT(self, server: SMTP, _: Session, __: Envelope) -> str:
        return await self._say(server, "QUIT", "221 Bye")

    async def _say(self, server: SMTP, command: str, right: str = "250 OK") -> str:
        said = self.says.get(command, right)
        if said is None:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            await asyncio.sleep(0)
            return "421 gone"
        return said

    def authenticate(self, _: SMTP, __: Session, ___: Envelope, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        known = (given.login.decode(), given.password.decode()) == (USER, PASSWORD)
        return AuthResult(success=known, handled=False)


@contextmanager
def serving(host: str = "localhost", port: int | None = None, **options: Any) -> Iterator[MailServer]:
    """The server at work, on a free port unless one is given."""
    kept = MailServer()
    kept.port = port or free_port(host)
    if options.pop("users", False):
        options |= {"authenticator": kept.authenticate, "auth_required": True}
    controller = Controller(kept, hostname=host, port=kept.port, **options)
    controller.start()
    try:
        yield kept
    finally:
        controller.stop()


def free_port(host: str = "localhost") -> int:
    with socket.socket() as free:
        free.bind((host, 0))
        port: int = free.getsockname()[1]
        return port


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """What a server needs to encrypt, and the file with the authority to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A mail server of the tests")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
    begins = clock.now() - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority = folder / "authority.pem"
    authority.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, traditional = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, traditional, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, folder / "key.pem")
    return context, authority
