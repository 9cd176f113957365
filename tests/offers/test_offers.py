"""Offers made, answered and ended; what falls free goes to the next that fits."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlalchemy import text

from service.audit.actions import COMMAND
from service.errors import Conflict, Invalid
from service.offers import answers, making, waiting
from service.offers.answers import Yes
from service.offers.ending import expire, withdraw_gone
from service.offers.queries import needs_of, travellers_of
from service.offers.rules import Needs
from service.offers.waiting import offer_free, read_line
from service.stays import seasons
from tests.offers.summer import ALL, Summer

At = Callable[[str], None]


def full(summer: Summer) -> None:
    """A1 is full with p and q; w1 (the largest need) is too large for what falls free there, w2 fits."""
    summer.list("p", need=5, wishes="A1")
    summer.list("q", need=5, wishes="A1")
    summer.list("w1", children=4, need=4, wishes="A1")
    summer.list("w2", need=3, wishes="A1")
    summer.list("w3", need=2, wishes="A1|A2")
    summer.hand_over()
    for key in ("p", "q"):
        summer.place(key, "A1")
    summer.offer()


def test_offers_hold_places_and_are_made_once(summer: Summer) -> None:
    full(summer)
    assert summer.states() == {"p": "open", "q": "open"}
    assert summer.offer().offers == []
    assert [one.via for one in summer.offers().values()] == ["text", "text"]
    for statement in ("UPDATE placement SET stay_id = NULL", "DELETE FROM placement"):
        with pytest.raises(Exception, match="offered to the family"), summer.session() as session:
            session.execute(text(statement))


def test_a_family_can_be_given_more_time_until_the_deadline_is_over(summer: Summer, at: At) -> None:
    full(summer)
    before = {key: one.deadline for key, one in summer.offers().items()}
    given = date(2026, 6, 20)

    def give(key: str, until: date) -> datetime:
        with summer.session() as session:
            return making.give_time(session, summer.desk(), summer.ids(key), until).deadline

    for until, said in ((date(2026, 6, 27), "before the stay begins"), (date(2026, 6, 1), "later than the deadline")):
        with pytest.raises(Invalid) as refused:
            give("p", until)
        assert said in str(refused.value.errors[0].message)
    assert give("p", given) == give("p", given) > before["p"]
    at("2026-06-10T08:00Z")
    with summer.session() as session:
        assert expire(session, summer.desk(), summer.camp.season) == 1
    assert summer.states() == {"p": "open", "q": "expired"}
    with pytest.raises(Conflict, match="waits for no answer"):
        give("q", given)
    at("2026-06-18T08:00Z")
    with summer.session() as session:
        assert making.remind(session, summer.desk(), summer.camp.season) == 1
    at("2026-06-21T08:00Z")
    with pytest.raises(Conflict, match="waits for no answer"):
        give("p", date(2026, 6, 25))
    trail = "SELECT count(*) FROM audit_entry WHERE action = 'offers.give_time'"
    assert summer.camp.rows(summer.tenant_id, trail) == [(1,)]


def test_an_answer_is_taken_with_needs_and_fewer_travellers(summer: Summer) -> None:
    summer.list("p", children=3, wishes="A1")
    summer.hand_over()
    summer.place("p", "A1")
    summer.offer()
    desk, offer_id = summer.desk(), summer.ids("p")
    with summer.session() as session, pytest.raises(Invalid, match="cannot be taken"):
        answers.accept(session, desk, offer_id, Yes((0,)), "link")
    with summer.session() as session, pytest.raises(Invalid, match="cannot be taken"):
        answers.accept(session, desk, offer_id, Yes((1, 2)), "link")
    yes = Yes((0, 1, 2), "Oslo bussterminal", Needs(diet="No nuts"))
    with summer.session() as session:
        assert answers.accept(session, desk, offer_id, yes, "link").done
    with summer.session() as session:
        assert needs_of(session, desk.secrets, offer_id) == Needs(diet="No nuts")
        assert [one.comes for one in travellers_of(session, offer_id)] == [True, True, True, False]
    assert summer.held() == {"p": ("A1", 3)}
    [(content,)] = summer.camp.rows(summer.tenant_id, "SELECT content FROM offer_needs")
    assert b"nuts" not in bytes(content)
    # Said again it changes nothing; and no more can be said.
    with summer.session() as session:
        assert not answers.accept(session, desk, offer_id, ALL, "link").done
        assert not answers.decline(session, desk, offer_id, "link").done
    with summer.session() as session:
        assert answers.cancel(session, desk, offer_id, "link").done
    assert (summer.states(), summer.held()) == ({"p": "cancelled"}, {})
    assert summer.camp.rows(summer.tenant_id, "SELECT FROM offer_needs") == []


def test_a_freed_place_goes_to_the_next_that_fits(summer: Summer) -> None:
    full(summer)
    desk = summer.desk()
    with summer.session() as session:
        line = read_line(session, desk, summer.camp.season)
    assert [(one.family.id.key, one.goes) for one in line.waiters] == [("w1", None), ("w2", None), ("w3", "A2")]
    with summer.session() as session:
        answers.decline(session, desk, summer.ids("p"), "link", "travel")
    with summer.session() as session:
        line = read_line(session, desk, summer.camp.season)
    assert [(one.family.id.key, one.goes) for one in line.waiters] == [("w1", None), ("w2", "A1"), ("w3", "A2")]
    only = (summer.id("w2"), summer.camp.stays["A1"])
    with summer.session() as session:
        assert len(offer_free(session, desk, summer.camp.season, only)) == 1
    with summer.session() as session, pytest.raises(Conflict, match="has changed"):
        offer_free(session, desk, summer.camp.season, only)
    with summer.session() as session:
        [over] = waiting.overs_of(session, summer.camp.season)
    assert (over.family.key, over.stay, over.reason, over.beds, over.beds_left) == ("w1", "A1", "beds", 1, 4)
    assert summer.states() == {"p": "declined", "q": "open", "w2": "open"}
    # Who said no does not wait, until a coordinator puts it back: in its rank.
    with summer.session() as session:
        making.let_wait_again(session, desk, summer.ids("p"))
    with summer.session() as session:
        line = read_line(session, desk, summer.camp.season)
    assert [one.family.id.key for one in line.waiters] == ["p", "w1", "w3"]


def test_a_deadline_counts_though_no_job_ran(summer: Summer, at: At) -> None:
    full(summer)
    at("2026-06-04T21:59:58Z")
    with summer.session() as session:
        assert answers.accept(session, summer.desk(), summer.ids("p"), ALL, "link").done
    at("2026-06-04T22:00:01Z")
    with summer.session() as session:
        assert not answers.accept(session, summer.desk(), summer.ids("q"), ALL, "link").done
        assert not answers.decline(session, summer.desk(), summer.ids("q"), "link").done
    with summer.session() as session:
        assert expire(session, summer.desk(), summer.camp.season) == 1
    with summer.session() as session:
        assert expire(session, summer.desk(), summer.camp.season) == 0
    assert summer.states() == {"p": "accepted", "q": "expired"}
    assert summer.held() == {"p": ("A1", 2)}


def test_what_has_ended_does_not_revive(summer: Summer) -> None:
    full(summer)
    with summer.session() as session:
        answers.withdraw(session, summer.desk(), summer.ids("p"))
    with summer.session() as session, pytest.raises(Conflict, match="ended already"):
        answers.withdraw(session, summer.desk(), summer.ids("p"))
    for state in ("open", "accepted"):
        with pytest.raises(Exception, match="withdrawn"), summer.session() as session:
            session.execute(text("UPDATE offer SET state = :state WHERE family_key = 'p'"), {"state": state})


def test_a_family_without_consent_loses_its_offer(summer: Summer) -> None:
    full(summer)
    with summer.session() as session:
        answers.accept(session, summer.desk(), summer.ids("p"), Yes((0, 1), None, Needs(health="Asthma")), "link")
    offer_id = summer.ids("p")
    del summer.families["p"]
    summer.hand_over()
    with summer.session() as session:
        assert answers.look(session, summer.desk(), offer_id).state == "withdrawn"
    assert summer.held() == {"q": ("A1", 2)}
    for table in ("offer_traveller", "offer_needs", "offer_contact"):
        rows = summer.camp.rows(summer.tenant_id, f"SELECT FROM {table} WHERE offer_id = :id", id=offer_id)
        assert rows == [], table
    with summer.session() as session:
        assert not answers.accept(session, summer.desk(), offer_id, ALL, "link").done
        assert withdraw_gone(session, summer.desk(), summer.camp.season) == 0


def test_too_few_volunteers_are_said(summer: Summer) -> None:
    summer.list("p", wishes="A1")
    summer.hand_over()
    summer.place("p", "A1")
    with pytest.raises(Conflict, match="Too few volunteers have confirmed for A1"):
        summer.offer(even_so=False)
    assert len(summer.offer(even_so=True).offers) == 1


def test_the_families_of_a_cancelled_stay_are_offered_another(summer: Summer) -> None:
    summer.list("p", need=5, wishes="A1|A2")
    summer.list("q", need=4, wishes="A1")
    summer.list("w", need=5, wishes="A2")
    summer.hand_over()
    summer.place("p", "A1")
    summer.place("q", "A1")
    summer.offer()
    desk = summer.desk()
    with summer.session() as session:
        answers.accept(session, desk, summer.ids("p"), ALL, "link")
    with summer.session() as session, pytest.raises(Conflict, match="not cancelled"):
        waiting.reoffer(session, desk, summer.camp.stays["A1"])
    old = summer.ids("q")
    with summer.session() as session:
        seasons.cancel_stay(session, summer.tenant_id, summer.camp.stays["A1"], "The roof leaks", COMMAND)
    with summer.session() as session:
        assert not answers.accept(session, desk, old, ALL, "link").done
    with summer.session() as session:
        done = waiting.reoffer(session, desk, summer.camp.stays["A1"])
    assert (len(done.offers), done.waiting) == (1, 1)
    assert summer.states() == {"p": "open", "q": "stay_cancelled"}
    assert summer.held() == {"p": ("A2", 2)}
    with summer.session() as session:
        line = read_line(session, desk, summer.camp.season)
    assert [(one.family.id.key, one.goes) for one in line.waiters] == [("w", "A2"), ("q", None)]
