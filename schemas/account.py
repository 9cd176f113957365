"""The account of a season, and the report of a year's holidays."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec


class AccountRow(msgspec.Struct, frozen=True):
    """Figures of a municipality at a stay, of a municipality alone (no stay tells of them), or of a stay alone.

    `families`, `persons`, `children` and `adults` take part; `first_timers` are families of these. `volunteers` are
    those confirmed for the stay. `declined` are families that let an offered place go, which is no refusal. `no_shows`
    are persons who were noted as not having come.
    """

    municipality_id: UUID | None
    stay_id: UUID | None
    families: int
    persons: int
    children: int
    adults: int
    first_timers: int
    volunteers: int
    refused_families: int
    refused_persons: int
    declined: int
    no_shows: int


class AccountDetail(msgspec.Struct, frozen=True):
    """A season's account: as it was kept when it was `closed_at`, else as it stands now.

    `names_go_on` is the day on which the names of its families are erased.
    """

    season_id: UUID
    closed_at: datetime | None
    names_kept_days: int
    names_go_on: date
    names_erased_at: datetime | None
    rows: list[AccountRow]


class AccountClosed(msgspec.Struct, frozen=True):
    """What came of closing an account; `credits` are the children whose family comes earlier in later seasons."""

    families: int
    refused_families: int
    refused_persons: int
    credits: int


class NamesKept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many days after a season's last one the names of its families are kept."""

    names_kept_days: Annotated[int, msgspec.Meta(ge=30, le=730, examples=[180])]


class HolidayFigures(msgspec.Struct, frozen=True):
    """The figures of a place in a year. Volunteers belong to no municipality: there they are null."""

    stays: int
    families: int
    persons: int
    children: int
    adults: int
    first_timers: int
    volunteers: int | None
    refused_persons: int
    refused_families: int
    declined: int


class HolidayLine(msgspec.Struct, frozen=True):
    """A municipality of a district, a whole district, or all of them (both null), beside the year before."""

    district: str | None
    municipality: str | None
    now: HolidayFigures
    before: HolidayFigures


class HolidaySeason(msgspec.Struct, frozen=True):
    """A season of the year; until it is closed its figures may change."""

    id: UUID
    name: str
    district: str
    closed: bool


class HolidayReport(msgspec.Struct, frozen=True):
    """The holidays of a year: first all, then each district followed by its municipalities."""

    organisation: str
    year: int
    made_at: datetime
    seasons: list[HolidaySeason]
    lines: list[HolidayLine]
