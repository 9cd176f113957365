"""Looking a club up in the public registers of Norway: Enhetsregisteret and Frivillighetsregisteret.

A register is behind a port (`Register`). It is a machine elsewhere: it may be slow, gone, or say what nobody expects.
What cannot be used raises TryLater, and whoever asked goes on without an answer.
"""

import time
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from service.errors import Unreadable
from service.settings import Settings
from service.values.accounts import read_account

_TIMEOUT: Final = httpx.Timeout(5)
# A register that sends a byte now and then is as good as gone.
_PATIENCE: Final = 15
_LARGEST: Final = 1_000_000
_REDIRECTS: Final = 3

Answer = TypeVar("Answer", bound=msgspec.Struct)


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a register says of a number; empty is what it does not say.

    `account` is the IBAN that the club gave the register; `ended_on` when the register took it off.
    """

    name: str | None = None
    form: str | None = None
    municipality: str | None = None
    ended_on: str | None = None
    bankrupt: bool = False
    winding_up: bool = False
    account: str | None = None
    status: str | None = None
    categories: list[str] = []


class Looked(msgspec.Struct, frozen=True):
    """`outcome` is `found`, `unknown` or `deleted`."""

    outcome: str
    said: Said = Said()


class TryLater(Exception):
    """The register gave no answer that can be used; the message says why, without what was asked."""


class Register(Protocol):
    """A public register of organisations; `source` is its name in the database."""

    source: str

    def look_up(self, number: str) -> Looked:
        """What it says of a number of 9 digits. Raises TryLater."""
        ...


class Enhetsregisteret:
    """The register of all organisations: name, form, where it is, whether it is being wound up."""

    source = "enhetsregisteret"

    def __init__(self, url: str) -> None:
        self._url = url

    def look_up(self, number: str) -> Looked:
        found = _ask(f"{self._url}/enheter/{number}", number, _Unit)
        if not isinstance(found, _Unit):
            return found
        said = Said(
            name=found.navn,
            form=found.organisasjonsform.beskrivelse if found.organisasjonsform else None,
            municipality=found.forretningsadresse.kommune if found.forretningsadresse else None,
            ended_on=found.slettedato,
            bankrupt=bool(found.konkurs),
            winding_up=bool(found.underAvvikling or found.underTvangsavviklingEllerTvangsopplosning),
        )
        return Looked("deleted" if found.slettedato else "found", said)


class Frivillighetsregisteret:
    """The register of voluntary organisations: what they do, and the account that they gave."""

    source = "frivillighetsregisteret"

    def __init__(self, url: str) -> None:
        self._url = url

    def look_up(self, number: str) -> Looked:
        found = _ask(f"{self._url}/frivillige-organisasjoner/{number}", number, _Voluntary)
        if not isinstance(found, _Voluntary):
            return found
        named = [one.navn or (one.kategori or "").rpartition(".")[2] for one in found.icnpoKategorier or ()]
        said = Said(
            name=found.navn,
            account=_account(found.kontonummer),
            status=found.frivilligOrganisasjonsstatus,
            categories=[name for name in named if name],
        )
        return Looked("found", said)


def registers_of(settings: Settings) -> list[Register]:
    """The registers that this installation asks."""
    found: list[Register] = []
    if settings.enhetsregisteret_url:
        found.append(Enhetsregisteret(settings.enhetsregisteret_url))
    if settings.frivillighetsregisteret_url:
        found.append(Frivillighetsregisteret(settings.frivillighetsregisteret_url))
    return found


# Of what the registers say only what is used here; they name their fields in Norwegian.
class _Form(msgspec.Struct, frozen=True):
    beskrivelse: str | None = None


class _Address(msgspec.Struct, frozen=True):
    kommune: str | None = None


class _Unit(msgspec.Struct, frozen=True):
    organisasjonsnummer: str
    navn: str | None = None
    organisasjonsform: _Form | None = None
    forretningsadresse: _Address | None = None
    slettedato: str | None = None
    konkurs: bool | None = None
    underAvvikling: bool | None = None
    underTvangsavviklingEllerTvangsopplosning: bool | None = None


class _Category(msgspec.Struct, frozen=True):
    navn: str | None = None
    kategori: str | None = None


class _Voluntary(msgspec.Struct, frozen=True):
    organisasjonsnummer: str
    navn: str | None = None
    kontonummer: str | None = None
    frivilligOrganisasjonsstatus: str | None = None
    icnpoKategorier: list[_Category] | None = None


def _account(written: str | None) -> str | None:
    try:
        return read_account(written, "no") if written else None
    except Unreadable:
        return None


def _ask(url: str, number: str, form: type[Answer]) -> Answer | Looked:
    try:
        status, body = _fetch(url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TryLater(f"The register does not answer: {type(error).__name__}.") from None
    if status == 404:
        return Looked("unknown")
    if status == 410:
        return Looked("deleted")
    if status != 200:
        raise TryLater(f"The register answers with {status}.")
    try:
        answer = msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise TryLater("The register's answer cannot be read.") from None
    known: Any = answer
    if known.organisasjonsnummer != number:
        raise TryLater("The register answers about another number.")
    return answer


def _fetch(url: str) -> tuple[int, bytes]:
    """The status and the body; a register may send us on to another address of its own, but nowhere else."""
    until = time.monotonic() + _PATIENCE
    with httpx.Client(timeout=_TIMEOUT, headers={"Accept": "application/json"}) as client:
        for _ in range(_REDIRECTS + 1):
            with client.stream("GET", url) as response:
                if not response.is_redirect:
                    return response.status_code, _read(response, until)
                url = _onward(url, response.headers["location"])
    raise TryLater("The register sends us from one address to the next.")


def _onward(url: str, location: str) -> str:
    try:
        there = urljoin(url, location)
        own = urlsplit(there)[:2] == urlsplit(url)[:2]
    except ValueError:
        own = False
    if not own:
        raise TryLater("The register sends us to another address. Its address in the settings may be old.")
    return there


def _read(response: httpx.Response, until: float) -> bytes:
    body = b""
    for piece in response.iter_bytes():
        body += piece
        if len(body) > _LARGEST:
            raise TryLater("The register's answer is too large.")
        if time.monotonic() > until:
            raise TryLater("The register's answer takes too long.")
    return body
