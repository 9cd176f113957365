"""A year's budget: levels, the hard stop, what waits for money, and what is to be expected."""

from collections.abc import Callable, Iterator
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text

from service.audit.actions import COMMAND
from service.claims import budget
from service.claims.budget import Standing, lift_stop, set_budget
from service.claims.decisions import approve_claim
from service.claims.reservations import release_reservation, reserve
from service.errors import Conflict
from tests.calls import Callers, Client, callers_of, wrong
from tests.claims.clubs import claim, claim_on, desk
from tests.claims.staff import english, follow, key_of, read, said, send, state_of, wrong_fields
from tests.passes.town import IN_2016, Town

At = Callable[[str], None]
API = "/api/v1/budgets/fritidspas/2017"


@pytest.fixture
def callers(town: Town) -> Iterator[Callers]:
    with callers_of(town.database, town.municipality) as made:
        yield made


@pytest.fixture
def officer(callers: Callers) -> Client:
    return english(callers.person("finance_officer"))


def standing(town: Town, year: int = 2017) -> Standing:
    with town.session() as session:
        return budget.standing(session, town.municipality, "fritidspas", year)


def set_to(town: Town, ore: int, warn: int = 80, *, stop: bool = True) -> None:
    with town.session() as session:
        set_budget(session, town.municipality, "fritidspas", 2017, ore, warn, stop, "Byrådet", COMMAND)


def test_what_is_taken_and_when_it_warns_and_stops(town: Town, club: UUID) -> None:
    claim(town, club, "Søren", 60_000)
    claim(town, club, "Nour", 20_000, given_name="Nora")
    one = standing(town)
    assert (one.committed_ore, one.waiting_ore, one.held_ore, one.level) == (60_000, 20_000, 80_000, "none")
    set_to(town, 101_000)
    assert (standing(town).level, standing(town).held_percent) == ("ok", 79)
    set_to(town, 100_000)
    assert (standing(town).level, standing(town).held_percent) == ("warning", 80)
    set_to(town, 80_000)
    assert standing(town).level == "stopped"
    waits = claim(town, club, "Anne-Sofie", 40_000)
    assert (waits.state, waits.reasons, waits.covered_ore) == ("submitted", ("budget_stopped",), 40_000)
    with pytest.raises(Conflict), town.session() as session:
        approve_claim(session, town.municipality, waits.id, COMMAND)
    set_to(town, 80_000, stop=False)
    assert standing(town).level == "warning"
    assert claim(town, club, "Anne-Sofie", 10_000, activity="Skak").state == "approved"
    # The budget of another year is another one.
    assert standing(town, 2018).held_ore == 0
    assert town.sound()


def test_the_last_of_a_budget_goes_to_one_claim_alone(town: Town, club: UUID) -> None:
    set_to(town, 70_000)
    assert claim(town, club, "Søren", 60_000).state == "approved"
    assert claim(town, club, "Nour", 60_000).reasons == ("budget_stopped",)
    assert claim(town, club, "Anne-Sofie", 10_000).reasons == ("budget_stopped",)


def test_when_the_stop_is_lifted_what_waited_for_money_alone_is_approved_in_one_go(
    town: Town, club: UUID, callers: Callers, officer: Client
) -> None:
    set_to(town, 50_000)
    claims = [claim(town, club, child, 50_000).id for child in ("Søren", "Nour", "Anne-Sofie")]
    differs = claim(town, club, "Nour", 10_000, given_name="Nora", activity="Skak")
    assert differs.reasons == ("name_differs", "budget_stopped")
    worker = english(callers.person("case_worker"))
    assert "1 claim" not in said(read(officer, "/budget/fritidspas/2017"))
    shown = read(worker, "/budget/fritidspas/2017")
    assert "2 claims wait for money alone Together 1,000.00 kr" in said(shown)
    assert "Approve them" not in said(shown)
    assert "Lift the stop" not in said(shown)
    assert send(worker, "/budget/fritidspas/2017/lifting", reason="x", key="k" * 30).status_code == 403

    asked = read(officer, "/budget/fritidspas/2017/lifting")
    assert wrong_fields(send(officer, "/budget/fritidspas/2017/lifting", reason=" ", key=key_of(asked))) == {"reason"}
    done = send(officer, "/budget/fritidspas/2017/lifting", reason="The council, 3 February", key=key_of(asked))
    assert "The stop is lifted" in follow(officer, done)
    twice = send(officer, "/budget/fritidspas/2017/lifting", reason="Again", key="k" * 30)
    assert (twice.status_code, "has been lifted already" in twice.text) == (409, True)
    assert town.rows("SELECT reason FROM audit_entry WHERE action = 'claims.budget.lift'") == [
        ("The council, 3 February",)
    ]

    shown = read(worker, "/budget/fritidspas/2017")
    approved = send(worker, "/budget/fritidspas/2017/approvals", key=key_of(shown))
    assert "Claims approved: 2." in follow(worker, approved)
    assert "sent already" in follow(worker, send(worker, "/budget/fritidspas/2017/approvals", key=key_of(shown)))
    assert send(worker, "/budget/fritidspas/2017/approvals", key="n" * 30).status_code == 404
    assert [state_of(town, one) for one in (*claims, differs.id)] == ["approved"] * 3 + ["submitted"]
    assert standing(town).level == "lifted"
    # Once the budget is set anew the stop stands again.
    set_to(town, 60_000)
    assert (standing(town).level, standing(town).lifted_at) == ("stopped", None)
    assert town.sound()


def test_a_raised_budget_is_given_out_as_far_as_it_goes(town: Town, club: UUID) -> None:
    set_to(town, 10_000)
    claims = [claim(town, club, child, 50_000).id for child in ("Søren", "Nour", "Anne-Sofie")]
    # What waits is a part of what is taken, and yet claims that wait do not keep each other waiting.
    set_to(town, 150_000 - 1)
    assert standing(town).level == "stopped"
    with town.session() as session:
        made = budget.approve_waiting(session, town.municipality, "fritidspas", 2017, COMMAND)
    assert (list(made.approved), [one for one, _ in made.left]) == (claims[:2], claims[2:])
    assert standing(town).committed_ore == 100_000
    set_to(town, 150_000)
    with town.session() as session:
        budget.approve_waiting(session, town.municipality, "fritidspas", 2017, COMMAND)
    assert [state_of(town, one) for one in claims] == ["approved"] * 3
    assert town.sound()


def test_what_is_expected_follows_last_years_take_up_from_this_day_on(town: Town, club: UUID, at: At) -> None:
    assert standing(town).expected_ore is None
    at("2016-12-01T08:00Z")
    town.commit(IN_2016)
    numbers = {row["given_name"]: row["pass_number"] for row in town.listed() if row["valid_from"] == "2016-01-01"}
    # Three passes of 1,000 kr were given in 2016. Of their 3,000 kr 300 were claimed in January, 600 in October.
    for when, child, ore in (("2016-01-20T08:00Z", "Søren", 30_000), ("2016-10-20T08:00Z", "Nour", 60_000)):
        at(when)
        claim_on(town, club, numbers[child], child, ore, season_start=date(2016, 2, 1), season_end=date(2016, 6, 1))
    at("2017-02-01T08:00Z")
    claim(town, club, "Søren", 50_000)
    one = standing(town)
    assert (one.granted_ore, one.held_ore) == (300_000, 50_000)
    assert one.used_before == pytest.approx(0.3)
    assert one.coming_before == pytest.approx(0.2)
    # What is held, and a fifth of what the passes are worth, as after the first of February last year.
    assert one.expected_ore == 50_000 + 60_000
    at("2017-11-01T08:00Z")
    assert standing(town).expected_ore == 50_000
    with town.session() as session:
        months = budget.months(session, town.municipality, "fritidspas", 2017)
    assert [month.before_ore for month in months] == [30_000] * 9 + [90_000] * 3
    assert [month.held_ore for month in months] == [0] + [50_000] * 10 + [None]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("appropriation", ""),
        ("appropriation", "many"),
        ("appropriation", "-1"),
        ("warn_percent", "0"),
        ("warn_percent", "101"),
        ("warn_percent", "1.5"),
        ("source", " "),
        ("source", "x" * 501),
    ],
)
def test_a_wrong_field_is_told_where_it_stands(town: Town, officer: Client, field: str, value: str) -> None:
    asked = read(officer, "/budget/fritidspas/2017/edit")
    right = {"appropriation": "1000", "warn_percent": "80", "source": "Byrådet", "key": key_of(asked)}
    assert wrong_fields(send(officer, "/budget/fritidspas/2017", **right | {field: value})) == {field}
    assert town.rows("SELECT count(*) FROM budget") == [(0,)]


def test_the_pages_show_every_year_and_set_it_once(town: Town, club: UUID, callers: Callers, officer: Client) -> None:
    claim(town, club, "Søren", 60_000)
    assert "fritidspas 2018" in said(read(officer, "/budget"))
    page = read(officer, "/budget/fritidspas/2017")
    assert "No budget is set" in said(page)
    asked = read(officer, "/budget/fritidspas/2017/edit")
    fields = {"appropriation": "700,50", "warn_percent": "80", "hard_stop": "on", "source": "Byrådet, 12. dec."}
    done = send(officer, "/budget/fritidspas/2017", **fields, key=key_of(asked))
    shown = follow(officer, done)
    assert "85% of the budget is taken." in shown
    assert "Approved 600.00 kr 86%" in shown
    assert "Where it was decided Byrådet, 12. dec." in shown
    assert "sent already" in follow(officer, send(officer, "/budget/fritidspas/2017", **fields, key=key_of(asked)))
    assert 'value="700.50"' in read(officer, "/budget/fritidspas/2017/edit")
    overview = read(officer, "/budget")
    assert "fritidspas 2017 fritidspas 700.50 kr 600.00 kr 85%" in said(overview)
    assert "<svg" in overview
    for path in ("/budget/nothing/2017", "/budget/fritidspas/1999", "/budget/fritidspas/9999999999"):
        read(officer, path, 404)
    read(officer, "/budget/fritidspas/2018/lifting")
    no_stop = send(officer, "/budget/fritidspas/2018/lifting", reason="x", key="k" * 30)
    assert no_stop.status_code == 404
    auditor = english(callers.person("auditor"))
    assert "Change the budget" not in said(read(auditor, "/budget/fritidspas/2017"))
    read(auditor, "/budget/fritidspas/2017/edit", 403)


def test_the_api_does_the_same(town: Town, club: UUID, callers: Callers) -> None:
    officer, system = callers.person("finance_officer"), callers.system("budget")
    assert wrong(officer.post(API, json={"appropriation_ore": -1, "source": " ", "warn_percent": 0})).keys() == {
        "appropriation_ore",
        "source",
        "warn_percent",
    }
    body = {"appropriation_ore": 50_000, "source": "Byrådet", "hard_stop": True}
    once = {"Idempotency-Key": "a"}
    made = officer.post(API, json=body, headers=once)
    assert made.status_code == 200, made.text
    assert officer.post(API, json=body, headers=once).headers["Idempotency-Replayed"] == "true"
    assert system.post(API, json=body).status_code == 403
    claim(town, club, "Søren", 50_000)
    waits = claim(town, club, "Nour", 20_000)
    found = system.get(API).json()
    assert (found["level"], found["held_ore"], found["waiting_ore"]) == ("stopped", 70_000, 20_000)
    assert (found["claims_waiting_for_money"], len(found["months"])) == (1, 12)
    items = system.get("/api/v1/budgets").json()["items"]
    assert [(one["year"], one["level"]) for one in items] == [(2018, "none"), (2017, "stopped")]
    assert officer.post(f"{API}/lifting", json={"reason": " "}).status_code == 422
    assert officer.post("/api/v1/budgets/fritidspas/2018/lifting", json={"reason": "x"}).status_code == 404
    assert officer.post("/api/v1/budgets/nothing/2018/lifting", json={"reason": "x"}).status_code == 404
    assert officer.post(f"{API}/lifting", json={"reason": "The council"}).json()["level"] == "lifted"
    assert officer.post(f"{API}/lifting", json={"reason": "The council"}).status_code == 409
    assert officer.post(f"{API}/approvals").status_code == 403
    worker = callers.person("case_worker")
    assert worker.post(f"{API}/approvals").json() == {"approved": [str(waits.id)], "left": []}
    assert worker.post(f"{API}/approvals").status_code == 404
    assert officer.get("/api/v1/budgets/fritidspas/99999999999").status_code == 404


def test_the_command_does_the_same(town: Town, club: UUID) -> None:
    claim(town, club, "Søren", 60_000)
    year = ("claims", "budget", "--scheme", "fritidspas", "--year", 2017)
    assert town.say(*year)["level"] == "none"
    town.run.fails(*year, "--municipality", "0751", "--appropriation", "1000", code=2)
    assert "digits" in town.refused(*year, "--appropriation", "1.000,00", "--source", "x")
    made = town.say(*year, "--appropriation", "600", "--hard-stop", "--source", "Byrådet")
    assert (made["appropriation_ore"], made["level"]) == (60_000, "stopped")
    assert town.say(*year, "--lift", "The council")["level"] == "lifted"
    assert "lifted already" in town.refused(*year, "--lift", "The council")


def test_a_reservation_is_taken_from_the_budget_and_given_back(town: Town, club: UUID) -> None:
    set_to(town, 50_000)
    with desk(town, club) as here:
        held = reserve(here, town.number("Nour"), "Nour", 50_000, "Fodbold")
    assert (standing(town).reserved_ore, standing(town).level) == (50_000, "stopped")
    with desk(town, club) as here, pytest.raises(Conflict):
        reserve(here, town.number("Søren"), "Søren", 1_000, "Fodbold")
    # A claim of what is reserved needs no money anew.
    assert claim(town, club, "Nour", 40_000, reservation=held.id).state == "approved"
    assert standing(town).held_ore == 40_000
    with desk(town, club) as here:
        again = reserve(here, town.number("Søren"), "Søren", 10_000, "Fodbold")
        release_reservation(here, again.id)
    assert standing(town).held_ore == 40_000
    with town.session() as session:
        lift = session.execute(text("SELECT hard_stop FROM budget")).scalar_one()
        assert lift
        lift_stop(session, town.municipality, "fritidspas", 2017, "x", COMMAND)
    assert town.sound()
