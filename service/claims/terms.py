"""A scheme's terms for claims, dated and with their source, and how the municipality pays."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.claims.calendar import Habits, PaymentDate
from service.claims.rules import Terms
from service.clubs.rules import ACTIVITY_KINDS
from service.eligibility import schemes
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.actions import Municipality
from service.values import clock

_FIRST, _LAST = date(1990, 1, 1), date(2100, 12, 31)
RANGES = {
    "claim_days": (0, 730),
    "reservation_days": (1, 365),
    "min_sessions": (0, 200),
    "most_pass_percent": (1, 100),
}
"""The least and the most that a term may be."""
HABIT_RANGES = {"payment_day": (1, 28), "cutoff_days": (1, 27), "decision_days": (0, 120), "names_days": (0, 3650)}


class TermsVersion(msgspec.Struct, frozen=True):
    """The terms for seasons that begin on `valid_from` or later, until a later version's first day."""

    id: UUID
    number: int
    valid_from: date
    source: str
    terms: Terms
    made_at: datetime
    made_by: UUID | None


def versions(session: Session, municipality: Municipality, scheme: str) -> list[TermsVersion]:
    """Every version of a scheme's terms, the latest first day first; none where only the presets count."""
    scheme_id = schemes.find_scheme(session, municipality, scheme)
    rows = session.execute(text(f"{_VERSIONS} ORDER BY valid_from DESC, number DESC"), {"scheme": scheme_id})
    return [msgspec.convert(row, TermsVersion, from_attributes=True) for row in rows]


def terms_on(session: Session, scheme_id: UUID, on: date) -> Terms:
    """The terms for a season that begins on a day; the presets where none was set."""
    row = session.execute(
        text(f"{_VERSIONS} AND valid_from <= :on ORDER BY valid_from DESC, number DESC LIMIT 1"),
        {"scheme": scheme_id, "on": on},
    ).one_or_none()
    return msgspec.convert(row.terms, Terms) if row else Terms()


def set_terms(
    session: Session,
    municipality: Municipality,
    scheme: str,
    valid_from: date,
    source: str,
    changes: dict[str, Any],
    actor: Actor,
) -> TermsVersion:
    """Add a version of a scheme's terms; what `changes` leaves out goes on from the one that counts on that day.

    Refuses with every wrong field. Claims that were decided stay as they are.
    """
    scheme_id = schemes.find_scheme(session, municipality, scheme)
    session.execute(text("SELECT 1 FROM scheme WHERE id = :id FOR UPDATE"), {"id": scheme_id})
    wrong = [] if source.strip() else [FieldError("source", "is needed: where the terms were decided")]
    if not _FIRST <= valid_from <= _LAST:
        wrong.append(FieldError("valid_from", "must lie in the years {first} to {last}", {"first": 1990, "last": 2100}))
    wrong += _out_of_range(changes, RANGES)
    unknown = set(changes.get("excluded_kinds") or ()) - set(ACTIVITY_KINDS)
    if unknown:
        known = ", ".join(ACTIVITY_KINDS)
        wrong.append(FieldError("excluded_kinds", "must be kinds of activity: {known}", {"known": known}))
    if wrong:
        raise Invalid("Some terms are wrong.", wrong)
    if changes.get("excluded_kinds") is not None:
        changes = changes | {"excluded_kinds": tuple(k for k in ACTIVITY_KINDS if k in changes["excluded_kinds"])}
    terms = msgspec.structs.replace(terms_on(session, scheme_id, valid_from), **changes)
    row = session.execute(
        text(
            """INSERT INTO claim_terms (tenant_id, scheme_id, number, valid_from, source, terms, made_at, made_by)
            SELECT :tenant, :scheme, coalesce(max(number), 0) + 1, :from, :source, CAST(:terms AS jsonb), :at, :by
            FROM claim_terms WHERE scheme_id = :scheme
            RETURNING id, number, valid_from, source, terms, made_at, made_by"""
        ),
        {"tenant": municipality.id, "scheme": scheme_id, "from": valid_from, "source": source.strip()}
        | {"terms": msgspec.json.encode(terms).decode(), "at": clock.now(), "by": actor.account_id},
    ).one()
    made = msgspec.convert(row, TermsVersion, from_attributes=True)
    record(session, municipality.id, actor, "claims.terms.set", ("claim_terms", made.id))
    return made


def _out_of_range(changes: dict[str, Any], ranges: dict[str, tuple[int, int]]) -> list[FieldError]:
    return [
        FieldError(name, "must be a whole number from {lowest} to {highest}", {"lowest": low, "highest": high})
        for name, (low, high) in ranges.items()
        if changes.get(name) is not None and not low <= changes[name] <= high
    ]


def habits(session: Session) -> Habits:
    """How the municipality that is acted for pays."""
    found = session.execute(text("SELECT settings FROM claim_settings")).scalar()
    return msgspec.convert(found or {}, Habits)


def set_habits(session: Session, municipality: Municipality, changes: dict[str, int], actor: Actor) -> Habits:
    """Change how the municipality pays; what is promised for claims that stand already is not changed."""
    wrong = _out_of_range(changes, HABIT_RANGES)
    if wrong:
        raise Invalid("Some fields are wrong.", wrong)
    made = msgspec.structs.replace(habits(session), **changes)
    session.execute(
        text(
            """INSERT INTO claim_settings (tenant_id, settings) VALUES (:tenant, CAST(:settings AS jsonb))
            ON CONFLICT (tenant_id) DO UPDATE SET settings = excluded.settings"""
        ),
        {"tenant": municipality.id, "settings": msgspec.json.encode(made).decode()},
    )
    details = msgspec.to_builtins(made)
    record(session, municipality.id, actor, "claims.habits.set", ("tenant", municipality.id), details=details)
    return made


def payment_dates(session: Session, since: date) -> list[PaymentDate]:
    """The municipality's own payment dates from a day on; where it has none its habits give them."""
    rows = session.execute(
        text("SELECT pays_on, cutoff FROM payment_date WHERE pays_on >= :since ORDER BY pays_on"), {"since": since}
    )
    return [msgspec.convert(row, PaymentDate, from_attributes=True) for row in rows]


def add_payment_date(session: Session, municipality: Municipality, one: PaymentDate, actor: Actor) -> None:
    """Set a payment date; refuses one in the past and a cutoff that is not before it."""
    today = clock.today(municipality.time_zone)
    wrong = [FieldError("pays_on", "must lie ahead")] if one.pays_on <= today else []
    if one.cutoff >= one.pays_on:
        wrong.append(FieldError("cutoff", "must be before the day of payment"))
    if wrong:
        raise Invalid("Some fields are wrong.", wrong)
    made = session.execute(
        text(
            """INSERT INTO payment_date (tenant_id, pays_on, cutoff) VALUES (:tenant, :on, :cutoff)
            ON CONFLICT DO NOTHING RETURNING pays_on"""
        ),
        {"tenant": municipality.id, "on": one.pays_on, "cutoff": one.cutoff},
    ).scalar()
    if made is None:
        raise Conflict("There is a payment on {date} already.", date=one.pays_on)
    details = msgspec.to_builtins(one)
    record(session, municipality.id, actor, "claims.payment_date.add", ("tenant", municipality.id), details=details)


def remove_payment_date(session: Session, municipality: Municipality, pays_on: date, actor: Actor) -> None:
    """Take back a payment date."""
    gone = session.execute(
        text("DELETE FROM payment_date WHERE pays_on = :on RETURNING pays_on"), {"on": pays_on}
    ).scalar()
    if gone is None:
        raise NotFound("There is no payment on {date}.", date=pays_on)
    details = {"pays_on": pays_on.isoformat()}
    record(session, municipality.id, actor, "claims.payment_date.remove", ("tenant", municipality.id), details=details)


_VERSIONS = """SELECT id, number, valid_from, source, terms, made_at, made_by FROM claim_terms
    WHERE scheme_id = :scheme"""
