"""A municipality with staff, to which clubs apply: who they are, what they are told, and how their pages are opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import msgspec
from litestar.testing import TestClient
from sqlalchemy import NullPool, create_engine, text
from sqlmodel import Session

from service.audit.actions import Actor
from service.clubs import actions, queries
from service.clubs.actions import ClubData
from service.clubs.desk import Desk
from service.clubs.payees import NewPayee
from service.clubs.queries import Club
from service.console import keys
from service.database.engine import Database
from service.identity.actions import Municipality, add_member, add_municipality
from service.identity.messages import Message, unseal
from service.identity.sessions import open_session
from tests.apps import app_over
from tests.identity.clients import HTML, Client

ADMIN, WORKER, FINANCE = "admin@by.example", "worker@by.example", "finance@by.example"
TREASURER, CONTACT = "treasurer@fremad.example", "contact@fremad.example"
NUMBERS = {"dk": "12345674", "no": "974760673"}
OTHERS = {"dk": "87654303", "no": "999888704"}
ACCOUNTS = {"dk": "0040 0440116243", "no": "8601.11.17947"}
IBANS = {"dk": "DK5000400440116243", "no": "NO9386011117947"}
MORE_IBANS = {"dk": "DK9700400440116270", "no": "NO8330001234567"}


class House:
    """A municipality and its staff by e-mail."""

    def __init__(self, database: Database, country: str = "dk", code: str = "0751") -> None:
        self.database, self.keys, self.country, self.code = database, keys(database), country, code
        with database.transaction() as session:
            self.municipality: Municipality = add_municipality(session, code, f"By {code}", country)
        self.accounts = {
            email: self.add_person(email, role)
            for email, role in ((ADMIN, "administrator"), (WORKER, "case_worker"), (FINANCE, "finance_officer"))
        }

    def add_person(self, email: str, role: str, club: UUID | None = None) -> UUID:
        with self.database.transaction(self.municipality.id) as session:
            return add_member(session, self.municipality.id, email, email.partition("@")[0], role, club)

    def desk(self, email: str | None = None) -> Desk:
        """The desk of somebody, or of the command line."""
        actor = Actor(door="page" if email else "command", account_id=self.accounts[email] if email else None)
        return Desk(municipality=self.municipality, keys=self.keys, public_url="http://x.example", actor=actor)

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.database.transaction(self.municipality.id) as session:
            yield session

    def add_club(self, *, account: bool = True, treasurer: bool = True, **data: Any) -> Club:
        """A club that is approved, with an account unless it has none, and a treasurer."""
        known = ClubData("Fremad", "Anna", CONTACT, "20 30 40 50", 100)
        payee = NewPayee("account", ACCOUNTS[self.country]) if account else None
        with self.session() as session:
            club = actions.add_club(
                session,
                self.desk(),
                data.pop("number", NUMBERS[self.country]),
                msgspec.structs.replace(known, **data),
                payee,
                account_approved=account,
            )
        if treasurer:
            self.accounts[TREASURER] = self.add_person(TREASURER, "club_treasurer", club.id)
        return club

    def club(self, club_id: UUID) -> Club:
        with self.session() as session:
            return queries.club_of(session, club_id)

    def sign_in(self, email: str) -> str:
        with self.database.transaction() as session:
            return open_session(session, self.accounts[email], "command", "test")

    @contextmanager
    def browser(self, email: str | None = None, public_url: str = "http://127.0.0.1:8000") -> Iterator[Client]:
        """The browser of somebody who is signed in, or of nobody."""
        with TestClient(app_over(self.database, public_url, requests_a_minute=10_000)) as http:
            http.cookies.set("language", "en")
            if email is not None:
                http.cookies.set("medspiller", self.sign_in(email))
            http.get("/", headers=HTML, follow_redirects=False)
            yield Client(http)

    def as_owner(self, statement: str, **values: Any) -> list[Any]:
        """Rows as the owner of the database sees them."""
        with create_engine(self.database.owner_url, poolclass=NullPool).begin() as connection:
            result = connection.execute(text(statement), values)
            return list(result.all()) if result.returns_rows else []

    def mails(self) -> list[Message]:
        """The e-mails that wait to be sent, the oldest first."""
        rows = self.as_owner(
            "SELECT args FROM procrastinate.procrastinate_jobs WHERE task_name = 'medspiller.email' ORDER BY id"
        )
        return [unseal(self.keys, row.args["sealed"]) for row in rows]

    def told(self, address: str) -> list[str]:
        """The subjects of the e-mails to an address."""
        return [mail.subject for mail in self.mails() if mail.to == address]

    def trail(self) -> list[str]:
        """What was done with clubs, the oldest first."""
        rows = self.as_owner("SELECT action FROM audit_entry WHERE action LIKE 'clubs.%' ORDER BY id")
        return [row.action for row in rows]

    def applying(self, **changes: Any) -> dict[str, Any]:
        """What a club writes on the public page."""
        written = {
            "number": NUMBERS[self.country],
            "name": "Fremad",
            "contact_name": "Anna",
            "contact_email": CONTACT,
            "contact_phone": "20 30 40 50",
            "members": "100",
            "kinds": ["football", "swimming"],
            "payee": "account",
            "account": ACCOUNTS[self.country],
            "agreement": "1",
        }
        return {name: value for name, value in (written | changes).items() if value is not None}

    def apply(self, **changes: Any) -> UUID:
        """Apply on the public page; gives the application's id."""
        with self.browser() as nobody:
            path = f"/apply/clubs/{self.code}"
            answer = nobody.send(path, {"key": nobody.key(path)} | self.applying(**changes))
            assert answer.status_code == 303, answer.text
        with self.session() as session:
            found: UUID = session.execute(text("SELECT max(id::text)::uuid FROM club_application")).scalar_one()
        return found
