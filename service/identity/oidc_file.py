"""The providers of sign-in that an installation trusts, as its operator writes them into HOME/oidc.json."""

from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import msgspec

from service.errors import Refused
from service.identity.models import ROLES

FILE = "oidc.json"

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value of the provider's roles claim, and the role here that it gives.

    In the municipality of this code; or, where it is set, in the organisation of this name.
    """

    value: _Text
    role: _Text
    municipality: str | None = None
    organisation: str | None = None


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    key: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}\Z")]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    issuer: _Text
    client_id: _Text
    scopes: tuple[_Text, ...] = ("openid", "email", "profile")
    roles_claim: _Text | None = None
    roles: tuple[Grant, ...] = ()
    trust_email: bool = False
    acr_values: tuple[_Text, ...] = ()
    second_factor_satisfied: bool = False
    client_secret: _Text | None = None
    client_secret_file: _Text | None = None


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider of sign-in.

    `key` stands in addresses, `name` on the button. `trust_email`: an address that it has verified may find an account
    that stands already. `acr_values`: how people must have signed in there, one of these. `second_factor_satisfied`:
    who comes from there needs no second factor here.
    """

    key: str
    name: str
    issuer: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...]
    roles_claim: str | None
    roles: tuple[Grant, ...]
    trust_email: bool
    acr_values: tuple[str, ...]
    second_factor_satisfied: bool

    def __repr__(self) -> str:
        """Without the secret, which must not end up in a log."""
        return f"Provider({self.key!r}, {self.issuer!r})"


def providers(home: Path) -> list[Provider]:
    """The providers of HOME/oidc.json in its order, none without the file; refuses one that is wrong."""
    path = home / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Refused("{file} cannot be read: {why}.", file=path, why=error.strerror) from error
    try:
        entries = msgspec.json.decode(content, type=list[_Entry])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # msgspec names the place and what belongs there, never what stands there.
        raise Refused("{file} is wrong: {why}. See Sign-in in docs/operators.md.", file=path, why=error) from None
    keys = [entry.key for entry in entries]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise Refused("{file} names the provider {key} twice; give each a key of its own.", file=path, key=twice[0])
    return [_provider(path, entry) for entry in entries]


def is_secure(url: str) -> bool:
    """Whether an address is https, or on this machine, and tells everything that an address of a provider may."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    known = parts.username is None and parts.password is None and not parts.fragment and url.isprintable()
    return bool(host) and known and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL))


def _provider(path: Path, entry: _Entry) -> Provider:
    if not is_secure(entry.issuer) or urlsplit(entry.issuer).query:
        _refuse(path, entry, "its issuer must be an https address")
    if "openid" not in entry.scopes:
        _refuse(path, entry, "its scopes must name openid")
    if bool(entry.roles) != bool(entry.roles_claim):
        _refuse(path, entry, "roles_claim and roles belong together")
    for grant in entry.roles:
        if grant.role not in ROLES:
            _refuse(path, entry, f"{grant.role} is no role; roles are {', '.join(ROLES)}")
        if not grant.municipality and not grant.organisation:
            _refuse(path, entry, f"{grant.role} needs a municipality's code or an organisation")
    kept = msgspec.structs.asdict(entry)
    kept["client_secret"] = _secret(path, entry)
    del kept["client_secret_file"]
    return Provider(**kept)


def _secret(path: Path, entry: _Entry) -> str:
    if (entry.client_secret is None) == (entry.client_secret_file is None):
        _refuse(path, entry, "it needs either client_secret or client_secret_file")
    source = path if entry.client_secret_file is None else path.parent / entry.client_secret_file
    try:
        if source.stat().st_mode & 0o007:
            _refuse(path, entry, f"its secret in {source} can be read by every user; run chmod 640 on that file")
        secret = entry.client_secret or source.read_text().strip()
    except (OSError, UnicodeDecodeError):
        _refuse(path, entry, f"its secret cannot be read from {source}")
    if not secret:
        _refuse(path, entry, f"its secret in {source} is empty")
    return secret


def _refuse(path: Path, entry: _Entry, why: str) -> NoReturn:
    raise Refused("{file}, provider {key}: {why}.", file=path, key=entry.key, why=why)
