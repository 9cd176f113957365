"""The municipality's list of a season: looked over, handed over as a version, and what became of it."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.locks import one_at_a_time
from service.errors import Conflict, NotFound
from service.identity.actions import Municipality
from service.referrals.cases import CaseRow, cases_to_list
from service.referrals.mails import tell_of_list
from service.referrals.models import ReferralList, ReferralListEntry
from service.referrals.queries import OfferedSeasonRow, find_season
from service.stays.families import Differences, ListedFamily, differences
from service.values import clock
from service.values.secrecy import KeyRing


class ListRow(msgspec.Struct, frozen=True):
    """A version that was handed over, and when the organisation confirmed that it has come."""

    id: UUID
    season_id: UUID
    season: str
    organisation: str
    number: int
    families: int
    persons: int
    withdrawn: int
    handed_over_at: datetime
    confirmed_at: datetime | None


class Planned(msgspec.Struct, frozen=True):
    """What the next version would hold: its families, how it differs from the last, and approved families that are
    left out since something speaks against them by now. `withdrawn` counts those whose consent was withdrawn.
    """

    season: OfferedSeasonRow
    cases: list[CaseRow]
    families: list[ListedFamily]
    left_out: list[CaseRow]
    changes: Differences
    withdrawn: int
    last: ListRow | None

    @property
    def is_new(self) -> bool:
        """Whether there is anything to hand over that the last version did not say."""
        changed = self.changes.added or self.changes.changed or self.changes.removed
        return self.last is None or bool(changed) or self.withdrawn > 0


def as_listed(case: CaseRow) -> ListedFamily:
    """What is handed over of a family, and no more: neither who referred it nor why."""
    leading = case.leading
    return ListedFamily(
        key=str(case.family_key),
        need=case.need or 1,
        contact_name=leading.contact,
        phone=leading.phone,
        language=leading.language,
        interpreter=leading.interpreter,
        late=case.late,
        travellers=leading.travellers,
        wishes=tuple(str(one) for one in leading.wishes),
        last_participation=leading.last_participation,
    )


def plan_list(session: Session, season_id: UUID) -> Planned:
    """What the next version of a season's list would hold."""
    season = find_season(session, season_id)
    approved = cases_to_list(session, season)
    cancelled = {str(one.stay_id) for one in season.stays if one.cancelled}
    cases = [one for one in approved if one.fits and not one.shared]
    families = [_without(as_listed(one), cancelled) for one in cases]
    versions = list_versions(session, season_id)
    last = versions[0] if versions else None
    before = entries_of(session, last.id) if last else []
    gone = _withdrawn_keys(session, season_id)
    kept = [one for one in before if one.key not in gone]
    return Planned(
        season=season,
        cases=cases,
        families=families,
        left_out=[one for one in approved if one not in cases],
        changes=differences(kept, families),
        withdrawn=len(before) - len(kept),
        last=last,
    )


def _without(family: ListedFamily, cancelled: set[str]) -> ListedFamily:
    """A family's wishes without stays that were cancelled; of each family listed another wish is left, or none was."""
    return msgspec.structs.replace(family, wishes=tuple(one for one in family.wishes if one not in cancelled))


def _withdrawn_keys(session: Session, season_id: UUID) -> set[str]:
    rows = session.execute(
        text("SELECT family_key::text FROM referral_case WHERE season_id = :season AND state = 'withdrawn'"),
        {"season": season_id},
    )
    return set(rows.scalars())


def hand_over(session: Session, municipality: Municipality, keys: KeyRing, season_id: UUID, actor: Actor) -> ListRow:
    """Hand the list over: the next version, which nobody changes any more, copied to the organisation as it is.

    Of families whose consent was withdrawn nothing is left anywhere but a count.
    """
    one_at_a_time(session, "referral case", municipality.id)
    planned = plan_list(session, season_id)
    if not planned.is_new:
        raise Conflict("Nothing has changed since the last version.")
    if planned.last is None and not planned.families:
        raise Conflict("No family is approved yet.")
    row = ReferralList(
        tenant_id=municipality.id,
        season_id=season_id,
        number=(planned.last.number if planned.last else 0) + 1,
        families=len(planned.families),
        persons=sum(len(one.travellers) for one in planned.families),
        withdrawn=planned.withdrawn,
        changes={},
        made_at=clock.now(),
        made_by=actor.account_id,
    )
    session.add(row)
    session.flush()
    for place, (case, family) in enumerate(zip(planned.cases, planned.families, strict=True), start=1):
        content = msgspec.to_builtins(family)
        session.add(
            ReferralListEntry(tenant_id=municipality.id, list_id=row.id, place=place, case_id=case.id, content=content)
        )
    session.flush()
    kept = session.execute(
        text("SELECT directory.hand_over_list(:list, :at)"), {"list": row.id, "at": clock.now()}
    ).scalar_one()
    if kept is None:
        raise Conflict(
            "{organisation} does not take lists from here for this season any more.",
            organisation=planned.season.organisation_name,
        )
    session.expire_all()
    counts = {"families": row.families, "persons": row.persons, "withdrawn": row.withdrawn}
    subject = ("referral_list", row.id)
    record(
        session,
        municipality.id,
        actor,
        "referrals.hand_over",
        subject,
        details={"number": row.number, "counts": counts},
    )
    tell_of_list(session, keys, municipality, season_id, row.number, row.families, row.persons)
    return find_version(session, row.id)


_VERSIONS = """SELECT l.*, s.name AS season, s.organisation_name AS organisation
    FROM referral_list l JOIN offered_season s ON s.season_id = l.season_id WHERE l.handed_over_at IS NOT NULL"""


def list_versions(session: Session, season_id: UUID | None = None) -> list[ListRow]:
    """The versions that were handed over, of a season or of all, the newest first."""
    rows = session.execute(
        text(
            f"""{_VERSIONS} AND (CAST(:season AS uuid) IS NULL OR l.season_id = :season)
            ORDER BY l.handed_over_at DESC, l.number DESC"""
        ),
        {"season": season_id},
    ).mappings()
    return [msgspec.convert(dict(row), ListRow) for row in rows]


def find_version(session: Session, list_id: UUID) -> ListRow:
    """A version that was handed over."""
    row = session.execute(text(f"{_VERSIONS} AND l.id = :id"), {"id": list_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such list.")
    return msgspec.convert(dict(row), ListRow)


def read_version(
    session: Session, municipality: Municipality, list_id: UUID, actor: Actor
) -> tuple[ListRow, list[ListedFamily]]:
    """A version with its families as they were handed over; that somebody saw them is noted in the trail."""
    version = find_version(session, list_id)
    record(session, municipality.id, actor, "referrals.list.read", ("referral_list", list_id))
    return version, entries_of(session, list_id)


def entries_of(session: Session, list_id: UUID) -> list[ListedFamily]:
    """The families of a version."""
    rows = session.execute(
        text("SELECT content FROM referral_list_entry WHERE list_id = :list ORDER BY place"), {"list": list_id}
    )
    return [msgspec.convert(content, ListedFamily) for content in rows.scalars()]
