"""Asking a provider: over https, within seconds, answers of a sensible size, and nowhere else than asked."""

import logging
import math
import ssl
import threading
import time
from functools import lru_cache
from typing import Any, TypeVar

import httpx
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, RSAKey

from service.errors import Refused
from service.identity.oidc_file import Provider, is_secure

LARGEST_BYTES = 256 * 1024
MOST_SECONDS = 15.0
# How long what a provider says of itself is taken for true.
_KEPT_SECONDS = 3600
# A token may name a key that is not known yet, and anybody may make up such tokens.
_REFETCH_SECONDS = 60
# Who comes next need not wait as long for a provider that has just not answered, and hold a thread meanwhile.
_SILENT_SECONDS = 10
_SMALLEST_RSA_BITS = 2048

Answer = TypeVar("Answer")

_LOG = logging.getLogger("medspiller.oidc")


class Metadata(msgspec.Struct, frozen=True):
    """What a provider says of itself (OpenID Connect Discovery 1.0), as far as it matters here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class _Kept(msgspec.Struct):
    """What was asked of a provider, when, and when its keys were last asked for because of an unknown one."""

    metadata: Metadata
    keys: dict[str, Key]
    at: float
    refetched_at: float | None = None


_kept: dict[str, _Kept] = {}
_silent_since: dict[str, float] = {}
_locks: dict[str, threading.Lock] = {}


def distrust(provider: Provider, reason: str) -> Refused:
    """The refusal of what a provider, or somebody in its name, said; the reason is for the log alone."""
    _LOG.warning("oidc", extra={"provider": provider.key, "reason": reason})
    return Refused(
        "The sign-in with {provider} could not be verified. Start again from the sign-in page; if it fails again, tell "
        "whoever runs this service.",
        provider=provider.name,
    )


def _no_answer(provider: Provider, reason: str) -> Refused:
    _LOG.warning("oidc", extra={"provider": provider.key, "reason": f"no answer: {reason}"})
    return Refused("{provider} does not answer. Try again in a moment, or sign in another way.", provider=provider.name)


def ask(
    provider: Provider,
    url: str,
    kind: type[Answer],
    *,
    form: dict[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    bearer: str | None = None,
) -> Answer:
    """GET, or with a form POST, an address of the provider, and read its JSON."""
    if not is_secure(url):
        raise distrust(provider, "address")
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    try:
        with (
            httpx.Client(timeout=5.0, follow_redirects=False, verify=_trusted()) as client,
            client.stream("POST" if form else "GET", url, data=form, auth=auth, headers=headers) as response,
        ):
            content = _read(provider, response)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _silent_since[provider.issuer] = time.monotonic()
        raise _no_answer(provider, type(error).__name__) from None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise distrust(provider, "no answer that can be read") from None


@lru_cache
def _trusted() -> ssl.SSLContext:
    """The authorities that are trusted; reading them takes longer than asking."""
    return httpx.create_ssl_context()


def _read(provider: Provider, response: httpx.Response) -> bytes:
    if response.is_server_error:
        raise _no_answer(provider, f"status {response.status_code}")
    if response.status_code != httpx.codes.OK:
        raise distrust(provider, f"status {response.status_code}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise distrust(provider, "content encoding")
    give_up, content = time.monotonic() + MOST_SECONDS, bytearray()
    for part in response.iter_raw():
        content += part
        if len(content) > LARGEST_BYTES:
            raise distrust(provider, "too large")
        if time.monotonic() > give_up:
            raise distrust(provider, "too slow")
    return bytes(content)


def metadata_of(provider: Provider) -> Metadata:
    """What the provider says of itself; refuses one that calls itself otherwise than it is registered."""
    return _known(provider).metadata


def key_of(provider: Provider, kid: str | None) -> Key:
    """The key with which the provider signs; its keys are asked for anew where this one is unknown, once a minute."""
    kept = _known(provider)
    found = _find(kept.keys, kid)
    if found is None:
        with _lock(provider):
            now = time.monotonic()
            if kept.refetched_at is None or now - kept.refetched_at >= _REFETCH_SECONDS:
                kept.refetched_at = now
                kept.keys = _keys(provider, kept.metadata)
        found = _find(kept.keys, kid)
    if found is None:
        raise distrust(provider, "unknown key")
    return found


def _find(keys: dict[str, Key], kid: str | None) -> Key | None:
    """A token may leave out which key it is signed with where there is but one."""
    if kid is None:
        return next(iter(keys.values())) if len(keys) == 1 else None
    return keys.get(kid)


def _known(provider: Provider) -> _Kept:
    with _lock(provider):
        now = time.monotonic()
        kept = _kept.get(provider.issuer)
        if kept is None or now - kept.at > _KEPT_SECONDS:
            if now - _silent_since.get(provider.issuer, -math.inf) < _SILENT_SECONDS:
                raise _no_answer(provider, "a moment ago")
            metadata = _discover(provider)
            kept = _Kept(metadata, _keys(provider, metadata), now)
            _kept[provider.issuer] = kept
    return kept


def _lock(provider: Provider) -> threading.Lock:
    """One at a time asks a provider about itself; others do not wait for a slow one."""
    return _locks.setdefault(provider.issuer, threading.Lock())


def _discover(provider: Provider) -> Metadata:
    metadata = ask(provider, f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration", Metadata)
    if metadata.issuer != provider.issuer:
        raise distrust(provider, "issuer of the metadata")
    endpoints = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
    if not all(is_secure(url) for url in (*endpoints, metadata.userinfo_endpoint or provider.issuer)):
        raise distrust(provider, "address in the metadata")
    return metadata


def _keys(provider: Provider, metadata: Metadata) -> dict[str, Key]:
    """The keys for signatures by their id; those of other kinds are left out."""
    keys: dict[str, Key] = {}
    for given in ask(provider, metadata.jwks_uri, _KeySet).keys:
        if given.get("kty") not in ("RSA", "EC") or given.get("use", "sig") != "sig":
            continue
        try:
            key = JWKRegistry.import_key(given)
            if not isinstance(key, RSAKey) or key.public_key.key_size >= _SMALLEST_RSA_BITS:
                keys[str(given.get("kid") or key.thumbprint())] = key
        except (JoseError, ValueError, TypeError, KeyError, OverflowError):
            continue
    return keys
