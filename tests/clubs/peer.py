"""A peer that speaks as the Norwegian registers do, at a real address: well, slowly, wrongly, or not at all."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


class Reply(msgspec.Struct, frozen=True):
    """What is answered: `pause` seconds before it, or with `trickle` a byte every so many seconds."""

    status: int = 200
    body: bytes = b"{}"
    pause: float = 0
    trickle: float = 0
    location: str | None = None


class Peer:
    """The registers' address, what they answer by path, and what they were asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.replies: dict[str, list[Reply]] = {}
        self.asked: list[str] = []
        self.accepted: list[str] = []

    def says(self, path: str, *replies: Reply) -> None:
        """Answer a path with each of these in turn, and with the last one from then on."""
        self.replies[path] = list(replies)

    def unit(self, number: str, **more: Any) -> Reply:
        """What Enhetsregisteret says of a club."""
        return Reply(body=json.dumps(UNIT | {"organisasjonsnummer": number} | more).encode())

    def voluntary(self, number: str, **more: Any) -> Reply:
        """What Frivillighetsregisteret says of a club."""
        return Reply(body=json.dumps(VOLUNTARY | {"organisasjonsnummer": number} | more).encode())


# The fields that the registers' own descriptions name, of an organisation that does not exist.
UNIT = {
    "organisasjonsnummer": "974760673",
    "navn": "FREMAD",
    "organisasjonsform": {
        "kode": "FLI",
        "beskrivelse": "Forening/lag/innretning",
        "_links": {"self": {"href": "https://data.brreg.no/enhetsregisteret/api/organisasjonsformer/FLI"}},
    },
    "registreringsdatoEnhetsregisteret": "1995-02-19",
    "registrertIMvaregisteret": False,
    "forretningsadresse": {
        "land": "Norge",
        "landkode": "NO",
        "postnummer": "5003",
        "poststed": "BERGEN",
        "adresse": ["Prøvegaten 1"],
        "kommune": "BERGEN",
        "kommunenummer": "4601",
    },
    "registrertIFrivillighetsregisteret": True,
    "konkurs": False,
    "underAvvikling": False,
    "underTvangsavviklingEllerTvangsopplosning": False,
    "maalform": "Bokmål",
    "_links": {"self": {"href": "https://data.brreg.no/enhetsregisteret/api/enheter/974760673"}},
}
VOLUNTARY = {
    "organisasjonsnummer": "974760673",
    "frivilligOrganisasjonsstatus": "AKTIV",
    "kontonummer": "86011117947",
    "innfoertDato": "2010-04-15",
    "foersteGangInnfoert": "2010-04-15",
    "grasrotandel": {"deltarI": True},
    "icnpoKategorier": [{"icnpoNummer": "1200", "kategori": "ICNPOKategori.idrett", "rekkefoelge": 1}],
    "paategninger": [],
}


@contextmanager
def registers() -> Iterator[Peer]:
    """A peer at a free port for as long as the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    peer = Peer(f"http://127.0.0.1:{server.server_port}")
    _Handler.peers[server.server_port] = peer
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    peers: dict[int, Peer] = {}  # noqa: RUF012

    def do_GET(self) -> None:
        peer = self.peers[int(self.headers["host"].rpartition(":")[2])]
        peer.asked.append(self.path)
        peer.accepted.append(self.headers.get("accept", ""))
        replies = peer.replies.get(self.path, [Reply(404)])
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        time.sleep(reply.pause)
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        if reply.location is not None:
            self.send_header("Location", reply.location)
        self.end_headers()
        try:
            for byte in (bytes([one]) for one in reply.body) if reply.trickle else (reply.body,):
                self.wfile.write(byte)
                self.wfile.flush()
                time.sleep(reply.trickle)
        except OSError:
            # Whoever asked has gone.
            return

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""
