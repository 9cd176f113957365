"""What a club does with a pass, on the real database."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from service.audit.actions import COMMAND
from service.claims import reservations as actions
from service.claims.actions import check_coverage, withdraw_claim
from service.claims.decisions import approve_claim, reject_claim
from service.claims.reservations import release_reservation, reserve
from service.errors import Conflict, Invalid
from service.identity.throttle import PASS_NUMBERS, TooMany
from tests.claims.clubs import claim, desk, ledger
from tests.passes.town import Town

At = Callable[[str], None]


def test_a_claim_is_approved_at_once_and_stands_in_the_ledger(town: Town, club: UUID) -> None:
    made = claim(town, club, "Søren", 60_000)
    assert (made.state, made.covered_ore, made.family_share_ore, made.reasons) == ("approved", 60_000, 0, ())
    assert made.expected_payment_date == date(2017, 2, 15)
    assert ledger(town, "Søren") == [("grant", 100_000), ("settle", -60_000)]
    again = claim(town, club, "Søren", 60_000, activity="Håndbold")
    assert (again.state, again.covered_ore, again.family_share_ore) == ("approved", 40_000, 20_000)
    nothing = claim(town, club, "Søren", 60_000, activity="Skak")
    assert (nothing.state, nothing.covered_ore, nothing.reasons) == ("rejected", 0, ("nothing_left",))
    assert town.sound()


@pytest.mark.parametrize(
    ("written", "child", "state"),
    [
        ("Anne", "Anne-Sofie", "approved"),
        ("anne sofie", "Anne-Sofie", "approved"),
        ("Soren", "Søren", "approved"),
        ("Søren Prøvesen", "Søren", "approved"),
        ("Nora", "Nour", "submitted"),
        ("Prøvesen", "Nour", "submitted"),
    ],
)
def test_a_name_is_the_childs_or_the_claim_waits(town: Town, club: UUID, written: str, child: str, state: str) -> None:
    made = claim(town, club, child, given_name=written)
    assert made.state == state
    assert made.reasons == (() if state == "approved" else ("name_differs",))
    # What waits is held.
    assert ledger(town, child)[-1] == ("settle" if state == "approved" else "reserve", -60_000)


def test_a_number_with_confusable_letters_works_and_a_wrong_one_is_no_claim(town: Town, club: UUID) -> None:
    number = town.number("Søren")
    assert (
        claim(town, club, "Søren", pass_number=number.lower().replace("0", "o").replace("1", "l")).state == "approved"
    )
    for wrong in ("0123-456-7890", "what", number[:-1] + ("0" if number[-1] != "0" else "1")):
        with pytest.raises(Invalid) as refused:
            claim(town, club, "Søren", pass_number=wrong)
        assert [error.field for error in refused.value.errors] == ["pass_number"]
    assert town.rows("SELECT count(*) FROM claim") == [(1,)]


def test_coverage_says_no_more_than_it_must(town: Town, club: UUID) -> None:
    with desk(town, club) as here:
        found = check_coverage(here, town.number("Nour"), "Nour", 140_000)
        assert (found.valid, found.remaining_ore, found.covered_ore, found.family_share_ore) == (
            True,
            100_000,
            100_000,
            40_000,
        )
        assert found.valid_to == date(2017, 12, 31)
        wrong_name = check_coverage(here, town.number("Nour"), "Nora", 140_000)
        assert (wrong_name.valid, wrong_name.name_matches, wrong_name.remaining_ore) == (True, False, 0)
        unknown, mistyped = (check_coverage(here, number, "Nour", 140_000) for number in ("0000-000-0000", "0123"))
        assert unknown == mistyped
        assert (unknown.valid, unknown.covered_ore, unknown.family_share_ore, unknown.valid_to) == (
            False,
            0,
            140_000,
            None,
        )


def test_repeated_misses_are_slowed_down(town: Town, club: UUID, other_club: UUID) -> None:
    for _ in range(PASS_NUMBERS.times):
        with desk(town, club) as here:
            assert not check_coverage(here, "0000-000-0000", "Nour", 100).valid
    with pytest.raises(TooMany), desk(town, club) as here:
        check_coverage(here, town.number("Nour"), "Nour", 100)
    with desk(town, other_club) as here:
        assert check_coverage(here, town.number("Nour"), "Nour", 100).valid


def test_a_reservation_holds_and_is_claimed_or_given_back(town: Town, club: UUID, other_club: UUID, at: At) -> None:
    with desk(town, club) as here:
        first = reserve(here, town.number("Nour"), "Nour", 70_000, "Fodbold")
        second = reserve(here, town.number("Nour"), "Nour", 70_000, "Skak")
    assert (first.reserved_ore, second.reserved_ore, second.family_share_ore) == (70_000, 30_000, 40_000)
    assert claim(town, other_club, "Nour").reasons == ("nothing_left",)
    with pytest.raises(Invalid):
        claim(town, other_club, "Nour", reservation=first.id)
    made = claim(town, club, "Nour", 50_000, reservation=first.id)
    assert (made.state, made.covered_ore) == ("approved", 50_000)
    assert ledger(town, "Nour")[-2:] == [("release", 70_000), ("settle", -50_000)]
    with desk(town, club) as here, pytest.raises(Conflict):
        release_reservation(here, first.id)
    at("2017-02-16T08:00Z")
    with town.session() as session:
        assert actions.expire_reservations(session, town.municipality, date(2017, 2, 16), COMMAND) == 1
    assert claim(town, other_club, "Nour", 60_000).covered_ore == 50_000
    assert town.sound()


def test_a_claim_is_withdrawn_until_it_is_paid(town: Town, club: UUID, other_club: UUID) -> None:
    made = claim(town, club, "Nour")
    with desk(town, other_club) as here, pytest.raises(Exception, match="no such claim"):
        withdraw_claim(here, made.id)
    with desk(town, club) as here:
        withdraw_claim(here, made.id)
    assert ledger(town, "Nour")[-1] == ("reverse", 60_000)
    with desk(town, club) as here, pytest.raises(Conflict):
        withdraw_claim(here, made.id)
    assert claim(town, club, "Nour", 100_000).covered_ore == 100_000
    assert town.sound()


def test_what_comes_back_after_a_replacement_goes_to_the_new_pass(town: Town, club: UUID) -> None:
    made = claim(town, club, "Nour")
    old = town.number("Nour")
    town.run("passes", "replace", old, "--municipality", "0751", "--reason", "lost")
    with pytest.raises(Invalid):
        claim(town, club, "Nour", pass_number=old)
    with desk(town, club) as here:
        withdraw_claim(here, made.id)
    assert claim(town, club, "Nour", 100_000).covered_ore == 100_000
    assert town.sound()


def test_a_case_worker_decides_what_waits(town: Town, club: UUID) -> None:
    first, second = (
        claim(town, club, "Nour", 50_000, given_name="Nora", activity=name) for name in ("Fodbold", "Skak")
    )
    with town.session() as session:
        assert approve_claim(session, town.municipality, first.id, COMMAND) == date(2017, 2, 15)
        reject_claim(session, town.municipality, second.id, "not_a_member", "Meld barnet ind først.", COMMAND)
    assert ledger(town, "Nour")[-3:] == [("release", 50_000), ("settle", -50_000), ("release", 50_000)]
    with town.session() as session, pytest.raises(Conflict):
        approve_claim(session, town.municipality, first.id, COMMAND)
    assert town.sound()


def test_the_database_refuses_what_breaks_the_ledger(town: Town, club: UUID) -> None:
    made = claim(town, club, "Nour")
    for statement in (
        "UPDATE claim SET covered_ore = 1 WHERE id = :id",
        "UPDATE claim SET state = 'withdrawn', ended_at = now() WHERE id = :id",
        "UPDATE claim SET state = 'paid', paid_at = now() WHERE id = :id",
        """INSERT INTO pass_entry (tenant_id, pass_id, kind, fund, amount_ore, entered_at, claim_id)
        SELECT tenant_id, pass_id, 'reverse', kind, 100, now(), id FROM claim WHERE id = :id""",
        """INSERT INTO pass_entry (tenant_id, pass_id, kind, fund, amount_ore, entered_at)
        SELECT tenant_id, pass_id, 'settle', kind, -100, now() FROM claim WHERE id = :id""",
    ):
        with pytest.raises(IntegrityError), town.session() as session:
            session.execute(text(statement), {"id": made.id})
    assert town.sound()
