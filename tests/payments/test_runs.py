"""A payment run from the claims to the bank and back."""

from datetime import date
from uuid import UUID

import pytest
from lxml import etree
from sqlalchemy import text

from service.audit.actions import COMMAND
from service.claims.actions import withdraw_claim
from service.errors import Conflict, Forbidden
from service.payments import recoveries, runs
from service.payments.bank_file import write_bank_file
from service.payments.runs import Run
from service.payments.statuses import read_statuses
from tests.claims.clubs import NUMBERS, desk
from tests.payments.conftest import ACCOUNTS, Paying
from tests.payments.reports import pain_002

UNTIL = date(2017, 2, 10)


def create(paying: Paying) -> Run:
    with paying.town.session() as session:
        return runs.create_run(session, paying.town.municipality, UNTIL, paying.creator)


def approve(paying: Paying, run: Run) -> Run:
    with paying.town.session() as session:
        return runs.approve_run(session, paying.town.municipality, run.run, paying.approver)


def release(paying: Paying, run: Run) -> runs.Released:
    with paying.town.session() as session:
        return runs.release_run(session, paying.town.municipality, run.run, paying.releaser)


def month_end(paying: Paying) -> tuple[UUID, UUID, UUID]:
    """A 30 claims of 900, B 8 of 500 with 5,000 over-paid before, C 4 of 700 without an approved account."""
    a = paying.club("A", NUMBERS[0], 30, 90_000)
    b = paying.club("B", NUMBERS[1], 8, 50_000)
    c = paying.club("C", NUMBERS[2], 4, 70_000)
    paying.pay_to(a)
    paying.pay_to(b, ACCOUNTS[1])
    with paying.town.session() as session:
        recoveries.recover(session, paying.town.municipality, b, 500_000, "Betalt to gange", COMMAND)
    return a, b, c


def test_month_end_with_three_clubs(paying: Paying) -> None:
    _, b, _ = month_end(paying)
    made = create(paying)
    assert (made.payments, made.claims, made.total_ore) == (1, 38, 2_700_000)
    assert made.waiting == {"no_account": 4}
    approve(paying, made)
    released = release(paying, made)
    assert released.file is not None and released.file.xml is not None
    read = etree.fromstring(released.file.xml)
    names = {"p": read.nsmap[None]}
    assert [one.text for one in read.iterfind(".//p:InstdAmt", names)] == ["27000.00"]
    with paying.town.session() as session:
        assert recoveries.left_to_recover(session, b) == 100_000
        # Made again it is the same to the byte.
        again = write_bank_file(session, made.run)
        assert (again.xml, again.sha256) == (released.file.xml, released.file.sha256)
    states = dict(paying.town.rows("SELECT state, count(*) FROM claim GROUP BY 1"))
    assert states == {"in_payment": 30, "paid": 8, "approved": 4}
    assert paying.town.sound()


def test_no_person_takes_two_of_the_three_steps(paying: Paying) -> None:
    month_end(paying)
    made = create(paying)
    municipality = paying.town.municipality
    for who in (paying.creator, COMMAND):
        with pytest.raises(Forbidden), paying.town.session() as session:
            runs.approve_run(session, municipality, made.run, who)
    with pytest.raises(Conflict):
        release(paying, made)
    approve(paying, made)
    for who in (paying.creator, paying.approver, COMMAND):
        with pytest.raises(Forbidden), paying.town.session() as session:
            runs.release_run(session, municipality, made.run, who)
    with pytest.raises(Exception, match="ck_payment_run_releaser"), paying.town.session() as session:
        session.execute(
            text(
                """UPDATE payment_run SET state = 'released', released_at = now(), released_by = approved_by,
                    message_id = 'x'"""
            )
        )
    assert release(paying, made).run.state == "released"
    with pytest.raises(Conflict):
        release(paying, made)


def test_a_change_after_the_approval_voids_it(paying: Paying) -> None:
    a, _, _ = month_end(paying)
    made = create(paying)
    approve(paying, made)
    [(claim_id,)] = paying.town.rows("SELECT id FROM claim WHERE club_id = :club LIMIT 1", club=a)
    with desk(paying.town, a) as here:
        withdraw_claim(here, claim_id)
    found = release(paying, made)
    assert (found.run.state, found.file) == ("created", None)
    with pytest.raises(Conflict):
        approve(paying, made)
    with paying.town.session() as session:
        renewed = runs.renew_run(session, paying.town.municipality, made.run, paying.creator)
    assert (renewed.claims, renewed.total_ore) == (37, 2_610_000)
    approve(paying, made)
    assert release(paying, made).run.state == "released"
    assert paying.town.sound()


def test_a_rejected_payment_is_paid_to_the_mended_account_and_never_twice(paying: Paying) -> None:
    a, _, _ = month_end(paying)
    first = create(paying)
    approve(paying, first)
    release(paying, first)
    [(reference,)] = paying.town.rows("SELECT end_to_end_id FROM payment WHERE club_id = :club", club=a)
    municipality = paying.town.municipality
    settled, rejected = (pain_002(f"MEDSPILLER-0751-{first.number}", [(reference, code)]) for code in ("ACSC", "RJCT"))
    with paying.town.session() as session:
        assert read_statuses(session, municipality, settled, paying.creator).outcomes == {"settled": 1}
        assert read_statuses(session, municipality, settled, paying.creator).repeated
    assert dict(paying.town.rows("SELECT state, count(*) FROM claim GROUP BY 1")) == {"paid": 38, "approved": 4}
    # Days later.
    with paying.town.session() as session:
        assert read_statuses(session, municipality, rejected, paying.creator).outcomes == {"rejected": 1}
    with pytest.raises(Conflict):
        create(paying)
    paying.pay_to(a, ACCOUNTS[2])
    second = create(paying)
    assert (second.claims, second.total_ore) == (30, 2_700_000)
    approve(paying, second)
    released = release(paying, second)
    assert released.file is not None and released.file.xml is not None
    assert ACCOUNTS[2].encode() in released.file.xml
    unknown = pain_002("ELSEWHERE", [("NOBODYS", "ACSC"), (reference, "ACSC")])
    with paying.town.session() as session:
        assert read_statuses(session, municipality, unknown, paying.creator).outcomes == {"conflict": 1, "unknown": 1}
    assert paying.town.sound()
