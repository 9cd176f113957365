"""Secrets that are drawn, shown once and kept as a hash: sign-in links, session cookies, invitations, tokens."""

import hashlib
import secrets


def draw() -> str:
    """A new secret of 256 random bits, fit for an address or a header."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is kept of it. A plain SHA-256 will do: nobody can try out 256 bits."""
    return hashlib.sha256(secret.encode()).digest()
