"""A stay to which families of several municipalities travel: their offers are accepted, departures planned."""

import json
from datetime import date, time
from typing import Any
from uuid import UUID

import msgspec

from service.identity.actions import Tenant, find_tenant
from service.offers.models import Offer, OfferNeeds, OfferTraveller
from service.stays.families import ListedFamily
from service.stays.queries import StayRow, find_stay
from service.travel import attendance, charges, departures, opinions, queries
from service.values import clock
from tests.allocation.season import Planning, family
from tests.stays.camp import Camp, stay

OSLO, BERGEN = "Oslo bussterminal", "Bergen rutebilstasjon"
ZONE = "Europe/Oslo"
ON_THE_DAY = "2026-06-27T06:30Z"
LAST_DAY = "2026-07-04T10:00Z"
AFTERWARDS = "2026-08-20T10:00Z"


class Trip:
    """The camp with its season planned and the stay A1; what is done is the coordinator's."""

    def __init__(self, camp: Camp) -> None:
        self.camp = camp
        if not camp.stays:
            camp.plan("B1")
            camp.add(stay("A1", assembly_points=(OSLO, BERGEN)))
        self.tenant, self.by = camp.organisation, camp.actor("coordinator")
        self.stay_id = camp.stays["A1"]
        self.listed: list[tuple[str, ListedFamily]] = []

    @property
    def place(self) -> Tenant:
        """The organisation."""
        with self.camp.database.transaction() as session:
            return find_tenant(session, "organisation", "ferie")

    @property
    def stay(self) -> StayRow:
        with self.camp.session(self.tenant) as session:
            return find_stay(session, self.stay_id)

    def accepted(
        self,
        key: str,
        persons: int = 3,
        municipality: str = "Uvik",
        point: str | None = OSLO,
        *,
        stays_home: int = 0,
        needs: dict[str, str] | None = None,
        language: str = "nb",
        state: str = "accepted",
    ) -> UUID:
        """A family that has accepted a place at A1; `stays_home` of it do not come along. Gives the offer."""
        place, listed = family(key, persons, contact=f"Family {key}", municipality=municipality)
        listed = msgspec.structs.replace(listed, language=language)
        self.listed.append((place, listed))
        Planning(self.camp).lists(*self.listed)
        Planning(self.camp).lock(key, "A1", municipality, persons)
        with self.camp.session(self.tenant) as session:
            offer = Offer(
                tenant_id=self.tenant,
                season_id=self.camp.season,
                municipality_id=self.camp.place(municipality),
                family_key=key,
                stay_id=self.stay_id,
                state=state,
                via="letter",
                deadline=clock.now(),
                assembly_point=point,
                made_at=clock.now(),
                answered_at=clock.now(),
                answered_how="coordinator",
            )
            session.add(offer)
            session.flush()
            for number, one in enumerate(listed.travellers):
                comes = number < persons - stays_home
                session.add(
                    OfferTraveller(
                        tenant_id=self.tenant,
                        offer_id=offer.id,
                        place=number,
                        name=one.name,
                        birth_date=one.birth_date,
                        comes=comes,
                    )
                )
            if needs is not None:
                content = self.camp.keys.for_tenant(self.tenant).encrypt_bytes(json.dumps(needs).encode())
                session.add(OfferNeeds(tenant_id=self.tenant, offer_id=offer.id, content=content))
            return offer.id

    def departs(self, point: str = OSLO, **changes: Any) -> UUID:
        """A departure with 50 seats for 10,000 kroner, at half past eight on the first day."""
        known: dict[str, Any] = {
            "assembly_point": point,
            "place": "Platform 7",
            "leaves_on": date(2026, 6, 27),
            "leaves_at": time(8, 30),
            "carrier": "Fjordbuss",
            "seats": 50,
            "cost_ore": 1_000_000,
        }
        figures = departures.DepartureFigures(**known | changes)
        with self.camp.session(self.tenant) as session:
            return departures.keep_departure(session, self.tenant, "no", self.stay_id, None, figures, self.by)

    def change(self, departure: UUID, **changes: Any) -> None:
        with self.camp.session(self.tenant) as session:
            known = queries.find_departure(session, departure)
            names = departures.DepartureFigures.__struct_fields__
            figures = departures.DepartureFigures(**{name: getattr(known, name) for name in names} | changes)
            departures.keep_departure(session, self.tenant, "no", self.stay_id, departure, figures, self.by)

    def families(self, point: str | None = None) -> list[queries.Family]:
        with self.camp.session(self.tenant) as session:
            return queries.families_of(session, find_stay(session, self.stay_id), point)

    def points(self) -> dict[str, queries.Point]:
        with self.camp.session(self.tenant) as session:
            row = find_stay(session, self.stay_id)
            found = queries.points_of(row, queries.departures_of(session, row.id), queries.families_of(session, row))
        return {one.name: one for one in found}

    def note(self, offer: UUID, place: int | None, state: str, seen: str = "", who: str = "volunteer") -> None:
        actor = self.camp.actor(who)
        with self.camp.session(self.tenant) as session:
            attendance.note(session, self.tenant, self.stay_id, offer, place, state, seen, ZONE, actor)

    def states(self) -> dict[tuple[UUID, int], str]:
        rows = self.camp.rows(self.tenant, "SELECT offer_id, place, state FROM attendance")
        return {(offer, place): state for offer, place, state in rows}

    def lines(self) -> list[charges.CostLine]:
        with self.camp.session(self.tenant) as session:
            return charges.lines_of(session, self.camp.season)

    def amounts(self) -> dict[str, int | None]:
        """What each municipality owes, where each has one line."""
        return {one.municipality: one.amount_ore for one in self.lines()}

    def step(self, step: str, municipality: str = "Uvik", on: date | None = None) -> int:
        today = clock.today(ZONE)
        with self.camp.session(self.tenant) as session:
            place = self.camp.place(municipality)
            return charges.take_step(session, self.tenant, self.camp.season, place, step, on or today, today, self.by)

    def codes(self) -> dict[UUID, str]:
        offers = [one.offer_id for one in self.families()]
        with self.camp.session(self.tenant) as session:
            return opinions.draw_codes(session, self.tenant, self.camp.keys, self.stay_id, offers)

    def say(self, code: str, said: opinions.Said) -> None:
        """Say how it was, as whoever has a code and is nobody."""
        with self.camp.database.transaction() as session:
            found = opinions.find_code(session, self.camp.keys, code)
            opinions.say_as_family(session, found, said, clock.today(ZONE))

    def results(self) -> dict[str, opinions.Results]:
        with self.camp.session(self.tenant) as session:
            return {one.audience: one for one in opinions.results_of(session, self.stay_id)}

    def trail(self, beginning: str = "travel") -> list[str]:
        rows = self.camp.rows(
            self.tenant, "SELECT action FROM audit_entry WHERE action LIKE :a ORDER BY at, action", a=f"{beginning}%"
        )
        return [action for (action,) in rows]
