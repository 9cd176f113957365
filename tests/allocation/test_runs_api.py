"""A season's allocation through the API and by command: the same as on the pages."""

from typing import Any

import pytest

from tests.allocation.season import Planning, family
from tests.conftest import Medspiller


@pytest.fixture
def listed(planning: Planning, at: Any) -> Planning:
    stays = planning.camp.stays
    planning.camp.as_owner("UPDATE stay SET family_places = 2, min_families = 0")
    planning.lists(*(family(f"F{number}", 3, stays["A1"], contact=f"Contact {number}") for number in range(5)))
    return planning


def test_from_points_to_plan(listed: Planning, at: Any) -> None:
    season = f"/seasons/{listed.season}"
    with listed.camp.browser("coordinator") as client:
        assert client.call("PUT", f"{season}/points", {"need": 11}).json()["need"] == 11
        drawn = client.call("PUT", f"{season}/draw").json()
        assert (drawn["in_time"], drawn["seed"]) == (True, None)
        early = client.call("POST", f"{season}/allocation-runs", {})
        assert (early.status_code, early.json()["detail"]) == (
            409,
            "Lists are handed over until 2026-05-08. Allocate after that.",
        )
    at("2026-05-15T08:00Z")
    with listed.camp.browser("coordinator") as client:
        assert client.call("PUT", f"{season}/points", {"need": 12}).status_code == 409
        shown = client.call("GET", f"{season}/allocation").json()
        assert (shown["points"]["need"], shown["closed"], shown["families"], shown["persons"]) == (11, True, 5, 15)
        key = {"idempotency-key": "the only run"}
        made = client.call("POST", f"{season}/allocation-runs", {}, **key).json()
        assert client.call("POST", f"{season}/allocation-runs", {}, **key).json() == made
        assert (made["number"], made["state"], made["current"]) == (1, "made", True)
        assert made["totals"]["totals"]["placed"] == 2
        run = f"/allocation-runs/{made['id']}"
        first = client.call("GET", f"{run}/families?limit=3").json()
        rest = client.call("GET", f"{run}/families?limit=3&after={first['next']}").json()
        assert [one["rank"] for one in first["items"] + rest["items"]] == [1, 2, 3, 4, 5]
        assert first["items"][0]["contact"].startswith("Contact ")
        waiting = client.call("GET", f"{run}/families?outcome=waiting").json()["items"]
        assert [one["stay"] for one in waiting] == [None] * 3
        tried = client.call("POST", f"{run}/what-if", {"one_more": ["A1"]}).json()
        assert (tried["as_it_is"]["placed"], tried["as_it_would_be"]["placed"]) == (2, 4)
        assert client.call("POST", f"{run}/what-if", {}).status_code == 400
        assert client.call("POST", f"{run}/what-if", {"one_more": ["A9"]}).status_code == 404
        assert client.call("POST", f"{run}/confirmation").json() == {"placed": 2}
        assert client.call("POST", f"{run}/confirmation").status_code == 409
        other = client.call("POST", f"{season}/allocation-runs", {"late": True}).json()
        compared = client.call("GET", f"/allocation-runs/{other['id']}/comparison?with_run={made['id']}").json()
        assert (compared["unchanged"], compared["gained"]) == (2, [])
        assert [one["state"] for one in client.call("GET", f"{season}/allocation-runs").json()["items"]] == [
            "made",
            "confirmed",
        ]
    with listed.camp.browser("volunteer") as client:
        assert client.call("GET", run).json()["state"] == "confirmed"
        assert client.call("PUT", f"{season}/draw").status_code == 403
        assert client.call("POST", f"/allocation-runs/{other['id']}/confirmation").status_code == 403


def test_by_command(listed: Planning, at: Any, medspiller: Medspiller) -> None:
    named = ("--organisation", "ferie", "--season", "Sommer 2026")
    assert medspiller("allocation", "publish-weights", *named, "--weight", "never=25")["weights"]["never"] == 25
    committed = medspiller("allocation", "commit-draw", *named)["commitment"]
    assert "Allocate after that" in medspiller.fails("allocation", "run", *named)
    at("2026-05-15T08:00Z")
    first = medspiller("allocation", "run", *named, "--move-within-region", "--worse-wishes", 2)
    assert (first["run"], first["state"], first["totals"]["placed"]) == (1, "made", 2)
    second = medspiller("allocation", "run", *named, "--confirm")
    assert second["state"] == "confirmed"
    assert medspiller("allocation", "confirm", *named, "--run", 1)["placed"] == 2
    assert [one["state"] for one in medspiller("allocation", "runs", *named)["runs"]] == ["replaced", "confirmed"]
    assert medspiller("allocation", "commit-draw", *named)["commitment"] == committed
    assert "There is no run 9" in medspiller.fails("allocation", "confirm", *named, "--run", 9)
