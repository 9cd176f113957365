"""How long the board takes to answer a move: a district with five stays and ninety families, over pages and the API."""

from collections.abc import Callable
from datetime import date, datetime
from secrets import token_hex
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from service.allocation.board_view import read_board
from service.app import create_app
from service.audit.actions import COMMAND
from service.database.engine import Database, open_database
from service.identity.actions import add_member
from service.identity.organisations import add_volunteer_organisation
from service.identity.sessions import open_session
from service.settings import load
from service.stays import actions, lists, seasons
from service.stays.queries import find_season
from service.stays.rules import SeasonDates, StayFigures
from service.stays.sheets import as_csv
from service.values import clock

_NOW = datetime.fromisoformat("2026-03-01T08:00Z")
_GOAL = 100
_DATES = SeasonDates(
    first_day=date(2026, 6, 20),
    last_day=date(2026, 8, 15),
    referral_deadline=date(2026, 5, 1),
    list_deadline=date(2026, 5, 8),
    planned_on=date(2026, 5, 20),
)
_STAYS, _FAMILIES = 5, 90


def run() -> list[str]:
    """Every family is moved to a stay and half of them on to the next, as a script of the page asks for it."""
    before = clock.now() if clock.pinned() else None
    clock.pin(_NOW)
    try:
        with open_database(load()) as database:
            return measure(database)
    finally:
        clock.pin(before)


def measure(database: Database) -> list[str]:
    """The lines of a season that is made for it."""
    organisation, season, stays, account = _season(database)
    with TestClient(create_app(database, requests_a_minute=10**9)) as client:
        with database.transaction(organisation) as session:
            secret = open_session(session, account, "provider", "benchmark", strong=True)
        client.cookies.set("medspiller", secret, domain="testserver.local")
        at = f"/seasons/{season}/board"
        opened = _timed(lambda: client.get(at, headers={"accept": "text/html"}))
        spent = [_move(client, database, organisation, season, number, stays) for number in range(_FAMILIES * 3 // 2)]
    said = f"a move on the board, {_STAYS} stays and {_FAMILIES} families: median {median(spent):.0f} ms, "
    said += f"95th percentile {quantiles(spent, n=20)[-1]:.0f} ms (goal: {_GOAL} ms)"
    return [said, f"  the whole board opened: {opened:.0f} ms"]


def _timed(call: Callable[[], Any]) -> float:
    began = perf_counter()
    answered = call()
    assert answered.status_code == 200, answered.text
    return (perf_counter() - began) * 1000


def _move(
    client: TestClient[Litestar], database: Database, organisation: Any, season: Any, number: int, stays: list[Any]
) -> float:
    with database.transaction(organisation) as session:
        shown = read_board(session, find_season(session, season), None)
    wanted = str(number % _FAMILIES + 1)
    card = next(one for one in shown.cards if one.id.key == wanted)
    have = ",".join(f"{one.key}:{one.digest}" for one in shown.columns)
    stay = stays[(number + number // _FAMILIES) % _STAYS]
    fields = {"_csrf_token": client.cookies["csrf"], "have": have, "card": card.dom, "do": "move", "stay": str(stay)}
    fields |= {"municipality": str(card.id.municipality_id), "family": wanted, "revision": str(card.revision)}
    return _timed(lambda: client.post(f"/seasons/{season}/board/changes", data=fields, headers={"accept": "text/html"}))


def _season(database: Database) -> tuple[Any, Any, list[Any], Any]:
    with database.transaction() as session:
        code = f"board-{token_hex(5)}"
        organisation = add_volunteer_organisation(session, code, "Board", "no").id
    with database.transaction(organisation) as session:
        account = add_member(session, organisation, f"{code}@board.example", "B", "volunteer")
        district = actions.keep_district(
            session,
            organisation,
            None,
            name="D",
            contact_name="K",
            contact_phone="",
            contact_email="k@board.example",
            criteria="",
            actor=COMMAND,
        )
        place = actions.add_municipality_to(session, organisation, district, "Uvik", None, COMMAND)
        season = seasons.add_season(session, organisation, district, "S", _DATES, COMMAND)
        centre = actions.keep_centre(
            session, organisation, None, name="C", region="R", address="", accessibility="", rooms="", actor=COMMAND
        )
        stays = [
            seasons.keep_stay(session, organisation, season, None, centre, _figures(number), COMMAND)
            for number in range(_STAYS)
        ]
    with database.transaction(organisation) as session:
        lists.take_over(session, organisation, season, place, as_csv(_rows()), _NOW.date(), COMMAND)
    return organisation, season, stays, account


def _figures(number: int) -> StayFigures:
    start = date(2026, 6, 27 - number)
    return StayFigures(
        code=f"S{number}",
        region="",
        starts_on=start,
        ends_on=date(2026, 7, 4),
        family_places=30,
        person_places=130,
        volunteers=8,
        min_child_age=6,
        max_child_age=13,
        min_families=6,
        assembly_points=(),
        included="",
        accessibility="",
    )


def _rows() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for number in range(1, _FAMILIES + 1):
        own = ("90000000", "Somali", "yes", str(1 + number % 5), f"S{number % _STAYS}|S{(number + 1) % _STAYS}", "")
        rows.append((str(number), f"Anna Navn{number}", "1985-03-02", *own))
        rows += [
            (str(number), f"Barn{number}x{child} Navn{number}", f"201{5 + child}-06-21", *("",) * len(own))
            for child in range(1 + number % 4)
        ]
    return rows
