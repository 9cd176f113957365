"""A volunteer organisation with a season, two municipalities with services that refer, and one without a Medspiller."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import UUID

from litestar.testing import TestClient
from sqlalchemy import NullPool, create_engine, text
from sqlmodel import Session

from service.audit.actions import COMMAND, Actor
from service.console import keys
from service.database.engine import Database
from service.database.tenancy import act_for
from service.identity.actions import Municipality, add_member, add_municipality
from service.identity.messages import Message, unseal
from service.identity.organisations import add_organisation, add_volunteer_organisation
from service.identity.sessions import open_session
from service.stays import actions, seasons
from service.stays.rules import SeasonDates, StayFigures
from tests.apps import app_over
from tests.identity.clients import HTML, Client

NOW = "2026-03-01T08:00Z"
LATE = "2026-05-15T08:00Z"
TODAY = date(2026, 3, 1)
DATES = SeasonDates(
    first_day=date(2026, 6, 20),
    last_day=date(2026, 8, 15),
    referral_deadline=date(2026, 5, 1),
    list_deadline=date(2026, 5, 8),
    planned_on=date(2026, 5, 20),
)
CRITERIA = "The family has lived in the country for three years, or one parent speaks Norwegian"


def stay(code: str, starts_on: date = date(2026, 6, 27), **changes: Any) -> StayFigures:
    """A stay of a week for ten families."""
    values: dict[str, Any] = {
        "code": code,
        "region": "",
        "starts_on": starts_on,
        "ends_on": date.fromordinal(starts_on.toordinal() + 7),
        "family_places": 10,
        "person_places": 48,
        "volunteers": 8,
        "min_child_age": 6,
        "max_child_age": 13,
        "min_families": 6,
        "assembly_points": ("Oslo bussterminal",),
        "included": "Food and activities",
        "accessibility": "Step-free",
    }
    return StayFigures(**(values | changes))


class Camp:
    """Who and what there is. `by` are the tenants by name; people are found by theirs."""

    def __init__(self, database: Database) -> None:
        self.database, self.keys = database, keys(database)
        with database.transaction() as session:
            self.organisation = add_volunteer_organisation(session, "ferie", "Ferie for alle", "no").id
            self.municipality = add_municipality(session, "4601", "Bergvik", "no")
            self.neighbour = add_municipality(session, "4602", "Nabovik", "no")
        self.health = self._service(self.municipality, "Helsestasjonen")
        self.welfare = self._service(self.municipality, "Barnevernet")
        self.other = self._service(self.neighbour, "Skolehelsen")
        self.people: dict[str, tuple[UUID, UUID]] = {}
        self._person("nurse", self.municipality.id, "referrer", self.health)
        self._person("welfare", self.municipality.id, "referrer", self.welfare)
        self._person("worker", self.municipality.id, "case_worker")
        self._person("leader", self.municipality.id, "administrator")
        self._person("neighbour nurse", self.neighbour.id, "referrer", self.other)
        self._person("neighbour worker", self.neighbour.id, "case_worker")
        self._person("coordinator", self.organisation, "coordinator")
        self._person("volunteer", self.organisation, "volunteer")
        self.stays: dict[str, UUID] = {}

    def _service(self, municipality: Municipality, name: str) -> UUID:
        with self.database.transaction(municipality.id) as session:
            return add_organisation(session, municipality.id, "service", name, None, COMMAND).id

    def _person(self, name: str, tenant: UUID, role: str, service: UUID | None = None) -> None:
        email = f"{name.replace(' ', '.')}@by.example"
        with self.database.transaction(tenant) as session:
            self.people[name] = add_member(session, tenant, email, f"The {name}", role, service), tenant

    def actor(self, name: str) -> Actor:
        return Actor(door="page", account_id=self.people[name][0])

    def plan(self, *codes: str, published: bool = True) -> UUID:
        """A season of the only district with these stays, offered to both municipalities and to Uvik by spreadsheet."""
        by = self.actor("coordinator")
        with self.session(self.organisation) as session:
            self.district = actions.keep_district(
                session,
                self.organisation,
                None,
                name="Vestland",
                contact_name="Kari Koordinator",
                contact_phone="90000001",
                contact_email="vestland@ferie.example",
                criteria=CRITERIA,
                actor=by,
            )
            for name, code in (("Bergvik", "4601"), ("Nabovik", "4602"), ("Uvik", None)):
                actions.add_municipality_to(session, self.organisation, self.district, name, code, by)
            self.season = seasons.add_season(session, self.organisation, self.district, "Sommer 2026", DATES, by)
            self.centre = actions.keep_centre(
                session,
                self.organisation,
                None,
                name="Fjellheim",
                region="Vest",
                address="Fjellveien 1",
                accessibility="",
                rooms="Rom 1, 4\nRom 2, 6",
                actor=by,
            )
        for code in codes or ("A1", "A2"):
            self.add(stay(code))
        if published:
            with self.session(self.organisation) as session:
                assert seasons.publish_season(session, self.organisation, self.season, by) == 2
        return self.season

    def add(self, figures: StayFigures) -> UUID:
        with self.session(self.organisation) as session:
            by = self.actor("coordinator")
            made = seasons.keep_stay(session, self.organisation, self.season, None, self.centre, figures, by)
        self.stays[figures.code] = made
        return made

    def place(self, name: str) -> UUID:
        """A municipality of the district."""
        [(found,)] = self.rows(self.organisation, "SELECT id FROM district_municipality WHERE name = :n", n=name)
        known: UUID = found
        return known

    @contextmanager
    def session(self, tenant: UUID) -> Iterator[Session]:
        with self.database.transaction(tenant) as session:
            yield session

    def rows(self, tenant: UUID, query: str, **values: object) -> list[tuple[Any, ...]]:
        with self.session(tenant) as session:
            return [tuple(row) for row in session.execute(text(query), values)]

    def as_owner(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """What the owner of the database sees, who sees every tenant's rows."""
        with create_engine(self.database.owner_url, poolclass=NullPool).begin() as connection:
            result = connection.execute(text(query), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def e_mails(self) -> list[Message]:
        """The e-mails that wait to be sent, the oldest first."""
        query = "SELECT args FROM procrastinate.procrastinate_jobs WHERE task_name = 'medspiller.email' ORDER BY id"
        return [unseal(self.keys, args["sealed"]) for (args,) in self.as_owner(query)]

    def sign_in(self, name: str) -> str:
        """The secret of a session of somebody."""
        account, tenant = self.people[name]
        with self.database.transaction() as session:
            act_for(session, tenant)
            return open_session(session, account, "provider", "a browser", strong=True)

    @contextmanager
    def browser(self, name: str) -> Iterator[Client]:
        """The browser of somebody who is signed in."""
        app = app_over(self.database, requests_a_minute=100_000)
        with TestClient(app, raise_server_exceptions=False) as http:
            http.cookies.set("medspiller", self.sign_in(name), domain="testserver.local")
            http.cookies.set("language", "en", domain="testserver.local")
            http.get("/", headers=HTML, follow_redirects=False)
            yield Client(http)
