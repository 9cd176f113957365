"""A municipality that pays, its three people, and clubs with claims."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from service.audit.actions import COMMAND, Actor
from service.database.engine import Database
from service.identity.actions import add_member
from service.payments.settings import set_settings
from tests.claims.clubs import claim, open_club
from tests.conftest import Medspiller
from tests.passes.town import IN_2017, Town

ACCOUNTS = ("DK5000400440116243", "DK2930000001234567", "DK9520000123456789")


class Paying(msgspec.Struct, frozen=True):
    """A town with claims, and the three who pay: each does one of the steps."""

    town: Town
    creator: Actor
    approver: Actor
    releaser: Actor

    def pay_to(self, club_id: UUID, account: str = ACCOUNTS[0]) -> UUID:
        """Give a club an account that money may go to from now on, in the place of the one before."""
        with self.town.session() as session:
            # Of two from the same day the newer holds, which the database's own ids tell.
            payee: UUID = session.execute(text("SELECT uuidv7()")).scalar_one()
            session.execute(
                text(
                    """UPDATE club_payee SET state = 'replaced', ended_at = now()
                    WHERE club_id = :club AND state = 'approved'"""
                ),
                {"club": club_id},
            )
            session.execute(
                text(
                    """INSERT INTO club_payee (tenant_id, id, club_id, kind, account, state, proposed_at, decided_at,
                        usable_from) VALUES (:tenant, :id, :club, 'account', :account, 'proposed', now(), NULL, NULL)"""
                ),
                {"tenant": self.town.municipality.id, "id": payee, "club": club_id, "account": account},
            )
            session.execute(
                text(
                    """UPDATE club_payee SET state = 'approved', decided_at = '2017-02-01T08:00Z',
                        usable_from = '2017-02-01' WHERE id = :id"""
                ),
                {"id": payee},
            )
        return payee

    def club(self, name: str, number: str, claims: int, fee_ore: int) -> UUID:
        """A club without an account, and one claim for each of that many children."""
        club_id = open_club(self.town, name, number)
        for child in range(claims):
            made = claim(self.town, club_id, f"{name}{child}", fee_ore, pass_number=self.numbers()[f"{name}{child}"])
            assert made.state == "approved"
        return club_id

    def numbers(self) -> dict[str, str]:
        """The pass numbers by child."""
        return {row["given_name"]: row["pass_number"] for row in self.town.listed()}


@pytest.fixture
def paying(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Paying:
    """Nothing is claimed yet; families have children enough."""
    at("2017-02-01T08:00Z")
    town = Town(medspiller, database, tmp_path)
    for club, children in (("A", 30), ("B", 8), ("C", 4)):
        town.family(f"H{club}", *(f"{club}{number}" for number in range(children)))
    town.load()
    town.commit(IN_2017)
    tenant = town.municipality.id
    with town.session() as session:
        people = [
            Actor("page", add_member(session, tenant, f"{name}@example.org", name, "finance_officer"))
            for name in ("creator", "approver", "releaser")
        ]
        changes = {"name": "Aarhus Kommune", "account": "DK5000400440116243", "organisation_number": "55133018"}
        set_settings(session, town.municipality, changes, COMMAND)
    return Paying(town, *people)
