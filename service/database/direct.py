"""Statements of hot paths, executed by the driver alone, in the transaction of the session.

SQLAlchemy takes about ten times the driver's own time for a statement with a dozen values, more than the database takes
for it. What is asked a thousand times a second goes this way; everything else is clearer through the session.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session


def array_of(values: Iterable[object]) -> str:
    """An array of ids, numbers and codes as the database writes it: the driver looks a list through several times."""
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def fetch_one(session: Session, statement: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """The one row that a statement gives; its values are written `%(name)s`. Errors are those of SQLAlchemy."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    try:
        row = connection.execute(statement, values).fetchone()
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error, hide_parameters=True) from error
    if row is None:
        raise LookupError("The statement gives no row.")
    return tuple(row)
