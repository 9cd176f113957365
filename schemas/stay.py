"""Stays of a season, their roles, fall-back offers, and the lists of families that come for them."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

RoleName = Literal["leader", "deputy", "cook", "activities", "first_aid", "transport", "helper"]


class StayDetail(msgspec.Struct, frozen=True):
    """A stay. `person_places` counts the volunteers in; `confirmed` are the roles that somebody has confirmed."""

    id: UUID
    season_id: UUID
    centre_id: UUID
    centre: str
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
    assembly_points: list[str]
    included: str
    accessibility: str
    state: Literal["planned", "cancelled"]
    cancelled_at: datetime | None
    cancelled_because: str | None
    confirmed: int


class StayChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stay whole; `region` left empty is that of the centre."""

    centre_id: UUID
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=20, pattern=r"^[0-9A-Za-zÆØÅæøå._-]+$", examples=["A1"])]
    starts_on: date
    ends_on: date
    family_places: Annotated[int, msgspec.Meta(ge=1, le=200)]
    person_places: Annotated[int, msgspec.Meta(ge=1, le=2000)]
    volunteers: Annotated[int, msgspec.Meta(ge=0, le=500)]
    min_child_age: Annotated[int, msgspec.Meta(ge=0, le=17)] = 6
    max_child_age: Annotated[int, msgspec.Meta(ge=0, le=17)] = 13
    min_families: Annotated[int, msgspec.Meta(ge=0, le=200)] = 0
    region: Annotated[str, msgspec.Meta(max_length=100)] = ""
    assembly_points: Annotated[list[Annotated[str, msgspec.Meta(max_length=200)]], msgspec.Meta(max_length=20)] = []
    included: Annotated[str, msgspec.Meta(max_length=500)] = ""
    accessibility: Annotated[str, msgspec.Meta(max_length=500)] = ""


class StayCancellation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a stay is cancelled, for good."""

    because: Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=r"\S", examples=["The roof leaks"])]


class StayCancelled(msgspec.Struct, frozen=True):
    """How many families on the newest lists had wished for the stay."""

    wished_by: int


class StayFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of stays as CSV; its first line names the columns."""

    csv: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000_000)]


class WrongValue(msgspec.Struct, frozen=True):
    """What is wrong with a column of a line."""

    field: str
    message: str


class StayLine(msgspec.Struct, frozen=True):
    """What became of a line: good lines stand though others are rejected."""

    line: int
    stay: str
    outcome: Literal["added", "changed", "unchanged", "rejected"]
    errors: list[WrongValue]


class StayRoleDetail(msgspec.Struct, frozen=True):
    """A role on a stay, and who is asked for it or has confirmed it."""

    id: UUID
    stay_id: UUID
    role: RoleName
    state: Literal["needed", "asked", "confirmed"]
    volunteer_id: UUID | None
    name: str | None
    phone: str | None


class NewStayRole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role that is needed."""

    role: RoleName


class StayRoleChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is asked; null: nobody, the role is needed again."""

    volunteer_id: UUID | None


class FallbackDetail(msgspec.Struct, frozen=True):
    """What a family may be offered for which no stay has room."""

    id: UUID
    season_id: UUID
    kind: Literal["day_trip", "children_alone"]
    name: str
    starts_on: date
    ends_on: date
    places: int
    min_age: int
    max_age: int
    description: str


class NewFallback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day trip, or a stay for children alone."""

    kind: Literal["day_trip", "children_alone"]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"\S", examples=["Akvariet"])]
    starts_on: date
    ends_on: date
    places: Annotated[int, msgspec.Meta(ge=1, le=2000)]
    min_age: Annotated[int, msgspec.Meta(ge=0, le=17)] = 0
    max_age: Annotated[int, msgspec.Meta(ge=0, le=17)] = 17
    description: Annotated[str, msgspec.Meta(max_length=500)] = ""


class ListedTraveller(msgspec.Struct, frozen=True):
    """Somebody who travels."""

    name: str
    birth_date: date


class ListedFamilyDetail(msgspec.Struct, frozen=True):
    """A family as its municipality handed it over: never who referred it, why, or an income.

    `change`: `added` or `changed` since the version before. `late`: referred after the deadline, for a place that falls
    free. `wishes` are stays, the best first; none means anything in the region.
    """

    place: int
    key: str
    change: Literal["added", "changed"] | None
    need: int
    contact_name: str
    phone: str
    language: str
    interpreter: bool
    last_participation: int | None
    late: bool
    travellers: list[ListedTraveller]
    wishes: list[UUID]


class ReceivedListSummary(msgspec.Struct, frozen=True):
    """A version of a municipality's list. `rejected` counts the lines of a spreadsheet that were not taken over,
    `withdrawn` the families of whom nothing else is left.
    """

    id: UUID
    season_id: UUID
    municipality_id: UUID
    municipality: str
    number: int
    newest: bool
    source: Literal["handed_over", "spreadsheet"]
    families: int
    persons: int
    added: int
    changed: int
    removed: int
    withdrawn: int
    rejected: int
    received_at: datetime
    confirmed_at: datetime | None


class RejectedListLine(msgspec.Struct, frozen=True):
    """A line of a spreadsheet that was not taken over, and why; never what stood in it."""

    line: int
    field: str
    message: str


class ReceivedListDetail(msgspec.Struct, frozen=True):
    """A version with its families and the lines that were not taken over."""

    version: ReceivedListSummary
    families: list[ListedFamilyDetail]
    rejected_lines: list[RejectedListLine]


class ListFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole list of a municipality without Medspiller, as CSV; it becomes the next version."""

    municipality_id: UUID
    csv: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000_000)]


class ListWithdrawal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The key of a family of a spreadsheet that has withdrawn its consent."""

    family: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class DoubleChild(msgspec.Struct, frozen=True):
    """Two families of a season's newest lists that seem to have the same child, and what a person has said of it."""

    season_id: UUID
    birth_date: date
    first_municipality_id: UUID
    first_municipality: str
    first_key: str
    first_contact: str
    first_child: str
    second_municipality_id: UUID
    second_municipality: str
    second_key: str
    second_contact: str
    second_child: str
    verdict: Literal["same", "different"] | None


class DoubleVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether two families have the same child. No list is changed by it."""

    season_id: UUID
    first_municipality_id: UUID
    first_key: Annotated[str, msgspec.Meta(max_length=40)]
    second_municipality_id: UUID
    second_key: Annotated[str, msgspec.Meta(max_length=40)]
    verdict: Literal["same", "different"]


class StayAnswer(msgspec.Struct, frozen=True):
    """The id of what was made."""

    id: UUID
