"""What a service does: keep a draft, send it, change it, answer a question, and note that consent was withdrawn."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.locks import one_at_a_time
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.actions import Municipality
from service.referrals.family import MOST_TRAVELLERS, Found, known_members, name_keys
from service.referrals.mails import tell_of_withdrawal
from service.referrals.models import CONSENTS, Referral, ReferralCase, ReferralTraveller, ReferralWish
from service.referrals.queries import OfferedSeasonRow, ReferralRow, find_own, find_season, judged, read_rows
from service.referrals.rules import Group, Known, fits, is_one_family
from service.stays.families import Traveller
from service.values import clock
from service.values.secrecy import KeyRing

LONGEST_WHY: Final = 300
LONGEST_SAID: Final = 500


class Content(msgspec.Struct, frozen=True):
    """What a referral says. `wishes` are stays, the best first; without any it is anything in the region. `holds` are
    the criteria, by code, of which the professional says that they hold.
    """

    travellers: tuple[Traveller, ...] = ()
    phone: str = ""
    language: str = ""
    interpreter: bool = False
    last_participation: int | None = None
    wishes: tuple[UUID, ...] = ()
    why: str = ""
    holds: tuple[str, ...] = ()
    consent_on: date | None = None
    consent_how: str | None = None


class Desk(msgspec.Struct, frozen=True):
    """For which service of which municipality something is done, and by whom."""

    municipality: Municipality
    service_id: UUID
    keys: KeyRing
    actor: Actor


def start_draft(session: Session, desk: Desk, season_id: UUID, found: Found | None = None) -> UUID:
    """Begin a referral: empty, or with those whom the register found by a number."""
    season = find_season(session, season_id)
    _require_open(season)
    row = Referral(
        tenant_id=desk.municipality.id,
        season_id=season_id,
        service_id=desk.service_id,
        person_id=found.person_id if found else None,
        household_id=found.household_id if found else None,
        made_at=clock.now(),
        made_by=desk.actor.account_id,
    )
    session.add(row)
    session.flush()
    if found is not None:
        _write_travellers(session, desk, row, found.travellers)
    record(session, desk.municipality.id, desk.actor, "referrals.start", ("referral", row.id))
    return row.id


def _require_open(season: OfferedSeasonRow) -> None:
    if season.state != "published":
        raise Conflict("{season} takes no more referrals.", season=season.name)


def keep_draft(session: Session, desk: Desk, referral_id: UUID, content: Content) -> None:
    """Keep a draft as it is, whole or not."""
    row = _own(session, desk, referral_id)
    if row.state != "draft":
        raise Conflict("The referral is sent already. Change it instead.")
    season = find_season(session, row.season_id)
    wrong = _wrong(content, season, clock.today(desk.municipality.time_zone), whole=False)
    if wrong:
        raise Invalid("Some fields are wrong. Put them right and send the form again.", wrong)
    _write(session, desk, row, content)
    record(session, desk.municipality.id, desk.actor, "referrals.keep", ("referral", referral_id))


def drop_draft(session: Session, desk: Desk, referral_id: UUID) -> None:
    """Throw a draft away: nothing of it is left."""
    row = _own(session, desk, referral_id)
    if row.state != "draft":
        raise Conflict("The referral is sent. Where the family withdraws its consent, note that instead.")
    for table in ("referral_traveller", "referral_wish"):
        session.execute(text(f"DELETE FROM {table} WHERE referral_id = :id"), {"id": referral_id})
    session.delete(row)
    record(session, desk.municipality.id, desk.actor, "referrals.drop", ("referral", referral_id))


def send(session: Session, desk: Desk, referral_id: UUID, content: Content) -> None:
    """Refer a family. Whether somebody else has referred it already makes no difference to what is answered."""
    row = _own(session, desk, referral_id)
    if row.state != "draft":
        raise Conflict("The referral is sent already.")
    season, today = find_season(session, row.season_id), clock.today(desk.municipality.time_zone)
    _require_open(season)
    wrong = _wrong(content, season, today, whole=True)
    if wrong:
        raise Invalid("Some fields are wrong. Put them right and send the form again.", wrong)
    _write(session, desk, row, content)
    session.flush()
    one_at_a_time(session, "referral case", desk.municipality.id)
    case_id = _case_for(session, desk, row, season, late=today > season.referral_deadline)
    row.case_id, row.state, row.sent_at = case_id, "sent", clock.now()
    session.flush()
    record(session, desk.municipality.id, desk.actor, "referrals.send", ("referral", referral_id))


def change(session: Session, desk: Desk, referral_id: UUID, content: Content) -> None:
    """Change a referral that was sent; see `apply_change`."""
    row = _own(session, desk, referral_id)
    if row.state not in ("sent", "sent_back", "approved"):
        raise Conflict("The referral cannot be changed any more.")
    apply_change(session, desk, row, content)


def change_for(session: Session, desk: Desk, referral_id: UUID, content: Content) -> None:
    """Change a referral in its service's place, as a case worker who puts something right."""
    row = session.get(Referral, (desk.municipality.id, referral_id))
    if row is None or row.state in ("draft", "withdrawn"):
        raise NotFound("There is no such referral.")
    apply_change(session, desk, row, content)


def apply_change(session: Session, desk: Desk, row: Referral, content: Content) -> None:
    """Change what a referral says, which a case worker then looks at.

    Where the family no longer fits the season, such as when its only child of age stays at home, an approval ends: it
    is gone from the next version of the list unless a case worker approves it anew.
    """
    season = find_season(session, row.season_id)
    wrong = _wrong(content, season, clock.today(desk.municipality.time_zone), whole=True)
    if wrong:
        raise Invalid("Some fields are wrong. Put them right and send the form again.", wrong)
    _write(session, desk, row, content)
    row.changed_at, row.seen_at = clock.now(), None
    session.flush()
    case = session.get_one(ReferralCase, (row.tenant_id, row.case_id))
    now = _as_row(session, row.id)
    if case.state == "approved" and case.leading_id == row.id and not fits(judged(season, now.case)):
        case.state = "open"
        session.flush()
        session.execute(
            text("UPDATE referral SET state = 'sent' WHERE case_id = :case AND state = 'approved'"), {"case": case.id}
        )
        session.expire_all()
    record(session, desk.municipality.id, desk.actor, "referrals.change", ("referral", row.id))


def answer(session: Session, desk: Desk, referral_id: UUID, said: str) -> None:
    """Answer the question with which a referral was sent back; the case worker goes on with it."""
    row = _own(session, desk, referral_id)
    if row.state != "sent_back":
        raise Conflict("Nothing is asked about this referral.")
    if not 0 < len(said.strip()) <= LONGEST_SAID:
        raise Invalid("Write an answer.", [FieldError("answer", "must have 1 to {most} characters", {"most": 500})])
    row.answer, row.state, row.seen_at = said.strip(), "sent", None
    session.flush()
    case = session.get_one(ReferralCase, (row.tenant_id, row.case_id))
    asked = session.execute(
        text("SELECT count(*) FROM referral WHERE case_id = :case AND state = 'sent_back'"), {"case": case.id}
    ).scalar_one()
    if case.state == "sent_back" and not asked:
        case.state = "open"
    record(session, desk.municipality.id, desk.actor, "referrals.answer", ("referral", referral_id))


def withdraw(session: Session, desk: Desk, referral_id: UUID) -> None:
    """Note that the family has withdrawn its consent, at the service."""
    row = _own(session, desk, referral_id)
    if row.case_id is None:
        raise Conflict("The referral is a draft. Throw it away instead.")
    withdraw_case(session, desk.municipality, desk.keys, row.case_id, desk.actor)


def withdraw_case(session: Session, municipality: Municipality, keys: KeyRing, case_id: UUID, actor: Actor) -> None:
    """The family has withdrawn its consent: whatever services have said of it is erased at once.

    Where it stands on a list that was handed over, the organisation is told, and the next version is without it.
    """
    case = session.get(ReferralCase, (municipality.id, case_id))
    if case is None or case.state == "merged":
        raise NotFound("There is no such case.")
    if case.state == "withdrawn":
        raise Conflict("The family has withdrawn its consent already.")
    for table in ("referral_traveller", "referral_wish"):
        session.execute(
            text(f"DELETE FROM {table} WHERE referral_id IN (SELECT id FROM referral WHERE case_id = :case)"),
            {"case": case_id},
        )
    forget_outcome(session, case)
    session.execute(text("DELETE FROM case_verdict WHERE :case IN (first_id, second_id)"), {"case": case_id})
    session.execute(text(_ERASED), {"case": case_id})
    session.expire_all()
    case.state, case.leading_id, case.said, case.need = "withdrawn", None, "", None
    case.withdrawn_at = clock.now()
    session.flush()
    record(session, municipality.id, actor, "referrals.withdraw", ("referral_case", case_id))
    tell_of_withdrawal(session, keys, municipality, case_id)


def forget_outcome(session: Session, case: ReferralCase) -> None:
    """Erase what the organisation has told of a family: its consent is withdrawn, or the case is another's by now."""
    session.execute(
        text("DELETE FROM family_outcome WHERE season_id = :season AND family_key = :key"),
        {"season": case.season_id, "key": case.family_key},
    )


_ERASED: Final = """UPDATE referral SET state = 'withdrawn', phone = '', language = '', why = '', question = '',
        answer = '', interpreter = false, last_participation = NULL, holds = '{}', person_id = NULL,
        household_id = NULL, consent_on = NULL, consent_how = NULL
    WHERE case_id = :case"""


def _own(session: Session, desk: Desk, referral_id: UUID) -> Referral:
    find_own(session, desk.service_id, referral_id)
    return session.get_one(Referral, (desk.municipality.id, referral_id))


def _as_row(session: Session, referral_id: UUID) -> ReferralRow:
    [found] = read_rows(session, "r.id = :id", id=referral_id)
    return found


def _wrong(content: Content, season: OfferedSeasonRow, today: date, *, whole: bool) -> list[FieldError]:
    """What is wrong with a referral; of one that is not `whole` only what cannot even be kept."""
    wrong = []
    if len(content.travellers) > MOST_TRAVELLERS:
        wrong.append(FieldError("travellers", "are more than {most}", {"most": MOST_TRAVELLERS}))
    if len(content.why) > LONGEST_WHY:
        wrong.append(FieldError("why", "must have 1 to {most} characters", {"most": LONGEST_WHY}))
    if len(content.phone) > 40 or len(content.language) > 60:
        wrong.append(FieldError("phone" if len(content.phone) > 40 else "language", "is too long"))
    if len(set(content.wishes)) != len(content.wishes) or set(content.wishes) - set(season.codes):
        wrong.append(FieldError("wishes", "name a stay twice, or one that is not offered"))
    if set(content.holds) - {one.code for one in season.criteria}:
        wrong.append(FieldError("holds", "name a criterion that the district does not have"))
    if content.consent_how is not None and content.consent_how not in CONSENTS:
        wrong.append(FieldError("consent_how", "must be one of {known}", {"known": ", ".join(CONSENTS)}))
    if content.consent_on is not None and content.consent_on > today:
        wrong.append(FieldError("consent_on", "must not be in the future"))
    year = content.last_participation
    if year is not None and not 1990 <= year <= season.first_day.year:
        wrong.append(
            FieldError("last_participation", "must be a year from 1990 to {year}", {"year": season.first_day.year})
        )
    return wrong + (_lacking(content, season) if whole else [])


def _lacking(content: Content, season: OfferedSeasonRow) -> list[FieldError]:
    wrong = []
    if not content.travellers:
        wrong.append(FieldError("travellers", "are missing: the family names who travels"))
    if not content.why.strip():
        wrong.append(FieldError("why", "is missing"))
    if content.consent_on is None:
        wrong.append(FieldError("consent_on", "is missing: without its consent no family is referred"))
    if content.consent_how is None:
        wrong.append(FieldError("consent_how", "is missing"))
    cancelled = {one.stay_id for one in season.stays if one.cancelled}
    if cancelled & set(content.wishes):
        wrong.append(FieldError("wishes", "name a stay that is cancelled"))
    return wrong


def _write(session: Session, desk: Desk, row: Referral, content: Content) -> None:
    row.phone, row.language = content.phone.strip(), content.language.strip()
    row.interpreter, row.last_participation = content.interpreter, content.last_participation
    row.why, row.holds = content.why.strip(), list(content.holds)
    row.consent_on, row.consent_how = content.consent_on, content.consent_how
    session.flush()
    _write_travellers(session, desk, row, content.travellers)
    session.execute(text("DELETE FROM referral_wish WHERE referral_id = :id"), {"id": row.id})
    for rank, stay_id in enumerate(content.wishes, start=1):
        session.add(ReferralWish(tenant_id=row.tenant_id, referral_id=row.id, rank=rank, stay_id=stay_id))
    session.flush()


def _write_travellers(session: Session, desk: Desk, row: Referral, travellers: Sequence[Traveller]) -> None:
    session.execute(text("DELETE FROM referral_traveller WHERE referral_id = :id"), {"id": row.id})
    session.expire_all()
    secrets = desk.keys.for_tenant(desk.municipality.id)
    known = known_members(session, secrets, row.person_id) if row.person_id else {}
    keys = name_keys(session, [one.name for one in travellers])
    for place, (one, key) in enumerate(zip(travellers, keys, strict=True), start=1):
        session.add(
            ReferralTraveller(
                tenant_id=row.tenant_id,
                referral_id=row.id,
                place=place,
                name=one.name,
                name_key=key,
                birth_date=one.birth_date,
                person_id=known.get((key, one.birth_date)),
            )
        )
    session.flush()


class _Sent(msgspec.Struct, frozen=True):
    """A referral that was sent, as people are known again."""

    case_id: UUID
    service_id: UUID
    household_id: UUID | None
    people: tuple[Known, ...]

    @property
    def group(self) -> Group:
        return Group(self.people, self.household_id)


_SHARING: Final = """SELECT r.case_id, r.service_id, r.household_id,
        (SELECT jsonb_agg(jsonb_build_object('name_key', t.name_key, 'birth_date', t.birth_date,
            'person_id', t.person_id) ORDER BY t.place) FROM referral_traveller t WHERE t.referral_id = r.id) AS people
    FROM referral r JOIN referral_case c ON c.id = r.case_id
    WHERE r.season_id = :season AND c.state NOT IN ('withdrawn', 'merged') AND EXISTS (
        SELECT FROM referral_traveller t JOIN referral_traveller own ON own.birth_date = t.birth_date
        WHERE t.referral_id = r.id AND own.referral_id = :referral)"""


def _case_for(session: Session, desk: Desk, row: Referral, season: OfferedSeasonRow, *, late: bool) -> UUID:
    """The case that a referral belongs to: that of the same family, or one of its own.

    Where it could be of several, it is of its own: which is left to a person.
    """
    people = msgspec.convert(
        [
            dict(one)
            for one in session.execute(
                text("SELECT name_key, birth_date, person_id FROM referral_traveller WHERE referral_id = :id"),
                {"id": row.id},
            ).mappings()
        ],
        tuple[Known, ...],
    )
    own = Group(people, row.household_id)
    sharing = session.execute(text(_SHARING), {"season": season.season_id, "referral": row.id}).mappings()
    others = [msgspec.convert(dict(one), _Sent) for one in sharing]
    same = [one for one in others if is_one_family(own, one.group, season.first_day)]
    if any(one.service_id == desk.service_id for one in same):
        raise Conflict("Your service has referred this family for this season already. Change that referral.")
    cases = {one.case_id for one in same}
    if len(cases) == 1:
        return cases.pop()
    case = ReferralCase(
        tenant_id=row.tenant_id, season_id=season.season_id, leading_id=row.id, late=late, opened_at=clock.now()
    )
    session.add(case)
    session.flush()
    return case.id
