"""Offers of places to families, in the organisation's tenant."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant
from service.stays.models import of, one_of

LIVING = ("open", "accepted")
STATES = (*LIVING, "declined", "expired", "cancelled", "withdrawn", "stay_cancelled")
VIA = ("letter", "email", "text", "referrer")
ANSWERED_HOW = ("link", "code", "coordinator")


class Offer(IdentifiedRow, table=True):
    """An offer of the place that a family holds, which it keeps while the offer lives: open or accepted.

    `cancelled`: the family had accepted and cannot come. `withdrawn`: taken back, or the family's consent is gone.
    """

    __tablename__ = "offer"
    __table_args__ = (
        of("season", "season_id"),
        of("district_municipality", "municipality_id"),
        of("stay", "stay_id"),
        one_of("state", STATES),
        one_of("via", VIA),
        one_of("answered_how", ANSWERED_HOW),
        CheckConstraint("(answered_at is null) = (answered_how is null)", "answered"),
        Index(
            "uq_offer_living",
            "tenant_id",
            "season_id",
            "municipality_id",
            "family_key",
            unique=True,
            postgresql_where=text("state in ('open', 'accepted')"),
        ),
        Index(None, "tenant_id", "stay_id"),
    )

    season_id: UUID
    municipality_id: UUID
    family_key: str
    stay_id: UUID
    state: str = "open"
    via: str
    deadline: datetime = instant()
    assembly_point: str | None = None
    made_at: datetime = instant()
    made_by: UUID | None = None
    sent_at: datetime | None = instant(nullable=True)
    reminded_at: datetime | None = instant(nullable=True)
    ended_at: datetime | None = instant(nullable=True)
    answered_at: datetime | None = instant(nullable=True)
    answered_how: str | None = None


class OfferTraveller(TenantRow, table=True):
    """Somebody of the family, and whether they come along."""

    __tablename__ = "offer_traveller"
    __table_args__ = (of("offer", "offer_id"),)

    offer_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True)
    name: str
    birth_date: date
    comes: bool


class OfferNeeds(TenantRow, table=True):
    """What a family that comes needs, as cipher: diet, health, access, and whom to call. Erased after the stay."""

    __tablename__ = "offer_needs"
    __table_args__ = (of("offer", "offer_id"),)

    offer_id: UUID = Field(primary_key=True)
    content: bytes = Field(sa_type=LargeBinary)
