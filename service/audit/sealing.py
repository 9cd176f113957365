"""Sealing the audit trail into a hash chain, in batches and by a job: chaining each entry as it is written would make
every writer of a tenant wait for the one before.

Which entries a seal covers is written down for each entry. Ids and instants cannot say it, for an entry of a long
transaction becomes visible long after later ones: the next seal covers it.
"""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.database.locks import one_at_a_time
from service.values import clock

ENTRIES_PER_SEAL = 10_000

NO_DIGEST = "'\\x0000000000000000000000000000000000000000000000000000000000000000'::bytea"
"""What the first seal of a tenant follows from, in SQL."""

ENTRY_COLUMNS = (
    "tenant_id",
    "id",
    "at",
    "account_id",
    "door",
    "action",
    "subject_kind",
    "subject_id",
    "reason",
    "details",
    "written_in",
)


def _canonical(alias: str, columns: tuple[str, ...], instants: tuple[str, ...], texts: tuple[str, ...]) -> str:
    """A JSON array of a row's columns in SQL: unambiguous, and the same whatever the session's time zone is."""
    values = []
    for column in columns:
        name = f"{alias}.{column}"
        if column in instants:
            name = f"(extract(epoch FROM {name}) * 1000000)::bigint"
        elif column in texts:
            name = f"{name}::text"
        values.append(name)
    return f"convert_to(jsonb_build_array(1, {', '.join(values)})::text, 'UTF8')"


def entry_digest(alias: str) -> str:
    """The digest of an entry of the trail, over every column of it, in SQL."""
    return f"sha256({_canonical(alias, ENTRY_COLUMNS, ('at',), ('written_in',))})"


def seal_digest(alias: str, digests: str) -> str:
    """The digest of a seal in SQL, from its own row and the joined digests of its entries."""
    columns = ("tenant_id", "number", "entries", "first_id", "last_id", "snapshot", "sealed_in", "sealed_at")
    header = _canonical(alias, columns, ("sealed_at",), ("snapshot", "sealed_in"))
    return f"sha256({alias}.previous_digest || {header} || {digests})"


class Head(msgspec.Struct, frozen=True):
    """The newest seal of a chain. Kept elsewhere, its digest proves later that nothing up to it was changed."""

    number: int
    digest: str
    sealed_at: datetime


class Tail(msgspec.Struct, frozen=True):
    """The entries that no seal covers yet, and the instant of the oldest."""

    entries: int
    since: datetime | None


# One statement, so that its snapshot is that by which the entries were seen.
_TO_SEAL = f"""
    CREATE TEMP TABLE to_seal ON COMMIT DROP AS
    SELECT e.id, {entry_digest("e")} AS digest, pg_current_snapshot() AS snapshot,
        ((row_number() OVER (ORDER BY e.id) - 1) / CAST(:size AS int))::int AS part
    FROM audit_entry e
    WHERE e.tenant_id = :tenant AND NOT EXISTS (SELECT FROM audit_sealed s
        WHERE s.tenant_id = e.tenant_id AND s.entry_id = e.id)
"""

_ADD_SEAL = f"""
    INSERT INTO audit_seal
        (tenant_id, number, entries, first_id, last_id, snapshot, sealed_in, previous_digest, digest, sealed_at)
    SELECT s.tenant_id, s.number, s.entries, s.first_id, s.last_id, s.snapshot, s.sealed_in, s.previous_digest,
        {seal_digest("s", "s.digests")}, s.sealed_at
    FROM (
        SELECT CAST(:tenant AS uuid) AS tenant_id, CAST(:number AS int) AS number, count(*)::int AS entries,
            min(id::text COLLATE "C")::uuid AS first_id, max(id::text COLLATE "C")::uuid AS last_id,
            min(snapshot::text)::pg_snapshot AS snapshot, pg_current_xact_id() AS sealed_in,
            string_agg(digest, ''::bytea ORDER BY id) AS digests,
            coalesce((SELECT digest FROM audit_seal WHERE tenant_id = :tenant AND number = :number - 1), {NO_DIGEST})
                AS previous_digest,
            CAST(:at AS timestamptz) AS sealed_at
        FROM to_seal WHERE part = :part
    ) AS s
"""

_COVER = """
    INSERT INTO audit_sealed (tenant_id, entry_id, seal_number, digest)
    SELECT :tenant, id, :number, digest FROM to_seal WHERE part = :part
"""


def seal(session: Session, tenant_id: UUID, entries_per_seal: int = ENTRIES_PER_SEAL) -> int:
    """Seal every entry of a tenant that no seal covers yet; returns how many they were.

    The session acts for the tenant, in a transaction that has written nothing: that must get its id only when the
    entries have been seen. Sealings of one tenant wait for each other; writers go on meanwhile.
    """
    if session.execute(text("SELECT pg_current_xact_id_if_assigned()::text")).scalar() is not None:
        raise RuntimeError("sealing wants a transaction of its own")
    one_at_a_time(session, "audit seal", tenant_id)
    values = {"tenant": tenant_id, "size": entries_per_seal, "at": clock.now()}
    entries = int(session.execute(text(_TO_SEAL), values).rowcount)  # type: ignore[attr-defined]
    if entries > entries_per_seal:
        session.execute(text("CREATE INDEX ON to_seal (part)"))
        session.execute(text("ANALYZE to_seal"))
    last = head(session)
    number = last.number if last else 0
    for part in range(-(-entries // entries_per_seal)):
        number += 1
        for statement in (_ADD_SEAL, _COVER):
            session.execute(text(statement), values | {"part": part, "number": number})
    session.execute(text("DROP TABLE to_seal"))
    return entries


def head(session: Session) -> Head | None:
    """The newest seal of the tenant for which the session acts, if there is one."""
    row = session.execute(
        text("SELECT number, encode(digest, 'hex') AS digest, sealed_at FROM audit_seal ORDER BY number DESC LIMIT 1")
    ).one_or_none()
    return msgspec.convert(row, Head, from_attributes=True) if row else None


def holds(session: Session, digest: str) -> bool:
    """Whether a digest that was kept elsewhere is that of a seal in the chain."""
    query = text("SELECT EXISTS (SELECT FROM audit_seal WHERE encode(digest, 'hex') = :digest)")
    return bool(session.execute(query, {"digest": digest.strip().lower()}).scalar_one())


def tail(session: Session) -> Tail:
    """The unsealed entries of all tenants that the session sees."""
    row = session.execute(
        text(
            """SELECT count(*) AS entries, min(at) AS since FROM audit_entry e
            WHERE NOT EXISTS (SELECT FROM audit_sealed s WHERE s.tenant_id = e.tenant_id AND s.entry_id = e.id)"""
        )
    ).one()
    return msgspec.convert(row, Tail, from_attributes=True)
