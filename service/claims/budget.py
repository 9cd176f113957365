"""A year's budget for a scheme: what is set aside, spent, committed and expected; a warning level and a hard stop."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.eligibility import schemes
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.actions import Municipality
from service.values import clock


class Standing(msgspec.Struct, frozen=True):
    """How a year's budget stands; amounts in øre, all of claims whose season begins in the year.

    `spent`: paid; `committed`: approved, being paid or returned; `waiting`: held for claims that wait; `reserved`: held
    by reservations. `granted`: what the year's passes were worth in all. `expected`: spent, committed, waiting and
    reserved by the year's end if what is left on passes is used as it was the year before; None where nobody knows yet.
    `level` is `none` (no budget set), `ok`, `warning`, `stopped` or `lifted`.
    """

    scheme: str
    year: int
    appropriation_ore: int | None
    warn_percent: int | None
    hard_stop: bool
    source: str | None
    set_at: datetime | None
    spent_ore: int
    committed_ore: int
    waiting_ore: int
    reserved_ore: int
    granted_ore: int
    used_before: float | None
    lifted_at: datetime | None
    lifted_because: str | None

    @property
    def held_ore(self) -> int:
        """What is taken from the budget by now."""
        return self.spent_ore + self.committed_ore + self.waiting_ore + self.reserved_ore

    @property
    def expected_ore(self) -> int | None:
        """What will have been taken by the end of the year, by the take-up of the year before."""
        if self.used_before is None:
            return None
        return max(self.held_ore, round(self.granted_ore * self.used_before))

    @property
    def level(self) -> str:
        if self.appropriation_ore is None or self.warn_percent is None:
            return "none"
        if self.hard_stop and self.held_ore >= self.appropriation_ore:
            return "lifted" if self.lifted_at else "stopped"
        return "warning" if 100 * self.held_ore >= self.warn_percent * self.appropriation_ore else "ok"


def standing(session: Session, municipality: Municipality, scheme: str, year: int) -> Standing:
    """How a scheme's budget of a year stands now."""
    scheme_id = schemes.find_scheme(session, municipality, scheme)
    row = session.execute(text(_STANDING), {"scheme": scheme_id, "year": year}).one()
    return msgspec.convert({**row._mapping, "scheme": scheme, "year": year}, Standing)


def set_budget(
    session: Session,
    municipality: Municipality,
    scheme: str,
    year: int,
    appropriation_ore: int,
    warn_percent: int,
    hard_stop: bool,
    source: str,
    actor: Actor,
) -> None:
    """Set what may be spent in a year. A stop that was lifted stays lifted only while nothing is changed."""
    scheme_id = schemes.find_scheme(session, municipality, scheme)
    wrong = [] if 2000 <= year <= 2100 else [FieldError("year", "must be a year from 2000 to 2100")]
    if not 0 <= appropriation_ore < 10**15:
        wrong.append(FieldError("appropriation", "must not be negative"))
    if not 1 <= warn_percent <= 100:
        wrong.append(FieldError("warn_percent", "must be a whole number from 1 to 100"))
    if not source.strip():
        wrong.append(FieldError("source", "is needed: where the budget was decided"))
    if wrong:
        raise Invalid("Some fields are wrong.", wrong)
    session.execute(
        text(_SET),
        {"tenant": municipality.id, "scheme": scheme_id, "year": year, "ore": appropriation_ore, "warn": warn_percent}
        | {"stop": hard_stop, "source": source.strip(), "at": clock.now(), "by": actor.account_id},
    )
    details = {"year": year, "appropriation_ore": appropriation_ore, "hard_stop": hard_stop}
    record(session, municipality.id, actor, "claims.budget.set", ("scheme", scheme_id), details=details)


def lift_stop(session: Session, municipality: Municipality, scheme: str, year: int, reason: str, actor: Actor) -> None:
    """Let claims be approved beyond a year's budget, with a reason that the trail keeps."""
    scheme_id = schemes.find_scheme(session, municipality, scheme)
    if not reason.strip():
        raise Invalid("Some fields are wrong.", [FieldError("reason", "is needed: who decided it, and why")])
    row = session.execute(
        text("SELECT hard_stop, lifted_at FROM budget WHERE scheme_id = :scheme AND year = :year FOR UPDATE"),
        {"scheme": scheme_id, "year": year},
    ).one_or_none()
    if row is None or not row.hard_stop:
        raise NotFound("There is no hard stop for {year}.", year=year)
    if row.lifted_at is not None:
        raise Conflict("The stop of {year} is lifted already.", year=year)
    session.execute(
        text(
            """UPDATE budget SET lifted_at = :at, lifted_by = :by, lifted_because = :reason
            WHERE scheme_id = :scheme AND year = :year"""
        ),
        {"scheme": scheme_id, "year": year, "at": clock.now(), "by": actor.account_id, "reason": reason.strip()},
    )
    subject = ("scheme", scheme_id)
    record(session, municipality.id, actor, "claims.budget.lift", subject, reason=reason, details={"year": year})


def budgets(session: Session) -> list[tuple[UUID, str, int]]:
    """The schemes and years that have a budget or claims, the latest year first."""
    return [tuple(row) for row in session.execute(text(_YEARS))]


_SET = """
    INSERT INTO budget (tenant_id, scheme_id, year, appropriation_ore, warn_percent, hard_stop, source, set_at, set_by)
    VALUES (:tenant, :scheme, :year, :ore, :warn, :stop, :source, :at, :by)
    ON CONFLICT (tenant_id, scheme_id, year) DO UPDATE SET appropriation_ore = excluded.appropriation_ore,
        warn_percent = excluded.warn_percent, hard_stop = excluded.hard_stop, source = excluded.source,
        set_at = excluded.set_at, set_by = excluded.set_by, lifted_at = NULL, lifted_by = NULL, lifted_because = NULL
"""

_YEARS = """
    SELECT s.id, s.name, y.year FROM scheme s JOIN (
        SELECT scheme_id, year FROM budget UNION SELECT scheme_id, year FROM budget_used
    ) AS y ON y.scheme_id = s.id ORDER BY y.year DESC, s.name COLLATE "C"
"""

_STANDING = """
    WITH own AS (SELECT * FROM budget WHERE scheme_id = :scheme AND year = :year),
    claimed AS (
        SELECT coalesce(sum(held_ore) FILTER (WHERE state = 'paid'), 0) AS spent_ore,
            coalesce(sum(held_ore) FILTER (WHERE state IN ('approved', 'in_payment', 'returned')), 0) AS committed_ore,
            coalesce(sum(held_ore) FILTER (WHERE state = 'submitted'), 0) AS waiting_ore
        FROM claim WHERE scheme_id = :scheme AND year = :year
    ), reserved AS (
        SELECT coalesce(sum(held_ore), 0) AS reserved_ore FROM reservation
        WHERE scheme_id = :scheme AND year = :year AND state = 'held'
    ), granted AS (
        SELECT extract(year FROM valid_from)::int AS year, sum(amount_ore + equipment_ore) AS ore FROM leisure_pass
        WHERE scheme_id = :scheme AND replaces_id IS NULL AND extract(year FROM valid_from) IN (:year, :year - 1)
        GROUP BY 1
    ), before AS (
        SELECT sum(held_ore) AS ore FROM claim WHERE scheme_id = :scheme AND year = :year - 1
    )
    SELECT own.appropriation_ore, own.warn_percent, coalesce(own.hard_stop, false) AS hard_stop, own.source, own.set_at,
        claimed.spent_ore::bigint, claimed.committed_ore::bigint, claimed.waiting_ore::bigint,
        reserved.reserved_ore::bigint,
        coalesce((SELECT ore FROM granted WHERE year = :year), 0)::bigint AS granted_ore,
        (before.ore / nullif((SELECT ore FROM granted WHERE year = :year - 1), 0))::float8 AS used_before,
        own.lifted_at, own.lifted_because
    FROM claimed CROSS JOIN reserved CROSS JOIN before LEFT JOIN own ON true
"""
