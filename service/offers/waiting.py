"""The waiting list of a season: who is next, what is free, and offering it."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.allocation.draw import seed_of
from service.allocation.holding import hold
from service.allocation.placing import Lack, Room
from service.allocation.planning import (
    FamilyId,
    Planned,
    SeasonFamily,
    problem_of,
    read_plan,
    refusals_of,
    weights_of,
)
from service.allocation.priority import Score, score
from service.allocation.season import Season
from service.audit.actions import record
from service.errors import Conflict
from service.offers.desk import Desk, settings_of
from service.offers.ending import end, withdraw_gone
from service.offers.making import Wanted, offer_place
from service.offers.models import PassedOver
from service.offers.order import Held, Turn, line_up, passed_over, rooms_of
from service.stays.queries import StayRow, find_season, find_stay
from service.values import clock

_SAID_NO: Final = ("declined", "expired", "cancelled", "withdrawn")


class Waiter(msgspec.Struct, frozen=True):
    """A family that waits: its place in the line and its points; the stay that has room for it now, and what the
    others lack. `options` are the codes of the stays it could take."""

    place: int
    family: SeasonFamily
    score: Score
    options: tuple[str, ...]
    goes: str | None
    lacks: tuple[Lack, ...]
    turn: int


class Free(msgspec.Struct, frozen=True):
    """What is free at a stay that can still be offered."""

    stay: StayRow
    family_places: int
    beds: int


class Line(msgspec.Struct, frozen=True):
    """The waiting list as it is now, and what is free. `turns` are the same in turns."""

    planned: Planned
    waiters: list[Waiter]
    free: list[Free]
    turns: list[Turn]

    @property
    def proposed(self) -> list[Waiter]:
        return [one for one in self.waiters if one.goes is not None]

    def stay(self, code: str) -> StayRow:
        """A stay of the season by its code."""
        return next(one for one in self.planned.stays if one.code == code)


class Over(msgspec.Struct, frozen=True):
    """That a family was passed over when a place went to another, and why."""

    family: FamilyId
    stay: str
    made_at: object
    reason: str
    family_places: int
    beds: int
    beds_left: int
    room: int


class Reoffered(msgspec.Struct, frozen=True):
    """What became of the families of a cancelled stay: offers of other stays, and how many wait."""

    offers: list[UUID]
    waiting: int


def read_line(session: Session, desk: Desk, season_id: UUID) -> Line:
    """The waiting list of a season. A family that said no, or nothing, does not wait, unless it was put back."""
    season = find_season(session, season_id)
    planned = read_plan(session, season)
    if not planned.stays or not any(one.listed for one in planned.families):
        return Line(planned, [], [], [])
    weights = weights_of(session, season_id)
    problem = problem_of(
        planned,
        seed_of(session, desk.secrets, season_id),
        weights,
        refusals_of(session, desk.secrets, planned),
    )
    ready, codes = Season(problem), planned.codes
    known = {one.code: one for one in planned.families if one.listed}
    held = {
        code: Held(codes[one.stay_id], one.placed.beds)
        for code, one in known.items()
        if one.placed is not None and one.stay_id in codes
    }
    out = _said_no(session, season_id)
    waiting = [code for code, one in known.items() if code not in held and one.id not in out]
    late = [code for code in waiting if (listed := known[code].listed) and listed.late]
    today = clock.today(desk.tenant.time_zone)
    open_ = [one.code for one in planned.stays if one.starts_on > today]
    turns = line_up(ready, held, waiting, late, open_)
    waiters: list[Waiter] = []
    for number, turn in enumerate(turns):
        for family in turn.unit.members:
            found = score(family, weights, problem.year)
            one = known[family.code]
            waiters.append(Waiter(len(waiters) + 1, one, found, turn.options, turn.goes, turn.lacks, number))
    return Line(planned, waiters, _free(planned, rooms_of(ready, held), open_), turns)


def _free(planned: Planned, rooms: dict[str, Room], open_: Collection[str]) -> list[Free]:
    return [
        Free(one, rooms[one.code].family_places_left, rooms[one.code].beds_left)
        for one in planned.stays
        if one.code in open_
    ]


def _said_no(session: Session, season_id: UUID) -> set[FamilyId]:
    rows = session.execute(
        text(
            """SELECT DISTINCT ON (municipality_id, family_key) municipality_id, family_key, state, waits_again
            FROM offer WHERE season_id = :season ORDER BY municipality_id, family_key, id DESC"""
        ),
        {"season": season_id},
    )
    return {
        FamilyId(row.municipality_id, row.family_key) for row in rows if row.state in _SAID_NO and not row.waits_again
    }


def has_offers(session: Session, season_id: UUID) -> bool:
    """Whether the season's places were offered at all: before that nothing falls free."""
    found: bool = session.execute(
        text("SELECT EXISTS (SELECT FROM offer WHERE season_id = :season)"), {"season": season_id}
    ).scalar_one()
    return found


def offer_free(session: Session, desk: Desk, season_id: UUID, only: tuple[FamilyId, UUID] | None = None) -> list[UUID]:
    """Offer the places that are free to those who are next and fit; with `only` to one family, at the stay shown for
    it, and to those it is kept together with.

    Refused where that family is not next any more, or another stay is. Who is passed over is noted with the reason.
    """
    find_season(session, season_id)
    withdraw_gone(session, desk, season_id)
    if not has_offers(session, season_id):
        raise Conflict("No place of the season was offered yet: make the offers of the plan first.")
    line = read_line(session, desk, season_id)
    chosen = line.proposed
    if only is not None:
        family, stay_id = only
        found = next((one for one in chosen if one.family.id == family), None)
        if found is None or found.goes is None or line.stay(found.goes).id != stay_id:
            raise Conflict("The waiting list has changed meanwhile. Look again who is next.")
        chosen = [one for one in chosen if one.turn == found.turn]
    return _offer(session, desk, line, chosen)


def _offer(session: Session, desk: Desk, line: Line, chosen: list[Waiter]) -> list[UUID]:
    """Place the chosen where there is room for them, and offer them the place; note who came before and did not fit."""
    days = settings_of(session, line.planned.season.id).answer_days
    codes = {one.family.code: one.family.id for one in line.waiters}
    made = []
    for one in chosen:
        assert one.goes is not None
        stay = line.stay(one.goes)
        _place(session, desk, one.family, stay)
        offer_id = offer_place(session, desk, one.family, stay, Wanted(one.family.id), days)
        assert offer_id is not None  # only stays to come are open
        made.append(offer_id)
        for family, lack in passed_over(line.turns, line.turns[one.turn]):
            session.add(
                PassedOver(
                    tenant_id=desk.tenant.id,
                    offer_id=offer_id,
                    municipality_id=codes[family.code].municipality_id,
                    family_key=codes[family.code].key,
                    reason=lack.reason,
                    family_places=lack.family_places,
                    beds=lack.beds,
                    beds_left=max(0, lack.beds_left),
                    room=lack.room,
                )
            )
        record(session, desk.tenant.id, desk.actor, "offers.next", ("offer", offer_id))
    session.flush()
    return made


def _place(session: Session, desk: Desk, family: SeasonFamily, stay: StayRow) -> None:
    session.execute(
        text(
            """INSERT INTO placement AS p (tenant_id, season_id, municipality_id, family_key, stay_id, persons, beds,
                locked, how, revision, changed_at, changed_by)
            VALUES (:tenant, :season, :municipality, :key, :stay, :persons, :beds, false, 'offer', 1, :now, :by)
            ON CONFLICT (tenant_id, season_id, municipality_id, family_key) DO UPDATE SET stay_id = excluded.stay_id,
                persons = excluded.persons, beds = excluded.beds, locked = false, how = 'offer',
                revision = p.revision + 1, changed_at = excluded.changed_at, changed_by = excluded.changed_by"""
        ),
        {"tenant": desk.tenant.id, "season": stay.season_id, "municipality": family.id.municipality_id}
        | {"key": family.id.key, "stay": stay.id, "persons": family.persons, "beds": family.beds}
        | {"now": clock.now(), "by": desk.actor.account_id},
    )
    session.execute(
        text("UPDATE season_board SET revision = revision + 1 WHERE season_id = :season"), {"season": stay.season_id}
    )


def reoffer(session: Session, desk: Desk, stay_id: UUID) -> Reoffered:
    """Offer the families of a cancelled stay another of their wishes, by rank among all who wait; the rest wait.

    Their offers end, and they keep their turn and the credit of earlier refusals. Who has found no place when the
    season's account is closed gets one for this season there.
    """
    stay = find_stay(session, stay_id)
    if stay.state != "cancelled":
        raise Conflict("The stay is not cancelled.")
    hold(session, desk.tenant.id, stay.season_id)
    withdraw_gone(session, desk, stay.season_id)
    theirs = [
        FamilyId(row.municipality_id, row.family_key)
        for row in session.execute(
            text("SELECT municipality_id, family_key FROM placement WHERE stay_id = :stay ORDER BY 1, 2"),
            {"stay": stay_id},
        )
    ]
    if not theirs:
        raise Conflict("No family holds a place at the stay any more.")
    _leave(session, desk, stay)
    line = read_line(session, desk, stay.season_id)
    chosen = [one for one in line.proposed if one.family.id in theirs]
    made = _offer(session, desk, line, chosen)
    left = [one for one in line.waiters if one.family.id in theirs and one.goes is None]
    details = {"offers": len(made), "waiting": len(left)}
    record(session, desk.tenant.id, desk.actor, "offers.reoffer", ("stay", stay_id), details=details)
    return Reoffered(made, len(left))


def _leave(session: Session, desk: Desk, stay: StayRow) -> None:
    """Everybody leaves a cancelled stay."""
    living = session.execute(
        text("SELECT id FROM offer WHERE stay_id = :stay AND state IN ('open', 'accepted') ORDER BY id"),
        {"stay": stay.id},
    ).scalars()
    for offer_id in living.all():
        end(session, desk, offer_id, "stay_cancelled", ("open", "accepted"))
        record(session, desk.tenant.id, desk.actor, "offers.stay_cancelled", ("offer", offer_id))
    session.execute(
        text(
            """UPDATE placement SET stay_id = NULL, locked = false, how = 'offer', revision = revision + 1,
                changed_at = :now, changed_by = :by WHERE stay_id = :stay"""
        ),
        {"stay": stay.id, "now": clock.now(), "by": desk.actor.account_id},
    )


def overs_of(session: Session, season_id: UUID) -> list[Over]:
    """Who was passed over in a season, the newest first."""
    rows = session.execute(
        text(
            """SELECT p.municipality_id, p.family_key, t.code AS stay, o.made_at, p.reason, p.family_places, p.beds,
                p.beds_left, p.room
            FROM passed_over p JOIN offer o ON o.id = p.offer_id JOIN stay t ON t.id = o.stay_id
            WHERE o.season_id = :season ORDER BY o.made_at DESC, o.id DESC"""
        ),
        {"season": season_id},
    )
    return [
        Over(
            FamilyId(row.municipality_id, row.family_key),
            row.stay,
            row.made_at,
            row.reason,
            row.family_places,
            row.beds,
            row.beds_left,
            row.room,
        )
        for row in rows
    ]


def abandoned_stays(session: Session, season_id: UUID) -> list[tuple[UUID, str, int]]:
    """Cancelled stays at which families still hold a place: id, code, how many."""
    rows = session.execute(
        text(
            """SELECT t.id, t.code, count(*) AS families FROM stay t JOIN placement p ON p.stay_id = t.id
            WHERE t.season_id = :season AND t.state = 'cancelled' GROUP BY t.id, t.code ORDER BY t.code COLLATE "C\""""
        ),
        {"season": season_id},
    )
    return [(row.id, row.code, row.families) for row in rows]
