"""Whatever shows somebody of the register leaves an entry in the trail: every route that reads, with real rows."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import Connection, NullPool, create_engine, text

from service.app import create_app
from service.database.engine import Database
from service.identity.actions import add_member
from service.identity.sessions import open_session
from tests.conftest import Medspiller
from tests.passes.town import IN_2017, Town
from tests.test_consistency import ids_of
from tests.walking import allowed, calls_of

ROLES = ("case_worker", "auditor")
NAMES = ("Zenobia", "Quirin", "Tryggvi", "Prøvesen", "Prøvevej", "H1s mor")
"""Of people of the town, and where they live; no page says any of it for another reason."""


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    at("2017-01-20T08:00Z")
    town = Town(medspiller, database, tmp_path)
    town.family("H1", "Zenobia", "Quirin")
    town.family("H2", "Tryggvi", income=None)
    town.load()
    town.commit(IN_2017)
    medspiller("letters", "render", "--municipality", town.municipality.code, "--out", tmp_path / "letters")
    return town


@pytest.fixture
def reader(town: Town) -> Iterator[TestClient[Litestar]]:
    """Somebody who may see all there is of families."""
    with town.session() as session:
        for role in ROLES:
            account = add_member(session, town.municipality.id, "reader@by.example", "Reader", role)
        secret = open_session(session, account, "command", "test")
    with TestClient(create_app(town.database, requests_a_minute=10**9)) as client:
        client.cookies.set("medspiller", secret)
        yield client


@pytest.fixture
def owner(town: Town) -> Iterator[Connection]:
    with create_engine(town.database.owner_url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as made:
        yield made


def test_what_shows_somebody_is_in_the_trail(town: Town, reader: TestClient[Litestar], owner: Connection) -> None:
    everybody = owner.execute(text("SELECT id FROM person WHERE tenant_id = :t"), {"t": town.municipality.id}).scalars()
    ids = [*ids_of(owner, town.municipality.id).values(), *everybody]
    shown, unnoted = set(), []
    for call in calls_of(reader.app):
        public = call.permission == "public"
        if call.method != "GET" or public or not any(allowed(call.permission, role) for role in ROLES):
            continue
        for id_ in ids if call.takes_id else (None,):
            before = _entries(owner)
            answer = reader.get(call.address(id_), headers={"accept": "application/json"}, follow_redirects=False)
            if answer.status_code == 200 and any(name in answer.text for name in NAMES):
                shown.add(call.name)
                unnoted += [] if _entries(owner) > before else [call.name]
    assert unnoted == []
    assert len(shown) > 15, sorted(shown)


def _entries(owner: Connection) -> int:
    count: int = owner.execute(text("SELECT count(*) FROM audit_entry")).scalar_one()
    return count
