"""The key ring that belongs to a database: found by its fingerprint, so that a foreign one never encrypts a row."""

from pathlib import Path

from sqlalchemy import NullPool, create_engine, text

from service.database.engine import Database
from service.errors import Refused
from service.values.secrecy import KeyRing


def key_file(home: Path) -> Path:
    """Where an installation keeps its keys."""
    return home / "keys" / "identity.json"


def open_keys(database: Database) -> KeyRing:
    """The key ring of the installation; made where neither it nor anything encrypted exists yet.

    Refused where the database was written with another key file: a new one would find nobody again and read nothing.
    """
    path = key_file(database.home)
    # A connection beside the pool: the caller may hold the only one of it.
    with create_engine(database.engine.url, poolclass=NullPool, hide_parameters=True).begin() as connection:
        known, in_use = connection.execute(text("SELECT fingerprint, in_use FROM directory.key_file()")).one()
        if not path.exists() and (known is not None or in_use):
            raise Refused(
                "The key file {file}, which this database was written with, is missing; restore it first.", file=path
            )
        ring = KeyRing.open(path)
        if known is None:
            keep = text("SELECT directory.keep_key_file(:fingerprint)")
            known = connection.execute(keep, {"fingerprint": ring.fingerprint}).scalar_one()
    if bytes(known) != ring.fingerprint:
        raise Refused(
            "The key file {file} is not the one this database was written with; put that one in its place.", file=path
        )
    return ring
