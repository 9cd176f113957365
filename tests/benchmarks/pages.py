"""How long the service takes for each page of the municipality's staff, with a whole municipality in the database."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import NullPool, create_engine

from jobs.worker import Worker
from schemas.refresh import RefreshRequest
from service.app import create_app
from service.audit.actions import COMMAND
from service.console import keys
from service.database.engine import Database, open_database
from service.eligibility.ordering import order_refresh
from service.identity.actions import Municipality, add_member
from service.identity.sessions import open_session
from service.letters import printing
from service.passes.compose import compose_letters
from service.settings import load
from service.values import clock
from service.values.progress import Progress
from tests.benchmarks.eligibility import command, made_up_municipality
from tests.every_page.pages import PAGES, STAFF, Unknown, address_of

_CODE = "P0751"
_ON = "2017-01-15"
_NOW = datetime.fromisoformat("2017-01-20T08:00Z")
_CALLS = 40
_GOAL = 100
_SOUGHT = ("niel", "sofie jen", "abdi", "zzz", "H010000378")

Ask = Callable[[], Response]


def run(households: int) -> list[str]:
    """Measure each page that is only read, and each search; a page of one thing by a row of the municipality.

    The slowest come first. The municipality stands as it does after its first refresh, with its letters in batches.
    """
    before = clock.now() if clock.pinned() else None
    clock.pin(_NOW)
    try:
        with tempfile.TemporaryDirectory() as folder, open_database(load()) as database:
            code = f"{_CODE}-{households}"
            municipality = made_up_municipality(database, code, households, Path(folder))
            if municipality is None:
                return [f"the municipality {code} stands from an earlier run: use an empty database"]
            _first_refresh(database, municipality)
            return measure(database, municipality)
    finally:
        clock.pin(before)


def measure(database: Database, municipality: Municipality) -> list[str]:
    """The lines of a municipality that stands."""
    with TestClient(create_app(database, requests_a_minute=10**9)) as client:
        client.cookies.set("medspiller", _signed_in(database, municipality), domain="testserver.local")
        lines = sorted((_measured(name, ask) for name, ask in _asked(client, database, municipality)), reverse=True)
    within = sum(spent <= _GOAL for spent, _ in lines)
    # A page that has nothing to show of this town refuses, and is named first.
    shown = sum(spent < float("inf") for spent, _ in lines)
    said = f"server time of pages, {_CALLS} calls one after the other: {within} of {shown} within {_GOAL} ms at the "
    return [f"{said}95th percentile (goal: each, with a million households)", *(line for _, line in lines)]


def _first_refresh(database: Database, municipality: Municipality) -> None:
    asked = ("--municipality", municipality.code, "--scheme", "fritidspas", "--on", _ON)
    command("eligibility", "refresh", *asked, "--commit")
    command("jobs", "run", "seal", "--municipality", municipality.code)
    printing.make_batches(database, municipality, keys(database), compose_letters, Progress())
    with database.transaction(municipality.id) as session:
        dry = RefreshRequest("fritidspas", date.fromisoformat(_ON))
        order_refresh(session, municipality, dry, COMMAND)
    Worker(database, load(), []).once()


def _signed_in(database: Database, municipality: Municipality) -> str:
    with database.transaction(municipality.id) as session:
        for role in STAFF:
            account = add_member(session, municipality.id, f"benchmark@{municipality.code}.example", "B", role)
        return open_session(session, account, "provider", "benchmark", strong=True)


def _asked(client: TestClient[Litestar], database: Database, municipality: Municipality) -> Iterator[tuple[str, Ask]]:
    """Every page that somebody of the staff reads, and what is asked by a form and changes nothing."""
    headers = {"accept": "text/html"}
    with create_engine(database.owner_url, poolclass=NullPool).connect() as connection:
        for page in PAGES:
            if page.viewer != "staff":
                continue
            try:
                address = address_of(page.path, connection, municipality.id)
            except Unknown:
                continue
            yield page.path, lambda address=address: client.get(address, headers=headers)  # type: ignore[misc]
    client.get("/health")
    token = {"_csrf_token": client.cookies["csrf"]}
    forms = [("/search", {"text": sought}) for sought in _SOUGHT]
    forms += [("/on-the-spot", {"birth_date": "2010-05-17", "name": "a"}), ("/review", {"households": "H010000378"})]
    for path, form in forms:
        sent = form | token
        yield (
            f"{path} with {', '.join(form.values())}",
            lambda path=path, sent=sent: client.post(path, data=sent, headers=headers),  # type: ignore[misc]
        )


def _measured(name: str, ask: Ask) -> tuple[float, str]:
    status = ask().status_code
    if status != 200:
        return float("inf"), f"  {name}: answered {status}"
    spent = []
    for _ in range(_CALLS):
        began = perf_counter()
        ask()
        spent.append((perf_counter() - began) * 1000)
    worst = quantiles(spent, n=20)[-1]
    return worst, f"  {name}: {worst:.0f} ms (median {median(spent):.0f} ms)"
