"""Terms for claims, payment dates and habits: pages, API and commands."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

import pytest

from service.claims.calendar import Habits, PaymentDate, coming
from service.claims.rules import Terms
from service.claims.terms import HABIT_RANGES, RANGES
from service.claims.words import HABITS, TERMS
from tests.calls import Callers, Client, callers_of, wrong
from tests.claims.clubs import claim
from tests.claims.staff import english, follow, key_of, read, said, send, wrong_fields
from tests.passes.town import Town

RIGHT = {
    "scheme": "fritidspas",
    "valid_from": "2017-01-01",
    "source": "Udvalget, 14. november",
    "claim_days": "30",
    "reservation_days": "14",
    "min_sessions": "8",
    "most_pass_percent": "60",
}
API = "/api/v1/claim-terms/fritidspas"


@pytest.fixture
def callers(town: Town) -> Iterator[Callers]:
    with callers_of(town.database, town.municipality) as made:
        yield made


@pytest.fixture
def administrator(callers: Callers) -> Client:
    return english(callers.person("administrator"))


def test_every_term_and_habit_has_words() -> None:
    assert TERMS.keys() == set(Terms.__struct_fields__) == {*RANGES, "excluded_kinds"}
    assert HABITS.keys() == set(Habits.__struct_fields__) == set(HABIT_RANGES)


def test_new_terms_are_looked_at_once_more_and_then_count(
    town: Town, club: UUID, callers: Callers, administrator: Client
) -> None:
    shown = said(read(administrator, "/claims/terms"))
    assert "For seasons that begin today the presets count." in shown
    assert "Highest share of a club's members with a pass, in percent 100%" in shown
    draft = read(administrator, "/claims/terms/fritidspas/draft")
    assert ('value="2018-01-01"' in draft, 'value="60"' in draft) == (True, True)
    kinds = {"excluded_kinds": ["golf", "e_sport"]}
    asked = send(administrator, "/claims/terms/check", **RIGHT, **kinds)
    assert asked.status_code == 200
    assert "Kinds of activity that passes do not pay for E-sport, Golf changed –" in said(asked.text)
    assert town.rows("SELECT count(*) FROM claim_terms") == [(0,)]
    back = send(administrator, "/claims/terms/check", **RIGHT, **kinds, act="edit").text
    assert back.count(" checked") == 2
    assert 'value="8"' in back
    fields = RIGHT | kinds | {"key": key_of(asked.text)}
    done = follow(administrator, send(administrator, "/claims/terms/versions", **fields))
    assert "They count for seasons that begin on 1 January 2017 or later." in done
    assert "Least number of sessions in a season 8" in done
    assert "sent already" in follow(administrator, send(administrator, "/claims/terms/versions", **fields))
    assert town.rows("SELECT count(*) FROM claim_terms") == [(1,)]
    same = send(administrator, "/claims/terms/check", **RIGHT, **kinds)
    assert "They say what counts for that day already." in said(same.text)
    assert claim(town, club, "Søren", sessions=7).reasons == ("too_few_sessions",)
    worker = english(callers.person("case_worker"))
    assert "New terms of" not in said(read(worker, "/claims/terms"))
    read(worker, "/claims/terms/fritidspas/draft", 403)
    read(administrator, "/claims/terms/nothing/draft", 404)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("valid_from", "soon"),
        ("valid_from", "1900-01-01"),
        ("source", " "),
        ("source", "x" * 501),
        ("claim_days", "731"),
        ("claim_days", ""),
        ("reservation_days", "0"),
        ("min_sessions", "many"),
        ("most_pass_percent", "101"),
        ("excluded_kinds", "curling"),
    ],
)
def test_a_wrong_term_is_told_where_it_stands(town: Town, administrator: Client, field: str, value: str) -> None:
    for path in ("/claims/terms/check", "/claims/terms/versions"):
        fields = RIGHT | {"key": "k" * 30, field: value}
        assert wrong_fields(send(administrator, path, **fields)) == {field}
    assert town.rows("SELECT count(*) FROM claim_terms") == [(0,)]


def test_payment_dates_and_habits_are_set_on_their_page(
    town: Town, club: UUID, callers: Callers, administrator: Client
) -> None:
    page = read(administrator, "/claims/payment-dates")
    # The fifteenth, and the Monday after where it is a weekend.
    assert "15 February 2017 10 February 2017 how you pay 15 March 2017" in said(page)
    assert "17 April 2017" not in said(page)  # Easter Monday
    assert "18 April 2017" in said(page)
    fields = {"pays_on": "2017-02-20", "cutoff": "2017-02-16", "key": key_of(page)}
    for changed, wrong_ones in (
        ({"pays_on": ""}, {"pays_on"}),
        ({"pays_on": "2017-02-01", "cutoff": "2017-01-30"}, {"pays_on"}),
        ({"cutoff": "2017-02-20"}, {"cutoff"}),
        ({"cutoff": "x", "pays_on": "y"}, {"cutoff", "pays_on"}),
    ):
        assert wrong_fields(send(administrator, "/claims/payment-dates", **fields | changed)) == wrong_ones
    done = follow(administrator, send(administrator, "/claims/payment-dates", **fields))
    assert "Claims are paid on 20 February 2017 as well." in done
    assert "20 February 2017 16 February 2017 a date of your own Take back 15 March 2017" in done
    assert "sent already" in follow(administrator, send(administrator, "/claims/payment-dates", **fields))
    again = send(administrator, "/claims/payment-dates", **fields | {"key": "k" * 30})
    assert (again.status_code, "There is a payment on" in again.text) == (409, True)
    assert claim(town, club, "Søren").expected_payment_date == date(2017, 2, 20)
    gone = follow(administrator, send(administrator, "/claims/payment-dates/removal", pays_on="2017-02-20"))
    assert "15 February 2017" in gone
    assert send(administrator, "/claims/payment-dates/removal", pays_on="2017-02-20").status_code == 404
    assert send(administrator, "/claims/payment-dates/removal", pays_on="x").status_code == 422

    habits = {"payment_day": "20", "cutoff_days": "3", "decision_days": "10", "names_days": "30"}
    for field, value in (
        ("payment_day", "29"),
        ("cutoff_days", "0"),
        ("decision_days", "121"),
        ("names_days", "many"),
        ("names_days", ""),
    ):
        answer = send(administrator, "/claims/payment-dates/habits", **habits | {field: value})
        assert wrong_fields(answer) == {field}
        assert "Add a payment date" in answer.text
    kept = follow(administrator, send(administrator, "/claims/payment-dates/habits", **habits))
    assert "20 February 2017 17 February 2017 how you pay" in kept
    worker = english(callers.person("case_worker"))
    assert "Day of the month on which claims are paid 20" in said(read(worker, "/claims/payment-dates"))
    assert send(worker, "/claims/payment-dates/habits", **habits).status_code == 403


def test_the_api_sets_terms_dates_and_habits(town: Town, callers: Callers) -> None:
    administrator, worker = callers.person("administrator"), callers.person("case_worker")
    found = worker.get(API).json()
    assert (found["current"]["claim_days"], found["versions"]) == (60, [])
    body = {"valid_from": "2017-01-01", "source": "Udvalget", "terms": {"min_sessions": 8, "excluded_kinds": ["golf"]}}
    assert worker.post(API, json=body).status_code == 403
    made = administrator.post(API, json=body)
    assert made.status_code == 201, made.text
    assert made.json()["terms"] | {"claim_days": 60} == made.json()["terms"]
    found = worker.get(API).json()
    assert (found["current"]["excluded_kinds"], len(found["versions"])) == (["golf"], 1)
    wrong_body = {"valid_from": "1900-01-01", "source": "x", "terms": {}}
    assert wrong(administrator.post(API, json=wrong_body)).keys() == {"valid_from"}
    wrong_body = {"valid_from": "2017-01-01", "source": " ", "terms": {"claim_days": -1, "excluded_kinds": ["curling"]}}
    assert len(wrong(administrator.post(API, json=wrong_body))) == 3
    assert worker.get("/api/v1/claim-terms/nothing").status_code == 404

    dates = "/api/v1/payment-dates"
    one = {"pays_on": "2017-02-20", "cutoff": "2017-02-16"}
    assert administrator.post(dates, json=one).status_code == 201
    assert administrator.post(dates, json=one).status_code == 409
    assert wrong(administrator.post(dates, json=one | {"cutoff": "2017-02-20"})).keys() == {"cutoff"}
    calendar = worker.get(dates).json()
    assert (calendar["coming"][0], calendar["own"], len(calendar["coming"])) == (one, [one], 13)
    assert administrator.post(f"{dates}/2017-02-20/removal").status_code == 204
    for gone in ("2017-02-20", "x"):
        assert administrator.post(f"{dates}/{gone}/removal").status_code == 404
    assert administrator.post(f"{dates}/habits", json={"payment_day": 20}).json()["payment_day"] == 20
    assert wrong(administrator.post(f"{dates}/habits", json={"payment_day": 29})).keys() == {"payment_day"}
    assert administrator.post(f"{dates}/habits", json={}).status_code == 422
    assert worker.get(dates).json()["habits"] == {
        "payment_day": 20,
        "cutoff_days": 5,
        "decision_days": 14,
        "names_days": 90,
    }


def test_the_commands_do_the_same(town: Town) -> None:
    say = ("claims", "terms", "--scheme", "fritidspas")
    assert town.say(*say)["versions"] == []
    town.run.fails(*say, "--municipality", "0751", "min_sessions=8", code=2)
    town.run.fails(*say, "--municipality", "0751", "min_sessions", code=2)
    since = ("--valid-from", "2017-01-01", "--source", "Udvalget")
    made = town.say(*say, *since, "min_sessions=8", "excluded_kinds=golf, e_sport")
    assert made["terms"] == {
        "claim_days": 60,
        "reservation_days": 14,
        "min_sessions": 8,
        "most_pass_percent": 100,
        "excluded_kinds": ["e_sport", "golf"],
    }
    refused = town.refused(*say, *since, "sessions=8", "claim_days=many", "min_sessions=-1")
    assert all(name in refused for name in ("sessions: is not known", "claim_days: must be", "min_sessions: must be"))
    assert "claim_days: must be a whole number from 0 to 730" in town.refused(*say, *since, "claim_days=731")
    assert len(town.say(*say)["versions"]) == 1
    dates = town.say("claims", "dates", "--add", "2017-02-20", "--cutoff", "2017-02-16", "payment_day=20")
    assert (dates["coming"][0]["pays_on"], dates["habits"]["payment_day"]) == ("2017-02-20", 20)
    town.run.fails("claims", "dates", "--municipality", "0751", "--add", "2017-02-20", code=2)
    assert town.say("claims", "dates", "--remove", "2017-02-20")["coming"][0]["pays_on"] == "2017-02-20"
    assert "There is no payment" in town.refused("claims", "dates", "--remove", "2017-02-21")
    town.run("claims", "dates", "--municipality", "0751")


def test_own_dates_come_before_those_by_habit() -> None:
    own = [PaymentDate(date(2017, 5, 2), date(2017, 4, 20)), PaymentDate(date(2017, 3, 1), date(2017, 2, 20))]
    found = coming(date(2017, 2, 10), own, Habits(), "dk")
    assert [one.pays_on for one in found[:3]] == [date(2017, 3, 1), date(2017, 5, 2), date(2017, 5, 15)]
    assert len(found) == 14
    assert [one.pays_on for one in coming(date(2017, 2, 15), [], Habits(), "dk")][:2] == [
        date(2017, 2, 15),
        date(2017, 3, 15),
    ]
