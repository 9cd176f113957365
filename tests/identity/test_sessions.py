"""Sessions: who they are of, where they act, and when they end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from service.database.tenancy import act_for
from service.errors import Forbidden, NotFound
from service.identity import sessions
from service.identity.actions import add_member
from service.identity.permissions import PERMISSIONS
from service.values import clock
from service.values.random_secrets import digest
from tests.identity.conftest import ADMIN, TREASURER, WORKER, World

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_session_is_its_account_at_its_place(world: World) -> None:
    who = world.somebody(world.sign_in(WORKER))
    assert who.place is not None
    assert (who.account_id, who.place.tenant_id, who.roles) == (world.accounts[WORKER], world.by, ("case_worker",))
    assert who.permissions == {name for name, one in PERMISSIONS.items() if "case_worker" in one.roles}
    treasurer = world.somebody(world.sign_in(TREASURER))
    assert treasurer.place is not None
    assert treasurer.place.organisation_id == world.club


@pytest.mark.parametrize("secret", ["", "x", "x" * 43])
def test_an_unknown_secret_is_nobodys(world: World, secret: str) -> None:
    world.sign_in(WORKER)
    assert world.who(secret) is None


def test_only_the_hash_of_the_secret_is_kept(world: World) -> None:
    secret = world.sign_in(WORKER)
    with world.database.transaction() as session, pytest.raises(Exception, match="permission denied"):
        session.execute(text("SELECT * FROM directory.sign_in_session"))
    assert world.who(digest(secret).hex()) is None


@pytest.mark.parametrize(
    ("passed", "seen_every", "lives"),
    [
        (timedelta(minutes=59), None, True),
        (timedelta(minutes=61), None, False),
        (timedelta(hours=11, minutes=59), timedelta(minutes=50), True),
        (timedelta(hours=12, minutes=1), timedelta(minutes=50), False),
    ],
)
def test_a_session_ends_when_idle_and_for_good(
    world: World, passed: timedelta, seen_every: timedelta | None, lives: bool
) -> None:
    clock.pin(NOON)
    secret = world.sign_in(WORKER)
    moment = NOON
    while seen_every and moment + seen_every < NOON + passed:
        moment += seen_every
        clock.pin(moment)
        world.who(secret)
    clock.pin(NOON + passed)
    assert (world.who(secret) is not None) is lives


def test_signing_out_ends_one_session_and_everywhere_all(world: World) -> None:
    first, second, others = world.sign_in(WORKER), world.sign_in(WORKER), world.sign_in(ADMIN)
    who = world.somebody(first)
    assert who.account_id is not None
    assert who.session_id is not None
    with world.database.transaction() as session, pytest.raises(NotFound):
        sessions.end_session(session, world.accounts[ADMIN], who.session_id)
    assert world.who(first) is not None
    with world.database.transaction() as session:
        sessions.end_session(session, who.account_id, who.session_id)
    assert (world.who(first), world.who(second) is None) == (None, False)
    with world.database.transaction() as session:
        assert sessions.end_every_session(session, who.account_id) == 1
    assert world.who(second) is None
    assert world.who(others) is not None


def test_a_role_that_ends_ends_what_its_session_may(world: World) -> None:
    secret = world.sign_in(WORKER)
    with world.database.transaction(world.by) as session:
        member = session.execute(
            text("SELECT id FROM directory.list_members() WHERE role = 'case_worker'")
        ).scalar_one()
        session.execute(text("SELECT directory.end_membership(:id, NULL, now())"), {"id": member})
    who = world.somebody(secret)
    assert (who.place, who.permissions, who.roles) == (None, frozenset(), ())


def test_a_person_with_several_places_chooses_one(world: World) -> None:
    with world.database.transaction(world.neighbour) as session:
        add_member(session, world.neighbour, WORKER, "W", "auditor")
    secret = world.sign_in(WORKER)
    who = world.somebody(secret)
    assert (who.place, who.permissions, who.places) == (None, frozenset(), 2)
    assert who.session_id is not None
    with world.database.transaction() as session:
        sessions.choose_place(session, who.session_id, world.neighbour, None)
    chosen = world.somebody(secret)
    assert chosen.place is not None
    assert (chosen.place.tenant_id, chosen.roles) == (world.neighbour, ("auditor",))
    assert "register.read" not in chosen.permissions
    with world.database.transaction() as session, pytest.raises(Forbidden):
        sessions.choose_place(session, who.session_id, world.red_cross, None)


def test_a_link_signs_in_once_and_in_time(world: World, at: Callable[[str], None]) -> None:
    at("2026-03-02T12:00Z")
    with world.database.transaction() as session:
        links = [
            sessions.make_link(session, world.accounts[TREASURER], maker) for maker in ("email", "email", "command")
        ]
    with world.database.transaction() as session:
        secret = sessions.use_link(session, links[0], "test")
    assert world.somebody(secret).account_id == world.accounts[TREASURER]

    def refused(link: str) -> bool:
        with world.database.transaction() as session, pytest.raises(NotFound, match="used or is too old"):
            sessions.use_link(session, link, "test")
        return True

    assert refused(links[0])
    assert refused("nothing-of-ours")
    at("2026-03-02T12:15Z")
    assert refused(links[1])
    at("2026-03-03T11:59Z")
    with world.database.transaction() as session:
        sessions.use_link(session, links[2], "test")


@pytest.mark.parametrize(
    ("email", "method", "owes"),
    [
        (WORKER, "email", True),
        (ADMIN, "email", True),
        (TREASURER, "email", False),
        (WORKER, "command", False),
        (WORKER, "provider", True),
    ],
)
def test_staff_who_sign_in_by_email_owe_a_second_factor(world: World, email: str, method: str, owes: bool) -> None:
    who = world.somebody(world.sign_in(email, method))
    assert who.owes_second_factor is owes
    assert (who.place is None, who.permissions == frozenset()) == (owes, owes)


def test_a_treasurer_with_another_role_elsewhere_owes_it_too(world: World) -> None:
    with world.database.transaction(world.neighbour) as session:
        act_for(session, world.neighbour)
        add_member(session, world.neighbour, TREASURER, "T", "finance_officer")
    secret = world.sign_in(TREASURER, "email")
    who = world.somebody(secret)
    assert who.owes_second_factor
    assert who.session_id is not None
    with world.database.transaction() as session:
        sessions.choose_place(session, who.session_id, world.by, world.club)
    assert world.somebody(secret).owes_second_factor


def test_the_second_factor_gives_the_session_a_new_secret(world: World) -> None:
    old = world.sign_in(WORKER, "email")
    who = world.somebody(old)
    assert who.session_id is not None
    with world.database.transaction() as session:
        new = sessions.renew_session(session, who.session_id)
    assert world.who(old) is None
    renewed = world.somebody(new)
    assert (renewed.session_id, renewed.owes_second_factor) == (who.session_id, False)
    assert renewed.permissions
