"""A municipality's retention rules: presets for every kind of data, and what it has set instead."""

from datetime import date

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.care.kinds import KINDS
from service.care.kinds.kind import Kind
from service.errors import FieldError, Invalid, OneOf
from service.identity.actions import Municipality

_KINDS = {kind.what: kind for kind in KINDS}
_FIRST, _AFTER = "income_not_entitled", "income"


class Rule(msgspec.Struct, frozen=True):
    """How long one kind of data is kept: `months` after the date `counted_from`; None keeps it for good."""

    what: str
    meaning: str
    counted_from: str
    months: int | None
    way: str
    preset: bool


def rules_of(session: Session) -> list[Rule]:
    """The rules of the municipality for which the session acts, in the order in which they are applied."""
    rows = session.execute(text("SELECT what, counted_from, months, way FROM retention_rule"))
    own = {row.what: row for row in rows}
    return [
        Rule(kind.what, kind.meaning, own[kind.what].counted_from, own[kind.what].months, own[kind.what].way, False)
        if kind.what in own
        else Rule(kind.what, kind.meaning, next(iter(kind.origins)), kind.months, kind.way, True)
        for kind in KINDS
    ]


def set_rule(
    session: Session,
    municipality: Municipality,
    what: str,
    months: int | None,
    counted_from: str | None,
    actor: Actor,
) -> Rule:
    """Set how long a kind of data is kept; refuses an unknown one, and what would keep the wrong incomes longer."""
    kind = _KINDS.get(what)
    if kind is None:
        raise Invalid(
            "{what!r} is nothing that has a retention period. There are {known}.", what=what, known=", ".join(_KINDS)
        )
    origin = counted_from or next(iter(kind.origins))
    if origin not in kind.origins:
        raise Invalid(
            "The retention of {what} cannot be counted from {origin!r}.",
            what=what,
            origin=origin,
            errors=[FieldError("counted_from", "must be {known}", {"known": OneOf(kind.origins)})],
        )
    if months is not None and not 0 <= months <= 1200:
        raise Invalid("Some fields are wrong.", errors=[FieldError("months", "must be from 0 to 1200")])
    _require_order(session, what, months)
    session.execute(
        text(
            """INSERT INTO retention_rule (tenant_id, what, counted_from, months, way)
            VALUES (:tenant, :what, :origin, :months, :way)
            ON CONFLICT (tenant_id, what) DO UPDATE
            SET counted_from = excluded.counted_from, months = excluded.months, way = excluded.way"""
        ),
        {"tenant": municipality.id, "what": what, "origin": origin, "months": months, "way": kind.way},
    )
    details = {"what": what, "counted_from": origin, "months": months, "way": kind.way}
    record(session, municipality.id, actor, "care.retention.set", ("tenant", municipality.id), details=details)
    return Rule(what, kind.meaning, origin, months, kind.way, False)


def _require_order(session: Session, what: str, months: int | None) -> None:
    """Incomes of those who were not entitled go first."""
    kept = {rule.what: rule.months for rule in rules_of(session)} | {what: months}
    first, after = kept[_FIRST], kept[_AFTER]
    if after is not None and (first is None or first > after):
        raise Invalid(
            "Incomes of children who were not entitled go first: {first} must not be kept longer than {after}.",
            first=_FIRST,
            after=_AFTER,
        )


def kind_of(what: str) -> Kind:
    """The kind of data that a rule is for."""
    return _KINDS[what]


def cut_off(on: date, months: int) -> date:
    """The last day whose data are due on a date: `months` earlier, or the last day of that month if it is shorter."""
    count = on.year * 12 + on.month - 1 - months
    year, month = divmod(count, 12)
    for day in range(on.day, 27, -1):
        try:
            return date(year, month + 1, day)
        except ValueError:
            continue
    return date(year, month + 1, min(on.day, 28))
