"""The board as it is shown: who waits, in which order, who is where with what is left there, and every conflict."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.allocation.board import LastChange, last_change, living_offers, room_at
from service.allocation.board_conflicts import Notice, notices_of
from service.allocation.planning import FamilyId, Group, Planned, SeasonFamily, problem_of, read_plan
from service.allocation.problem import Weights
from service.allocation.season import Season
from service.errors import N_, Text
from service.stays.queries import SeasonRow, StayRow
from service.values.periods import age_on

Order = Callable[[Session, Planned], Mapping[FamilyId, int]]
"""Gives the place in line of every family, counted from 1."""
WAITING: Final = "waiting"
"""The name of the column of those who wait; every other has the id of its stay."""


def by_need(session: Session, planned: Planned) -> Mapping[FamilyId, int]:
    """The greatest need first; among equals by municipality and key."""
    ranked = sorted(planned.families, key=lambda one: (-one.listed.need if one.listed else 0, one.code))
    return {one.id: place for place, one in enumerate(ranked, start=1)}


class Card(msgspec.Struct, frozen=True):
    """A family on the board. `held` are persons and beds that it holds; `wish` is which of its wishes the stay is.

    `wishes` are the codes of the stays it wishes for, empty where it takes any of its region. `revision` is that of
    its place, which whoever moves it gives back.
    """

    id: FamilyId
    dom: str
    name: str
    municipality: str
    rank: int
    persons: int
    ages: tuple[int, ...]
    beds: int
    held: tuple[int, int] | None
    need: int
    language: str
    interpreter: bool
    late: bool
    last_participation: int | None
    wishes: tuple[str, ...]
    wish: int | None
    locked: bool
    offer: str | None
    listed: bool
    revision: int
    notices: tuple[Notice, ...]


class Column(msgspec.Struct, frozen=True):
    """A stay with those who are there, or those who wait. `wanting` is how many families it lacks to be held."""

    key: str
    stay: StayRow | None
    cards: tuple[Card, ...]
    families: int
    family_places: int
    beds: int
    bed_places: int
    wanting: int
    notices: tuple[Notice, ...]

    @property
    def families_left(self) -> int:
        return max(0, self.family_places - self.families)

    @property
    def beds_left(self) -> int:
        return max(0, self.bed_places - self.beds)

    @property
    def digest(self) -> str:
        """The same as long as it shows the same."""
        return sha256(msgspec.json.encode(self)).hexdigest()[:16]


class Board(msgspec.Struct, frozen=True):
    """The board of a season. `stamp` is the same as long as nothing of it has changed; `undo` is what this person
    would take back."""

    season: SeasonRow
    stamp: str
    columns: tuple[Column, ...]
    notices: tuple[Notice, ...]
    groups: tuple[Group, ...]
    names: dict[FamilyId, str]
    undo: LastChange | None

    @property
    def cards(self) -> list[Card]:
        return [card for column in self.columns for card in column.cards]

    def card(self, id_: FamilyId) -> Card | None:
        return next((one for one in self.cards if one.id == id_), None)


def dom_of(id_: FamilyId) -> str:
    """The id of a family's card in the page: keys of lists may hold anything."""
    return f"card-{sha256(f'{id_.municipality_id} {id_.key}'.encode()).hexdigest()[:12]}"


_STAMP: Final = """SELECT coalesce((SELECT revision FROM season_board WHERE season_id = :season), 0) || '-' ||
    left(md5(concat_ws('|',
        (SELECT count(*) FROM received_list WHERE season_id = :season),
        (SELECT string_agg(concat_ws(',', t.*, (SELECT count(*) FROM stay_role r WHERE r.stay_id = t.id
            AND r.state = 'confirmed')), ';' ORDER BY t.id) FROM stay t WHERE t.season_id = :season),
        (SELECT string_agg(id || state, ';' ORDER BY id) FROM offer WHERE season_id = :season),
        (SELECT string_agg(centre_id::text || beds, ';' ORDER BY id) FROM centre_room),
        (SELECT count(*) || max(decided_at)::text FROM same_child WHERE season_id = :season),
        (SELECT revealed_at FROM season_draw WHERE season_id = :season))), 12)"""


def stamp_of(session: Session, season_id: UUID) -> str:
    """Whether anything of a board has changed: one cheap question, which every open board asks every few seconds."""
    stamp: str = session.execute(text(_STAMP), {"season": season_id}).scalar_one()
    return stamp


def read_board(session: Session, season: SeasonRow, account_id: UUID | None, order: Order = by_need) -> Board:
    """The board as it is now."""
    # The stamp first: what changes while the rest is read shows as changed the next time.
    stamp, planned = stamp_of(session, season.id), read_plan(session, season)
    # A problem without stays has no year; then there is nothing to wish for.
    ready = Season(problem_of(planned, "", Weights(), {})) if planned.stays else None
    names = {one.id: one.listed.contact_name if one.listed else one.code for one in planned.families}
    notices = notices_of(session, planned, ready)
    ranks, offers, codes = order(session, planned), living_offers(session, season.id), planned.codes

    def card(one: SeasonFamily) -> Card:
        listed, placed = one.listed, one.placed
        wish = None
        if ready and listed and one.stay_id in codes:
            wish = ready.wish(one.code, codes[one.stay_id])
        held = (placed.persons, placed.beds) if placed and placed.stay_id else None
        return Card(
            id=one.id,
            dom=dom_of(one.id),
            name=names[one.id],
            municipality=one.municipality,
            rank=ranks.get(one.id, 0),
            persons=one.persons,
            ages=tuple(sorted((age_on(who.birth_date, season.first_day) for who in listed.travellers), reverse=True))
            if listed
            else (),
            beds=one.beds,
            held=held,
            need=listed.need if listed else 0,
            language=listed.language if listed else "",
            interpreter=bool(listed and listed.interpreter),
            late=bool(listed and listed.late),
            last_participation=listed.last_participation if listed else None,
            wishes=tuple(codes[UUID(wish)] for wish in listed.wishes if UUID(wish) in codes) if listed else (),
            wish=wish,
            locked=bool(placed and placed.locked),
            offer=offers.get(one.id),
            listed=listed is not None,
            revision=placed.revision if placed else 0,
            notices=tuple(notice for notice in notices if one.id in notice.families),
        )

    cards = sorted(((one, card(one)) for one in planned.families), key=lambda pair: (pair[1].rank, pair[1].dom))
    # Whoever holds a place at a stay that is cancelled stands with those who wait, and says so.
    waiting = tuple(shown for one, shown in cards if one.stay_id not in codes)
    columns = [Column(WAITING, None, waiting, len(waiting), 0, sum(one.beds for one in waiting), 0, 0, ())]
    for stay in planned.stays:
        there = tuple(shown for one, shown in cards if one.stay_id == stay.id)
        room = room_at(planned, stay)
        columns.append(
            Column(
                key=str(stay.id),
                stay=stay,
                cards=there,
                families=len(there),
                family_places=stay.family_places,
                beds=room.stay.beds - room.beds_left,
                bed_places=room.stay.beds,
                wanting=max(0, stay.min_families - len(there)),
                notices=tuple(one for one in notices if one.stay_id == stay.id and not one.families),
            )
        )
    mine = last_change(session, season.id, account_id)
    return Board(season, stamp, tuple(columns), tuple(notices), tuple(planned.groups), names, mine)


WHAT: Final = {
    "move": N_("Undo the move of {family}"),
    "lock": N_("Undo the lock of {family}"),
    "unlock": N_("Undo the release of {family}"),
    "beds": N_("Undo the beds of {family}"),
}


def undo_label(board: Board) -> Text | None:
    """What the button says that takes a change back."""
    if board.undo is None:
        return None
    return Text(WHAT[board.undo.what], {"family": board.names.get(board.undo.family, board.undo.family.key)})
