"""Sign-in with OpenID Connect: the authorisation code flow with PKCE, state and nonce.

`begin` gives the address to send the person to and what must be kept until the answer; `finish` takes what was kept and
the answer, and tells who it is. Neither touches the database or logs anything about a person. That a kept record is
used once is for the caller to see to.
"""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec

from service.errors import Refused
from service.identity.oidc_file import Grant, Provider, providers
from service.identity.oidc_http import Metadata, ask, distrust, metadata_of
from service.identity.oidc_tokens import Claims, verify

__all__ = ["Begun", "Grant", "Identity", "Provider", "Record", "begin", "finish", "providers"]

# How long somebody may take to sign in at the provider.
PATIENCE = timedelta(minutes=15)

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LONGEST_EMAIL = 254
_LONGEST_NAME = 200


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a sign-in until its answer comes; `provider` is the key of the provider asked."""

    provider: str
    state: str
    nonce: str
    code_verifier: str
    expires_at: datetime


class Begun(Record, frozen=True, kw_only=True):
    """A sign-in that has begun: `url` is where the person goes on."""

    url: str


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed in: `issuer` and `subject` together are the person, for ever; all else may change.

    `email_verified`: the provider says so. `roles`: (role, municipality code, organisation) that the provider's claims
    give. `authenticated_at`: when the person signed in there; `acr`: how, in the provider's words.
    """

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None
    roles: tuple[tuple[str, str | None, str | None], ...]
    authenticated_at: datetime
    acr: str | None


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str | None = None
    token_type: str = ""


def begin(provider: Provider, redirect_uri: str, now: datetime) -> Begun:
    """Begin a sign-in that comes back to `redirect_uri`."""
    endpoint = metadata_of(provider).authorization_endpoint
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(provider.scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if provider.acr_values:
        asked["acr_values"] = " ".join(provider.acr_values)
    joint = "&" if urlsplit(endpoint).query else "?"
    return Begun(
        provider=provider.key,
        url=f"{endpoint}{joint}{urlencode(asked)}",
        state=state,
        nonce=nonce,
        code_verifier=verifier,
        expires_at=now + PATIENCE,
    )


def finish(
    provider: Provider, record: Record, parameters: Mapping[str, str], redirect_uri: str, now: datetime
) -> Identity:
    """Who signed in, from the parameters that the provider's answer came with and the record that belongs to them."""
    metadata = metadata_of(provider)
    code = _code(provider, metadata, record, parameters, now)
    tokens = _exchange(provider, metadata, record, code, redirect_uri)
    claims = verify(provider, metadata, tokens.id_token, tokens.access_token, record.nonce, now)
    return _identity(provider, claims, _completed(provider, metadata, claims, tokens), now)


def _code(provider: Provider, metadata: Metadata, record: Record, parameters: Mapping[str, str], now: datetime) -> str:
    given = parameters.get("state", "")
    if record.provider != provider.key or not compare_digest(given.encode(), record.state.encode()):
        raise distrust(provider, "state")
    if now >= record.expires_at:
        raise Refused("This sign-in has taken too long. Start again from the sign-in page.")
    # RFC 9207: an answer that another provider has mixed in.
    required = metadata.authorization_response_iss_parameter_supported
    if (required or "iss" in parameters) and parameters.get("iss") != provider.issuer:
        raise distrust(provider, "iss")
    if "error" in parameters:
        if parameters["error"] == "access_denied":
            raise Refused(
                "You ended the sign-in with {provider}. Start again when you want to.", provider=provider.name
            )
        raise distrust(provider, "error answer")
    if not parameters.get("code"):
        raise distrust(provider, "code")
    return parameters["code"]


def _exchange(provider: Provider, metadata: Metadata, record: Record, code: str, redirect_uri: str) -> _Tokens:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": record.code_verifier,
    }
    methods, auth = metadata.token_endpoint_auth_methods_supported, None
    if "client_secret_basic" in methods:
        # RFC 6749, 2.3.1: encoded as in a form, before it is a user and a password.
        auth = (quote_plus(provider.client_id), quote_plus(provider.client_secret))
    elif "client_secret_post" in methods:
        form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
    else:
        raise distrust(provider, "ways to authenticate")
    return ask(provider, metadata.token_endpoint, _Tokens, form=form, auth=auth)


def _completed(provider: Provider, metadata: Metadata, claims: Claims, tokens: _Tokens) -> Claims:
    """The claims, with those that the provider tells at its UserInfo endpoint alone."""
    wanted = {"email"} if "email" in provider.scopes else set()
    missing = any(_claim(claims, name) is None for name in (*wanted, *filter(None, [provider.roles_claim])))
    bearer = tokens.access_token if tokens.token_type.lower() == "bearer" else None
    if not missing or metadata.userinfo_endpoint is None or bearer is None:
        return claims
    told = ask(provider, metadata.userinfo_endpoint, dict[str, Any], bearer=bearer)
    if told.get("sub") != claims["sub"]:
        raise distrust(provider, "sub of UserInfo")
    # An address and whether it is verified must come from the same place.
    kept = {name: value for name, value in claims.items() if not (name == "email_verified" and "email" not in claims)}
    return told | kept


def _identity(provider: Provider, claims: Claims, completed: Claims, now: datetime) -> Identity:
    email = completed.get("email")
    known = isinstance(email, str) and len(email) <= _LONGEST_EMAIL and _EMAIL.fullmatch(email) is not None
    acr = claims.get("acr")
    return Identity(
        issuer=provider.issuer,
        subject=claims["sub"],
        email=email if known else None,
        # Some providers write it as text.
        email_verified=known and completed.get("email_verified") in (True, "true"),
        name=_name(completed),
        roles=_roles(provider, completed),
        authenticated_at=_authenticated_at(provider, claims, now),
        acr=acr if isinstance(acr, str) else None,
    )


def _authenticated_at(provider: Provider, claims: Claims, now: datetime) -> datetime:
    """When the person signed in there, and where that is not told, when the token was made; never after now."""
    seconds: Any = claims.get("auth_time") or claims["iat"]
    try:
        return min(datetime.fromtimestamp(seconds, UTC), now)
    except (TypeError, ValueError, OverflowError, OSError):
        raise distrust(provider, "claim auth_time") from None


def _name(claims: Claims) -> str | None:
    parts = [claims.get("name")] if claims.get("name") else [claims.get("given_name"), claims.get("family_name")]
    name = " ".join(part.strip() for part in parts if isinstance(part, str) and part.isprintable())
    return name.strip()[:_LONGEST_NAME] or None


def _roles(provider: Provider, claims: Claims) -> tuple[tuple[str, str | None, str | None], ...]:
    given = _claim(claims, provider.roles_claim) if provider.roles_claim else None
    values = given if isinstance(given, list) else [given]
    granted = (grant for grant in provider.roles if grant.value in values)
    return tuple(dict.fromkeys((grant.role, grant.municipality, grant.organisation) for grant in granted))


def _claim(claims: Claims, name: str) -> Any:
    """A claim by its name or, as Keycloak nests its roles, by the path to it: `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
