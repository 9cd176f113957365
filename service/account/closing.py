"""Closing a season's account: its figures are kept, refused families get their credit, and names may be erased then."""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.account.counting import Counted, Row, count_season
from service.account.models import SeasonAccount, SeasonClosing
from service.allocation.models import RefusalCredit
from service.allocation.planning import child_hash, children_of
from service.audit.actions import Actor, record
from service.database.engine import Database
from service.errors import Conflict, FieldError, Invalid
from service.identity.actions import Tenant
from service.stays.actions import spread
from service.stays.models import Season
from service.stays.queries import SeasonRow, find_season
from service.values import clock
from service.values.secrecy import KeyRing, TenantSecrets

FEWEST_DAYS: Final = 30
MOST_DAYS: Final = 730


class Closed(msgspec.Struct, frozen=True):
    """What came of closing an account: refused families with their persons, and children who get a credit."""

    season_id: UUID
    season: str
    families: int
    refused_families: int
    refused_persons: int
    credits: int


def credited(secrets: TenantSecrets, season: SeasonRow, counted: Counted) -> set[bytes]:
    """The hashes of the children whose family was refused. Who was offered a place with another family gets none."""
    refused, offered = (
        {
            child_hash(secrets, child)
            for family in families
            if family.listed is not None
            for child in children_of(family.listed, season.first_day)
        }
        for families in (counted.refused, counted.offered)
    )
    return refused - offered


def close_account(
    session: Session, tenant_id: UUID, time_zone: str, keys: KeyRing, season_id: UUID, actor: Actor
) -> Closed:
    """Close the account of a season that is over, once and for good."""
    season = find_season(session, season_id)
    if clock.today(time_zone) <= season.last_day:
        raise Conflict("The season lasts until {day}. Its account is closed after that.", day=season.last_day)
    closed = _close(session, tenant_id, time_zone, keys, season, actor)
    if closed is None:
        raise Conflict("The account of this season is closed already.")
    return closed


def _close(
    session: Session, tenant_id: UUID, time_zone: str, keys: KeyRing, season: SeasonRow, actor: Actor
) -> Closed | None:
    """Close an account; None where somebody has done so before. Of two at once the second waits for the first."""
    session.execute(text("SELECT FROM season WHERE id = :id FOR UPDATE"), {"id": season.id})
    if session.get(SeasonClosing, (tenant_id, season.id), populate_existing=True) is not None:
        return None
    counted, now = count_season(session, season, time_zone), clock.now()
    session.add(SeasonClosing(tenant_id=tenant_id, season_id=season.id, closed_at=now, closed_by=actor.account_id))
    session.flush()
    for row in counted.rows:
        session.add(SeasonAccount(tenant_id=tenant_id, season_id=season.id, **msgspec.structs.asdict(row)))
    children = credited(keys.for_tenant(tenant_id), season, counted)
    for child in sorted(children):
        session.merge(RefusalCredit(tenant_id=tenant_id, season_id=season.id, child=child, given_at=now))
    session.flush()
    closed = Closed(
        season.id,
        season.name,
        families=sum(one.families for one in counted.rows),
        refused_families=sum(one.refused_families for one in counted.rows),
        refused_persons=sum(one.refused_persons for one in counted.rows),
        credits=len(children),
    )
    counts = {"families": closed.families, "refused_families": closed.refused_families}
    counts |= {"refused_persons": closed.refused_persons}
    record(session, tenant_id, actor, "account.close", ("season", season.id), details={"counts": counts})
    return closed


def close_due(database: Database, keys: KeyRing, organisation: Tenant, on: date, actor: Actor) -> list[Closed]:
    """Close the accounts of all seasons whose names go by this day: figures are kept before anything is erased."""
    with database.transaction(organisation.id) as session:
        due = list(session.execute(text(_DUE), {"on": on}).scalars())
    found = []
    for season_id in due:
        with database.transaction(organisation.id) as session:
            season = find_season(session, season_id)
            closed = _close(session, organisation.id, organisation.time_zone, keys, season, actor)
        if closed is not None:
            found.append(closed)
    return found


_DUE: Final = """SELECT s.id FROM season s WHERE s.last_day + s.names_kept_days <= :on
    AND NOT EXISTS (SELECT FROM season_closing c WHERE c.season_id = s.id) ORDER BY s.last_day, s.id"""


class AccountState(msgspec.Struct, frozen=True):
    """How a season's account stands: `closed` by when, and when its names go, or went."""

    closed_at: datetime | None
    names_kept_days: int
    names_go_on: date
    names_erased_at: datetime | None


def account_state(session: Session, tenant_id: UUID, season_id: UUID) -> AccountState:
    """Whether the account of a season is closed, and how long its names are kept."""
    season = session.get_one(Season, (tenant_id, season_id))
    closing = session.get(SeasonClosing, (tenant_id, season_id))
    return AccountState(
        closing.closed_at if closing else None,
        season.names_kept_days,
        season.last_day + timedelta(days=season.names_kept_days),
        season.names_erased_at,
    )


def rows_of(session: Session, season: SeasonRow, time_zone: str) -> tuple[bool, list[Row]]:
    """Whether a season's account is closed, and its figures: as they were kept, or else as they stand now."""
    closed: bool = session.execute(
        text("SELECT EXISTS (SELECT FROM season_closing WHERE season_id = :id)"), {"id": season.id}
    ).scalar_one()
    if not closed:
        return False, count_season(session, season, time_zone).rows
    kept = session.execute(text("SELECT * FROM season_account WHERE season_id = :id"), {"id": season.id}).mappings()
    return True, [msgspec.convert(dict(row), Row) for row in kept]


def set_names_kept(session: Session, tenant_id: UUID, season_id: UUID, days: int, actor: Actor) -> None:
    """Set for how many days after a season's last one names of families are kept, here and with municipalities."""
    find_season(session, season_id)
    if not FEWEST_DAYS <= days <= MOST_DAYS:
        wrong = FieldError(
            "names_kept_days", "must be {fewest} to {most} days", {"fewest": FEWEST_DAYS, "most": MOST_DAYS}
        )
        raise Invalid("Names cannot be kept for so long, or so short.", [wrong])
    season = session.get_one(Season, (tenant_id, season_id), with_for_update=True, populate_existing=True)
    if season.names_erased_at is not None:
        raise Conflict("The names of this season are erased.")
    season.names_kept_days = days
    record(session, tenant_id, actor, "account.names", ("season", season_id), details={"days": days})
    spread(session, tenant_id, season_id)
