"""Handing runs to procrastinate, which carries them to a worker and again after a failure.

It carries a run's key and nothing else: what is to be done, and whether it is done, stands in the run log. A run that
is carried twice is therefore done once, and one whose carrier was lost is handed over again.
"""

import json
from datetime import timedelta
from uuid import UUID

from procrastinate import App, SyncPsycopgConnector
from sqlalchemy import text
from sqlmodel import Session

TASK = "medspiller.run"
SCHEMA = "procrastinate"
# Never opened: it writes on the connection of our own transaction.
_APP = App(connector=SyncPsycopgConnector())


def carry(session: Session, tenant_id: UUID, job: str, period: str) -> None:
    """Hand a run over in this transaction: it is carried if and only if this commits."""
    connection = session.connection().connection.driver_connection
    session.execute(text(f"SET LOCAL search_path = {SCHEMA}"))
    _APP.configure_task(TASK, connection=connection).defer(**_key(tenant_id, job, period))
    session.execute(text("SET LOCAL search_path TO DEFAULT"))


def is_carried(session: Session, tenant_id: UUID, job: str, period: str) -> bool:
    """Whether a run is on its way to a worker, or with one that lives."""
    found: bool = session.execute(
        text(
            f"""SELECT EXISTS (SELECT FROM {SCHEMA}.procrastinate_jobs WHERE args @> CAST(:key AS jsonb)
            AND (status = 'todo' OR status = 'doing' AND worker_id IS NOT NULL))"""
        ),
        {"key": json.dumps(_key(tenant_id, job, period))},
    ).scalar_one()
    return found


def forget_dead(session: Session, dead_after: timedelta) -> None:
    """Remove workers that have not been heard for so long, and what they carried."""
    session.execute(
        text(f"DELETE FROM {SCHEMA}.procrastinate_workers WHERE last_heartbeat < now() - CAST(:dead AS interval)"),
        {"dead": dead_after},
    )
    session.execute(text(f"DELETE FROM {SCHEMA}.procrastinate_jobs WHERE status = 'doing' AND worker_id IS NULL"))


def _key(tenant_id: UUID, job: str, period: str) -> dict[str, str]:
    return {"tenant": str(tenant_id), "job": job, "period": period}
