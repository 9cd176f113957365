"""Seasons of a volunteer organisation, and what they are planned with: districts, centres, volunteers."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"\S", examples=["Sommer 2026"])]


class DistrictCriterion(msgspec.Struct, frozen=True):
    """A statement that must hold of a family; `code` never changes as long as the statement stands."""

    code: str
    statement: str


class DistrictDetail(msgspec.Struct, frozen=True):
    """A district: whom municipalities ask there, and what it asks of families beside the child's age."""

    id: UUID
    name: str
    contact_name: str
    contact_phone: str
    contact_email: str
    criteria: list[DistrictCriterion]


class DistrictChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A district whole. `criteria` are statements; one that stood before keeps its code."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"\S", examples=["Vestland"])]
    contact_name: Annotated[str, msgspec.Meta(max_length=100)] = ""
    contact_phone: Annotated[str, msgspec.Meta(max_length=40)] = ""
    contact_email: Annotated[str, msgspec.Meta(max_length=254)] = ""
    criteria: Annotated[list[Annotated[str, msgspec.Meta(max_length=200)]], msgspec.Meta(max_length=6)] = []


class DistrictMunicipalityDetail(msgspec.Struct, frozen=True):
    """A municipality of a district; without `code` it sends spreadsheets."""

    id: UUID
    name: str
    code: str | None


class NewDistrictMunicipality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A municipality; `code` is that of its own Medspiller."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"\S", examples=["Bergen"])]
    code: Annotated[str, msgspec.Meta(max_length=20)] | None = None


class CentreRoomDetail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A family room with its beds."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\s,:;]", examples=["Room 1"])]
    beds: Annotated[int, msgspec.Meta(ge=1, le=20)]


class CentreDetail(msgspec.Struct, frozen=True):
    """A centre; without rooms it is planned by beds alone."""

    id: UUID
    name: str
    region: str
    address: str
    accessibility: str
    rooms: list[CentreRoomDetail]


class CentreChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A centre whole, with all its rooms."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"\S", examples=["Fjellheim"])]
    region: Annotated[str, msgspec.Meta(max_length=100)] = ""
    address: Annotated[str, msgspec.Meta(max_length=200)] = ""
    accessibility: Annotated[str, msgspec.Meta(max_length=500)] = ""
    rooms: Annotated[list[CentreRoomDetail], msgspec.Meta(max_length=100)] = []


class VolunteerDetail(msgspec.Struct, frozen=True):
    """A volunteer with the roles to come. `email` and `certificate_seen_on` are for coordinators alone, else null."""

    id: UUID
    name: str
    phone: str
    email: str | None
    certificate_seen_on: date | None
    roles: int


class VolunteerChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A volunteer and how they are reached."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"\S", examples=["Kari"])]
    phone: Annotated[str, msgspec.Meta(max_length=40)] = ""
    email: Annotated[str, msgspec.Meta(max_length=254)] = ""


class CertificateSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a police certificate was seen; the certificate itself is never kept."""

    seen_on: date


class SeasonDetail(msgspec.Struct, frozen=True):
    """A season; `stays` counts those that are not cancelled. Published, every change is passed on to municipalities."""

    id: UUID
    district_id: UUID
    district: str
    name: str
    first_day: date
    last_day: date
    referral_deadline: date
    list_deadline: date
    planned_on: date
    state: Literal["draft", "published", "closed"]
    published_at: datetime | None
    copied_from: UUID | None
    stays: int


class SeasonChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A season's name and dates, in this order: referrals, lists, places allocated, first and last day."""

    name: _Name
    referral_deadline: date
    list_deadline: date
    planned_on: date
    first_day: date
    last_day: date


class NewSeason(SeasonChange, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A season of a district."""

    district_id: UUID


class SeasonCopy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The next season as this one was, so many years later on the same weekdays."""

    name: _Name
    years: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1


class SeasonPublished(msgspec.Struct, frozen=True):
    """How many municipalities see the season in their own Medspiller."""

    municipalities: int


class SeasonMunicipalityDetail(msgspec.Struct, frozen=True):
    """A municipality in a season: its quota of families, if it has one, and its newest list."""

    municipality_id: UUID
    name: str
    code: str | None
    quota: int | None
    list_id: UUID | None
    number: int | None
    families: int | None
    persons: int | None
    received_at: datetime | None
    confirmed_at: datetime | None


class SeasonQuota(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many families a municipality may hand a list over; null for no quota."""

    quota: Annotated[int, msgspec.Meta(ge=0, le=10000)] | None = None
