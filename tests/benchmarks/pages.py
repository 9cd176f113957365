"""How long the service takes for each page of the municipality's staff, with a whole municipality in the database."""

import tempfile
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import NullPool, create_engine, text

from service.app import DOORS, create_app
from service.database.engine import Database, open_database
from service.identity.actions import Municipality, add_member
from service.identity.sessions import open_session
from service.settings import load
from tests.benchmarks.eligibility import command, made_up_municipality

_CODE = "P0751"
_CALLS = 40
_ROLES = ("administrator", "case_worker", "auditor", "finance_officer")
# A row of each kind for the pages of one of them.
_SUBJECTS = {
    "person": "SELECT id FROM person WHERE tenant_id = :tenant OFFSET 50 LIMIT 1",
    "household": "SELECT id FROM household WHERE tenant_id = :tenant OFFSET 50 LIMIT 1",
    "pass": "SELECT id FROM leisure_pass WHERE tenant_id = :tenant LIMIT 1",
    "determination": "SELECT id FROM determination WHERE tenant_id = :tenant LIMIT 1",
    "import": "SELECT id FROM register_import WHERE tenant_id = :tenant LIMIT 1",
    "run": "SELECT id FROM job_run WHERE tenant_id = :tenant LIMIT 1",
    "refresh": "SELECT id FROM refresh_run WHERE tenant_id = :tenant LIMIT 1",
}


def run(households: int) -> list[str]:
    """Measure each page that is only read; a page of one thing by a row of the made-up municipality."""
    with tempfile.TemporaryDirectory() as folder, open_database(load()) as database:
        code = f"{_CODE}-{households}"
        municipality = made_up_municipality(database, code, households, Path(folder))
        if municipality is None:
            return [f"the municipality {code} stands from an earlier run: use an empty database"]
        command(
            "eligibility", "refresh", "--municipality", code, "--scheme", "fritidspas", "--on", "2017-01-15", "--commit"
        )
        command("jobs", "run", "seal", "--municipality", code)
        secret = _signed_in(database, municipality)
        with TestClient(create_app(database, requests_a_minute=10**9)) as client:
            client.cookies.set("medspiller", secret, domain="testserver.local")
            return [
                "server time of pages, 95th percentile of "
                f"{_CALLS} calls one after the other (goal 100 ms each with a million households):",
                *(_measure(client, path) for path in _paths(database, municipality)),
            ]


def _signed_in(database: Database, municipality: Municipality) -> str:
    with database.transaction(municipality.id) as session:
        for role in _ROLES:
            account = add_member(session, municipality.id, f"benchmark@{municipality.code}.example", "B", role)
        return open_session(session, account, "command", "benchmark")


def _paths(database: Database, municipality: Municipality) -> list[str]:
    """Every page that can be read without anything being asked, each of one thing with a row of its kind."""
    with create_engine(database.owner_url, poolclass=NullPool).connect() as connection:
        rows = {
            kind: connection.execute(text(query), {"tenant": municipality.id}).scalar()
            for kind, query in _SUBJECTS.items()
        }
    found = []
    for door in DOORS:
        for route in door.ROUTES:
            for path in sorted(route.paths):
                if "GET" not in route.http_methods or path.startswith("/api/") or path == "/metrics":
                    continue
                for kind, row in rows.items():
                    path = path.replace(f"{{{kind}_id:uuid}}", str(row))
                if "{" not in path:
                    found.append(path)
    return ["/", *dict.fromkeys(found)]


def _measure(client: TestClient[Litestar], path: str) -> str:
    headers = {"accept": "text/html"}
    answer = client.get(path, headers=headers)
    if answer.status_code != 200:
        return f"  {path}: answered {answer.status_code}"
    spent = []
    for _ in range(_CALLS):
        began = perf_counter()
        client.get(path, headers=headers)
        spent.append((perf_counter() - began) * 1000)
    return f"  {path}: {quantiles(spent, n=20)[-1]:.0f} ms (median {median(spent):.0f} ms)"
