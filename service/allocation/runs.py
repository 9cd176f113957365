"""Runs of the allocation: made of the season as it is, looked at, compared, and one of them confirmed.

A run keeps the problem it was made of and what came of it, both as cipher. Confirming writes its plan into the
placements; what is locked by hand, and what is offered to a family, stands as it stood when the run was made.
"""

import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.allocation import draw, figures
from service.allocation.compare import Comparison, compare
from service.allocation.conflicts import Contradiction
from service.allocation.explain import explain
from service.allocation.holding import count_up, hold
from service.allocation.models import AllocationRun
from service.allocation.planning import FamilyId, Planned, problem_of, read_plan, refusals_of, weights_of
from service.allocation.problem import Problem
from service.allocation.repack import Allowed
from service.allocation.solving import Allocation, Placement, allocate
from service.allocation.what_if import Change, WhatIf, what_if
from service.audit.actions import Actor, record
from service.errors import Conflict, NotFound, Text
from service.stays.queries import find_season
from service.values import clock
from service.values.secrecy import TenantSecrets

MOST_WORSE_WISHES: Final = 20


class Options(msgspec.Struct, frozen=True):
    """What a run may do beside priority order; `late`: families referred after the deadline take part as well."""

    worse_wishes: int = 0
    within_region: bool = False
    late: bool = False

    @property
    def allowed(self) -> Allowed:
        return Allowed(self.worse_wishes, self.within_region)


class Told(msgspec.Struct, frozen=True):
    """A family of a run: what it gets, its points and what they are for, and the sentences that say why."""

    id: FamilyId
    code: str
    outcome: str
    stay: str | None
    wish: int | None
    rank: int
    reason: str
    persons: int
    beds: int
    need: int
    first_time: bool
    points: int
    need_points: int
    never_points: int
    refusal_points: int
    recent: bool
    because: list[Text]

    @property
    def placement(self) -> Placement:
        return Placement(self.code, self.outcome, self.stay, self.wish, self.rank, self.reason)


class RunTotals(msgspec.Struct, frozen=True):
    """The figures of a run, in which nobody can be found."""

    totals: figures.Totals
    priority_alone: figures.PriorityAlone
    persons_more: int
    to_a_worse_wish: int
    within_region: int
    proven: bool
    fallback: bool
    stays: list[figures.StayFigures]
    shares: dict[str, list[figures.Share]]


class RunRow(msgspec.Struct, frozen=True):
    """A run and its figures."""

    id: UUID
    season_id: UUID
    season: str
    number: int
    state: str
    options: Options
    digest: str
    totals: RunTotals
    made_at: datetime
    made_by: UUID | None
    confirmed_at: datetime | None


class _Kept(msgspec.Struct, frozen=True):
    problem: Problem
    ids: dict[str, FamilyId]


def make_run(
    session: Session,
    secrets: TenantSecrets,
    tenant_id: UUID,
    season_id: UUID,
    options: Options,
    today: date,
    actor: Actor,
) -> UUID:
    """Allocate a season as it is now; nothing changes by it but that the draw's seed is revealed. Gives the run.

    Refused before the lists are closed, without a draw, without stays or families, and where what is settled by hand
    contradicts itself.
    """
    season = find_season(session, season_id)
    if not draw.closed(season, today):
        raise Conflict("Lists are handed over until {day}. Allocate after that.", day=season.list_deadline)
    seed = draw.seed_of(session, secrets, season_id)
    # Two runs at once get numbers of their own.
    hold(session, tenant_id, season_id)
    planned = read_plan(session, season)
    kept = _problem(session, secrets, planned, seed, options)
    if not kept.problem.stays:
        raise Conflict("The season has no stay to allocate.")
    if not kept.problem.families:
        raise Conflict("No family is on a list of this season yet.")
    run = _allocated(kept, planned, options)
    families = [
        Told(
            kept.ids[one.placement.family],
            one.placement.family,
            one.placement.outcome,
            one.placement.stay,
            one.placement.wish,
            one.placement.rank,
            one.placement.reason,
            run.season.families[one.placement.family].persons,
            run.season.families[one.placement.family].beds,
            run.season.families[one.placement.family].need,
            run.season.families[one.placement.family].last_participation is None,
            one.score.points,
            one.score.need,
            one.score.never,
            one.score.refusals,
            one.score.recent,
            list(one.because),
        )
        for one in explain(run)
    ]
    packed = figures.repack_figures(run)
    totals = RunTotals(
        figures.totals(run),
        figures.priority_alone(run),
        packed.persons_more,
        len(packed.to_a_worse_wish),
        len(packed.within_region),
        packed.proven,
        packed.fallback,
        figures.stays(run),
        figures.shares(run),
    )
    draw.reveal(session, season_id)
    row = AllocationRun(
        tenant_id=tenant_id,
        season_id=season_id,
        number=session.execute(
            text("SELECT coalesce(max(number), 0) + 1 FROM allocation_run WHERE season_id = :season"),
            {"season": season_id},
        ).scalar_one(),
        options=msgspec.to_builtins(options),
        digest=_digest(kept, options),
        problem=_seal(secrets, kept),
        plan=_seal(secrets, families),
        totals=msgspec.to_builtins(totals),
        made_at=clock.now(),
        made_by=actor.account_id,
    )
    session.add(row)
    session.flush()
    counts = {"families": totals.totals.families, "placed": totals.totals.placed}
    record(session, tenant_id, actor, "allocation.run.make", ("allocation_run", row.id), details={"counts": counts})
    return row.id


def _allocated(kept: _Kept, planned: Planned, options: Options) -> Allocation:
    """The plan; families that contradict each other are named as people know them."""
    try:
        return allocate(kept.problem, options.allowed)
    except Contradiction as found:
        names = {one.code: one.listed.contact_name for one in planned.families if one.listed}
        raise Contradiction(
            [
                msgspec.structs.replace(one, field=_named(one.field, names), values=_all_named(one.values, names))
                for one in found.errors
            ]
        ) from None


def _problem(session: Session, secrets: TenantSecrets, planned: Planned, seed: str, options: Options) -> _Kept:
    problem = problem_of(
        planned,
        seed,
        weights_of(session, planned.season.id),
        refusals_of(session, secrets, planned),
        late=options.late,
    )
    known = {family.code for family in problem.families}
    return _Kept(problem, {one.code: one.id for one in planned.families if one.code in known})


def _digest(kept: _Kept, options: Options) -> str:
    return sha256(msgspec.json.encode((kept.problem, options), order="deterministic")).hexdigest()


def _seal(secrets: TenantSecrets, content: object) -> bytes:
    return secrets.encrypt_bytes(zlib.compress(msgspec.json.encode(content)))


def _open(secrets: TenantSecrets, sealed: bytes) -> bytes:
    return zlib.decompress(secrets.decrypt_bytes(bytes(sealed)))


_RUNS: Final = """SELECT r.id, r.season_id, s.name AS season, r.number, r.state, r.options, r.digest, r.totals,
        r.made_at, r.made_by, r.confirmed_at
    FROM allocation_run r JOIN season s ON s.id = r.season_id"""


def runs_of(session: Session, season_id: UUID) -> list[RunRow]:
    """The runs of a season, the newest first."""
    rows = session.execute(text(f"{_RUNS} WHERE r.season_id = :season ORDER BY r.number DESC"), {"season": season_id})
    return [msgspec.convert(dict(row), RunRow) for row in rows.mappings()]


def find_run(session: Session, run_id: UUID) -> RunRow:
    """A run."""
    row = session.execute(text(f"{_RUNS} WHERE r.id = :id"), {"id": run_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such run.")
    return msgspec.convert(dict(row), RunRow)


def families_of_run(session: Session, secrets: TenantSecrets, run_id: UUID) -> list[Told]:
    """The families of a run in priority order; none once the season's names are erased."""
    sealed = session.execute(text("SELECT plan FROM allocation_run WHERE id = :id"), {"id": run_id}).scalar_one()
    return msgspec.json.decode(_open(secrets, sealed), type=list[Told]) if sealed else []


def note_read(session: Session, tenant_id: UUID, run_id: UUID, actor: Actor) -> None:
    """Note in the trail that somebody saw the families of a run."""
    record(session, tenant_id, actor, "allocation.run.read", ("allocation_run", run_id))


def note_export(session: Session, tenant_id: UUID, run_id: UUID, actor: Actor) -> None:
    """Note in the trail that somebody took the families of a run as a file."""
    record(session, tenant_id, actor, "allocation.run.export", ("allocation_run", run_id))


def _kept_of(session: Session, secrets: TenantSecrets, run_id: UUID) -> _Kept:
    sealed = session.execute(text("SELECT problem FROM allocation_run WHERE id = :id"), {"id": run_id}).scalar_one()
    if not sealed:
        raise Conflict("What this run was made of is erased: its season is long over.")
    return msgspec.json.decode(_open(secrets, sealed), type=_Kept)


def names_of(session: Session, season_id: UUID) -> dict[FamilyId, str]:
    """The contacts of the families on a season's newest lists."""
    planned = read_plan(session, find_season(session, season_id))
    return {one.id: one.listed.contact_name for one in planned.families if one.listed}


def is_current(session: Session, secrets: TenantSecrets, run: RunRow) -> bool:
    """Whether the season is still as it was when the run was made: lists, stays, points and what is settled by hand."""
    seed = draw.seed_of(session, secrets, run.season_id)
    planned = read_plan(session, find_season(session, run.season_id))
    return _digest(_problem(session, secrets, planned, seed, run.options), run.options) == run.digest


def confirm_run(session: Session, secrets: TenantSecrets, tenant_id: UUID, run_id: UUID, actor: Actor) -> int:
    """Make a run the season's plan; gives the number of families placed by it.

    Refused where the season is not any more as it was when the run was made: then a new run is needed.
    """
    season_id = find_run(session, run_id).season_id
    hold(session, tenant_id, season_id)
    run = find_run(session, run_id)
    if run.state == "confirmed":
        raise Conflict("This run is the season's plan already.")
    if not is_current(session, secrets, run):
        raise Conflict(
            "Since this run was made something has changed: a list, a stay, or a place by hand. Make a new run."
        )
    families = families_of_run(session, secrets, run_id)
    values = {"tenant": tenant_id, "season": season_id, "run": run_id, "at": clock.now(), "by": actor.account_id}
    values["families"] = msgspec.json.encode(
        [
            {"municipality_id": one.id.municipality_id, "family_key": one.id.key, "stay": one.stay}
            | {"persons": one.persons, "beds": one.beds}
            for one in families
            if one.reason != "locked"
        ]
    ).decode()
    # First everybody leaves, then all come in: on the way no stay is fuller than it may be.
    session.execute(text(_LEAVE), values)
    session.execute(text(_COME), values)
    session.execute(
        text("UPDATE allocation_run SET state = 'replaced' WHERE season_id = :season AND state = 'confirmed'"), values
    )
    session.execute(
        text(
            """UPDATE allocation_run SET state = 'confirmed', confirmed_at = :at, confirmed_by = :by
            WHERE id = :run"""
        ),
        values,
    )
    count_up(session, season_id)
    placed = sum(one.outcome == "placed" for one in families)
    details = {"counts": {"families": len(families), "placed": placed}}
    record(session, tenant_id, actor, "allocation.run.confirm", ("allocation_run", run_id), details=details)
    return placed


_LEAVE: Final = """UPDATE placement p SET stay_id = NULL, revision = p.revision + 1, how = 'run', run_id = :run,
        changed_at = :at, changed_by = :by
    WHERE p.season_id = :season AND p.stay_id IS NOT NULL AND NOT p.locked AND NOT EXISTS (SELECT FROM offer o
        WHERE (o.season_id, o.municipality_id, o.family_key) = (p.season_id, p.municipality_id, p.family_key)
            AND o.state IN ('open', 'accepted'))"""
_COME: Final = """INSERT INTO placement (tenant_id, season_id, municipality_id, family_key, stay_id, persons, beds,
        locked, how, run_id, revision, changed_at, changed_by)
    SELECT :tenant, :season, f.municipality_id, f.family_key, s.id, f.persons, f.beds, false, 'run', :run, 1, :at, :by
    FROM jsonb_to_recordset(CAST(:families AS jsonb)) AS f (municipality_id uuid, family_key text, stay text,
        persons integer, beds integer)
    JOIN stay s ON s.season_id = :season AND s.code = f.stay
    ON CONFLICT (tenant_id, season_id, municipality_id, family_key) DO UPDATE SET (stay_id, persons, beds, how, run_id,
        revision, changed_at, changed_by) = (excluded.stay_id, excluded.persons, excluded.beds, 'run', excluded.run_id,
        placement.revision + 1, excluded.changed_at, excluded.changed_by)"""


def compare_runs(session: Session, secrets: TenantSecrets, first_id: UUID, second_id: UUID) -> Comparison:
    """Two runs of one season beside each other: who gains a place, who loses one, who goes elsewhere."""
    first, second = find_run(session, first_id), find_run(session, second_id)
    if first.season_id != second.season_id:
        raise Conflict("The runs are of two seasons.")
    before, after = (families_of_run(session, secrets, one.id) for one in (first, second))
    sizes = {one.code: one.persons for one in (*before, *after)}
    return compare(_places(before), _places(after), sizes)


def _places(families: Sequence[Told]) -> dict[str, str]:
    return {one.code: one.stay for one in families if one.stay is not None}


def try_out(
    session: Session, secrets: TenantSecrets, run_id: UUID, one_more: Sequence[str], changes: Sequence[Change]
) -> WhatIf:
    """What a run would have come to with one more stay, or with other places. Nothing is kept."""
    run, kept = find_run(session, run_id), _kept_of(session, secrets, run_id)
    return what_if(kept.problem, one_more, changes, run.options.allowed)


def with_names(said: Text, names: Mapping[str, str]) -> Text:
    """A sentence in which families are called by their contacts instead of what they draw with."""
    return msgspec.structs.replace(said, values=_all_named(said.values, names))


def _all_named(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: _named(value, names) for name, value in values.items()}


def _named(value: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    return ", ".join(names.get(part, part) for part in value.split(", "))
