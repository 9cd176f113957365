"""Making offers to families that hold a place, reminding of them, and putting a family back on the waiting list."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.allocation.holding import hold
from service.allocation.planning import FamilyId, Planned, SeasonFamily, read_plan
from service.audit.actions import record
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.messages import is_address
from service.offers.desk import Desk, settings_of
from service.offers.ending import withdraw_gone
from service.offers.messages import tell
from service.offers.models import Offer, OfferContact, OfferTraveller
from service.offers.queries import OfferRow, contact_of, find_offer
from service.offers.rules import Contact, best_way, deadline_of, language_of, last_moment, mobile
from service.referrals.outcomes import OFFER_LINK
from service.stays.queries import StayRow, find_season
from service.values import clock, pass_numbers
from service.values.random_secrets import draw

LINK, CODE = OFFER_LINK, "offer code"
"""The kinds of secrets in the directory."""


class Wanted(msgspec.Struct, frozen=True):
    """A family that is to get an offer, and how: `auto` lets its phone decide."""

    family: FamilyId
    via: str = "auto"
    email: str = ""
    street: str = ""
    postcode_city: str = ""


class Made(msgspec.Struct, frozen=True):
    """The offers that were made, and the families that got none since their stay begins, by key."""

    offers: list[UUID]
    too_late: list[str]


def placed_without_offer(session: Session, planned: Planned) -> list[SeasonFamily]:
    """The families of the newest lists that hold a place and have no living offer of it."""
    living = {
        FamilyId(row.municipality_id, row.family_key)
        for row in session.execute(
            text(
                """SELECT municipality_id, family_key FROM offer
                WHERE season_id = :season AND state IN ('open', 'accepted')"""
            ),
            {"season": planned.season.id},
        )
    }
    held = {one.id for one in planned.stays}
    return [one for one in planned.families if one.listed and one.stay_id in held and one.id not in living]


def make_offers(
    session: Session,
    desk: Desk,
    season_id: UUID,
    wanted: Sequence[Wanted] | None = None,
    *,
    stay_id: UUID | None = None,
    via: str = "auto",
    days: int | None = None,
    even_so: bool = False,
) -> Made:
    """Offer their places to families that hold one: to those `wanted`, or to all that have no offer yet, of a stay or
    of the season.

    A stay with fewer confirmed volunteers than it needs is refused unless `even_so`. E-mails and texts are queued and
    go with the commit. Families with an offer get none again: asked twice it has its effect once.
    """
    season = find_season(session, season_id)
    withdraw_gone(session, desk, season_id)
    planned = read_plan(session, season)
    ready = {one.id: one for one in placed_without_offer(session, planned)}
    if wanted is None:
        chosen = [Wanted(id_, via) for id_, one in ready.items() if stay_id in (None, one.stay_id)]
    else:
        chosen = list(wanted)
        missing = [one.family.key for one in chosen if planned.family(one.family) is None]
        if missing:
            raise NotFound("There is no family {keys} on the newest lists.", keys=", ".join(missing))
        unplaced = [one.family.key for one in chosen if (known := planned.family(one.family)) and not known.stay_id]
        if unplaced:
            raise Conflict("These families hold no place any more: {keys}.", keys=", ".join(unplaced))
        chosen = [one for one in chosen if one.family in ready]
    going = [(one, ready[one.family], _stay_of(planned, ready[one.family])) for one in chosen]
    _require_volunteers([stay for _, _, stay in going], even_so)
    asked = settings_of(session, season_id).answer_days if days is None else days
    if not 1 <= asked <= 90:
        raise Invalid("The offers cannot be made like this.", [FieldError("days", "must be 1 to 90")])
    made, too_late = [], []
    for one, family, stay in going:
        offer_id = offer_place(session, desk, family, stay, one, asked)
        if offer_id is None:
            too_late.append(family.id.key)
        else:
            made.append(offer_id)
    record(session, desk.tenant.id, desk.actor, "offers.make", ("season", season_id), details={"offers": len(made)})
    return Made(made, too_late)


def _stay_of(planned: Planned, family: SeasonFamily) -> StayRow:
    return next(one for one in planned.stays if one.id == family.stay_id)


def _require_volunteers(stays: Sequence[StayRow], even_so: bool) -> None:
    few = sorted({stay.code for stay in stays if stay.confirmed < stay.volunteers})
    if few and not even_so:
        wrong = FieldError("even_so", "must be ticked for the offers to go out all the same")
        raise Conflict("Too few volunteers have confirmed for {stays}.", [wrong], stays=", ".join(few))


def offer_place(
    session: Session, desk: Desk, family: SeasonFamily, stay: StayRow, wanted: Wanted, days: int
) -> UUID | None:
    """Offer a family the place that it holds; None where the stay begins before anybody could answer.

    The caller holds the season's board.
    """
    assert family.listed is not None
    today = clock.today(desk.tenant.time_zone)
    deadline = deadline_of(today, days, stay.starts_on, desk.tenant.time_zone)
    if deadline is None:
        return None
    via = best_way(family.listed) if wanted.via == "auto" else wanted.via
    _require_way(family, via, wanted)
    offer = Offer(
        tenant_id=desk.tenant.id,
        season_id=stay.season_id,
        municipality_id=family.id.municipality_id,
        family_key=family.id.key,
        stay_id=stay.id,
        via=via,
        deadline=deadline,
        made_at=clock.now(),
        made_by=desk.actor.account_id,
        language=language_of(family.listed.language, desk.tenant.country),
    )
    session.add(offer)
    session.flush()
    for place, one in enumerate(family.listed.travellers):
        session.add(
            OfferTraveller(
                tenant_id=desk.tenant.id,
                offer_id=offer.id,
                place=place,
                name=one.name,
                birth_date=one.birth_date,
                comes=True,
            )
        )
    contact = Contact(
        draw(), pass_numbers.generate(), wanted.email.strip(), wanted.street.strip(), wanted.postcode_city.strip()
    )
    _keep_contact(session, desk, offer.id, contact)
    session.flush()
    if tell(session, desk, find_offer(session, offer.id), contact):
        _note(session, offer.id, "sent_at")
    return offer.id


def _require_way(family: SeasonFamily, via: str, wanted: Wanted) -> None:
    assert family.listed is not None
    wrong = []
    if via == "text" and mobile(family.listed.phone) is None:
        wrong.append(FieldError("via", "cannot be by text: {key} has no mobile number", {"key": family.id.key}))
    if via == "email" and not wanted.email.strip():
        wrong.append(FieldError("email", "is missing for {key}", {"key": family.id.key}))
    if wanted.email.strip() and not is_address(wanted.email.strip()):
        wrong.append(FieldError("email", "is no e-mail address"))
    if wrong:
        raise Invalid("The offers cannot be made like this.", wrong)


def _keep_contact(session: Session, desk: Desk, offer_id: UUID, contact: Contact) -> None:
    content = desk.secrets.encrypt_bytes(msgspec.json.encode(contact))
    session.add(OfferContact(tenant_id=desk.tenant.id, offer_id=offer_id, content=content))
    for kind, secret in ((LINK, contact.secret), (CODE, contact.code)):
        session.execute(
            text("SELECT directory.keep_secrets(:kind, ARRAY[CAST(:hash AS bytea)], ARRAY[CAST(:id AS uuid)])"),
            {"kind": kind, "hash": desk.keys.lookup_hash(kind, secret), "id": offer_id},
        )


def _note(session: Session, offer_id: UUID, column: str) -> None:
    session.execute(text(f"UPDATE offer SET {column} = :now WHERE id = :id"), {"now": clock.now(), "id": offer_id})


def remind(session: Session, desk: Desk, season_id: UUID, offer_id: UUID | None = None) -> int:
    """Write once more about an offer that waits; or about all of a season whose deadline is near and that have not been
    reminded. Gives how many messages were queued: of letters a person reminds."""
    hold(session, desk.tenant.id, season_id)
    now = clock.now()
    if offer_id is None:
        near = now + timedelta(days=settings_of(session, season_id).remind_days)
        found = session.execute(
            text(
                """SELECT id FROM offer WHERE season_id = :season AND state = 'open' AND reminded_at IS NULL
                AND deadline BETWEEN :now AND :near AND made_at < CAST(:today AS timestamptz) ORDER BY id"""
            ),
            # Whoever was written to today is not reminded today.
            {"season": season_id, "now": now, "near": near, "today": _midnight(desk)},
        ).scalars()
        ids: list[UUID] = list(found)
    else:
        row = find_offer(session, offer_id)
        if row.state != "open" or row.deadline < now:
            raise Conflict("The offer waits for no answer any more.")
        ids = [offer_id]
    reminded = 0
    for one in ids:
        contact = contact_of(session, desk.secrets, one)
        if contact is not None and tell(session, desk, find_offer(session, one), contact, again=True):
            reminded += 1
            _note(session, one, "reminded_at")
            record(session, desk.tenant.id, desk.actor, "offers.remind", ("offer", one))
        elif offer_id is not None:
            raise Conflict("The offer went as a letter: call the family, or print the letter again.")
    return reminded


def give_time(session: Session, desk: Desk, offer_id: UUID, until: date) -> OfferRow:
    """Let a family answer until the end of a later day, of which it is then reminded anew. An offer whose deadline is
    over stays over."""
    row = find_offer(session, offer_id)
    hold(session, desk.tenant.id, row.season_id)
    deadline = last_moment(desk.tenant.time_zone, until)
    if deadline == row.deadline:
        return row
    wrong = None
    if until >= row.starts_on:
        wrong = FieldError("until", "must be before the stay begins, which is on {day}", {"day": row.starts_on})
    elif deadline < row.deadline:
        wrong = FieldError("until", "must be later than the deadline that was given")
    if wrong is not None:
        raise Invalid("The family cannot be given this time.", [wrong])
    changed = session.execute(
        text(
            """UPDATE offer SET deadline = :deadline, reminded_at = NULL
            WHERE id = :id AND state = 'open' AND deadline >= :now RETURNING id"""
        ),
        {"id": offer_id, "deadline": deadline, "now": clock.now()},
    ).scalar_one_or_none()
    if changed is None:
        raise Conflict("The offer waits for no answer any more.")
    details = {"until": until.isoformat()}
    record(session, desk.tenant.id, desk.actor, "offers.give_time", ("offer", offer_id), details=details)
    return find_offer(session, offer_id)


def _midnight(desk: Desk) -> object:
    return last_moment(desk.tenant.time_zone, clock.today(desk.tenant.time_zone) - timedelta(days=1))


def let_wait_again(session: Session, desk: Desk, offer_id: UUID) -> OfferRow:
    """Put a family back on the waiting list that said no, or nothing: in its rank, as if it had never been asked."""
    row = find_offer(session, offer_id)
    hold(session, desk.tenant.id, row.season_id)
    changed = session.execute(
        text(
            """UPDATE offer SET waits_again = true WHERE id = :id AND NOT waits_again
            AND state IN ('declined', 'expired', 'cancelled', 'withdrawn') RETURNING id"""
        ),
        {"id": offer_id},
    ).scalar_one_or_none()
    if changed is None or not row.newest:
        raise Conflict("The family has an offer, or waits already.")
    record(session, desk.tenant.id, desk.actor, "offers.wait_again", ("offer", offer_id))
    return find_offer(session, offer_id)
