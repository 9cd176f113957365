"""What claims and reservations do to the ledger of a pass. The entries of one act are written in one statement."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.database.direct import array_of, fetch_one


class Entry(msgspec.Struct, frozen=True):
    """An entry to be written, in øre; `of` says for what it is: `claim`, `reservation` or, for a transfer, nothing."""

    pass_id: UUID
    kind: str
    amount_ore: int
    of: str | None = None


ENTERED = """INSERT INTO pass_entry (tenant_id, pass_id, kind, fund, amount_ore, entered_at, claim_id, reservation_id)
    SELECT %(tenant)s::uuid, e.pass_id, e.kind, %(fund)s::varchar, e.ore, %(at)s,
        CASE e.of WHEN 'claim' THEN {claim} END, CASE e.of WHEN 'reservation' THEN {reservation} END
    FROM unnest(%(passes)s::uuid[], %(kinds)s::text[], %(ores)s::bigint[], %(ofs)s::text[])
        AS e (pass_id, kind, ore, of)
    RETURNING id"""
"""Writes entries; `{claim}` and `{reservation}` are SQL for the ids, the rest comes from `values_of`."""


def values_of(tenant_id: UUID, fund: str, entries: list[Entry], at: datetime) -> dict[str, Any]:
    """The bind parameters of `ENTERED`."""
    return {
        "tenant": tenant_id,
        "fund": fund,
        "at": at,
        "passes": array_of(entry.pass_id for entry in entries),
        "kinds": array_of(entry.kind for entry in entries),
        "ores": array_of(entry.amount_ore for entry in entries),
        "ofs": array_of(entry.of for entry in entries),
    }


def enter(
    session: Session,
    tenant_id: UUID,
    fund: str,
    entries: list[Entry],
    at: datetime,
    claim_id: UUID | None = None,
    reservation_id: UUID | None = None,
) -> None:
    """Write entries for a claim or a reservation that stands."""
    values = values_of(tenant_id, fund, entries, at) | {"claim": claim_id, "reservation": reservation_id}
    fetch_one(session, _ENTER, values)


def given_back(session: Session, pass_id: UUID, kind: str, ore: int, of: str) -> list[Entry]:
    """The entries by which an amount comes back to a child: to the pass itself, or on to the one in its place.

    Locks the passes, in the order of their ids.
    """
    rows = session.execute(text(_PASSES), {"pass": pass_id}).all()
    entries = [Entry(pass_id, kind, ore, of)]
    live = next((row.id for row in rows if row.state == "live"), None)
    if live is not None and live != pass_id:
        entries += [Entry(pass_id, "transfer", -ore), Entry(live, "transfer", ore)]
    return entries


_ENTER = f"""WITH entered AS ({ENTERED.format(claim="%(claim)s::uuid", reservation="%(reservation)s::uuid")})
    SELECT count(*) FROM entered"""
_PASSES = """
    SELECT p.id, p.state FROM leisure_pass p JOIN leisure_pass one ON one.id = :pass
        AND (p.person_id, p.scheme_id, p.valid_from) = (one.person_id, one.scheme_id, one.valid_from)
    WHERE p.id = one.id OR p.state = 'live' ORDER BY p.id FOR UPDATE OF p
"""
