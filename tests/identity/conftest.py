"""A municipality with a service, a club and people, and a volunteer organisation."""

from collections.abc import Iterator
from uuid import UUID

import msgspec
import pytest
from sqlmodel import Session

from service.audit.actions import COMMAND
from service.console import keys
from service.database.engine import Database
from service.database.tenancy import act_for
from service.identity.access import Principal
from service.identity.actions import add_member, add_municipality
from service.identity.organisations import add_organisation, add_volunteer_organisation
from service.identity.sessions import open_session, person_behind
from service.values.secrecy import KeyRing

ADMIN, WORKER, TREASURER = "admin@by.example", "worker@by.example", "treasurer@club.example"


class World(msgspec.Struct, frozen=True):
    """Who and what there is."""

    database: Database
    keys: KeyRing
    by: UUID
    neighbour: UUID
    red_cross: UUID
    service: UUID
    club: UUID
    accounts: dict[str, UUID]

    def sign_in(self, email: str, method: str = "command") -> str:
        """A session of this person; its secret."""
        with self.database.transaction() as session:
            return open_session(session, self.accounts[email], method, "test")

    def who(self, secret: str) -> Principal | None:
        """Who has this session."""
        with self.database.transaction() as session:
            return person_behind(session, secret)

    def somebody(self, secret: str) -> Principal:
        """Who has this session; there must be somebody."""
        found = self.who(secret)
        assert found is not None
        return found


def _people(session: Session, by: UUID, neighbour: UUID, club: UUID) -> dict[str, UUID]:
    people = ((ADMIN, "administrator", None), (WORKER, "case_worker", None), (TREASURER, "club_treasurer", club))
    accounts = {email: add_member(session, by, email, email, role, place) for email, role, place in people}
    accounts["other@neighbour.example"] = add_member(
        session, neighbour, "other@neighbour.example", "Other", "administrator"
    )
    return accounts


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with database.transaction() as session:
        by, neighbour = (add_municipality(session, code, f"By {code}", "dk").id for code in ("0751", "0101"))
        red_cross = add_volunteer_organisation(session, "rk", "Red Cross", "no").id
        act_for(session, by)
        service = add_organisation(session, by, "service", "School health", None, COMMAND).id
        club = add_organisation(session, by, "club", "Fremad", "12345678", COMMAND).id
        session.flush()
        accounts = _people(session, by, neighbour, club)
    yield World(
        database=database,
        keys=keys(database),
        by=by,
        neighbour=neighbour,
        red_cross=red_cross,
        service=service,
        club=club,
        accounts=accounts,
    )
