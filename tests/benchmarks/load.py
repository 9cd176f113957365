"""A light load of HTTP: as many connections as wanted, each sending its next request when the last is answered."""

import asyncio
import time
from collections.abc import Callable
from statistics import quantiles

import msgspec


class Measured(msgspec.Struct, frozen=True):
    """What was answered in the time: requests, seconds, how long each took in milliseconds, and other statuses."""

    requests: int
    seconds: float
    spent: list[float]
    refused: dict[int, int]

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def p99(self) -> float:
        return quantiles(self.spent, n=100)[-1]

    @property
    def median(self) -> float:
        return quantiles(self.spent, n=2)[0]


class Target(msgspec.Struct, frozen=True):
    """Where requests go; `body(n)` is what the n-th says."""

    port: int
    path: str
    body: Callable[[int], bytes]
    headers: dict[str, str] = {}

    def request(self, number: int) -> bytes:
        said = self.body(number)
        named = {"host": "localhost", "content-type": "application/json", "content-length": str(len(said))}
        head = "".join(f"{name}: {value}\r\n" for name, value in (named | self.headers).items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + said


class _Connection(asyncio.Protocol):
    """One connection that is never idle until the time is over."""

    def __init__(self, load: "_Load") -> None:
        self._load, self._seen, self._sent_at = load, b"", 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._load.answered(int(head[9:12]), time.perf_counter() - self._sent_at)
        self._seen = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.ended()

    def _next(self) -> None:
        assert self._transport is not None
        request = self._load.next()
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


class _Load:
    def __init__(self, target: Target, first: int, seconds: float | None, most: int | None) -> None:
        self._target, self.number, self._most = target, first, None if most is None else first + most
        self._until = time.perf_counter() + seconds if seconds else None
        self.spent: list[float] = []
        self.refused: dict[int, int] = {}
        self._open = 0
        self.over = asyncio.Event()

    async def run(self, connections: int) -> None:
        self._open = connections
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(
                loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._target.port)
                for _ in range(connections)
            )
        )
        await self.over.wait()

    def next(self) -> bytes | None:
        over = self._until is not None and time.perf_counter() >= self._until
        if over or (self._most is not None and self.number >= self._most):
            return None
        self.number += 1
        return self._target.request(self.number)

    def answered(self, status: int, seconds: float) -> None:
        self.spent.append(seconds * 1000)
        if status >= 300:
            self.refused[status] = self.refused.get(status, 0) + 1

    def ended(self) -> None:
        self._open -= 1
        if not self._open:
            self.over.set()


def load(
    target: Target, connections: int, first: int = 0, seconds: float | None = None, most: int | None = None
) -> Measured:
    """Send requests for so many seconds, or so many of them; `first` is the number of the one before the first."""

    async def work() -> _Load:
        made = _Load(target, first, seconds, most)
        await made.run(connections)
        return made

    began = time.perf_counter()
    done = asyncio.run(work())
    return Measured(len(done.spent), time.perf_counter() - began, done.spent, done.refused)
