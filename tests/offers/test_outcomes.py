"""What became of a family is told to the municipality that listed it and to whoever referred it, and to nobody else."""

import re
from collections.abc import Callable
from datetime import date
from email import message_from_bytes, policy
from uuid import uuid4

import pytest

from jobs.worker import Worker
from service.database.checks import run_checks
from service.database.engine import Database
from service.errors import Conflict, NotFound
from service.offers import answers, ending, making
from service.offers.answers import Yes
from service.offers.checks import CHECKS
from service.referrals import sharing
from service.settings import load
from tests.identity.clients import text_of
from tests.offers.listed import Listed
from tests.offers.summer import Summer
from tests.referrals.office import CHILD, FATHER
from tests.stays.camp import NOW, Camp

At = Callable[[str], None]
LATER = "2026-06-20T08:00Z"


@pytest.fixture
def listed(database: Database, at: At) -> Listed:
    at(NOW)
    return Listed(Camp(database), at)


def test_each_state_of_an_offer_stands_at_the_municipality_from_the_same_commit_on(listed: Listed) -> None:
    assert listed.outcome() is None
    offer = listed.make()
    assert listed.outcome() == "open"
    with listed.session() as session:
        answers.accept(session, listed.desk(), offer, Yes((0, 1, 2)), "link")
        session.rollback()
    assert listed.outcome() == "open"
    with listed.session() as session:
        answers.accept(session, listed.desk(), offer, Yes((0, 1, 2)), "link")
    assert listed.outcome() == "accepted"
    [case] = listed.office.cases()
    assert case.outcome is not None and (case.outcome.state, case.outcome.stay_id) == (
        "accepted",
        listed.camp.stays["A1"],
    )
    with listed.session() as session:
        answers.cancel(session, listed.desk(), offer, "link")
    assert listed.outcome() == "cancelled"


def test_an_offer_that_is_not_answered_in_the_time_that_was_given(listed: Listed, at: At) -> None:
    offer = listed.make()
    with listed.session() as session:
        given = making.give_time(session, listed.desk(), offer, date(2026, 6, 15)).deadline
    told = listed.office.own("nurse", listed.referral).outcome
    assert told is not None and told.deadline == given
    at(LATER)
    with listed.session() as session:
        assert ending.expire(session, listed.desk(), listed.camp.season) == 1
    assert listed.outcome() == "expired"


def test_no_more_than_the_outcome_crosses(listed: Listed) -> None:
    listed.make()
    [(row,)] = listed.camp.rows(listed.camp.municipality.id, "SELECT to_jsonb(f) FROM family_outcome f")
    assert set(row) == {
        "tenant_id",
        "season_id",
        "family_key",
        "state",
        "stay_id",
        "deadline",
        "by_referrer",
        "changed_at",
    }
    assert listed.camp.rows(listed.camp.neighbour.id, "SELECT * FROM family_outcome") == []
    assert listed.camp.rows(listed.tenant_id, "SELECT * FROM family_outcome") == []


def test_a_service_whose_referral_nobody_has_looked_at_is_not_told(listed: Listed) -> None:
    other = listed.office.refer("welfare")
    listed.make()
    assert listed.outcome("welfare", other) is None
    with pytest.raises(Conflict, match="no offer that waits"):
        listed.link("welfare", other)
    with pytest.raises(NotFound):
        listed.link("welfare")
    listed.office.approve(listed.referral)
    assert listed.outcome("welfare", other) == "open"


def test_consent_that_is_withdrawn_takes_the_outcome_along_and_it_stays_gone(listed: Listed) -> None:
    offer = listed.make()
    listed.office.withdraw("nurse", listed.referral)
    assert listed.outcome() is None
    listed.office.hand_over()
    with listed.session() as session:
        assert ending.withdraw_gone(session, listed.desk(), listed.camp.season) == 1
    assert listed.camp.rows(listed.camp.municipality.id, "SELECT * FROM family_outcome") == []
    assert listed.told(offer) is None


def test_of_a_case_that_was_joined_to_another_nothing_is_told(listed: Listed) -> None:
    other = listed.office.refer("welfare", FATHER, CHILD)
    listed.make()
    camp = listed.camp
    with camp.session(camp.municipality.id) as session:
        [pair] = sharing.shared_cases(session)
        first, second = listed.office.case_of(other), listed.office.case_of(listed.referral)
        assert {pair.first_id, pair.second_id} == {first, second}
        sharing.join_cases(session, camp.municipality, first, second, camp.actor("worker"))
    listed.office.approve(other)
    assert listed.outcome() is None
    with listed.session() as session:
        ending.withdraw_gone(session, listed.desk(), camp.season)
        answers.withdraw(session, listed.desk(), listed.offers()[str(listed.key)].id)
    assert camp.rows(camp.municipality.id, "SELECT * FROM family_outcome") == []


def test_a_trigger_alone_writes_outcomes(listed: Listed) -> None:
    listed.make()
    for statement in (
        "UPDATE family_outcome SET state = 'accepted'",
        "INSERT INTO family_outcome SELECT * FROM family_outcome",
        "SELECT tell_outcome()",
    ):
        with pytest.raises(Exception, match="permission denied"):
            listed.camp.rows(listed.camp.municipality.id, statement)


def test_the_check_finds_what_a_municipality_is_told_wrongly(listed: Listed) -> None:
    def found() -> list[str]:
        results, _ = run_checks(listed.camp.database.owner_url, CHECKS, lambda _: 0)
        return [line for one in results for line in one.found]

    listed.make()
    assert found() == []
    listed.camp.as_owner("UPDATE family_outcome SET state = 'declined'")
    [said] = found()
    assert "another newest offer" in said
    listed.camp.as_owner("UPDATE family_outcome SET state = 'open'")
    listed.camp.as_owner("DROP TRIGGER told ON offer")
    [said] = found()
    assert "told" in said


def test_through_the_referrer_whoever_that_is(listed: Listed) -> None:
    listed.camp.as_owner("DELETE FROM procrastinate.procrastinate_jobs")
    offer = listed.make("referrer")
    assert listed.told(offer) == listed.camp.municipality.id
    assert listed.camp.rows(listed.tenant_id, "SELECT sent_at IS NOT NULL FROM offer") == [(True,)]
    [(queued,)] = listed.camp.as_owner("SELECT args FROM procrastinate.procrastinate_jobs")
    assert set(queued) == {"municipality", "season", "family"}
    # Once for the referrers, once for the e-mail that then waits.
    for _ in range(2):
        Worker(listed.camp.database, load(), ()).once()
    [mail] = (listed.camp.database.home / "emails").iterdir()
    content = message_from_bytes(mail.read_bytes(), policy=policy.default)
    assert content["To"] == "nurse@by.example"
    said = content.get_body().get_content()  # type: ignore[union-attr]
    assert "Sommer 2026" in said
    for personal in ("Amina", "Yusuf", "90000009", str(listed.key), "answer/"):
        assert personal not in said
    assert listed.camp.as_owner("SELECT * FROM procrastinate.procrastinate_jobs") == []


def test_a_municipality_without_medspiller_gets_the_letter(summer: Summer) -> None:
    summer.list("p", wishes="A1")
    summer.hand_over()
    summer.place("p", "A1")
    summer.offer("p", via="referrer")
    assert summer.offers()["p"].sent_at is None
    for tenant in (summer.camp.municipality.id, summer.camp.neighbour.id):
        assert summer.camp.rows(tenant, "SELECT * FROM family_outcome") == []


def test_a_link_from_the_referral_s_page_answers_the_offer(listed: Listed) -> None:
    offer = listed.make("referrer")
    page = f"/referrals/{listed.referral}"
    with listed.camp.browser("nurse") as client:
        assert "Families whose offer waits for an answer" in text_of(client.get("/").text)
        shown = text_of(client.get(page).text)
        assert "Has an offer" in shown and "A1, Fjellheim" in shown
        assert "asks you to tell the family" in shown
        made = client.send(f"{page}/offer-link", {})
        assert made.status_code == 200
        [address] = re.findall(r'value="[^"]*(/answer/[^"]+)"', made.text)
        assert client.send(address, {"comes": ["0", "1", "2"], "by": "link"}).status_code == 303
        assert "Comes" in text_of(client.get(page).text)
        assert client.send(f"{page}/offer-link", {}).status_code == 409
    [(state, how)] = listed.camp.rows(
        listed.tenant_id, "SELECT state, answered_how FROM offer WHERE id = :id", id=offer
    )
    assert (state, how) == ("accepted", "link")
    trail = "SELECT count(*) FROM audit_entry WHERE action = 'referrals.offer_link'"
    assert listed.camp.rows(listed.camp.municipality.id, trail) == [(1,)]
    with listed.camp.browser("worker") as client:
        [version] = listed.camp.rows(listed.camp.municipality.id, "SELECT id FROM referral_list")
        assert "Comes" in text_of(client.get(f"/referral-lists/{version[0]}").text)
        assert "What became of the families" in text_of(client.get("/referral-lists").text)


def test_no_link_without_an_open_offer_and_none_for_others(listed: Listed, at: At) -> None:
    with pytest.raises(Conflict, match="no offer that waits"):
        listed.link()
    listed.make()
    assert listed.link() != listed.link()
    keep = "SELECT directory.keep_offer_link(:season, :key, :hash, now())"
    known = {"season": listed.camp.season, "key": listed.key}
    assert listed.camp.rows(listed.camp.neighbour.id, keep, hash=b"1", **known) == [(False,)]
    assert listed.camp.rows(listed.tenant_id, keep, hash=b"2", **known) == [(False,)]
    wrong = known | {"key": uuid4()}
    assert listed.camp.rows(listed.camp.municipality.id, keep, hash=b"3", **wrong) == [(False,)]
    at(LATER)
    with pytest.raises(Conflict, match="no offer that waits"):
        listed.link()


def test_the_api_tells_and_makes_links(listed: Listed) -> None:
    listed.make()
    path = f"/referrals/{listed.referral}"
    with listed.camp.browser("nurse") as client:
        told = client.call("GET", path).json()["outcome"]
        assert (told["state"], told["stay_id"]) == ("open", str(listed.camp.stays["A1"]))
        made = client.call("POST", f"{path}/offer-link")
        assert made.status_code == 200 and "/answer/" in made.json()["url"]
        assert made.json()["deadline"] == told["deadline"]
    with listed.camp.browser("worker") as client:
        [case] = client.call("GET", f"/referral-cases?season_id={listed.camp.season}").json()["items"]
        assert case["outcome"]["state"] == "open"
