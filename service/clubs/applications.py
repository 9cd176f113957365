"""Applications of clubs: written by anybody, looked at beside what the registers say, approved or rejected by staff."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import record
from service.clubs import mails
from service.clubs.actions import ClubData, add_club, checked_data, checked_number
from service.clubs.desk import Desk, mail_invitation
from service.clubs.lookups import order_look_up
from service.clubs.payees import NewPayee, add_payee, approve_payee, checked
from service.clubs.queries import Club, club_of, payees_of
from service.clubs.rules import ACTIVITY_KINDS
from service.clubs.settings import accepted
from service.errors import N_, Conflict, FieldError, Forbidden, Invalid, NotFound
from service.identity.members import invite
from service.values import clock

_SHOWN: Final = """SELECT a.id, a.number, a.name, a.contact_name, a.contact_email, a.contact_phone, a.members,
    a.activities, a.payee_kind, a.account, a.agreement_version, a.language, a.state, a.applied_at, a.applied_by,
    a.decided_at, a.decided_because, a.club_id, d.name AS decider
FROM club_application a LEFT JOIN directory.account_names() AS d ON d.id = a.decided_by"""


class Application(msgspec.Struct, frozen=True):
    """An application; `state` is `waiting`, `approved` or `rejected`, `activities` are kinds."""

    id: UUID
    number: str
    name: str
    contact_name: str | None
    contact_email: str | None
    contact_phone: str | None
    members: int | None
    activities: list[dict[str, Any]]
    payee_kind: str
    account: str | None
    agreement_version: int | None
    language: str
    state: str
    applied_at: datetime
    applied_by: UUID | None
    decided_at: datetime | None
    decided_because: str | None
    club_id: UUID | None
    decider: str | None

    @property
    def kinds(self) -> list[str]:
        """The kinds of activity that the club offers."""
        return [str(one["kind"]) for one in self.activities]


class Applied(msgspec.Struct, frozen=True):
    """What a club writes that applies. `agreement` is the version that was read and accepted."""

    number: str
    data: ClubData
    kinds: list[str]
    payee: NewPayee
    agreement: int | None
    language: str


class WantedApplications(msgspec.Struct, frozen=True):
    """Which applications are wanted: those that wait unless it is said otherwise."""

    state: Annotated[Literal["waiting", "approved", "rejected", "all"], Meta(title=N_("State"))] = "waiting"


def apply(session: Session, desk: Desk, written: Applied, *, by_command: bool = False) -> UUID:
    """Take an application, the same way whether there is such a club or not; gives its id.

    Whoever is named as contact gets a receipt; the registers are asked by a worker. From the command line
    (`by_command`) it may lack a contact and the agreement.
    """
    country = desk.municipality.country
    number, wrong = checked_number(written.number, country)
    data, more = checked_data(written.data, contact_needed=not by_command)
    wrong += more
    payee = written.payee
    try:
        payee = checked(written.payee, country, by_club=True)
    except Invalid as refusal:
        renamed = {"kind": "payee"}
        wrong += [msgspec.structs.replace(one, field=renamed.get(one.field, one.field)) for one in refusal.errors]
    if any(kind not in ACTIVITY_KINDS for kind in written.kinds) or (not written.kinds and not by_command):
        wrong.append(FieldError("kinds", "must name one kind of activity or more"))
    if written.agreement is None and not by_command:
        wrong.append(FieldError("agreement", "must be accepted"))
    if wrong:
        raise Invalid("Some fields are wrong. Put them right and send the form again.", wrong)
    if written.agreement is not None:
        accepted(session, desk.municipality, written.agreement)
    made = _write(session, desk, number, msgspec.structs.replace(written, data=data, payee=payee))
    record(session, desk.municipality.id, desk.actor, "clubs.application.make", ("club_application", made))
    order_look_up(session, desk.municipality.id, number, country)
    if data.contact_email:
        mails.tell_received(session, desk, data.contact_email)
    return made


def list_applications(session: Session, wanted: WantedApplications) -> list[Application]:
    """The applications that are wanted: those that wait the oldest first, the others the newest decision first."""
    order = "a.applied_at, a.id" if wanted.state == "waiting" else "a.applied_at DESC, a.id DESC"
    condition = "true" if wanted.state == "all" else "a.state = :state"
    rows = session.execute(text(f"{_SHOWN} WHERE {condition} ORDER BY {order}"), {"state": wanted.state}).all()
    return [msgspec.convert(row, Application, from_attributes=True) for row in rows]


def page_of_applications(
    session: Session, state: str | None, number: str | None, limit: int, after: UUID | None
) -> list[Application]:
    """Up to one more than `limit` applications by id, those after one of them."""
    conditions = ["true"]
    conditions += ["a.state = :state"] if state else []
    conditions += ["a.number = :number"] if number else []
    conditions += ["a.id > :after"] if after else []
    rows = session.execute(
        text(f"{_SHOWN} WHERE {' AND '.join(conditions)} ORDER BY a.id LIMIT :most"),
        {"state": state, "number": number, "after": after, "most": limit + 1},
    ).all()
    return [msgspec.convert(row, Application, from_attributes=True) for row in rows]


def find_application(session: Session, application_id: UUID) -> Application:
    """One application."""
    row = session.execute(text(f"{_SHOWN} WHERE a.id = :id"), {"id": application_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such application.")
    return msgspec.convert(row, Application, from_attributes=True)


def others_of(session: Session, one: Application) -> list[Application]:
    """The other applications with the same number, the newest first: anybody may write in a club's name."""
    rows = session.execute(
        text(f"{_SHOWN} WHERE a.number = :number AND a.id <> :id ORDER BY a.id DESC"),
        {"number": one.number, "id": one.id},
    ).all()
    return [msgspec.convert(row, Application, from_attributes=True) for row in rows]


def approve_application(session: Session, desk: Desk, application_id: UUID, *, with_account: bool) -> Club:
    """Make a club of an application, and invite its contact as treasurer.

    Its account is approved as well where whoever approves may do that (`with_account`); else it waits for somebody who
    may. Of two who approve at the same moment one does.
    """
    found = _waiting(session, application_id)
    if desk.actor.account_id is None:
        raise Forbidden("A person must approve a club; a system may not.")
    if found.applied_by == desk.actor.account_id:
        raise Forbidden("You entered this application yourself. Somebody else must approve it.")
    data = ClubData(found.name, found.contact_name, found.contact_email, found.contact_phone, found.members)
    nobody = msgspec.structs.replace(desk, actor=msgspec.structs.replace(desk.actor, account_id=None))
    club = add_club(session, desk, found.number, data, None, account_approved=False)
    _take_over(session, nobody, found, club)
    if with_account:
        approve_payee(session, desk, payees_of(session, club.id)[0].id, quietly=True)
    _decide(session, desk, found, "approved", club_id=club.id)
    mails.tell_approved(session, desk, club)
    if found.contact_email:
        email, name = found.contact_email, found.contact_name or found.contact_email
        sent = invite(session, desk.municipality.id, email, name, "club_treasurer", club.id, desk.actor)
        mail_invitation(session, desk, sent)
    return club_of(session, club.id)


def reject_application(session: Session, desk: Desk, application_id: UUID, because: str) -> Application:
    """Say no to an application, with the reason that the contact is told."""
    reason = " ".join(because.split())
    if not 0 < len(reason) <= 500:
        wrong = FieldError("reason", "must be 1 to {most} characters", {"most": 500})
        raise Invalid("Say why the club is not approved.", [wrong])
    found = _waiting(session, application_id)
    _decide(session, desk, found, "rejected", because=reason)
    if found.contact_email:
        to = (found.contact_email, found.contact_name or "")
        mails.tell_rejected(session, desk, to, found.name, reason)
    return find_application(session, application_id)


def _write(session: Session, desk: Desk, number: str, written: Applied) -> UUID:
    data, payee = written.data, written.payee
    made: UUID = session.execute(
        text(
            """INSERT INTO club_application (tenant_id, number, name, contact_name, contact_email, contact_phone,
                members, activities, payee_kind, account, agreement_version, language, state, applied_at, applied_by)
            VALUES (:tenant, :number, :name, :contact_name, :contact_email, :contact_phone, :members,
                CAST(:activities AS jsonb), :payee_kind, :account, :agreement, :language, 'waiting', :at, :by)
            RETURNING id"""
        ),
        msgspec.structs.asdict(data)
        | {"tenant": desk.municipality.id, "number": number, "payee_kind": payee.kind, "account": payee.account}
        | {"activities": msgspec.json.encode([{"kind": kind} for kind in dict.fromkeys(written.kinds)]).decode()}
        | {"agreement": written.agreement, "language": written.language, "at": clock.now()}
        | {"by": desk.actor.account_id},
    ).scalar_one()
    return made


def _take_over(session: Session, nobody: Desk, found: Application, club: Club) -> None:
    """Give the new club its application's account, which nobody here proposed, and its agreement."""
    add_payee(session, nobody, club.id, NewPayee(found.payee_kind, found.account))
    if found.agreement_version is not None:
        session.execute(
            text("""UPDATE club SET agreement_version = :version, agreement_accepted_at = :at WHERE id = :id"""),
            {"version": found.agreement_version, "at": found.applied_at, "id": club.id},
        )


def _decide(
    session: Session,
    desk: Desk,
    found: Application,
    state: str,
    *,
    because: str | None = None,
    club_id: UUID | None = None,
) -> None:
    session.execute(
        text(
            """UPDATE club_application SET state = :state, decided_at = :at, decided_by = :by, decided_because = :why,
                club_id = :club WHERE id = :id"""
        ),
        {"id": found.id, "state": state, "at": clock.now(), "by": desk.actor.account_id, "why": because}
        | {"club": club_id},
    )
    action = "clubs.application.approve" if state == "approved" else "clubs.application.reject"
    record(session, desk.municipality.id, desk.actor, action, ("club_application", found.id), reason=because)


def _waiting(session: Session, application_id: UUID) -> Application:
    """The application, locked until this transaction ends; refused where it was decided about."""
    find_application(session, application_id)
    session.execute(text("SELECT 1 FROM club_application WHERE id = :id FOR UPDATE"), {"id": application_id})
    found = find_application(session, application_id)
    if found.state != "waiting":
        raise Conflict("Somebody has decided about this application already.")
    return found
