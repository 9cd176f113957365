"""What volunteers change on the board: one family at a time, each change whole or not at all, and taken back by undo.

Whoever changes a season's plan holds its row of `season_board` until the transaction ends, so changes of two people
come one after the other, and says which revision of the family's place was seen: what somebody else has changed in the
meantime is never overwritten. That no stay is over-full is checked here, to say what is lacking, and by a trigger.
"""

from datetime import date
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from service.allocation.holding import count_up, hold
from service.allocation.placing import Lack, Room
from service.allocation.planning import FamilyId, Planned, SeasonFamily, problem_of, read_plan, stay_of
from service.allocation.problem import Family, Weights
from service.allocation.season import Season, Unit
from service.audit.actions import Actor, record
from service.errors import N_, Conflict, NotFound, Refused, Text
from service.stays.queries import StayRow, find_season
from service.values import clock


class Desk(msgspec.Struct, frozen=True):
    """Which season's plan is worked on, whose it is, and by whom."""

    tenant_id: UUID
    time_zone: str
    season_id: UUID
    actor: Actor


class State(msgspec.Struct, frozen=True):
    """What a placement says, as the board's changes keep it from before and after."""

    stay_id: UUID | None
    persons: int
    beds: int
    beds_needed: int | None
    locked: bool
    how: str
    run_id: UUID | None

    @property
    def plain(self) -> tuple[Any, ...]:
        """What a person sees of it."""
        return self.stay_id, self.persons, self.beds, self.beds_needed, self.locked


class Turn(msgspec.Struct, frozen=True):
    """One family, while nobody else changes the season's plan. `before` is None where nothing was said of it yet."""

    board: int
    planned: Planned
    family: SeasonFamily
    before: State | None


class LastChange(msgspec.Struct, frozen=True):
    """The newest change of a person that is not undone."""

    revision: int
    family: FamilyId
    what: str


def move(
    session: Session, desk: Desk, family_id: FamilyId, revision: int, stay_id: UUID | None, lock: bool = False
) -> None:
    """Place a family at a stay, locked or not, or let it wait; at the stay where it is, lock or release it.

    Refused where somebody else has changed the family since `revision`, where it is locked elsewhere or its place is
    offered to it, and where the stay has no room. What changes nothing is no change.
    """
    turn = _begin(session, desk, family_id, revision)
    before, family = turn.before, turn.family
    lock = lock and stay_id is not None
    if before is not None and before.stay_id == stay_id:
        if before.locked != lock:
            after = msgspec.structs.replace(before, locked=lock)
            _write(session, desk, turn, after, "lock" if lock else "unlock")
        return
    if before is None and stay_id is None:
        return
    _require_free_to_move(session, desk, turn)
    if family.listed is None:
        if stay_id is not None or before is None:
            raise Conflict("The family is on no list any more. Its place can be freed, and nothing else.")
        after = msgspec.structs.replace(before, stay_id=None, locked=False, how="hand", run_id=None)
        _write(session, desk, turn, after, "move")
        return
    # What was locked at a stay that is cancelled must find another.
    if before is not None and before.locked and before.stay_id in turn.planned.codes:
        raise Conflict("The family is locked at {stay}. Release it first.", stay=_code(session, before.stay_id))
    said = before.beds_needed if before else None
    after = State(stay_id, family.persons, family.beds, said, lock, "hand", None)
    _require_room(turn, after)
    _write(session, desk, turn, after, "move")


def set_beds(session: Session, desk: Desk, family_id: FamilyId, revision: int, beds: int) -> None:
    """Say how many beds a family needs: fewer than persons where infants need none. Held beds follow."""
    turn = _begin(session, desk, family_id, revision)
    persons = _listed_persons(turn)
    if not 0 <= beds <= persons:
        raise Refused("A family of {persons} needs from 0 to {persons} beds, not {beds}.", persons=persons, beds=beds)
    needed = None if beds == persons else beds
    if turn.before is None:
        after = State(None, persons, beds, needed, False, "hand", None)
    else:
        after = msgspec.structs.replace(turn.before, persons=persons, beds=beds, beds_needed=needed)
    if turn.before is not None and turn.before.plain == after.plain:
        return
    _require_room(turn, after)
    _write(session, desk, turn, after, "beds")


def take_size(session: Session, desk: Desk, family_id: FamilyId, revision: int) -> None:
    """Hold as many places as the newest list has persons, since the family grew or shrank."""
    turn = _begin(session, desk, family_id, revision)
    persons, before = _listed_persons(turn), turn.before
    if before is None or before.stay_id is None:
        raise Conflict("The family holds no place yet.")
    after = msgspec.structs.replace(before, persons=persons, beds=turn.family.beds)
    if after.plain == before.plain:
        return
    _require_room(turn, after)
    _write(session, desk, turn, after, "beds")


_LAST: Final = """SELECT revision, municipality_id, family_key, what, before, after FROM board_change
    WHERE season_id = :season AND made_by = :by AND NOT undone AND what <> 'undo' ORDER BY revision DESC LIMIT 1"""


def last_change(session: Session, season_id: UUID, account_id: UUID | None) -> LastChange | None:
    """What `undo` would take back for a person."""
    row = session.execute(text(_LAST), {"season": season_id, "by": account_id}).one_or_none()
    return None if row is None else LastChange(row.revision, FamilyId(row.municipality_id, row.family_key), row.what)


def undo(session: Session, desk: Desk, expected: int | None = None) -> FamilyId:
    """Take the person's own newest change back; gives whom it was about.

    Refused where it is not the change that was `expected`, where the family has been changed since by somebody else,
    and where its old place is taken.
    """
    hold(session, desk.tenant_id, desk.season_id)
    values = {"season": desk.season_id, "by": desk.actor.account_id}
    row = session.execute(text(_LAST), values).one_or_none()
    if row is None or (expected is not None and row.revision != expected):
        raise Conflict("There is no change of yours to undo, or you have undone it already.")
    family_id = FamilyId(row.municipality_id, row.family_key)
    after = msgspec.convert(row.after, State)
    turn = _begin(session, desk, family_id, None)
    placed = turn.family.placed
    same = turn.before is not None and turn.before.plain == after.plain
    if placed is None or not same or placed.changed_by != desk.actor.account_id:
        raise _changed_since(session, desk, turn)
    known = msgspec.convert(row.before, State | None)
    back = known or State(None, after.persons, after.beds, None, False, "hand", None)
    if back.stay_id != after.stay_id:
        _require_free_to_move(session, desk, turn)
    _require_room(turn, back)
    _write(session, desk, turn, back, "undo")
    session.execute(
        text("UPDATE board_change SET undone = true WHERE season_id = :season AND revision = :revision"),
        {"season": desk.season_id, "revision": row.revision},
    )
    return family_id


def living_offers(session: Session, season_id: UUID) -> dict[FamilyId, str]:
    """Families whose place is offered to them: `open` or `accepted`."""
    rows = session.execute(
        text(
            """SELECT municipality_id, family_key, state FROM offer
            WHERE season_id = :season AND state IN ('open', 'accepted')"""
        ),
        {"season": season_id},
    )
    return {FamilyId(row.municipality_id, row.family_key): row.state for row in rows}


def room_at(planned: Planned, stay: StayRow, without: FamilyId | None = None) -> Room:
    """What a stay has left beside those who hold places there."""
    room = Room(stay_of(stay, planned.centres, planned.season.district))
    for one in planned.families:
        if one.placed is not None and one.stay_id == stay.id and one.id != without:
            room.take(_unit(one.code, one.placed.persons, one.placed.beds))
    return room


def _unit(code: str, persons: int, beds: int) -> Unit:
    return Unit((Family(code, (date.min,) * persons, (), 1, None, 0, beds),), ())


def _begin(session: Session, desk: Desk, family_id: FamilyId, revision: int | None) -> Turn:
    board = hold(session, desk.tenant_id, desk.season_id)
    planned = read_plan(session, find_season(session, desk.season_id))
    family = planned.family(family_id)
    if family is None:
        raise NotFound("The family is on no list of this season any more, and holds no place.")
    turn = Turn(board, planned, family, _state(session, desk.season_id, family_id))
    if revision is not None and revision != (family.placed.revision if family.placed else 0):
        raise _changed_since(session, desk, turn)
    return turn


def _state(session: Session, season_id: UUID, family: FamilyId) -> State | None:
    row = session.execute(
        text(
            f"""SELECT {", ".join(State.__struct_fields__)} FROM placement
            WHERE (season_id, municipality_id, family_key) = (:season, :municipality, :key)"""
        ),
        {"season": season_id, "municipality": family.municipality_id, "key": family.key},
    ).one_or_none()
    return None if row is None else msgspec.convert(row._asdict(), State)


def _listed_persons(turn: Turn) -> int:
    if turn.family.listed is None:
        raise Conflict("The family is on no list any more. Its place can be freed, and nothing else.")
    return turn.family.persons


def _changed_since(session: Session, desk: Desk, turn: Turn) -> Conflict:
    placed = turn.family.placed
    if placed is None:
        return Conflict("The family was changed meanwhile. Look at the board again.")
    found = session.execute(
        text("SELECT name FROM directory.account_names() WHERE id = :id"), {"id": placed.changed_by}
    ).scalar()
    who, at = found or Text(N_("Somebody")), placed.changed_at.astimezone(ZoneInfo(desk.time_zone))
    day, time = at.date(), at.strftime("%H:%M")
    if placed.stay_id is None:
        return Conflict(
            "{who} let the family wait on {day} at {time}. Look at the board again.", who=who, day=day, time=time
        )
    return Conflict(
        "{who} placed the family at {stay} on {day} at {time}. Look at the board again.",
        who=who,
        stay=_code(session, placed.stay_id),
        day=day,
        time=time,
    )


def _code(session: Session, stay_id: UUID | None) -> str:
    found = session.execute(text("SELECT code FROM stay WHERE id = :id"), {"id": stay_id})
    return str(found.scalar_one())


def _require_free_to_move(session: Session, desk: Desk, turn: Turn) -> None:
    if living_offers(session, desk.season_id).get(turn.family.id) is not None:
        raise Conflict(
            "Its place at {stay} is offered to the family. Withdraw the offer first.",
            stay=_code(session, turn.family.stay_id),
        )


def _require_room(turn: Turn, after: State) -> None:
    """Refuses with what is lacking. Who stays where it is and takes no more beds is never refused."""
    before, planned = turn.before, turn.planned
    if after.stay_id is None or (before and before.stay_id == after.stay_id and after.beds <= before.beds):
        return
    stay = planned.stay(after.stay_id)
    if stay is None:
        raise Conflict("The stay is cancelled, or none of this season. Choose another.")
    room = room_at(planned, stay, turn.family.id)
    unit = _unit(turn.family.code, after.persons, after.beds)
    lack = room.lacks(unit, Season(problem_of(planned, "", Weights(), {})))
    if lack is not None:
        raise _lacking(planned, lack, after.beds)


def _lacking(planned: Planned, lack: Lack, needed: int) -> Conflict:
    if lack.reason == "apart":
        names = {one.code: one.listed.contact_name for one in planned.families if one.listed}
        others = ", ".join(names.get(code, code) for code in lack.apart)
        return Conflict("The family is to be kept apart from {others}, at {stay}.", others=others, stay=lack.stay)
    if lack.reason == "rooms":
        return Conflict("{stay} has no family room left with {beds} beds.", stay=lack.stay, beds=lack.room)
    return Conflict(
        "{stay} has no room for it: the family needs {needed} beds. Left there: family places {places}, beds {beds}.",
        stay=lack.stay,
        needed=needed,
        places=max(0, lack.family_places_left),
        beds=max(0, lack.beds_left),
    )


_SET: Final = ", ".join(f"{name} = :{name}" for name in State.__struct_fields__)
_UPDATE: Final = f"""UPDATE placement SET {_SET}, revision = revision + 1, changed_at = :at, changed_by = :by
    WHERE (season_id, municipality_id, family_key) = (:season, :municipality, :key)"""
_INSERT: Final = f"""INSERT INTO placement (tenant_id, season_id, municipality_id, family_key,
        {", ".join(State.__struct_fields__)}, revision, changed_at, changed_by)
    VALUES (:tenant, :season, :municipality, :key, {", ".join(f":{name}" for name in State.__struct_fields__)}, 1, :at,
        :by)"""
_NOTE: Final = """INSERT INTO board_change (tenant_id, season_id, revision, municipality_id, family_key, what, before,
        after, made_at, made_by, undone)
    VALUES (:tenant, :season, :board, :municipality, :key, :what, CAST(:before AS jsonb), CAST(:after AS jsonb), :at,
        :by, false)"""


def _write(session: Session, desk: Desk, turn: Turn, after: State, what: str) -> None:
    family = turn.family.id
    values: dict[str, Any] = {"tenant": desk.tenant_id, "season": desk.season_id, "at": clock.now()}
    values |= {"municipality": family.municipality_id, "key": family.key, "by": desk.actor.account_id}
    try:
        session.execute(text(_UPDATE if turn.before else _INSERT), values | msgspec.structs.asdict(after))
    except IntegrityError as error:
        # A stay was made smaller or cancelled, or an offer made, while this was checked.
        raise Conflict("The stay or an offer has changed at this moment. Look at the board again.") from error
    values |= {"board": count_up(session, desk.season_id), "what": what}
    values |= {name: msgspec.json.encode(state).decode() for name, state in (("before", turn.before), ("after", after))}
    session.execute(text(_NOTE), values)
    codes = turn.planned.codes
    stays = {"from": codes.get(turn.family.stay_id), "to": codes.get(after.stay_id)}  # type: ignore[arg-type]
    details = {"municipality": str(family.municipality_id), "family": family.key} | stays
    if what == "move":
        action = "allocation.board.move"
    elif what == "lock":
        action = "allocation.board.lock"
    elif what == "unlock":
        action = "allocation.board.unlock"
    elif what == "beds":
        action = "allocation.board.beds"
    else:
        action = "allocation.board.undo"
    record(session, desk.tenant_id, desk.actor, action, ("season", desk.season_id), details=details)
