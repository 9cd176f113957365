"""Travel to a stay: departures, who comes and who came, and what municipalities pay."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import msgspec

AttendanceState = Literal["came", "not_come"]
_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class DepartureDetail(msgspec.Struct, frozen=True):
    """A departure; `cost_ore` is null while the cost is not known, and `fixed` once a part of it was invoiced."""

    id: UUID
    place: str
    leaves_on: date
    leaves_at: Annotated[str, msgspec.Meta(pattern=_CLOCK, examples=["08:30"])]
    carrier: str
    seats: int
    cost_ore: int | None
    currency: Literal["DKK", "NOK"]
    note: str
    fixed: bool


class AssemblyPoint(msgspec.Struct, frozen=True):
    """An assembly point of a stay; `seats_left` is negative where there are too few seats, null without a departure."""

    assembly_point: str
    families: int
    travellers: int
    seats_left: int | None
    departure: DepartureDetail | None


class StayTravel(msgspec.Struct, frozen=True):
    """Who travels from where; `families_without_point` have accepted and not said where they meet."""

    stay_id: UUID
    points: list[AssemblyPoint]
    families_without_point: int


class DepartureChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A departure whole; a `cost_ore` of null is not known yet."""

    assembly_point: Annotated[str, msgspec.Meta(min_length=1, max_length=200, examples=["Oslo bussterminal"])]
    leaves_on: date
    leaves_at: Annotated[str, msgspec.Meta(pattern=_CLOCK, examples=["08:30"])]
    seats: Annotated[int, msgspec.Meta(ge=1, le=2000)]
    place: Annotated[str, msgspec.Meta(max_length=200)] = ""
    carrier: Annotated[str, msgspec.Meta(max_length=200)] = ""
    cost_ore: Annotated[int, msgspec.Meta(ge=0, le=100_000_000_000)] | None = None
    note: Annotated[str, msgspec.Meta(max_length=300)] = ""


class ManifestPerson(msgspec.Struct, frozen=True):
    """Somebody who comes; `state` is null until somebody has said whether they came."""

    place: int
    name: str
    age: int
    state: AttendanceState | None


class ManifestFamily(msgspec.Struct, frozen=True):
    """A family that comes."""

    offer_id: UUID
    name: str
    municipality: str
    phone: str | None
    language: str | None
    interpreter: bool
    assembly_point: str | None
    travellers: list[ManifestPerson]


class Manifest(msgspec.Struct, frozen=True):
    """Who comes to a stay, or from one assembly point."""

    stay_id: UUID
    families: list[ManifestFamily]


class AttendanceNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That somebody came or did not; a `state` of null takes it back.

    `seen` is what stood there when it was decided. What somebody else has noted since is not overwritten: 409.
    """

    offer_id: UUID
    place: Annotated[int, msgspec.Meta(ge=0, le=1000)]
    state: AttendanceState | None
    seen: AttendanceState | None = None


class TravelCost(msgspec.Struct, frozen=True):
    """A municipality's part of a departure; `amount_ore` is null while the cost is not known."""

    municipality_id: UUID
    municipality: str
    departure_id: UUID
    stay_id: UUID
    stay: str
    assembly_point: str
    leaves_on: date
    seats: int
    amount_ore: int | None
    currency: Literal["DKK", "NOK"]
    fixed: bool
    state: Literal["to_invoice", "invoiced", "paid"]
    invoiced_on: date | None
    paid_on: date | None


class TravelCosts(msgspec.Struct, frozen=True):
    """What municipalities pay for a season's travel."""

    season_id: UUID
    lines: list[TravelCost]


class TravelStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That a municipality was invoiced for every departure that has left, or has paid what was invoiced."""

    municipality_id: UUID
    step: Literal["invoice", "pay"]
    on: date


class TravelStepTaken(msgspec.Struct, frozen=True):
    """How many lines it concerned."""

    lines: int
