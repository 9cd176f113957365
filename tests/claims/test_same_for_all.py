"""What a club sees is the same whatever the ground of the pass: an award, the income rule, an area, on the spot."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from service.audit.actions import COMMAND
from service.claims.queries import Wanted, own_claims
from service.database.engine import Database
from tests.calls import Callers, Client, callers_of
from tests.claims.clubs import NUMBERS, open_club, system_of
from tests.claims.staff import read, send
from tests.claims.test_club_pages import treasurer_of
from tests.conftest import Medspiller
from tests.passes.town import HIGH, Town

GROUNDS = {"Ada": "decision", "Bo": "income_within_limit", "Carl": "area", "Dora": "review"}
"""A child of each ground."""


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Four families, each entitled in another way, all of it live."""
    at("2017-02-01T08:00Z")
    made = Town(medspiller, database, tmp_path)
    made.family("H1", "Ada", income=HIGH)
    made.family("H2", "Bo")
    made.family("H3", "Carl", income=HIGH, district="gellerup")
    made.family("H4", "Dora", income=None)
    made.award("Ada")
    made.parameters("areas=gellerup")
    made.load()
    made.commit()
    return made


@pytest.fixture
def callers(town: Town) -> Iterator[Callers]:
    with callers_of(town.database, town.municipality) as made:
        yield made


def issue_on_the_spot(town: Town, callers: Callers, child: str) -> None:
    [(person,)] = town.rows("SELECT id FROM person WHERE given_name = :child", child=child)
    body = {"person_key": str(person), "reason": "Home visit", "evidence": "conversation"}
    answer = callers.person("case_worker").post("/api/v1/passes/on-the-spot", json=body)
    assert answer.status_code in (200, 201), answer.text


class Alike:
    """What was answered for each child, with what must differ (ids, names, numbers) taken out."""

    def __init__(self, child: str, number: str) -> None:
        self._own = (child, number)

    def __call__(self, content: str) -> str:
        for own in self._own:
            content = content.replace(own, "X")
        content = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", content)
        return re.sub(r'name="(_csrf_token|key)" value="[^"]+"|x-csrftoken[^}]+', "", content)


def seen_by_the_club(town: Town, system: Client, treasurer: Client, club: UUID, child: str) -> list[str]:
    """Everything the club is answered about a child, from the check to the withdrawal, byte for byte."""
    number = town.number(child)
    alike = Alike(child, number)
    body: dict[str, Any] = {"pass_number": number, "given_name": child, "fee_ore": 30_000}
    seen = [system.post("/api/v1/coverage", json=body | more) for more in ({}, {"kind": "equipment"})]
    seen.append(system.post("/api/v1/coverage", json=body | {"given_name": "Ingen"}))
    seen.append(system.post("/api/v1/reservations", json=body | {"activity": "Skak"}))
    season = {"activity": "Fodbold", "season_start": "2017-01-10", "season_end": "2017-06-30"}
    seen += [system.post("/api/v1/claims", json=body | season | more) for more in ({}, {}, {"given_name": "Ingen"})]
    batch = json.dumps(body | season | {"activity": "Dans", "fee_ore": 90_000})
    seen.append(system.post("/api/v1/claims/batch", content=batch, headers={"Content-Type": "application/jsonl"}))
    claim_id = seen[4].json()["id"]
    seen.append(system.get(f"/api/v1/claims/{claim_id}"))
    pages = [send(treasurer, "/club/claims/share", pass_number=number, given_name=child, fee="300").text]
    pages += [
        read(treasurer, path) for path in (f"/club/claims/{claim_id}", "/club/claims", "/club/claims/reservations")
    ]
    seen.append(system.get("/api/v1/claims"))
    seen.append(system.get("/api/v1/reservations"))
    for one in system.get("/api/v1/claims").json()["items"]:
        if one["state"] in ("approved", "submitted"):
            seen.append(system.post(f"/api/v1/claims/{one['id']}/withdrawal"))
    seen.append(system.post(f"/api/v1/reservations/{seen[3].json()['id']}/release"))
    said = [alike(f"{answer.status_code} {answer.headers.get('content-type')} {answer.text}") for answer in seen]
    return said + [alike(page) for page in pages]


def test_a_club_sees_the_same_whatever_the_ground(town: Town, callers: Callers) -> None:
    issue_on_the_spot(town, callers, "Dora")
    grounds = town.rows(
        """SELECT c.given_name, d.reason, r.kind FROM leisure_pass p JOIN person c ON c.id = p.person_id
        JOIN determination d ON d.id = p.determination_id JOIN refresh_run r ON r.id = d.run_id ORDER BY 1"""
    )
    # All four are live, each for another reason.
    assert [name for name, *_ in grounds] == list(GROUNDS)
    assert len({(reason, kind) for _, reason, kind in grounds}) == 4, grounds
    seen = {}
    for n, child in enumerate(GROUNDS):
        # A club of its own for each, so that lists hold the same.
        club = open_club(town, "Klubben", NUMBERS[n])
        system, treasurer = system_of(callers, town, club), treasurer_of(callers, town, club)
        seen[child] = [
            re.sub(r"10203\d{3}", "NUMBER", one) for one in seen_by_the_club(town, system, treasurer, club, child)
        ]
        with town.session() as session:
            assert len(own_claims(session, town.municipality, club, Wanted(), 50, None, COMMAND)) == 4
    first = seen.pop("Ada")
    assert all(len(first) == len(other) for other in seen.values())
    for child, other in seen.items():
        for mine, theirs in zip(first, other, strict=True):
            assert theirs == mine, child
    assert not re.search("award|bevilling|income|indkomst|gellerup|Prøvesen", "".join(first), re.IGNORECASE)
