"""The second factor: each code once, recovery codes, and the secret only encrypted."""

from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import text

from service.audit.actions import COMMAND
from service.care import rotation
from service.errors import Conflict, Invalid
from service.identity import second_factor
from service.values import clock
from service.values.progress import Progress
from tests.identity.conftest import WORKER, World


def code_at(secret: str, ahead: int = 0) -> str:
    return pyotp.TOTP(secret).at(clock.now() + timedelta(seconds=30 * ahead))


@pytest.fixture
def enrolled(world: World, at: Callable[[str], None]) -> tuple[str, list[str]]:
    at("2026-03-02T12:00Z")
    account = world.accounts[WORKER]
    with world.database.transaction(world.by) as session:
        secret = second_factor.enrol(session, world.keys, account, WORKER).secret
        codes = second_factor.confirm(session, world.keys, account, code_at(secret))
        # The transaction goes on acting for whom it acted.
        assert session.execute(text("SELECT directory.acting()")).scalar_one() == world.by
    return secret, codes


def check(world: World, code: str) -> None:
    with world.database.transaction() as session:
        second_factor.check(session, world.keys, world.accounts[WORKER], code)


def test_a_code_counts_once_and_no_older_one_after_it(
    world: World, enrolled: tuple[str, list[str]], at: Callable[[str], None]
) -> None:
    secret, _ = enrolled
    with pytest.raises(Invalid, match="has been used"):
        check(world, code_at(secret))
    at("2026-03-02T12:01Z")
    check(world, code_at(secret, 1))
    for again in (1, 0, -1):
        with pytest.raises(Invalid):
            check(world, code_at(secret, again))


@pytest.mark.parametrize("steps", [-2, 2, 20])
def test_a_code_of_another_time_is_refused(
    world: World, enrolled: tuple[str, list[str]], at: Callable[[str], None], steps: int
) -> None:
    at("2026-03-02T13:00Z")
    with pytest.raises(Invalid):
        check(world, code_at(enrolled[0], steps))


@pytest.mark.parametrize("code", ["", "000000", "12345", "1234567", "abcd", "aaaa-bbbb-cccc"])
def test_what_is_no_code_is_refused(
    world: World, enrolled: tuple[str, list[str]], at: Callable[[str], None], code: str
) -> None:
    at("2026-03-02T13:00Z")
    if code == code_at(enrolled[0]):
        pytest.skip("the one time in a million that it is the code")
    with pytest.raises(Invalid):
        check(world, code)


def test_each_recovery_code_counts_once(world: World, enrolled: tuple[str, list[str]]) -> None:
    _, codes = enrolled
    assert len(set(codes)) == 10
    check(world, codes[0].upper())
    with pytest.raises(Invalid):
        check(world, codes[0])
    with world.database.transaction() as session:
        assert second_factor.recovery_codes_left(session, world.accounts[WORKER]) == 9


def test_nobody_puts_another_in_its_place(world: World, enrolled: tuple[str, list[str]]) -> None:
    account = world.accounts[WORKER]
    with world.database.transaction() as session, pytest.raises(Conflict):
        second_factor.enrol(session, world.keys, account, WORKER)
    with world.database.transaction() as session, pytest.raises(Conflict):
        second_factor.confirm(session, world.keys, account, code_at(enrolled[0], 1))


def test_it_stays_the_same_until_it_is_confirmed(world: World) -> None:
    account = world.accounts[WORKER]
    with world.database.transaction() as session:
        first = second_factor.enrol(session, world.keys, account, WORKER)
        assert second_factor.enrol(session, world.keys, account, WORKER) == first
    with pytest.raises(Conflict):
        check(world, code_at(first.secret))


def test_the_secret_is_kept_encrypted_and_goes_along_with_a_new_key(
    world: World, enrolled: tuple[str, list[str]], at: Callable[[str], None]
) -> None:
    rotation.rotate(world.database, world.keys, COMMAND)
    for tenant_id in rotation.holders(world.database):
        rotation.reencrypt(world.database, world.keys, tenant_id, COMMAND, Progress())
    rotation.retire(world.database, world.keys, 1, COMMAND)
    at("2026-03-02T13:00Z")
    check(world, code_at(enrolled[0]))
