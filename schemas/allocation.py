"""The allocation of a season's places on the wire: points, draw, runs and what each family is told."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

Points = Annotated[int, Meta(ge=0, le=1000)]
Few = Annotated[int, Meta(ge=0, le=20)]


class SeasonPoints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The points of a season: for each step of need, for never having taken part, for each earlier refusal (so many at
    most). Who took part in the last `recent_years` years comes after all others."""

    need: Points = 10
    never: Points = 20
    refusal: Points = 8
    most_refusals: Few = 2
    recent_years: Few = 3


class SeasonDrawDetail(msgspec.Struct, frozen=True):
    """A season's draw. `commitment` is the SHA-256 of the seed, which is null until the first run is made."""

    commitment: str
    committed_at: datetime
    in_time: bool
    revealed_at: datetime | None
    seed: str | None


class SeasonAllocation(msgspec.Struct, frozen=True):
    """How a season's places are allocated, and how many are on its lists. Runs can be made once they are closed."""

    points: SeasonPoints
    published_at: datetime | None
    draw: SeasonDrawDetail | None
    closed: bool
    families: int
    persons: int
    late_families: int


class NewAllocationRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run may do beside priority order: so many families may get a worse wish, families without wishes a later
    stay of the region; `late` takes those in who were referred after the deadline."""

    worse_wishes: Few = 0
    within_region: bool = False
    late: bool = False


class AllocationRunDetail(msgspec.Struct, frozen=True):
    """A run. `state` is made, confirmed (the season's plan) or replaced; `current`: the season is still as it was.

    `totals` are its figures: of all, by priority order alone, by stay, and the share placed by family size, need,
    first-timers and municipality.
    """

    id: UUID
    season_id: UUID
    number: int
    state: str
    current: bool
    options: NewAllocationRun
    digest: str
    totals: dict[str, Any]
    made_at: datetime
    confirmed_at: datetime | None


class AllocatedFamily(msgspec.Struct, frozen=True):
    """A family of a run in its place in line: what it gets, and the sentences that can be told to it.

    `family` is what it draws with; `contact` is null once the names of the season are erased.
    """

    rank: int
    family: str
    municipality_id: UUID
    key: str
    contact: str | None
    persons: int
    beds: int
    outcome: str
    stay: str | None
    wish: int | None
    reason: str
    points: int
    because: list[str]


class RunConfirmed(msgspec.Struct, frozen=True):
    """How many families have a place by the season's plan."""

    placed: int


class MovedFamily(msgspec.Struct, frozen=True):
    """A family that has a place in both plans, but not the same."""

    family: str
    before: str
    after: str


class RunComparison(msgspec.Struct, frozen=True):
    """Two plans beside each other; families by what they draw with."""

    gained: list[str]
    lost: list[str]
    moved: list[MovedFamily]
    unchanged: int
    persons_before: int | None
    persons_after: int | None


class PlacesChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many more (or fewer) of something of a stay, which is named by its code."""

    stay: Annotated[str, Meta(max_length=40)]
    what: Literal["family_places", "person_places", "volunteers", "min_child_age", "max_child_age"]
    by: Annotated[int, Meta(ge=-2000, le=2000)]


class WhatIfQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same families with one more stay like each of `one_more` (their codes), and with the changes."""

    one_more: Annotated[list[Annotated[str, Meta(max_length=40)]], Meta(max_length=10)] = []
    changes: Annotated[list[PlacesChange], Meta(max_length=20)] = []


class WhatIfAnswer(msgspec.Struct, frozen=True):
    """The figures as it is and as it would be, and whom it touches."""

    as_it_is: dict[str, Any]
    as_it_would_be: dict[str, Any]
    comparison: RunComparison
