"""Clubs for the town of every page: one that takes part and is paid, one that waits, and one that has applied."""

from datetime import date
from uuid import UUID

from service.audit.actions import COMMAND, Actor
from service.claims import budget
from service.claims.reservations import reserve
from service.clubs import applications
from service.clubs.actions import ClubData, NewActivity, accept_agreement, add_activity, add_club
from service.clubs.desk import Desk
from service.clubs.payees import NewPayee
from service.clubs.settings import keep_agreement
from service.console import keys
from service.identity.actions import add_member
from service.payments.runs import approve_run, create_run, release_run
from service.payments.samples import draw_samples
from service.payments.settings import set_settings
from tests.claims.clubs import NUMBERS, claim, desk
from tests.passes.town import Town

ACCOUNT = "DK5000400440116243"
TODAY = date(2017, 1, 20)


def open_clubs(town: Town) -> UUID:
    """The clubs; gives the id of the one that takes part."""
    with town.session() as session:
        at = Desk(town.municipality, keys(town.database), "http://testserver", COMMAND)
        data = ClubData("Boldklubben", "Karen Kasserer", "karen@klub.example", "22334466", 120)
        club = add_club(session, at, NUMBERS[0], data, NewPayee("account", ACCOUNT), account_approved=True)
        agreement = keep_agreement(session, town.municipality).version
        accept_agreement(session, at, club.id, agreement)
        season = date(2017, 1, 1), date(2017, 6, 30)
        add_activity(session, at, club.id, NewActivity("Fodbold", "football", 3, 17, *season, 60_000))
        waiting = ClubData("Svømmeklubben", "Sven Svømmer", "sven@klub.example", None, 80)
        add_club(session, at, NUMBERS[1], waiting, NewPayee("account", ACCOUNT), account_approved=False)
        asks = ClubData("Musikskolen", "Formand", "formand@klub.example", None, 40)
        applications.apply(
            session, at, applications.Applied(NUMBERS[2], asks, ["music"], NewPayee("nemkonto"), agreement, "da")
        )
        for name in ("karen", "kaj"):
            add_member(session, town.municipality.id, f"{name}@klub.example", name, "club_treasurer", club.id)
        budget.set_budget(session, town.municipality, "fritidspas", 2017, 5_000_000, 80, True, "Budget", COMMAND)
        settings = {"name": "Aarhus Kommune", "account": ACCOUNT, "organisation_number": "55133018"}
        set_settings(session, town.municipality, settings | {"sample_percent": 100}, COMMAND)
    return club.id


def claim_and_pay(town: Town, club_id: UUID, children: list[str]) -> None:
    """A claim that is paid and drawn to be checked, one that waits for a case worker, and a fee that is reserved."""
    paid, doubtful, reserved = children
    claim(town, club_id, paid)
    claim(town, club_id, "somebody else", pass_number=town.number(doubtful))
    with desk(town, club_id) as at:
        reserve(at, town.number(reserved), reserved, 40_000, "Fodbold")
    with town.session() as session:
        people = [
            Actor("page", add_member(session, town.municipality.id, f"{n}@by.example", n, "finance_officer"))
            for n in ("anna", "bent", "carla")
        ]
    steps = iter(people)
    with town.session() as session:
        run = create_run(session, town.municipality, TODAY, next(steps), TODAY).run
    with town.session() as session:
        approve_run(session, town.municipality, run, next(steps))
    with town.session() as session:
        release_run(session, town.municipality, run, next(steps))
        draw_samples(session, town.municipality, run, COMMAND)
