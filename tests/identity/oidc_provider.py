"""A provider of sign-in that does as a test says: right in everything, but for what the test turns wrong."""

import hashlib
import hmac
import json
import threading
import time
import warnings
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlsplit

import msgspec
from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, RSAKey

from service.identity.oidc import Begun, Identity, Provider, begin, finish

SECRET = "not-a-secret: +%/"
BACK = "https://medspiller.example/sign-in/with/medby/answer"
SUBJECT = "5f0e-subject"
EMAIL = "sagsbehandler@medby.example"
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)

_RSA = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})
with warnings.catch_warnings(action="ignore"):
    SMALL_RSA = RSAKey.generate_key(1024, {"kid": "first", "use": "sig"})
EC = ECKey.generate_key("P-384", {"kid": "curve", "use": "sig"})


class Asked(msgspec.Struct):
    """A request that came in."""

    path: str
    headers: dict[str, str]
    form: dict[str, str]


class FakeProvider:
    """Set its attributes to turn something wrong; `asked` are the requests that came in."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://localhost:{port}"
        self.asked: list[Asked] = []
        self.metadata: dict[str, Any] = {}
        self.keys: list[Key] = [_RSA]
        self.jwks: list[dict[str, Any]] | None = None
        self.key: Key = _RSA
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "first"}
        self.change: Callable[[dict[str, Any]], None] = lambda _: None
        self.token: Callable[[str], str] = lambda token: token
        self.answer: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {"sub": SUBJECT}
        # By path: what is answered in place of what is right, as (status, headers, parts of the body).
        self.instead: dict[str, tuple[int, Mapping[str, str], Iterator[bytes] | list[bytes]]] = {}
        self._sign_ins: dict[str, dict[str, str]] = {}

    def provider(self, **changes: Any) -> Provider:
        """How an operator registers it."""
        fields: dict[str, Any] = {
            "key": "medby",
            "name": "Medby Kommune",
            "issuer": self.issuer,
            "client_id": "medspiller: a%b",
            "client_secret": SECRET,
            "scopes": ("openid", "email", "profile"),
            "roles_claim": None,
            "roles": (),
            "trust_email": False,
            "acr_values": (),
            "second_factor_satisfied": False,
        }
        return Provider(**fields | changes)

    def sign_in(
        self,
        provider: Provider | None = None,
        *,
        now: datetime = NOW,
        later: timedelta = timedelta(seconds=5),
        record: dict[str, Any] | None = None,
        answered: Mapping[str, str | None] = MappingProxyType({}),
    ) -> Identity:
        """A whole sign-in; `record` changes what is kept of it, `answered` its answer: None leaves a parameter out."""
        known = provider or self.provider()
        begun = begin(known, BACK, now)
        answer = self.authorize(begun) | dict(answered)
        kept = msgspec.structs.replace(begun, **record or {})
        given = {name: value for name, value in answer.items() if value is not None}
        return finish(known, kept, given, BACK, now + later)

    def authorize(self, begun: Begun) -> dict[str, str | None]:
        """Somebody signs in at the address that they were sent to; the parameters with which they come back."""
        asked = dict(parse_qsl(urlsplit(begun.url).query))
        assert asked["response_type"] == "code"
        assert asked["redirect_uri"] == BACK
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self._sign_ins)}"
        self._sign_ins[code] = asked
        return {"code": code, "state": asked["state"]}

    def respond(self, path: str, asked: Asked) -> tuple[int, Mapping[str, str], Iterator[bytes] | list[bytes]]:
        """The answer to a request."""
        if path in self.instead:
            return self.instead[path]
        if path == "/token":
            body = self._tokens(asked)
            return (200 if body else 400), {}, [json.dumps(body or {"error": "invalid_grant"}).encode()]
        bodies: dict[str, Callable[[], dict[str, Any]]] = {
            "/.well-known/openid-configuration": self._metadata,
            "/jwks": lambda: {
                "keys": [key.as_dict(private=False) for key in self.keys] if self.jwks is None else self.jwks
            },
            "/userinfo": lambda: self.userinfo if asked.headers.get("Authorization") == "Bearer access" else {},
        }
        return 200, {}, [json.dumps(bodies[path]()).encode()]

    def _metadata(self) -> dict[str, Any]:
        right = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "ES384", "HS256", "none"],
        }
        return {name: value for name, value in (right | self.metadata).items() if value is not None}

    def _tokens(self, asked: Asked) -> dict[str, Any] | None:
        """The tokens for a code, once, for whoever has our secret and the verifier of the sign-in."""
        began = self._sign_ins.pop(asked.form.get("code", ""), None)
        if began is None or asked.form["redirect_uri"] != began["redirect_uri"] or not self._is_known(asked, began):
            return None
        digest = hashlib.sha256(asked.form["code_verifier"].encode()).digest()
        if urlsafe_b64encode(digest).rstrip(b"=").decode() != began["code_challenge"]:
            return None
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": SUBJECT,
            "aud": began["client_id"],
            "nonce": began["nonce"],
            "iat": int(NOW.timestamp()),
            "exp": int(NOW.timestamp()) + 300,
            "email": EMAIL,
            "email_verified": True,
            "name": "Sagsbehandler i Medby",
        }
        self.change(claims)
        registry = jws.JWSRegistry(algorithms=[self.header["alg"]], strict_check_header=False)
        registry.max_header_length = 8192
        signed = self.token(jwt.encode(self.header, claims, self.key, registry=registry))
        return {"id_token": signed, "access_token": "access", "token_type": "Bearer"} | self.answer

    def _is_known(self, asked: Asked, began: dict[str, str]) -> bool:
        if "client_secret" in asked.form:
            return (asked.form["client_id"], asked.form["client_secret"]) == (began["client_id"], SECRET)
        basic = b64decode(asked.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        user, _, password = basic.partition(":")
        return (unquote_plus(user), unquote_plus(password)) == (began["client_id"], SECRET)


def signed_with_the_public_key(token: str) -> str:
    """What an attacker makes who takes the public key, which everybody knows, for the secret of a signature."""
    head = urlsafe_b64encode(b'{"alg":"HS256","kid":"first"}').rstrip(b"=").decode()
    signed = f"{head}.{token.split('.')[1]}"
    digest = hmac.digest(_RSA.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def at_hash(algorithm: str, access_token: str = "access") -> str:
    digest = hashlib.new(f"sha{algorithm[2:]}", access_token.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def drip(seconds: float, parts: int) -> Iterator[bytes]:
    """A body that takes its time."""
    for _ in range(parts):
        time.sleep(seconds)
        yield b" "


@contextmanager
def serving() -> Iterator[FakeProvider]:
    """The provider at work on a free port of this machine."""
    server = ThreadingHTTPServer(("localhost", 0), _Handler)
    server.provider = FakeProvider(server.server_port)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.provider  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer({name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()})

    def _answer(self, form: dict[str, str]) -> None:
        provider: FakeProvider = self.server.provider  # type: ignore[attr-defined]
        asked = Asked(urlsplit(self.path).path, dict(self.headers), form)
        provider.asked.append(asked)
        status, headers, parts = provider.respond(asked.path, asked)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for part in parts:
                self.wfile.write(part)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, format: str, *args: Any) -> None:
        """The tests look at `asked` instead."""
