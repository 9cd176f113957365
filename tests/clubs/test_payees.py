"""Money goes only where two people wanted it, and not before its day."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import count, islice
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError
from stdnum.dk import cvr

from service.clubs import actions, payees, queries
from service.clubs.payees import NewPayee
from service.clubs.settings import Settings, set_settings
from service.errors import Conflict, Forbidden, Invalid, Refused
from tests.clubs.house import ADMIN, CONTACT, FINANCE, IBANS, MORE_IBANS, TREASURER, House

At = Callable[[str], None]
OTHER = NewPayee("account", MORE_IBANS["dk"])


def goes_to(house: House, club: UUID, on: str) -> str | None:
    with house.session() as session:
        found = queries.payee_for(session, club, date.fromisoformat(on))
    return None if found is None else (found.account or found.kind)


def propose(house: House, club: UUID, payee: NewPayee = OTHER, by: str = TREASURER) -> UUID:
    with house.session() as session:
        return payees.propose_payee(session, house.desk(by), club, payee, by_club=by == TREASURER).id


def approve(house: House, payee: UUID, by: str | None = FINANCE) -> Any:
    with house.session() as session:
        return payees.approve_payee(session, house.desk(by), payee)


def states(house: House, club: UUID) -> list[str]:
    with house.session() as session:
        return [one.state for one in queries.payees_of(session, club)]


def test_a_change_waits_and_until_its_day_money_goes_where_it_went(house: House) -> None:
    club = house.add_club().id
    first = IBANS["dk"]
    assert goes_to(house, club, "2026-01-10") == first, "a club's first account is used at once"
    assert goes_to(house, club, "2026-01-09") is None, "but not before it was approved"
    proposed = propose(house, club)
    assert goes_to(house, club, "2026-03-01") == first, "what is proposed counts for nothing"
    done = approve(house, proposed)
    assert done.usable_from == date(2026, 1, 17)
    assert [goes_to(house, club, day) for day in ("2026-01-10", "2026-01-16", "2026-01-17", "2026-12-01")] == [
        first,
        first,
        MORE_IBANS["dk"],
        MORE_IBANS["dk"],
    ]
    assert states(house, club) == ["approved", "replaced"]
    assert house.told(CONTACT) == ["Fremad: en anden konto er foreslået", "Fremad: en anden konto er godkendt"]
    assert "…" in house.mails()[0].text
    assert MORE_IBANS["dk"] not in "".join(mail.text for mail in house.mails())


def test_an_account_that_is_stopped_or_overtaken_before_its_day_never_counts(house: House, at: At) -> None:
    club = house.add_club().id
    approve(house, propose(house, club))
    with house.session() as session:
        payees.stop_payee(session, house.desk(TREASURER), club)
    assert goes_to(house, club, "2026-12-01") == IBANS["dk"]
    assert states(house, club) == ["stopped", "replaced"]
    with pytest.raises(Conflict, match="waits for its day"), house.session() as session:
        payees.stop_payee(session, house.desk(TREASURER), club)

    approve(house, propose(house, club))
    at("2026-01-12T08:00Z")
    approve(house, propose(house, club, NewPayee("nemkonto")))
    # The one that was to count from the 17th was replaced before; the NemKonto counts from the 19th.
    assert [goes_to(house, club, day) for day in ("2026-01-17", "2026-01-18", "2026-01-19")] == [
        IBANS["dk"],
        IBANS["dk"],
        "nemkonto",
    ]
    at("2026-02-01T08:00Z")
    approve(house, propose(house, club))
    assert [goes_to(house, club, day) for day in ("2026-02-01", "2026-02-07", "2026-02-08")] == [
        "nemkonto",
        "nemkonto",
        MORE_IBANS["dk"],
    ]


def test_nobody_approves_what_they_proposed(house: House) -> None:
    club = house.add_club().id
    proposed = propose(house, club, by=ADMIN)
    with pytest.raises(Forbidden, match="Somebody else"):
        approve(house, proposed, ADMIN)
    # Nor does the database take it, whoever asks.
    with pytest.raises(IntegrityError, match="two_persons"), house.session() as session:
        session.execute(
            text(
                """UPDATE club_payee SET state = 'approved', decided_at = now(), decided_by = proposed_by,
                usable_from = current_date, ended_at = NULL WHERE id = :id"""
            ).bindparams(id=proposed)
        )
    assert approve(house, proposed, FINANCE).state == "approved"


def test_of_two_who_approve_at_once_one_does(house: House) -> None:
    club = house.add_club().id
    proposed = propose(house, club)
    start = Barrier(2)

    def attempt(email: str) -> str:
        start.wait()
        try:
            return str(approve(house, proposed, email).state)
        except Refused as refusal:
            return type(refusal).__name__

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, (ADMIN, FINANCE))) == ["Conflict", "approved"]
    assert len(house.told(CONTACT)) == 2, "the club is told once"
    assert house.trail().count("clubs.account.approve") == 2, "the club's first one and this one"


def test_two_proposals_at_once_leave_one_that_waits(house: House) -> None:
    club = house.add_club().id
    start = Barrier(2)

    def attempt(payee: NewPayee) -> None:
        start.wait()
        propose(house, club, payee)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(attempt, (OTHER, NewPayee("nemkonto"))))
    assert sorted(states(house, club)) == ["approved", "proposed", "withdrawn"]


def test_the_old_contact_is_told_though_the_contact_was_changed_first(house: House) -> None:
    club = house.add_club()
    thief = "thief@elsewhere.example"
    with house.session() as session:
        data = actions.ClubData(club.name, "Thief", thief, None, 100)
        actions.change_club(session, house.desk(TREASURER), club.id, data)
    propose(house, club.id)
    assert house.told(CONTACT) == ["Fremad har en anden kontakt", "Fremad: en anden konto er foreslået"]
    assert house.told(thief) == ["Fremad: en anden konto er foreslået"]


def test_what_was_decided_does_not_change(house: House) -> None:
    club = house.add_club().id
    refused = propose(house, club)
    with house.session() as session:
        payees.reject_payee(session, house.desk(FINANCE), refused, "The club did not want it.")
    with pytest.raises(Conflict):
        approve(house, refused)
    for change in (
        "state = 'approved', usable_from = current_date, ended_at = NULL",
        "decided_by = NULL",
        "decided_because = 'another'",
        "ended_at = now() + interval '1 day'",
    ):
        with pytest.raises((IntegrityError, InternalError, DBAPIError)), house.session() as session:
            session.execute(text(f"UPDATE club_payee SET {change} WHERE id = :id"), {"id": refused})
    for change in ("account = 'DK0000000000000000'", "kind = 'nemkonto'", "club_id = uuidv7()"):
        with pytest.raises(DBAPIError, match="permission denied"), house.session() as session:
            session.execute(text(f"UPDATE club_payee SET {change} WHERE id = :id"), {"id": refused})
    with pytest.raises(DBAPIError, match="permission denied"), house.session() as session:
        session.execute(text("DELETE FROM club_payee"))
    assert house.told(CONTACT)[-1] == "Fremad: kontoen blev ikke godkendt"
    assert "The club did not want it." in house.mails()[-1].text


def test_a_new_proposal_takes_the_place_of_one_that_waits(house: House) -> None:
    club = house.add_club().id
    first = propose(house, club)
    propose(house, club, NewPayee("nemkonto"))
    assert states(house, club) == ["proposed", "withdrawn", "approved"]
    with pytest.raises(Conflict, match="withdrawn"):
        approve(house, first)
    with house.session() as session:
        payees.withdraw_payee(session, house.desk(TREASURER), club)
    with pytest.raises(Conflict, match="waits for approval any more"), house.session() as session:
        payees.withdraw_payee(session, house.desk(TREASURER), club)
    with pytest.raises(Conflict, match="approved already"):
        propose(house, club, NewPayee("account", "DK50 0040 0440 1162 43"))


@pytest.mark.parametrize(
    ("payee", "fields"),
    [
        (NewPayee("account"), {"account"}),
        (NewPayee("account", "123"), {"account"}),
        (NewPayee("account", "DK5000400440116244"), {"account"}),
        (NewPayee("account", "NO9386011117947"), {"account"}),
        (NewPayee("cost_centre", None, "4711"), {"kind"}),
        (NewPayee("cost_centre"), {"kind", "cost_centre"}),
        (NewPayee("cash"), {"kind"}),
    ],
)
def test_what_is_no_account_is_said(house: House, payee: NewPayee, fields: set[str]) -> None:
    club = house.add_club().id
    with pytest.raises(Invalid) as refused:
        propose(house, club, payee)
    assert {error.field for error in refused.value.errors} == fields
    assert states(house, club) == ["approved"]


def test_a_cost_centre_is_the_municipality_s_to_give_and_nemkonto_danish(house: House, norwegian: House) -> None:
    club = house.add_club().id
    approve(house, propose(house, club, NewPayee("cost_centre", None, "4711 Musikskole"), ADMIN))
    assert goes_to(house, club, "2026-02-01") == "cost_centre"
    other = norwegian.add_club().id
    assert goes_to(norwegian, other, "2026-01-10") == IBANS["no"]
    with pytest.raises(Invalid), norwegian.session() as session:
        payees.propose_payee(session, norwegian.desk(ADMIN), other, NewPayee("nemkonto"), by_club=False)


def test_the_days_of_waiting_are_the_municipality_s(house: House) -> None:
    club = house.add_club().id
    with house.session() as session:
        set_settings(session, house.municipality.id, Settings(account_wait_days=0), house.desk(ADMIN).actor)
    approve(house, propose(house, club))
    assert goes_to(house, club, "2026-01-10") == MORE_IBANS["dk"]


def test_an_ended_club_s_account_stays_as_it_is(house: House) -> None:
    club = house.add_club().id
    proposed = propose(house, club)
    with house.session() as session:
        actions.end_club(session, house.desk(ADMIN), club)
    for attempt in (lambda: approve(house, proposed), lambda: propose(house, club, NewPayee("nemkonto"), ADMIN)):
        with pytest.raises(Conflict, match="ended"):
            attempt()
    assert goes_to(house, club, "2026-02-01") == IBANS["dk"], "what is owed can still be paid"


STEPS = st.lists(
    st.sampled_from(["propose", "nemkonto", "approve", "reject", "withdraw", "stop", "day", "week"]), max_size=14
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_money_goes_to_the_last_one_whose_day_came(house: House, at: At, steps: list[str]) -> None:
    """Beside a model in plain Python: the days on which an account is used, by what was done on which day."""
    at("2026-01-10T08:00Z")
    taken = len(house.as_owner("SELECT 1 FROM club"))
    number = next(islice((str(n) for n in count(37_000_000) if cvr.is_valid(str(n))), taken, None))
    club = house.add_club(number=number, treasurer=False).id
    house.accounts.setdefault(TREASURER, house.accounts[ADMIN])
    today, live = date(2026, 1, 10), [(date(2026, 1, 10), IBANS["dk"])]
    proposed: str | None = None
    for step in steps:
        with_day = [day for day, _ in live]
        if step in ("propose", "nemkonto"):
            wish = NewPayee("nemkonto") if step == "nemkonto" else OTHER
            try:
                propose(house, club, wish)
            except Conflict:
                continue
            proposed = wish.account or wish.kind
        elif step in ("day", "week"):
            today = date.fromordinal(today.toordinal() + (1 if step == "day" else 7))
            at(f"{today}T08:00Z")
        elif step == "stop":
            try:
                with house.session() as session:
                    payees.stop_payee(session, house.desk(FINANCE), club)
            except Conflict:
                assert with_day[-1] <= today or states(house, club)[0] != "approved"
                continue
            live = [one for one in live if one[0] <= today]
        elif proposed is not None:
            with house.session() as session:
                line = next(one for one in queries.payees_of(session, club) if one.state == "proposed")
                if step == "approve":
                    payees.approve_payee(session, house.desk(FINANCE), line.id)
                    live = [one for one in live if one[0] <= today]
                    live.append((date.fromordinal(today.toordinal() + 7), proposed))
                elif step == "reject":
                    payees.reject_payee(session, house.desk(FINANCE), line.id, "no")
                else:
                    payees.withdraw_payee(session, house.desk(FINANCE), club)
            proposed = None
        for ahead in (0, 3, 7, 30):
            on = date.fromordinal(today.toordinal() + ahead)
            expected = [account for day, account in live if day <= on][-1]
            assert goes_to(house, club, str(on)) == expected, (step, on)
