"""Clubs that may claim, and what they claim, for tests that need money to have been spent."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, Protocol
from uuid import UUID

import msgspec

from service.audit.actions import COMMAND, Actor
from service.claims.actions import Made, NewClaim, submit_claim
from service.claims.desk import Desk
from service.clubs.actions import ClubData, accept_agreement, add_club
from service.clubs.desk import Desk as ClubDesk
from service.clubs.settings import keep_agreement
from service.console import keys
from service.database.engine import Database
from service.identity.access import Place
from service.identity.actions import Municipality, find_municipality
from service.identity.tokens import make_token
from tests.calls import Callers, Client
from tests.passes.town import Town

NUMBERS = ("10203058", "10203155", "10203252", "10203368", "10203465", "10203562")
CLUB = Actor(door="api")


class Here(Protocol):
    """A municipality in its database, such as a Town."""

    @property
    def database(self) -> Database: ...
    @property
    def municipality(self) -> Municipality: ...


class Somewhere(msgspec.Struct, frozen=True):
    """A municipality that is no Town."""

    database: Database
    municipality: Municipality


def open_club(
    town: Here,
    name: str = "Boldklubben",
    number: str = NUMBERS[0],
    members: int | None = None,
    email: str | None = None,
) -> UUID:
    """An approved club that has accepted the agreement; gives its id."""
    with town.database.transaction(town.municipality.id) as session:
        at = ClubDesk(town.municipality, keys(town.database), "http://testserver", COMMAND)
        data = ClubData(name, contact_email=email, members=members)
        club = add_club(session, at, number, data, None, account_approved=False)
        version = keep_agreement(session, town.municipality).version
        accept_agreement(session, at, club.id, version)
    return club.id


@contextmanager
def desk(town: Here, club_id: UUID) -> Iterator[Desk]:
    """A club's desk for one transaction."""
    with town.database.transaction(town.municipality.id) as session:
        yield Desk(town.database, session, town.municipality, club_id, keys(town.database), CLUB)


def claim(town: Town, club_id: UUID, child: str, fee_ore: int = 60_000, **changes: Any) -> Made:
    """A claim for a child by its live pass, for a season of 2017; `changes` are fields of NewClaim."""
    number = changes.pop("pass_number", None) or town.number(child)
    return claim_on(town, club_id, number, child, fee_ore, **changes)


def claim_on(town: Here, club_id: UUID, pass_number: str, child: str, fee_ore: int = 60_000, **changes: Any) -> Made:
    """The same by the number of the pass."""
    new = NewClaim(
        pass_number=pass_number,
        given_name=child,
        fee_ore=fee_ore,
        activity="Fodbold",
        season_start=date(2017, 1, 10),
        season_end=date(2017, 6, 30),
    )
    with desk(town, club_id) as here:
        return submit_claim(here, msgspec.structs.replace(new, **changes))


def ledger(town: Town, child: str) -> list[tuple[str, int]]:
    """The entries of a child's passes, in the order in which they were made."""
    rows = town.rows(
        """SELECT e.kind, e.amount_ore FROM pass_entry e JOIN leisure_pass p ON p.id = e.pass_id
        JOIN person c ON c.id = p.person_id WHERE c.given_name = :child ORDER BY e.entered_at, e.id""",
        child=child,
    )
    return [(kind, ore) for kind, ore in rows]


def system_of(callers: Callers, town: Town, club_id: UUID) -> Client:
    """The club's own system, with a token."""
    client = callers.nobody()
    client.headers["authorization"] = f"Bearer {club_token(town, club_id)}"
    return client


def club_token(town: Town, club_id: UUID) -> str:
    """A token for the systems of a club."""
    with town.database.transaction() as session:
        found = find_municipality(session, town.municipality.code)
    with town.session() as session:
        at = Place(found.id, "municipality", found.code, found.name, found.country, found.time_zone, found.language)
        place = msgspec.structs.replace(at, organisation_id=club_id, organisation_kind="club")
        return make_token(session, place, "members", ("claims",), COMMAND).token
