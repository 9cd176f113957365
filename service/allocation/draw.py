"""The points of a season and its draw: published and committed to before the lists close, for nobody to steer.

Of the draw's seed only the commitment is shown until the first run is made; then the seed is revealed, and anybody can
make the draw again.
"""

from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.allocation.models import SeasonDraw, SeasonWeights
from service.allocation.priority import commitment, new_seed
from service.allocation.problem import Weights
from service.audit.actions import Actor, record
from service.errors import Conflict
from service.stays.queries import SeasonRow, find_season
from service.values import clock
from service.values.secrecy import TenantSecrets


class WeightsRow(msgspec.Struct, frozen=True):
    """Points as published."""

    need: int
    never: int
    refusal: int
    most_refusals: int
    recent_years: int
    published_at: datetime
    published_by: UUID | None


class Draw(msgspec.Struct, frozen=True):
    """A season's draw; `seed` is None until it is revealed. `in_time`: committed to before the lists closed."""

    commitment: str
    committed_at: datetime
    in_time: bool
    revealed_at: datetime | None
    seed: str | None


def closed(season: SeasonRow, today: date) -> bool:
    """Whether the municipalities' time for handing lists over is past."""
    return today > season.list_deadline


def published(session: Session, season_id: UUID) -> list[WeightsRow]:
    """The points of a season as they were published, the newest first; those hold."""
    rows = session.execute(
        text("SELECT * FROM season_weights WHERE season_id = :season ORDER BY id DESC"), {"season": season_id}
    )
    return [msgspec.convert(dict(row), WeightsRow) for row in rows.mappings()]


def publish_weights(
    session: Session, tenant_id: UUID, season_id: UUID, weights: Weights, today: date, actor: Actor
) -> None:
    """Publish the points of a season. Refused once the lists are closed: everybody could see whom a change favours."""
    season = find_season(session, season_id)
    if closed(season, today):
        raise Conflict("The lists closed on {day}. The points of the season stand.", day=season.list_deadline)
    row = SeasonWeights(
        tenant_id=tenant_id,
        season_id=season_id,
        published_at=clock.now(),
        published_by=actor.account_id,
        **msgspec.structs.asdict(weights),
    )
    session.add(row)
    session.flush()
    record(session, tenant_id, actor, "allocation.weights", ("season", season_id))


def commit_draw(
    session: Session, secrets: TenantSecrets, tenant_id: UUID, season_id: UUID, today: date, actor: Actor
) -> str:
    """Choose the seed of a season's draw; gives its commitment, to be shown. A second time it is the same.

    It can be done late, or there would be no draw at all; then everybody is told that it was.
    """
    season, seed = find_season(session, season_id), new_seed()
    made = session.execute(
        text(
            """INSERT INTO season_draw (tenant_id, season_id, commitment, seed, committed_at, committed_by, in_time)
            VALUES (:tenant, :season, :commitment, :seed, :at, :by, :in_time) ON CONFLICT DO NOTHING
            RETURNING commitment"""
        ),
        {"tenant": tenant_id, "season": season_id, "commitment": commitment(seed), "seed": secrets.encrypt(seed)}
        | {"at": clock.now(), "by": actor.account_id, "in_time": not closed(season, today)},
    ).scalar_one_or_none()
    if made is not None:
        record(session, tenant_id, actor, "allocation.draw.commit", ("season", season_id))
        return str(made)
    return session.get_one(SeasonDraw, (tenant_id, season_id)).commitment


def draw_of(session: Session, secrets: TenantSecrets, tenant_id: UUID, season_id: UUID) -> Draw | None:
    """A season's draw, with its seed where that is revealed."""
    row = session.get(SeasonDraw, (tenant_id, season_id))
    if row is None:
        return None
    seed = None if row.revealed_at is None else secrets.decrypt(row.seed)
    return Draw(row.commitment, row.committed_at, row.in_time, row.revealed_at, seed)


def seed_of(session: Session, secrets: TenantSecrets, season_id: UUID) -> str:
    """The seed of a season's draw, revealed or not. Refused where nobody has committed to one."""
    found = session.execute(
        text("SELECT seed FROM season_draw WHERE season_id = :season"), {"season": season_id}
    ).scalar_one_or_none()
    if found is None:
        raise Conflict("There is no draw for this season yet. Commit to it first.")
    return secrets.decrypt(bytes(found))


def reveal(session: Session, season_id: UUID) -> None:
    """Show the seed from now on."""
    session.execute(
        text("UPDATE season_draw SET revealed_at = :at WHERE season_id = :season AND revealed_at IS NULL"),
        {"at": clock.now(), "season": season_id},
    )
