"""Whether an ID token is the provider's, for us, of this sign-in and of now (OpenID Connect Core 1.0, 3.1.3.7)."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime
from hmac import compare_digest
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import ClaimError, JoseError

from service.identity.oidc_file import Provider
from service.identity.oidc_http import Metadata, distrust, key_of

Claims = dict[str, Any]

# Never without a signature, and never with our own secret as the key.
_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"})
_LEEWAY_SECONDS = 60
_LONGEST_HEADER = 16 * 1024
_LONGEST_SUBJECT = 255


def verify(
    provider: Provider, metadata: Metadata, id_token: str, access_token: str | None, nonce: str, now: datetime
) -> Claims:
    """The claims of an ID token; refuses one of which anything is not as it must be."""
    token = _signed(provider, metadata, id_token)
    claims = token.claims
    wanted = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=_LEEWAY_SECONDS,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.client_id},
        nonce={"essential": True, "value": nonce},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        wanted.validate(claims)
    except ClaimError as error:
        raise distrust(provider, f"claim {error.claim}") from None
    _check_party(provider, claims)
    if len(claims["sub"]) > _LONGEST_SUBJECT:
        raise distrust(provider, "claim sub")
    if "at_hash" in claims and not _is_hash(claims["at_hash"], access_token, token.header["alg"]):
        raise distrust(provider, "claim at_hash")
    if provider.acr_values and claims.get("acr") not in provider.acr_values:
        raise distrust(provider, "claim acr")
    return claims


def _signed(provider: Provider, metadata: Metadata, id_token: str) -> jwt.Token:
    allowed = _ALGORITHMS.intersection(metadata.id_token_signing_alg_values_supported)
    # Providers put more into the header than the standard names, certificates too.
    registry = jws.JWSRegistry(algorithms=allowed, strict_check_header=False)
    registry.max_header_length = _LONGEST_HEADER
    try:
        header = jws.extract_compact(id_token.encode(), registry=registry).headers()
        if header.get("alg") not in allowed:
            raise distrust(provider, "algorithm")
        key = key_of(provider, header.get("kid"))
        return jwt.decode(id_token, key, algorithms=allowed, registry=registry)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise distrust(provider, f"signature: {type(error).__name__}") from None


def _check_party(provider: Provider, claims: Claims) -> None:
    """A token that is meant for others as well must say that it was given to us."""
    audience = claims["aud"]
    others = isinstance(audience, list) and len(audience) > 1
    if (others or "azp" in claims) and claims.get("azp") != provider.client_id:
        raise distrust(provider, "claim azp")


def _is_hash(given: object, access_token: str | None, algorithm: str) -> bool:
    """Whether it is the left half of the access token's hash, by the hash that the signature uses."""
    if access_token is None or not isinstance(given, str) or not given.isascii():
        return False
    digest = hashlib.new(f"sha{algorithm[2:]}", access_token.encode()).digest()
    half = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    return compare_digest(half, given)
