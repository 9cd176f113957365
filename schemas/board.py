"""The board of a season: who goes where, as volunteers plan it."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import msgspec

FamilyKey = Annotated[str, msgspec.Meta(min_length=1, max_length=40, examples=["7"])]


class BoardStay(msgspec.Struct, frozen=True):
    """A stay with what is taken of it. `beds` are those for families."""

    id: UUID
    code: str
    centre: str
    starts_on: date
    ends_on: date
    families: int
    family_places: int
    beds: int
    bed_places: int


class BoardFamily(msgspec.Struct, frozen=True):
    """A family: named by its municipality in the district and the key of the municipality's list.

    `held_persons` and `held_beds` are what it holds at `stay_id`, and differ from `persons` and `beds` where its list
    has changed since. `wish` is which of its wishes the stay is. `offer` tells that the place is offered to it.
    `revision` is given back by whoever changes its place.
    """

    municipality_id: UUID
    family: str
    contact_name: str
    municipality: str
    rank: int
    persons: int
    ages: list[int]
    beds: int
    held_persons: int | None
    held_beds: int | None
    need: int
    language: str
    interpreter: bool
    late: bool
    last_participation: int | None
    wishes: list[str]
    stay_id: UUID | None
    wish: int | None
    locked: bool
    offer: Literal["open", "accepted"] | None
    listed: bool
    revision: int


class BoardNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which family."""

    municipality_id: UUID
    family: FamilyKey


class BoardConflict(msgspec.Struct, frozen=True):
    """What is wrong, in a sentence: with these families, or with a stay."""

    severity: Literal["danger", "warning", "info"]
    message: str
    families: list[BoardNamed]
    stay_id: UUID | None


class BoardGroup(msgspec.Struct, frozen=True):
    """Families that are kept together at one stay, or apart."""

    id: UUID
    kind: Literal["together", "apart"]
    families: list[BoardNamed]


class BoardDetail(msgspec.Struct, frozen=True):
    """The whole board. `stamp` is the same as long as nothing of it has changed."""

    season_id: UUID
    stamp: str
    stays: list[BoardStay]
    families: list[BoardFamily]
    conflicts: list[BoardConflict]
    groups: list[BoardGroup]


class NewPlacement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a family is to be, locked or not; without a stay it waits. `revision` is the family's as it was read."""

    municipality_id: UUID
    family: FamilyKey
    revision: Annotated[int, msgspec.Meta(ge=0)]
    stay_id: UUID | None = None
    lock: bool = False


class NeededBeds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many beds a family needs, where infants need none. Without `beds` it holds what its newest list asks for."""

    municipality_id: UUID
    family: FamilyKey
    revision: Annotated[int, msgspec.Meta(ge=0)]
    beds: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None


class NewBoardGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Families to be kept together or apart."""

    kind: Literal["together", "apart"]
    families: Annotated[list[BoardNamed], msgspec.Meta(min_length=2, max_length=20)]
