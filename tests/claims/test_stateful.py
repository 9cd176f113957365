"""Random sequences of everything that can happen to a pass: ledger, claims, reservations and budget always add up.

A model that knows nothing of ledgers says what must come of each act. Each sequence is a transaction that is rolled
back; the database's deferred checks are made to speak after every step.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from hypothesis.stateful import run_state_machine_as_test as run
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import COMMAND
from service.claims import actions, checks, reservations
from service.claims.actions import NewClaim
from service.claims.batch import Line, claim_lines
from service.claims.budget import lift_stop, set_budget
from service.claims.decisions import approve_claim, reject_claim
from service.claims.desk import Desk
from service.console import keys
from service.errors import Conflict, Invalid, Refused
from service.identity.actions import Municipality
from service.passes import checks as pass_checks
from service.passes.actions import replace_pass, revoke_pass
from service.values import clock
from service.values.secrecy import KeyRing
from tests.claims.clubs import CLUB
from tests.passes.town import Town

WORTH = 100_000
CHILDREN = ("Nour", "Søren")
FEES = st.integers(1, 70_000)
ACTIVITIES = st.sampled_from(["Fodbold", "Skak", "Dans"])
WHO = st.sampled_from(CHILDREN)
CLUBS = st.sampled_from([0, 1])
BUDGET = 120_000


class Held:
    """A claim or reservation of the model."""

    def __init__(self, id_: UUID, child: str, club: int, ore: int, state: str, activity: str) -> None:
        self.id, self.child, self.club, self.ore, self.state, self.activity = id_, child, club, ore, state, activity
        self.until: date | None = None

    @property
    def holds(self) -> int:
        return 0 if self.state in ("rejected", "withdrawn", "claimed", "released", "expired") else self.ore


class Machine(RuleBasedStateMachine):
    """What clubs, case workers and time do to the passes of two children."""

    session: Session
    municipality: Municipality
    ring: KeyRing
    town: Town
    clubs: tuple[UUID, UUID]
    claims, reserved = Bundle("claims"), Bundle("reserved")

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Held] = []
        self.kept: list[Held] = []
        self.live = dict.fromkeys(CHILDREN, True)
        self.lifted = False
        self.session.begin_nested()
        clock.pin(clock.now())

    @initialize(stopped=st.booleans())
    def set_a_budget(self, stopped: bool) -> None:
        """With a hard stop in some of the sequences."""
        self.stopped = stopped
        set_budget(self.session, self.municipality, "fritidspas", 2017, BUDGET, 80, stopped, "x", COMMAND)

    # What the model knows.

    def left(self, child: str) -> int:
        return WORTH - sum(one.holds for one in (*self.held, *self.kept) if one.child == child)

    def used(self) -> int:
        return sum(one.holds for one in (*self.held, *self.kept))

    def stops(self, ore: int) -> bool:
        return self.stopped and not self.lifted and ore > max(BUDGET - self.used(), 0)

    def twice(self, child: str, club: int, activity: str) -> bool:
        return any(one.holds and (one.child, one.club, one.activity) == (child, club, activity) for one in self.held)

    # What the service is told.

    def desk(self, club: int) -> Desk:
        return Desk(self.town.database, self.session, self.municipality, self.clubs[club], self.ring, CLUB)

    def number(self, child: str, newest: bool = True) -> str:
        """The number of the child's newest pass, live or not."""
        cipher = self.session.execute(
            text(
                """SELECT number_cipher FROM leisure_pass p JOIN person c ON c.id = p.person_id
                WHERE c.given_name = :child ORDER BY p.id DESC LIMIT 1"""
            ),
            {"child": child},
        ).scalar_one()
        return self.ring.for_tenant(self.municipality.id).decrypt(cipher)

    def pass_of(self, child: str) -> UUID:
        found: UUID = self.session.execute(
            text(
                """SELECT p.id FROM leisure_pass p JOIN person c ON c.id = p.person_id
                WHERE c.given_name = :child ORDER BY p.id DESC LIMIT 1"""
            ),
            {"child": child},
        ).scalar_one()
        return found

    def new(self, child: str, fee: int, activity: str, **more: Any) -> NewClaim:
        known = {"given_name": child} | more
        return NewClaim(
            pass_number=self.number(child),
            fee_ore=fee,
            activity=activity,
            season_start=date(2017, 3, 1),
            season_end=date(2017, 6, 30),
            **known,
        )

    def expect(self, child: str, club: int, fee: int, activity: str, reserved: Held | None, named: bool) -> Held | None:
        """The claim that must come of it; None where the pass cannot be used."""
        if not self.live[child] and reserved is None:
            return None
        own = reserved.holds if reserved else 0
        available = own + (self.left(child) if self.live[child] else 0)
        covered = min(fee, available)
        if not covered:
            return Held(UUID(int=0), child, club, 0, "rejected", activity)
        waits = not named or self.twice(child, club, activity) or self.stops(covered - own)
        return Held(UUID(int=0), child, club, covered, "submitted" if waits else "approved", activity)

    @rule(child=WHO, club=CLUBS, fee=FEES)
    def check(self, child: str, club: int, fee: int) -> None:
        self.misses_are_over()
        found = actions.check_coverage(self.desk(club), self.number(child), child, fee)
        if not self.live[child]:
            assert (found.valid, found.covered_ore) == (False, 0)
            return
        assert (found.remaining_ore, found.covered_ore) == (self.left(child), min(fee, self.left(child)))

    @rule(target=claims, child=WHO, club=CLUBS, fee=FEES, activity=ACTIVITIES, named=st.booleans())
    def claim(self, child: str, club: int, fee: int, activity: str, named: bool) -> Any:
        return self.claimed(child, club, fee, activity, None, named)

    @rule(target=claims, held=reserved, fee=FEES, activity=ACTIVITIES)
    def claim_reserved(self, held: Held, fee: int, activity: str) -> Any:
        if held.state != "held":
            with pytest.raises(Invalid):
                new = self.new(held.child, fee, activity, reservation=held.id)
                actions.submit_claim(self.desk(held.club), new)
            return multiple()
        return self.claimed(held.child, held.club, fee, activity, held, True)

    def claimed(self, child: str, club: int, fee: int, activity: str, held: Held | None, named: bool) -> Any:
        self.misses_are_over()
        expected = self.expect(child, club, fee, activity, held, named)
        new = self.new(
            child, fee, activity, given_name=child if named else "Ingen", reservation=held.id if held else None
        )
        if expected is None:
            with pytest.raises(Invalid):
                actions.submit_claim(self.desk(club), new)
            return multiple()
        made = actions.submit_claim(self.desk(club), new)
        assert (made.state, made.covered_ore) == (expected.state, expected.ore)
        expected.id = made.id
        if held and expected.holds:
            held.state = "claimed"
        self.held.append(expected)
        return expected

    @rule(target=reserved, child=WHO, club=CLUBS, fee=FEES, activity=ACTIVITIES)
    def reserve(self, child: str, club: int, fee: int, activity: str) -> Any:
        self.misses_are_over()
        ore = min(fee, self.left(child))
        if not self.live[child] or not ore or self.stops(ore):
            with pytest.raises((Invalid, Conflict)):
                reservations.reserve(self.desk(club), self.number(child), child, fee, activity)
            return multiple()
        made = reservations.reserve(self.desk(club), self.number(child), child, fee, activity)
        held = Held(made.id, child, club, ore, "held", activity)
        held.until = made.until
        assert made.reserved_ore == ore
        self.kept.append(held)
        return held

    @rule(held=reserved)
    def release(self, held: Held) -> None:
        with refused_unless(held.state == "held"):
            reservations.release_reservation(self.desk(held.club), held.id)
            held.state = "released"

    @rule(days=st.integers(1, 9))
    def time_goes_by(self, days: int) -> None:
        clock.pin(clock.now() + timedelta(days=days))
        today = clock.today(self.municipality.time_zone)
        due = [one for one in self.kept if one.state == "held" and one.until and one.until < today]
        assert reservations.expire_reservations(self.session, self.municipality, today, COMMAND) == len(due)
        for one in due:
            one.state = "expired"

    @rule(lines=st.lists(st.tuples(WHO, FEES, ACTIVITIES, st.booleans()), min_size=1, max_size=4), club=CLUBS)
    def batch(self, lines: list[tuple[str, int, str, bool]], club: int) -> None:
        self.misses_are_over()
        read = [
            Line(n, self.new(child, fee, activity) if known else Invalid("This line is no JSON."))
            for n, (child, fee, activity, known) in enumerate(lines)
        ]
        outcomes = claim_lines(self.desk(club), read)
        for outcome, (child, fee, activity, known) in zip(outcomes, lines, strict=True):
            expected = self.expect(child, club, fee, activity, None, True) if known else None
            if expected is None:
                assert isinstance(outcome.refused, Invalid)
                continue
            assert outcome.made is not None
            assert (outcome.made.state, outcome.made.covered_ore) == (expected.state, expected.ore)
            expected.id = outcome.made.id
            self.held.append(expected)

    @rule(claim=claims)
    def withdraw(self, claim: Held) -> None:
        with refused_unless(claim.state in ("submitted", "approved")):
            actions.withdraw_claim(self.desk(claim.club), claim.id)
            claim.state = "withdrawn"

    @rule(claim=claims, part=st.integers(1, 100))
    def approve(self, claim: Held, part: int) -> None:
        granted = max(claim.ore * part // 100, 1)
        beyond = self.stopped and not self.lifted and BUDGET - self.used() + claim.ore < granted
        with refused_unless(claim.state == "submitted" and not beyond):
            approve_claim(self.session, self.municipality, claim.id, COMMAND, granted, "Mindre end det hele.")
            claim.state, claim.ore = "approved", granted

    @rule(claim=claims)
    def reject(self, claim: Held) -> None:
        with refused_unless(claim.state in ("submitted", "approved")):
            reject_claim(self.session, self.municipality, claim.id, "not_a_member", "Meld ind.", COMMAND)
            claim.state = "rejected"

    @rule(child=WHO)
    def replace(self, child: str) -> None:
        with refused_unless(self.live[child]):
            replace_pass(self.session, self.municipality, self.ring, self.pass_of(child), "lost", COMMAND)

    @rule(child=WHO, sure=st.integers(0, 4))
    def revoke(self, child: str, sure: int) -> None:
        if sure:
            return
        with refused_unless(self.live[child]):
            revoke_pass(self.session, self.municipality, self.pass_of(child), "moved away", COMMAND)
            self.live[child] = False

    @rule()
    def lift(self) -> None:
        with refused_unless(self.stopped and not self.lifted):
            lift_stop(self.session, self.municipality, "fritidspas", 2017, "the council", COMMAND)
            self.lifted = True

    def misses_are_over(self) -> None:
        clock.pin(clock.now() + timedelta(minutes=16))

    @invariant()
    def everything_adds_up(self) -> None:
        """The deferred triggers speak; what remains is what the model has left; so is what is used of the budget."""
        self.session.flush()
        self.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        self.session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        remaining = dict(
            self.session.execute(
                text(
                    """SELECT c.given_name, sum(p.remaining_ore)::bigint FROM leisure_pass p
                    JOIN person c ON c.id = p.person_id WHERE c.given_name = ANY (:children) GROUP BY 1"""
                ),
                {"children": list(CHILDREN)},
            ).all()
        )
        assert remaining == {child: self.left(child) for child in CHILDREN}
        known = {one.id: (one.state, one.holds) for one in (*self.held, *self.kept)}
        rows = self.session.execute(
            text("SELECT id, state, held_ore FROM claim UNION ALL SELECT id, state, held_ore FROM reservation")
        )
        assert {id_: (state, ore) for id_, state, ore in rows} == known
        used = self.session.execute(text("SELECT coalesce(sum(held_ore), 0) FROM budget_used")).scalar_one()
        assert used == self.used()

    def teardown(self) -> None:
        """What `database check` verifies of all this, and back to the beginning."""
        try:
            for check in (*checks.CHECKS, pass_checks.CHECKS[0], pass_checks.CHECKS[1]):
                assert check.name in _NOT_OF_A_TENANT or check.run(self.session) == [], check.name
        finally:
            self.session.rollback()
            self.session.begin()
            act(self.session, self.municipality.id)


_NOT_OF_A_TENANT = ("claim guards", "live passes")
"""Checks that the owner alone can make; the test makes them when it is over."""


@contextmanager
def refused_unless(possible: bool) -> Iterator[None]:
    """What is possible is done; what is not is refused, and nothing has changed."""
    if possible:
        yield
        return
    with pytest.raises(Refused):
        yield


def act(session: Session, tenant_id: UUID) -> None:
    session.execute(text("SELECT set_config('app.tenant', :tenant, true)"), {"tenant": str(tenant_id)})


def test_whatever_happens_everything_adds_up(town: Town, club: UUID, other_club: UUID) -> None:
    with Session(town.database.engine, expire_on_commit=False) as session:
        session.begin()
        act(session, town.municipality.id)
        known = {
            "session": session,
            "municipality": town.municipality,
            "ring": keys(town.database),
            "town": town,
            "clubs": (club, other_club),
        }
        machine = type("InTown", (Machine,), known)
        limits = settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        run(machine, settings=limits)
        session.rollback()
    assert town.sound()
