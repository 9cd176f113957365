"""Adding, changing, suspending and ending clubs, and what they offer."""

from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import record
from service.clubs import mails
from service.clubs.desk import Desk
from service.clubs.payees import NewPayee, add_payee, approve_payee, checked
from service.clubs.queries import Activity, Club, activities_of, club_of
from service.clubs.rules import ACTIVITY_KINDS
from service.clubs.settings import accepted
from service.errors import Conflict, FieldError, Invalid, NotFound, Unreadable
from service.identity import organisations
from service.identity.messages import is_address
from service.values import clock
from service.values.organisation_numbers import read_organisation_number

LONGEST_NAME: Final = 200
_LONGEST_CONTACT: Final = 100
_LONGEST_PHONE: Final = 30
_MOST_MEMBERS: Final = 10_000_000
_MOST_ORE: Final = 10_000_000_00
_OLDEST: Final = 120
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2100


class ClubData(msgspec.Struct, frozen=True):
    """What a club tells of itself; without a contact nobody is written to."""

    name: str
    contact_name: str | None = None
    contact_email: str | None = None
    contact_phone: str | None = None
    members: int | None = None


class NewActivity(msgspec.Struct, frozen=True):
    """Something that a club offers children from `min_age` to `max_age`, in a season, for the full fee in øre."""

    name: str
    kind: str
    min_age: int
    max_age: int
    season_start: date
    season_end: date
    fee_ore: int


def checked_number(written: str, country: str) -> tuple[str, list[FieldError]]:
    """An organisation number in its one form, and what is wrong with it."""
    try:
        return read_organisation_number(written, country), []
    except Unreadable as error:
        why = error.text
        return "", [FieldError("number", why.template, why.values)]


def checked_data(written: ClubData, *, contact_needed: bool) -> tuple[ClubData, list[FieldError]]:
    """What somebody wrote of a club in its one form, and every field that is wrong."""
    name = " ".join(written.name.split())
    contact, phone = (
        " ".join((value or "").split()) or None for value in (written.contact_name, written.contact_phone)
    )
    email = (written.contact_email or "").strip() or None
    wrong: list[FieldError] = []
    if not 0 < len(name) <= LONGEST_NAME:
        wrong.append(FieldError("name", "must be 1 to {most} characters", {"most": LONGEST_NAME}))
    if len(contact or "") > _LONGEST_CONTACT or (contact_needed and not contact):
        wrong.append(FieldError("contact_name", "must be 1 to {most} characters", {"most": _LONGEST_CONTACT}))
    if (email and not is_address(email)) or (contact_needed and not email):
        wrong.append(FieldError("contact_email", "must be an e-mail address"))
    if len(phone or "") > _LONGEST_PHONE:
        wrong.append(FieldError("contact_phone", "must be at most {most} characters", {"most": _LONGEST_PHONE}))
    if not 0 <= (written.members or 0) <= _MOST_MEMBERS:
        wrong.append(FieldError("members", "must be a number of persons"))
    return ClubData(name, contact, email, phone, written.members), wrong


def add_club(
    session: Session, desk: Desk, number: str, data: ClubData, payee: NewPayee | None, *, account_approved: bool
) -> Club:
    """Approve a club: it stands, with its organisation, to which its people and tokens will belong.

    Its account is proposed by whoever adds it, or with `account_approved` by nobody and approved at once.
    """
    digits, wrong = checked_number(number, desk.municipality.country)
    known, more = checked_data(data, contact_needed=False)
    wrong += more
    asked = None
    if payee is not None:
        try:
            asked = checked(payee, desk.municipality.country, by_club=False)
        except Invalid as refusal:
            wrong += refusal.errors
    if wrong:
        raise Invalid("The club cannot be added like this.", wrong)
    made = organisations.add_organisation(session, desk.municipality.id, "club", known.name, digits, desk.actor)
    club = _write(session, desk, made.id, digits, known)
    record(session, desk.municipality.id, desk.actor, "clubs.add", ("club", club.id))
    if asked is not None:
        nobody = msgspec.structs.replace(desk, actor=msgspec.structs.replace(desk.actor, account_id=None))
        proposed = add_payee(session, nobody if account_approved else desk, club.id, asked)
        if account_approved:
            approve_payee(session, desk, proposed.id, quietly=True)
    return club


def change_club(session: Session, desk: Desk, club_id: UUID, data: ClubData) -> Club:
    """Change what a club tells of itself. A contact that was is told that there is another."""
    known, wrong = checked_data(data, contact_needed=False)
    if wrong:
        raise Invalid("The club cannot be changed like this.", wrong)
    before = _live(session, club_id)
    if before.contact_email and before.contact_email != known.contact_email:
        _keep_contact(session, desk, before)
        mails.tell_contact_changed(session, desk, before)
    if before.name != known.name:
        organisations.rename_organisation(session, club_id, known.name)
    _update(session, club_id, **msgspec.structs.asdict(known))
    changed = [name for name in known.__struct_fields__ if getattr(known, name) != getattr(before, name)]
    if changed:
        details = {"fields": changed}
        record(session, desk.municipality.id, desk.actor, "clubs.change", ("club", club_id), details=details)
    return club_of(session, club_id)


def suspend_club(session: Session, desk: Desk, club_id: UUID, because: str) -> Club:
    """Let a club take no passes until the suspension is lifted; what is owed to it stays owed. The club is told why."""
    reason = " ".join(because.split())
    if not 0 < len(reason) <= 500:
        wrong = FieldError("reason", "must be 1 to {most} characters", {"most": 500})
        raise Invalid("Say why the club is suspended.", [wrong])
    club = _live(session, club_id)
    if club.state == "suspended":
        raise Conflict("{name} is suspended already.", name=club.name)
    _update(session, club_id, state="suspended", suspended_because=reason)
    record(session, desk.municipality.id, desk.actor, "clubs.suspend", ("club", club_id), reason=reason)
    mails.tell_suspended(session, desk, club, reason)
    return club_of(session, club_id)


def reinstate_club(session: Session, desk: Desk, club_id: UUID) -> Club:
    """Lift a suspension."""
    club = _live(session, club_id)
    if club.state != "suspended":
        raise Conflict("{name} is not suspended.", name=club.name)
    _update(session, club_id, state="approved", suspended_because=None)
    record(session, desk.municipality.id, desk.actor, "clubs.reinstate", ("club", club_id))
    mails.tell_reinstated(session, desk, club)
    return club_of(session, club_id)


def end_club(session: Session, desk: Desk, club_id: UUID) -> Club:
    """End a club with its people's roles, open invitations and tokens. What is owed to it stays owed."""
    club = _live(session, club_id)
    organisations.end_organisation(session, desk.municipality.id, club_id, desk.actor)
    at = clock.now()
    session.execute(
        text("UPDATE club_payee SET state = 'withdrawn', ended_at = :at WHERE club_id = :club AND state = 'proposed'"),
        {"club": club_id, "at": at},
    )
    _update(session, club_id, state="ended", ended_at=at)
    record(session, desk.municipality.id, desk.actor, "clubs.end", ("club", club_id))
    mails.tell_ended(session, desk, club)
    return club_of(session, club_id)


def accept_agreement(session: Session, desk: Desk, club_id: UUID, version: int) -> Club:
    """Note that the club agrees to the municipality's agreement as it is now."""
    _live(session, club_id)
    _update(
        session,
        club_id,
        agreement_version=accepted(session, desk.municipality, version),
        agreement_accepted_at=clock.now(),
        agreement_accepted_by=desk.actor.account_id,
    )
    details = {"version": version}
    record(session, desk.municipality.id, desk.actor, "clubs.agreement.accept", ("club", club_id), details=details)
    return club_of(session, club_id)


def add_activity(session: Session, desk: Desk, club_id: UUID, activity: NewActivity) -> Activity:
    """Add something that the club offers."""
    known = _checked_activity(activity)
    _live(session, club_id)
    made = session.execute(
        text(
            """INSERT INTO club_activity (tenant_id, club_id, name, kind, min_age, max_age, season_start, season_end,
                fee_ore, made_at)
            VALUES (:tenant, :club, :name, :kind, :min_age, :max_age, :season_start, :season_end, :fee_ore, :at)
            RETURNING id"""
        ),
        {"tenant": desk.municipality.id, "club": club_id, "at": clock.now()} | msgspec.structs.asdict(known),
    ).scalar_one()
    record(session, desk.municipality.id, desk.actor, "clubs.activity.add", ("club", club_id))
    return find_activity(session, club_id, made)


def change_activity(session: Session, desk: Desk, club_id: UUID, activity_id: UUID, activity: NewActivity) -> Activity:
    """Change something that the club offers."""
    known = _checked_activity(activity)
    find_activity(session, club_id, activity_id)
    session.execute(
        text(
            """UPDATE club_activity SET name = :name, kind = :kind, min_age = :min_age, max_age = :max_age,
                season_start = :season_start, season_end = :season_end, fee_ore = :fee_ore WHERE id = :id"""
        ),
        {"id": activity_id} | msgspec.structs.asdict(known),
    )
    record(session, desk.municipality.id, desk.actor, "clubs.activity.change", ("club", club_id))
    return find_activity(session, club_id, activity_id)


def end_activity(session: Session, desk: Desk, club_id: UUID, activity_id: UUID) -> None:
    """Take something off what the club offers."""
    find_activity(session, club_id, activity_id)
    session.execute(
        text("UPDATE club_activity SET ended_at = :at WHERE id = :id"), {"id": activity_id, "at": clock.now()}
    )
    record(session, desk.municipality.id, desk.actor, "clubs.activity.end", ("club", club_id))


def find_activity(session: Session, club_id: UUID, activity_id: UUID) -> Activity:
    """Something that this club offers now."""
    for one in activities_of(session, club_id):
        if one.id == activity_id:
            return one
    raise NotFound("The club offers no such activity any more.")


def _checked_activity(written: NewActivity) -> NewActivity:
    name = " ".join(written.name.split())
    wrong: list[FieldError] = []
    if not 0 < len(name) <= 100:
        wrong.append(FieldError("name", "must be 1 to {most} characters", {"most": 100}))
    if written.kind not in ACTIVITY_KINDS:
        wrong.append(FieldError("kind", "is no kind of activity"))
    if not 0 <= written.min_age <= _OLDEST:
        wrong.append(FieldError("min_age", "must be an age in years"))
    if not written.min_age <= written.max_age <= _OLDEST:
        wrong.append(FieldError("max_age", "must be an age in years, and not under the youngest"))
    if not _FIRST_YEAR <= written.season_start.year <= _LAST_YEAR:
        wrong.append(FieldError("season_start", "must be a day of our time"))
    if not written.season_start <= written.season_end or written.season_end.year > _LAST_YEAR:
        wrong.append(FieldError("season_end", "must be a day of our time, and not before the season's first day"))
    if not 0 <= written.fee_ore <= _MOST_ORE:
        wrong.append(FieldError("fee_ore", "must be an amount"))
    if wrong:
        raise Invalid("The activity cannot be kept like this.", wrong)
    return msgspec.structs.replace(written, name=name)


def _write(session: Session, desk: Desk, club_id: UUID, number: str, data: ClubData) -> Club:
    at = clock.now()
    session.execute(
        text(
            """INSERT INTO club (tenant_id, id, number, name, state, contact_name, contact_email, contact_phone,
                members, approved_at, approved_by, changed_at)
            VALUES (:tenant, :id, :number, :name, 'approved', :contact_name, :contact_email, :contact_phone,
                :members, :at, :by, :at)"""
        ),
        {"tenant": desk.municipality.id, "id": club_id, "number": number, "at": at, "by": desk.actor.account_id}
        | msgspec.structs.asdict(data),
    )
    return club_of(session, club_id)


def _live(session: Session, club_id: UUID) -> Club:
    """The club, locked until this transaction ends; refused where it has ended."""
    club_of(session, club_id)
    session.execute(text("SELECT 1 FROM club WHERE id = :id FOR UPDATE"), {"id": club_id})
    club = club_of(session, club_id)
    if club.state == "ended":
        raise Conflict("{name} has ended.", name=club.name)
    return club


def _update(session: Session, club_id: UUID, **values: Any) -> None:
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    session.execute(
        text(f"UPDATE club SET {assignments}, changed_at = :changed_at WHERE id = :id"),
        values | {"id": club_id, "changed_at": clock.now()},
    )


def _keep_contact(session: Session, desk: Desk, before: Club) -> None:
    session.execute(
        text(
            """INSERT INTO club_past_contact (tenant_id, club_id, name, email, ended_at, ended_by)
            VALUES (:tenant, :club, :name, :email, :at, :by)"""
        ),
        {"tenant": desk.municipality.id, "club": before.id, "name": before.contact_name or ""}
        | {"email": before.contact_email, "at": clock.now(), "by": desk.actor.account_id},
    )
