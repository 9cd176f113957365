"""Schemes and their dated parameters. Amounts are øre."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

Ore = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]
Area = Annotated[str, msgspec.Meta(pattern=r"^[^,|]*[^,|\s][^,|]*$", max_length=100)]
Basis = Literal["annual", "final", "advance", "month_x12"]
PeriodKind = Literal[
    "calendar_year",
    "school_year",
    "half_year",
    "months_1",
    "months_2",
    "months_3",
    "months_4",
    "months_6",
    "months_12",
]


class SchemeParameters(msgspec.Struct, frozen=True):
    """What a scheme says from a day on; amounts in øre.

    `limit_ore` is the household income that still entitles with one child and two providers (`inclusive`: an income
    equal to the limit entitles); `single_addition_ore` comes on top with exactly one provider, `child_addition_ore`
    for each child beyond the first. `amount_ore` and `equipment_ore` are what a pass is worth a period. Ages are whole
    years, both included. `min_percent`: the least percent of an award made elsewhere that entitles. `areas`: districts
    or postcodes that are covered whole. `bases`: which incomes count, the first that a provider has. `one_club`: the
    whole pass at one club. `keep_when_lost`: this period's pass stays though the entitlement is lost. `gate_percent`:
    the share of new or lost children that holds a commit.
    """

    limit_ore: int
    amount_ore: int
    min_age: int
    max_age: int
    single_addition_ore: int
    child_addition_ore: int
    equipment_ore: int
    inclusive: bool
    period: str
    min_percent: int
    areas: list[str]
    bases: list[str]
    one_club: bool
    keep_when_lost: bool
    gate_percent: int


class ParameterChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters that are to be other than before, as in SchemeParameters; what is left out or null stays."""

    limit_ore: Ore | None = None
    amount_ore: Ore | None = None
    min_age: Annotated[int, msgspec.Meta(ge=0, le=17)] | None = None
    max_age: Annotated[int, msgspec.Meta(ge=0, le=18)] | None = None
    single_addition_ore: Ore | None = None
    child_addition_ore: Ore | None = None
    equipment_ore: Ore | None = None
    inclusive: bool | None = None
    period: PeriodKind | None = None
    min_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    areas: list[Area] | None = None
    bases: Annotated[list[Basis], msgspec.Meta(min_length=1)] | None = None
    one_club: bool | None = None
    keep_when_lost: bool | None = None
    gate_percent: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None


class SchemeVersion(msgspec.Struct, frozen=True):
    """Parameters with the days on which they count, both included, and where they were published or decided.

    Without `valid_to` they count until a version with a later first day. Of two with the same first day the one with
    the higher `number` counts.
    """

    id: UUID
    number: int
    valid_from: date
    valid_to: date | None
    source: str
    created_at: datetime
    created_by: UUID | None
    parameters: SchemeParameters


class SchemeSummary(msgspec.Struct, frozen=True):
    """A scheme, how many versions its parameters have had, and the one that counts today; null where none does."""

    name: str
    created_at: datetime
    versions: int
    current: SchemeVersion | None


class SchemeDetail(msgspec.Struct, frozen=True):
    """A scheme with every version of its parameters, the newest first."""

    name: str
    created_at: datetime
    versions: list[SchemeVersion]


class NewSchemeVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters that count from a day on: what is other than in the version that counts on that day, or the last one.

    A scheme that is new needs `limit_ore`, `amount_ore`, `min_age` and `max_age`. `source` says where the figures were
    published or decided.
    """

    valid_from: date
    source: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=500)]
    valid_to: date | None = None
    parameters: ParameterChanges = ParameterChanges()
