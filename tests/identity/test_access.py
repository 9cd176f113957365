"""Roles stand where they belong, the directory is behind its functions, and attempts are counted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from service.errors import Invalid
from service.identity import throttle
from service.identity.actions import add_member
from service.identity.models import ROLES
from service.identity.throttle import TooMany
from tests.conftest import Medspiller
from tests.identity.conftest import World

FITTING = {
    "municipality": {"administrator", "auditor", "case_worker", "finance_officer"},
    "organisation": {"administrator", "auditor", "coordinator", "volunteer"},
    "service": {"referrer"},
    "club": {"club_treasurer"},
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", FITTING)
def test_a_role_stands_only_where_it_belongs(world: World, role: str, kind: str) -> None:
    tenant = world.red_cross if kind == "organisation" else world.by
    within = {"service": world.service, "club": world.club}.get(kind)

    def add() -> None:
        with world.database.transaction(tenant) as session:
            add_member(session, tenant, "new@x.example", "New", role, within)

    if role in FITTING[kind]:
        add()
    else:
        with pytest.raises(Invalid, match="does not belong there"):
            add()


def test_an_organisation_of_another_municipality_takes_nobody(world: World) -> None:
    with pytest.raises(Exception, match="fk_membership"), world.database.transaction(world.neighbour) as session:
        add_member(session, world.neighbour, "new@x.example", "New", "club_treasurer", world.club)


DIRECTORY = (
    "organisation",
    "membership",
    "invitation",
    "external_identity",
    "sign_in_link",
    "sign_in_session",
    "provider_request",
    "api_token",
    "attempt",
    "live_membership",
)


@pytest.mark.parametrize("table", DIRECTORY)
def test_the_app_role_reaches_the_directory_through_its_functions_alone(world: World, table: str) -> None:
    for statement in ("SELECT * FROM {0}", "DELETE FROM {0}"):
        with (
            pytest.raises(Exception, match=r"permission denied|cannot delete from view"),
            world.database.transaction(world.by) as session,
        ):
            session.execute(text(statement.format(f"directory.{table}")))


@pytest.mark.parametrize("function", ["list_members()", "list_invitations()", "list_tokens(NULL)", "account_names()"])
def test_lists_hold_nothing_of_a_neighbour_and_nothing_where_nobody_acts(world: World, function: str) -> None:
    for tenant, foreign in ((world.neighbour, "by.example"), (None, "example")):
        with world.database.transaction(tenant) as session:
            rows = session.execute(text(f"SELECT * FROM directory.{function}")).all()
        assert foreign not in str(rows)
        assert tenant is not None or rows == []


def test_attempts_are_counted_over_all_processes_until_the_span_is_over(
    world: World, at: Callable[[str], None]
) -> None:
    at("2026-03-02T12:00Z")

    def tried(_: int) -> bool:
        try:
            throttle.count(world.database, throttle.SECOND_FACTOR, "somebody")
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(8) as crowd:
        assert sum(crowd.map(tried, range(20))) == throttle.SECOND_FACTOR.times
    throttle.count(world.database, throttle.SECOND_FACTOR, "somebody else")
    at("2026-03-02T12:14Z")
    assert not tried(0)
    at("2026-03-02T12:15Z")
    assert tried(0)
    throttle.forget(world.database, throttle.SECOND_FACTOR, "somebody")
    assert tried(0)


def test_the_commands_make_people_organisations_links_and_tokens(world: World, medspiller: Medspiller) -> None:
    medspiller("organisation", "add", "Child welfare", "--service", "--municipality", "0751")
    medspiller(
        "club", "add", "--municipality", "0751", "--number", "87654303", "--name", "Frem", "--nemkonto", "--approved"
    )
    medspiller("organisation", "add", "Holidays", "--code", "ferie", "--country", "no")
    medspiller(
        "user",
        "add",
        "r@x.example",
        "--name",
        "R",
        "--role",
        "referrer",
        "--municipality",
        "0751",
        "--service",
        "child welfare",
    )
    medspiller("user", "add", "v@x.example", "--name", "V", "--role", "volunteer", "--organisation", "ferie")
    url = medspiller("user", "sign-in-link", "v@x.example")["url"]
    assert url.startswith("http://127.0.0.1:8000/sign-in/link/")
    made = medspiller("token", "create", "--club", "87654303", "--municipality", "0751")
    assert made["token"].startswith("medspiller_")
    assert "no account" in medspiller.fails("user", "sign-in-link", "nobody@x.example")
    assert "does not belong" in medspiller.fails(
        "user", "add", "v@x.example", "--name", "V", "--role", "volunteer", "--municipality", "0751"
    )
    assert "no such service" in medspiller.fails(
        "user",
        "add",
        "v@x.example",
        "--name",
        "V",
        "--role",
        "referrer",
        "--municipality",
        "0101",
        "--service",
        "Child welfare",
    )
