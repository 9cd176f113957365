"""The report of a year's holidays by district and municipality, beside the year before.

A season counts in the year of its first day: as its account was kept where that is closed, else as it stands now.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.account.closing import rows_of
from service.account.counting import Row
from service.audit.actions import Actor, record
from service.errors import N_, FieldError, Invalid
from service.stays.queries import list_seasons
from service.values import clock

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2100

MEASURES: Final = {
    "stays": N_("Stays"),
    "families": N_("Families"),
    "persons": N_("Persons"),
    "children": N_("Children"),
    "adults": N_("Adults"),
    "first_timers": N_("Families for the first time"),
    "volunteers": N_("Volunteers"),
    "refused_persons": N_("Persons refused"),
    "refused_families": N_("Families refused"),
    "declined": N_("Families that declined"),
}
"""The figures in the order shown, by their names."""

MEANINGS: Final = {
    "stays": N_("Stays that were not cancelled; of a municipality those to which families of it went."),
    "families": N_("Families that accepted an offer and of which somebody comes."),
    "persons": N_("Who comes of these families."),
    "children": N_("Those of them who are under 18 on the first day of their stay."),
    "adults": N_("The others."),
    "first_timers": N_("Those of the families of which no list says that they took part before."),
    "volunteers": N_("Volunteers confirmed for a stay, counted once for each stay. They belong to no municipality."),
    "refused_persons": N_("Those who would have travelled of the families that were refused."),
    "refused_families": N_(
        "Families of the newest lists that could have gone to a stay and were never offered a place, or only one that "
        "the organisation took back. A family referred late counts where a stay for it began after its list came."
    ),
    "declined": N_(
        "Families that were offered a place and declined it, did not answer, or cancelled. They are no refusals and "
        "get no credit."
    ),
}


class Figures(msgspec.Struct, frozen=True):
    """The figures of a place in a year; see `MEANINGS`. Of a municipality there are no volunteers."""

    stays: int = 0
    families: int = 0
    persons: int = 0
    children: int = 0
    adults: int = 0
    first_timers: int = 0
    volunteers: int | None = 0
    refused_persons: int = 0
    refused_families: int = 0
    declined: int = 0


class Line(msgspec.Struct, frozen=True):
    """A place with its figures of the year and of the year before: all, a district, or a municipality of one."""

    district: str | None
    municipality: str | None
    now: Figures
    before: Figures


class SeasonName(msgspec.Struct, frozen=True):
    """A season that the report counts, and whether its account is closed."""

    id: UUID
    name: str
    district: str
    closed: bool


class SeasonFigures(msgspec.Struct, frozen=True):
    """What a season brings to a report."""

    year: int
    district: UUID
    rows: list[Row]


class Report(msgspec.Struct, frozen=True):
    """The figures of a year: first all, then each district followed by its municipalities, by name."""

    organisation: str
    year: int
    made_at: datetime
    seasons: list[SeasonName]
    lines: list[Line]

    @property
    def all(self) -> Line:
        return self.lines[0]

    @property
    def districts(self) -> list[Line]:
        return [one for one in self.lines if one.district is not None and one.municipality is None]

    @property
    def running(self) -> list[SeasonName]:
        """The seasons whose figures may still change."""
        return [one for one in self.seasons if not one.closed]


def read_report(
    session: Session, tenant_id: UUID, organisation: str, time_zone: str, year: int, actor: Actor
) -> Report:
    """The report of a year; the trail notes that somebody saw it."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        wrong = FieldError("year", "must be a year from {first} to {last}", {"first": FIRST_YEAR, "last": LAST_YEAR})
        raise Invalid("There are no holidays to report of such a year.", [wrong])
    seasons, figures = [], []
    for season in list_seasons(session):
        if season.state != "draft" and season.first_day.year in (year, year - 1):
            closed, rows = rows_of(session, season, time_zone)
            figures.append(SeasonFigures(season.first_day.year, season.district_id, rows))
            if season.first_day.year == year:
                seasons.append(SeasonName(season.id, season.name, season.district, closed))
    report = Report(organisation, year, clock.now(), seasons, lines_of(year, figures, *_names(session)))
    record(session, tenant_id, actor, "account.report", ("tenant", tenant_id), details={"year": year})
    return report


def _names(session: Session) -> tuple[dict[UUID, str], dict[UUID, str]]:
    districts = session.execute(text("SELECT id, name FROM district"))
    municipalities = session.execute(text("SELECT id, name FROM district_municipality"))
    return {row.id: row.name for row in districts}, {row.id: row.name for row in municipalities}


def years_of(session: Session) -> list[int]:
    """The years of which there is a season, the newest first."""
    found = {one.first_day.year for one in list_seasons(session) if one.state != "draft"}
    return sorted(found, reverse=True)


def lines_of(
    year: int,
    seasons: Iterable[SeasonFigures],
    districts: dict[UUID, str],
    municipalities: dict[UUID, str],
) -> list[Line]:
    """The lines of a report, from the figures of seasons of the year and of the year before."""
    by_place: dict[tuple[UUID | None, UUID | None], dict[int, list[Row]]] = {(None, None): {}}
    for season in seasons:
        for row in season.rows:
            places: list[tuple[UUID | None, UUID | None]] = [(None, None), (season.district, None)]
            if row.municipality_id is not None:
                places.append((season.district, row.municipality_id))
            for place in places:
                by_place.setdefault(place, {}).setdefault(season.year, []).append(row)
    lines = [
        Line(
            None if district is None else districts[district],
            None if municipality is None else municipalities[municipality],
            _figures(of_year.get(year, []), of_municipality=municipality is not None),
            _figures(of_year.get(year - 1, []), of_municipality=municipality is not None),
        )
        for (district, municipality), of_year in by_place.items()
    ]
    # The names of two districts differ, and so do those of a district's municipalities.
    return sorted(lines, key=lambda one: (one.district or "", one.municipality or ""))


def _figures(rows: list[Row], *, of_municipality: bool) -> Figures:
    stays = {one.stay_id for one in rows if one.stay_id is not None}
    sums = {name: sum(getattr(one, name) for one in rows) for name in Figures.__struct_fields__ if name != "stays"}
    return Figures(**(sums | {"stays": len(stays)} | ({"volunteers": None} if of_municipality else {})))
