"""What the description of the API says of every call, and the page on which people read it."""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, get_args, get_type_hints

import jsonschema_rs
import msgspec
import pytest
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from service.database.engine import Database
from service.web.examples import example_of
from tests.apps import app_over

Call = tuple[str, dict[str, Any]]

WITHOUT_A_KEY = {
    # Read or reckon, and change nothing.
    "POST /api/v1/allocation-runs/{run_id}/what-if",
    "POST /api/v1/coverage",
    "POST /api/v1/determinations/{determination_id}/figures",
    "POST /api/v1/eligibility/what-if",
    "POST /api/v1/households/{household_id}/unmask",
    "POST /api/v1/passes/on-the-spot/{act_id}/letter",
    "POST /api/v1/passes/search",
    "POST /api/v1/persons/search",
    "POST /api/v1/persons/{person_key}/unmask",
    "POST /api/v1/search",
    "POST /api/v1/trail/family",
    # Said twice it has said no more than once.
    "POST /api/v1/allocation-runs/{run_id}/confirmation",
    "POST /api/v1/club-applications",
    "POST /api/v1/offers/{offer_id}/answer",
    "POST /api/v1/offers/{offer_id}/cancellation",
    "POST /api/v1/offers/{offer_id}/return",
    "POST /api/v1/offers/{offer_id}/time",
    "POST /api/v1/offers/{offer_id}/withdrawal",
    "POST /api/v1/seasons/{season_id}/offers/letters",
    "POST /api/v1/seasons/{season_id}/offers/reminders",
    "POST /api/v1/stays/{stay_id}/reoffer",
    # Asked for again it is wanted again.
    "POST /api/v1/referrals/{referral_id}/offer-link",
    "POST /api/v1/offers/{offer_id}/reminder",
    "POST /api/v1/payment-dates/{pays_on}/removal",
    "POST /api/v1/payment-statuses",
    "POST /api/v1/received-lists/doubles",
    "POST /api/v1/received-lists/{list_id}/confirmation",
    "POST /api/v1/received-lists/{list_id}/withdrawals",
    "POST /api/v1/referral-cases/decisions",
    "POST /api/v1/referral-cases/parts/{referral_id}/lead",
    "POST /api/v1/referral-cases/questions",
    "POST /api/v1/referral-cases/shared",
    "POST /api/v1/referral-cases/{case_id}/look",
    "POST /api/v1/referral-cases/{case_id}/withdrawal",
    "POST /api/v1/referrals/{referral_id}/answer",
    "POST /api/v1/referrals/{referral_id}/withdrawal",
    "POST /api/v1/reservations/{reservation_id}/release",
    "POST /api/v1/seasons/{season_id}/closing",
    "POST /api/v1/seasons/{season_id}/opening",
    "POST /api/v1/seasons/{season_id}/publication",
    "POST /api/v1/seasons/{season_id}/stays/import",
    "POST /api/v1/stay-roles/{role_id}/confirmation",
    "POST /api/v1/stays/{stay_id}/attendance",
    "POST /api/v1/stays/{stay_id}/cancellation",
    "POST /api/v1/jobs/{job}/pause",
    "POST /api/v1/jobs/{job}/resume",
    "POST /api/v1/jobs/{job}/runs",
    "POST /api/v1/review/held/{act_id}/withdrawal",
    # Its answer is kept nowhere.
    "POST /api/v1/tokens",
}
"""Calls that take no Idempotency-Key, and why; every other that does something takes one."""

WHOLE = {
    "GET /api/v1/jobs",
    # The parts of one thing, or one a year, or one a club.
    "GET /api/v1/budgets",
    "GET /api/v1/claims/decision-days",
    "GET /api/v1/club/treasurers",
    "GET /api/v1/club-signals",
    "GET /api/v1/districts/{district_id}/municipalities",
    "GET /api/v1/seasons/{season_id}/fallbacks",
    "GET /api/v1/seasons/{season_id}/municipalities",
    "GET /api/v1/stays/{stay_id}/roles",
    # What waits for a person to look at it.
    "GET /api/v1/club-checks",
    "GET /api/v1/payment-statuses/odd",
    "GET /api/v1/received-lists/doubles",
    "GET /api/v1/referral-cases/shared",
    "GET /api/v1/sample-checks",
}
"""Lists that are short by what they are: they come whole."""


@pytest.fixture
def pages(database: Database) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(database)) as client:
        yield client


def described(pages: TestClient[Any]) -> tuple[dict[str, Any], list[Call]]:
    document = pages.get("/schema/openapi.json").json()
    calls = [
        (f"{method.upper()} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if path.startswith("/api/")
    ]
    assert len(calls) > 80
    return document, calls


def fits(document: dict[str, Any], schema: dict[str, Any], value: Any) -> bool:
    whole = schema | {"components": document["components"]}
    return bool(jsonschema_rs.Draft202012Validator(whole, validate_formats=True).is_valid(value))


def test_every_body_and_answer_has_an_example_that_fits(pages: TestClient[Any]) -> None:
    document, calls = described(pages)
    wrong = []
    for name, operation in calls:
        holders = {"body": operation.get("requestBody", {}), **operation["responses"]}
        for status, holder in holders.items():
            for media, content in holder.get("content", {}).items():
                if media.endswith("json"):
                    fitting = "example" in content and fits(document, content["schema"], content["example"])
                    wrong += [] if fitting else [(name, status, content.get("example"))]
    assert wrong == []


def test_the_examples_are_words_of_the_field(pages: TestClient[Any]) -> None:
    """Of the calls that systems make most, no field's example is only its own name."""
    _, calls = described(pages)
    asked = ("passes", "letters", "eligibility/refreshes", "determinations", "members", "register/imports")
    for name, operation in calls:
        answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        if name in {f"GET /api/v1/{noun}" for noun in asked}:
            [item] = answer["example"]["items"]
            assert [field for field, value in item.items() if value == field.replace("_", " ")] == [], name


def test_a_type_that_holds_itself_has_an_example() -> None:
    types = {"Tree": {"type": "object", "properties": {"of": {"type": "array", "items": {"$ref": "#/x/Tree"}}}}}
    assert json.dumps(example_of({"$ref": "#/x/Tree"}, types)).count("of") < 10


def test_every_call_says_what_it_does_and_what_else_it_may_answer(pages: TestClient[Any]) -> None:
    _, calls = described(pages)
    for name, operation in calls:
        assert operation.get("description"), name
        assert {"400", "401", "403", "404", "409", "413", "422", "429", "503"} <= set(operation["responses"]), name
        of_query = [one for one in operation.get("parameters", []) if one["in"] == "query"]
        assert [one["name"] for one in of_query if not one.get("description")] == [], name


def test_no_address_holds_anything_personal(pages: TestClient[Any]) -> None:
    """Names, numbers and whatever is written are sent in bodies: addresses stand in logs and histories."""
    document, _ = described(pages)
    personal = re.compile("name|email|number|birth|text|phone|street|city|^q$|household$|identity|secret|token$")
    # A print batch counts from 1 in its municipality.
    # The numbers and names of clubs stand in public registers.
    harmless = {
        ("/api/v1/letters/batches", "number"),
        ("/api/v1/club-applications", "number"),
        ("/api/v1/clubs", "q"),
    }
    found = [
        (path, one["name"])
        for path, item in document["paths"].items()
        for operation in item.values()
        for one in operation.get("parameters", [])
        if one["in"] in ("path", "query") and personal.search(one["name"])
    ]
    assert [
        (path, name) for path, name in found if not any(path.startswith(p) and name == n for p, n in harmless)
    ] == []


def structs_in(type_: Any) -> Iterator[type[msgspec.Struct]]:
    """The Structs that a type is or holds."""
    info = msgspec.inspect.type_info(type_)
    if isinstance(info, msgspec.inspect.StructType):
        yield info.cls
        for field in info.fields:
            yield from structs_in(_hint(info.cls, field.name))
    for inner in get_args(type_):
        if inner is not type(None) and not isinstance(inner, msgspec.Meta | str | int):
            yield from structs_in(inner)


def _hint(struct: type[msgspec.Struct], field: str) -> Any:
    return get_type_hints(struct, include_extras=True)[field]


def test_no_body_takes_a_field_that_it_does_not_know(database: Database) -> None:
    """Mass assignment: what a caller may not set is refused, not passed over, wherever in the body it stands."""
    bodies = {
        handler.parsed_data_field.annotation
        for route in app_over(database).routes
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/")
        for handler, _ in route.route_handler_map.values()
        if handler.parsed_data_field is not None
    }
    structs = {struct for body in bodies for struct in structs_in(body)}
    assert len(structs) > 15
    assert [one.__name__ for one in structs if not one.__struct_config__.forbid_unknown_fields] == []


def test_every_call_that_does_something_takes_a_key_and_every_list_a_cursor(pages: TestClient[Any]) -> None:
    document, calls = described(pages)
    keyless = set()
    for name, operation in calls:
        parameters = {one["name"] for one in operation.get("parameters", [])}
        if name.startswith("POST") and "Idempotency-Key" not in parameters:
            keyless.add(name)
        answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        type_ = document["components"]["schemas"].get(answer.get("$ref", "").rsplit("/", 1)[-1], answer)
        if name.startswith("GET") and ("items" in type_.get("properties", {}) or type_.get("type") == "array"):
            assert {"limit", "after"} <= parameters or name in WHOLE, name
    assert keyless == WITHOUT_A_KEY


def test_the_page_shows_every_call_with_who_may_and_an_example(pages: TestClient[Any]) -> None:
    _, calls = described(pages)
    answer = pages.get("/schema", headers={"accept": "text/html"})
    assert answer.status_code == 200
    page = unescape(answer.text)
    for name, operation in calls:
        assert f"<code>{name}</code>" in page, name
        assert operation["description"].splitlines()[0].split(".")[0] in re.sub("</?code>", "`", page), name
    assert "Import an extract: administrator, case worker; a token with the scope <code>register</code>" in page
    assert "Confirm an import that a gate holds: administrator, case worker; no token" in page
    assert '"given_name": "Maja"' in page
    assert "<script src=" in page
