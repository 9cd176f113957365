"""What the municipalities owe for the seats that their families used: shared, fixed, invoiced and paid."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Conflict, FieldError, Invalid
from service.stays.queries import find_season
from service.stays.sheets import as_csv
from service.travel.models import TravelCharge
from service.travel.rules import shares
from service.values import clock

STEPS: Final = {"invoice": ("to_invoice", "invoiced"), "pay": ("invoiced", "paid")}
BACK: Final = {"invoiced": "to_invoice", "paid": "invoiced"}
COLUMNS: Final = (
    "municipality",
    "stay",
    "assembly_point",
    "leaves_on",
    "seats",
    "amount",
    "currency",
    "state",
    "invoiced_on",
    "paid_on",
)


class CostLine(msgspec.Struct, frozen=True):
    """A municipality's part of a departure. The amount is None while the departure's cost is not known."""

    municipality_id: UUID
    municipality: str
    departure_id: UUID
    stay_id: UUID
    stay: str
    assembly_point: str
    leaves_on: date
    seats: int
    amount_ore: int | None
    currency: str
    fixed: bool
    state: str
    invoiced_on: date | None
    paid_on: date | None


class MunicipalityCost(msgspec.Struct, frozen=True):
    """What a municipality owes for a season. `left` counts lines that can be invoiced now."""

    municipality_id: UUID
    name: str
    lines: list[CostLine]
    left: int

    @property
    def seats(self) -> int:
        return sum(one.seats for one in self.lines)

    def total(self, *states: str) -> int:
        """What stands in lines of these states, or in all, in øre."""
        return sum(one.amount_ore or 0 for one in self.lines if not states or one.state in states)

    @property
    def invoiced(self) -> int:
        """How many lines are invoiced and not paid."""
        return sum(one.state == "invoiced" for one in self.lines)


_USED: Final = """
    SELECT d.id AS departure_id, d.stay_id, s.code AS stay, d.assembly_point, d.leaves_on, d.cost_ore, d.currency,
        o.municipality_id, m.name AS municipality, count(*) AS seats
    FROM departure d JOIN stay s ON s.id = d.stay_id
    JOIN offer o ON o.stay_id = d.stay_id AND o.assembly_point = d.assembly_point AND o.state = 'accepted'
    JOIN offer_traveller t ON t.offer_id = o.id AND t.comes
    JOIN district_municipality m ON m.id = o.municipality_id
    WHERE s.season_id = :season AND d.fixed_at IS NULL
    GROUP BY d.id, d.stay_id, s.code, d.assembly_point, d.leaves_on, d.cost_ore, d.currency, o.municipality_id, m.name
    ORDER BY d.id, m.name COLLATE "C", o.municipality_id"""
_FIXED: Final = """
    SELECT c.departure_id, d.stay_id, s.code AS stay, d.assembly_point, d.leaves_on, d.currency, c.municipality_id,
        m.name AS municipality, c.seats, c.amount_ore, c.state, c.invoiced_on, c.paid_on
    FROM travel_charge c JOIN departure d ON d.id = c.departure_id JOIN stay s ON s.id = d.stay_id
    JOIN district_municipality m ON m.id = c.municipality_id WHERE s.season_id = :season"""


def lines_of(session: Session, season_id: UUID) -> list[CostLine]:
    """Every municipality's part of every departure of a season: as invoiced, or as it would be shared now."""
    lines = []
    used = session.execute(text(_USED), {"season": season_id}).all()
    for _, rows in groupby(used, key=lambda row: row.departure_id):
        of_departure = list(rows)
        cost = of_departure[0].cost_ore
        parts = {} if cost is None else shares(cost, {row.municipality_id: row.seats for row in of_departure})
        for row in of_departure:
            given = {name: getattr(row, name) for name in _GIVEN}
            amount = parts.get(row.municipality_id)
            lines.append(CostLine(**given, amount_ore=amount, fixed=False, **_OPEN))
    for row in session.execute(text(_FIXED), {"season": season_id}):
        given = {name: getattr(row, name) for name in (*_GIVEN, "amount_ore", "state", "invoiced_on", "paid_on")}
        lines.append(CostLine(**given, fixed=True))
    return sorted(lines, key=lambda one: (one.municipality, one.leaves_on, one.stay, one.assembly_point))


_GIVEN: Final = (
    "municipality_id",
    "municipality",
    "departure_id",
    "stay_id",
    "stay",
    "assembly_point",
    "leaves_on",
    "seats",
    "currency",
)
_OPEN: Final[dict[str, Any]] = {"state": "to_invoice", "invoiced_on": None, "paid_on": None}


def costs_of(session: Session, season_id: UUID, today: date) -> list[MunicipalityCost]:
    """What each municipality owes for a season, by name."""
    lines = lines_of(session, season_id)
    found = []
    for (municipality_id, name), rows in groupby(lines, key=lambda one: (one.municipality_id, one.municipality)):
        own = list(rows)
        found.append(MunicipalityCost(municipality_id, name, own, sum(_is_due(one, today) for one in own)))
    return found


def _is_due(line: CostLine, today: date) -> bool:
    return line.state == "to_invoice" and line.amount_ore is not None and line.leaves_on <= today


def take_step(
    session: Session,
    tenant_id: UUID,
    season_id: UUID,
    municipality_id: UUID,
    step: str,
    on: date,
    today: date,
    actor: Actor,
) -> int:
    """Note that a municipality was invoiced, or has paid; gives how many of its lines that concerned.

    Of departures that have left, every municipality's part is fixed with the first that is invoiced: until then who
    travels may change, afterwards no amount does.
    """
    find_season(session, season_id)
    if step not in STEPS:
        raise Invalid("There is no such step.", [FieldError("step", "must be invoice or pay")])
    if on > today:
        raise Invalid("The day cannot be kept like this.", [FieldError("on", "must not lie in the future")])
    if step == "invoice":
        _fix(session, tenant_id, season_id, municipality_id, today)
    before, after = STEPS[step]
    column = "invoiced_on" if step == "invoice" else "paid_on"
    changed = session.execute(
        text(
            f"""UPDATE travel_charge SET state = :after, {column} = :on
            WHERE municipality_id = :municipality AND state = :before AND departure_id IN (
                SELECT d.id FROM departure d JOIN stay s ON s.id = d.stay_id WHERE s.season_id = :season)
            RETURNING departure_id, invoiced_on"""
        ),
        {"after": after, "before": before, "on": on, "municipality": municipality_id, "season": season_id},
    ).all()
    if not changed:
        raise Conflict("Nothing of this municipality is left for that.")
    if any(row.invoiced_on > on for row in changed):
        raise Invalid("The day cannot be kept like this.", [FieldError("on", "must not lie before the invoice")])
    details = {"lines": len(changed)}
    if step == "invoice":
        record(session, tenant_id, actor, "travel.charge.invoice", ("season", season_id), details=details)
    else:
        record(session, tenant_id, actor, "travel.charge.pay", ("season", season_id), details=details)
    return len(changed)


def _fix(session: Session, tenant_id: UUID, season_id: UUID, municipality_id: UUID, today: date) -> None:
    """Fix the parts of every departure that has left and that the municipality used.

    Whoever does so at the same time waits at the departures, and finds them fixed.
    """
    locked = session.execute(
        text(
            """SELECT d.id FROM departure d JOIN stay s ON s.id = d.stay_id
            WHERE s.season_id = :season AND d.fixed_at IS NULL AND d.cost_ore IS NOT NULL AND d.leaves_on <= :today
            ORDER BY d.id FOR UPDATE OF d"""
        ),
        {"season": season_id, "today": today},
    ).scalars()
    ids, lines = set(locked), lines_of(session, season_id)
    fixed = {one.departure_id for one in lines if one.departure_id in ids and one.municipality_id == municipality_id}
    for line in lines:
        if line.departure_id in fixed and line.amount_ore is not None:
            session.add(
                TravelCharge(
                    tenant_id=tenant_id,
                    departure_id=line.departure_id,
                    municipality_id=line.municipality_id,
                    seats=line.seats,
                    amount_ore=line.amount_ore,
                )
            )
    session.flush()
    session.execute(
        text("UPDATE departure SET fixed_at = :at WHERE id = ANY(:ids)"), {"at": clock.now(), "ids": list(fixed)}
    )


def take_back(
    session: Session,
    tenant_id: UUID,
    season_id: UUID,
    municipality_id: UUID,
    departure_id: UUID,
    seen: str,
    actor: Actor,
) -> None:
    """Take the last step of one line back: paid becomes invoiced, invoiced becomes to be invoiced. Amounts stay."""
    find_season(session, season_id)
    if seen not in BACK:
        raise Conflict("There is no step to take back.")
    day = "paid_on" if seen == "paid" else "invoiced_on"
    changed = session.execute(
        text(
            f"""UPDATE travel_charge SET state = :after, {day} = NULL
            WHERE departure_id = :departure AND municipality_id = :municipality AND state = :seen
                AND departure_id IN (SELECT d.id FROM departure d JOIN stay s ON s.id = d.stay_id
                    WHERE s.season_id = :season) RETURNING 1"""
        ),
        {"after": BACK[seen], "seen": seen, "departure": departure_id, "municipality": municipality_id}
        | {"season": season_id},
    ).all()
    if not changed:
        raise Conflict("That was changed meanwhile. Look again.")
    record(session, tenant_id, actor, "travel.charge.back", ("season", season_id))


def as_file(lines: Sequence[CostLine]) -> bytes:
    """The lines as CSV, amounts in kroner with a point before the øre."""
    return as_csv(
        [
            (
                one.municipality,
                one.stay,
                one.assembly_point,
                one.leaves_on.isoformat(),
                str(one.seats),
                "" if one.amount_ore is None else f"{one.amount_ore // 100}.{one.amount_ore % 100:02}",
                one.currency,
                one.state,
                one.invoiced_on.isoformat() if one.invoiced_on else "",
                one.paid_on.isoformat() if one.paid_on else "",
            )
            for one in lines
        ],
        COLUMNS,
    )
