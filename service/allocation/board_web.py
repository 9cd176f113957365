"""The volunteers' board: a column for each stay, a card for each family, moved by hand, by keys, or by a form.

Scripts send the same forms and ask for no more than what has changed: they say which columns they have (`have`), each
with its digest, and get those that differ.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.allocation import board
from service.allocation.board import Desk
from service.allocation.board_view import WAITING, Board, Card, read_board, stamp_of, undo_label
from service.allocation.groups import add_group, remove_group
from service.allocation.planning import FamilyId
from service.allocation.runs_web import secrets_of
from service.allocation.turns import by_turn
from service.audit.actions import record
from service.database.requests import transactional
from service.errors import N_, FieldError, Invalid, Refused
from service.identity.access import AnyRequest, actor_of, organisation_of
from service.identity.permissions import may
from service.stays.queries import SeasonRow, find_season
from service.web.formats import show
from service.web.forms import FormData, read_form
from service.web.pages import language_of, page, redirect
from service.web.texts import translator

_BOARD: Final = "/seasons/{season_id:uuid}/board"
_PAGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("places.allocate")}
GROUP_KINDS: Final = {"together": N_("Together"), "apart": N_("Apart")}
OFFERS: Final = {"open": N_("Offered"), "accepted": N_("Accepted")}


class ChangeForm(msgspec.Struct, frozen=True):
    """What somebody does with a family. `revision` is that of its place as it was seen."""

    municipality: Annotated[UUID, Meta(title=N_("Municipality"))]
    family: Annotated[str, Meta(title=N_("Family"), max_length=40)]
    revision: Annotated[int, Meta(title=N_("Revision"), ge=0)]
    do: Annotated[
        Literal["move", "move_and_lock", "wait", "lock", "unlock", "beds", "size"], Meta(title=N_("What is done"))
    ]
    stay: Annotated[UUID | None, Meta(title=N_("Stay"))] = None
    beds: Annotated[int | None, Meta(title=N_("Beds"), ge=0, le=100)] = None

    @property
    def id(self) -> FamilyId:
        return FamilyId(self.municipality, self.family)


class UndoForm(msgspec.Struct, frozen=True):
    """Which change is taken back, as the button showed it."""

    change: Annotated[int, Meta(title=N_("Change"), ge=0)]


class GroupForm(msgspec.Struct, frozen=True):
    """Two families that are kept together or apart, each by the id of its card."""

    kind: Annotated[Literal["together", "apart"], Meta(title=N_("Kind"))]
    first: Annotated[str, Meta(title=N_("First family"), max_length=40)]
    second: Annotated[str, Meta(title=N_("Second family"), max_length=40)]


class FilterForm(msgspec.Struct, frozen=True):
    """Whom of those who wait to show."""

    name: Annotated[str, Meta(title=N_("Name"), max_length=100)] = ""
    persons: Annotated[int | None, Meta(title=N_("Persons"), ge=1, le=100)] = None
    need: Annotated[int | None, Meta(title=N_("Need"), ge=1, le=5)] = None
    of: Annotated[str, Meta(title=N_("Municipality"), max_length=100)] = ""

    def shows(self, card: Card) -> bool:
        """Whether a card is among those sought."""
        return (
            self.name.casefold() in card.name.casefold()
            and self.persons in (None, card.persons)
            and self.need in (None, card.need)
            and self.of in ("", card.municipality)
        )


def desk_of(request: AnyRequest, season_id: UUID) -> Desk:
    """Who works on the plan of a season, and for whom."""
    place = organisation_of(request)
    return Desk(place.tenant_id, place.time_zone, season_id, actor_of(request))


@get(_BOARD, **_PAGE)
@transactional
def show_board(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The board; that somebody saw the families is noted in the trail."""
    return _opened(request, session, season_id, FilterForm())


@post(f"{_BOARD}/search", status_code=200, **_PAGE)
@transactional
def search_board(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The board with those who wait narrowed down, for who has no scripts. Names never stand in an address."""
    return _opened(request, session, season_id, read_form(data, FilterForm))


def _opened(request: AnyRequest, session: Session, season_id: UUID, sought: FilterForm) -> Response[str]:
    desk, season = desk_of(request, season_id), find_season(session, season_id)
    record(session, desk.tenant_id, desk.actor, "allocation.board.read", ("season", season_id))
    return _whole(request, session, season, sought=sought)


@get(f"{_BOARD}/changes", **_PAGE)
@transactional
def show_changes(
    request: AnyRequest,
    session: Session,
    season_id: FromPath[UUID],
    since: FromQuery[str] = "",
    have: FromQuery[str] = "",
) -> Response[str]:
    """What has changed of a board that is open; nothing where nothing has."""
    season = find_season(session, season_id)
    if since == stamp_of(session, season_id):
        return Response("", status_code=204)
    return _parts(request, session, season, have)


@post(f"{_BOARD}/changes", status_code=200, **_PAGE)
@transactional
def change_board(
    request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """Move a family, lock or release it, or say what it needs."""

    def change(desk: Desk) -> None:
        asked = read_form(data, ChangeForm)
        where = session, desk, asked.id, asked.revision
        if asked.do == "beds":
            if asked.beds is None:
                raise Invalid("Some fields are wrong.", [FieldError("beds", "is missing")])
            board.set_beds(*where, asked.beds)
        elif asked.do == "size":
            board.take_size(*where)
        elif asked.do == "wait":
            board.move(*where, None)
        elif asked.stay is None:
            raise Invalid("Choose a stay first.", [FieldError("stay", "is missing")])
        else:
            board.move(*where, asked.stay, asked.do in ("move_and_lock", "lock"))

    return _done(request, data, session, season_id, change)


@post(f"{_BOARD}/undo", status_code=200, **_PAGE)
@transactional
def undo_change(
    request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """Take one's own newest change back: the one that the button named."""

    def change(desk: Desk) -> None:
        board.undo(session, desk, read_form(data, UndoForm).change)

    return _done(request, data, session, season_id, change)


@post(f"{_BOARD}/groups", status_code=200, **_PAGE)
@transactional
def group_families(
    request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """Keep two families together or apart."""

    def change(desk: Desk) -> None:
        asked = read_form(data, GroupForm)
        shown = read_board(session, find_season(session, season_id), desk.actor.account_id)
        known = {card.dom: card.id for card in shown.cards}
        if asked.first not in known or asked.second not in known:
            raise Refused("One of the families is on no list of this season any more.")
        add_group(session, desk, asked.kind, [known[asked.first], known[asked.second]])

    return _done(request, data, session, season_id, change)


@post(f"{_BOARD}/groups/{{group_id:uuid}}/remove", status_code=200, **_PAGE)
@transactional
def ungroup_families(
    request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID], group_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """Keep families together or apart no longer."""
    return _done(request, data, session, season_id, lambda desk: remove_group(session, desk, group_id))


def _done(
    request: AnyRequest,
    data: dict[str, Any],
    session: Session,
    season_id: UUID,
    change: Callable[[Desk], None],
) -> Response[str] | Redirect:
    """Make a change, and answer a script with what differs, a form with the board. A refusal changes nothing and
    stands above the board as it is now."""
    season, refusal = find_season(session, season_id), None
    desk = desk_of(request, season_id)
    try:
        with session.begin_nested():
            change(desk)
    except Refused as refused:
        refusal = refused
    said = None if refusal is None else _refusal(request, session, season, data, refusal)
    if "have" in data:
        return _parts(request, session, season, str(data["have"]), said)
    if refusal is None:
        return redirect(request, f"/seasons/{season_id}/board" + _anchor(data), N_("It is kept."))
    return _whole(request, session, season, status=refusal.status, refusal=said)


def _anchor(data: dict[str, Any]) -> str:
    """Where on the page a form without scripts comes back to: its card."""
    card = str(data.get("card", ""))
    return f"#{card}" if card.startswith("card-") and card[5:].isalnum() else ""


def _refusal(request: AnyRequest, session: Session, season: SeasonRow, data: dict[str, Any], refused: Refused) -> str:
    """Why something was not done; with the name of the family, since the sentence stands far from its card."""
    said = refused.said(translator(language_of(request)).gettext, lambda value: show(value, language_of(request)))
    names = read_board(session, season, None).cards
    name = next((one.name for one in names if one.dom == data.get("card")), None)
    return f"{name}: {said}" if name else said


def _context(request: AnyRequest, session: Session, season: SeasonRow) -> dict[str, Any]:
    shown = read_board(session, season, actor_of(request).account_id, by_turn(secrets_of(request)))
    language = language_of(request)

    def say(text: Any) -> str:
        found: str = text.said(translator(language).gettext, lambda value: show(value, language))
        return found

    return {
        "season": season,
        "board": shown,
        "say": say,
        "undo": undo_label(shown),
        "stays": [one for one in shown.columns if one.stay],
        "doms": {one.id: one.dom for one in shown.cards},
        "offers": OFFERS,
        "group_kinds": GROUP_KINDS,
        "waiting_key": WAITING,
    }


def _whole(
    request: AnyRequest,
    session: Session,
    season: SeasonRow,
    *,
    sought: FilterForm | None = None,
    status: int = 200,
    refusal: str | None = None,
) -> Response[str]:
    context, sought = _context(request, session, season), sought or FilterForm()
    shown: Board = context["board"]
    hidden = {card.dom for card in shown.columns[0].cards if not sought.shows(card)}
    context |= {"sought": sought, "hidden": hidden, "refusal": refusal, "changed": shown.columns}
    return page(request, "allocation/board.html", status, **context)


def _parts(
    request: AnyRequest, session: Session, season: SeasonRow, have: str, refusal: str | None = None
) -> Response[str]:
    context = _context(request, session, season)
    known = dict(one.split(":", 1) for one in have.split(",") if ":" in one)
    columns = context["board"].columns
    changed = [one for one in columns if known.get(one.key) != one.digest]
    if set(known) - {one.key for one in columns} or len(known) < len(columns):
        # A stay has come or gone: the page as a whole looks otherwise.
        return Response("", status_code=205)
    return page(request, "allocation/board_parts.html", hidden=(), refusal=refusal, changed=changed, **context)


ROUTES = [
    show_board,
    search_board,
    show_changes,
    change_board,
    undo_change,
    group_families,
    ungroup_families,
]
"""The pages of the board."""
