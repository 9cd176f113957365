"""What comes after a payment: the club's advice, checks by lot, over-payments, signals, and what the timetable does."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pypdfium2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from jobs.payments import make_run, read_bank, tell
from service.audit.actions import COMMAND
from service.clubs.actions import suspend_club
from service.clubs.desk import Desk as ClubDesk
from service.console import keys
from service.errors import Conflict, Invalid, NotFound
from service.jobs.work import Place, Work
from service.payments import recoveries, runs, samples, settings
from service.payments.queries import days_to_money, show_payment
from service.payments.remittance import advice_of, as_csv, as_pdf
from service.payments.signals import signals
from service.payments.statuses import allow_retry, read_statuses, reject_by_hand
from service.settings import load
from service.values import clock
from service.values.progress import Progress
from tests.claims.clubs import NUMBERS, claim
from tests.payments.conftest import ACCOUNTS, Paying
from tests.payments.reports import camt_054, pain_002
from tests.payments.test_runs import approve, create, month_end, release

At = Callable[[str], None]


def released(paying: Paying) -> runs.Run:
    made = create(paying)
    approve(paying, made)
    return release(paying, made).run


def work(paying: Paying, on: str) -> Work:
    municipality = paying.town.municipality
    place = Place(municipality.id, municipality.code, municipality.time_zone, clock.now(), municipality)
    return Work(paying.town.database, load(), place, on, date.fromisoformat(on), Progress())


def test_a_club_can_book_from_its_advice(paying: Paying) -> None:
    a, b, c = month_end(paying)
    released(paying)
    with paying.town.session() as session:
        [found] = session.execute(text("SELECT id FROM payment WHERE club_id = :b"), {"b": b}).scalars()
        advice = advice_of(session, b, found)
        for other in (a, c):
            with pytest.raises(NotFound):
                advice_of(session, other, found)
    lines = as_csv(advice).decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + 8 + 1
    assert lines[-1].endswith("Betalt to gange;;;;-4000.00")
    pdf = as_pdf(advice, paying.town.municipality, "da")
    assert pdf == as_pdf(advice, paying.town.municipality, "da")
    page = pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_bounded()
    assert "Fodbold" in page
    assert "Prøvesen" not in page


def test_checks_by_lot_ask_the_club_and_may_take_back(paying: Paying) -> None:
    a, b, _ = month_end(paying)
    municipality = paying.town.municipality
    with paying.town.session() as session:
        settings.set_settings(session, municipality, {"sample_percent": 50}, COMMAND)
    run = released(paying)
    with paying.town.session() as session:
        drawn = samples.draw_samples(session, municipality, run.run, COMMAND)
        assert 5 < drawn < 33
        assert samples.draw_samples(session, municipality, run.run, COMMAND) == 0
        asked = samples.samples_of_club(session, municipality, a)
        with pytest.raises(NotFound):
            samples.answer_sample(session, municipality, b, asked[0].id, "Medlem siden januar", COMMAND)
        with pytest.raises(Invalid):
            samples.answer_sample(session, municipality, a, asked[0].id, "  ", COMMAND)
        samples.answer_sample(session, municipality, a, asked[0].id, "Medlem 17, siden januar", COMMAND)
        samples.ask_again(session, municipality, asked[0].id, COMMAND)
        samples.answer_sample(session, municipality, a, asked[0].id, "Medlem 17, se listen", COMMAND)
        samples.close_sample(session, municipality, asked[0].id, True, "", False, COMMAND)
        with pytest.raises(Conflict):
            samples.close_sample(session, municipality, asked[0].id, False, "x", False, COMMAND)
        samples.close_sample(session, municipality, asked[1].id, False, "Var ikke medlem", True, COMMAND)
        assert recoveries.left_to_recover(session, a) == 90_000
        # Of a claim no more is taken back than was paid for it.
        with pytest.raises(Invalid):
            recoveries.recover(session, municipality, a, 1, "x", COMMAND, asked[1].claim_id)
    assert paying.town.sound()


def test_what_a_suspended_club_is_owed_is_kept(paying: Paying) -> None:
    a, _, _ = month_end(paying)
    with paying.town.session() as session:
        at = ClubDesk(paying.town.municipality, keys(paying.town.database), "http://testserver", COMMAND)
        suspend_club(session, at, a, "Spørgsmål om medlemmer")
    made = create(paying)
    assert made.waiting == {"no_account": 4, "suspended": 30}
    assert (made.payments, made.claims) == (0, 8)


def test_a_payment_that_is_told_of_in_parts_late_and_twice(paying: Paying, at: At) -> None:
    a, _, _ = month_end(paying)
    released(paying)
    municipality = paying.town.municipality
    [(payment, reference)] = paying.town.rows("SELECT id, end_to_end_id FROM payment WHERE club_id = :a", a=a)
    with paying.town.session() as session:
        said = read_statuses(session, municipality, pain_002("X", [(reference, "ACSP")]), COMMAND)
        assert said.outcomes == {"pending": 1}
        said = read_statuses(session, municipality, camt_054([(reference, "26999.00", "DBIT", None)], "N1"), COMMAND)
        assert said.outcomes == {"differs": 1}
        said = read_statuses(session, municipality, camt_054([(reference, "27000.00", "DBIT", None)], "N2"), COMMAND)
        assert said.outcomes == {"settled": 1}
        said = read_statuses(session, municipality, camt_054([(reference, "27000.00", "DBIT", None)], "N3"), COMMAND)
        assert said.outcomes == {"known": 1}
    at("2017-02-20T08:00Z")
    with paying.town.session() as session:
        assert days_to_money(session, municipality).claims == 38
        back = camt_054([(reference, "27000.00", "CRDT", "AC04")], "N4")
        assert read_statuses(session, municipality, back, COMMAND).outcomes == {"rejected": 1}
        assert show_payment(session, payment).rejected_because == "AC04"
        with pytest.raises(Conflict):
            reject_by_hand(session, municipality, payment, "again", COMMAND)
    with pytest.raises(Conflict):
        create(paying)
    with paying.town.session() as session:
        allow_retry(session, municipality, payment, "Banken var lukket", COMMAND)
    again = create(paying)
    assert (again.claims, again.total_ore) == (30, 2_700_000)
    assert paying.town.sound()


def test_signals_are_about_clubs_and_say_what_may_explain_them(paying: Paying) -> None:
    a, b, _ = month_end(paying)
    paying.pay_to(b, ACCOUNTS[0])
    with paying.town.session() as session:
        found = signals(session, paying.town.municipality)
    assert {(one.kind, one.club_id) for one in found} == {
        ("many_claims", a),
        ("shared_account", a),
        ("shared_account", b),
    }
    assert not any("Prøvesen" in str(one.said) for one in found)


def test_the_timetable_makes_a_run_that_is_nobodys_and_tells_clubs_once(paying: Paying, at: At) -> None:
    a, _, _ = month_end(paying)
    with paying.town.session() as session:
        session.execute(text("UPDATE club SET contact_email = 'kasserer@klub.example' WHERE id = :a"), {"a": a})
    at("2017-02-09T04:00Z")
    with paying.town.session() as session:
        assert "No payment date" in make_run(session, work(paying, "2017-02-09")).said
    at("2017-02-11T04:00Z")
    with paying.town.session() as session:
        assert (make_run(session, work(paying, "2017-02-11")).outcome or {})["claims"] == 38
    with paying.town.session() as session:
        assert "stands already" in make_run(session, work(paying, "2017-02-11")).said
    [(run_id, created_by)] = paying.town.rows("SELECT id, created_by FROM payment_run")
    assert created_by is None
    with paying.town.session() as session:
        runs.approve_run(session, paying.town.municipality, run_id, paying.creator)
    with paying.town.session() as session:
        runs.release_run(session, paying.town.municipality, run_id, paying.approver)
    for told in (1, 0):
        with paying.town.session() as session:
            assert (tell(session, work(paying, "2017-02-11")).outcome or {})["clubs"] == told


def test_the_banks_folder_is_read_once_and_what_cannot_be_read_is_put_aside(paying: Paying) -> None:
    a, _, _ = month_end(paying)
    released(paying)
    [(reference,)] = paying.town.rows("SELECT end_to_end_id FROM payment WHERE club_id = :a", a=a)
    folder: Path = load().home / "inbox" / "bank" / paying.town.municipality.code
    folder.mkdir(parents=True)
    (folder / "1.xml").write_bytes(pain_002("X", [(reference, "ACSC")]))
    (folder / "2.xml").write_bytes(b"<a/>")
    with pytest.raises(Conflict, match=r"2\.xml"):
        read_bank(work(paying, "2017-02-11"))
    assert sorted(path.name for path in folder.iterdir()) == ["read", "refused"]
    assert "no status file" in (folder / "refused" / "2.txt").read_text()
    assert read_bank(work(paying, "2017-02-11")).outcome == {"files": 0}
    assert paying.town.rows("SELECT state FROM payment WHERE club_id = :a", a=a) == [("settled",)]


def test_what_was_released_is_not_taken_away(paying: Paying) -> None:
    month_end(paying)
    released(paying)
    for statement in ("DELETE FROM payment_claim", "DELETE FROM payment", "DELETE FROM recovery_use"):
        with (
            pytest.raises(IntegrityError),
            paying.town.session() as session,
        ):
            session.execute(text(statement))


def test_a_claim_is_in_one_run_alone(paying: Paying) -> None:
    month_end(paying)
    first = create(paying)
    with pytest.raises(Conflict, match="still open"):
        create(paying)
    with paying.town.session() as session:
        runs.cancel_run(session, paying.town.municipality, first.run, "Forkert dato", paying.creator)
    assert create(paying).claims == 38
    late = claim(paying.town, paying.club("A0", NUMBERS[3], 0, 1), "A0", 5_000)
    assert late.state == "approved"
    with pytest.raises(Conflict):
        create(paying)
