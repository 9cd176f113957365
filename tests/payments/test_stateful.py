"""Whatever is done in whatever order, ledger, claims, payments, files and what the bank says always add up."""

from collections.abc import Callable
from datetime import date
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from lxml import etree
from sqlalchemy import text

from service.audit.actions import COMMAND
from service.claims.actions import withdraw_claim
from service.claims.decisions import reject_claim
from service.errors import Refused
from service.payments import recoveries, runs
from service.payments.bank_file import write_bank_file
from service.payments.statuses import allow_retry, read_statuses
from tests.claims.clubs import NUMBERS, claim, desk, open_club
from tests.payments.conftest import ACCOUNTS, Paying
from tests.payments.reports import pain_002

UNTIL = date(2017, 2, 10)
SOME = st.integers(0, 10**6)
FILES = count()


class Paid(RuleBasedStateMachine):
    """Clubs claim and withdraw, the municipality pays in three steps, the bank says yes or no, early, late and twice.

    A refusal is an answer: what matters is that nothing is half done.
    """

    paying: Paying
    clubs: tuple[UUID, ...]
    numbers: dict[str, str]
    released: dict[UUID, bytes]

    def one_of(self, rows: list[Any], some: int) -> Any:
        return rows[some % len(rows)] if rows else None

    def rows(self, query: str) -> list[Any]:
        return self.paying.town.rows(query)

    def attempt(self, act: Callable[..., Any], *arguments: Any) -> Any:
        try:
            with self.paying.town.session() as session:
                return act(session, self.paying.town.municipality, *arguments)
        except Refused:
            return None

    @rule(some=SOME, kroner=st.integers(1, 900))
    def a_club_claims(self, some: int, kroner: int) -> None:
        child = self.one_of(sorted(self.numbers), some)
        club = self.clubs[some % len(self.clubs)]
        claim(self.paying.town, club, child, kroner * 100, pass_number=self.numbers[child], activity=f"Hold {some}")

    @rule(some=SOME)
    def a_club_withdraws(self, some: int) -> None:
        found = self.one_of(self.rows("SELECT id, club_id FROM claim ORDER BY id"), some)
        if found:
            try:
                with desk(self.paying.town, found[1]) as here:
                    withdraw_claim(here, found[0])
            except Refused:
                pass

    @rule(some=SOME)
    def a_case_worker_rejects(self, some: int) -> None:
        found = self.one_of(self.rows("SELECT id FROM claim ORDER BY id"), some)
        if found:
            self.attempt(reject_claim, found[0], "other", "Se reglerne.", COMMAND)

    @rule(some=SOME, kroner=st.integers(1, 2000))
    def too_much_was_paid(self, some: int, kroner: int) -> None:
        club = self.clubs[some % len(self.clubs)]
        self.attempt(recoveries.recover, club, kroner * 100, "Betalt for meget", COMMAND)

    @rule(some=SOME)
    def a_club_changes_its_account(self, some: int) -> None:
        self.paying.pay_to(self.clubs[some % len(self.clubs)], ACCOUNTS[some % len(ACCOUNTS)])

    @rule()
    def a_run_is_made(self) -> None:
        self.attempt(runs.create_run, UNTIL, self.paying.creator)

    @rule()
    def it_is_renewed(self) -> None:
        for (run,) in self.rows("SELECT id FROM payment_run WHERE state IN ('created', 'approved')"):
            self.attempt(runs.renew_run, run, self.paying.creator)

    @rule()
    def it_is_approved(self) -> None:
        for (run,) in self.rows("SELECT id FROM payment_run WHERE state = 'created'"):
            self.attempt(runs.approve_run, run, self.paying.approver)

    @rule()
    def it_is_released(self) -> None:
        for (run,) in self.rows("SELECT id FROM payment_run WHERE state = 'approved'"):
            made = self.attempt(runs.release_run, run, self.paying.releaser)
            if made is not None and made.file is not None and made.file.xml is not None:
                self.released[run] = made.file.xml

    @rule()
    def it_is_cancelled(self) -> None:
        for (run,) in self.rows("SELECT id FROM payment_run WHERE state IN ('created', 'approved')"):
            self.attempt(runs.cancel_run, run, "Fortrudt", self.paying.creator)

    @rule(some=SOME, code=st.sampled_from(("ACSC", "RJCT", "ACSP")), twice=st.booleans())
    def the_bank_says(self, some: int, code: str, twice: bool) -> None:
        found = self.one_of(self.rows("SELECT end_to_end_id FROM payment WHERE amount_ore > 0 ORDER BY id"), some)
        if found:
            content = pain_002(f"F{next(FILES)}", [(found[0], code), ("NOBODYS", "ACSC")])
            for _ in range(1 + twice):
                self.attempt(read_statuses, content, COMMAND)

    @rule(some=SOME)
    def the_same_account_may_be_tried_again(self, some: int) -> None:
        found = self.one_of(self.rows("SELECT id FROM payment WHERE state = 'rejected' ORDER BY id"), some)
        if found:
            self.attempt(allow_retry, found[0], "Banken var lukket", COMMAND)

    @invariant()
    def no_claim_is_paid_twice_and_no_club_more_than_it_is_owed(self) -> None:
        assert (
            self.rows(
                """SELECT l.claim_id FROM payment_claim l JOIN payment p ON p.id = l.payment_id
            WHERE p.state IN ('sent', 'settled') GROUP BY l.claim_id HAVING count(*) > 1"""
            )
            == []
        )
        paid = dict(
            self.rows("SELECT club_id, sum(amount_ore) FROM payment WHERE state IN ('sent', 'settled') GROUP BY 1")
        )
        owed = dict(
            self.rows("SELECT club_id, sum(covered_ore) FROM claim WHERE state IN ('in_payment', 'paid') GROUP BY 1")
        )
        back = dict(
            self.rows(
                """SELECT p.club_id, sum(u.amount_ore) FROM recovery_use u JOIN payment p ON p.id = u.payment_id
                WHERE p.state IN ('sent', 'settled') GROUP BY 1"""
            )
        )
        assert paid == {club: ore - back.get(club, 0) for club, ore in owed.items()}

    def teardown(self) -> None:
        """Every file made again is the same, and the database's own check finds nothing."""
        for run, xml in self.released.items():
            with self.paying.town.session() as session:
                assert write_bank_file(session, run).xml == xml
            etree.fromstring(xml)
        assert self.paying.town.sound()


def test_it_always_adds_up(paying: Paying) -> None:
    clubs = tuple(open_club(paying.town, name, NUMBERS[place]) for place, name in enumerate(("Fremad", "Frem", "Fri")))
    for place, club in enumerate(clubs[:2]):
        paying.pay_to(club, ACCOUNTS[place])
    numbers = paying.numbers()

    def made() -> Paid:
        machine = Paid()
        machine.paying, machine.clubs, machine.numbers, machine.released = paying, clubs, numbers, {}
        return machine

    run_state_machine_as_test(
        made,  # type: ignore[arg-type]
        settings=settings(
            max_examples=6, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.parametrize("moment", ["created", "approved", "released", "told"])
def test_a_process_that_is_killed_leaves_a_run_whole_or_as_it_was(
    paying: Paying, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a step has written is gone with its connection, until it commits: nothing is lost and nothing doubled."""
    club = paying.club("A", NUMBERS[0], 3, 90_000)
    paying.pay_to(club)
    municipality = paying.town.municipality

    def steps(until: str) -> None:
        for name, act in (
            ("created", lambda s: runs.create_run(s, municipality, UNTIL, paying.creator)),
            ("approved", lambda s: runs.approve_run(s, municipality, open_run(s), paying.approver)),
            ("released", lambda s: runs.release_run(s, municipality, open_run(s), paying.releaser)),
            ("told", lambda s: read_statuses(s, municipality, settled(s), COMMAND)),
        ):
            if name == until:
                killed(act)
            with paying.town.session() as session:
                act(session)

    def killed(act: Callable[[Any], Any]) -> None:
        with pytest.raises(Exception, match="terminating connection"), paying.town.session() as session:
            pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            act(session)
            with paying.town.database.transaction() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            session.execute(text("SELECT 1"))

    def open_run(session: Any) -> UUID:
        found: UUID = session.execute(
            text("SELECT id FROM payment_run WHERE state IN ('created', 'approved')")
        ).scalar_one()
        return found

    def settled(session: Any) -> bytes:
        return pain_002("X", [(session.execute(text("SELECT end_to_end_id FROM payment")).scalar_one(), "ACSC")])

    steps(moment)
    assert paying.town.rows("SELECT state, count(*) FROM claim GROUP BY 1") == [("paid", 3)]
    assert paying.town.rows("SELECT state, amount_ore FROM payment") == [("settled", 270_000)]
    assert paying.town.sound()
