"""What a family answers: by its link, by the code of its letter, or through a coordinator who notes it."""

from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.allocation.holding import count_up, hold
from service.audit.actions import record
from service.errors import Conflict, FieldError, Invalid
from service.identity.actions import Tenant
from service.offers.desk import Desk
from service.offers.ending import end, withdraw_gone
from service.offers.making import CODE, LINK
from service.offers.models import DECLINED_BECAUSE
from service.offers.queries import OfferRow, find_offer, shown_of, travellers_of
from service.offers.rules import Needs, wrong_party
from service.stays.families import Traveller
from service.values import clock
from service.values.secrecy import KeyRing

_LIVING = ("open", "accepted")


class Yes(msgspec.Struct, frozen=True):
    """That a family comes: who of it (places of the travellers), from which assembly point, and what they need."""

    comes: tuple[int, ...]
    assembly_point: str | None = None
    needs: Needs = Needs()


class Answered(msgspec.Struct, frozen=True):
    """The offer as it is after an answer, and whether this answer made it so; where not, another came first."""

    row: OfferRow
    done: bool


class Found(msgspec.Struct, frozen=True):
    """Whose offer a secret leads to."""

    tenant: Tenant
    offer_id: UUID


def find_by_link(session: Session, keys: KeyRing, secret: str) -> Found | None:
    """The offer that a link leads to, whatever has become of it."""
    return _find(session, keys, LINK, secret)


def find_by_code(session: Session, keys: KeyRing, code: str) -> Found | None:
    """The offer of a letter's code."""
    return _find(session, keys, CODE, code)


def _find(session: Session, keys: KeyRing, kind: str, secret: str) -> Found | None:
    row = session.execute(
        text(
            """SELECT t.id, t.kind, t.code, t.name, t.country, t.time_zone, t.language, s.subject_id
            FROM directory.find_secret(:kind, :hash) s JOIN directory.list_tenants() t ON t.id = s.tenant_id"""
        ),
        {"kind": kind, "hash": keys.lookup_hash(kind, secret)},
    ).one_or_none()
    if row is None:
        return None
    return Found(msgspec.convert(row, Tenant, from_attributes=True), row.subject_id)


def look(session: Session, desk: Desk, offer_id: UUID) -> OfferRow:
    """An offer as it is now: of a family that is on no list any more it is withdrawn, and its place free."""
    row = find_offer(session, offer_id)
    if row.living and not row.listed:
        withdraw_gone(session, desk, row.season_id)
        row = find_offer(session, offer_id)
    return row


def is_open(row: OfferRow) -> bool:
    """Whether the family may still answer."""
    return row.state == "open" and row.deadline >= clock.now() and row.stay_state == "planned"


def may_cancel(row: OfferRow, desk: Desk) -> bool:
    """Whether the family may still be said not to come: by itself until the day before, by a coordinator to the end."""
    today = clock.today(desk.tenant.time_zone)
    in_time = today <= row.ends_on if desk.actor.account_id else today < row.starts_on
    return row.state == "accepted" and row.stay_state == "planned" and in_time


def accept(session: Session, desk: Desk, offer_id: UUID, yes: Yes, how: str) -> Answered:
    """The family comes. Of those who are named fewer may; the places of the others fall free.

    Nothing is raised where the offer has ended otherwise: what was found on the way, such as a consent that is gone,
    is to be kept.
    """
    row = _held(session, desk, offer_id)
    if not is_open(row):
        return Answered(row, False)
    _require_party(session, row, yes)
    changed = session.execute(
        text(
            """UPDATE offer o SET state = 'accepted', answered_at = :now, answered_how = :how, assembly_point = :point
            FROM stay t WHERE o.id = :id AND o.state = 'open' AND o.deadline >= :now
                AND t.id = o.stay_id AND t.state = 'planned' RETURNING o.id"""
        ),
        {"id": offer_id, "now": clock.now(), "how": how, "point": yes.assembly_point},
    ).scalar_one_or_none()
    if changed is None:
        return Answered(find_offer(session, offer_id), False)
    session.execute(
        text("UPDATE offer_traveller SET comes = (place = ANY (:comes)) WHERE offer_id = :id"),
        {"id": offer_id, "comes": list(yes.comes)},
    )
    _hold_for(session, desk, row, len(set(yes.comes)))
    keep_needs(session, desk, offer_id, yes.needs)
    record(session, desk.tenant.id, desk.actor, "offers.accepted", ("offer", offer_id), details={"how": how})
    return Answered(find_offer(session, offer_id), True)


def _held(session: Session, desk: Desk, offer_id: UUID) -> OfferRow:
    """An offer that nobody else changes until this transaction has ended."""
    season_id = find_offer(session, offer_id).season_id
    hold(session, desk.tenant.id, season_id)
    withdraw_gone(session, desk, season_id)
    # A stay is not cancelled between the look at it and the answer.
    session.execute(
        text("SELECT FROM stay WHERE id = (SELECT stay_id FROM offer WHERE id = :id) FOR SHARE"), {"id": offer_id}
    )
    return find_offer(session, offer_id)


def _require_party(session: Session, row: OfferRow, yes: Yes) -> None:
    persons, stay = travellers_of(session, row.id), shown_of(session, row.stay_id)
    travellers = [Traveller(one.name, one.birth_date) for one in persons]
    wrong = wrong_party(travellers, yes.comes, stay.starts_on, (stay.min_child_age, stay.max_child_age))
    if yes.assembly_point and yes.assembly_point not in stay.assembly_points:
        wrong.append(FieldError("assembly_point", "is none of the stay's assembly points"))
    if wrong:
        raise Invalid("The answer cannot be taken like this.", wrong)


def _hold_for(session: Session, desk: Desk, row: OfferRow, persons: int) -> None:
    """Hold the place for those who come: fewer may, never more than the place was planned for."""
    session.execute(
        text(
            """UPDATE placement SET persons = least(persons, :persons), beds = least(beds, :persons),
                revision = revision + 1, changed_at = :now, changed_by = :by
            WHERE season_id = :season AND municipality_id = :municipality AND family_key = :key
                AND persons > :persons"""
        ),
        {"season": row.season_id, "municipality": row.municipality_id, "key": row.family_key, "persons": persons}
        | {"now": clock.now(), "by": desk.actor.account_id},
    )
    count_up(session, row.season_id)


def keep_needs(session: Session, desk: Desk, offer_id: UUID, needs: Needs) -> None:
    """Keep what those who come need, sealed; nothing where they named nothing."""
    session.execute(text("DELETE FROM offer_needs WHERE offer_id = :id"), {"id": offer_id})
    if needs:
        session.execute(
            text("INSERT INTO offer_needs (tenant_id, offer_id, content) VALUES (:tenant, :id, :content)"),
            {"tenant": desk.tenant.id, "id": offer_id}
            | {"content": desk.secrets.encrypt_bytes(msgspec.json.encode(needs))},
        )


def decline(session: Session, desk: Desk, offer_id: UUID, how: str, because: str | None = None) -> Answered:
    """The family does not come; its place falls free."""
    if because is not None and because not in DECLINED_BECAUSE:
        wrong = FieldError("because", "must be one of {known}", {"known": ", ".join(DECLINED_BECAUSE)})
        raise Invalid("The answer cannot be taken like this.", [wrong])
    row = _held(session, desk, offer_id)
    done = is_open(row) and end(session, desk, offer_id, "declined", ("open",), how=how, because=because, in_time=True)
    if done:
        record(session, desk.tenant.id, desk.actor, "offers.declined", ("offer", offer_id), details={"how": how})
    return Answered(find_offer(session, offer_id), done)


def cancel(session: Session, desk: Desk, offer_id: UUID, how: str) -> Answered:
    """The family had said yes and cannot come; its place falls free."""
    row = _held(session, desk, offer_id)
    done = may_cancel(row, desk) and end(session, desk, offer_id, "cancelled", ("accepted",), how=how)
    if done:
        record(session, desk.tenant.id, desk.actor, "offers.cancelled", ("offer", offer_id), details={"how": how})
    return Answered(find_offer(session, offer_id), done)


def withdraw(session: Session, desk: Desk, offer_id: UUID) -> OfferRow:
    """Take an offer back, whether or not it was accepted; its place falls free."""
    row = _held(session, desk, offer_id)
    if not end(session, desk, offer_id, "withdrawn", _LIVING):
        raise Conflict("The offer has ended already.")
    record(session, desk.tenant.id, desk.actor, "offers.withdrawn", ("offer", offer_id))
    return msgspec.structs.replace(row, state="withdrawn")


def note_answer(session: Session, desk: Desk, offer_id: UUID, yes: Yes | None, because: str | None = None) -> OfferRow:
    """Note what a family has said on the phone: yes, or with None no. Refused once the offer has ended."""
    if yes is not None:
        answered = accept(session, desk, offer_id, yes, "coordinator")
    else:
        answered = decline(session, desk, offer_id, "coordinator", because)
    if not answered.done:
        raise _over(answered.row)
    return answered.row


def note_cancellation(session: Session, desk: Desk, offer_id: UUID) -> OfferRow:
    """Note that a family that had accepted cannot come. Refused where it had not, or the stay is over."""
    answered = cancel(session, desk, offer_id, "coordinator")
    if not answered.done:
        raise Conflict("The family has not accepted an offer that could still be cancelled.")
    return answered.row


def _over(row: OfferRow) -> Conflict:
    if row.state == "open":
        return Conflict("The time to answer is over, or the stay is cancelled.")
    return Conflict("The offer was answered or has ended already.")
