"""Bringing the database's schema to the one this program needs."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, text

from service.errors import Refused

_MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_LOCK = 5_470_001


def upgrade(owner_url: str, app_role: str) -> str:
    """Run the missing migrations as the owner; returns the schema's revision.

    A database lock lets one process migrate at a time; the second finds nothing left to do.
    """
    config = _config()
    head = ScriptDirectory.from_config(config).get_current_head() or ""
    if current(owner_url) == head:
        return head
    engine = create_engine(owner_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
        config.attributes.update(connection=connection, app_role=app_role)
        command.upgrade(config, "head")
    return head


def current(owner_url: str) -> str | None:
    """The revision the database stands at, or None where it is empty."""
    with create_engine(owner_url, poolclass=NullPool).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def require_current(owner_url: str) -> None:
    """Refuse to work on a database whose schema is another program version's."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if current(owner_url) != head:
        raise Refused("The database's schema is not this program's. Run `medspiller database upgrade` first.")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
