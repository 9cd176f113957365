"""A season of the volunteer organisation, and referrals to it: three families handed over, one that waits."""

from datetime import date, time
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from service.allocation import board, draw, runs
from service.allocation.board import Desk
from service.allocation.planning import read_families, read_plan
from service.audit.actions import Actor
from service.console import keys
from service.identity.actions import find_tenant
from service.offers.desk import Desk as OfferDesk
from service.offers.making import Wanted, make_offers, placed_without_offer
from service.offers.models import Offer, OfferNeeds, OfferTraveller
from service.offers.queries import contact_of
from service.referrals import actions as referring
from service.referrals import cases, lists
from service.referrals.cases import Decision
from service.stays import actions, seasons, volunteers
from service.stays.families import Traveller
from service.stays.queries import find_season
from service.stays.rules import SeasonDates, StayFigures
from service.travel.departures import DepartureFigures, keep_departure
from service.travel.packing import keep_texts
from service.travel.participants import Needs
from service.values import clock
from tests.passes.town import Town

DATES = SeasonDates(
    first_day=date(2017, 6, 20),
    last_day=date(2017, 8, 15),
    referral_deadline=date(2017, 5, 1),
    list_deadline=date(2017, 5, 8),
    planned_on=date(2017, 5, 20),
)
STAY = StayFigures(
    code="A1",
    region="Vest",
    starts_on=date(2017, 7, 1),
    ends_on=date(2017, 7, 8),
    family_places=10,
    person_places=48,
    volunteers=8,
    min_child_age=6,
    max_child_age=13,
    min_families=6,
    assembly_points=("Rutebilstationen",),
    included="Mad og udflugter",
    accessibility="",
)
FAMILIES = (
    (Traveller("Ingeborg Rejsende", date(1985, 3, 2)), Traveller("Jonas Rejsende", date(2008, 5, 4))),
    (Traveller("Klara Ferierende", date(1988, 4, 9)), Traveller("Lasse Ferierende", date(2009, 2, 3))),
    (Traveller("Oda Sommergæst", date(1986, 6, 8)), Traveller("Palle Sommergæst", date(2009, 1, 1))),
    (Traveller("Mathilde Udflugter", date(1987, 1, 8)), Traveller("Nikolaj Udflugter", date(2008, 8, 1))),
)
ASTHMA = "Astma, har altid sin spray med."
WHY, THEIR_PHONE, HELPER = "Far er syg i år.", "44 55 66 77", "Frida Frivillig"


def offer_season(town: Town, organisation: UUID, by: Actor) -> tuple[UUID, UUID]:
    """A published season with a stay and a volunteer, offered to the town; gives the ids of both."""
    with town.database.transaction(organisation) as session:
        district = actions.keep_district(
            session,
            organisation,
            None,
            name="Østjylland",
            contact_name="Kirsten Koordinator",
            contact_phone="44 55 66 88",
            contact_email="kontakt@ferie.example",
            criteria="Familien har ikke været på ferie i to år",
            actor=by,
        )
        actions.add_municipality_to(session, organisation, district, town.municipality.name, town.municipality.code, by)
        season = seasons.add_season(session, organisation, district, "Sommer 2017", DATES, by)
        centre = actions.keep_centre(
            session,
            organisation,
            None,
            name="Fjordhytten",
            region="Vest",
            address="Strandvejen 1",
            accessibility="",
            rooms="Stue 1, 4\nStue 2, 6\nStue 3, 4",
            actor=by,
        )
        volunteers.keep_volunteer(session, organisation, None, HELPER, "44 55 66 99", "frida@ferie.example", by)
        stay = seasons.keep_stay(session, organisation, season, None, centre, STAY, by)
    with town.database.transaction(organisation) as session:
        seasons.publish_season(session, organisation, season, by)
    return season, stay


def allocate(town: Town, organisation: UUID, season: UUID, by: Actor) -> None:
    """The draw, and two runs after the lists have closed; the first of them is the season's plan."""
    secrets, after = keys(town.database).for_tenant(organisation), date(2017, 5, 9)
    with town.database.transaction(organisation) as session:
        draw.commit_draw(session, secrets, organisation, season, date(2017, 1, 12), by)
        first = runs.make_run(session, secrets, organisation, season, runs.Options(), after, by)
        runs.confirm_run(session, secrets, organisation, first, by)
        runs.make_run(session, secrets, organisation, season, runs.Options(1, within_region=True), after, by)


def offer_places(town: Town, organisation: UUID, season: UUID, by: Actor) -> tuple[str, str]:
    """The offer of a place to one of the families that hold one: its link, and where the other's is made."""
    with town.database.transaction() as session:
        tenant = find_tenant(session, "organisation", "ferie")
    desk = OfferDesk(tenant, keys(town.database), "http://127.0.0.1:8000", by)
    with town.database.transaction(organisation) as session:
        first, other = placed_without_offer(session, read_plan(session, find_season(session, season)))
        [made] = make_offers(session, desk, season, [Wanted(first.id, "letter")], even_so=True).offers
        contact = contact_of(session, desk.secrets, made)
    assert contact is not None
    form = f"/seasons/{season}/offers/one?municipality={other.id.municipality_id}&family={other.id.key}"
    return f"/answer/{contact.secret}", form


def travel(town: Town, organisation: UUID, stay: UUID, by: Actor) -> None:
    """A family has accepted its place and said what it needs; a coach with a cost leaves from where it meets."""
    ring, point = keys(town.database), STAY.assembly_points[0]
    with town.database.transaction(organisation) as session:
        held = session.execute(
            text("SELECT * FROM placement WHERE stay_id = :stay ORDER BY family_key LIMIT 1"), {"stay": stay}
        ).one()
        offer = Offer(
            tenant_id=organisation,
            season_id=held.season_id,
            municipality_id=held.municipality_id,
            family_key=held.family_key,
            stay_id=stay,
            state="accepted",
            via="letter",
            deadline=clock.now(),
            assembly_point=point,
            made_at=clock.now(),
            answered_at=clock.now(),
            answered_how="coordinator",
        )
        session.add(offer)
        session.flush()
        for place, one in enumerate(FAMILIES[0]):
            who: dict[str, Any] = {"tenant_id": organisation, "offer_id": offer.id, "place": place}
            session.add(OfferTraveller(**who, name=one.name, birth_date=one.birth_date, comes=True))
        needs = ring.for_tenant(organisation).encrypt_bytes(msgspec.json.encode(Needs(health=ASTHMA)))
        session.add(OfferNeeds(tenant_id=organisation, offer_id=offer.id, content=needs))
        figures = DepartureFigures(point, "Perron 7", STAY.starts_on, time(8, 30), "Fjordbus", 50, 1_000_000, "")
        keep_departure(session, organisation, "dk", stay, None, figures, by)
        keep_texts(session, organisation, stay, {"da": "Regntøj\nGummistøvler"}, by)


def refer_and_hand_over(town: Town, season: UUID, stay: UUID, service: UUID, nurse: Actor, staff: Actor) -> None:
    """Four families that a service refers: three are approved and handed over, one waits."""
    ring = keys(town.database)
    desk = referring.Desk(town.municipality, service, ring, nurse)
    for travellers in FAMILIES:
        with town.session() as session:
            made = referring.start_draft(session, desk, season)
            content = referring.Content(
                travellers=travellers,
                phone=THEIR_PHONE,
                language="Dansk",
                interpreter=False,
                why=WHY,
                holds=("c1",),
                wishes=(stay,),
                consent_on=date(2017, 1, 12),
                consent_how="spoken",
            )
            referring.send(session, desk, made, content)
        if travellers is not FAMILIES[1]:
            with town.session() as session:
                query = text("SELECT case_id FROM referral WHERE id = :id")
                case = session.execute(query, {"id": made}).scalar_one()
                cases.decide(session, town.municipality, [Decision(case, "approve", 3)], staff)
    with town.session() as session:
        lists.hand_over(session, town.municipality, ring, season, staff)


def place_on_board(town: Town, organisation: UUID, season: UUID, stay: UUID, by: Actor) -> None:
    """The family that was handed over is locked at the stay: the board has a card, and a change to undo."""
    with town.database.transaction(organisation) as session:
        family = read_families(session, season)[0]
        revision = family.placed.revision if family.placed else 0
        board.move(session, Desk(organisation, "Europe/Copenhagen", season, by), family.id, revision, stay, lock=True)
