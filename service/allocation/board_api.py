"""The board in the API: the whole plan of a season, and what a volunteer changes of it."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath
from sqlmodel import Session

from schemas.board import (
    BoardConflict,
    BoardDetail,
    BoardFamily,
    BoardGroup,
    BoardNamed,
    BoardStay,
    NeededBeds,
    NewBoardGroup,
    NewPlacement,
)
from service.allocation import board
from service.allocation.board_view import Board, Card, Column, read_board
from service.allocation.board_web import desk_of
from service.allocation.groups import add_group, remove_group
from service.allocation.planning import FamilyId
from service.allocation.runs_web import secrets_of
from service.allocation.turns import by_turn
from service.audit.actions import record
from service.database.requests import transactional
from service.errors import NotFound
from service.identity.access import AnyRequest, actor_of
from service.identity.permissions import may
from service.stays.queries import find_season
from service.web.idempotency import idempotent
from service.web.problems import DOCUMENTED

_SEASON: Final = "/api/v1/seasons/{season_id:uuid}"
_BOARD: Final = f"{_SEASON}/board"
_ROUTE: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "responses": DOCUMENTED,
    "opt": may("places.allocate"),
    "tags": ["board"],
}

_TWO: Final = [{"municipality_id": str(UUID(int=1)), "family": key} for key in ("7", "8")]


def _named(id_: FamilyId) -> BoardNamed:
    return BoardNamed(id_.municipality_id, id_.key)


def _family(column: Column, card: Card) -> BoardFamily:
    plain = {name: getattr(card, name) for name in BoardFamily.__struct_fields__ if hasattr(card, name)}
    held_persons, held_beds = card.held or (None, None)
    plain |= {"municipality_id": card.id.municipality_id, "family": card.id.key, "contact_name": card.name}
    plain |= {"stay_id": column.stay.id if column.stay else None}
    return msgspec.convert(plain | {"held_persons": held_persons, "held_beds": held_beds}, BoardFamily)


def _stay(column: Column) -> BoardStay:
    known = {"families": column.families, "beds": column.beds, "bed_places": column.bed_places}
    plain = {name: getattr(column.stay, name) for name in BoardStay.__struct_fields__ if name not in known}
    return msgspec.convert(plain | known, BoardStay)


def _detail(shown: Board) -> BoardDetail:
    return BoardDetail(
        shown.season.id,
        shown.stamp,
        [_stay(column) for column in shown.columns if column.stay],
        [_family(column, card) for column in shown.columns for card in column.cards],
        [
            BoardConflict(one.severity, str(one.text), [_named(id_) for id_ in one.families], one.stay_id)  # type: ignore[arg-type]
            for one in shown.notices
        ],
        [BoardGroup(one.id, one.kind, [_named(id_) for id_ in one.families]) for one in shown.groups],  # type: ignore[arg-type]
    )


def _read(request: AnyRequest, session: Session, season_id: UUID) -> Board:
    return read_board(
        session, find_season(session, season_id), actor_of(request).account_id, by_turn(secrets_of(request))
    )


def _one(request: AnyRequest, session: Session, season_id: UUID, id_: FamilyId) -> BoardFamily:
    for column in _read(request, session, season_id).columns:
        for card in column.cards:
            if card.id == id_:
                return _family(column, card)
    raise NotFound("The family is on no list of this season any more, and holds no place.")


@get(_BOARD, **_ROUTE)
@transactional
def read_season_board(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> BoardDetail:
    """The whole board of a season; that somebody read it is noted in the trail."""
    desk, shown = desk_of(request, season_id), _read(request, session, season_id)
    record(session, desk.tenant_id, desk.actor, "allocation.board.read", ("season", season_id))
    return _detail(shown)


@post(f"{_SEASON}/placements", status_code=200, **_ROUTE)
@transactional
@idempotent
def place_family(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[NewPlacement, Body()]
) -> BoardFamily:
    """Place a family at a stay, or let it wait; at the stay where it is, lock or release it.

    Refused with 409 where somebody else has changed the family since, and where the stay has no room.
    """
    id_ = FamilyId(data.municipality_id, data.family)
    board.move(session, desk_of(request, season_id), id_, data.revision, data.stay_id, data.lock)
    return _one(request, session, season_id, id_)


@post(f"{_BOARD}/beds", status_code=200, **_ROUTE)
@transactional
@idempotent
def say_beds(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], data: Annotated[NeededBeds, Body()]
) -> BoardFamily:
    """Say how many beds a family needs, or hold as many places as its newest list has persons."""
    desk, id_ = desk_of(request, season_id), FamilyId(data.municipality_id, data.family)
    if data.beds is None:
        board.take_size(session, desk, id_, data.revision)
    else:
        board.set_beds(session, desk, id_, data.revision, data.beds)
    return _one(request, session, season_id, id_)


@post(f"{_BOARD}/undo", status_code=200, **_ROUTE)
@transactional
@idempotent
def undo_on_board(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> BoardFamily:
    """Take one's own newest change of a family back."""
    id_ = board.undo(session, desk_of(request, season_id))
    return _one(request, session, season_id, id_)


@post(f"{_BOARD}/groups", **_ROUTE)
@transactional
@idempotent
def add_board_group(
    request: AnyRequest,
    session: Session,
    season_id: FromPath[UUID],
    data: Annotated[NewBoardGroup, Body(examples=[Example(value={"kind": "together", "families": _TWO})])],
) -> BoardGroup:
    """Keep families together or apart. Nobody is moved; the board's conflicts say what that contradicts."""
    ids = [FamilyId(one.municipality_id, one.family) for one in data.families]
    made = add_group(session, desk_of(request, season_id), data.kind, ids)
    return BoardGroup(made, data.kind, [_named(id_) for id_ in sorted(set(ids))])


@delete(f"{_BOARD}/groups/{{group_id:uuid}}", **_ROUTE)
@transactional
def remove_board_group(
    request: AnyRequest, session: Session, season_id: FromPath[UUID], group_id: FromPath[UUID]
) -> None:
    """Keep families together or apart no longer."""
    remove_group(session, desk_of(request, season_id), group_id)


ROUTES = [read_season_board, place_family, say_beds, undo_on_board, add_board_group, remove_board_group]
"""The board in the API."""
