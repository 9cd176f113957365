"""How families come to a stay, who came, what it costs their municipalities, and what they say of it afterwards.

Who travels stands in the accepted offers. Nothing here has a name.
"""

from datetime import date, datetime, time
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant
from service.stays.models import of, one_of

CURRENCIES = ("DKK", "NOK")
CHARGE_STATES = ("to_invoice", "invoiced", "paid")
ATTENDANCE = ("came", "not_come")
LANGUAGES = ("da", "nb", "en")
AUDIENCES = ("family", "volunteer")
AGAIN = ("yes", "perhaps", "no")
LOCK_DAYS = 14


class Departure(IdentifiedRow, table=True):
    """From an assembly point to a stay: when, where exactly, with whom, how many seats, at what cost if it is known.

    `leaves_at` is the clock's time in the country. Once `fixed_at` is set the cost was shared for good, since a
    municipality was sent its part.
    """

    __tablename__ = "departure"
    __table_args__ = (
        UniqueConstraint("tenant_id", "stay_id", "assembly_point"),
        of("stay", "stay_id"),
        CheckConstraint("seats between 1 and 2000", "seats"),
        CheckConstraint("cost_ore between 0 and 100000000000", "cost"),
        CheckConstraint("fixed_at is null or cost_ore is not null", "fixed"),
        one_of("currency", CURRENCIES),
    )

    stay_id: UUID
    assembly_point: str
    place: str
    leaves_on: date
    leaves_at: time
    carrier: str
    seats: int
    cost_ore: int | None = Field(default=None, sa_type=BigInteger)
    currency: str
    note: str
    fixed_at: datetime | None = instant(nullable=True)


class TravelCharge(TenantRow, table=True):
    """What a municipality owes for the seats that it used of a departure; the amount never changes."""

    __tablename__ = "travel_charge"
    __table_args__ = (
        of("departure", "departure_id"),
        of("district_municipality", "municipality_id"),
        Index(None, "tenant_id", "municipality_id"),
        one_of("state", CHARGE_STATES),
        CheckConstraint("seats > 0 and amount_ore >= 0", "amount"),
        CheckConstraint("(invoiced_on is null) = (state = 'to_invoice')", "invoiced"),
        CheckConstraint("(paid_on is null) = (state <> 'paid')", "paid"),
    )

    departure_id: UUID = Field(primary_key=True)
    municipality_id: UUID = Field(primary_key=True)
    seats: int
    amount_ore: int = Field(sa_type=BigInteger)
    state: str = "to_invoice"
    invoiced_on: date | None = None
    paid_on: date | None = None


class Attendance(TenantRow, table=True):
    """Whether somebody of an accepted offer came. Nothing stands of whom nobody has seen or missed yet."""

    __tablename__ = "attendance"
    __table_args__ = (of("offer", "offer_id"), one_of("state", ATTENDANCE))

    offer_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True)
    state: str
    noted_at: datetime = instant()
    noted_by: UUID | None = None


class PackingText(TenantRow, table=True):
    """What families of a season are told to bring to a centre, in a language."""

    __tablename__ = "packing_text"
    __table_args__ = (of("season", "season_id"), of("centre", "centre_id"), one_of("language", LANGUAGES))

    season_id: UUID = Field(primary_key=True)
    centre_id: UUID = Field(primary_key=True)
    language: str = Field(primary_key=True)
    bring: str


class TravelSettings(TenantRow, table=True):
    """For how many days after a season's last day the needs of those who were there may be read."""

    __tablename__ = "travel_settings"
    __table_args__ = (CheckConstraint("lock_days between 0 and 180", "lock_days"),)

    lock_days: int = LOCK_DAYS


class OpinionCode(TenantRow, table=True):
    """A code with which somebody may say once how a stay was: its keyed hash, and whether it was used.

    Neither who has it nor what was said with it is kept.
    """

    __tablename__ = "opinion_code"
    __table_args__ = (of("stay", "stay_id"), Index(None, "tenant_id", "stay_id"), one_of("audience", AUDIENCES))

    hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    stay_id: UUID
    audience: str
    used: bool = False


class Opinion(TenantRow, table=True):
    """What somebody said of a stay, without who it was. `week` is the Monday of the week in which it was said.

    The id is random: one made of the time would tell when.
    """

    __tablename__ = "opinion"
    __table_args__ = (
        of("stay", "stay_id"),
        Index(None, "tenant_id", "stay_id"),
        one_of("audience", AUDIENCES),
        one_of("again", AGAIN),
        CheckConstraint("overall between 1 and 5 and children between 1 and 5 and travel between 1 and 5", "marks"),
        CheckConstraint("extract(isodow from week) = 1", "week"),
        CheckConstraint("length(words) <= 500", "words"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    stay_id: UUID
    audience: str
    week: date
    overall: int
    children: int | None = None
    travel: int | None = None
    again: str
    words: str = ""
