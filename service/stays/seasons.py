"""Seasons with their stays: planned, copied from the last one, published, and stays cancelled."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.stays.actions import flush_or, spread
from service.stays.models import FALLBACKS, FallbackOffer, Season, SeasonMunicipality, Stay, StayRole
from service.stays.queries import (
    fallbacks_of,
    find_centre,
    find_district,
    find_season,
    find_stay,
    municipalities_of,
    roles_of,
    stays_of,
)
from service.stays.rules import SeasonDates, StayFigures, moved, wrong_dates, wrong_stay
from service.values import clock

Follow = Callable[[Session, UUID, UUID, UUID, dict[UUID, UUID], Actor], None]
"""What a slice above brings along to a season that was copied: session, tenant, the last season, the new one, its stays
by those that they were made of, and who copies."""

FOLLOWING: list[Follow] = []
"""Filled where the program is put together. No person ever comes along."""


class Fallback(msgspec.Struct, frozen=True):
    """A fall-back offer as it is planned."""

    kind: str
    name: str
    starts_on: date
    ends_on: date
    places: int
    min_age: int
    max_age: int
    description: str = ""


def add_season(
    session: Session, tenant_id: UUID, district_id: UUID, name: str, dates: SeasonDates, actor: Actor
) -> UUID:
    """Plan a season of a district, for all the municipalities that the district has now."""
    find_district(session, district_id)
    season = Season(tenant_id=tenant_id, district_id=district_id, name="", **msgspec.structs.asdict(dates))
    _fill(session, season, name, dates)
    for municipality in municipalities_of(session, district_id):
        session.add(SeasonMunicipality(tenant_id=tenant_id, season_id=season.id, municipality_id=municipality.id))
    record(session, tenant_id, actor, "stays.season.add", ("season", season.id))
    return season.id


def change_season(
    session: Session, tenant_id: UUID, season_id: UUID, name: str, dates: SeasonDates, actor: Actor
) -> None:
    """Change the name and the dates of a season; a stay must still lie in it."""
    find_season(session, season_id)
    outside = [s.code for s in stays_of(session, season_id) if s.state == "planned" and _outside(s.figures, dates)]
    if outside:
        wrong = FieldError("first_day", "leaves out the stays {stays}", {"stays": ", ".join(outside)})
        raise Invalid("Stays of the season would lie outside of it.", [wrong])
    season = session.get_one(Season, (tenant_id, season_id))
    for name_, value in msgspec.structs.asdict(dates).items():
        setattr(season, name_, value)
    _fill(session, season, name, dates)
    record(session, tenant_id, actor, "stays.season.change", ("season", season_id))
    spread(session, tenant_id, season_id)


def _outside(stay: StayFigures, dates: SeasonDates) -> bool:
    return stay.starts_on < dates.first_day or stay.ends_on > dates.last_day


def _fill(session: Session, season: Season, name: str, dates: SeasonDates) -> None:
    season.name = " ".join(name.split())
    wrong = wrong_dates(dates) + ([] if season.name else [FieldError("name", "is missing")])
    if wrong:
        raise Invalid("The season cannot be kept like this.", wrong)
    session.add(season)
    flush_or(session, Conflict("The district has a season {name} already.", name=season.name))


def copy_season(session: Session, tenant_id: UUID, season_id: UUID, name: str, years: int, actor: Actor) -> UUID:
    """Plan the next season as this one was, so many years later and on the same weekdays.

    With it go the stays that were not cancelled, the roles that volunteers had as roles that are needed, the fall-back
    offers, the municipalities and their quotas. Nobody is asked, and no family comes along.
    """
    last = find_season(session, season_id)
    dates = SeasonDates(*(moved(day, years) for day in msgspec.structs.astuple(last.dates)))
    made = add_season(session, tenant_id, last.district_id, name, dates, actor)
    row = session.get_one(Season, (tenant_id, made))
    row.copied_from, row.names_kept_days = season_id, session.get_one(Season, (tenant_id, season_id)).names_kept_days
    session.flush()
    session.execute(
        text(
            """INSERT INTO season_municipality (tenant_id, season_id, municipality_id, quota)
            SELECT tenant_id, :made, municipality_id, quota FROM season_municipality WHERE season_id = :last
            ON CONFLICT (tenant_id, season_id, municipality_id) DO UPDATE SET quota = excluded.quota"""
        ),
        {"made": made, "last": season_id},
    )
    copies: dict[UUID, UUID] = {}
    for stay in stays_of(session, season_id):
        if stay.state == "planned":
            days = {"starts_on": moved(stay.starts_on, years), "ends_on": moved(stay.ends_on, years)}
            figures = msgspec.structs.replace(stay.figures, **days)
            copy = copies[stay.id] = keep_stay(session, tenant_id, made, None, stay.centre_id, figures, actor)
            for role in roles_of(session, stay.id):
                session.add(StayRole(tenant_id=tenant_id, stay_id=copy, role=role.role))
    for offer in fallbacks_of(session, season_id):
        known = {name: getattr(offer, name) for name in Fallback.__struct_fields__}
        days = {"starts_on": moved(offer.starts_on, years), "ends_on": moved(offer.ends_on, years)}
        add_fallback(session, tenant_id, made, Fallback(**(known | days)), actor)
    session.flush()
    for bring_along in FOLLOWING:
        bring_along(session, tenant_id, season_id, made, copies, actor)
    return made


def publish_season(session: Session, tenant_id: UUID, season_id: UUID, actor: Actor) -> int:
    """Offer a season to its municipalities; gives how many of them see it in their own Medspiller."""
    season = find_season(session, season_id)
    if season.state != "draft":
        raise Conflict("The season is published already; every change of it is passed on by itself.")
    if not season.stays:
        raise Conflict("The season has no stays yet. Add them first, or import them.")
    row = session.get_one(Season, (tenant_id, season_id))
    row.state, row.published_at = "published", clock.now()
    reached = spread(session, tenant_id, season_id)
    record(session, tenant_id, actor, "stays.season.publish", ("season", season_id))
    return reached


def close_season(session: Session, tenant_id: UUID, season_id: UUID, actor: Actor, *, again: bool = False) -> None:
    """Take no more referrals for a season; or, with `again`, take them once more."""
    season = find_season(session, season_id)
    if season.state != ("closed" if again else "published"):
        raise Conflict("The season is not open." if not again else "The season is not closed.")
    session.get_one(Season, (tenant_id, season_id)).state = "published" if again else "closed"
    action = "stays.season.open" if again else "stays.season.close"
    record(session, tenant_id, actor, action, ("season", season_id))
    spread(session, tenant_id, season_id)


def set_quota(
    session: Session, tenant_id: UUID, season_id: UUID, municipality_id: UUID, quota: int | None, actor: Actor
) -> None:
    """Let a municipality of the district hand a list over for a season: for so many families, or without a quota."""
    season = find_season(session, season_id)
    if municipality_id not in {one.id for one in municipalities_of(session, season.district_id)}:
        raise NotFound("The season's district has no such municipality.")
    if quota is not None and not 0 <= quota <= 10_000:
        raise Invalid("A quota is a number of families.", [FieldError("quota", "must be 0 to 10,000")])
    row = session.get(SeasonMunicipality, (tenant_id, season_id, municipality_id))
    row = row or SeasonMunicipality(tenant_id=tenant_id, season_id=season_id, municipality_id=municipality_id)
    row.quota = quota
    session.add(row)
    record(session, tenant_id, actor, "stays.season.quota", ("season", season_id))
    spread(session, tenant_id, season_id)


def keep_stay(
    session: Session,
    tenant_id: UUID,
    season_id: UUID,
    stay_id: UUID | None,
    centre_id: UUID,
    figures: StayFigures,
    actor: Actor,
) -> UUID:
    """Add a stay to a season, or change it; of a published season the municipalities see it at once."""
    season, centre = find_season(session, season_id), find_centre(session, centre_id)
    if stay_id is not None and find_stay(session, stay_id).state == "cancelled":
        raise Conflict("A cancelled stay is not changed any more.")
    wrong = wrong_stay(figures, season.dates)
    if wrong:
        raise Invalid("The stay cannot be kept like this.", wrong)
    values = msgspec.structs.asdict(figures) | {"assembly_points": list(figures.assembly_points)}
    values |= {"centre_id": centre_id, "region": figures.region or centre.region or season.district}
    row = session.get(Stay, (tenant_id, stay_id)) if stay_id else None
    if row is None:
        row = Stay(tenant_id=tenant_id, season_id=season_id, **values)
    for name, value in values.items():
        setattr(row, name, value)
    session.add(row)
    flush_or(session, Conflict("The season has a stay {code} already.", code=figures.code))
    record(session, tenant_id, actor, "stays.stay.change" if stay_id else "stays.stay.add", ("stay", row.id))
    spread(session, tenant_id, season_id)
    return row.id


def cancel_stay(session: Session, tenant_id: UUID, stay_id: UUID, because: str, actor: Actor) -> int:
    """Cancel a stay for good: municipalities see it at once, and nobody is asked for its roles any more.

    Gives how many families of the newest lists had wished for it.
    """
    stay = find_stay(session, stay_id)
    if not because.strip():
        raise Invalid("Say why the stay is cancelled.", [FieldError("because", "is missing")])
    if stay.state == "cancelled":
        raise Conflict("The stay is cancelled already.")
    row = session.get_one(Stay, (tenant_id, stay_id))
    row.state, row.cancelled_at, row.cancelled_because = "cancelled", clock.now(), because.strip()
    session.flush()
    record(session, tenant_id, actor, "stays.stay.cancel", ("stay", stay_id), reason=because.strip())
    spread(session, tenant_id, stay.season_id)
    wished: int = session.execute(
        text(
            """SELECT count(*) FROM received_wish w JOIN received_family f ON f.id = w.family_id
            JOIN received_list l ON l.id = f.list_id WHERE w.stay_id = :stay AND l.number = (
                SELECT max(n.number) FROM received_list n
                WHERE (n.season_id, n.municipality_id) = (l.season_id, l.municipality_id))"""
        ),
        {"stay": stay_id},
    ).scalar_one()
    return wished


def add_fallback(session: Session, tenant_id: UUID, season_id: UUID, offer: Fallback, actor: Actor) -> UUID:
    """Add a fall-back offer to a season."""
    find_season(session, season_id)
    wrong = [] if offer.name.strip() else [FieldError("name", "is missing")]
    if offer.kind not in FALLBACKS:
        wrong.append(FieldError("kind", "must be one of {known}", {"known": ", ".join(FALLBACKS)}))
    if offer.ends_on < offer.starts_on:
        wrong.append(FieldError("ends_on", "must not be before the first day"))
    if not 1 <= offer.places <= 2000:
        wrong.append(FieldError("places", "must be 1 to 2,000"))
    if not 0 <= offer.min_age <= offer.max_age <= 17:
        wrong.append(FieldError("max_age", "must be at most 17 and not under the youngest age"))
    if wrong:
        raise Invalid("The offer cannot be kept like this.", wrong)
    row = FallbackOffer(tenant_id=tenant_id, season_id=season_id, **msgspec.structs.asdict(offer))
    session.add(row)
    session.flush()
    record(session, tenant_id, actor, "stays.fallback.add", ("season", season_id))
    return row.id


def remove_fallback(session: Session, tenant_id: UUID, fallback_id: UUID, actor: Actor) -> UUID:
    """Take a fall-back offer back; gives the season it was of."""
    row = session.get(FallbackOffer, (tenant_id, fallback_id))
    if row is None:
        raise NotFound("There is no such offer.")
    season_id = row.season_id
    session.delete(row)
    record(session, tenant_id, actor, "stays.fallback.remove", ("season", season_id))
    return season_id
