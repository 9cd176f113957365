"""Services that refer families, and case workers who decide, through the program's own actions."""

from datetime import date
from typing import Any
from uuid import UUID

from service.identity.actions import Municipality
from service.referrals import actions, cases, lists
from service.referrals.actions import Content, Desk
from service.referrals.cases import CaseRow, Decision
from service.referrals.queries import ReferralRow, find_own, find_season
from service.stays.families import Traveller
from tests.stays.camp import Camp

MOTHER = Traveller("Amina Yusuf Ali", date(1985, 3, 2))
FATHER = Traveller("Hassan Omar", date(1982, 9, 12))
CHILD = Traveller("Yusuf Ali", date(2016, 6, 21))
INFANT = Traveller("Sara Ali", date(2025, 1, 4))
FAMILY = (MOTHER, CHILD, INFANT)


class Office:
    """The offices of a municipality; `who` names somebody of the camp."""

    def __init__(self, camp: Camp) -> None:
        self.camp = camp

    def municipality(self, who: str) -> Municipality:
        return self.camp.neighbour if who.startswith("neighbour") else self.camp.municipality

    def desk(self, who: str) -> Desk:
        services = {"welfare": self.camp.welfare, "neighbour nurse": self.camp.other}
        service = services.get(who, self.camp.health)
        return Desk(self.municipality(who), service, self.camp.keys, self.camp.actor(who))

    def content(self, *travellers: Traveller, **changes: Any) -> Content:
        values: dict[str, Any] = {
            "travellers": travellers or FAMILY,
            "phone": "90000009",
            "language": "Somali",
            "interpreter": True,
            "why": "The family has had no holiday in years.",
            "holds": ("c1",),
            "consent_on": date(2026, 2, 27),
            "consent_how": "spoken",
        }
        wishes = tuple(self.camp.stays[code] for code in changes.pop("wishes", ()))
        return Content(**(values | {"wishes": wishes} | changes))

    def refer(self, who: str = "nurse", *travellers: Traveller, **changes: Any) -> UUID:
        """Send a referral; gives its id."""
        desk = self.desk(who)
        with self.camp.session(desk.municipality.id) as session:
            made = actions.start_draft(session, desk, self.camp.season)
            actions.send(session, desk, made, self.content(*travellers, **changes))
        return made

    def change(self, who: str, referral: UUID, *travellers: Traveller, **changes: Any) -> None:
        desk = self.desk(who)
        with self.camp.session(desk.municipality.id) as session:
            actions.change(session, desk, referral, self.content(*travellers, **changes))

    def own(self, who: str, referral: UUID) -> ReferralRow:
        """The referral as its service sees it."""
        desk = self.desk(who)
        with self.camp.session(desk.municipality.id) as session:
            return find_own(session, desk.service_id, referral)

    def cases(self, who: str = "worker") -> list[CaseRow]:
        municipality = self.municipality(who)
        with self.camp.session(municipality.id) as session:
            season = find_season(session, self.camp.season)
            return cases.list_cases(session, municipality, season, None, self.camp.actor(who))

    def case_of(self, referral: UUID, who: str = "worker") -> UUID:
        [(found,)] = self.camp.rows(
            self.municipality(who).id, "SELECT case_id FROM referral WHERE id = :id", id=referral
        )
        known: UUID = found
        return known

    def decide(self, *decisions: Decision, who: str = "worker") -> None:
        municipality = self.municipality(who)
        with self.camp.session(municipality.id) as session:
            cases.decide(session, municipality, list(decisions), self.camp.actor(who))

    def approve(self, *referrals: UUID, need: int = 3, who: str = "worker") -> None:
        self.decide(*(Decision(self.case_of(one, who), "approve", need) for one in referrals), who=who)

    def withdraw(self, who: str, referral: UUID) -> None:
        desk = self.desk(who)
        with self.camp.session(desk.municipality.id) as session:
            actions.withdraw(session, desk, referral)

    def plan(self, who: str = "worker") -> lists.Planned:
        with self.camp.session(self.municipality(who).id) as session:
            return lists.plan_list(session, self.camp.season)

    def hand_over(self, who: str = "worker") -> lists.ListRow:
        municipality = self.municipality(who)
        with self.camp.session(municipality.id) as session:
            return lists.hand_over(session, municipality, self.camp.keys, self.camp.season, self.camp.actor(who))
