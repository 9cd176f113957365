"""Handing runs to procrastinate, which carries them to a worker and again after a failure.

It carries a run's key and nothing else: what is to be done, and whether it is done, stands in the run log. A run that
is carried twice is therefore done once, and one whose carrier was lost is handed over again.
"""

import json
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.database.tasks import SCHEMA, defer, forget_dead_workers, take_up_again

TASK = "medspiller.run"


def carry(session: Session, tenant_id: UUID, job: str, period: str) -> None:
    """Hand a run over in this transaction: it is carried if and only if this commits."""
    defer(session, TASK, **_key(tenant_id, job, period))


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
    """Remove workers that have not been heard for so long, and the runs they carried; other tasks are done again."""
    forget_dead_workers(session, dead_after)
    session.execute(
        text(
            f"""DELETE FROM {SCHEMA}.procrastinate_jobs
            WHERE status = 'doing' AND worker_id IS NULL AND task_name = :task"""
        ),
        {"task": TASK},
    )
    take_up_again(session)


def _key(tenant_id: UUID, job: str, period: str) -> dict[str, str]:
    return {"tenant": str(tenant_id), "job": job, "period": period}
