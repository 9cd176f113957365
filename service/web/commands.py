"""`medspiller serve`."""

import json
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import FrameType
from typing import NoReturn

import click
import uvicorn
from litestar import Litestar

from service import console
from service.database.engine import Database
from service.errors import Refused
from service.settings import is_local, load
from service.values import clock
from service.web import log


def serve_command(create_app: Callable[[Database, str, int], Litestar]) -> click.Command:
    """The command that serves the application which `create_app` makes."""

    @click.command()
    @click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
    @click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
    def serve(host: str, port: int, as_json: bool) -> None:
        """Run the web service until it is told to stop; starts the embedded database if it is not running."""
        serve_at(create_app, host, port, as_json)

    return serve


def serve_at(
    create_app: Callable[[Database, str, int], Litestar],
    host: str,
    port: int,
    as_json: bool,
    beside: Callable[[Database], AbstractContextManager[None]] | None = None,
) -> None:
    """Serve the application until SIGTERM or SIGINT, with whatever works `beside` it in this process."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        if not clock.pinned():
            clock.pin(load().now)
        settings = load()
        public_url = settings.public_url
        if public_url is None and not is_local(host):
            raise Refused(
                "Set MEDSPILLER_PUBLIC_URL to the https address at which people find the pages: e-mails link to it, "
                "and sign-in is not safe without https."
            )
        with _listening(host, port) as listener, console.database() as database:
            log.configure()
            here = public_url or _address(listener)
            with beside(database) if beside else nullcontext():
                _run(create_app(database, here, settings.requests_per_minute), listener, as_json)
    except Refused as refusal:
        click.echo(refusal.message, err=True)
        sys.exit(1)


def _leave(_: int, __: FrameType | None) -> NoReturn:
    """Told to stop: every block is left in order. The web server hands the signal on when it has stopped."""
    raise SystemExit(0)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Refused("{host} is no address of this machine: {reason}.", host=host, reason=error.strerror) from error
    try:
        # A port whose last server has just stopped can be taken again at once.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise Refused(
            "Port {port} of {host} cannot be used: {reason}. Name another with --port.",
            port=port,
            host=host,
            reason=error.strerror,
        ) from error
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _run(app: Litestar, listener: socket.socket, as_json: bool) -> None:
    config = uvicorn.Config(
        log.logged(app),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=10,
    )
    _Announced(config, as_json).run(sockets=[listener])


class _Announced(uvicorn.Server):
    """Says where it serves as soon as it does."""

    def __init__(self, config: uvicorn.Config, as_json: bool) -> None:
        super().__init__(config)
        self._as_json = as_json

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            url = _address(listener)
            said = {"url": url, "host": host, "port": port}
            click.echo(json.dumps(said) if self._as_json else f"Medspiller serves at {url}. Stop it with Ctrl-C.")
            sys.stdout.flush()
