"""What the pages, the API and the commands show of a season's offers: filtered, counted, and warned about."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec
from sqlmodel import Session

from service.allocation.planning import SeasonFamily, read_plan
from service.audit.actions import record
from service.offers.desk import Desk
from service.offers.making import placed_without_offer
from service.offers.queries import OfferRow, offers_of
from service.stays.queries import SeasonRow, StayRow, find_season, stays_of

SORTS: Final = ("stay", "deadline", "family", "made")


class StayOffers(msgspec.Struct, frozen=True):
    """A stay, what has become of its offers by state, who comes, and who holds a place without an offer."""

    stay: StayRow
    counts: dict[str, int]
    persons: int
    without: int

    @property
    def few(self) -> bool:
        """Whether fewer volunteers have confirmed than the stay needs."""
        return self.stay.state == "planned" and self.stay.confirmed < self.stay.volunteers


class Wish(msgspec.Struct, frozen=True):
    """Which offers are asked for: of a stay, in a state, of families whose name or key holds a word; how sorted."""

    stay: str = ""
    state: str = ""
    word: str = ""
    sort: str = "stay"


class Overview(msgspec.Struct, frozen=True):
    """A season's offers: those asked for, what there is by stay, and the families that have no offer of their place."""

    season: SeasonRow
    stays: list[StayOffers]
    offers: list[OfferRow]
    without: list[SeasonFamily]
    all: int


def read_overview(session: Session, desk: Desk, season_id: UUID, wish: Wish) -> Overview:
    """The offers of a season; that somebody saw them is noted in the trail."""
    season = find_season(session, season_id)
    planned = read_plan(session, season)
    offers, without = offers_of(session, season_id), placed_without_offer(session, planned)
    rows = [_of_stay(stay, offers, without) for stay in stays_of(session, season_id)]
    record(session, desk.tenant.id, desk.actor, "offers.list", ("season", season_id))
    return Overview(season, rows, chosen(offers, wish), without, len(offers))


def _of_stay(stay: StayRow, offers: Sequence[OfferRow], without: Sequence[SeasonFamily]) -> StayOffers:
    counts: dict[str, int] = {}
    for one in offers:
        if one.stay_id == stay.id:
            counts[one.state] = counts.get(one.state, 0) + 1
    persons = sum(one.persons for one in offers if one.stay_id == stay.id and one.state == "accepted")
    return StayOffers(stay, counts, persons, sum(one.stay_id == stay.id for one in without))


def chosen(offers: Sequence[OfferRow], wish: Wish) -> list[OfferRow]:
    """The offers that are asked for, sorted."""
    word = wish.word.strip().casefold()
    found = [
        one
        for one in offers
        if wish.stay in ("", one.stay)
        and wish.state in ("", one.state)
        and (not word or word in (one.contact_name or "").casefold() or word == one.family_key.casefold())
    ]
    if wish.sort == "deadline":
        found.sort(key=lambda one: (one.state != "open", one.deadline))
    elif wish.sort == "family":
        found.sort(key=lambda one: ((one.contact_name or "").casefold(), one.family_key))
    elif wish.sort == "made":
        found.sort(key=lambda one: one.made_at, reverse=True)
    return found
