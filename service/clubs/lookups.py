"""What public registers say of organisation numbers: asked by a worker, kept for a while, set beside an application.

A look-up never stands in anybody's way: what could not be asked is shown as not looked up.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.clubs.queries import clubs_with_number
from service.clubs.registers import Looked, Register, Said, TryLater
from service.clubs.settings import settings_of
from service.database.engine import Database
from service.database.tasks import defer
from service.values import clock

TASK: Final = "medspiller.club_look_up"
# A queue of its own: a register that does not answer keeps nobody else waiting.
QUEUE: Final = "registers"

SOURCES_OF: Final = {"no": ("enhetsregisteret", "frivillighetsregisteret"), "dk": ("cvr",)}
"""The registers of a country. That of Denmark comes as a file."""


class Saying(msgspec.Struct, frozen=True):
    """What a register said of a number: `found`, `unknown`, `deleted`, `failed`, or `not_asked`."""

    source: str
    outcome: str
    said: Said
    looked_up_at: datetime | None


class Comparison(msgspec.Struct, frozen=True):
    """What the registers say beside what was written; None where there is nothing to compare."""

    sayings: list[Saying]
    same_name: bool | None
    same_account: bool | None
    stands_already: bool


def order_look_up(session: Session, tenant_id: UUID, number: str, country: str, *, fresh: bool = False) -> bool:
    """Let a worker ask the registers once this transaction has committed; `fresh`: whatever was said before.

    False where there is no register to ask, or where it is ordered already.
    """
    if country != "no":
        return False
    lock = f"{TASK} {tenant_id} {number}"
    return defer(session, TASK, lock, queue=QUEUE, tenant=str(tenant_id), number=number, fresh=int(fresh))


def look_up(database: Database, registers: list[Register], tenant_id: UUID, number: str, *, fresh: bool) -> None:
    """Ask every register that was not asked lately, and keep what it says. Raises TryLater where one gave no answer.

    No transaction is open while a register thinks.
    """
    missing: TryLater | None = None
    for register in registers:
        with database.transaction(tenant_id) as session:
            if not fresh and _is_known(session, register.source, number):
                continue
        try:
            looked = register.look_up(number)
        except TryLater as later:
            missing = later
            with database.transaction(tenant_id) as session:
                _keep_failure(session, tenant_id, register.source, number)
            continue
        with database.transaction(tenant_id) as session:
            keep(session, tenant_id, register.source, number, looked)
    if missing is not None:
        raise missing


def keep(session: Session, tenant_id: UUID, source: str, number: str, looked: Looked) -> None:
    """Keep what a register said, in place of what it said before."""
    session.execute(
        text(
            """INSERT INTO club_register_entry (tenant_id, source, number, outcome, said, looked_up_at)
            VALUES (:tenant, :source, :number, :outcome, CAST(:said AS jsonb), :at)
            ON CONFLICT (tenant_id, source, number) DO UPDATE
            SET outcome = excluded.outcome, said = excluded.said, looked_up_at = excluded.looked_up_at"""
        ),
        {"tenant": tenant_id, "source": source, "number": number, "outcome": looked.outcome, "at": clock.now()}
        | {"said": msgspec.json.encode(looked.said).decode()},
    )


def sayings_of(session: Session, number: str, country: str) -> list[Saying]:
    """What each register of the country said of a number."""
    rows = {
        row.source: row
        for row in session.execute(
            text("SELECT source, outcome, said, looked_up_at FROM club_register_entry WHERE number = :number"),
            {"number": number},
        )
    }
    return [
        Saying(source, rows[source].outcome, msgspec.convert(rows[source].said, Said), rows[source].looked_up_at)
        if source in rows
        else Saying(source, "not_asked", Said(), None)
        for source in SOURCES_OF[country]
    ]


def compare(session: Session, country: str, number: str, name: str, account: str | None) -> Comparison:
    """What the registers say of a number beside a name and an account that somebody wrote."""
    sayings = sayings_of(session, number, country)
    names = [one.said.name for one in sayings if one.outcome == "found" and one.said.name]
    accounts = [one.said.account for one in sayings if one.said.account]
    return Comparison(
        sayings=sayings,
        same_name=_plain(name) in map(_plain, names) if names else None,
        same_account=account in accounts if account and accounts else None,
        stands_already=any(club.state != "ended" for club in clubs_with_number(session, number)),
    )


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _is_known(session: Session, source: str, number: str) -> bool:
    since = clock.now() - timedelta(days=settings_of(session).cache_days)
    return bool(
        session.execute(
            text(
                """SELECT 1 FROM club_register_entry
                WHERE source = :source AND number = :number AND outcome <> 'failed' AND looked_up_at > :since"""
            ),
            {"source": source, "number": number, "since": since},
        ).one_or_none()
    )


def _keep_failure(session: Session, tenant_id: UUID, source: str, number: str) -> None:
    """Note that there was no answer; what it said before stands."""
    session.execute(
        text(
            """INSERT INTO club_register_entry (tenant_id, source, number, outcome, said, looked_up_at)
            VALUES (:tenant, :source, :number, 'failed', '{}', :at)
            ON CONFLICT (tenant_id, source, number) DO UPDATE SET looked_up_at = excluded.looked_up_at
            WHERE club_register_entry.outcome = 'failed'"""
        ),
        {"tenant": tenant_id, "source": source, "number": number, "at": clock.now()},
    )
