"""What happens in the same second has one winner; a message goes only with the commit."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from service.audit.actions import COMMAND
from service.errors import Refused
from service.offers import answers
from service.offers.ending import expire
from service.offers.making import make_offers
from service.offers.messages import unseal_text
from service.offers.waiting import offer_free
from service.stays import seasons
from tests.offers.summer import ALL, Summer
from tests.offers.test_offers import full

At = Callable[[str], None]


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each came to, all started in the same moment: its result, or what it was refused with."""
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        ready.wait()
        try:
            return act()
        except Refused as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def test_answers_in_the_same_second_have_one_winner(summer: Summer) -> None:
    full(summer)
    desk, offer_id = summer.desk(), summer.ids("p")

    def say(act: Callable[..., object], *values: object) -> Callable[[], object]:
        def run() -> object:
            with summer.session() as session:
                return act(session, desk, offer_id, *values)

        return run

    done = at_once(
        say(answers.accept, ALL, "link"),
        say(answers.decline, "code"),
        say(answers.withdraw),
        say(answers.accept, ALL, "code"),
    )
    won = [one for one in done if getattr(one, "done", getattr(one, "state", None) == "withdrawn")]
    # Who accepts first may still be withdrawn from; nobody else comes after anybody.
    state = summer.states()["p"]
    assert len(won) == 1 or (len(won) == 2 and state == "withdrawn"), done
    held = "p" in summer.held()
    assert held == (state == "accepted")
    [(entries,)] = summer.camp.rows(
        summer.tenant_id,
        """SELECT count(*) FROM audit_entry WHERE subject_id = :id
            AND action IN ('offers.accepted', 'offers.declined', 'offers.withdrawn')""",
        id=offer_id,
    )
    assert entries == len(won)


def test_expiry_and_answer_in_the_same_second(summer: Summer, at: At) -> None:
    full(summer)
    at("2026-06-04T21:59:59Z")
    desk = summer.desk()

    def accept() -> object:
        with summer.session() as session:
            return answers.accept(session, desk, summer.ids("p"), ALL, "link").done

    def end() -> object:
        with summer.session() as session:
            return expire(session, desk, summer.camp.season)

    assert at_once(accept, end, end) == [True, 0, 0]
    at("2026-06-04T22:00:00Z")
    assert sorted(map(str, at_once(end, end, accept))) == ["0", "1", "False"]
    assert summer.states() == {"p": "accepted", "q": "expired"}


def test_two_coordinators_offer_a_freed_place_once(summer: Summer) -> None:
    full(summer)
    desk = summer.desk()
    with summer.session() as session:
        answers.decline(session, desk, summer.ids("p"), "link")

    def one() -> object:
        with summer.session() as session:
            return len(offer_free(session, desk, summer.camp.season, (summer.id("w2"), summer.camp.stays["A1"])))

    def every() -> object:
        with summer.session() as session:
            return len(offer_free(session, desk, summer.camp.season))

    at_once(one, every, one, every)
    rows = summer.camp.rows(summer.tenant_id, "SELECT family_key, count(*) FROM offer GROUP BY 1 ORDER BY 1")
    assert rows == [("p", 1), ("q", 1), ("w2", 1), ("w3", 1)]
    assert summer.held() == {"q": ("A1", 2), "w2": ("A1", 2), "w3": ("A2", 2)}


def test_a_stay_cancelled_while_a_family_accepts(summer: Summer) -> None:
    full(summer)
    desk, offer_id = summer.desk(), summer.ids("p")

    def accept() -> object:
        with summer.session() as session:
            return answers.accept(session, desk, offer_id, ALL, "link").done

    def cancel() -> object:
        with summer.session() as session:
            return seasons.cancel_stay(session, summer.tenant_id, summer.camp.stays["A1"], "The roof leaks", COMMAND)

    accepted, _ = at_once(accept, cancel)
    assert summer.states()["p"] == ("accepted" if accepted else "open")


def texts(summer: Summer) -> list[str]:
    query = "SELECT args FROM procrastinate.procrastinate_jobs WHERE task_name = 'medspiller.text' ORDER BY id"
    return [unseal_text(summer.camp.keys, args["sealed"]).text for (args,) in summer.camp.as_owner(query)]


def test_a_message_goes_only_with_the_commit(summer: Summer) -> None:
    summer.list("p", wishes="A1", language="dansk")
    summer.list("q", wishes="A1", phone="")
    summer.hand_over()
    for key in ("p", "q"):
        summer.place(key, "A1")

    class Killed(BaseException):
        pass

    with pytest.raises(Killed), summer.session() as session:
        make_offers(session, summer.desk(), summer.camp.season, even_so=True)
        raise Killed
    assert (texts(summer), summer.states()) == ([], {})
    summer.offer()
    [said] = texts(summer)
    assert said.endswith(f"/answer/{summer.secret('p')}")
    assert "Mor" not in said
    # The database keeps neither the link nor the code, but as a keyed hash and as cipher.
    for table in ("offer_contact", "directory.secret"):
        [(rows,)] = summer.camp.as_owner(f"SELECT string_agg({table.split('.')[-1]}::text, '') FROM {table}")
        for secret in (summer.secret("p"), summer.code("p")):
            assert secret not in rows
            assert secret.encode().hex() not in rows
    with summer.session() as session:
        assert session.execute(text("SELECT count(*) FROM offer WHERE sent_at IS NULL")).scalar_one() == 1
