"""A season with a board: stays without family rooms, one with, and families of a municipality without Medspiller."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date
from uuid import UUID

from sqlmodel import Session

from service.allocation import board
from service.allocation.board import Desk
from service.allocation.board_view import Board, Card, Column, read_board
from service.allocation.planning import FamilyId
from service.stays import actions, lists
from service.stays.queries import find_season
from service.stays.sheets import as_csv
from tests.stays.camp import TODAY, Camp, stay

ADULT, CHILD, INFANT = "1985-03-02", "2016-06-21", "2025-01-02"
NAMES = ("Amina Ali", "Berit Berg", "Carla Cruz", "Dina Dahl", "Eva Eide", "Fatma Farah", "Greta Gran", "Hanna Holm")


class Listed:
    """A family as its municipality lists it: one child of nine, as many adults as it takes, and infants."""

    def __init__(self, key: str, persons: int = 3, wishes: str = "", need: int = 3, infants: int = 0) -> None:
        self.key, self.persons, self.wishes, self.need, self.infants = key, persons, wishes, need, infants
        self.took_part, self.children, self.named = "", (CHILD,), ""

    @property
    def name(self) -> str:
        number = int(self.key)
        if self.named:
            return self.named
        return NAMES[number - 1] if number <= len(NAMES) else f"Ingrid Navn{number}"

    def rows(self) -> list[tuple[str, ...]]:
        adults = self.persons - self.infants - len(self.children)
        born = [ADULT] * adults + list(self.children) + [INFANT] * self.infants
        own = ("90000000", "Somali", "yes", str(self.need), self.wishes, self.took_part)
        family = self.name.split()[1]
        names = [self.name, *(f"P{number}k{self.key} {family}" for number in range(2, len(born) + 1))]
        rows = [(self.key, name, day) for name, day in zip(names, born, strict=True)]
        return [(*row, *(own if number == 0 else ("",) * len(own))) for number, row in enumerate(rows)]


class Boards:
    """The organisation's season, and what its volunteers do on the board."""

    def __init__(self, camp: Camp) -> None:
        self.camp = camp
        camp.plan("R1")
        with camp.session(camp.organisation) as session:
            camp.centre = actions.keep_centre(
                session,
                camp.organisation,
                None,
                name="Sjøvik",
                region="Vest",
                address="Strandveien 2",
                accessibility="",
                rooms="",
                actor=camp.actor("coordinator"),
            )
        self.season, self.stays = camp.season, camp.stays
        self.uvik = camp.place("Uvik")

    def add_stay(self, code: str, families: int = 3, beds: int = 12, starts_on: date = date(2026, 7, 4)) -> UUID:
        figures = stay(
            code, starts_on, family_places=families, person_places=beds + 2, volunteers=2, min_families=min(2, families)
        )
        return self.camp.add(figures)

    def hand_over(self, families: Sequence[Listed], municipality: str = "Uvik") -> None:
        rows = [row for one in families for row in one.rows()]
        with self.camp.session(self.camp.organisation) as session:
            place, by = self.camp.place(municipality), self.camp.actor("coordinator")
            version = lists.take_over(session, self.camp.organisation, self.season, place, as_csv(rows), TODAY, by)
            assert not version.rejected

    def id(self, key: str) -> FamilyId:
        return FamilyId(self.uvik, key)

    def desk(self, name: str = "volunteer") -> Desk:
        return Desk(self.camp.organisation, "Europe/Oslo", self.season, self.camp.actor(name))

    def session(self) -> AbstractContextManager[Session]:
        return self.camp.session(self.camp.organisation)

    def board(self, name: str = "volunteer") -> Board:
        with self.session() as session:
            return self.read(session, name)

    def read(self, session: Session, name: str = "volunteer") -> Board:
        return read_board(session, find_season(session, self.season), self.camp.people[name][0])

    def card(self, key: str) -> Card:
        found = self.board().card(self.id(key))
        assert found is not None
        return found

    def column(self, code: str | None) -> Column:
        return next(one for one in self.board().columns if (one.stay.code if one.stay else None) == code)

    def at(self, key: str) -> str | None:
        """Where a family is."""
        for column in self.board().columns:
            if any(card.id == self.id(key) for card in column.cards):
                return column.stay.code if column.stay else None
        return None

    def move(
        self, key: str, code: str | None, name: str = "volunteer", revision: int | None = None, lock: bool = False
    ) -> None:
        """Move a family as somebody who sees the board as it is, or as it was at a revision."""
        seen = self.card(key).revision if revision is None else revision
        with self.session() as session:
            stay_id = self.stays[code] if code else None
            board.move(session, self.desk(name), self.id(key), seen, stay_id, lock)

    def undo(self, name: str = "volunteer") -> None:
        with self.session() as session:
            board.undo(session, self.desk(name))

    def said(self) -> list[str]:
        """The sentences of all notices that are no mere news."""
        return [str(one.text) for one in self.board().notices if one.severity != "info"]

    def revision(self) -> int:
        rows = self.camp.rows(self.camp.organisation, "SELECT revision FROM season_board")
        return int(rows[0][0]) if rows else 0
