"""The plan of a season in the organisation's tenant: weights, draw, placements, what volunteers settled, and runs.

A family is named by its municipality and the key of the municipality's list, which is the same in every version.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant
from service.stays.models import of, one_of

RUN_STATES = ("made", "confirmed", "replaced")
HOW = ("run", "hand", "offer")
GROUP_KINDS = ("together", "apart")
CHANGES = ("move", "lock", "unlock", "beds", "undo")


class SeasonWeights(IdentifiedRow, table=True):
    """The points of a season from an instant on, as published; never changed. The newest hold."""

    __tablename__ = "season_weights"
    __table_args__ = (
        of("season", "season_id"),
        Index(None, "tenant_id", "season_id"),
        CheckConstraint(
            "need between 0 and 1000 and never between 0 and 1000 and refusal between 0 and 1000",
            "points",
        ),
        CheckConstraint("most_refusals between 0 and 20 and recent_years between 0 and 20", "counts"),
    )

    season_id: UUID
    need: int
    never: int
    refusal: int
    most_refusals: int
    recent_years: int
    published_at: datetime = instant()
    published_by: UUID | None = None


class SeasonDraw(TenantRow, table=True):
    """The seed of a season's draw, as cipher, and what it was committed to with.

    `in_time`: before the lists closed. It is revealed when the first run is made.
    """

    __tablename__ = "season_draw"
    __table_args__ = (of("season", "season_id"), CheckConstraint("commitment ~ '^[0-9a-f]{64}$'", "commitment"))

    season_id: UUID = Field(primary_key=True)
    commitment: str
    seed: bytes = Field(sa_type=LargeBinary)
    committed_at: datetime = instant()
    committed_by: UUID | None = None
    in_time: bool
    revealed_at: datetime | None = instant(nullable=True)


class SeasonBoard(TenantRow, table=True):
    """How often a season's plan was changed. Whoever changes it holds this row."""

    __tablename__ = "season_board"
    __table_args__ = (of("season", "season_id"),)

    season_id: UUID = Field(primary_key=True)
    revision: int = 0


class AllocationRun(IdentifiedRow, table=True):
    """A run: the problem it was made of (cipher), what came of it (cipher), and its totals without anybody's data.

    `digest` is over the problem and the options: the same digest, the same plan.
    """

    __tablename__ = "allocation_run"
    __table_args__ = (
        UniqueConstraint("tenant_id", "season_id", "number"),
        of("season", "season_id"),
        one_of("state", RUN_STATES),
        CheckConstraint("(state = 'made') = (confirmed_at is null)", "confirmed"),
        Index(
            "uq_allocation_run_confirmed",
            "tenant_id",
            "season_id",
            unique=True,
            postgresql_where=text("state = 'confirmed'"),
        ),
    )

    season_id: UUID
    number: int
    state: str = "made"
    options: dict[str, Any] = Field(sa_type=JSONB)
    digest: str
    problem: bytes = Field(sa_type=LargeBinary)
    plan: bytes = Field(sa_type=LargeBinary)
    totals: dict[str, Any] = Field(sa_type=JSONB)
    made_at: datetime = instant()
    made_by: UUID | None = None
    confirmed_at: datetime | None = instant(nullable=True)
    confirmed_by: UUID | None = None


class Placement(TenantRow, table=True):
    """Where a family goes, if anywhere; `persons` and `beds` are what it holds there.

    `beds_needed` is what a volunteer has said of it, where that is not its number of persons: infants may need none.
    `how`: by a run, by hand, or by an offer of a place that fell free. `revision` counts its changes, so that nobody
    moves a family that somebody else has just moved.
    """

    __tablename__ = "placement"
    __table_args__ = (
        of("season", "season_id"),
        of("district_municipality", "municipality_id"),
        of("stay", "stay_id"),
        of("allocation_run", "run_id"),
        one_of("how", HOW),
        CheckConstraint("persons between 1 and 100 and beds between 0 and persons", "persons"),
        CheckConstraint("beds_needed between 0 and 100", "beds_needed"),
        CheckConstraint("stay_id is not null or not locked", "locked"),
        Index(None, "tenant_id", "stay_id"),
    )

    season_id: UUID = Field(primary_key=True)
    municipality_id: UUID = Field(primary_key=True)
    family_key: str = Field(primary_key=True)
    stay_id: UUID | None = None
    persons: int
    beds: int
    beds_needed: int | None = None
    locked: bool = False
    how: str
    run_id: UUID | None = None
    revision: int = 1
    changed_at: datetime = instant()
    changed_by: UUID | None = None


class FamilyGroup(IdentifiedRow, table=True):
    """Families to be kept together at one stay, or apart."""

    __tablename__ = "family_group"
    __table_args__ = (of("season", "season_id"), one_of("kind", GROUP_KINDS))

    season_id: UUID
    kind: str
    made_at: datetime = instant()
    made_by: UUID | None = None


class FamilyGroupMember(TenantRow, table=True):
    """A family of a group."""

    __tablename__ = "family_group_member"
    __table_args__ = (of("family_group", "group_id"), of("district_municipality", "municipality_id"))

    group_id: UUID = Field(primary_key=True)
    municipality_id: UUID = Field(primary_key=True)
    family_key: str = Field(primary_key=True)


class BoardChange(TenantRow, table=True):
    """A change by hand, by the board's revision that it made: what was, what is, and whether it was undone."""

    __tablename__ = "board_change"
    __table_args__ = (
        of("season", "season_id"),
        one_of("what", CHANGES),
        Index("ix_board_change_made_by", "tenant_id", "season_id", "made_by", "revision"),
    )

    season_id: UUID = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    municipality_id: UUID
    family_key: str
    what: str
    before: dict[str, Any] = Field(sa_type=JSONB)
    after: dict[str, Any] = Field(sa_type=JSONB)
    made_at: datetime = instant()
    made_by: UUID | None = None
    undone: bool = False


class RefusalCredit(TenantRow, table=True):
    """That a child's family was refused for lack of places in a season, which counts in the seasons after it.

    `child` is the keyed hash of the child's birth date and given name: nobody can read from it who was refused.
    """

    __tablename__ = "refusal_credit"
    __table_args__ = (of("season", "season_id"), Index(None, "tenant_id", "child"))

    season_id: UUID = Field(primary_key=True)
    child: bytes = Field(primary_key=True, sa_type=LargeBinary)
    given_at: datetime = instant()
