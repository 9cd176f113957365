"""What a volunteer organisation has offered to the municipality, the families its services refer, and its lists.

All of it stands in the municipality's tenant. Offers are copied into it by the organisation's publishing; lists are
copied out of it by a function of the database, which is the only way between the two.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from service.database.tables import IdentifiedRow, TenantRow, instant
from service.stays.models import of, one_of

REFERRAL_STATES = ("draft", "sent", "sent_back", "approved", "rejected", "withdrawn")
CASE_STATES = ("open", "sent_back", "approved", "rejected", "withdrawn", "merged")
OUTCOMES = ("open", "accepted", "declined", "expired", "cancelled", "withdrawn", "stay_cancelled")
"""What an offer to a family can have become."""
CONSENTS = ("spoken", "written", "through_interpreter")
"""How a family has given its consent."""


class OfferedSeason(TenantRow, table=True):
    """A season that an organisation offers to the municipality, as it was last published."""

    __tablename__ = "offered_season"
    __table_args__ = (
        one_of("state", ("published", "closed")),
        ForeignKeyConstraint(["tenant_id"], ["directory.tenant.id"]),
    )

    season_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    organisation_name: str
    district_name: str
    contact_name: str
    contact_phone: str
    contact_email: str
    name: str
    first_day: date
    last_day: date
    referral_deadline: date
    list_deadline: date
    planned_on: date
    criteria: list[dict[str, Any]] = Field(sa_type=JSONB)
    quota: int | None = None
    state: str
    names_kept_days: int
    names_erased_at: datetime | None = instant(nullable=True)
    published_at: datetime = instant()


class OfferedStay(TenantRow, table=True):
    """A stay of an offered season, as it was last published."""

    __tablename__ = "offered_stay"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "season_id"], ["offered_season.tenant_id", "offered_season.season_id"]),
        UniqueConstraint("tenant_id", "season_id", "code"),
    )

    stay_id: UUID = Field(primary_key=True)
    season_id: UUID
    code: str
    centre_name: str
    region: str
    starts_on: date
    ends_on: date
    family_places: int
    min_child_age: int
    max_child_age: int
    assembly_points: list[str] = Field(sa_type=ARRAY(String))
    included: str
    accessibility: str
    cancelled: bool


class ReferralCase(IdentifiedRow, table=True):
    """A family's case for a season: what any number of services have referred of it, and what was decided.

    `leading_id` is the referral that the list is made from. `family_key` is how the organisation knows the family. Of a
    case that is `withdrawn` nothing but this row is left.
    """

    __tablename__ = "referral_case"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "season_id"], ["offered_season.tenant_id", "offered_season.season_id"]),
        UniqueConstraint("tenant_id", "family_key"),
        one_of("state", CASE_STATES),
        CheckConstraint("need between 1 and 5", "need"),
        CheckConstraint("state <> 'approved' or need is not null", "approved"),
        CheckConstraint("state not in ('rejected', 'sent_back') or said <> ''", "said"),
        CheckConstraint("(state = 'merged') = (merged_into is not null)", "merged"),
        CheckConstraint("(state in ('withdrawn', 'merged')) = (leading_id is null)", "leading"),
        Index(None, "tenant_id", "season_id", "state"),
    )

    season_id: UUID
    family_key: UUID = Field(default=None, sa_column_kwargs={"server_default": text("gen_random_uuid()")})
    state: str = "open"
    leading_id: UUID | None = None
    need: int | None = None
    said: str = ""
    late: bool = False
    opened_at: datetime = instant()
    decided_at: datetime | None = instant(nullable=True)
    decided_by: UUID | None = None
    withdrawn_at: datetime | None = instant(nullable=True)
    merged_into: UUID | None = None


class Referral(IdentifiedRow, table=True):
    """What one service refers: a draft, or its part of a family's case.

    `holds` are the codes of the district's criteria that the professional says hold. `outcome` follows what is decided
    about the case, but only once a case worker has looked at this referral: what a service is told never tells whether
    another one has referred the family. `person_id` is whoever's identity number was given, and `household_id` the home
    of theirs that the family is.
    """

    __tablename__ = "referral"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "season_id"], ["offered_season.tenant_id", "offered_season.season_id"]),
        of("referral_case", "case_id"),
        ForeignKeyConstraint(
            ["tenant_id", "service_id"], ["directory.organisation.tenant_id", "directory.organisation.id"]
        ),
        one_of("state", REFERRAL_STATES),
        one_of("consent_how", CONSENTS),
        CheckConstraint("(state = 'draft') = (case_id is null)", "case"),
        CheckConstraint(
            "state in ('draft', 'withdrawn') or (consent_on is not null and consent_how is not null)", "consent"
        ),
        CheckConstraint("length(why) <= 300", "why"),
        CheckConstraint(
            "state <> 'withdrawn' or (why = '' and phone = '' and language = '' and question = '' and answer = '')",
            "withdrawn",
        ),
        Index(None, "tenant_id", "service_id", "state"),
        Index(None, "tenant_id", "case_id"),
    )

    season_id: UUID
    case_id: UUID | None = None
    service_id: UUID
    state: str = "draft"
    person_id: UUID | None = None
    household_id: UUID | None = None
    phone: str = ""
    language: str = ""
    interpreter: bool = False
    last_participation: int | None = None
    why: str = ""
    holds: list[str] = Field(default_factory=list, sa_type=ARRAY(String))
    consent_on: date | None = None
    consent_how: str | None = None
    question: str = ""
    answer: str = ""
    made_at: datetime = instant()
    made_by: UUID | None = None
    sent_at: datetime | None = instant(nullable=True)
    changed_at: datetime | None = instant(nullable=True)
    seen_at: datetime | None = instant(nullable=True)


class ReferralTraveller(TenantRow, table=True):
    """Somebody who travels, as the family has named them; `person_id` where the register knows the person.

    `name_key` are the words of the name as searches compare them: by these, with the birth date, a person is known
    again whom the register does not know.
    """

    __tablename__ = "referral_traveller"
    __table_args__ = (
        of("referral", "referral_id"),
        Index(None, "tenant_id", "birth_date"),
        Index(None, "tenant_id", "person_id"),
    )

    referral_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True)
    name: str
    name_key: str
    birth_date: date
    person_id: UUID | None = None


class ReferralWish(TenantRow, table=True):
    """A stay that the family wishes, the best first."""

    __tablename__ = "referral_wish"
    __table_args__ = (
        of("referral", "referral_id"),
        ForeignKeyConstraint(["tenant_id", "stay_id"], ["offered_stay.tenant_id", "offered_stay.stay_id"]),
    )

    referral_id: UUID = Field(primary_key=True)
    rank: int = Field(primary_key=True)
    stay_id: UUID


class CaseVerdict(TenantRow, table=True):
    """What a person has said of two cases that share somebody: that these are different people."""

    __tablename__ = "case_verdict"
    __table_args__ = (of("referral_case", "first_id"), of("referral_case", "second_id"))

    first_id: UUID = Field(primary_key=True)
    second_id: UUID = Field(primary_key=True)
    decided_at: datetime = instant()
    decided_by: UUID | None = None


class ReferralList(IdentifiedRow, table=True):
    """A version of the municipality's list for a season, as it was handed over. Only the receipt is added to it."""

    __tablename__ = "referral_list"
    __table_args__ = (
        UniqueConstraint("tenant_id", "season_id", "number"),
        ForeignKeyConstraint(["tenant_id", "season_id"], ["offered_season.tenant_id", "offered_season.season_id"]),
        CheckConstraint("number > 0 and families >= 0 and persons >= 0 and withdrawn >= 0", "counts"),
    )

    season_id: UUID
    number: int
    families: int
    persons: int
    withdrawn: int
    changes: dict[str, Any] = Field(sa_type=JSONB)
    made_at: datetime = instant()
    made_by: UUID | None = None
    handed_over_at: datetime | None = instant(nullable=True)
    confirmed_at: datetime | None = instant(nullable=True)


class ReferralListEntry(TenantRow, table=True):
    """A family of a version: exactly what was handed over of it. It goes where the consent is withdrawn."""

    __tablename__ = "referral_list_entry"
    __table_args__ = (of("referral_list", "list_id"), of("referral_case", "case_id"))

    list_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True)
    case_id: UUID
    content: dict[str, Any] = Field(sa_type=JSONB)


class FamilyOutcome(TenantRow, table=True):
    """The newest offer that the organisation has made to a family of the list, and what became of it.

    A trigger on the organisation's offers writes it, in the same commit. `by_referrer`: whoever referred the family is
    to tell it. It goes with the consent.
    """

    __tablename__ = "family_outcome"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "season_id"], ["offered_season.tenant_id", "offered_season.season_id"]),
        one_of("state", OUTCOMES),
    )

    season_id: UUID = Field(primary_key=True)
    family_key: UUID = Field(primary_key=True)
    state: str
    stay_id: UUID
    deadline: datetime = instant()
    by_referrer: bool
    changed_at: datetime = instant()
