"""Handing tasks to procrastinate on the connection of our own transaction: a task is carried if and only if it commits.

Whatever is handed over lies in the queue as readable JSON and stands in no tenant: personal data is sealed first.
"""

import logging
from datetime import timedelta

from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import text
from sqlmodel import Session

SCHEMA = "procrastinate"
DEFAULT_QUEUE = "default"
# Never opened: it writes on the connection of our own transaction.
_APP = App(connector=SyncPsycopgConnector())
# Below a warning it logs the arguments of every task.
logging.getLogger("procrastinate").setLevel(logging.WARNING)


def defer(
    session: Session, task: str, queueing_lock: str | None = None, *, queue: str = DEFAULT_QUEUE, **arguments: str | int
) -> bool:
    """Hand a task over in this transaction, to be done once it has committed.

    False where a task with the same `queueing_lock` waits already; then nothing is handed over. A worker does the tasks
    of a queue one after the other.
    """
    connection = session.connection().connection.driver_connection
    deferrer = _APP.configure_task(task, connection=connection, queue=queue, queueing_lock=queueing_lock)
    try:
        # A lock that is taken spoils the savepoint and not the caller's transaction.
        with session.begin_nested():
            session.execute(text(f"SET LOCAL search_path = {SCHEMA}"))
            deferrer.defer(**arguments)
            session.execute(text("SET LOCAL search_path TO DEFAULT"))
    except AlreadyEnqueued:
        return False
    return True


def forget_dead_workers(session: Session, dead_after: timedelta) -> None:
    """Remove workers that have not been heard for so long; what they were at is nobody's then."""
    session.execute(
        text(f"DELETE FROM {SCHEMA}.procrastinate_workers WHERE last_heartbeat < now() - CAST(:dead AS interval)"),
        {"dead": dead_after},
    )


def take_up_again(session: Session) -> None:
    """Let the tasks that dead workers were at be done again, as one more attempt."""
    session.execute(
        text(
            f"""SELECT {SCHEMA}.procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL)
            FROM {SCHEMA}.procrastinate_jobs WHERE status = 'doing' AND worker_id IS NULL"""
        )
    )
