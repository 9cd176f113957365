"""What a volunteer organisation offers, and the lists of families that municipalities have handed over to it.

All of it stands in the organisation's tenant. The rows of a received list are written by functions of the database
alone, are never changed, and go only where a family has withdrawn its consent.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant

SEASON_STATES = ("draft", "published", "closed")
STAY_STATES = ("planned", "cancelled")
ROLES = ("leader", "deputy", "cook", "activities", "first_aid", "transport", "helper")
ROLE_STATES = ("needed", "asked", "confirmed")
FALLBACKS = ("day_trip", "children_alone")
SOURCES = ("handed_over", "spreadsheet")


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A check that `column` holds one of `values`."""
    return CheckConstraint(f"{column} in ({', '.join(repr(value) for value in values)})", column)


def of(table: str, column: str) -> ForeignKeyConstraint:
    """That `column` names a row of the same tenant in `table`."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])


class District(IdentifiedRow, table=True):
    """A district of the organisation, with whom municipalities ask.

    `criteria` are statements that must hold of a family beside the child's age, each with a `code` of its own: data,
    since every district has its own, such as three years in the country or a parent who speaks Norwegian.
    """

    __tablename__ = "district"
    __table_args__ = (
        Index("uq_district_name", "tenant_id", text("lower(name)"), unique=True),
        ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),
    )

    name: str
    contact_name: str
    contact_phone: str
    contact_email: str
    criteria: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB)


class DistrictMunicipality(IdentifiedRow, table=True):
    """A municipality of a district. `code` is that of its own Medspiller; without one it sends spreadsheets."""

    __tablename__ = "district_municipality"
    __table_args__ = (
        Index("uq_district_municipality_name", "tenant_id", "district_id", text("lower(name)"), unique=True),
        Index(
            "uq_district_municipality_code",
            "tenant_id",
            "district_id",
            "code",
            unique=True,
            postgresql_where=text("code is not null"),
        ),
        of("district", "district_id"),
    )

    district_id: UUID
    name: str
    code: str | None = None


class Centre(IdentifiedRow, table=True):
    """A place where stays are held."""

    __tablename__ = "centre"
    __table_args__ = (
        Index("uq_centre_name", "tenant_id", text("lower(name)"), unique=True),
        ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),
    )

    name: str
    region: str
    address: str
    accessibility: str


class CentreRoom(IdentifiedRow, table=True):
    """A family room of a centre, with its beds. A centre without rooms is planned by beds alone."""

    __tablename__ = "centre_room"
    __table_args__ = (
        UniqueConstraint("tenant_id", "centre_id", "name"),
        CheckConstraint("beds between 1 and 20", "beds"),
        of("centre", "centre_id"),
    )

    centre_id: UUID
    name: str
    beds: int


class Season(IdentifiedRow, table=True):
    """A season of a district with its dates.

    Services refer until `referral_deadline`; later referrals are for places that fall free. Municipalities hand their
    lists over until `list_deadline`, and on `planned_on` the places are allocated. A published season was copied to the
    municipalities, and every change of it is. So many days after the last one the names of its families are erased.
    """

    __tablename__ = "season"
    __table_args__ = (
        Index("uq_season_name", "tenant_id", "district_id", text("lower(name)"), unique=True),
        one_of("state", SEASON_STATES),
        CheckConstraint("last_day >= first_day", "days"),
        CheckConstraint(
            "list_deadline >= referral_deadline and planned_on >= list_deadline and first_day >= planned_on",
            "deadlines",
        ),
        CheckConstraint("names_kept_days between 30 and 730", "names_kept_days"),
        of("district", "district_id"),
    )

    district_id: UUID
    name: str
    first_day: date
    last_day: date
    referral_deadline: date
    list_deadline: date
    planned_on: date
    state: str = "draft"
    published_at: datetime | None = instant(nullable=True)
    copied_from: UUID | None = None
    names_kept_days: int = 180
    names_erased_at: datetime | None = instant(nullable=True)


class SeasonMunicipality(TenantRow, table=True):
    """That a municipality may hand a list over for a season, and for how many families: its quota, if it has one."""

    __tablename__ = "season_municipality"
    __table_args__ = (
        of("season", "season_id"),
        of("district_municipality", "municipality_id"),
        CheckConstraint("quota >= 0", "quota"),
    )

    season_id: UUID = Field(primary_key=True)
    municipality_id: UUID = Field(primary_key=True)
    quota: int | None = None


class Stay(IdentifiedRow, table=True):
    """A stay of a season, by a code that is the season's own. `person_places` counts the volunteers in."""

    __tablename__ = "stay"
    __table_args__ = (
        UniqueConstraint("tenant_id", "season_id", "code"),
        of("season", "season_id"),
        of("centre", "centre_id"),
        one_of("state", STAY_STATES),
        CheckConstraint("ends_on > starts_on", "days"),
        CheckConstraint("min_child_age between 0 and 17 and max_child_age between min_child_age and 17", "ages"),
        CheckConstraint(
            "family_places between 1 and 200 and volunteers >= 0 and person_places > volunteers "
            "and person_places <= 2000 and min_families between 0 and family_places",
            "places",
        ),
        CheckConstraint("(state = 'cancelled') = (cancelled_at is not null)", "cancelled"),
    )

    season_id: UUID
    centre_id: UUID
    code: str
    region: str
    starts_on: date
    ends_on: date
    family_places: int
    person_places: int
    volunteers: int
    min_child_age: int
    max_child_age: int
    min_families: int
    assembly_points: list[str] = Field(sa_type=ARRAY(String))
    included: str
    accessibility: str
    state: str = "planned"
    cancelled_at: datetime | None = instant(nullable=True)
    cancelled_because: str | None = None


class FallbackOffer(IdentifiedRow, table=True):
    """What a family may be offered for which no stay has room: a day trip, or a stay for children alone."""

    __tablename__ = "fallback_offer"
    __table_args__ = (
        of("season", "season_id"),
        one_of("kind", FALLBACKS),
        CheckConstraint("ends_on >= starts_on", "days"),
        CheckConstraint("places between 1 and 2000", "places"),
        CheckConstraint("min_age between 0 and 17 and max_age between min_age and 17", "ages"),
    )

    season_id: UUID
    kind: str
    name: str
    starts_on: date
    ends_on: date
    places: int
    min_age: int
    max_age: int
    description: str


class Volunteer(IdentifiedRow, table=True):
    """A volunteer. Of the police certificate it is kept that it was seen, when and by whom; never the certificate."""

    __tablename__ = "volunteer"
    __table_args__ = (
        Index("uq_volunteer_email", "tenant_id", "email", unique=True, postgresql_where=text("email <> ''")),
        CheckConstraint("email = lower(email)", "email_lower"),
        CheckConstraint("certificate_seen_by is null or certificate_seen_on is not null", "certificate"),
        ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),
    )

    name: str
    phone: str
    email: str
    certificate_seen_on: date | None = None
    certificate_seen_by: UUID | None = None


class StayRole(IdentifiedRow, table=True):
    """A role on a stay: needed, or somebody is asked for it or has confirmed it."""

    __tablename__ = "stay_role"
    __table_args__ = (
        Index(
            "uq_stay_role_volunteer",
            "tenant_id",
            "stay_id",
            "volunteer_id",
            unique=True,
            postgresql_where=text("volunteer_id is not null"),
        ),
        of("stay", "stay_id"),
        of("volunteer", "volunteer_id"),
        one_of("role", ROLES),
        one_of("state", ROLE_STATES),
        CheckConstraint("(state = 'needed') = (volunteer_id is null)", "volunteer"),
    )

    stay_id: UUID
    role: str
    state: str = "needed"
    volunteer_id: UUID | None = None


class ReceivedList(IdentifiedRow, table=True):
    """A version of a municipality's list for a season, never changed but for the receipt that is confirmed.

    `sender_id` and `sender_list_id` are the municipality's tenant and its own record of the version, empty where it
    came as a spreadsheet. `families` and `persons` are those it was handed over with; `withdrawn` counts the families
    that had withdrawn their consent since the version before, of whom nothing else is left. `changes` names the
    families (by key) that are new or changed, and counts those that are gone. `rejected` are the lines of a spreadsheet
    that were not taken over, without what stood in them.
    """

    __tablename__ = "received_list"
    __table_args__ = (
        UniqueConstraint("tenant_id", "season_id", "municipality_id", "number"),
        of("season", "season_id"),
        of("district_municipality", "municipality_id"),
        one_of("source", SOURCES),
        CheckConstraint("number > 0 and families >= 0 and persons >= 0 and withdrawn >= 0", "counts"),
        CheckConstraint("(source = 'handed_over') = (sender_id is not null and sender_list_id is not null)", "sender"),
    )

    season_id: UUID
    municipality_id: UUID
    number: int
    source: str
    sender_id: UUID | None = None
    sender_list_id: UUID | None = None
    families: int
    persons: int
    withdrawn: int
    changes: dict[str, Any] = Field(sa_type=JSONB)
    rejected: list[dict[str, Any]] = Field(sa_type=JSONB)
    received_at: datetime = instant()
    confirmed_at: datetime | None = instant(nullable=True)
    confirmed_by: UUID | None = None


class ReceivedFamily(IdentifiedRow, table=True):
    """A family of a version, as it was handed over: what is needed to place and receive it, and nothing else.

    `key` is the same in every version of the municipality's list. `need` is the municipality's band, 1 to 5. `late`:
    referred after the deadline, for a place that falls free. A family without wishes takes anything in the region.
    `digest` is over all that was handed over of it.
    """

    __tablename__ = "received_family"
    __table_args__ = (
        UniqueConstraint("tenant_id", "list_id", "key"),
        UniqueConstraint("tenant_id", "list_id", "place"),
        of("received_list", "list_id"),
        CheckConstraint("need between 1 and 5", "need"),
    )

    list_id: UUID
    place: int
    key: str
    need: int
    contact_name: str
    phone: str
    language: str
    interpreter: bool
    last_participation: int | None = None
    late: bool
    digest: str


class ReceivedTraveller(TenantRow, table=True):
    """Somebody of a family who travels."""

    __tablename__ = "received_traveller"
    __table_args__ = (of("received_family", "family_id"), Index(None, "tenant_id", "birth_date"))

    family_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True)
    name: str
    birth_date: date


class ReceivedWish(TenantRow, table=True):
    """A stay that a family wishes, the best first."""

    __tablename__ = "received_wish"
    __table_args__ = (of("received_family", "family_id"), of("stay", "stay_id"))

    family_id: UUID = Field(primary_key=True)
    rank: int = Field(primary_key=True)
    stay_id: UUID


class SameChild(TenantRow, table=True):
    """What a person has said of two families that seem to have the same child: whether it is the same.

    The keys are those of the families, the municipality of each before it.
    """

    __tablename__ = "same_child"
    __table_args__ = (
        of("season", "season_id"),
        of("district_municipality", "first_municipality_id"),
        of("district_municipality", "second_municipality_id"),
        one_of("verdict", ("same", "different")),
    )

    season_id: UUID = Field(primary_key=True)
    first_municipality_id: UUID = Field(primary_key=True)
    first_key: str = Field(primary_key=True)
    second_municipality_id: UUID = Field(primary_key=True)
    second_key: str = Field(primary_key=True)
    verdict: str
    decided_at: datetime = instant()
    decided_by: UUID | None = None
