"""What was offered to the municipality that acts, and what its services have referred."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.errors import NotFound
from service.referrals.rules import Case, Finding, WishedStay, judge
from service.stays.families import Traveller
from service.stays.rules import Criterion
from service.values import clock


class OfferedStayRow(WishedStay, frozen=True):
    """A stay that is offered."""

    season_id: UUID
    centre_name: str
    region: str
    ends_on: date
    family_places: int
    assembly_points: list[str]
    included: str
    accessibility: str


class OfferedSeasonRow(msgspec.Struct, frozen=True):
    """A season that is offered, with its stays."""

    season_id: UUID
    organisation_name: str
    district_name: str
    contact_name: str
    contact_phone: str
    contact_email: str
    name: str
    first_day: date
    last_day: date
    referral_deadline: date
    list_deadline: date
    planned_on: date
    criteria: list[Criterion]
    quota: int | None
    state: str
    stays: list[OfferedStayRow]

    def stay(self, stay_id: UUID) -> OfferedStayRow | None:
        """A stay of the season; None where it came after the season was last published."""
        return next((one for one in self.stays if one.stay_id == stay_id), None)

    @property
    def codes(self) -> dict[UUID, str]:
        return {one.stay_id: one.code for one in self.stays}


class Outcome(msgspec.Struct, frozen=True):
    """The newest offer that the organisation has made to a family, and what became of it."""

    state: str
    stay_id: UUID
    deadline: datetime
    by_referrer: bool
    changed_at: datetime

    @property
    def waits(self) -> bool:
        """Whether the family may still answer."""
        return self.state == "open" and self.deadline >= clock.now()


class ReferralRow(msgspec.Struct, frozen=True):
    """A referral whole, as its service sees it. `handed_over_at` is of the newest list that the family is on, and
    `outcome` what the organisation offered it.
    """

    id: UUID
    season_id: UUID
    case_id: UUID | None
    service_id: UUID
    state: str
    person_id: UUID | None
    household_id: UUID | None
    phone: str
    language: str
    interpreter: bool
    last_participation: int | None
    why: str
    holds: list[str]
    consent_on: date | None
    consent_how: str | None
    question: str
    answer: str
    made_at: datetime
    made_by: UUID | None
    sent_at: datetime | None
    changed_at: datetime | None
    seen_at: datetime | None
    travellers: tuple[Traveller, ...]
    wishes: tuple[UUID, ...]
    said: str
    handed_over_at: datetime | None
    outcome: Outcome | None

    @property
    def case(self) -> Case:
        return Case(self.travellers, self.wishes, tuple(self.holds), self.last_participation)

    @property
    def contact(self) -> str:
        """Whom the family is reached by: the first who is grown up, else the first."""
        return contact_of(self.travellers, (self.sent_at or self.made_at).date())


def contact_of(travellers: Sequence[Traveller], day: date) -> str:
    """The first who is grown up on a day, else the first, if there is anybody."""
    adults = [one for one in travellers if (day.year - one.birth_date.year) >= 18]
    return next((one.name for one in [*adults, *travellers]), "")


def list_seasons(session: Session) -> list[OfferedSeasonRow]:
    """The seasons that are offered, the newest first, each with its stays."""
    stays: dict[UUID, list[dict[str, Any]]] = {}
    for row in session.execute(text('SELECT * FROM offered_stay ORDER BY starts_on, code COLLATE "C"')).mappings():
        stays.setdefault(row["season_id"], []).append(dict(row))
    seasons = session.execute(text("SELECT * FROM offered_season ORDER BY first_day DESC, season_id DESC")).mappings()
    return [
        msgspec.convert(dict(row) | {"stays": stays.get(row["season_id"], [])}, OfferedSeasonRow) for row in seasons
    ]


def find_season(session: Session, season_id: UUID) -> OfferedSeasonRow:
    """A season that is offered."""
    found = [one for one in list_seasons(session) if one.season_id == season_id]
    if not found:
        raise NotFound("There is no such season.")
    return found[0]


def judged(season: OfferedSeasonRow, case: Case) -> list[Finding]:
    """Whether a family fits a season, point by point."""
    return judge(case, season.first_day, season.stays, season.criteria)


# What a service may know of the decision: only after a case worker has looked at its own referral.
REFERRALS: Final = """SELECT r.*,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('name', t.name, 'birth_date', t.birth_date) ORDER BY t.place),
            '[]') FROM referral_traveller t WHERE t.referral_id = r.id) AS travellers,
        (SELECT coalesce(jsonb_agg(w.stay_id ORDER BY w.rank), '[]') FROM referral_wish w WHERE w.referral_id = r.id)
            AS wishes,
        CASE WHEN r.state = 'rejected' THEN coalesce(c.said, '') ELSE '' END AS said,
        CASE WHEN r.state = 'approved' THEN (SELECT max(l.handed_over_at) FROM referral_list l
            JOIN referral_list_entry e ON e.list_id = l.id AND e.case_id = r.case_id
            WHERE l.season_id = r.season_id AND NOT EXISTS (SELECT FROM referral_list n
                WHERE n.season_id = l.season_id AND n.number > l.number)) END AS handed_over_at,
        CASE WHEN r.state = 'approved' THEN (SELECT to_jsonb(f) FROM family_outcome f
            WHERE f.season_id = c.season_id AND f.family_key = c.family_key) END AS outcome
    FROM referral r LEFT JOIN referral_case c ON c.id = r.case_id"""


def read_rows(session: Session, where: str, **values: object) -> list[ReferralRow]:
    """Referrals for which a condition over `r` holds."""
    rows = session.execute(text(f"{REFERRALS} WHERE {where}"), values).mappings()
    return [msgspec.convert(dict(row), ReferralRow) for row in rows]


def referrals_of(
    session: Session, service_id: UUID, limit: int, after: UUID | None = None, state: str | None = None
) -> list[ReferralRow]:
    """What a service has referred, the newest first, with one more than `limit` where there is more."""
    return read_rows(
        session,
        """r.service_id = :service AND r.id < coalesce(:after, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
            AND (CAST(:state AS text) IS NULL OR r.state = :state) ORDER BY r.id DESC LIMIT :limit""",
        service=service_id,
        after=after,
        state=state,
        limit=limit + 1,
    )


def find_own(session: Session, service_id: UUID, referral_id: UUID) -> ReferralRow:
    """A referral of this service; another's is as little there as none."""
    found = read_rows(session, "r.id = :id AND r.service_id = :service", id=referral_id, service=service_id)
    if not found:
        raise NotFound("There is no such referral.")
    return found[0]
