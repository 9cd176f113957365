"""The demo's free holidays: last summer from the lists to the closed account, and this summer under way."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from random import Random
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.account.closing import close_account
from service.allocation import draw, runs
from service.audit.actions import COMMAND
from service.database.engine import Database
from service.identity.actions import Municipality, Tenant, find_tenant
from service.offers.answers import Yes, note_answer
from service.offers.desk import LOCAL_URL, Desk
from service.offers.making import make_offers
from service.offers.queries import travellers_of
from service.offers.waiting import offer_free
from service.referrals.made_up import Services, refer_families, refer_families_of_before
from service.stays import lists, queries, seasons
from service.stays.families import ListedFamily, Traveller
from service.stays.made_up import Planned, plan_season
from service.stays.sheets import as_csv, rows_of
from service.travel.attendance import NOT_NOTED, note
from service.travel.departures import DepartureFigures, keep_departure
from service.values import clock
from service.values.secrecy import KeyRing

_ORGANISATION: Final = "ferie"
_GIVEN: Final = ("Amina", "Bo", "Camilla", "Dennis", "Elif", "Frank", "Gitte", "Hassan", "Ida", "Jens", "Kadir", "Line")
_FAMILY: Final = ("Prøvesen", "Testali", "Demosen", "Eksempel", "Mønster", "Attrup", "Skitse", "Udkast")
_LANGUAGES: Final = ("Dansk", "Dansk", "Dansk", "Somali", "Arabisk", "Ukrainsk", "Tyrkisk")
_SIZES: Final = (2, 3, 3, 4, 4, 5, 5, 6, 7)
_FAMILIES: Final = 64
_ASSEMBLY_POINT: Final = "Medby rutebilstation"
_COMING: Final = "SELECT id FROM offer WHERE stay_id = :stay AND state = 'accepted' ORDER BY id"


_ACCOUNT: Final = """SELECT coalesce(sum(a.families), 0) AS families, coalesce(sum(a.persons), 0) AS persons,
        coalesce(sum(a.refused_persons), 0) AS refused_persons
    FROM season_account a JOIN season s ON s.id = a.season_id WHERE s.name = :name AND a.municipality_id IS NOT NULL"""


class LastSummer(msgspec.Struct, frozen=True):
    """How many came, and how many persons were refused for lack of places."""

    families: int
    persons: int
    refused_persons: int


def run_holidays(database: Database, municipality: Municipality, keys: KeyRing, services: Services, year: int) -> None:
    """Last summer's season whole, and this summer's with its offer, referrals and lists."""
    with database.transaction() as session:
        organisation = find_tenant(session, "organisation", _ORGANISATION).id
    _last_summer(database, keys, organisation, municipality, services, year - 1)
    with database.transaction(organisation) as session:
        before = queries.season_named(session, f"Sommer {year - 1}")
        season_id = seasons.copy_season(session, organisation, before.id, f"Sommer {year}", 1, COMMAND)
        seasons.publish_season(session, organisation, season_id, COMMAND)
        stays = {one.code: one.id for one in queries.stays_of(session, season_id)}
    with database.transaction(municipality.id) as session:
        refer_families(session, municipality, keys, services, season_id, stays, COMMAND)
    with database.transaction(organisation) as session:
        _take_over(session, organisation, Planned(season_id, stays), year)
        draw.commit_draw(session, keys.for_tenant(organisation), organisation, season_id, _today(), COMMAND)


def last_summer(database: Database, year: int) -> LastSummer:
    """What came of it, as the account of the season has it."""
    with database.transaction() as session:
        organisation = find_tenant(session, "organisation", _ORGANISATION).id
    with database.transaction(organisation) as session:
        found = session.execute(text(_ACCOUNT), {"name": f"Sommer {year - 1}"}).one()
    return msgspec.convert(found, LastSummer, from_attributes=True)


def _last_summer(
    database: Database, keys: KeyRing, organisation: UUID, municipality: Municipality, services: Services, year: int
) -> None:
    secrets = keys.for_tenant(organisation)
    with _at(year, 1, 15), database.transaction(organisation) as session:
        planned = plan_season(session, organisation, municipality.code, municipality.name, year, COMMAND)
        draw.commit_draw(session, secrets, organisation, planned.season_id, _today(), COMMAND)
    with _at(year, 3, 1), database.transaction(municipality.id) as session:
        refer_families_of_before(session, municipality, keys, services, planned.season_id, planned.stays, COMMAND)
    with _at(year, 4, 28), database.transaction(organisation) as session:
        _take_over(session, organisation, planned, year)
        for version in (one for one in lists.list_versions(session, planned.season_id) if one.confirmed_at is None):
            lists.confirm_receipt(session, organisation, version.id, COMMAND)
    with _at(year, 5, 15), database.transaction(organisation) as session:
        asked = runs.Options(within_region=True)
        run = runs.make_run(session, secrets, organisation, planned.season_id, asked, _today(), COMMAND)
        runs.confirm_run(session, secrets, organisation, run, COMMAND)
    desk = Desk(_tenant(database), keys, LOCAL_URL, COMMAND)
    with _at(year, 5, 16), database.transaction(organisation) as session:
        _offer_and_answer(session, desk, planned)
    with _at(year, 8, 20), database.transaction(organisation) as session:
        _come_and_count(session, desk, planned)


def _tenant(database: Database) -> Tenant:
    with database.transaction() as session:
        return find_tenant(session, "organisation", _ORGANISATION)


def _offer_and_answer(session: Session, desk: Desk, planned: Planned) -> None:
    """Every family with a place is offered it: most come, some do not, and what falls free goes to the next."""
    made = make_offers(session, desk, planned.season_id, via="letter", even_so=True)
    for place, offer_id in enumerate(made.offers):
        travellers = travellers_of(session, offer_id)
        if place % 8 == 7:
            note_answer(session, desk, offer_id, None, "other_plans")
        else:
            note_answer(session, desk, offer_id, Yes(tuple(one.place for one in travellers), _ASSEMBLY_POINT))
    for offer_id in offer_free(session, desk, planned.season_id):
        travellers = travellers_of(session, offer_id)
        note_answer(session, desk, offer_id, Yes(tuple(one.place for one in travellers), _ASSEMBLY_POINT))
    for stay_id in planned.stays.values():
        stay = queries.find_stay(session, stay_id)
        figures = DepartureFigures(
            _ASSEMBLY_POINT, "Holdeplads 4", stay.starts_on, time(9, 30), "Medby Turistfart", 50, 900_000
        )
        keep_departure(session, desk.tenant.id, desk.tenant.country, stay_id, None, figures, COMMAND)


def _come_and_count(session: Session, desk: Desk, planned: Planned) -> None:
    """All of whom nobody said otherwise have come, and the account of the season is closed."""
    for stay_id in planned.stays.values():
        for offer_id in session.execute(text(_COMING), {"stay": stay_id}).scalars().all():
            note(session, desk.tenant.id, stay_id, offer_id, None, "came", NOT_NOTED, desk.tenant.time_zone, COMMAND)
    close_account(session, desk.tenant.id, desk.tenant.time_zone, desk.keys, planned.season_id, COMMAND)


def _today() -> date:
    return clock.today("Europe/Copenhagen")


@contextmanager
def _at(year: int, month: int, day: int) -> Iterator[None]:
    """What is done inside was done on that day."""
    now = clock.now()
    clock.pin(datetime(year, month, day, 8, tzinfo=UTC))
    try:
        yield
    finally:
        clock.pin(now)


def _take_over(session: Session, organisation: UUID, planned: Planned, year: int) -> None:
    """The list of the municipality without Medspiller, as its spreadsheet."""
    place = next(one for one in queries.places_of_season(session, planned.season_id) if one.code is None)
    codes = {str(id_): code for code, id_ in planned.stays.items()}
    content = as_csv(rows_of(_families(year, planned), codes))
    version = lists.take_over(
        session, organisation, planned.season_id, place.municipality_id, content, _today(), COMMAND
    )
    lists.confirm_receipt(session, organisation, version.id, COMMAND)


def _families(year: int, planned: Planned) -> Iterator[ListedFamily]:
    chance, codes = Random(year), sorted(planned.stays)
    for number in range(1, _FAMILIES + 1):
        size, family = chance.choice(_SIZES), chance.choice(_FAMILY)
        adults = 1 if size < 3 or chance.random() < 0.3 else 2
        names = chance.sample(_GIVEN, size)
        ages = [chance.randint(26, 48) for _ in range(adults)]
        ages += [chance.randint(6, 13), *(chance.randint(0, 16) for _ in range(size - adults - 1))]
        language = chance.choice(_LANGUAGES)
        yield ListedFamily(
            key=str(number),
            need=chance.choice((1, 2, 2, 3, 3, 3, 4, 4, 5)),
            contact_name="",
            phone=f"89 00 {number // 100 + 10:02} {number % 100:02}",
            language=language,
            interpreter=language != "Dansk",
            late=False,
            travellers=tuple(
                Traveller(f"{name} {family}", date(year - age, chance.randint(1, 5), chance.randint(1, 28)))
                for name, age in zip(names, ages, strict=True)
            ),
            wishes=tuple(str(planned.stays[code]) for code in chance.sample(codes, chance.choice((0, 1, 2, 2, 3)))),
            last_participation=year - chance.randint(1, 6) if chance.random() < 0.15 else None,
        )
