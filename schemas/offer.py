"""Offers of places to families, their answers, and the waiting list."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

OfferState = Literal["open", "accepted", "declined", "expired", "cancelled", "withdrawn", "stay_cancelled"]
OfferWay = Literal["auto", "letter", "email", "text", "referrer"]
Because = Literal["time", "place", "travel", "other_plans", "illness", "other"]
_Family = Annotated[str, msgspec.Meta(min_length=1, max_length=40, examples=["7"])]
_Short = Annotated[str, msgspec.Meta(max_length=100)]
_Need = Annotated[str, msgspec.Meta(max_length=500)]


class OfferDetail(msgspec.Struct, frozen=True):
    """An offer. `persons` are those who come, of an open offer all who were named.

    `listed`: the family is on its municipality's newest list. `waits_again`: it said no, or nothing, and was put back
    on the waiting list.
    """

    id: UUID
    season_id: UUID
    municipality_id: UUID
    municipality: str
    family_key: str
    stay_id: UUID
    stay: str
    state: OfferState
    via: Literal["letter", "email", "text", "referrer"]
    language: str
    deadline: datetime
    assembly_point: str | None
    made_at: datetime
    sent_at: datetime | None
    reminded_at: datetime | None
    ended_at: datetime | None
    answered_at: datetime | None
    answered_how: Literal["link", "code", "coordinator"] | None
    declined_because: Because | None
    waits_again: bool
    listed: bool
    persons: int


class OfferTravellerDetail(msgspec.Struct, frozen=True):
    """Somebody of the family: `place` counts from 0 and is what an answer names."""

    place: int
    name: str
    birth_date: date
    comes: bool


class OfferWhole(msgspec.Struct, frozen=True):
    """An offer with the family: who was named and comes, and what it needs, until the stay is over."""

    offer: OfferDetail
    contact_name: str | None
    phone: str | None
    travellers: list[OfferTravellerDetail]
    diet: str
    health: str
    access: str
    emergency_name: str
    emergency_phone: str


class WantedOffer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A family that is to get an offer. Where that goes through whoever referred it, `email` is theirs."""

    municipality_id: UUID
    family_key: _Family
    via: OfferWay = "auto"
    email: Annotated[str, msgspec.Meta(max_length=254)] = ""
    street: _Short = ""
    postcode_city: _Short = ""


class NewOffers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The offers that are to be made: to the families named, or with none named to all that hold a place without an
    offer, of one stay or of all. `days` is the time to answer; without it the season's.

    `even_so`: also of stays for which too few volunteers have confirmed.
    """

    families: Annotated[list[WantedOffer], msgspec.Meta(max_length=1000)] | None = None
    stay_id: UUID | None = None
    via: Literal["auto", "letter", "referrer"] = "auto"
    days: Annotated[int, msgspec.Meta(ge=1, le=90)] | None = None
    even_so: bool = False


class OffersMade(msgspec.Struct, frozen=True):
    """The offers that were made, and the keys of families whose stay begins too soon for one."""

    offers: list[UUID]
    too_late: list[str]


class OfferAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a family has said on the phone. With `accepts` who comes, by their places; without it why not."""

    accepts: bool
    comes: Annotated[list[int], msgspec.Meta(max_length=20)] = []
    assembly_point: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    diet: _Need = ""
    health: _Need = ""
    access: _Need = ""
    emergency_name: _Short = ""
    emergency_phone: Annotated[str, msgspec.Meta(max_length=30)] = ""
    because: Because | None = None


class OfferTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last day on which the family may answer."""

    until: date


class OfferSettingsDetail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days to answer, days before the deadline to remind, and whether freed places are offered without a click."""

    answer_days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 14
    remind_days: Annotated[int, msgspec.Meta(ge=0, le=30)] = 3
    by_itself: bool = False


class LackDetail(msgspec.Struct, frozen=True):
    """What a stay lacks to take a family: how many more family places and beds, and the beds of a wanting room."""

    stay: str
    reason: Literal["family_places", "beds", "family_places_and_beds", "rooms", "apart"]
    family_places: int
    beds: int
    beds_left: int
    room: int


class WaitingFamily(msgspec.Struct, frozen=True):
    """A family that waits, in its place of the line. `next_for` is the stay that has room for it now.

    `lacks` is what its better wishes lack; `passed_over` what it lacked when a place went to a family after it.
    """

    place: int
    municipality_id: UUID
    municipality: str
    family_key: str
    persons: int
    beds: int
    late: bool
    points: int
    took_part_lately: bool
    options: list[str]
    next_for: str | None
    next_for_id: UUID | None
    lacks: list[LackDetail]
    passed_over: list[LackDetail]


class NextOffer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to get a free place, as the waiting list shows it; without a family all who are next."""

    municipality_id: UUID | None = None
    family_key: _Family | None = None
    stay_id: UUID | None = None


class StayReoffered(msgspec.Struct, frozen=True):
    """What became of a cancelled stay's families: the offers of other stays, and how many wait."""

    offers: list[UUID]
    waiting: int


class RemindersSent(msgspec.Struct, frozen=True):
    """How many reminders go out."""

    reminders: int
