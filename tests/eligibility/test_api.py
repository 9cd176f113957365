"""Eligibility over the API: schemes, refreshes and what was determined."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest
from sqlalchemy import text

from schemas.scheme import Basis, ParameterChanges, PeriodKind, SchemeParameters
from service.database.engine import Database
from service.eligibility import api
from service.eligibility.models import OUTCOMES
from service.eligibility.parameters import Parameters
from service.errors import Unreadable
from service.identity.actions import add_municipality
from service.register.models import BASES
from service.values.periods import period_of
from tests.calls import Callers, Client, callers_of, done, every_item, wrong
from tests.conftest import Medspiller
from tests.passes.town import HIGH, LOW, Town

SCHEMES = "/api/v1/schemes"
VERSIONS = f"{SCHEMES}/fritidspas/versions"
REFRESHES = "/api/v1/eligibility/refreshes"
WHAT_IF = "/api/v1/eligibility/what-if"
DETERMINATIONS = "/api/v1/determinations"
ASKED = {"scheme": "fritidspas", "on": "2017-01-15"}
FAMILIES = 24
SOURCE = {"valid_from": "2017-01-01", "source": "byrådet"}


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """24 poor families with a child each in the middle of the town, and in the north a rich one that is protected."""
    at("2017-01-15T08:00Z")
    made = Town(medspiller, database, tmp_path)
    for number in range(FAMILIES):
        made.family(f"H{number:02}", f"barn {number:02}")
    made.family("R", "rig", income=HIGH, district="nord", address_protected=1)
    made.load()
    return made


@pytest.fixture
def callers(town: Town, database: Database) -> Iterator[Callers]:
    with callers_of(database, town.municipality) as found:
        yield found


@pytest.fixture
def system(callers: Callers) -> Client:
    return callers.system("eligibility", "schemes")


@pytest.fixture
def committed(town: Town) -> dict[str, Any]:
    return town.commit()


def trail(town: Town) -> list[tuple[Any, ...]]:
    """What the audit trail keeps of the reads: action, subject, reason and details."""
    return town.rows(
        """SELECT action, subject_id, reason, details - 'token' FROM audit_entry
        WHERE action LIKE 'eligibility.explain' OR action LIKE '%.read' ORDER BY id"""
    )


def test_schemes_and_their_versions_are_read(callers: Callers, system: Client) -> None:
    [scheme] = every_item(system, SCHEMES)
    assert (scheme["name"], scheme["versions"]) == ("fritidspas", 4)
    detail = system.get(f"{SCHEMES}/fritidspas").json()
    assert [version["valid_from"][:4] for version in detail["versions"]] == ["2022", "2019", "2017", "2016"]
    assert detail["versions"][2] == scheme["current"]
    assert "Aarhus" in scheme["current"]["source"] and scheme["current"]["parameters"]["limit_ore"] == 192_714_00
    assert callers.person("auditor").get(f"{SCHEMES}/fritidspas").json() == detail


def test_parameters_are_set_and_go_on(callers: Callers, town: Town) -> None:
    admin = callers.person("administrator")
    body = SOURCE | {"parameters": {"limit_ore": 200_000_50, "areas": ["Viby", "8230"], "inclusive": False}}
    made = admin.post(VERSIONS, json=body)
    assert made.status_code == 201
    version = made.json()
    assert (version["number"], version["source"], version["valid_to"]) == (5, "byrådet", None)
    assert version["created_by"] is not None
    changed = {"limit_ore": 200_000_50, "areas": ["Viby", "8230"], "inclusive": False}
    before = admin.get(f"{SCHEMES}/fritidspas").json()["versions"][3]["parameters"]
    assert version["parameters"] == before | changed

    assert admin.post(VERSIONS, json=body).json() == version
    back = {"parameters": {"areas": [], "bases": ["final", "annual"], "gate_percent": 30}, "valid_to": "2017-12-31"}
    last = admin.post(VERSIONS, json=SOURCE | back).json()
    assert (last["number"], last["valid_to"]) == (6, "2017-12-31")
    assert last["parameters"] == version["parameters"] | back["parameters"]
    assert every_item(admin, SCHEMES)[0]["current"] == last

    new = {"limit_ore": 1, "amount_ore": 2, "min_age": 3, "max_age": 4, "period": "school_year"}
    for body in (SOURCE | {"parameters": new}, SOURCE | {"parameters": new}):
        answer = admin.post(f"{SCHEMES}/camps/versions", json=body, headers={"Idempotency-Key": "camps"})
        assert (answer.status_code, answer.json()["number"]) == (201, 1)
    assert [scheme["name"] for scheme in every_item(admin, SCHEMES, limit=1)] == ["camps", "fritidspas"]
    kept = town.rows("SELECT count(*), count(account_id) FROM audit_entry WHERE action = 'eligibility.parameters.set'")
    assert kept == [(4, 4)]


def test_every_wrong_parameter_is_named(callers: Callers, town: Town) -> None:
    admin = callers.person("administrator")
    parameters = {
        "limit_ore": -1,
        "amount_ore": "much",
        "min_age": 18,
        "max_age": 19,
        "single_addition_ore": 1.5,
        "period": "weekly",
        "min_percent": 101,
        "areas": ["Viby, Hasle"],
        "bases": [],
        "inclusive": "maybe",
        "gate_percent": 0,
        "colour": "red",
    }
    body = {"valid_from": "2017-02-30", "valid_to": "never", "source": " ", "parameters": parameters, "by": "me"}
    named = wrong(admin.post(VERSIONS, json=body))
    inner = {f"parameters.{name}" for name in parameters} - {"parameters.areas"} | {"parameters.areas[0]"}
    assert set(named) == {"valid_from", "valid_to", "source", "by", *inner}
    assert list(wrong(admin.post(VERSIONS, json={}))) == ["valid_from", "source"]
    for bases in (["weekly"], [1]):
        assert list(wrong(admin.post(VERSIONS, json=SOURCE | {"parameters": {"bases": bases}}))) == [
            "parameters.bases[0]"
        ]

    frame = {"valid_from": "2017-02-01", "valid_to": "1017-01-01", "source": "x", "parameters": {"min_age": 3}}
    named = wrong(admin.post(f"{SCHEMES}/camps/versions", json=frame))
    needed = {"parameters.limit_ore", "parameters.amount_ore", "parameters.max_age"}
    assert set(named) == {"valid_to", *needed}
    twisted = {"parameters": {"min_age": 9, "max_age": 8}}
    assert list(wrong(admin.post(VERSIONS, json=SOURCE | twisted))) == ["parameters.min_age"]
    assert admin.post(f"{SCHEMES}/a b/versions", json=frame).status_code == 422
    assert town.rows("SELECT count(*) FROM scheme") == [(1,)]
    assert town.rows("SELECT count(*) FROM parameter_version") == [(4,)]


def test_the_wire_knows_what_the_rule_knows() -> None:
    names = set(Parameters.__struct_fields__)
    assert names == set(SchemeParameters.__struct_fields__) == set(ParameterChanges.__struct_fields__)
    assert set(get_args(Basis)) == set(BASES)
    assert set(get_args(api.Reason)) == set(OUTCOMES)
    assert set(get_args(api.Outcome)) == set(OUTCOMES.values())
    with pytest.raises(Unreadable) as refusal:
        period_of("none", date(2017, 1, 1))
    assert set(get_args(PeriodKind)) == set(str(refusal.value.text.values["known"]).split(", "))


def test_a_dry_run_is_told_by_its_order_alone(town: Town, database: Database, system: Client) -> None:
    outcome = done(database, system, system.post(REFRESHES, json=ASKED))
    assert (outcome["state"], outcome["entitled"], outcome["new"]) == ("dry_run", FAMILIES, FAMILIES)
    assert every_item(system, REFRESHES) == []
    assert town.listed() == []


def test_a_commit_is_kept_with_its_account_and_issues_passes(town: Town, database: Database, system: Client) -> None:
    ordered = system.post(REFRESHES, json=ASKED | {"commit": True, "income_year": 2016})
    outcome = done(database, system, ordered)
    assert (outcome["state"], outcome["passes_issued"]) == ("committed", FAMILIES)
    town.commit("2017-02-01")
    later, first = every_item(system, REFRESHES, limit=1)
    assert (first["id"], first["scheme"], first["on"]) == (outcome["run"], "fritidspas", "2017-01-15")
    assert (first["income_year"], first["state"], first["parameter_version"]) == (2016, "committed", 2)
    assert (later["new"], later["unchanged"], later["children"]) == (0, FAMILIES + 1, FAMILIES + 1)
    detail = system.get(f"{REFRESHES}/{first['id']}").json()
    assert {name: detail[name] for name in first} == first
    assert detail["reasons"] == {"income_above_limit": 1, "income_within_limit": FAMILIES}
    assert detail["districts"] == {"midt": {"entitled": FAMILIES}, "nord": {"not_entitled": 1}}
    assert every_item(system, REFRESHES, scheme="fritidspas", state="committed") == [later, first]
    assert every_item(system, REFRESHES, state="held") == []


def test_a_repeated_refresh_is_one_order(town: Town, system: Client) -> None:
    key = {"Idempotency-Key": "winter"}
    first = system.post(REFRESHES, json=ASKED | {"commit": True}, headers=key)
    again = system.post(REFRESHES, json=ASKED | {"commit": True}, headers=key)
    assert (again.status_code, again.json()) == (202, first.json())
    assert system.post(REFRESHES, json=ASKED, headers=key).status_code == 409
    assert town.rows("SELECT count(*) FROM job_run") == [(1,)]


@pytest.mark.parametrize("address", [REFRESHES, WHAT_IF])
def test_every_wrong_field_of_a_refresh_is_named(town: Town, system: Client, address: str) -> None:
    def named(**changes: object) -> list[str]:
        return sorted(wrong(system.post(address, json=ASKED | changes)))

    assert named(scheme=1, on="today", income_year=17, by="me") == ["by", "income_year", "on", "scheme"]
    assert sorted(wrong(system.post(address, json={}))) == ["on", "scheme"]
    assert named(scheme="camps", income_year=2015) == ["income_year", "scheme"]
    assert named(on="2018-03-01") == ["income_year", "on"]
    assert named(on="9999-12-31", income_year=2017) == ["on"]
    said = wrong(system.post(address, json=ASKED | {"income_year": 2015}))
    assert "There are incomes for 2016, 2017" in said["income_year"]
    assert town.rows("SELECT count(*) FROM job_run") == [(0,)]


def test_a_held_commit_is_approved_by_a_second_person(
    callers: Callers, town: Town, database: Database, committed: dict[str, Any]
) -> None:
    for household in town.incomes:
        town.incomes[household] = HIGH
    town.load()
    first, second = callers.person("case_worker"), callers.person("administrator")
    held = done(database, first, first.post(REFRESHES, json=ASKED | {"commit": True}))
    assert (held["state"], held["lost"], held["passes_issued"]) == ("held", FAMILIES, 0)
    [run] = every_item(first, REFRESHES, state="held")
    assert run["id"] == held["run"] and "children are lost" in run["held_because"]

    approval = f"{REFRESHES}/{run['id']}/approval"
    assert callers.system("eligibility").post(approval).status_code == 403
    refused = first.post(approval)
    assert refused.status_code == 409 and "a second person must" in refused.json()["detail"]
    key = {"Idempotency-Key": "approved"}
    ordered = second.post(approval, headers=key)
    assert done(database, second, ordered)["state"] == "committed"
    assert second.get(f"{REFRESHES}/{run['id']}").json()["approved_by"] not in (None, run["created_by"])
    assert second.post(approval, headers=key).json() == ordered.json()
    late = second.post(approval)
    assert late.status_code == 409 and "it is committed" in late.json()["detail"]


def test_what_if(town: Town, system: Client) -> None:
    plain = system.post(WHAT_IF, json=ASKED)
    assert plain.status_code == 200 and plain.json()["entitled"] == FAMILIES
    overrides = {"limit_ore": LOW * 100 - 1, "single_addition_ore": 0, "amount_ore": 1500_00, "inclusive": False}
    poorer = system.post(WHAT_IF, json=ASKED | {"overrides": overrides}).json()
    assert (poorer["entitled"], poorer["reasons"]) == (0, {"income_above_limit": FAMILIES + 1})
    assert system.post(WHAT_IF, json=ASKED | {"overrides": {"areas": ["nord"]}}).json()["entitled"] == FAMILIES + 1
    assert town.rows("SELECT count(*) FROM parameter_version") == [(4,)]
    twisted = {"overrides": {"min_age": 9, "max_age": 8}}
    assert list(wrong(system.post(WHAT_IF, json=ASKED | twisted))) == ["overrides.min_age"]
    unknown = {"overrides": {"colour": "red", "limit_ore": -1}}
    assert sorted(wrong(system.post(WHAT_IF, json=ASKED | unknown))) == ["overrides.colour", "overrides.limit_ore"]


def test_determinations_are_listed_without_incomes_and_the_read_is_kept(
    town: Town, system: Client, committed: dict[str, Any]
) -> None:
    rows = every_item(system, DETERMINATIONS, limit=10)
    assert sorted(row["given_name"] for row in rows) == [f"barn {number:02}" for number in range(FAMILIES)] + ["rig"]
    [rich] = every_item(system, DETERMINATIONS, outcome="not_entitled")
    assert rich == {
        "id": rich["id"],
        "scheme": "fritidspas",
        "period_start": "2017-01-01",
        "person_key": rich["person_key"],
        "household_id": "R",
        "given_name": "rig",
        "birth_date": "2010-05-17",
        "outcome": "not_entitled",
        "reason": "income_above_limit",
        "children": 1,
        "providers": 1,
        "parameter_version": 2,
        "run": committed["run"],
        "ended_at": None,
    }
    entries = trail(town)
    assert [entry[3]["rows"] for entry in entries] == [10, 10, 5, 1]
    assert {entry[:3] for entry in entries} == {("eligibility.determinations.read", None, None)}
    assert entries[3][3]["filters"] == {"outcome": "not_entitled", "in_force": True}


def test_determinations_are_filtered(town: Town, system: Client, committed: dict[str, Any]) -> None:
    def count(**wanted: object) -> int:
        return len(every_item(system, DETERMINATIONS, limit=200, **wanted))

    assert count(scheme="fritidspas", period_start="2017-01-01", run=committed["run"]) == FAMILIES + 1
    assert count(period_start="2016-01-01") == count(run=uuid4()) == count(district="syd") == 0
    assert count(reason="income_within_limit") == count(outcome="entitled") == count(district="midt") == FAMILIES
    # Whose address is protected is not found by where they live.
    assert count(district="nord") == 0

    town.incomes["H00"] = HIGH
    town.load()
    town.commit()
    assert count(outcome="entitled") == FAMILIES - 1
    assert count(outcome="entitled", in_force="false") == FAMILIES
    assert count(run=committed["run"]) == FAMILIES
    filters = [entry[3]["filters"] for entry in trail(town) if "district" in entry[3]["filters"]]
    assert filters == [{"district": True, "in_force": True}] * 3


def test_a_determination_is_explained_without_amounts(
    callers: Callers, town: Town, system: Client, committed: dict[str, Any]
) -> None:
    [rich] = every_item(system, DETERMINATIONS, reason="income_above_limit")
    answer = system.get(f"{DETERMINATIONS}/{rich['id']}")
    shown = answer.json()
    assert {name: shown[name] for name in rich} == rich
    assert (shown["on"], shown["income_year"], shown["replayed"]) == ("2017-01-15", 2017, True)
    assert "Aarhus" in shown["source"]
    assert shown["lines"] == [
        "Age: 6 years (the scheme is for 3 to 17).",
        "Household: 1 under 18 as child, 1 provider.",
        "Not entitled: the known income is over the limit.",
    ]
    assert "ore" not in answer.text and "900" not in answer.text

    reader = callers.person("case_worker")
    figures = reader.post(f"{DETERMINATIONS}/{rich['id']}/figures", json={"reason": " a complaint "}).json()
    assert (figures["income_ore"], figures["limit_ore"]) == (HIGH * 100, 252_206_00)
    assert figures["lines"][-2] == "Providers' income 2017, as far as it is known and plausible: 900,000 kr."
    assert {name: figures[name] for name in shown if name != "lines"} == {
        name: value for name, value in shown.items() if name != "lines"
    }
    assert [(entry[0], str(entry[1]), *entry[2:]) for entry in trail(town)[1:]] == [
        ("eligibility.explain", rich["id"], None, {"amounts": False}),
        ("eligibility.explain", rich["id"], "a complaint", {"amounts": True}),
    ]


def test_amounts_take_a_reason_and_the_right(callers: Callers, system: Client, committed: dict[str, Any]) -> None:
    [rich] = every_item(system, DETERMINATIONS, reason="income_above_limit")
    address = f"{DETERMINATIONS}/{rich['id']}/figures"
    reader = callers.person("case_worker")
    for body, fields in (
        ({}, ["reason"]),
        ({"reason": " "}, ["reason"]),
        ({"reason": "x" * 501, "limit": 1}, ["reason", "limit"]),
    ):
        assert list(wrong(reader.post(address, json=body))) == fields
    for other in (system, callers.person("administrator")):
        assert other.post(address, json={"reason": "a complaint"}).status_code == 403


def test_where_a_child_lives_is_not_told_by_the_reason(town: Town, system: Client) -> None:
    town.parameters("areas=nord")
    town.commit()
    [rich] = every_item(system, DETERMINATIONS, reason="area")
    shown = system.get(f"{DETERMINATIONS}/{rich['id']}")
    assert shown.json()["lines"][-1] == "Entitled: the scheme covers the whole of the area where the child lives."
    assert "nord" not in shown.text


def test_what_is_erased_is_said_to_be(callers: Callers, town: Town, system: Client, committed: dict[str, Any]) -> None:
    [rich] = every_item(system, DETERMINATIONS, reason="income_above_limit")
    with town.session() as session:
        session.execute(
            text("UPDATE determination SET anonymised_at = '2018-04-01', income_annual = NULL, income_ore = NULL"),
        )
    shown = system.get(f"{DETERMINATIONS}/{rich['id']}").json()
    assert shown["replayed"] is None and "erased on 2018-04-01" in shown["lines"][0]
    reader = callers.person("case_worker")
    figures = reader.post(f"{DETERMINATIONS}/{rich['id']}/figures", json={"reason": "a complaint"}).json()
    assert (figures["income_ore"], figures["limit_ore"], figures["lines"]) == (None, None, shown["lines"])


def test_what_does_not_replay_is_not_shown(town: Town, system: Client, committed: dict[str, Any]) -> None:
    [rich] = every_item(system, DETERMINATIONS, reason="income_above_limit")
    with town.session() as session:
        session.execute(text("UPDATE determination SET limit_ore = limit_ore + 1"))
    answer = system.get(f"{DETERMINATIONS}/{rich['id']}")
    assert answer.status_code == 400 and "does not replay" in answer.json()["detail"]


def test_nobody_reaches_another_municipality(
    callers: Callers, town: Town, database: Database, system: Client, committed: dict[str, Any]
) -> None:
    determination = every_item(system, DETERMINATIONS)[0]["id"]
    with database.transaction() as session:
        other = add_municipality(session, "0101", "Storby", "dk")
    stranger = callers.person("case_worker", "stranger@example.org", other)
    for address in (SCHEMES, REFRESHES, DETERMINATIONS):
        assert stranger.get(address).json() == {"items": [], "next": None}
    assert stranger.get(f"{SCHEMES}/fritidspas").status_code == 404
    for run_id in (committed["run"], uuid4()):
        assert stranger.get(f"{REFRESHES}/{run_id}").status_code == 404
        assert stranger.post(f"{REFRESHES}/{run_id}/approval").status_code == 404
    for determination_id in (determination, uuid4()):
        assert stranger.get(f"{DETERMINATIONS}/{determination_id}").status_code == 404
        figures = stranger.post(f"{DETERMINATIONS}/{determination_id}/figures", json={"reason": "curious"})
        assert figures.status_code == 404
    assert sorted(wrong(stranger.post(REFRESHES, json=ASKED))) == ["income_year", "scheme"]
    assert town.rows("SELECT count(*) FROM audit_entry WHERE reason = 'curious'") == [(0,)]


@pytest.mark.parametrize(
    ("method", "address", "scopes", "role"),
    [
        ("GET", SCHEMES, ("eligibility",), None),
        ("GET", f"{SCHEMES}/fritidspas", ("eligibility",), None),
        ("POST", VERSIONS, ("schemes", "eligibility"), "case_worker"),
        ("POST", REFRESHES, ("schemes",), "finance_officer"),
        ("GET", REFRESHES, ("schemes",), "finance_officer"),
        ("GET", f"{REFRESHES}/{{id}}", ("schemes",), "auditor"),
        ("POST", f"{REFRESHES}/{{id}}/approval", ("schemes", "eligibility"), "finance_officer"),
        ("POST", WHAT_IF, ("schemes",), "auditor"),
        ("GET", DETERMINATIONS, ("schemes",), "finance_officer"),
        ("GET", f"{DETERMINATIONS}/{{id}}", ("schemes",), "auditor"),
        ("POST", f"{DETERMINATIONS}/{{id}}/figures", ("schemes", "eligibility"), "administrator"),
    ],
)
def test_who_may_not_is_refused(
    callers: Callers, method: str, address: str, scopes: tuple[str, ...], role: str | None
) -> None:
    at = address.format(id=uuid4())
    assert callers.nobody().request(method, at, json={}).status_code == 401
    assert callers.system(*scopes).request(method, at, json={}).status_code == 403
    if role is not None:
        assert callers.person(role).request(method, at, json={}).status_code == 403


@pytest.mark.parametrize(
    ("address", "asked", "fields"),
    [
        (SCHEMES, {"limit": 0}, ["limit"]),
        (SCHEMES, {"after": "?"}, ["after"]),
        (REFRESHES, {"limit": 201}, ["limit"]),
        (REFRESHES, {"after": "IjEi"}, ["after"]),
        (REFRESHES, {"state": "dry_run"}, ["state"]),
        (REFRESHES, {"scheme": "camps"}, ["scheme"]),
        (DETERMINATIONS, {"scheme": "camps"}, ["scheme"]),
        (DETERMINATIONS, {"after": "IjEi"}, ["after"]),
        (
            DETERMINATIONS,
            {"limit": "x", "period_start": "2017", "outcome": "?", "reason": "?", "run": "1", "in_force": "?"},
            ["in_force", "limit", "outcome", "period_start", "reason", "run"],
        ),
    ],
)
def test_wrong_questions_name_every_field(
    system: Client, address: str, asked: dict[str, Any], fields: list[str]
) -> None:
    assert sorted(wrong(system.get(address, params=asked))) == fields
