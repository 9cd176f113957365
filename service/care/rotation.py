"""Changing keys while the service runs: a new key, everything encrypted anew in chunks, then the old key goes.

Every ciphertext begins with the id of its key, so what is left to do can always be seen, and a stopped run goes on.
"""

import time
from collections.abc import Iterator
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.engine import Database
from service.database.tasks import SCHEMA
from service.database.tenancy import INSTALLATION
from service.errors import Conflict
from service.values.progress import Progress
from service.values.secrecy import LOOK_AGAIN_SECONDS, KeyRing, TenantSecrets

ROWS_PER_CHUNK = 1_000
_PATIENCE_SECONDS = 60
_LONG_HEARD_SECONDS = 60


class Encrypted(msgspec.Struct, frozen=True):
    """A column of ciphertexts: its SQL as bytes, the key of its rows, and what sets it to `:new`."""

    table: str
    cipher: str
    change: str
    key: str = "id::text"


_HELD = "decode(substr(content->>'identity_cipher', 3), 'hex')"
ENCRYPTED = (
    Encrypted("person", "identity_cipher", "identity_cipher = n.cipher"),
    Encrypted("leisure_pass", "number_cipher", "number_cipher = n.cipher"),
    Encrypted("letter", "content", "content = n.cipher"),
    Encrypted("kept_answer", "answer", "answer = n.cipher"),
    Encrypted("season_draw", "seed", "seed = n.cipher", "season_id::text"),
    Encrypted("allocation_run", "problem", "problem = n.cipher"),
    Encrypted("allocation_run", "plan", "plan = n.cipher"),
    Encrypted("offer_needs", "content", "content = n.cipher", "offer_id::text"),
    Encrypted("offer_contact", "content", "content = n.cipher", "offer_id::text"),
    Encrypted("second_factor", "secret_cipher", "secret_cipher = n.cipher"),
    # A held row keeps the staged row as JSON, bytes as PostgreSQL writes them.
    Encrypted(
        "held_row",
        f"CASE WHEN content->>'identity_cipher' LIKE '\\\\x%' THEN {_HELD} END",
        "content = jsonb_set(content, '{identity_cipher}', to_jsonb(n.cipher))",
        "concat_ws('/', import_id::text, lpad(line::text, 9, '0'), file)",
    ),
)


class KeyUse(msgspec.Struct, frozen=True):
    """How many rows stand under a key, by table; `current` is the one that encrypts, `known` one in the key file."""

    key: int
    current: bool
    known: bool
    rows: dict[str, int]


class Reencrypted(msgspec.Struct, frozen=True):
    """Rows that were encrypted anew, by table, and how many are left because somebody was changing them."""

    key: int
    rows: dict[str, int]
    left: int


def tenants(database: Database) -> list[UUID]:
    """Every tenant of the installation."""
    with database.transaction() as session:
        return list(session.execute(text("SELECT id FROM directory.list_tenants()")).scalars())


def holders(database: Database) -> list[UUID]:
    """Everybody under whom something stands encrypted: the installation itself and every tenant."""
    return [INSTALLATION, *tenants(database)]


def key_use(database: Database, keys: KeyRing) -> list[KeyUse]:
    """Which key encrypts how many rows, over all tenants."""
    rows: dict[int, dict[str, int]] = {key_id: {} for key_id in keys.key_ids}
    for tenant_id in holders(database):
        with database.transaction(tenant_id) as session:
            for of in ENCRYPTED:
                for key_id, count in session.execute(text(_USE.format(of=of))):
                    of_key = rows.setdefault(key_id, {})
                    of_key[of.table] = of_key.get(of.table, 0) + count
    with database.transaction() as session:
        # E-mails on their way are sealed too; they are not encrypted anew, but sent.
        for key_id, count in session.execute(text(_WAITING)):
            rows.setdefault(key_id, {})["e-mails waiting"] = count
    current = keys.current[0][0]
    return [KeyUse(key_id, key_id == current, key_id in keys.key_ids, rows[key_id]) for key_id in sorted(rows)]


_USE = """
    SELECT get_byte(substring({of.cipher} FROM 1 FOR 1), 0), count(*) FROM {of.table}
    WHERE length({of.cipher}) > 0 GROUP BY 1
"""


_WAITING = f"""
    SELECT get_byte(decode(args->>'sealed', 'base64'), 0), count(*) FROM {SCHEMA}.procrastinate_jobs
    WHERE args ? 'sealed' AND status IN ('todo', 'doing') GROUP BY 1
"""


def rotate(database: Database, keys: KeyRing, actor: Actor) -> int:
    """Add a key and encrypt with it from now on; returns its id."""
    keys.rotate()
    key_id = keys.current[0][0]
    _tell(database, actor, "care.keys.rotate", key_id)
    return key_id


def reencrypt(database: Database, keys: KeyRing, tenant_id: UUID, actor: Actor, progress: Progress) -> Reencrypted:
    """Encrypt everything of a tenant with the current key that stands under another.

    Rows that somebody is changing at the moment are passed over and tried once more at the end.
    """
    secrets, key_id = keys.for_tenant(tenant_id), keys.current[0][0]
    rows = {of.table: 0 for of in ENCRYPTED}
    for of in ENCRYPTED * 2:
        for done in _chunks(database, secrets, tenant_id, key_id, of):
            rows[of.table] += done
            progress.at(f"Encrypting {of.table} anew", rows[of.table])
    with database.transaction(tenant_id) as session:
        left = sum(_under_others(session, of, key_id) for of in ENCRYPTED)
        # The installation has no trail of its own; every tenant's tells of the rotation.
        if tenant_id != INSTALLATION:
            details = {"key": key_id, "rows": rows}
            record(session, tenant_id, actor, "care.keys.reencrypt", ("tenant", tenant_id), details=details)
    return Reencrypted(key_id, rows, left)


def _under_others(session: Session, of: Encrypted, key_id: int) -> int:
    query = f"SELECT count(*) FROM {of.table} WHERE {_under_another(of)}"
    return int(session.execute(text(query), {"key": key_id}).scalar_one())


def _under_another(of: Encrypted) -> str:
    return f"length({of.cipher}) > 0 AND get_byte(substring({of.cipher} FROM 1 FOR 1), 0) <> :key"


def _chunks(database: Database, secrets: TenantSecrets, tenant_id: UUID, key_id: int, of: Encrypted) -> Iterator[int]:
    order = "id" if of.key == "id::text" else of.key
    after: str | None = None
    while True:
        with database.transaction(tenant_id) as session:
            beyond = "true" if after is None else f"{order} > {'CAST(:after AS uuid)' if order == 'id' else ':after'}"
            found = session.execute(
                text(
                    f"""SELECT {of.key} AS key, {of.cipher} AS cipher FROM {of.table}
                    WHERE {_under_another(of)} AND {beyond}
                    ORDER BY {order} LIMIT :most FOR NO KEY UPDATE SKIP LOCKED"""
                ),
                {"key": key_id, "most": ROWS_PER_CHUNK} | ({} if after is None else {"after": after}),
            ).all()
            if not found:
                return
            after = found[-1].key
            fresh = [secrets.encrypt_bytes(secrets.decrypt_bytes(bytes(row.cipher))) for row in found]
            match = f"{of.table}.id = CAST(n.key AS uuid)" if order == "id" else f"{of.key} = n.key"
            session.execute(
                text(
                    f"""UPDATE {of.table} SET {of.change}
                    FROM unnest(CAST(:keys AS text[]), CAST(:fresh AS bytea[])) AS n (key, cipher) WHERE {match}"""
                ),
                {"keys": [row.key for row in found], "fresh": fresh},
            )
        yield len(found)


def retire(database: Database, keys: KeyRing, key_id: int, actor: Actor) -> None:
    """Take a key out of the key file for good; refused while anything stands under it or may yet be written with it."""
    if key_id in keys.key_ids and key_id != keys.current[0][0]:
        _require_unused(database, keys, key_id)
        _await_others(database, keys)
        _require_unused(database, keys, key_id)
    keys.retire(key_id)
    _tell(database, actor, "care.keys.retire", key_id)


def _require_unused(database: Database, keys: KeyRing, key_id: int) -> None:
    left = {use.key: use.rows for use in key_use(database, keys)}.get(key_id)
    if left:
        told = ", ".join(f"{count:,} of {table}" for table, count in left.items())
        raise Conflict(
            "Key {key} still encrypts rows ({uses}). Run `medspiller keys reencrypt` first.", key=key_id, uses=told
        )


def _await_others(database: Database, keys: KeyRing) -> None:
    """Wait until nobody writes with the old key any more: every process has looked at the key file since it was
    changed, and every transaction that began before that has ended.
    """
    if time.time() - keys.path.stat().st_mtime < _LONG_HEARD_SECONDS:
        time.sleep(LOOK_AGAIN_SECONDS * 1.2)
    with database.transaction() as session:
        begun = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with database.transaction() as session:
            if session.execute(text(_ALL_BEGAN_LATER), {"begun": begun}).scalar_one():
                return
        if time.monotonic() > give_up:
            raise Conflict("Something long is at work and may need the key. Retire it when that is done.")
        time.sleep(0.2)


# Of its own role the application sees every transaction, also one that has encrypted and written nothing yet.
_ALL_BEGAN_LATER = """SELECT NOT EXISTS (SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
        AND xact_start < :begun)"""


def _tell(database: Database, actor: Actor, action: str, key_id: int) -> None:
    for tenant_id in tenants(database):
        with database.transaction(tenant_id) as session:
            record(session, tenant_id, actor, action, ("tenant", tenant_id), details={"key": key_id})
