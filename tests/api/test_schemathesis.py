"""The API held to its own description: no generated call is answered with a server error or an undocumented answer.

A token with every scope calls what systems may, a person what only people may. The town has rows of every kind, so that
what is generated meets something.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.app import create_app
from service.audit.actions import COMMAND
from service.clubs.queries import find_club
from service.database.engine import Database
from service.identity.access import Place
from service.identity.actions import add_member, find_tenant
from service.identity.permissions import MUNICIPAL_SCOPES
from service.identity.sessions import open_session
from service.identity.tokens import make_token
from tests.conftest import Medspiller
from tests.passes.town import IN_2017, Town

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
EXAMPLES = int(os.environ.get("MEDSPILLER_TEST_EXAMPLES", "12"))
CLUB = "12345674"
_ROLES = ("administrator", "case_worker", "auditor", "finance_officer")


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path) -> Town:
    town = Town(medspiller, database, tmp_path)
    town.family("H1", "Anna", "Bo")
    town.family("H2", "Carl", income=None)
    town.load()
    town.commit(IN_2017)
    medspiller("letters", "render", "--municipality", town.municipality.code, "--out", tmp_path / "letters")
    club = ("club", "add", "--municipality", town.municipality.code, "--nemkonto")
    medspiller(*club, "--number", CLUB, "--name", "Fremad", "--approved")
    medspiller(*club, "--number", "87654303", "--name", "Nord")
    return town


def headers_of(town: Town, kind: str, csrf: str) -> dict[str, str]:
    """Of a system with every scope, a person with every role of a municipality, or a club's treasurer."""
    tenant = town.municipality.id
    with town.database.transaction(tenant) as session:
        if kind == "system":
            found = find_tenant(session, "municipality", town.municipality.code)
            place = Place(found.id, found.kind, found.code, found.name, found.country, found.time_zone, found.language)
            made = make_token(session, place, "journal", MUNICIPAL_SCOPES, COMMAND)
            return {"Authorization": f"Bearer {made.token}"}
        if kind == "treasurer":
            club = find_club(session, CLUB).id
            account = add_member(session, tenant, "treasurer@by.example", "Treasurer", "club_treasurer", club)
        else:
            for role in _ROLES:
                account = add_member(session, tenant, "everything@by.example", "Everything", role)
        secret = open_session(session, account, "command", "test")
    return {"Cookie": f"medspiller={secret}; csrf={csrf}", "X-CSRFToken": csrf}


@contextmanager
def served(database: Database) -> Iterator[str]:
    """The whole application at an address of its own."""
    app = create_app(database, requests_a_minute=10**9)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("kind", ["system", "person", "treasurer"])
def test_every_call_is_answered_as_it_is_described(town: Town, kind: str) -> None:
    seen, failures = 0, []
    with served(town.database) as url:
        headers = headers_of(town, kind, httpx.get(f"{url}/health").cookies["csrf"])
        schema = schemathesis.openapi.from_url(f"{url}/schema/openapi.json")
        # Who asks is given; what is generated in its place is a test of the sign-in.
        schema.config.generation.update(with_security_parameters=False)
        for result in schema.get_all_operations():
            operation: Any = cast(Any, result).ok()
            seen += 1
            # What only others may call is refused before anything of the call is read.
            if kind == "treasurer" and not operation.path.startswith("/api/v1/club"):
                continue
            try:
                _hold(operation, headers)
            except (Exception, BaseExceptionGroup) as error:
                failures.append(f"{operation.label}: {_told(error)}")
    assert not failures, "\n\n".join(failures)
    assert seen > 50


def _hold(operation: Any, headers: dict[str, str]) -> None:
    """Call an operation with what its description allows, and with what it forbids."""
    cases = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(*cases))
    def called(case: Any) -> None:
        response = case.call(headers=headers, timeout=30)
        case.validate_response(response, checks=list(CHECKS))

    called()


def _told(error: BaseException) -> str:
    inner = getattr(error, "exceptions", ())
    return "; ".join(map(_told, inner)) if inner else str(error)[:600]
