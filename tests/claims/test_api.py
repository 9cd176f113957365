"""Claims in the API, called by a club's own system."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.calls import Callers, Client, callers_of
from tests.claims.clubs import system_of
from tests.passes.town import Town

API = "/api/v1"


@pytest.fixture
def callers(town: Town) -> Iterator[Callers]:
    with callers_of(town.database, town.municipality) as made:
        yield made


@pytest.fixture
def system(callers: Callers, town: Town, club: UUID) -> Client:
    """The club's own system."""
    return system_of(callers, town, club)


def asked(town: Town, child: str = "Nour", **changes: Any) -> dict[str, Any]:
    body = {
        "pass_number": town.number(child),
        "given_name": child,
        "fee_ore": 60_000,
        "activity": "Fodbold",
        "season_start": "2017-01-10",
        "season_end": "2017-06-30",
    }
    return body | changes


def test_coverage_then_a_claim(town: Town, system: Client) -> None:
    number = town.number("Nour")
    answer = system.post(f"{API}/coverage", json={"pass_number": number, "given_name": "Nour", "fee_ore": 120_000})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "valid": True,
            "name_matches": True,
            "remaining_ore": 100_000,
            "covered_ore": 100_000,
            "family_share_ore": 20_000,
            "valid_to": "2017-12-31",
        },
    )
    answer = system.post(f"{API}/claims", json=asked(town, fee_ore=120_000))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made.pop("id")
    assert made == {
        "state": "approved",
        "fee_ore": 120_000,
        "covered_ore": 100_000,
        "family_share_ore": 20_000,
        "expected_payment_date": "2017-02-15",
        "reasons": [],
    }
