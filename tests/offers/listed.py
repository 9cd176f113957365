"""A family on a municipality's own list that holds a place: offers to it are told back."""

from collections.abc import Callable
from uuid import UUID

from service.allocation.planning import FamilyId
from service.offers import making
from service.offers.making import Wanted
from service.referrals import outcomes
from tests.offers.summer import PLANNED, URL, Summer
from tests.referrals.office import Office
from tests.stays.camp import Camp


class Listed(Summer):
    """A family that the nurse of Bergvik has referred, that is on its list, and that holds a place on A1."""

    def __init__(self, camp: Camp, at: Callable[[str], None]) -> None:
        camp.plan("A1", "A2")
        self.office = Office(camp)
        self.referral = self.office.refer("nurse", wishes=("A1",))
        self.office.approve(self.referral)
        self.office.hand_over()
        at(PLANNED)
        super().__init__(camp)
        [(self.key,)] = camp.rows(camp.municipality.id, "SELECT family_key FROM referral_case")
        self.family = FamilyId(camp.place("Bergvik"), str(self.key))
        camp.as_owner(
            """INSERT INTO placement (tenant_id, season_id, municipality_id, family_key, stay_id, persons, beds, locked,
                how, revision, changed_at) VALUES (:tenant, :season, :municipality, :key, :stay, 3, 2, false, 'run', 1,
                now())""",
            tenant=self.tenant_id,
            season=camp.season,
            municipality=self.family.municipality_id,
            key=self.family.key,
            stay=camp.stays["A1"],
        )

    def make(self, via: str = "letter") -> UUID:
        with self.session() as session:
            made = making.make_offers(session, self.desk(), self.camp.season, [Wanted(self.family, via)], even_so=True)
        return made.offers[0]

    def outcome(self, who: str = "nurse", referral: UUID | None = None) -> str | None:
        found = self.office.own(who, referral or self.referral).outcome
        return None if found is None else found.state

    def link(self, who: str = "nurse", referral: UUID | None = None) -> str:
        desk = self.office.desk(who)
        with self.camp.session(desk.municipality.id) as session:
            return outcomes.make_link(session, desk, URL, referral or self.referral)[0]

    def told(self, offer: UUID) -> object:
        return self.camp.rows(self.tenant_id, "SELECT directory.told_of_offer(:offer)", offer=offer)[0][0]
