"""Who looks at whom: a town with a plain, a protected and a neighbouring family, and people with sessions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from litestar.testing import TestClient

from service.database.engine import Database
from service.identity.actions import add_member, find_tenant
from service.identity.sessions import open_session
from tests.apps import app_over
from tests.conftest import Medspiller
from tests.identity.clients import HTML, Client
from tests.passes.town import HIGH, Town

STREET = "Hemmelig vej 7"


class Place:
    """The town, and the browsers of its people."""

    def __init__(self, medspiller: Medspiller, database: Database, folder: Path) -> None:
        self.town = Town(medspiller, database, folder)
        self.database = database
        self.town.family("fattig", "Frida", "Finn")
        self.town.family("rig", "Rikke", income=HIGH)
        self.town.family("skjult", "Sofie", street=STREET, address_protected=1)
        self.town.load()
        self.town.commit()
        self.town.batch()
        self.town.send()

    def person(self, name: str) -> UUID:
        [(found,)] = self.town.rows("SELECT id FROM person WHERE given_name = :name", name=name)
        known: UUID = found
        return known

    def household(self, reference: str) -> UUID:
        [(found,)] = self.town.rows("SELECT id FROM household WHERE reference = :name", name=reference)
        known: UUID = found
        return known

    def number(self, name: str) -> str:
        """The identity number of somebody."""
        return str(self.town.of(name)["person_id"])

    @contextmanager
    def browser(self, role: str, code: str = "0751", kind: str = "municipality") -> Iterator[Client]:
        """The browser of somebody with this role who is signed in."""
        with self.database.transaction() as session:
            tenant = find_tenant(session, kind, code).id
        with self.database.transaction(tenant) as session:
            account = add_member(session, tenant, f"{role}@{code}.example", f"The {role}", role)
            secret = open_session(session, account, "provider", "a browser", strong=True)
        app = app_over(self.database, requests_a_minute=10_000)
        with TestClient(app, raise_server_exceptions=False) as http:
            http.cookies.set("medspiller", secret, domain="testserver.local")
            http.cookies.set("language", "en", domain="testserver.local")
            http.get("/", headers=HTML, follow_redirects=False)
            yield Client(http)

    def entries(self, action: str) -> list[tuple[Any, ...]]:
        """What the trail has of an action, the oldest first: subject, reason and details."""
        return self.town.rows(
            "SELECT subject_id, reason, details FROM audit_entry WHERE action = :action ORDER BY id", action=action
        )
