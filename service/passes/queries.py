"""Reading passes."""

import csv
from collections.abc import Sequence
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Invalid, NotFound
from service.identity.actions import Municipality
from service.values import clock
from service.values.progress import Progress
from service.values.secrecy import KeyRing, TenantSecrets
from service.values.spreadsheets import as_text

COLUMNS = (
    "pass_number",
    "person_key",
    "household_id",
    "given_name",
    "birth_date",
    "valid_from",
    "valid_to",
    "amount_ore",
    "remaining_ore",
    "state",
)

_STATE = "CASE WHEN p.state = 'live' AND p.valid_to < :today THEN 'expired' ELSE p.state END"
# Where somebody lives whose address is protected is nobody's to know, not even by the district.
_DISTRICT = """CASE WHEN NOT EXISTS (
        SELECT FROM household_member own JOIN household_member other ON other.household_id = own.household_id
        WHERE own.person_id = p.person_id AND other.address_protected
        UNION ALL
        SELECT FROM household_member_past past WHERE past.person_id = p.person_id AND past.address_protected
    ) THEN d.district END"""
_NUMBER_ENDING = 4


class PassRow(msgspec.Struct, frozen=True):
    """A pass as it is shown: its number by the last characters alone, `state` as in `list_passes`."""

    id: UUID
    number_ending: str
    person_key: UUID
    given_name: str
    birth_date: date
    district: str | None
    scheme: str
    valid_from: date
    valid_to: date
    amount_ore: int
    remaining_ore: int
    equipment_ore: int
    equipment_remaining_ore: int
    state: str
    issued_at: datetime
    ended_at: datetime | None
    ended_because: str | None
    replaces: UUID | None


class Entry(msgspec.Struct, frozen=True):
    """An entry of a pass's ledger, in øre; `claim_id` or `reservation_id` is a club's for which it was made, if any."""

    entered_at: datetime
    kind: str
    fund: str
    amount_ore: int
    claim_id: UUID | None
    reservation_id: UUID | None


class CarryingLetter(msgspec.Struct, frozen=True):
    """A letter that carries a pass; `batch` is the number of its print batch."""

    id: UUID
    number: str
    state: str
    batch: int | None
    queued_at: datetime
    returned_at: datetime | None


class Wanted(msgspec.Struct, frozen=True):
    """Which passes are listed; what is left out is not asked.

    `state` as it is shown, `period_start` the first day; `used`: whether a club was paid something from the pass.
    """

    state: str | None = None
    district: str | None = None
    scheme: str | None = None
    period_start: date | None = None
    person_key: UUID | None = None
    used: bool | None = None


_CONDITIONS = {
    "state": f"{_STATE} = :state",
    "district": f"{_DISTRICT} = :district",
    "scheme": "s.name = :scheme",
    "period_start": "p.valid_from = :period_start",
    "person_key": "p.person_id = :person_key",
    "used": """((SELECT coalesce(sum(e.amount_ore), 0) FROM pass_entry e
        WHERE e.pass_id = p.id AND e.kind IN ('settle', 'reverse')) < 0) = :used""",
}
_SHOWN = f"""
    SELECT p.id, p.number_cipher, p.person_id AS person_key, c.given_name, c.birth_date, {_DISTRICT} AS district,
        s.name AS scheme,
        p.valid_from, p.valid_to, p.amount_ore, p.remaining_ore, p.equipment_ore, p.equipment_remaining_ore,
        {_STATE} AS state, p.issued_at, p.ended_at, p.ended_because, p.replaces_id AS replaces
    FROM leisure_pass p JOIN determination d ON d.id = p.determination_id JOIN person c ON c.id = p.person_id
    JOIN scheme s ON s.id = p.scheme_id
"""


def page_of_passes(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    wanted: Wanted,
    limit: int,
    after: UUID | None,
    actor: Actor,
) -> list[PassRow]:
    """The newest passes before the pass `after`, and one more than `limit`; the read is noted in the trail."""
    asked = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    conditions = [_CONDITIONS[name] for name in asked] + (["p.id < :after"] if after else [])
    values = asked | {"today": clock.today(municipality.time_zone), "limit": limit + 1}
    rows = session.execute(
        text(f"{_SHOWN} WHERE {' AND '.join(conditions) or 'true'} ORDER BY p.id DESC LIMIT :limit"),
        values | ({"after": after} if after else {}),
    ).all()
    _note_list(session, municipality, asked, {"rows": min(len(rows), limit)}, actor)
    return _shown(rows, keys.for_tenant(municipality.id))


def passes_as_csv(session: Session, municipality: Municipality, keys: KeyRing, wanted: Wanted, actor: Actor) -> str:
    """The passes that are wanted as a file for a spreadsheet, amounts in kroner. That it was taken is in the trail."""
    asked = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    conditions = " AND ".join(_CONDITIONS[name] for name in asked) or "true"
    values = asked | {"today": clock.today(municipality.time_zone)}
    rows = session.execute(text(f"{_SHOWN} WHERE {conditions} ORDER BY p.id DESC"), values).all()
    _note_list(session, municipality, asked, {"rows": len(rows), "file": "csv"}, actor)
    written = StringIO()
    writer = csv.writer(written)
    writer.writerow(EXPORTED)
    for one in _shown(rows, keys.for_tenant(municipality.id)):
        kroner = {name.removesuffix("_ore"): f"{getattr(one, name) / 100:.2f}" for name in _AMOUNTS}
        cells = msgspec.to_builtins(one) | kroner
        writer.writerow("" if cells[name] is None else as_text(str(cells[name])) for name in EXPORTED)
    return written.getvalue()


_AMOUNTS = ("amount_ore", "remaining_ore", "equipment_ore", "equipment_remaining_ore")
EXPORTED = (
    "number_ending",
    "person_key",
    "given_name",
    "birth_date",
    "district",
    "scheme",
    "valid_from",
    "valid_to",
    *(name.removesuffix("_ore") for name in _AMOUNTS),
    "state",
    "issued_at",
    "ended_at",
)
"""The columns of the passes as a file."""


def _note_list(
    session: Session, municipality: Municipality, asked: dict[str, Any], more: dict[str, Any], actor: Actor
) -> None:
    details = {name: value if isinstance(value, bool) else str(value) for name, value in asked.items()} | more
    record(session, municipality.id, actor, "passes.list", ("leisure_pass", None), details=details)


def pass_by_id(session: Session, municipality: Municipality, keys: KeyRing, pass_id: UUID, actor: Actor) -> PassRow:
    """A pass; the read is noted in the trail."""
    values = {"id": pass_id, "today": clock.today(municipality.time_zone)}
    rows = session.execute(text(f"{_SHOWN} WHERE p.id = :id"), values).all()
    if not rows:
        raise NotFound("There is no pass {id}.", id=pass_id)
    record(session, municipality.id, actor, "passes.read", ("leisure_pass", pass_id))
    [found] = _shown(rows, keys.for_tenant(municipality.id))
    return found


def _shown(rows: Sequence[Any], secrets: TenantSecrets) -> list[PassRow]:
    return [
        msgspec.convert(
            {**row._mapping, "number_ending": secrets.decrypt(bytes(row.number_cipher))[-_NUMBER_ENDING:]}, PassRow
        )
        for row in rows
    ]


def replaced_by(session: Session, pass_id: UUID) -> UUID | None:
    """The pass that took this one's place, if any."""
    found: UUID | None = session.execute(
        text("SELECT id FROM leisure_pass WHERE replaces_id = :id"), {"id": pass_id}
    ).scalar()
    return found


def periods_of(session: Session) -> list[tuple[date, date]]:
    """The first and last day of the periods for which passes may have been issued, the newest first."""
    rows = session.execute(
        text(
            """SELECT period_start, max(period_end) AS period_end FROM refresh_run WHERE state = 'committed'
            GROUP BY period_start ORDER BY period_start DESC"""
        )
    )
    return [(row.period_start, row.period_end) for row in rows]


def ledger_of(session: Session, pass_id: UUID) -> list[Entry]:
    """The entries of a pass's ledger, oldest first."""
    rows = session.execute(
        text(
            """SELECT entered_at, kind, fund, amount_ore, claim_id, reservation_id FROM pass_entry
            WHERE pass_id = :id ORDER BY id"""
        ),
        {"id": pass_id},
    )
    return [msgspec.convert(row, Entry, from_attributes=True) for row in rows]


def letters_of(session: Session, pass_id: UUID) -> list[CarryingLetter]:
    """The letters that carry a pass, oldest first."""
    rows = session.execute(
        text(
            """SELECT l.id, l.number, l.state, b.number AS batch, l.queued_at, l.returned_at
            FROM pass_letter c JOIN letter l ON l.id = c.letter_id LEFT JOIN print_batch b ON b.id = l.batch_id
            WHERE c.pass_id = :id ORDER BY l.id"""
        ),
        {"id": pass_id},
    )
    return [msgspec.convert(row, CarryingLetter, from_attributes=True) for row in rows]


def list_passes(
    session: Session, municipality: Municipality, keys: KeyRing, out: Path, actor: Actor, progress: Progress
) -> int:
    """Write every pass as CSV, numbers bare as in the QR code; returns the number of rows.

    `state` is `live`, `replaced`, `revoked` or, for a live one past its last day, `expired`. `household_id` is where
    the child lived when the pass was determined.
    """
    secrets = keys.for_tenant(municipality.id)
    rows = session.execute(
        text(
            f"""SELECT p.number_cipher, p.person_id AS person_key, h.reference AS household_id, c.given_name,
                c.birth_date, p.valid_from, p.valid_to, p.amount_ore, p.remaining_ore, {_STATE} AS state
            FROM leisure_pass p JOIN determination d ON d.id = p.determination_id
            JOIN household h ON h.id = d.household_id JOIN person c ON c.id = p.person_id
            ORDER BY h.reference COLLATE "C", c.birth_date, p.person_id, p.issued_at"""
        ),
        {"today": clock.today(municipality.time_zone)},
        execution_options={"yield_per": 10_000},
    )
    written = 0
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for row in rows.mappings():
                number = secrets.decrypt(row["number_cipher"])
                writer.writerow((number, *(row[column] for column in COLUMNS[1:])))
                written += 1
                progress.at("Listing passes", written)
    except OSError as error:
        raise Invalid("{file} cannot be written: {reason}.", file=out, reason=error.strerror) from error
    record(session, municipality.id, actor, "passes.list", ("leisure_pass", None), details={"rows": written})
    return written
