"""Many claims at the same moment, and a claim and the end of its pass at the same moment."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from service.app import create_app
from service.audit.actions import COMMAND
from service.console import keys
from service.database.engine import Database
from service.errors import Invalid
from service.passes.actions import find_pass, replace_pass, revoke_pass
from service.values import clock
from tests.benchmarks.load import Target, load
from tests.browser.conftest import served
from tests.claims.clubs import claim_on, club_token, ledger, open_club
from tests.conftest import Medspiller
from tests.passes.town import IN_2016, IN_2017, Town

CLAIMS = int(os.environ.get("MEDSPILLER_TEST_CLAIMS", "2000"))
"""`make benchmark` sends ten thousand."""
CHILDREN, FEE, WORTH = 100, 9_000, 100_000


@pytest.fixture
def many(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """A hundred children with a pass."""
    at("2017-02-01T08:00Z")
    made = Town(medspiller, database, tmp_path)
    for household in range(CHILDREN // 4):
        made.family(f"H{household}", *(f"Barn{household} {letter}" for letter in "abcd"))
    made.load()
    made.commit(IN_2017)
    return made


def test_concurrent_claims_on_a_hundred_passes_overspend_none(many: Town) -> None:
    club = open_club(many)
    passes = [(row["pass_number"], row["given_name"]) for row in many.listed()]
    assert len(passes) == CHILDREN

    def body(number: int) -> bytes:
        pass_number, name = passes[number % CHILDREN]
        said = {"pass_number": pass_number, "given_name": name, "fee_ore": FEE, "activity": f"A{number}"}
        return msgspec.json.encode(said | {"season_start": "2017-01-10", "season_end": "2017-06-30"})

    headers = {"authorization": f"Bearer {club_token(many, club)}"}
    with served(create_app(many.database, requests_a_minute=10**9)) as url:
        target = Target(int(url.rsplit(":", 1)[1]), "/api/v1/claims", body, headers)
        done = load(target, connections=16, most=CLAIMS)
    assert (done.requests, done.refused) == (CLAIMS, {})
    each = CLAIMS // CHILDREN
    paid = min(each * FEE, WORTH)
    assert many.rows("SELECT count(*) FROM claim") == [(CLAIMS,)]
    assert many.rows("SELECT DISTINCT remaining_ore FROM leisure_pass") == [(WORTH - paid,)]
    assert many.rows(
        "SELECT DISTINCT sum(covered_ore), count(*) FILTER (WHERE state = 'rejected') FROM claim GROUP BY pass_id"
    ) == [(paid, each - min(each, -(-WORTH // FEE)))]
    assert many.sound()


class Later(threading.Thread):
    """Something that another transaction keeps waiting; `answer` is what came of it or what was raised."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work
        self.answer: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self._work()
        except Exception as error:
            self.answer = error

    def waits(self, town: Town) -> None:
        """Until the database says that somebody waits for a lock."""
        for _ in range(400):
            if town.rows("SELECT count(*) FROM pg_locks WHERE NOT granted") != [(0,)]:
                return
            self.join(0.05)
            assert self.is_alive(), self.answer
        raise AssertionError("nobody waits")


def _pass_of(town: Town, number: str) -> UUID:
    with town.session() as session:
        return find_pass(session, keys(town.database), number)


def test_a_claim_that_comes_while_its_pass_is_revoked_is_none(town: Town, club: UUID) -> None:
    number = town.number("Nour")
    pass_id = _pass_of(town, number)
    with town.session() as session:
        revoke_pass(session, town.municipality, pass_id, "moved away", COMMAND)
        session.flush()
        claiming = Later(lambda: claim_on(town, club, number, "Nour"))
        claiming.waits(town)
    claiming.join()
    assert isinstance(claiming.answer, Invalid)
    assert [error.field for error in claiming.answer.errors] == ["pass_number"]
    assert ledger(town, "Nour") == [("grant", WORTH)]
    assert town.sound()


def test_a_claim_that_was_first_stands_though_the_pass_is_revoked(town: Town, club: UUID) -> None:
    number = town.number("Nour")
    pass_id = _pass_of(town, number)

    def revoke() -> None:
        with town.session() as session:
            revoke_pass(session, town.municipality, pass_id, "moved away", COMMAND)

    with town.session() as session:
        session.connection().exec_driver_sql(f"SELECT 1 FROM leisure_pass WHERE id = '{pass_id}' FOR UPDATE")
        revoking = Later(revoke)
        revoking.waits(town)
    revoking.join()
    assert revoking.answer is None
    with pytest.raises(Invalid):
        claim_on(town, club, number, "Nour")
    # The other way round: the claim has the lock, and the revocation finds it made.
    other = town.number("Søren")
    made = claim_on(town, club, other, "Søren")
    with town.session() as session:
        revoke_pass(session, town.municipality, _pass_of(town, other), "moved away", COMMAND)
    assert town.rows("SELECT state FROM claim WHERE id = :id", id=made.id) == [("approved",)]
    assert ledger(town, "Søren") == [("grant", WORTH), ("settle", -60_000)]
    assert town.sound()


def test_a_claim_for_last_year_finds_the_pass_that_took_the_place_of_the_one_it_waited_for(
    town: Town, club: UUID
) -> None:
    town.commit(IN_2016)
    now, before = (
        next(
            row["pass_number"]
            for row in town.listed()
            if row["given_name"] == "Nour" and row["valid_from"].startswith(year)
        )
        for year in ("2017", "2016")
    )
    autumn: dict[str, Any] = {"season_start": date(2016, 8, 15), "season_end": date(2016, 12, 15)}
    # Replaced before it ends, as far as the clock of the replacement goes.
    pass_id = _pass_of(town, before)
    with town.session() as session:
        clock.pin(datetime(2016, 12, 20, tzinfo=UTC))
        new = replace_pass(session, town.municipality, keys(town.database), pass_id, "lost", COMMAND)
        session.flush()
        clock.pin(datetime(2017, 2, 1, tzinfo=UTC))
        claiming = Later(lambda: claim_on(town, club, now, "Nour", **autumn))
        claiming.waits(town)
    claiming.join()
    assert claiming.answer.state == "approved", claiming.answer
    assert town.rows("SELECT pass_id FROM claim") == [(new.pass_id,)]
    assert town.sound()
