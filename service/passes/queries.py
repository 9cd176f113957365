"""Reading passes."""

import csv
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Invalid
from service.identity.actions import Municipality
from service.values import clock
from service.values.progress import Progress
from service.values.secrecy import KeyRing

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
            """SELECT p.number_cipher, p.person_id AS person_key, h.reference AS household_id, c.given_name,
                c.birth_date, p.valid_from, p.valid_to, p.amount_ore, p.remaining_ore,
                CASE WHEN p.state = 'live' AND p.valid_to < :today THEN 'expired' ELSE p.state END AS state
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
