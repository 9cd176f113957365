"""A whole year of the timetable, in two time zones, with a machine that sleeps now and then."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import text

from jobs.timetable import TIMETABLE
from service.database.engine import Database
from service.identity.actions import Municipality
from service.jobs.actions import tick
from service.jobs.queries import unfinished
from service.jobs.running import run
from service.jobs.work import Place, places
from service.settings import Settings
from service.values import clock
from tests.conftest import Medspiller
from tests.jobs.conftest import as_owner, probed
from tests.jobs.expected import Expected, expected_runs

PROBED = probed(TIMETABLE)
JOBS = {job.name: job for job in PROBED}
BEGIN = datetime(2026, 1, 1, 8, tzinfo=UTC)
END = datetime(2027, 1, 1, 8, tzinfo=UTC)
AROUND = timedelta(hours=8)
ASLEEP = (timedelta(hours=60), timedelta(days=20))


def _looks() -> list[datetime]:
    """When a worker looks at the clock: every hour around the changes of the clock, else every 16 to 72 hours."""
    random, now, looks = Random(1), BEGIN, [BEGIN]
    changes = [datetime(2026, *day, 1, tzinfo=UTC) for day in ((3, 8), (3, 29), (10, 25), (11, 1))]
    while now < END:
        if random.random() < 0.02:
            now += random.choice(ASLEEP)
        elif any(abs(now - change) < AROUND for change in changes):
            now += timedelta(hours=1)
        else:
            begins = [begin for change in changes if (begin := change - AROUND + timedelta(hours=1)) > now]
            now = min([now + timedelta(hours=random.randint(16, 72)), *begins])
        looks.append(now)
    assert all(sum(abs(look - change) < AROUND for look in looks) == 15 for change in changes)
    return looks


def _work(database: Database, settings: Settings, everywhere: list[Place]) -> None:
    tick(database, PROBED)
    for place in everywhere:
        with database.transaction(place.id) as session:
            queued = unfinished(session, list(JOBS))
        for name, period in queued:
            assert run(database, settings, JOBS[name], place, period, retried=True) is not None
    with database.transaction() as session:
        session.execute(text("DELETE FROM procrastinate.procrastinate_jobs"))


def test_a_year(municipality: Municipality, medspiller: Medspiller, database: Database, now_settings: Settings) -> None:
    medspiller("municipality", "add", "0301", "Nyborg", "--country", "no")
    as_owner(database, "UPDATE directory.tenant SET time_zone = 'America/New_York' WHERE code = '0301'")
    as_owner(database, "UPDATE directory.tenant SET created_at = :at", at=BEGIN)
    with database.transaction() as session:
        everywhere = places(session)
    looks = _looks()
    for look in looks:
        clock.pin(look)
        _work(database, now_settings, everywhere)
    rows = as_owner(database, "SELECT tenant_id, job, period, state, due_at, finished_at FROM job_run")
    noted = {(row.tenant_id, row.job, row.period): row for row in rows}
    effects = Counter(
        (row.tenant_id, row.job, row.period)
        for row in as_owner(
            database,
            """SELECT tenant_id, details->>'job' AS job, details->>'period' AS period
            FROM audit_entry WHERE action = 'probe'""",
        )
    )
    assert set(effects.values()) == {1}
    assert set(effects) == {key for key, row in noted.items() if row.state == "done"}
    expected = expected_runs(everywhere, BEGIN, looks)
    assert {key: Expected(row.due_at, row.state, row.finished_at) for key, row in noted.items()} == expected
    assert Counter(row.state for row in rows)["missed"] > 30
    assert len({row.period for row in rows if row.job == "refresh-month" and row.state == "done"}) >= 11
