"""Departures to a stay, where families meet, and the setting of the slice."""

from datetime import date, time
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.stays.actions import flush_or
from service.stays.queries import find_stay
from service.travel.models import Departure, TravelSettings
from service.travel.queries import find_departure

CURRENCY_OF = {"dk": "DKK", "no": "NOK"}


class DepartureFigures(msgspec.Struct, frozen=True):
    """A departure as it is planned; a cost that is not known yet is None."""

    assembly_point: str
    place: str
    leaves_on: date
    leaves_at: time
    carrier: str
    seats: int
    cost_ore: int | None
    note: str = ""


def read_clock(written: str) -> time:
    """A time of day such as 8:30, 08.30 or 0830. Raises ValueError."""
    figures = written.strip().replace(".", ":")
    if ":" not in figures and len(figures) == 4:
        figures = f"{figures[:2]}:{figures[2:]}"
    hours, _, minutes = figures.partition(":")
    if not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit() and len(minutes) == 2):
        raise ValueError("no time of day")
    return time(int(hours), int(minutes))


def keep_departure(
    session: Session,
    tenant_id: UUID,
    country: str,
    stay_id: UUID,
    departure_id: UUID | None,
    figures: DepartureFigures,
    actor: Actor,
) -> UUID:
    """Add a departure to a stay, or change it. What a municipality was sent its part of keeps its cost."""
    stay = find_stay(session, stay_id)
    known = find_departure(session, departure_id) if departure_id else None
    if stay.state != "planned":
        raise Conflict("The stay is cancelled: nobody travels to it.")
    wrong = _wrong(figures, stay.assembly_points, known.assembly_point if known else None)
    # A coach may leave on the evening before.
    if not -1 <= (figures.leaves_on - stay.starts_on).days <= (stay.ends_on - stay.starts_on).days:
        wrong.append(
            FieldError(
                "leaves_on",
                "must lie between the day before {first} and {last}",
                {"first": stay.starts_on, "last": stay.ends_on},
            )
        )
    if wrong:
        raise Invalid("The departure cannot be kept like this.", wrong)
    row = session.get(Departure, (tenant_id, departure_id), with_for_update=True) if departure_id else None
    values = msgspec.structs.asdict(figures)
    if row is None:
        row = Departure(tenant_id=tenant_id, stay_id=stay_id, currency=CURRENCY_OF[country], **values)
    elif row.fixed_at and (row.cost_ore, row.assembly_point) != (figures.cost_ore, figures.assembly_point):
        raise Conflict("The cost of this departure is invoiced; it does not change any more.")
    for name, value in values.items():
        setattr(row, name, value)
    session.add(row)
    flush_or(session, Conflict("From {point} there is a departure already.", point=figures.assembly_point))
    record(session, tenant_id, actor, "travel.departure.keep", ("stay", stay_id))
    return row.id


def _wrong(figures: DepartureFigures, points: list[str], before: str | None) -> list[FieldError]:
    wrong = []
    if figures.assembly_point not in points and figures.assembly_point != before:
        wrong.append(FieldError("assembly_point", "is no assembly point of the stay"))
    if not 1 <= figures.seats <= 2000:
        wrong.append(FieldError("seats", "must be 1 to 2,000"))
    if figures.cost_ore is not None and not 0 <= figures.cost_ore <= 100_000_000_000:
        wrong.append(FieldError("cost", "must be an amount that a departure can cost"))
    return wrong


def remove_departure(session: Session, tenant_id: UUID, departure_id: UUID, actor: Actor) -> UUID:
    """Take a departure off; gives the stay it was of. The families keep their assembly point."""
    find_departure(session, departure_id)
    row = session.get(Departure, (tenant_id, departure_id), with_for_update=True)
    if row is None:
        raise NotFound("There is no such departure.")
    if row.fixed_at:
        raise Conflict("The cost of this departure is invoiced; it stays.")
    stay_id = row.stay_id
    session.delete(row)
    record(session, tenant_id, actor, "travel.departure.remove", ("stay", stay_id))
    return stay_id


def meet_at(session: Session, tenant_id: UUID, stay_id: UUID, offer_id: UUID, point: str, actor: Actor) -> None:
    """Say where a family that has accepted meets."""
    stay = find_stay(session, stay_id)
    if point not in stay.assembly_points:
        wrong = FieldError("point", "is no assembly point of the stay")
        raise Invalid("Choose one of the stay's assembly points.", [wrong])
    changed = session.execute(
        text("UPDATE offer SET assembly_point = :point WHERE id = :id AND stay_id = :stay AND state = 'accepted'"),
        {"point": point, "id": offer_id, "stay": stay_id},
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise NotFound("No such family comes to the stay.")
    record(session, tenant_id, actor, "travel.point", ("stay", stay_id))


def set_lock(session: Session, tenant_id: UUID, lock_days: int, actor: Actor) -> None:
    """Set for how many days after a season's last day the needs of those who were there may be read."""
    if not 0 <= lock_days <= 180:
        raise Invalid("The days cannot be kept like this.", [FieldError("lock_days", "must be 0 to 180")])
    row = session.get(TravelSettings, tenant_id) or TravelSettings(tenant_id=tenant_id)
    row.lock_days = lock_days
    session.add(row)
    record(session, tenant_id, actor, "travel.settings", ("tenant", tenant_id), details={"days": lock_days})


def bring_along(
    session: Session, tenant_id: UUID, last: UUID, made: UUID, stays: dict[UUID, UUID], actor: Actor
) -> None:
    """To a season that was copied from the last one: its departures on the same weekdays, and what families bring.

    Costs are agreed on anew, and nobody comes along. `stays` are the copies by what they were made of.
    """
    for before, after in stays.items():
        session.execute(
            text(
                """INSERT INTO departure (tenant_id, stay_id, assembly_point, place, leaves_on, leaves_at, carrier,
                    seats, currency, note)
                SELECT d.tenant_id, n.id, d.assembly_point, d.place, d.leaves_on + (n.starts_on - s.starts_on),
                    d.leaves_at, d.carrier, d.seats, d.currency, d.note
                FROM departure d JOIN stay s ON s.id = d.stay_id JOIN stay n ON n.id = :after
                WHERE d.stay_id = :before"""
            ),
            {"before": before, "after": after},
        )
    session.execute(
        text(
            """INSERT INTO packing_text (tenant_id, season_id, centre_id, language, bring)
            SELECT tenant_id, :made, centre_id, language, bring FROM packing_text WHERE season_id = :last"""
        ),
        {"last": last, "made": made},
    )
