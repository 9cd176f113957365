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
DECLINED_BECAUSE = ("time", "place", "travel", "other_plans", "illness", "other")
LANGUAGES = ("da", "nb", "en")
LACKING = ("family_places", "beds", "family_places_and_beds", "rooms", "apart")


class Offer(IdentifiedRow, table=True):
    """An offer of the place that a family holds, which it keeps while the offer lives: open or accepted.

    `cancelled`: the family had accepted and cannot come. `withdrawn`: taken back, or the family's consent is gone.
    Who said no, or nothing, waits for no other place; `waits_again` says that a coordinator has put them back.
    """

    __tablename__ = "offer"
    __table_args__ = (
        of("season", "season_id"),
        of("district_municipality", "municipality_id"),
        of("stay", "stay_id"),
        one_of("state", STATES),
        one_of("via", VIA),
        one_of("answered_how", ANSWERED_HOW),
        one_of("declined_because", DECLINED_BECAUSE),
        one_of("language", LANGUAGES),
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
    declined_because: str | None = None
    language: str = Field(default="en", sa_column_kwargs={"server_default": "en"})
    waits_again: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


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


class OfferContact(TenantRow, table=True):
    """How the family is reached, as cipher: the secret of its link, the code of its letter, and an address if known."""

    __tablename__ = "offer_contact"
    __table_args__ = (of("offer", "offer_id"),)

    offer_id: UUID = Field(primary_key=True)
    content: bytes = Field(sa_type=LargeBinary)


class PassedOver(TenantRow, table=True):
    """A family that came before the one that got an offer and did not fit: what it lacked there. It keeps its rank.

    `family_places` and `beds` are how many more it needed, `room` the beds of the family room that was wanting.
    """

    __tablename__ = "passed_over"
    __table_args__ = (
        of("offer", "offer_id"),
        of("district_municipality", "municipality_id"),
        one_of("reason", LACKING),
        CheckConstraint("family_places >= 0 and beds >= 0 and beds_left >= 0 and room >= 0", "counts"),
        Index(None, "tenant_id", "municipality_id", "family_key"),
    )

    offer_id: UUID = Field(primary_key=True)
    municipality_id: UUID = Field(primary_key=True)
    family_key: str = Field(primary_key=True)
    reason: str
    family_places: int
    beds: int
    beds_left: int
    room: int


class OfferSettings(TenantRow, table=True):
    """How a season's offers go out: days to answer, days before the deadline to remind, and whether freed places are
    offered without anybody's click."""

    __tablename__ = "offer_settings"
    __table_args__ = (
        of("season", "season_id"),
        CheckConstraint("answer_days between 1 and 90 and remind_days between 0 and 30", "days"),
    )

    season_id: UUID = Field(primary_key=True)
    answer_days: int = 14
    remind_days: int = 3
    by_itself: bool = False
    changed_at: datetime = instant()
    changed_by: UUID | None = None
