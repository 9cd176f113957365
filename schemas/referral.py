"""Families that services refer to free holidays, what is decided about them, and the lists that are handed over."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from schemas.stay import ListedTraveller

Consent = Literal["spoken", "written", "through_interpreter"]


class OfferedStayDetail(msgspec.Struct, frozen=True):
    """A stay that is offered to the municipality."""

    stay_id: UUID
    code: str
    centre_name: str
    region: str
    starts_on: date
    ends_on: date
    family_places: int
    min_child_age: int
    max_child_age: int
    assembly_points: list[str]
    included: str
    accessibility: str
    cancelled: bool


class OfferedCriterion(msgspec.Struct, frozen=True):
    """A statement of the district that must hold of a family."""

    code: str
    statement: str


class OfferedSeasonDetail(msgspec.Struct, frozen=True):
    """A season that is offered to the municipality, with its stays and whom to ask."""

    season_id: UUID
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
    criteria: list[OfferedCriterion]
    quota: int | None
    state: Literal["published", "closed"]
    stays: list[OfferedStayDetail]


class TravellerGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who travels, as the family names them."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S", examples=["Amina Ali"])]
    birth_date: date


class ReferralContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a referral says. `wishes` are stays, the best first; none means anything in the region. `holds` are the
    criteria that hold, by code. `why` is for the municipality alone: no diagnosis and nothing about health.
    """

    travellers: Annotated[list[TravellerGiven], msgspec.Meta(max_length=12)] = []
    phone: Annotated[str, msgspec.Meta(max_length=40)] = ""
    wishes: Annotated[list[UUID], msgspec.Meta(max_length=10)] = []
    language: Annotated[str, msgspec.Meta(max_length=60)] = ""
    interpreter: bool = False
    holds: Annotated[list[Annotated[str, msgspec.Meta(max_length=40)]], msgspec.Meta(max_length=10)] = []
    last_participation: Annotated[int, msgspec.Meta(ge=1990, le=2100)] | None = None
    why: Annotated[str, msgspec.Meta(max_length=300)] = ""
    consent_on: date | None = None
    consent_how: Consent | None = None


class NewReferral(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draft for a season; with the exact `identity_number` of somebody in the family it is filled in."""

    season_id: UUID
    identity_number: Annotated[str, msgspec.Meta(max_length=20)] | None = None


class ReferralAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a question."""

    answer: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"\S", examples=["Her mother."])]


class ReferralFinding(msgspec.Struct, frozen=True):
    """One point of whether the family fits the season: `child_of_age`, `wishes`, `participation` or a criterion."""

    code: str
    holds: bool
    because: str


class FamilyOutcome(msgspec.Struct, frozen=True):
    """The newest offer that the organisation has made to the family, and what became of it. `by_referrer`: whoever
    referred the family is to tell it.
    """

    state: Literal["open", "accepted", "declined", "expired", "cancelled", "withdrawn", "stay_cancelled"]
    stay_id: UUID
    deadline: datetime
    by_referrer: bool
    changed_at: datetime


class OfferLink(msgspec.Struct, frozen=True):
    """An address at which the family answers its offer without an account, until the deadline."""

    url: str
    deadline: datetime


class ReferralDetail(msgspec.Struct, frozen=True):
    """A referral of one's own service. Its `state` tells nothing of what other services have referred."""

    id: UUID
    season_id: UUID
    state: Literal["draft", "sent", "sent_back", "approved", "rejected", "withdrawn"]
    travellers: list[ListedTraveller]
    phone: str
    wishes: list[UUID]
    language: str
    interpreter: bool
    holds: list[str]
    last_participation: int | None
    why: str
    consent_on: date | None
    consent_how: str | None
    question: str
    answer: str
    said: str
    findings: list[ReferralFinding]
    made_at: datetime
    sent_at: datetime | None
    handed_over_at: datetime | None
    outcome: FamilyOutcome | None


class CasePart(msgspec.Struct, frozen=True):
    """What one service has said of a family; the list is made from the part that is `leading`."""

    referral_id: UUID
    service_id: UUID
    leading: bool
    seen: bool
    travellers: list[ListedTraveller]
    phone: str
    wishes: list[UUID]
    language: str
    interpreter: bool
    last_participation: int | None
    why: str
    consent_on: date | None
    consent_how: str | None
    question: str
    answer: str


class CaseSummary(msgspec.Struct, frozen=True):
    """A family of a season. `shared`: with how many other cases it shares somebody; `listed`: on which version."""

    id: UUID
    season_id: UUID
    contact: str
    persons: int
    state: Literal["open", "sent_back", "approved", "rejected"]
    need: int | None
    said: str
    late: bool
    fits: bool
    unseen: int
    shared: int
    listed: int | None
    services: list[UUID]
    opened_at: datetime
    outcome: FamilyOutcome | None


class CaseWhole(msgspec.Struct, frozen=True):
    """A family's case with every service's part of it, and how it fits the season."""

    summary: CaseSummary
    findings: list[ReferralFinding]
    parts: list[CasePart]


class CaseDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is decided about a family: `need` 1 to 5 where it is approved, `said` where it is rejected."""

    case_id: UUID
    verdict: Literal["approve", "reject", "reopen"]
    need: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None
    said: Annotated[str, msgspec.Meta(max_length=500)] = ""


class CaseDecisions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decisions about several families: all of them or none."""

    decisions: Annotated[list[CaseDecision], msgspec.Meta(min_length=1, max_length=500)]


class CaseQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question to the service that made a referral."""

    referral_id: UUID
    question: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"\S", examples=["Who travels along?"])]


class SharedPair(msgspec.Struct, frozen=True):
    """Two cases that share somebody; of whom no more than the names and the year of birth is told."""

    season_id: UUID
    first_id: UUID
    first_name: str
    first_contact: str
    second_id: UUID
    second_name: str
    second_contact: str
    birth_year: int


class PairDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What two cases are: `join`ed to one family, or kept `apart`."""

    first_id: UUID
    second_id: UUID
    verdict: Literal["join", "apart"]


class ServiceSpread(msgspec.Struct, frozen=True):
    """How one service's families spread over the need bands, `band_5` the highest."""

    service_id: UUID
    name: str
    band_5: int
    band_4: int
    band_3: int
    band_2: int
    band_1: int
    unranked: int
    approved: int


class CaseCounts(msgspec.Struct, frozen=True):
    """How a season's families stand; `quota` null where there is none."""

    open: int
    sent_back: int
    approved: int
    rejected: int
    withdrawn: int
    persons_approved: int
    quota: int | None
    services: list[ServiceSpread]


class PlannedList(msgspec.Struct, frozen=True):
    """What the next version of a list would hold; `added`, `changed` and `removed` are keys of families."""

    season_id: UUID
    families: int
    persons: int
    added: list[str]
    changed: list[str]
    removed: list[str]
    withdrawn: int
    left_out: list[UUID]
    is_new: bool


class HandOver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which season the list is handed over."""

    season_id: UUID


class ReferralListSummary(msgspec.Struct, frozen=True):
    """A version that was handed over."""

    id: UUID
    season_id: UUID
    season: str
    organisation: str
    number: int
    families: int
    persons: int
    withdrawn: int
    handed_over_at: datetime
    confirmed_at: datetime | None


class ReferralListFamily(msgspec.Struct, frozen=True):
    """A family as it was handed over; `wishes` are stays."""

    key: str
    need: int
    contact_name: str
    phone: str
    language: str
    interpreter: bool
    last_participation: int | None
    late: bool
    travellers: list[ListedTraveller]
    wishes: list[UUID]


class ReferralListDetail(msgspec.Struct, frozen=True):
    """A version with its families, exactly as the organisation has them."""

    version: ReferralListSummary
    families: list[ReferralListFamily]
