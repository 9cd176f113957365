"""The figures of a season as they stand now, by municipality and stay.

They are counted from the newest lists, the offers and the volunteers. Once names are erased nothing is left to count
them from: then the account that was closed before tells them.
"""

from datetime import date
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.account.rules import Case, Offered, StayFacts, accepted, ages, standing
from service.allocation.planning import SeasonFamily, read_families
from service.stays.queries import SeasonRow, places_of_season, stays_of
from service.values import clock

COUNTS: Final = (
    "families",
    "persons",
    "children",
    "adults",
    "first_timers",
    "volunteers",
    "refused_families",
    "refused_persons",
    "declined",
    "no_shows",
)


class Row(msgspec.Struct, frozen=True):
    """Figures of a municipality at a stay, of a municipality alone, or of a stay alone.

    `families`, `persons`, `children` (under 18 on the stay's first day) and `adults` take part: the family accepted.
    `first_timers` are the families of these that never did before. `volunteers` are those confirmed for the stay.
    `refused_…` are families for which there was no place, and who of them would have travelled. `declined` are families
    that were offered a place and let it go: no refusals. `no_shows` are persons of those who take part of whom it was
    noted that they did not come.
    """

    municipality_id: UUID | None
    stay_id: UUID | None
    families: int = 0
    persons: int = 0
    children: int = 0
    adults: int = 0
    first_timers: int = 0
    volunteers: int = 0
    refused_families: int = 0
    refused_persons: int = 0
    declined: int = 0
    no_shows: int = 0


class Counted(msgspec.Struct, frozen=True):
    """A season's figures; `refused` and `offered` are the families behind those for which there was no place, and
    behind those that were offered one or hold one.
    """

    rows: list[Row]
    refused: list[SeasonFamily]
    offered: list[SeasonFamily]


class _Sums(msgspec.Struct):
    families: int = 0
    children: int = 0
    adults: int = 0
    first_timers: int = 0
    no_shows: int = 0


def count_season(session: Session, season: SeasonRow, time_zone: str) -> Counted:
    """The figures of a season as they stand now. `time_zone` is the organisation's.

    Until the day on which places are allocated nobody is refused: all wait.
    """
    allocated = clock.today(time_zone) >= season.planned_on
    stays = stays_of(session, season.id)
    facts = {
        one.id: StayFacts(one.id, one.starts_on, one.min_child_age, one.max_child_age, one.state == "cancelled")
        for one in stays
    }
    families = read_families(session, season.id)
    cases = read_cases(session, season.id, families, time_zone)
    alone = {one.municipality_id: [0, 0, 0] for one in places_of_season(session, season.id)}
    there: dict[tuple[UUID, UUID], _Sums] = {}
    known = {(one.id.municipality_id, one.id.key): one for one in families}
    refused, offered = [], []
    for case in cases:
        of_place, became = alone.setdefault(case.municipality_id, [0, 0, 0]), standing(case, facts)
        if became == "refused" and not allocated:
            continue
        family = known.get((case.municipality_id, case.key))
        taken = accepted(case, facts)
        if taken is not None:
            children, adults = ages(taken.comes, facts[taken.stay_id].starts_on)
            sums = there.setdefault((case.municipality_id, taken.stay_id), _Sums())
            sums.families += 1
            sums.children += children
            sums.adults += adults
            sums.first_timers += not case.took_part_before
            sums.no_shows += taken.no_shows
        elif became == "refused":
            of_place[0] += 1
            of_place[1] += len(case.birth_dates)
        elif became == "declined":
            of_place[2] += 1
        if family is not None and became == "refused":
            refused.append(family)
        elif family is not None and became in ("takes_part", "declined", "offered", "placed"):
            offered.append(family)
    rows = [Row(None, one.id, volunteers=one.confirmed) for one in stays if one.state == "planned"]
    rows += [
        Row(place, None, refused_families=sums[0], refused_persons=sums[1], declined=sums[2])
        for place, sums in alone.items()
    ]
    rows += [
        Row(place, stay, persons=sums.children + sums.adults, **msgspec.structs.asdict(sums))
        for (place, stay), sums in there.items()
    ]
    return Counted(rows, refused, offered)


_OFFERS: Final = """SELECT o.municipality_id, o.family_key, o.stay_id, o.state,
        coalesce((SELECT jsonb_agg(t.birth_date ORDER BY t.place) FROM offer_traveller t
            WHERE t.offer_id = o.id AND t.comes), '[]') AS comes,
        (SELECT count(*) FROM attendance a JOIN offer_traveller t ON (t.offer_id, t.place) = (a.offer_id, a.place)
            WHERE a.offer_id = o.id AND t.comes AND a.state = 'not_come') AS no_shows
    FROM offer o WHERE o.season_id = :season ORDER BY o.id"""
# Of each family: when a list first named it, and what the newest that has it says of an earlier holiday.
_LISTED: Final = """SELECT l.municipality_id, f.key, min(l.received_at) AS since,
        (array_agg(f.last_participation ORDER BY l.number DESC))[1] AS last_participation
    FROM received_list l JOIN received_family f ON f.list_id = l.id
    WHERE l.season_id = :season GROUP BY l.municipality_id, f.key"""


def read_cases(session: Session, season_id: UUID, families: list[SeasonFamily], time_zone: str) -> list[Case]:
    """Every family of a season: on a newest list, with a place, or with an offer."""
    offers: dict[tuple[UUID, str], list[Offered]] = {}
    for row in session.execute(text(_OFFERS), {"season": season_id}):
        comes = tuple(date.fromisoformat(born) for born in row.comes)
        one = Offered(row.stay_id, row.state, comes, row.no_shows)
        offers.setdefault((row.municipality_id, row.family_key), []).append(one)
    listed: dict[tuple[UUID, str], Any] = {
        (row.municipality_id, row.key): row for row in session.execute(text(_LISTED), {"season": season_id})
    }
    cases = []
    known = {(one.id.municipality_id, one.id.key): one for one in families}
    for id_ in dict.fromkeys([*known, *offers]):
        family, first = known.get(id_), listed.get(id_)
        on_list = family.listed if family is not None else None
        cases.append(
            Case(
                municipality_id=id_[0],
                key=id_[1],
                listed=on_list is not None,
                birth_dates=tuple(one.birth_date for one in on_list.travellers) if on_list else (),
                wishes=tuple(map(UUID, on_list.wishes)) if on_list else (),
                late_since=first.since.astimezone(ZoneInfo(time_zone)).date()
                if first is not None and on_list is not None and on_list.late
                else None,
                took_part_before=first is not None and first.last_participation is not None,
                place=family.stay_id if family is not None else None,
                offers=tuple(offers.get(id_, ())),
            )
        )
    return cases
