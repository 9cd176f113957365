"""A year's budget for a scheme: what is set aside, spent, committed and expected; a warning level and a hard stop."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.claims.decisions import MOST_AT_ONCE, Several, approve_claims
from service.eligibility import schemes
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.actions import Municipality
from service.values import clock

FIRST_YEAR, LAST_YEAR = 2000, 2100


class Standing(msgspec.Struct, frozen=True):
    """How a year's budget stands; amounts in øre, all of claims whose season begins in the year.

    `spent`: paid; `committed`: approved, being paid or returned; `waiting`: held for claims that wait; `reserved`: held
    by reservations. `granted`: what the year's passes were worth in all. Of what the passes of the year before were
    worth, clubs claimed the share `used_before`, and of that `coming_before` after this day of the year; None where
    nobody knows. `level` is `none` (no budget set), `ok`, `warning`, `stopped` or `lifted`.
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
    coming_before: float | None
    lifted_at: datetime | None
    lifted_because: str | None

    @property
    def held_ore(self) -> int:
        """What is taken from the budget by now."""
        return self.spent_ore + self.committed_ore + self.waiting_ore + self.reserved_ore

    @property
    def expected_ore(self) -> int | None:
        """What will have been taken in the end: what is held, and what is still to come by last year's take-up.

        Of each krone on passes as much is still to come as came after this day last year. So a year that runs ahead
        is not taken to run ahead for ever, and early in the year, when little has come, little is made of it.
        """
        if self.coming_before is None:
            return None
        return self.held_ore + round(self.granted_ore * self.coming_before)

    @property
    def held_percent(self) -> int | None:
        """How much of the budget is taken, in whole percent rounded down; None where there is none to be taken."""
        return 100 * self.held_ore // self.appropriation_ore if self.appropriation_ore else None

    @property
    def pays_waiting(self) -> bool:
        """Whether a claim that waits can be approved: those that wait do not keep each other waiting."""
        stops = self.hard_stop and self.lifted_at is None and self.appropriation_ore is not None
        return not stops or self.held_ore - self.waiting_ore < (self.appropriation_ore or 0)

    @property
    def level(self) -> str:
        if self.appropriation_ore is None or self.warn_percent is None:
            return "none"
        if self.hard_stop and self.held_ore >= self.appropriation_ore:
            return "lifted" if self.lifted_at else "stopped"
        return "warning" if 100 * self.held_ore >= self.warn_percent * self.appropriation_ore else "ok"


class Month(msgspec.Struct, frozen=True):
    """What had been claimed of a year by the end of a month, and of the year before; None for a month to come."""

    month: int
    held_ore: int | None
    before_ore: int


class Waiting(msgspec.Struct, frozen=True):
    """The claims of a year that wait for money alone, and what they hold in øre."""

    claims: int
    held_ore: int


def standing(session: Session, municipality: Municipality, scheme: str, year: int) -> Standing:
    """How a scheme's budget of a year stands now."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise NotFound("There is no budget of the year {year}.", year=year)
    scheme_id = schemes.find_scheme(session, municipality, scheme)
    row = session.execute(text(_STANDING), {"scheme": scheme_id, "year": year, "at": clock.now()}).one()
    return msgspec.convert({**row._mapping, "scheme": scheme, "year": year}, Standing)


def standings(session: Session, municipality: Municipality) -> list[Standing]:
    """Every budget, the latest year first; of each scheme this year's and next year's in any case."""
    this_year = clock.today(municipality.time_zone).year
    known = {(year, name) for _, name, year in budgets(session)}
    known |= {(year, name) for name in session.execute(text(_SCHEMES)).scalars() for year in (this_year, this_year + 1)}
    ordered = sorted(known, key=lambda one: (-one[0], one[1]))
    return [standing(session, municipality, name, year) for year, name in ordered]


def months(session: Session, municipality: Municipality, scheme: str, year: int) -> list[Month]:
    """How the year has gone beside the one before, month by month: what was claimed by the end of each."""
    scheme_id = schemes.find_scheme(session, municipality, scheme)
    today = clock.today(municipality.time_zone)
    rows = session.execute(text(_MONTHS), {"scheme": scheme_id, "year": year, "zone": municipality.time_zone})
    begun = (today.year - year) * 12 + today.month
    return [Month(row.month, row.held_ore if row.month <= begun else None, row.before_ore) for row in rows]


def waiting_for_money(session: Session, municipality: Municipality, scheme: str, year: int) -> Waiting:
    """The claims that wait because the budget was used up, and for nothing else."""
    values = {"scheme": schemes.find_scheme(session, municipality, scheme), "year": year}
    row = session.execute(
        text(f"SELECT count(*) AS claims, coalesce(sum(covered_ore), 0)::bigint AS ore {_FOR_MONEY}"), values
    ).one()
    return Waiting(row.claims, row.ore)


def approve_waiting(session: Session, municipality: Municipality, scheme: str, year: int, actor: Actor) -> Several:
    """Approve those claims, the oldest first, as far as there is money; at most `MOST_AT_ONCE` of them."""
    values = {"scheme": schemes.find_scheme(session, municipality, scheme), "year": year, "most": MOST_AT_ONCE}
    claims = session.execute(text(f"SELECT id {_FOR_MONEY} ORDER BY id LIMIT :most"), values).scalars().all()
    if not claims:
        raise NotFound("No claim waits for the money of {year} alone.", year=year)
    return approve_claims(session, municipality, claims, actor)


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
    wrong = []
    if not FIRST_YEAR <= year <= LAST_YEAR:
        wrong.append(FieldError("year", "must be from {first} to {last}", {"first": FIRST_YEAR, "last": LAST_YEAR}))
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
        raise Conflict("The stop of {year} has been lifted already.", year=year)
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

_SCHEMES = "SELECT name FROM scheme"

_FOR_MONEY = """FROM claim WHERE scheme_id = :scheme AND year = :year AND state = 'submitted'
    AND reasons = ARRAY['budget_stopped']::varchar[]"""

_MONTHS = """
    WITH claimed AS (
        SELECT year, held_ore, submitted_at AT TIME ZONE :zone AS at FROM claim
        WHERE scheme_id = :scheme AND year IN (:year, :year - 1) AND held_ore > 0
    ), monthly AS (
        SELECT year, (extract(year FROM at) - year) * 12 + extract(month FROM at) AS month, sum(held_ore) AS ore
        FROM claimed GROUP BY 1, 2
    )
    SELECT m.month, coalesce(sum(ore) FILTER (WHERE c.year = :year), 0)::bigint AS held_ore,
        coalesce(sum(ore) FILTER (WHERE c.year < :year), 0)::bigint AS before_ore
    FROM generate_series(1, 12) AS m (month) LEFT JOIN monthly c ON c.month <= m.month GROUP BY m.month ORDER BY m.month
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
        SELECT sum(held_ore) AS ore,
            coalesce(sum(held_ore) FILTER (WHERE submitted_at > CAST(:at AS timestamptz) - interval '1 year'), 0)
                AS coming
        FROM claim WHERE scheme_id = :scheme AND year = :year - 1
    ), before_granted AS (SELECT nullif((SELECT ore FROM granted WHERE year = :year - 1), 0) AS ore)
    SELECT own.appropriation_ore, own.warn_percent, coalesce(own.hard_stop, false) AS hard_stop, own.source, own.set_at,
        claimed.spent_ore::bigint, claimed.committed_ore::bigint, claimed.waiting_ore::bigint,
        reserved.reserved_ore::bigint,
        coalesce((SELECT ore FROM granted WHERE year = :year), 0)::bigint AS granted_ore,
        (before.ore / before_granted.ore)::float8 AS used_before,
        CASE WHEN before.ore IS NOT NULL THEN (before.coming / before_granted.ore)::float8 END AS coming_before,
        own.lifted_at, own.lifted_because
    FROM claimed CROSS JOIN reserved CROSS JOIN before CROSS JOIN before_granted LEFT JOIN own ON true
"""
