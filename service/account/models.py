"""What is kept of a season for good: who came, who was refused, in numbers alone."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant
from service.stays.models import of


class SeasonClosing(TenantRow, table=True):
    """That the account of a season is closed, which is done once. By nobody in person where the timetable did it."""

    __tablename__ = "season_closing"
    __table_args__ = (of("season", "season_id"),)

    season_id: UUID = Field(primary_key=True)
    closed_at: datetime = instant()
    closed_by: UUID | None = None


class SeasonAccount(IdentifiedRow, table=True):
    """A row of a closed account; see `counting.Row` for what it counts. Never changed.

    With municipality and stay: who came from there to it. With the municipality alone: whom no stay tells of. With the
    stay alone: that it was held, and its volunteers. `no_shows` are persons who were noted as not having come.
    """

    __tablename__ = "season_account"
    __table_args__ = (
        UniqueConstraint(
            "tenant_id",
            "season_id",
            "municipality_id",
            "stay_id",
            name="uq_season_account_row",
            postgresql_nulls_not_distinct=True,
        ),
        ForeignKeyConstraint(["tenant_id", "season_id"], ["season_closing.tenant_id", "season_closing.season_id"]),
        of("district_municipality", "municipality_id"),
        of("stay", "stay_id"),
        CheckConstraint("municipality_id is not null or stay_id is not null", "row"),
        CheckConstraint(
            "persons = children + adults and families <= persons and first_timers <= families",
            "persons",
        ),
        CheckConstraint(
            "least(families, children, adults, first_timers, volunteers, refused_families, refused_persons, declined, "
            "no_shows) >= 0",
            "counts",
        ),
    )

    season_id: UUID
    municipality_id: UUID | None = None
    stay_id: UUID | None = None
    families: int = 0
    persons: int = 0
    children: int = 0
    adults: int = 0
    first_timers: int = 0
    volunteers: int = 0
    refused_families: int = 0
    refused_persons: int = 0
    declined: int = 0
    no_shows: int = 0
