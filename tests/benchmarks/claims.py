"""How many claims a second the service takes over HTTP, beside a bare one-row insert of FastAPI with SQLModel."""

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from statistics import median

import msgspec
from sqlalchemy import NullPool, create_engine, text

from service.audit.actions import COMMAND
from service.database.engine import Database, open_database
from service.identity.access import Place
from service.identity.actions import Municipality
from service.identity.tokens import make_token
from service.settings import load as settings_of
from tests.benchmarks.eligibility import command, made_up_municipality
from tests.benchmarks.insert_peer import CONNECTIONS, PeerRow
from tests.benchmarks.load import Measured, Target, load
from tests.claims.clubs import Somewhere, open_club

GOAL, P99_GOAL = 3, 100
"""Times the requests of the peer, and milliseconds."""
_CODE = "L0751"
_NOW = "2017-02-01T08:00Z"
_ROUNDS, _SECONDS, _WARM = 3, 4.0, 400
_MANY = 10_000


def run(households: int) -> list[str]:
    """Measure in rounds that take turns, so that both meet the same machine; ratios are of their medians."""
    with tempfile.TemporaryDirectory() as folder, open_database(settings_of()) as database:
        code = f"{_CODE}-{households}"
        municipality = made_up_municipality(database, code, households, Path(folder))
        if municipality is None:
            return [f"the municipality {code} stands from an earlier run: use an empty database"]
        passes = _passes(code, Path(folder))
        headers = {"authorization": f"Bearer {_club(database, municipality)}"}
        with _peer(database) as peer, _service() as port:
            many, ten = (Target(port, "/api/v1/claims", _claims(of), headers) for of in (passes, passes[:10]))
            rows = Target(peer, "/rows", _claims(passes))
            for target in (many, rows):
                load(target, CONNECTIONS, most=_WARM)
            turns = [
                [
                    load(target, CONNECTIONS, first=(turn + 1) * 100_000, seconds=_SECONDS)
                    for target in (rows, many, ten)
                ]
                for turn in range(_ROUNDS)
            ]
            hundred = Target(port, "/api/v1/claims", _claims(passes[10:110], 3_000), headers)
            load(hundred, CONNECTIONS, first=900_000, most=_MANY)
        command("database", "check")
        overspent = _overspent(database)
    return [
        *_said(len(passes), list(zip(*turns, strict=True))),
        f"passes overspent after {_MANY:,} more claims on a hundred of them: {overspent} (goal 0)",
    ]


def _overspent(database: Database) -> int:
    """Of how many passes claims hold more than they are worth."""
    with create_engine(database.owner_url, poolclass=NullPool).connect() as connection:
        found: int = connection.execute(
            text(
                """SELECT count(*) FROM leisure_pass p WHERE p.remaining_ore < 0 OR p.amount_ore <
                (SELECT sum(c.held_ore) FROM claim c WHERE (c.tenant_id, c.pass_id) = (p.tenant_id, p.id))"""
            )
        ).scalar_one()
    return found


def _said(passes: int, measured: list[tuple[Measured, ...]]) -> list[str]:
    bare, *claims = measured
    rows = median(one.per_second for one in bare)
    lines = [
        f"bare one-row insert of FastAPI with SQLModel, {CONNECTIONS} connections: {rows:.0f} a second, "
        f"p99 {median(one.p99 for one in bare):.0f} ms"
    ]
    for name, of in zip((f"{passes:,} passes", "ten passes"), claims, strict=True):
        rate = median(one.per_second for one in of)
        refused = [one.refused for one in of if one.refused]
        lines.append(
            f"claims over HTTP on {name}, {CONNECTIONS} connections: {rate:.0f} a second, {rate / rows:.1f} times the "
            f"bare insert (goal {GOAL}); p99 {median(one.p99 for one in of):.0f} ms (goal {P99_GOAL} ms)"
            + (f"; other answers: {refused}" if refused else "")
        )
    return lines


def _passes(code: str, folder: Path) -> list[tuple[str, str]]:
    """Number and name of every pass of the made-up municipality."""
    command(
        "eligibility", "refresh", "--municipality", code, "--scheme", "fritidspas", "--on", "2017-01-15", "--commit"
    )
    command("passes", "list", "--municipality", code, "--out", folder / "passes.csv")
    with (folder / "passes.csv").open(encoding="utf-8", newline="") as file:
        return [(row["pass_number"], row["given_name"]) for row in csv.DictReader(file)]


def _claims(passes: list[tuple[str, str]], fee_ore: int = 100) -> Callable[[int], bytes]:
    """The body of the n-th claim, for an activity of its own, so that none is a duplicate."""

    def body(number: int) -> bytes:
        pass_number, name = passes[number % len(passes)]
        said = {"pass_number": pass_number, "given_name": name, "fee_ore": fee_ore, "activity": f"Activity {number}"}
        return msgspec.json.encode(said | {"season_start": "2017-01-10", "season_end": "2017-06-30"})

    return body


def _club(database: Database, municipality: Municipality) -> str:
    """A club that may claim; gives the token of its system."""
    club = open_club(Somewhere(database, municipality), "Benchmark")
    with database.transaction(municipality.id) as session:
        place = Place(
            municipality.id,
            "municipality",
            municipality.code,
            municipality.name,
            municipality.country,
            municipality.time_zone,
            municipality.language,
            club,
            "club",
        )
        return make_token(session, place, "benchmark", ("claims",), COMMAND).token


@contextmanager
def _service() -> Iterator[int]:
    """`medspiller serve` in a process of its own; gives its port."""
    known = {"MEDSPILLER_NOW": _NOW, "MEDSPILLER_POOL_SIZE": str(CONNECTIONS)}
    known["MEDSPILLER_REQUESTS_PER_MINUTE"] = str(10**9)
    program = "import sys; from service.cli import main; sys.exit(main())"
    arguments = [sys.executable, "-c", program, "serve", "--port", "0", "--json"]
    with _running(arguments, os.environ | known) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"]


@contextmanager
def _peer(database: Database) -> Iterator[int]:
    """The peer in a process of its own on the same database, its one table made for it by the owner."""
    owner = create_engine(database.owner_url, poolclass=NullPool)
    with owner.begin() as connection:
        PeerRow.__table__.create(connection)  # type: ignore[attr-defined]
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    url = database.owner_url
    try:
        with _running([sys.executable, "-m", "tests.benchmarks.insert_peer", url, str(port)], dict(os.environ)):
            _wait_for(port)
            yield port
    finally:
        with owner.begin() as connection:
            PeerRow.__table__.drop(connection)  # type: ignore[attr-defined]


def _wait_for(port: int) -> None:
    for _ in range(300):
        with socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the peer does not answer")


@contextmanager
def _running(arguments: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
