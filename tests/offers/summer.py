"""A season with a draw, families on a spreadsheet's list, and places that they hold: what offers are made of."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.allocation.planning import FamilyId
from service.allocation.priority import commitment
from service.audit.actions import COMMAND, Actor
from service.identity.actions import Tenant, find_tenant
from service.offers import making
from service.offers.answers import Yes
from service.offers.desk import Desk
from service.offers.making import Made, Wanted
from service.offers.queries import OfferRow, contact_of, offers_of
from service.offers.rules import Contact
from service.stays import lists
from service.stays.sheets import as_csv
from tests.stays.camp import Camp

PLANNED = "2026-05-21T08:00Z"
URL = "http://127.0.0.1:8000"
SEED = "0123456789abcdef0123456789abcdef"


class Summer:
    """The season of a camp whose lists come from Uvik. A family is a need, how many children, and its wishes."""

    def __init__(self, camp: Camp) -> None:
        self.camp, self.tenant_id = camp, camp.organisation
        self.families: dict[str, tuple[str, ...]] = {}
        with camp.database.transaction() as session:
            self.tenant: Tenant = find_tenant(session, "organisation", "ferie")
        with self.session() as session:
            session.execute(
                text(
                    """INSERT INTO season_draw (tenant_id, season_id, commitment, seed, committed_at, in_time)
                    VALUES (:tenant, :season, :commitment, :seed, now(), true)"""
                ),
                {"tenant": self.tenant_id, "season": camp.season, "commitment": commitment(SEED)}
                | {"seed": self.desk().secrets.encrypt(SEED)},
            )

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.camp.database.transaction(self.tenant_id) as session:
            yield session

    def desk(self, actor: Actor = COMMAND) -> Desk:
        return Desk(self.tenant, self.camp.keys, URL, actor)

    def list(self, key: str, children: int = 1, need: int = 3, wishes: str = "", **more: str) -> None:
        """A mother with children of ten years; the list is handed over by `hand_over`."""
        rows: list[Any] = [
            (key, f"Mor {key}", "1985-03-02", more.get("phone", "90000009"), more.get("language", "norsk"))
        ]
        rows = [(*rows[0], "no", str(need), wishes, more.get("last", ""))]
        rows += [(key, f"Barn{one} {key}", "2016-02-03", *("",) * 6) for one in range(children)]
        self.families[key] = tuple(rows)

    def hand_over(self) -> None:
        """The families that are listed, as the next version."""
        content = as_csv([row for rows in self.families.values() for row in rows])
        with self.session() as session:
            made = lists.take_over(
                session, self.tenant_id, self.camp.season, self.camp.place("Uvik"), content, date(2026, 5, 1), COMMAND
            )
        assert not made.rejected, made.rejected

    def id(self, key: str) -> FamilyId:
        return FamilyId(self.camp.place("Uvik"), key)

    def place(self, key: str, stay: str) -> None:
        """Place a family by a run."""
        persons = len(self.families[key])
        with self.session() as session:
            session.execute(
                text(
                    """INSERT INTO placement (tenant_id, season_id, municipality_id, family_key, stay_id, persons, beds,
                        locked, how, revision, changed_at)
                    VALUES (:tenant, :season, :municipality, :key, :stay, :persons, :persons, false, 'run', 1, now())"""
                ),
                {"tenant": self.tenant_id, "season": self.camp.season, "municipality": self.camp.place("Uvik")}
                | {"key": key, "stay": self.camp.stays[stay], "persons": persons},
            )

    def offer(self, *keys: str, **options: Any) -> Made:
        """Make offers of their places to families, or to all that hold one."""
        wanted = [Wanted(self.id(key), options.pop("via", "auto")) for key in keys] or None
        options = {"even_so": True} | options
        with self.session() as session:
            return making.make_offers(session, self.desk(), self.camp.season, wanted, **options)

    def offers(self) -> dict[str, OfferRow]:
        """The newest offer of each family, by its key."""
        with self.session() as session:
            return {one.family_key: one for one in offers_of(session, self.camp.season) if one.newest}

    def states(self) -> dict[str, str]:
        return {key: one.state for key, one in self.offers().items()}

    def secret(self, key: str) -> str:
        return self._contact(key).secret

    def code(self, key: str) -> str:
        return self._contact(key).code

    def _contact(self, key: str) -> Contact:
        with self.session() as session:
            found = contact_of(session, self.desk().secrets, self.offers()[key].id)
        assert found is not None
        return found

    def held(self) -> dict[str, tuple[str, int]]:
        """Where families hold a place, and how many beds."""
        query = """SELECT p.family_key, t.code, p.beds FROM placement p JOIN stay t ON t.id = p.stay_id ORDER BY 1"""
        return {key: (stay, beds) for key, stay, beds in self.camp.rows(self.tenant_id, query)}

    def ids(self, key: str) -> UUID:
        return self.offers()[key].id


ALL = Yes((0, 1))
"""That a mother comes with her only child."""
