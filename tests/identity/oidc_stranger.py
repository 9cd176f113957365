"""A provider of sign-in that we did not write, in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec

from tests.identity.oidc_provider import EMAIL, SUBJECT

DISCOVERY = "/.well-known/openid-configuration"
SOMEBODY: dict[str, Any] = {
    "email": EMAIL,
    "email_verified": True,
    "name": "Kirsten Testesen",
    "groups": ["leisure"],
}


class Stranger(msgspec.Struct, frozen=True):
    """The provider at its issuer; it knows one person, by `SUBJECT`."""

    issuer: str

    def register(self, back: str) -> dict[str, Any]:
        """Become a client that comes back to this address: how the provider knows us."""
        asked = {"redirect_uris": [back], "token_endpoint_auth_method": "client_secret_basic"}
        made = httpx.post(f"{self.issuer}/oauth2/clients", json=asked).raise_for_status().json()
        return {"issuer": self.issuer, "client_id": made["client_id"], "client_secret": made["client_secret"]}

    def agree(self, url: str, **instead: str) -> str:
        """The person signs in at the address they were sent to; where they are sent on."""
        answer = httpx.post(url, data=instead or {"sub": SUBJECT}, follow_redirects=False)
        return answer.headers["Location"]

    def tell(self, **claims: Any) -> None:
        """From now on say this of the person, too."""
        httpx.put(f"{self.issuer}/users/{SUBJECT}", json=SOMEBODY | claims).raise_for_status()


@contextmanager
def strange() -> Iterator[Stranger]:
    """The provider for as long as the block runs."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    command += ["--require-registration", "true", "--user-claims", json.dumps({"sub": SUBJECT} | SOMEBODY)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        issuer = f"http://localhost:{port}"
        _await(f"{issuer}{DISCOVERY}")
        yield Stranger(issuer)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(10)


def _await(url: str) -> None:
    give_up = time.monotonic() + 20
    while True:
        try:
            httpx.get(url).raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
